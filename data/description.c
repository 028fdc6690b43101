/* SPDX-License-Identifier: Apache-2.0 */
/* Reads descriptions: doc/cost-model.md 2. */
#include "data/description.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/csv.h"
#include "data/json.h"

enum { MAX_BYTES = 1 << 20, MAX_BASES = 4, MAX_PATH_LENGTH = 4096 };

/* An open file and the parts of it that matter. `root` owns everything. */
struct document {
    json_t *root;
    struct qoq_json_object top, values, sources;
    const char *base;           /* NULL where there is none */
    const char *table, *kernel; /* of counted instructions; NULL where there are none */
    const char *source;         /* the file's default; NULL where there is none */
};

static enum qoq_status refuse_unknown(const struct qoq_json_object *object,
                                      const char *const *known, size_t count)
{
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)object->node, key, value)
    {
        size_t i = 0;
        while (i < count && strcmp(key, known[i]) != 0) {
            i++;
        }
        if (i == count) {
            return qoq_json_fail(object, QOQ_ERR_FORMAT, key, "no such field");
        }
    }
    return QOQ_OK;
}

static enum qoq_status check_header(struct document *doc, const struct qoq_field_table *table)
{
    static const char *const known[] = {"format",  "version", "title", "source", "base",
                                        "sources", "values",  "notes", "counts"};
    const char *format = NULL, *notes = NULL;
    char want[32];
    size_t version = 0;
    enum qoq_status status;

    if ((status = refuse_unknown(&doc->top, known, sizeof known / sizeof known[0])) != QOQ_OK ||
        (status = qoq_json_get_string(&format, &doc->top, "format", QOQ_JSON_NEED)) != QOQ_OK) {
        return status;
    }
    snprintf(want, sizeof want, "qoq-%s", table->kind);
    if (strcmp(format, want) != 0) {
        return qoq_json_fail(&doc->top, QOQ_ERR_FORMAT, "format", "expected \"%s\"", want);
    }
    if ((status = qoq_json_get_size(&version, &doc->top, "version", QOQ_JSON_NEED, 1, 1)) !=
            QOQ_OK ||
        (status = qoq_json_get_string(&notes, &doc->top, "notes", QOQ_JSON_MAY)) != QOQ_OK ||
        (status = qoq_json_get_string(&doc->source, &doc->top, "source", QOQ_JSON_MAY)) != QOQ_OK) {
        return status;
    }
    return qoq_json_get_string(&doc->base, &doc->top, "base", QOQ_JSON_MAY);
}

/* "counts": the table of data/counts/ and the kernel in it whose rows are values too. */
static enum qoq_status check_counts(struct document *doc)
{
    static const char *const known[] = {"table", "kernel"};
    struct qoq_json_object counts;
    enum qoq_status status = qoq_json_child(&counts, &doc->top, "counts");

    if (status != QOQ_OK || !counts.node) {
        return status;
    }
    if ((status = refuse_unknown(&counts, known, 2)) != QOQ_OK ||
        (status = qoq_json_get_string(&doc->table, &counts, "table", QOQ_JSON_NEED)) != QOQ_OK ||
        (status = qoq_json_get_string(&doc->kernel, &counts, "kernel", QOQ_JSON_NEED)) != QOQ_OK) {
        return status;
    }
    return doc->table[0] && doc->table[0] != '.' && !strchr(doc->table, '/')
               ? QOQ_OK
               : qoq_json_fail(&counts, QOQ_ERR_FORMAT, "table",
                               "must be the name of a table in ../counts, without suffix");
}

static void close_document(struct document *doc)
{
    json_decref(doc->root);
    doc->root = NULL;
}

/* Opens and checks everything but the values. Close with close_document, also after a failure. */
static enum qoq_status open_document(struct document *doc, const struct qoq_field_table *table,
                                     const char *path, struct qoq_error *err)
{
    enum qoq_status status;

    memset(doc, 0, sizeof *doc);
    if ((status = qoq_json_load(&doc->root, path, MAX_BYTES, err)) != QOQ_OK ||
        (status = qoq_json_root(&doc->top, doc->root, path, err)) != QOQ_OK ||
        (status = check_header(doc, table)) != QOQ_OK || (status = check_counts(doc)) != QOQ_OK ||
        (status = qoq_json_child(&doc->sources, &doc->top, "sources")) != QOQ_OK ||
        (status = qoq_json_child(&doc->values, &doc->top, "values")) != QOQ_OK) {
        return status;
    }
    if (!doc->values.node) {
        return qoq_json_fail(&doc->top, QOQ_ERR_FORMAT, "values", "missing");
    }
    return QOQ_OK;
}

