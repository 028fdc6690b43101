/* SPDX-License-Identifier: Apache-2.0 */
/* Golden cases to and from HDF5 (doc/golden.md). */
#include "data/golden_file.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Longest object path: a case name, "/outputs/" and a tensor name. */
enum { OBJECT = 256, MAX_TENSORS = 32 };

/* ---- Writing ---- */

enum qoq_status qoq_golden_file_create(struct qoq_h5 **file, const char *path,
                                       struct qoq_error *err)
{
    enum qoq_status status = qoq_h5_create(file, path, err);

    if (status != QOQ_OK)
        return status;
    status = qoq_h5_put_format(*file, QOQ_GOLDEN_FORMAT, QOQ_GOLDEN_VERSION, err);
    if (status == QOQ_OK)
        status = qoq_h5_put_int(*file, "/", "numerics_version", QOQ_NUMERICS_VERSION, err);
    if (status != QOQ_OK)
        qoq_h5_close(file);
    return status;
}

static enum qoq_status put_layout(struct qoq_h5 *file, const char *object,
                                  const struct qoq_golden_tensor *t, struct qoq_error *err)
{
    int64_t sizes[4];
    size_t count = qoq_golden_layout_sizes(t->layout);
    enum qoq_status status;

    status = qoq_h5_put_string(file, object, "layout", qoq_golden_layout_name(t->layout), err);
    if (status == QOQ_OK && t->layout == QOQ_LAYOUT_ROWS)
        status = qoq_h5_put_string(file, object, "axes", t->axes, err);
    for (size_t i = 0; i < count; i++)
        sizes[i] = (int64_t)t->logical[i];
    if (status == QOQ_OK && count > 0)
        status = qoq_h5_put_ints(file, object, "logical", sizes, count, err);
    return status;
}

static enum qoq_status put_tensor(struct qoq_h5 *file, const char *case_name, const char *group,
                                  const struct qoq_golden_tensor *t, struct qoq_error *err)
{
    char object[OBJECT];
    struct qoq_tensor renamed = t->tensor;
    enum qoq_status status;

    snprintf(object, sizeof object, "%s/%s/%s", case_name, group, t->tensor.name);
    renamed.name = object;
    status = qoq_h5_write(file, &renamed, err);
    if (status == QOQ_OK)
        status = put_layout(file, object, t, err);
    if (status == QOQ_OK && t->rule[0] != 0)
        status = qoq_h5_put_string(file, object, "rule", t->rule, err);
    if (status == QOQ_OK && t->generator[0] != 0)
        status = qoq_h5_put_string(file, object, "generator", t->generator, err);
    if (status == QOQ_OK && t->stream >= 0)
        status = qoq_h5_put_int(file, object, "stream", t->stream, err);
    return status;
}

static enum qoq_status put_tensors(struct qoq_h5 *file, const char *case_name, const char *group,
                                   const struct qoq_golden_tensors *list, struct qoq_error *err)
{
    char object[OBJECT];
    enum qoq_status status;

    snprintf(object, sizeof object, "%s/%s", case_name, group);
    status = qoq_h5_make_group(file, object, err);
    for (size_t i = 0; i < list->count && status == QOQ_OK; i++)
        status = put_tensor(file, case_name, group, &list->item[i], err);
    return status;
}

static enum qoq_status put_bounds(struct qoq_h5 *file, const struct qoq_golden_case *c,
                                  struct qoq_error *err)
{
    enum qoq_status status = QOQ_OK;
    char object[OBJECT];

    for (size_t i = 0; i < c->bounds.count && status == QOQ_OK; i++) {
        struct qoq_tensor renamed = c->bounds.item[i];
        snprintf(object, sizeof object, "%s/bounds/%s", c->name, renamed.name);
        renamed.name = object;
        status = qoq_h5_write(file, &renamed, err);
    }
    return status;
}

static enum qoq_status put_parameters(struct qoq_h5 *file, const struct qoq_golden_case *c,
                                      struct qoq_error *err)
{
    const char *names[QOQ_GOLDEN_PARAMETERS];
    enum qoq_status status = QOQ_OK;

    for (size_t i = 0; i < c->parameters && status == QOQ_OK; i++) {
        const struct qoq_golden_parameter *p = &c->parameter[i];
        names[i] = p->name;
        status = p->is_real ? qoq_h5_put_double(file, c->name, p->name, p->real, err)
                            : qoq_h5_put_int(file, c->name, p->name, p->integer, err);
    }
    if (status == QOQ_OK && c->parameters > 0)
        status = qoq_h5_put_strings(file, c->name, "parameters", names, c->parameters, err);
    return status;
}

