/* SPDX-License-Identifier: Apache-2.0 */
/* Comparing one output with someone's version of it: counts, the first difference, a histogram. */
#ifndef QOQ_GOLDEN_COMPARE_H
#define QOQ_GOLDEN_COMPARE_H

#include "golden/rule.h"

/* Differences of codes, theirs minus ours, and of floats in steps. */
enum { QOQ_CODE_BUCKETS = 6, QOQ_STEP_BUCKETS = 10 };

/* What each bucket counts: "-1", "2 ulp". */
const char *qoq_golden_code_bucket(int i);
const char *qoq_golden_step_bucket(int i);

struct qoq_golden_report {
    size_t elements, differing;
    size_t outside;                         /* elements that break the rule by themselves */
    int within;                             /* 1: the rule is kept, rates included */
    size_t first;                           /* the first differing element, if differing > 0 */
    struct qoq_golden_element ours, theirs; /* its values */
    struct qoq_golden_where where;
    size_t code[QOQ_CODE_BUCKETS], step[QOQ_STEP_BUCKETS];
    uint64_t most_steps; /* largest distance of finite floats */
    double most;         /* largest |theirs - ours| of finite numbers */
    /* Coordinates that differ: smallest, largest, and whether all are even or all odd. */
    struct {
        size_t lo, hi;
        int odd, even;
    } range[QOQ_GOLDEN_AXES];
};

/* Compares data of the type, shape and layout of `output` with it. bound: NULL unless the rule
 * needs it. QOQ_ERR_FORMAT: the output's rule cannot be read. */
QOQ_CHECKED enum qoq_status qoq_golden_compare(struct qoq_golden_report *report,
                                               const struct qoq_golden_tensor *output,
                                               const struct qoq_tensor *bound, const void *theirs);

/* The number of elements in which two versions of an output differ. */
size_t qoq_golden_count(const struct qoq_golden_tensor *output, const void *a, const void *b);

#endif
