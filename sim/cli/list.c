/* SPDX-License-Identifier: Apache-2.0 */
/* qoq sim list: the descriptions at hand, or the fields of a kind with values and sources. */
#include <config.h>

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/data_directory.h"
#include "data/description.h"
#include "sim/cli/help.h"
#include "sim/cli/options.h"

static const char help[] = "Usage: qoq sim list [KIND [NAME]] [OPTION]...\n"
                           "Without KIND the GPUs, schemes, caches and models at hand. With KIND "
                           "(gpu, scheme, kv, model, work or\n"
                           "cal) the fields of --set; with NAME also that description's values, "
                           "and where they come from.\n"
                           "\n" QOQ_SIM_HELP_COMMON;

static const struct qoq_sim_column name_columns[] = {{"kind", 4}, {"name", 4}};
static const struct qoq_sim_column field_columns[] = {{"field", 4}, {"value", 8}, {"unit", 4},
                                                      {"least", 6}, {"most", 6},  {"meaning", 4},
                                                      {"source", 4}};

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Names in the directory that end in the suffix, sorted; returns their number, or -1 after a
 * message. */
static int read_names(char *names[256], const char *directory, const char *suffix)
{
    char path[QOQ_SIM_PATH];
    int count = 0;

    snprintf(path, sizeof path, "%s/%s", qoq_data_directory(), directory);
    DIR *open = opendir(path);
    if (!open) {
        qoq_cli_trouble("%s: %s (set QOQ_DATADIR?)", path, strerror(errno));
        return -1;
    }
    for (struct dirent *entry; count < 256 && (entry = readdir(open)) != NULL;) {
        size_t length = strlen(entry->d_name), tail = strlen(suffix);
        if (length > tail && strcmp(entry->d_name + length - tail, suffix) == 0 &&
            (names[count] = malloc(length + 1)) != NULL) {
            memcpy(names[count], entry->d_name, length - tail);
            names[count++][length - tail] = '\0';
        }
    }
    closedir(open);
    qsort(names, (size_t)count, sizeof names[0], by_name);
    return count;
}

static int list_directory(struct qoq_sim_table *table, const char *kind, const char *directory,
                          const char *suffix)
{
    char *names[256];
    int count = read_names(names, directory, suffix);

    for (int i = 0; i < count; i++) {
        qoq_sim_table_text(
            table, strcmp(kind, "scheme") == 0 && strncmp(names[i], "kv", 2) == 0 ? "kv" : kind);
        qoq_sim_table_text(table, names[i]);
        free(names[i]);
    }
    return count < 0 ? QOQ_EXIT_TROUBLE : -1;
}

static int list_names(const struct qoq_sim_options *options)
{
    struct qoq_sim_table table;
    int status;

    qoq_sim_table_begin(&table, "list", name_columns, 2);
    if ((status = list_directory(&table, "gpu", "gpus", ".json")) >= 0 ||
        (status = list_directory(&table, "scheme", "schemes", ".json")) >= 0 ||
        (status = list_directory(&table, "model", "models", ".shape.json")) >= 0) {
        qoq_sim_table_free(&table);
        return status;
    }
    return qoq_sim_print(options, &table, 1);
}

static int field_rows(struct qoq_sim_table *out, const struct qoq_field_table *table,
                      const void *part, const char *path)
{
    struct qoq_error error;
    char source[512];

    for (size_t i = 0; i < table->count; i++) {
        const struct qoq_field *field = &table->field[i];
        source[0] = '\0';
        if (path && qoq_description_source(source, sizeof source, table, path, field->name,
                                           &error) != QOQ_OK) {
            return qoq_cli_trouble("%s", error.text);
        }
        qoq_sim_table_text(out, field->name);
        qoq_sim_table_number(out, qoq_field_get(part, field));
        qoq_sim_table_text(out, field->unit);
        qoq_sim_table_number(out, field->lo);
        qoq_sim_table_number(out, field->hi);
        qoq_sim_table_text(out, field->meaning);
        qoq_sim_table_text(out, source);
    }
    return -1;
}

static int list_fields(const struct qoq_sim_options *options, const char *kind, const char *name)
{
    static const char *const files[] = {"gpu", "scheme", "kv", "model"};
    const struct qoq_field_table *table;
    struct qoq_sim_case it;
    struct qoq_sim_table out;
    struct qoq_error error;
    char path[QOQ_SIM_PATH];
    void *part;

    qoq_sim_case_reset(&it);
    if ((part = qoq_sim_case_part(&it, kind, strlen(kind), &table)) == NULL) {
        return qoq_cli_misuse("sim list", "sim list: %s: no such kind", kind);
    }
    for (size_t i = 0; name && i < 4; i++) {
        if (strcmp(kind, files[i]) == 0 &&
            (qoq_sim_find(path, (enum qoq_sim_kind)i, name, &error) != QOQ_OK ||
             qoq_sim_load(&it, (enum qoq_sim_kind)i, name, &error) != QOQ_OK)) {
            return qoq_cli_trouble("%s", error.text);
        }
    }
    int has_file = name && strcmp(kind, "work") != 0 && strcmp(kind, "cal") != 0;
    qoq_sim_table_begin(&out, "fields", field_columns,
                        sizeof field_columns / sizeof field_columns[0]);
    int status = field_rows(&out, table, part, has_file ? path : NULL);
    if (status >= 0) {
        qoq_sim_table_free(&out);
        return status;
    }
    return qoq_sim_print(options, &out, 1);
}

int qoq_sim_cli_list(int argc, char **argv)
{
    struct qoq_sim_options options;
    int status = qoq_sim_options_read(&options, "sim list", help, argc, argv);

    if (status >= 0) {
        return status;
    }
    int given = argc - options.argument;
    if (given > 2) {
        return qoq_cli_misuse("sim list", "sim list: at most a kind and a name");
    }
    return given == 0 ? list_names(&options)
                      : list_fields(&options, argv[options.argument],
                                    given > 1 ? argv[options.argument + 1] : NULL);
}