static enum qoq_status put_header(struct qoq_h5 *file, const struct qoq_golden_case *c,
                                  struct qoq_error *err)
{
    const char *text[][2] = {{"operator", c->op},
                             {"profile", c->profile},
                             {"clauses", c->clauses},
                             {"description", c->description},
                             {"inputs_kind", c->kind}};
    enum qoq_status status = qoq_h5_make_group(file, c->name, err);

    for (size_t i = 0; i < sizeof text / sizeof text[0] && status == QOQ_OK; i++)
        status = qoq_h5_put_string(file, c->name, text[i][0], text[i][1], err);
    if (status == QOQ_OK)
        status = qoq_h5_put_int(file, c->name, "seed", c->seed, err);
    return status == QOQ_OK ? put_parameters(file, c, err) : status;
}

enum qoq_status qoq_golden_file_add(struct qoq_h5 *file, const struct qoq_golden_case *c,
                                    struct qoq_error *err)
{
    enum qoq_status status;

    if (!qoq_golden_name_ok(c->name) || qoq_h5_exists(file, c->name))
        return qoq_fail(err, QOQ_ERR_ARGUMENT, qoq_h5_path(file), c->name,
                        "not a new, valid case name");
    status = put_header(file, c, err);
    if (status == QOQ_OK)
        status = put_tensors(file, c->name, "inputs", &c->inputs, err);
    if (status == QOQ_OK)
        status = put_tensors(file, c->name, "outputs", &c->outputs, err);
    return status == QOQ_OK ? put_bounds(file, c, err) : status;
}

/* ---- Reading ---- */

enum qoq_status qoq_golden_file_open(struct qoq_h5 **file, const char *path, struct qoq_error *err)
{
    int64_t version = 0;
    enum qoq_status status = qoq_h5_open(file, path, err);

    if (status != QOQ_OK)
        return status;
    status = qoq_h5_check_format(*file, QOQ_GOLDEN_FORMAT, QOQ_GOLDEN_VERSION, err);
    if (status == QOQ_OK)
        status = qoq_h5_get_int(&version, *file, "/", "numerics_version", 1, INT32_MAX, err);
    if (status == QOQ_OK && version != QOQ_NUMERICS_VERSION)
        status =
            qoq_fail(err, QOQ_ERR_UNSUPPORTED, path, "numerics_version",
                     "%d, this program computes version %d", (int)version, QOQ_NUMERICS_VERSION);
    if (status != QOQ_OK)
        qoq_h5_close(file);
    return status;
}

enum qoq_status qoq_golden_file_names(struct qoq_h5_names *out, struct qoq_h5 *file,
                                      struct qoq_error *err)
{
    enum qoq_status status = qoq_h5_children(out, file, "/", QOQ_GOLDEN_MAX_CASES, err);

    for (size_t i = 0; i < out->count && status == QOQ_OK; i++) {
        if (!qoq_golden_name_ok(out->name[i]))
            status =
                qoq_fail(err, QOQ_ERR_FORMAT, qoq_h5_path(file), out->name[i], "not a case name");
    }
    if (status != QOQ_OK)
        qoq_h5_names_free(out);
    return status;
}

/* A string attribute into text[size]; longer ones are refused. */
static enum qoq_status get_text(char *text, size_t size, struct qoq_h5 *file, const char *object,
                                const char *name, struct qoq_error *err)
{
    char *value = NULL;
    enum qoq_status status = qoq_h5_get_string(&value, file, object, name, err);

    if (status != QOQ_OK)
        return status;
    if (strlen(value) >= size)
        status = qoq_fail(err, QOQ_ERR_FORMAT, qoq_h5_path(file), object,
                          "attribute %s is longer than %zu characters", name, size - 1);
    else
        strcpy(text, value);
    free(value);
    return status;
}

static enum qoq_status get_optional_text(char *text, size_t size, struct qoq_h5 *file,
                                         const char *object, const char *name,
                                         struct qoq_error *err)
{
    return qoq_h5_has(file, object, name) ? get_text(text, size, file, object, name, err) : QOQ_OK;
}

/* A parameter is an integer if it can be read as one. */
static enum qoq_status get_parameter(struct qoq_golden_case *c, struct qoq_h5 *file,
                                     const char *name, struct qoq_error *err)
{
    int64_t integer = 0;
    double real = 0;
    int is_real =
        qoq_h5_get_int(&integer, file, c->name, name, INT64_MIN, INT64_MAX, NULL) != QOQ_OK;
    enum qoq_status status = QOQ_OK;

    if (is_real)
        status = qoq_h5_get_double(&real, file, c->name, name, -HUGE_VAL, HUGE_VAL, err);
    if (status == QOQ_OK && qoq_golden_parameter_set(c, name, is_real, integer, real) != 0)
        status = qoq_fail(err, QOQ_ERR_FORMAT, qoq_h5_path(file), c->name,
                          "too many parameters, or a name is too long");
    return status;
}

