/* SPDX-License-Identifier: Apache-2.0 */
/* Finds and loads descriptions and applies `--set`. */
#include <config.h>

#include "sim/cli/load.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/data_directory.h"
#include "data/description.h"

static const struct {
    const char *directory, *suffix, *what, *option;
    const struct qoq_field_table *table;
} kinds[] = {
    {"gpus", ".json", "GPU", "--gpu", &qoq_sim_gpu_table},
    {"schemes", ".json", "scheme", "--scheme", &qoq_sim_scheme_table},
    {"schemes", ".json", "cache", "--kv", &qoq_sim_kv_table},
    {"models", ".shape.json", "model", "--model", &qoq_sim_model_table},
};

static int is_path(const char *name)
{
    size_t length = strlen(name);

    return strchr(name, '/') || (length > 5 && strcmp(name + length - 5, ".json") == 0);
}

enum qoq_status qoq_sim_find(char path[QOQ_SIM_PATH], enum qoq_sim_kind kind, const char *name,
                             struct qoq_error *err)
{
    int length = is_path(name) ? snprintf(path, QOQ_SIM_PATH, "%s", name)
                               : snprintf(path, QOQ_SIM_PATH, "%s/%s/%s%s", qoq_data_directory(),
                                          kinds[kind].directory, name, kinds[kind].suffix);
    FILE *file;

    if (length < 0 || length >= QOQ_SIM_PATH) {
        return qoq_fail(err, QOQ_ERR_ARGUMENT, kinds[kind].option, NULL, "name too long");
    }
    if ((file = fopen(path, "rb")) == NULL) {
        return qoq_fail(err, QOQ_ERR_IO, kinds[kind].option, name, "no such %s: %s: %s",
                        kinds[kind].what, path, strerror(errno));
    }
    fclose(file);
    return QOQ_OK;
}

static enum qoq_status load_into(void *part, enum qoq_sim_kind kind, const char *name,
                                 struct qoq_error *err)
{
    char *path = malloc(QOQ_SIM_PATH);
    enum qoq_status status =
        path ? qoq_sim_find(path, kind, name, err) : qoq_fail_memory(err, name, NULL, QOQ_SIM_PATH);

    if (status == QOQ_OK) {
        status = qoq_description_load(part, kinds[kind].table, path, err);
    }
    free(path);
    return status;
}

enum qoq_status qoq_sim_load(struct qoq_sim_case *it, enum qoq_sim_kind kind, const char *name,
                             struct qoq_error *err)
{
    void *parts[] = {&it->gpu, &it->scheme, &it->kv, &it->model};

    return load_into(parts[kind], kind, name, err);
}

enum qoq_status qoq_sim_load_scheme(struct qoq_sim_scheme *scheme, const char *name,
                                    struct qoq_error *err)
{
    return load_into(scheme, QOQ_SIM_SCHEME, name, err);
}

static enum qoq_status add_field(struct qoq_sim_target *target, const char *name,
                                 size_t kind_length, const char *field, struct qoq_error *err)
{
    const struct qoq_field_table *table;
    struct qoq_sim_case *probe = malloc(sizeof *probe);
    void *part;

    if (!probe) {
        return qoq_fail_memory(err, "--set", name, sizeof *probe);
    }
    part = qoq_sim_case_part(probe, name, kind_length, &table);
    size_t offset = part ? (size_t)((char *)part - (char *)probe) : 0;
    free(probe);
    if (!part) {
        return qoq_fail(err, QOQ_ERR_ARGUMENT, "--set", name,
                        "the part before the dot must be gpu, scheme, kv, model, work or cal");
    }
    target->field[target->count] = qoq_field_find(table, field);
    target->offset[target->count] = offset;
    if (!target->field[target->count]) {
        return qoq_fail(err, QOQ_ERR_ARGUMENT, "--set", name, "no such field of a %s", table->kind);
    }
    target->count++;
    return QOQ_OK;
}

enum qoq_status qoq_sim_target(struct qoq_sim_target *target, const char *name,
                               struct qoq_error *err)
{
    static const char *const int32[] = {"lop3", "shf", "prmt", "iadd", "imad"};
    const char *dot = strchr(name, '.');
    enum qoq_status status = QOQ_OK;

    target->count = 0;
    if (!dot) {
        return qoq_fail(err, QOQ_ERR_ARGUMENT, "--set", name, "expected KIND.FIELD, as in gpu.sms");
    }
    if (strcmp(name, "gpu.int32") != 0) {
        return add_field(target, name, (size_t)(dot - name), dot + 1, err);
    }
    for (size_t i = 0; i < sizeof int32 / sizeof int32[0] && status == QOQ_OK; i++) {
        status = add_field(target, name, (size_t)(dot - name), int32[i], err);
    }
    return status;
}

enum qoq_status qoq_sim_assign(struct qoq_sim_case *it, const struct qoq_sim_target *target,
                               double value, int multiply, struct qoq_error *err)
{
    for (size_t i = 0; i < target->count; i++) {
        const struct qoq_field *field = target->field[i];
        void *part = (char *)it + target->offset[i];
        double next = multiply ? value * qoq_field_get(part, field) : value;
        const char *reason = qoq_field_set(part, field, next);
        if (reason) {
            return qoq_fail(err, QOQ_ERR_RANGE, "--set", field->name, "%g %s: %g to %g%s%s", next,
                            reason, field->lo, field->hi, *field->unit ? " " : "", field->unit);
        }
    }
    return QOQ_OK;
}

enum qoq_status qoq_sim_set(struct qoq_sim_case *it, const char *assignment, struct qoq_error *err)
{
    struct qoq_sim_target target;
    char name[64], *end;
    size_t length = strcspn(assignment, "=");
    enum qoq_status status;

    if (assignment[length] != '=' || length >= sizeof name) {
        return qoq_fail(err, QOQ_ERR_ARGUMENT, "--set", assignment,
                        "expected KIND.FIELD=VALUE, as in gpu.sms=132");
    }
    memcpy(name, assignment, length);
    name[length] = '\0';
    if ((status = qoq_sim_target(&target, name, err)) != QOQ_OK) {
        return status;
    }
    double value = strtod(assignment + length + 1, &end);
    int multiply = *end == 'x';
    if (end == assignment + length + 1 || end[multiply] != '\0') {
        return qoq_fail(err, QOQ_ERR_ARGUMENT, "--set", name, "\"%.60s\" is not a number",
                        assignment + length + 1);
    }
    return qoq_sim_assign(it, &target, value, multiply, err);
}
