/* SPDX-License-Identifier: Apache-2.0 */
/* Comparison rules of N 14, as text and parsed. */
#ifndef QOQ_GOLDEN_RULE_H
#define QOQ_GOLDEN_RULE_H

#include "golden/element.h"

enum qoq_rule_kind { QOQ_RULE_EXACT, QOQ_RULE_ULP16, QOQ_RULE_ABS, QOQ_RULE_BOUND, QOQ_RULE_CODE };

struct qoq_golden_rule {
    enum qoq_rule_kind kind;
    double most; /* ULP16: steps; ABS: difference; CODE: difference */
    double rate; /* CODE: fraction of the elements that may differ */
    int modulus; /* CODE: differences are taken modulo this; 0: not */
};

/* One rule for each part; a text without parts gives the same rule three times. -1: not a rule. */
int qoq_golden_rule_parse(struct qoq_golden_rule rule[QOQ_PARTS], const char *text);

/* 1: `theirs` is acceptable by itself; the rate is left to the caller. */
int qoq_golden_rule_allows(const struct qoq_golden_rule *rule,
                           const struct qoq_golden_element *ours,
                           const struct qoq_golden_element *theirs, double bound);

#endif