static enum qoq_status get_parameters(struct qoq_golden_case *c, struct qoq_h5 *file,
                                      struct qoq_error *err)
{
    struct qoq_h5_names names = {0, NULL};
    enum qoq_status status = QOQ_OK;

    if (!qoq_h5_has(file, c->name, "parameters"))
        return QOQ_OK;
    status = qoq_h5_get_strings(&names, file, c->name, "parameters", QOQ_GOLDEN_PARAMETERS, err);
    if (status != QOQ_OK)
        return status;
    for (size_t i = 0; i < names.count && status == QOQ_OK; i++)
        status = get_parameter(c, file, names.name[i], err);
    qoq_h5_names_free(&names);
    return status;
}

static enum qoq_status get_header(struct qoq_golden_case *c, struct qoq_h5 *file,
                                  struct qoq_error *err)
{
    enum qoq_status status = get_text(c->op, sizeof c->op, file, c->name, "operator", err);

    if (status == QOQ_OK)
        status = get_text(c->profile, sizeof c->profile, file, c->name, "profile", err);
    if (status == QOQ_OK)
        status = get_text(c->clauses, sizeof c->clauses, file, c->name, "clauses", err);
    if (status == QOQ_OK)
        status = get_text(c->description, sizeof c->description, file, c->name, "description", err);
    if (status == QOQ_OK)
        status = get_text(c->kind, sizeof c->kind, file, c->name, "inputs_kind", err);
    if (status == QOQ_OK)
        status = qoq_h5_get_int(&c->seed, file, c->name, "seed", 0, INT64_MAX, err);
    return status == QOQ_OK ? get_parameters(c, file, err) : status;
}

static enum qoq_status get_layout(struct qoq_golden_tensor *t, struct qoq_h5 *file,
                                  const char *object, struct qoq_error *err)
{
    char name[16] = "";
    int64_t *sizes = NULL;
    size_t count = 0;
    enum qoq_status status = get_text(name, sizeof name, file, object, "layout", err);
    int layout = qoq_golden_layout_find(name);

    if (status == QOQ_OK && layout < 0)
        status = qoq_fail(err, QOQ_ERR_FORMAT, qoq_h5_path(file), object, "unknown layout");
    if (status != QOQ_OK)
        return status;
    t->layout = (enum qoq_golden_layout)layout;
    if (t->layout == QOQ_LAYOUT_ROWS)
        return get_text(t->axes, sizeof t->axes, file, object, "axes", err);
    status = qoq_h5_get_ints(&sizes, &count, file, object, "logical", 4, err);
    if (status == QOQ_OK && count != qoq_golden_layout_sizes(t->layout))
        status = qoq_fail(err, QOQ_ERR_FORMAT, qoq_h5_path(file), object,
                          "attribute logical has %zu numbers, not %zu", count,
                          qoq_golden_layout_sizes(t->layout));
    for (size_t i = 0; i < count && status == QOQ_OK; i++)
        t->logical[i] = sizes[i] > 0 ? (size_t)sizes[i] : 0;
    free(sizes);
    return status;
}

/* Reads the dataset that *described describes; the new tensor keeps its short name. */
static enum qoq_status get_tensor(struct qoq_golden_tensors *list, struct qoq_h5 *file,
                                  const char *group, const struct qoq_tensor *described,
                                  struct qoq_error *err)
{
    char object[OBJECT];
    struct qoq_golden_tensor *t = NULL;
    enum qoq_status status = QOQ_OK;

    if (!qoq_golden_name_ok(described->name))
        return qoq_fail(err, QOQ_ERR_FORMAT, qoq_h5_path(file), group,
                        "a dataset has a name that tensors cannot have");
    snprintf(object, sizeof object, "%.120s/%.63s", group, described->name);
    t = qoq_golden_tensors_new(list, described->name, described->dtype, described->dim,
                               described->rank);
    if (t == NULL)
        return qoq_fail(err, QOQ_ERR_MEMORY, qoq_h5_path(file), object,
                        "not enough memory, or more than %zu MiB", QOQ_GOLDEN_MAX_BYTES >> 20);
    status = qoq_h5_read_into(t->tensor.data, file, object, t->tensor.dtype, t->tensor.dim,
                              t->tensor.rank, 1, err);
    if (status == QOQ_OK)
        status = get_layout(t, file, object, err);
    if (status == QOQ_OK)
        status = get_optional_text(t->rule, sizeof t->rule, file, object, "rule", err);
    if (status == QOQ_OK)
        status =
            get_optional_text(t->generator, sizeof t->generator, file, object, "generator", err);
    if (status == QOQ_OK && qoq_h5_has(file, object, "stream"))
        status = qoq_h5_get_int(&t->stream, file, object, "stream", 0, INT64_MAX, err);
    if (status == QOQ_OK && qoq_golden_layout_check(t) != 0)
        status = qoq_fail(err, QOQ_ERR_FORMAT, qoq_h5_path(file), object,
                          "type, shape and layout do not fit together");
    return status;
}

