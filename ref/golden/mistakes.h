/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Known other ways to compute an operator. Each rewrites outputs of a correct case as that way
 * would; if someone's output equals the result, the diagnosis says so.
 */
#ifndef QOQ_GOLDEN_MISTAKES_H
#define QOQ_GOLDEN_MISTAKES_H

#include "golden/cases.h"

struct qoq_golden_mistake {
    const char *ops, *output; /* names of operators, separated by spaces; the output it shows in */
    enum qoq_status (*make)(struct qoq_golden_case *c, int variant);
    int variant;
    const char *text;
};

/* Families; each ends with an entry whose ops is NULL. */
extern const struct qoq_golden_mistake qoq_golden_mistakes_codes[];
extern const struct qoq_golden_mistake qoq_golden_mistakes_weight[];
extern const struct qoq_golden_mistake qoq_golden_mistakes_products[];
extern const struct qoq_golden_mistake qoq_golden_mistakes_operands[];
extern const struct qoq_golden_mistake qoq_golden_mistakes_floats[];
extern const struct qoq_golden_mistake qoq_golden_mistakes_cache[];
extern const struct qoq_golden_mistake qoq_golden_mistakes_serving[];

/* Ways to rotate a head vector x [d] that are not N 8.3. */
enum qoq_wrong_rotation {
    QOQ_ROTATION_INTERLEAVED,
    QOQ_ROTATION_BACKWARDS,
    QOQ_ROTATION_OTHER_FUSION,
    QOQ_ROTATION_NOT_FUSED
};
void qoq_golden_wrong_rotation(float *y, const float *x, const float *sine, const float *cosine,
                               size_t d, enum qoq_wrong_rotation way);

/* Mistake number i of all, NULL at the end. */
const struct qoq_golden_mistake *qoq_golden_mistake_at(size_t i);

/* 1: the mistake concerns this operator and output. */
int qoq_golden_mistake_fits(const struct qoq_golden_mistake *m, const char *op, const char *output);

#endif