/* A value's own source must be a key of "sources"; a bare number needs the file's. */
static enum qoq_status check_source(const char **source, const char **doubt,
                                    const struct document *doc, const struct qoq_json_object *entry,
                                    const char *key)
{
    static const char *const known[] = {"value", "source", "uncertain"};
    const char *name = NULL;
    enum qoq_status status;

    *source = doc->source;
    *doubt = NULL;
    if (entry->node) {
        if ((status = refuse_unknown(entry, known, sizeof known / sizeof known[0])) != QOQ_OK ||
            (status = qoq_json_get_string(&name, entry, "source", QOQ_JSON_MAY)) != QOQ_OK ||
            (status = qoq_json_get_string(doubt, entry, "uncertain", QOQ_JSON_MAY)) != QOQ_OK) {
            return status;
        }
    }
    if (name) {
        if (!doc->sources.node) {
            return qoq_json_fail(&doc->values, QOQ_ERR_FORMAT, key,
                                 "names source \"%.60s\", but the file has no \"sources\"", name);
        }
        return qoq_json_get_string(source, &doc->sources, name, QOQ_JSON_NEED);
    }
    if (!*source || !**source) {
        return qoq_json_fail(&doc->values, QOQ_ERR_FORMAT, key,
                             "has no source, and neither has the file");
    }
    return QOQ_OK;
}

/* Reads one value, {"value": 1, ...} or a bare number. */
static enum qoq_status read_value(double *value, const char **source, const char **doubt,
                                  const struct document *doc, const struct qoq_field *field)
{
    struct qoq_json_object entry = doc->values;
    const json_t *node = qoq_json_member(&doc->values, field->name);
    char path[128];
    enum qoq_status status;

    entry.node = NULL;
    if (json_is_object(node)) {
        snprintf(path, sizeof path, "values.%s", field->name);
        entry.node = node;
        entry.field = path;
        status = qoq_json_get_double(value, &entry, "value", QOQ_JSON_NEED, field->lo, field->hi);
    } else {
        status = qoq_json_get_double(value, &doc->values, field->name, QOQ_JSON_NEED, field->lo,
                                     field->hi);
    }
    return status != QOQ_OK ? status : check_source(source, doubt, doc, &entry, field->name);
}

static enum qoq_status read_values(void *description, char *given,
                                   const struct qoq_field_table *table, const struct document *doc)
{
    const char *key, *source, *doubt, *reason;
    json_t *node;
    enum qoq_status status;
    double value;

    json_object_foreach((json_t *)doc->values.node, key, node)
    {
        const struct qoq_field *field = qoq_field_find(table, key);
        if (!field) {
            return qoq_json_fail(&doc->values, QOQ_ERR_FORMAT, key, "no such field of a %s",
                                 table->kind);
        }
        if ((status = read_value(&value, &source, &doubt, doc, field)) != QOQ_OK) {
            return status;
        }
        if ((reason = qoq_field_set(description, field, value)) != NULL) {
            return qoq_json_fail(&doc->values, QOQ_ERR_RANGE, key, "%s", reason);
        }
        given[field - table->field] = 1;
    }
    return QOQ_OK;
}

/* A row of a table of counts: so many operations over so many of what the field counts. */
static enum qoq_status read_count(void *description, char *given,
                                  const struct qoq_field_table *table, const struct document *doc,
                                  const struct qoq_csv *csv, size_t row, const size_t *column,
                                  struct qoq_error *err)
{
    const char *name = qoq_csv_text(csv, row, column[1]), *reason;
    const struct qoq_field *field = qoq_field_find(table, name);
    double operations, per;
    enum qoq_status status;