static enum qoq_status get_tensors(struct qoq_golden_tensors *list, struct qoq_h5 *file,
                                   const char *case_name, const char *name, struct qoq_error *err)
{
    char group[OBJECT];
    struct qoq_tensors described = {0, NULL};
    enum qoq_status status;

    snprintf(group, sizeof group, "%s/%s", case_name, name);
    status = qoq_h5_walk(&described, file, group, MAX_TENSORS, err);
    if (status != QOQ_OK)
        return status;
    for (size_t i = 0; i < described.count && status == QOQ_OK; i++)
        status = get_tensor(list, file, group, &described.item[i], err);
    qoq_tensors_free(&described);
    return status;
}

/* Bounds are binary32, and their shape begins the shape of their output. */
static enum qoq_status get_bound(struct qoq_golden_case *c, struct qoq_h5 *file,
                                 const struct qoq_golden_tensor *output, struct qoq_error *err)
{
    char object[OBJECT];
    struct qoq_h5_want want = qoq_h5_anything();
    struct qoq_tensor bound;
    enum qoq_status status;

    snprintf(object, sizeof object, "%s/bounds/%s", c->name, output->tensor.name);
    want.dtypes = 1u << QOQ_F32;
    want.max_bytes = QOQ_GOLDEN_MAX_BYTES;
    want.need_sum = 1;
    status = qoq_h5_read(&bound, file, object, &want, err);
    if (status != QOQ_OK)
        return status;
    if (bound.rank > output->tensor.rank ||
        memcmp(bound.dim, output->tensor.dim, (size_t)bound.rank * sizeof bound.dim[0]) != 0)
        status = qoq_fail(err, QOQ_ERR_FORMAT, qoq_h5_path(file), object,
                          "its shape does not begin the shape of the output");
    char *name = realloc(bound.name, strlen(output->tensor.name) + 1);
    if (name == NULL)
        status = qoq_fail_memory(err, qoq_h5_path(file), object, strlen(output->tensor.name) + 1);
    else
        bound.name = strcpy(name, output->tensor.name);
    if (status == QOQ_OK)
        status = qoq_tensors_add(&c->bounds, &bound, err);
    if (status != QOQ_OK)
        qoq_tensor_free(&bound);
    return status;
}

enum qoq_status qoq_golden_file_read(struct qoq_golden_case *c, struct qoq_h5 *file,
                                     const char *name, struct qoq_error *err)
{
    enum qoq_status status;

    memset(c, 0, sizeof *c);
    if (!qoq_golden_name_ok(name))
        return qoq_fail(err, QOQ_ERR_ARGUMENT, qoq_h5_path(file), name, "not a case name");
    strcpy(c->name, name);
    if (!qoq_h5_exists(file, name))
        return qoq_fail(err, QOQ_ERR_ARGUMENT, qoq_h5_path(file), name, "no such case");
    status = get_header(c, file, err);
    if (status == QOQ_OK)
        status = get_tensors(&c->inputs, file, name, "inputs", err);
    if (status == QOQ_OK)
        status = get_tensors(&c->outputs, file, name, "outputs", err);
    for (size_t i = 0; i < c->outputs.count && status == QOQ_OK; i++) {
        if (strcmp(c->outputs.item[i].rule, "abs bound") == 0)
            status = get_bound(c, file, &c->outputs.item[i], err);
    }
    return status;
}

enum qoq_status qoq_golden_file_theirs(struct qoq_tensor *out, struct qoq_h5 *file,
                                       const char *name, const struct qoq_golden_tensor *output,
                                       struct qoq_error *err)
{
    char object[OBJECT];
    struct qoq_h5_want want =
        qoq_h5_exactly(output->tensor.dtype, output->tensor.dim, output->tensor.rank);

    memset(out, 0, sizeof *out);
    snprintf(object, sizeof object, "%s/outputs/%s", name, output->tensor.name);
    if (!qoq_h5_exists(file, object))
        return QOQ_OK;
    want.need_sum = 0;
    return qoq_h5_read(out, file, object, &want, err);
}
