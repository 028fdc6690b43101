/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The registry of golden operators: for each its parameters, how its inputs are made (N 13) and how
 * its outputs are computed by libqoq. One table for each family, op_*.c.
 */
#ifndef QOQ_GOLDEN_OPERATOR_H
#define QOQ_GOLDEN_OPERATOR_H

#include "data/golden_case.h"

struct qoq_golden_parameter_spec {
    const char *name; /* NULL ends a list */
    int is_real;
    double value, lo, hi; /* default and range */
    const char *help;
    int step; /* integers: lo, lo + step, lo + 2 step ...; 0: any */
};

struct qoq_golden_operator {
    const char *name, *profile, *clauses, *description;
    const char *kinds; /* words for --inputs; the first is the default */
    const struct qoq_golden_parameter_spec *parameters;
    /* Adds the inputs to a case whose parameters are set and in range. */
    enum qoq_status (*make)(struct qoq_golden_case *c);
    /* Adds the outputs (and bounds), computed from inputs of the types and shapes that make gives;
     * the values of inputs may be anything. */
    enum qoq_status (*run)(struct qoq_golden_case *c);
};

/* m, k, eps: of norms, alone or fused. */
extern const struct qoq_golden_parameter_spec qoq_golden_norm_parameters[];

/* Families; each ends with an entry whose name is NULL. */
extern const struct qoq_golden_operator qoq_golden_numerics[];
extern const struct qoq_golden_operator qoq_golden_activation[];
extern const struct qoq_golden_operator qoq_golden_weight[];
extern const struct qoq_golden_operator qoq_golden_layout[];
extern const struct qoq_golden_operator qoq_golden_gemm[];
extern const struct qoq_golden_operator qoq_golden_rope[];
extern const struct qoq_golden_operator qoq_golden_kv[];
extern const struct qoq_golden_operator qoq_golden_attention[];
extern const struct qoq_golden_operator qoq_golden_serving[];
extern const struct qoq_golden_operator qoq_golden_rope_write[];
extern const struct qoq_golden_operator qoq_golden_qserve_rows[];
extern const struct qoq_golden_operator qoq_golden_qserve_products[];
extern const struct qoq_golden_operator qoq_golden_qserve_cache[];

/* Operator number i of all, NULL at the end. */
const struct qoq_golden_operator *qoq_golden_operator_at(size_t i);

/* The operator of that name, or NULL. */
const struct qoq_golden_operator *qoq_golden_operator_find(const char *name);

#endif