    if (!field) {
        return qoq_fail(err, QOQ_ERR_FORMAT, csv->file, name, "no such field of a %s", table->kind);
    }
    if (qoq_json_member(&doc->values, name)) {
        return qoq_json_fail(&doc->values, QOQ_ERR_FORMAT, name,
                             "also counted: kernel %.60s of table %.60s", doc->kernel, doc->table);
    }
    if ((status = qoq_csv_number(&operations, csv, row, column[2], 0, 1e15, 0, err)) != QOQ_OK ||
        (status = qoq_csv_number(&per, csv, row, column[3], 1, 1e15, 0, err)) != QOQ_OK) {
        return status;
    }
    if ((reason = qoq_field_set(description, field, operations / per)) != NULL) {
        return qoq_fail(err, QOQ_ERR_RANGE, csv->file, name, "%s", reason);
    }
    given[field - table->field] = 1;
    return QOQ_OK;
}

static enum qoq_status read_rows(void *description, char *given,
                                 const struct qoq_field_table *table, const struct document *doc,
                                 const struct qoq_csv *csv, struct qoq_error *err)
{
    static const char *const names[] = {"kernel", "field", "operations", "per"};
    size_t column[4], rows = 0;
    enum qoq_status status = QOQ_OK;

    for (size_t i = 0; i < 4 && status == QOQ_OK; i++) {
        status = qoq_csv_column(&column[i], csv, names[i], err);
    }
    for (size_t row = 0; row < csv->rows && status == QOQ_OK; row++) {
        if (strcmp(qoq_csv_text(csv, row, column[0]), doc->kernel) == 0) {
            status = read_count(description, given, table, doc, csv, row, column, err);
            rows++;
        }
    }
    return status != QOQ_OK || rows > 0
               ? status
               : qoq_json_fail(&doc->top, QOQ_ERR_FORMAT, "counts.kernel",
                               "table %.60s has no kernel %.60s", doc->table, doc->kernel);
}

/* The values that doc->table, DIR/../counts/TABLE.csv, has for doc->kernel. */
static enum qoq_status read_counts(void *description, char *given,
                                   const struct qoq_field_table *table, const struct document *doc,
                                   const char *path, struct qoq_error *err)
{
    const char *slash = strrchr(path, '/');
    int directory = slash ? (int)(slash + 1 - path) : 0;
    char *name = malloc(MAX_PATH_LENGTH);
    struct qoq_csv csv;
    enum qoq_status status;

    if (!name) {
        return qoq_fail_memory(err, path, NULL, MAX_PATH_LENGTH);
    }
    int length =
        snprintf(name, MAX_PATH_LENGTH, "%.*s../counts/%s.csv", directory, path, doc->table);
    if (length < 0 || length >= MAX_PATH_LENGTH) {
        free(name);
        return qoq_json_fail(&doc->top, QOQ_ERR_FORMAT, "counts.table", "path too long");
    }
    status = qoq_csv_read(&csv, name, err);
    if (status == QOQ_OK) {
        status = read_rows(description, given, table, doc, &csv, err);
    }
    qoq_csv_free(&csv);
    free(name);
    return status;
}

/* "DIR/a.json" and base "b" give "DIR/b.json", keeping everything after the first dot of the name
 * (".shape.json"). */
static enum qoq_status base_path(char *out, const char *path, const struct document *doc)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    const char *suffix = strchr(name, '.');

    if (!doc->base[0] || strchr(doc->base, '/') || doc->base[0] == '.') {
        return qoq_json_fail(&doc->top, QOQ_ERR_FORMAT, "base",
                             "must be the name of a file beside this one, without suffix");
    }
    int length = snprintf(out, MAX_PATH_LENGTH, "%.*s%s%s", (int)(name - path), path, doc->base,
                          suffix ? suffix : "");
    if (length < 0 || length >= MAX_PATH_LENGTH) {
        return qoq_json_fail(&doc->top, QOQ_ERR_FORMAT, "base", "path too long");
    }
    return QOQ_OK;
}

/* Bases first, so that the file itself has the last word. */
static enum qoq_status load_chain(void *description, char *given,
                                  const struct qoq_field_table *table, const char *path, int depth,
                                  struct qoq_error *err)
{
    struct document doc;
    char *base = malloc(MAX_PATH_LENGTH);
    enum qoq_status status = base ? open_document(&doc, table, path, err)
                                  : qoq_fail_memory(err, path, NULL, MAX_PATH_LENGTH);

