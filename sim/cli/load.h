/* SPDX-License-Identifier: Apache-2.0 */
/* Finds and loads descriptions and applies `--set`. */
#ifndef QOQ_SIM_CLI_LOAD_H
#define QOQ_SIM_CLI_LOAD_H

#include "data/error.h"
#include "sim/cost/case.h"

enum qoq_sim_kind { QOQ_SIM_GPU, QOQ_SIM_SCHEME, QOQ_SIM_KV, QOQ_SIM_MODEL };

/* The file that `name` means: itself where it has a slash or ends in .json, else one of the data
 * directory. */
enum { QOQ_SIM_PATH = 4096 };
QOQ_CHECKED enum qoq_status qoq_sim_find(char path[QOQ_SIM_PATH], enum qoq_sim_kind kind,
                                         const char *name, struct qoq_error *err);

/* Loads one description into its part of the case. */
QOQ_CHECKED enum qoq_status qoq_sim_load(struct qoq_sim_case *it, enum qoq_sim_kind kind,
                                         const char *name, struct qoq_error *err);

/* A scheme that is not the case's own. */
QOQ_CHECKED enum qoq_status qoq_sim_load_scheme(struct qoq_sim_scheme *scheme, const char *name,
                                                struct qoq_error *err);

/* A field that KIND.FIELD names, where it is, and the classes that "gpu.int32" stands for. */
enum { QOQ_SIM_MAX_FIELDS = 8 };
struct qoq_sim_target {
    size_t count;
    size_t offset[QOQ_SIM_MAX_FIELDS]; /* of the description in the case */
    const struct qoq_field *field[QOQ_SIM_MAX_FIELDS];
};
QOQ_CHECKED enum qoq_status qoq_sim_target(struct qoq_sim_target *target, const char *name,
                                           struct qoq_error *err);

/* Sets all its fields to value, or multiplies them by it. */
QOQ_CHECKED enum qoq_status qoq_sim_assign(struct qoq_sim_case *it,
                                           const struct qoq_sim_target *target, double value,
                                           int multiply, struct qoq_error *err);

/* Applies "KIND.FIELD=VALUE"; a value such as 4x multiplies. */
QOQ_CHECKED enum qoq_status qoq_sim_set(struct qoq_sim_case *it, const char *assignment,
                                        struct qoq_error *err);

#endif
