/* SPDX-License-Identifier: Apache-2.0 */
/* What tests of the simulator share: loading shipped descriptions, seeded choice. */
#ifndef QOQ_TESTS_SIM_CASE_H
#define QOQ_TESTS_SIM_CASE_H

#include <criterion/criterion.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/description.h"
#include "sim/cost/case.h"

static inline const char *data_path(char path[4096], const char *directory, const char *name,
                                    const char *suffix)
{
    const char *root = getenv("QOQ_DATADIR");

    snprintf(path, 4096, "%s/%s/%s%s", root ? root : "data", directory, name, suffix);
    return path;
}

static inline void load_part(void *part, const struct qoq_field_table *table, const char *directory,
                             const char *name, const char *suffix)
{
    char path[4096];
    struct qoq_error error;

    data_path(path, directory, name, suffix);
    enum qoq_status status = qoq_description_load(part, table, path, &error);
    cr_assert_eq(status, QOQ_OK, "%s", status == QOQ_OK ? "" : error.text);
}

/* NULL leaves a part at its defaults. */
static inline struct qoq_sim_case load_case(const char *gpu, const char *scheme, const char *kv,
                                            const char *model)
{
    struct qoq_sim_case it;

    qoq_sim_case_reset(&it);
    if (gpu)
        load_part(&it.gpu, &qoq_sim_gpu_table, "gpus", gpu, ".json");
    if (scheme)
        load_part(&it.scheme, &qoq_sim_scheme_table, "schemes", scheme, ".json");
    if (kv)
        load_part(&it.kv, &qoq_sim_kv_table, "schemes", kv, ".json");
    if (model)
        load_part(&it.model, &qoq_sim_model_table, "models", model, ".shape.json");
    load_part(&it.head, &qoq_sim_scheme_table, "schemes", "fp16", ".json");
    return it;
}

/* Multiplies "gpu.sms" and the like; returns 0 where the result would leave the field's range. */
static inline int scale_field(struct qoq_sim_case *it, const char *kind, const char *name,
                              double factor)
{
    const struct qoq_field_table *table;
    void *part = qoq_sim_case_part(it, kind, strlen(kind), &table);
    const struct qoq_field *field = part ? qoq_field_find(table, name) : NULL;

    cr_assert_not_null(field, "%s.%s", kind, name);
    return qoq_field_set(part, field, qoq_field_get(part, field) * factor) == NULL;
}

/* A small generator: the same sequence everywhere. */
static inline uint64_t next_random(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 33;
}

static const char *const some_gpus[] = {"a100-80g-sxm", "l40s", "rtx4090",       "h100-sxm",
                                        "h20",          "b200", "v100-sxm2-32g", "l4"};
static const char *const some_schemes[] = {
    "fp16",        "w8a8",         "w4a16",    "w4a4-atom", "w4a4-quarot",      "w4a4-comet",
    "w4a8-naive",  "w4a8-qserve",  "w4a8-dgq", "w4-lut",    "w4a8-qserve-g128", "w4a8-mixllm",
    "w4a8-liquid", "w4a8-qoq-g128"};
#define COUNT(list) (sizeof(list) / sizeof(list)[0])

#endif