    if (!base) {
        return status;
    }
    if (status == QOQ_OK && doc.base) {
        if (depth >= MAX_BASES) {
            status = qoq_json_fail(&doc.top, QOQ_ERR_FORMAT, "base", "more than %d files deep",
                                   MAX_BASES);
        } else if ((status = base_path(base, path, &doc)) == QOQ_OK) {
            status = load_chain(description, given, table, base, depth + 1, err);
        }
    }
    if (status == QOQ_OK) {
        const char *title = path;
        status = qoq_json_get_string(&title, &doc.top, "title", QOQ_JSON_NEED);
        snprintf(((struct qoq_description *)description)->title, QOQ_DESCRIPTION_TITLE, "%s",
                 title);
    }
    if (status == QOQ_OK && doc.table) {
        status = read_counts(description, given, table, &doc, path, err);
    }
    if (status == QOQ_OK) {
        status = read_values(description, given, table, &doc);
    }
    close_document(&doc);
    free(base);
    return status;
}

static enum qoq_status check_needed(const char *given, const struct qoq_field_table *table,
                                    const char *path, struct qoq_error *err)
{
    for (size_t i = 0; i < table->count; i++) {
        if ((table->field[i].flags & QOQ_FIELD_NEED) && !given[i]) {
            return qoq_fail(err, QOQ_ERR_FORMAT, path, table->field[i].name,
                            "missing: a %s needs it (%s)", table->kind, table->field[i].meaning);
        }
    }
    return QOQ_OK;
}

static void take_name(struct qoq_description *out, const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    size_t length = strcspn(name, ".");

    snprintf(out->name, sizeof out->name, "%.*s",
             (int)(length < sizeof out->name ? length : sizeof out->name - 1), name);
}

enum qoq_status qoq_description_load(void *description, const struct qoq_field_table *table,
                                     const char *path, struct qoq_error *err)
{
    char *given = calloc(table->count, 1);
    enum qoq_status status;

    if (!given) {
        return qoq_fail_memory(err, path, NULL, table->count);
    }
    qoq_field_reset(description, table);
    status = load_chain(description, given, table, path, 0, err);
    if (status == QOQ_OK) {
        status = check_needed(given, table, path, err);
    }
    take_name(description, path);
    free(given);
    return status;
}

static enum qoq_status find_source(char *text, size_t bytes, const struct qoq_field_table *table,
                                   const char *path, const char *name, int depth,
                                   struct qoq_error *err)
{
    const struct qoq_field *field = qoq_field_find(table, name);
    const char *source = NULL, *doubt = NULL;
    struct document doc;
    char *base = malloc(MAX_PATH_LENGTH);
    double value;
    enum qoq_status status = base ? open_document(&doc, table, path, err)
                                  : qoq_fail_memory(err, path, NULL, MAX_PATH_LENGTH);

    if (!base) {
        return status;
    }
    if (status == QOQ_OK && field && qoq_json_member(&doc.values, name)) {
        if ((status = read_value(&value, &source, &doubt, &doc, field)) == QOQ_OK) {
            snprintf(text, bytes, doubt ? "%s [uncertain: %s]" : "%s", source, doubt);
        }
    } else if (status == QOQ_OK && doc.table && field && strchr(name, '.')) {
        /* Fields of the form PLACE.CLASS are what a table of counts has. */
        snprintf(text, bytes,
                 "counted on the emulator: %s in counts/%s.csv (0 where it has no row)", doc.kernel,
                 doc.table);
    } else if (status == QOQ_OK && doc.base && depth < MAX_BASES &&
               (status = base_path(base, path, &doc)) == QOQ_OK) {
        status = find_source(text, bytes, table, base, name, depth + 1, err);
    }
    close_document(&doc);
    free(base);
    return status;
}

enum qoq_status qoq_description_source(char *text, size_t bytes,
                                       const struct qoq_field_table *table, const char *path,
                                       const char *field, struct qoq_error *err)
{
    text[0] = '\0';
    return find_source(text, bytes, table, path, field, 0, err);
}
