/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making and recomputing golden cases through the registry. Nothing here touches files.
 */
#ifndef QOQ_GOLDEN_CASES_H
#define QOQ_GOLDEN_CASES_H

#include "golden/operator.h"

/* Clears *c and gives it an operator with its defaults. QOQ_ERR_ARGUMENT: no such operator. */
QOQ_CHECKED enum qoq_status qoq_golden_begin(struct qoq_golden_case *c, const char *op,
                                             struct qoq_error *err);

/* "NAME=VALUE" for a parameter of the case's operator. */
QOQ_CHECKED enum qoq_status qoq_golden_assign(struct qoq_golden_case *c, const char *text,
                                              struct qoq_error *err);

/* Makes inputs from kind, seed and parameters of *c, all checked first. */
QOQ_CHECKED enum qoq_status qoq_golden_make_inputs(struct qoq_golden_case *c,
                                                   struct qoq_error *err);

/* Adds outputs computed from the inputs, which qoq_golden_make_inputs made or
 * qoq_golden_check_inputs accepted. */
QOQ_CHECKED enum qoq_status qoq_golden_run(struct qoq_golden_case *c, struct qoq_error *err);

/* Checks a case from a file: known operator, parameters in range, inputs of the names, types and
 * shapes that belong to them. *same is 1 if they also equal what the generator gives, bit by bit.
 */
QOQ_CHECKED enum qoq_status qoq_golden_check_inputs(int *same, const struct qoq_golden_case *c,
                                                    struct qoq_error *err);

/* A new case *fresh with the inputs of c (accepted by qoq_golden_check_inputs) and recomputed
 * outputs. */
QOQ_CHECKED enum qoq_status qoq_golden_recompute(struct qoq_golden_case *fresh,
                                                 const struct qoq_golden_case *c,
                                                 struct qoq_error *err);

/* One committed case. */
struct qoq_golden_standard {
    const char *file, *op, *tag, *kind, *parameters; /* parameters: "m=5 k=100" */
    int64_t seed;
};

/* The committed cases, those of a file next to each other; an entry with file NULL ends them. */
extern const struct qoq_golden_standard qoq_golden_standard_set[];

/* Makes one of them with its outputs. */
QOQ_CHECKED enum qoq_status qoq_golden_make_standard(struct qoq_golden_case *c,
                                                     const struct qoq_golden_standard *standard,
                                                     struct qoq_error *err);

#endif
