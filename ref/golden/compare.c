/* SPDX-License-Identifier: Apache-2.0 */
/* Element by element: how much differs, by how much, and where first. */
#include "golden/compare.h"

#include <math.h>
#include <string.h>

const char *qoq_golden_code_bucket(int i)
{
    static const char *const name[QOQ_CODE_BUCKETS] = {"-17 and below", "-16..-2",      "-1", "+1",
                                                       "+2..+16",       "+17 and above"};
    return name[i];
}

const char *qoq_golden_step_bucket(int i)
{
    static const char *const name[QOQ_STEP_BUCKETS] = {
        "sign of zero", "1 ulp",          "2 ulp",    "3..4 ulp", "5..16 ulp",
        "17..256 ulp",  "257..65536 ulp", "more ulp", "infinity", "NaN"};
    return name[i];
}

static int code_bucket(double difference)
{
    static const double top[QOQ_CODE_BUCKETS - 1] = {-17, -2, -1, 1, 16};
    int i = 0;

    while (i < QOQ_CODE_BUCKETS - 1 && difference > top[i])
        i++;
    return i;
}

static int step_bucket(const struct qoq_golden_element *ours,
                       const struct qoq_golden_element *theirs)
{
    static const uint64_t top[7] = {0, 1, 2, 4, 16, 256, 65536};
    uint64_t steps;
    int i = 0;

    if (isnan(ours->value) || isnan(theirs->value))
        return 9;
    if (isinf(ours->value) || isinf(theirs->value))
        return 8;
    steps = qoq_golden_steps(ours, theirs);
    while (i < 7 && steps > top[i])
        i++;
    return i;
}

static void note_place(struct qoq_golden_report *r, const struct qoq_golden_where *w)
{
    for (int a = 0; a < w->axes; a++) {
        size_t at = w->axis[a].at;
        if (r->differing == 0) {
            r->range[a].lo = r->range[a].hi = at;
            r->range[a].odd = r->range[a].even = 1;
        }
        r->range[a].lo = at < r->range[a].lo ? at : r->range[a].lo;
        r->range[a].hi = at > r->range[a].hi ? at : r->range[a].hi;
        r->range[a].odd = r->range[a].odd && at % 2 == 1;
        r->range[a].even = r->range[a].even && at % 2 == 0;
    }
}

static void note_difference(struct qoq_golden_report *r, const struct qoq_golden_tensor *t,
                            size_t i, const struct qoq_golden_element *ours,
                            const struct qoq_golden_element *theirs)
{
    struct qoq_golden_where w;

    qoq_golden_where(&w, t, i);
    note_place(r, &w);
    if (r->differing == 0) {
        r->first = i;
        r->ours = *ours;
        r->theirs = *theirs;
        r->where = w;
    }
    r->differing++;
    if (!qoq_golden_is_float(ours->dtype)) {
        r->code[code_bucket(theirs->value - ours->value)]++;
    } else {
        int bucket = step_bucket(ours, theirs);
        uint64_t steps = bucket < 8 ? qoq_golden_steps(ours, theirs) : 0;
        r->step[bucket]++;
        r->most_steps = steps > r->most_steps ? steps : r->most_steps;
    }
    if (isfinite(ours->value) && isfinite(theirs->value))
        r->most = fmax(r->most, fabs(theirs->value - ours->value));
}

/* The bound of element i: its shape begins the output's. */
static double bound_of(const struct qoq_golden_tensor *t, const struct qoq_tensor *bound, size_t i)
{
    size_t count;

    if (bound == NULL || (count = qoq_tensor_elements(bound)) == 0)
        return 0;
    return (double)((const float *)bound->data)[i / (qoq_tensor_elements(&t->tensor) / count)];
}

enum qoq_status qoq_golden_compare(struct qoq_golden_report *report,
                                   const struct qoq_golden_tensor *output,
                                   const struct qoq_tensor *bound, const void *theirs)
{
    struct qoq_golden_rule rule[QOQ_PARTS];
    size_t total[QOQ_PARTS] = {0}, differing[QOQ_PARTS] = {0};
    struct qoq_golden_element a, b;

    memset(report, 0, sizeof *report);
    if (qoq_golden_rule_parse(rule, output->rule) != 0)
        return QOQ_ERR_FORMAT;
    report->elements = qoq_golden_elements(output);
    for (size_t i = 0; i < report->elements; i++) {
        qoq_golden_element(&a, output, output->tensor.data, i);
        qoq_golden_element(&b, output, theirs, i);
        total[a.part]++;
        if (qoq_golden_same(&a, &b))
            continue;
        differing[a.part]++;
        note_difference(report, output, i, &a, &b);
        if (!qoq_golden_rule_allows(&rule[a.part], &a, &b, bound_of(output, bound, i)))
            report->outside++;
    }
    report->within = report->outside == 0;
    for (int p = 0; p < QOQ_PARTS; p++) {
        if (rule[p].kind == QOQ_RULE_CODE &&
            (double)differing[p] > ceil(rule[p].rate * (double)total[p]))
            report->within = 0;
    }
    return QOQ_OK;
}

size_t qoq_golden_count(const struct qoq_golden_tensor *output, const void *a, const void *b)
{
    size_t differing = 0, elements = qoq_golden_elements(output);
    struct qoq_golden_element x, y;

    if (memcmp(a, b, qoq_tensor_bytes(&output->tensor)) == 0)
        return 0;
    for (size_t i = 0; i < elements; i++) {
        qoq_golden_element(&x, output, a, i);
        qoq_golden_element(&y, output, b, i);
        differing += (size_t)!qoq_golden_same(&x, &y);
    }
    return differing;
}
