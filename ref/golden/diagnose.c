/* SPDX-License-Identifier: Apache-2.0 */
/* Hints from the two versions of an output alone: factors, offsets, holes, places, last bits. */
#include "golden/diagnose.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void qoq_golden_hint(struct qoq_golden_hints *hints, enum qoq_hint id, const char *format, ...)
{
    va_list arguments;

    if (hints->count == QOQ_GOLDEN_MAX_HINTS)
        return;
    hints->item[hints->count].id = id;
    va_start(arguments, format);
    vsnprintf(hints->item[hints->count].text, sizeof hints->item[0].text, format, arguments);
    va_end(arguments);
    hints->count++;
}

/* ---- A common factor or offset ---- */

/* What all elements that lie in one group have in common. */
struct common {
    double ratio, offset;
    int ratio_holds, offset_holds, seen;
};

static void note_common(struct common *c, double ours, double theirs, double tolerance)
{
    double ratio = ours != 0 ? theirs / ours : 0;

    if (!c->seen) {
        c->offset = theirs - ours;
        c->offset_holds = c->ratio_holds = 1;
    }
    c->offset_holds = c->offset_holds && theirs - ours == c->offset;
    if (ours == 0)
        c->ratio_holds = c->ratio_holds && theirs == 0;
    else if (c->ratio == 0)
        c->ratio = ratio;
    else
        c->ratio_holds = c->ratio_holds && fabs(ratio - c->ratio) <= tolerance * fabs(c->ratio);
    c->seen = 1;
}

static double tolerance_of(enum qoq_dtype dtype)
{
    return dtype == QOQ_F16 ? 0x1p-8 : dtype == QOQ_F32 ? 0x1p-18 : 0x1p-40;
}

/* Groups of elements: `count` of them, element i in group i / inner % count. 1: each has a ratio of
 * its own that is not 1. */
static int ratio_by(const struct qoq_golden_tensor *t, const void *theirs, size_t count,
                    size_t inner)
{
    size_t elements = qoq_golden_elements(t), telling = 0;
    struct qoq_golden_element a, b;

    for (size_t g = 0; g < count; g++) {
        struct common c = {0, 0, 0, 0, 0};
        size_t members = 0;
        for (size_t i = 0; i < elements; i++) {
            if (i / inner % count != g)
                continue;
            qoq_golden_element(&a, t, t->tensor.data, i);
            qoq_golden_element(&b, t, theirs, i);
            if (!isfinite(a.value) || !isfinite(b.value) || fabs(a.value) < 0x1p-13)
                continue;
            note_common(&c, a.value, b.value, tolerance_of(t->tensor.dtype));
            members++;
        }
        if (members > 1 && (!c.ratio_holds || c.ratio == 0))
            return 0;
        telling += members > 1 && fabs(c.ratio - 1) > 0x1p-6;
    }
    return telling * 2 > count;
}

/* 1: all finite elements have one ratio, or each row, or each column. */
static int find_ratio(struct qoq_golden_hints *hints, const struct qoq_golden_tensor *t,
                      const struct qoq_golden_report *r, const void *theirs)
{
    size_t elements = r->elements;
    int rank = t->tensor.rank;

    if (!qoq_golden_is_float(t->tensor.dtype) || elements < 4 || t->layout != QOQ_LAYOUT_ROWS)
        return 0;
    if (ratio_by(t, theirs, 1, elements)) {
        qoq_golden_hint(
            hints, QOQ_HINT_RATIO,
            "every value is about %.6g times ours: a factor is missing or applied twice",
            r->theirs.value / r->ours.value);
        return 1;
    }
    if (rank < 2 || elements > 65536)
        return 0;
    size_t columns = t->tensor.dim[rank - 1];
    if (elements / columns <= 4096 && ratio_by(t, theirs, elements / columns, columns)) {
        qoq_golden_hint(hints, QOQ_HINT_RATIO,
                        "each row is off by a factor of its own: is the scale of a row missing?");
        return 1;
    }
    if (columns <= 4096 && ratio_by(t, theirs, columns, 1)) {
        qoq_golden_hint(
            hints, QOQ_HINT_RATIO,
            "each column is off by a factor of its own: is the scale of a column missing?");
        return 1;
    }
    return 0;
}

static int find_offset(struct qoq_golden_hints *hints, const struct qoq_golden_tensor *t,
                       const struct qoq_golden_report *r, const void *theirs)
{
    struct common c = {0, 0, 0, 0, 0};
    struct qoq_golden_element a, b;

    if (qoq_golden_is_float(t->tensor.dtype) || t->layout == QOQ_LAYOUT_PAGES || r->elements < 4)
        return 0;
    for (size_t i = 0; i < r->elements; i++) {
        qoq_golden_element(&a, t, t->tensor.data, i);
        qoq_golden_element(&b, t, theirs, i);
        note_common(&c, a.value, b.value, 0);
    }
    if (c.offset_holds)
        qoq_golden_hint(hints, QOQ_HINT_OFFSET,
                        "every code is ours %+.0f: another zero point, or signed against unsigned",
                        c.offset);
    return c.offset_holds;
}

/* ---- Values that say something by themselves ---- */

static int find_values(struct qoq_golden_hints *hints, const struct qoq_golden_tensor *t,
                       const struct qoq_golden_report *r, const void *theirs)
{
    size_t zero = 0, nan = 0, saturated = 0;
    struct qoq_golden_element a, b;

    for (size_t i = 0; i < r->elements; i++) {
        qoq_golden_element(&a, t, t->tensor.data, i);
        qoq_golden_element(&b, t, theirs, i);
        if (qoq_golden_same(&a, &b))
            continue;
        zero += b.bits == 0;
        nan += isnan(b.value) && !isnan(a.value);
        saturated += isinf(a.value) && isfinite(b.value) && fabs(b.value) >= 65000;
    }
    if (zero == r->differing && zero > 1)
        qoq_golden_hint(
            hints, QOQ_HINT_UNWRITTEN,
            "every differing element is 0 in yours: never written, or written elsewhere");
    if (nan > 0)
        qoq_golden_hint(hints, QOQ_HINT_NAN, "%zu elements are NaN in yours where ours are numbers",
                        nan);
    if (saturated == r->differing && saturated > 0)
        qoq_golden_hint(hints, QOQ_HINT_SATURATED,
                        "overflow saturates in yours; it gives infinity in ours (N 2.1, 6.3)");
    return (zero == r->differing && zero > 1) || nan > 0 ||
           (saturated == r->differing && saturated > 0);
}

/* ---- Where ---- */

static void find_places(struct qoq_golden_hints *hints, const struct qoq_golden_report *r)
{
    for (int a = 0; a < r->where.axes; a++) {
        const char *name = r->where.axis[a].name;
        size_t extent = r->where.axis[a].extent, lo = r->range[a].lo, hi = r->range[a].hi;
        if (extent < 2 || r->differing < 4)
            continue;
        if (lo == hi)
            qoq_golden_hint(hints, QOQ_HINT_PLACE, "all differences have %s = %zu (of %zu)", name,
                            lo, extent);
        else if (lo > 0 && hi == extent - 1 && lo >= extent / 2)
            qoq_golden_hint(
                hints, QOQ_HINT_PLACE,
                "all differences lie in the tail of %s, %zu..%zu of %zu: a ragged edge?", name, lo,
                hi, extent);
        else if (hi - lo + 1 <= extent / 2)
            qoq_golden_hint(hints, QOQ_HINT_PLACE, "all differences have %s in %zu..%zu (of %zu)",
                            name, lo, hi, extent);
        if (lo != hi && (r->range[a].odd || r->range[a].even) && r->differing >= 8)
            qoq_golden_hint(hints, QOQ_HINT_PLACE, "all differences have an %s %s",
                            r->range[a].odd ? "odd" : "even", name);
    }
}

/* ---- How small ---- */

static void find_small(struct qoq_golden_hints *hints, const struct qoq_golden_tensor *t,
                       const struct qoq_golden_report *r)
{
    size_t codes = 0, steps = 0;

    for (int i = 0; i < QOQ_CODE_BUCKETS; i++)
        codes += r->code[i];
    for (int i = 0; i < QOQ_STEP_BUCKETS; i++)
        steps += r->step[i];
    if (codes > 0 && t->tensor.dtype != QOQ_I32 && r->code[2] + r->code[3] == codes)
        qoq_golden_hint(
            hints, QOQ_HINT_OFF_BY_ONE,
            "codes are off by one in %zu of %zu elements: ties rounded another way, a "
            "quotient instead of a reciprocal, or a scale rounded too early or too late",
            codes, r->elements);
    if (steps > 0 && r->step[0] == steps)
        qoq_golden_hint(hints, QOQ_HINT_ZERO_SIGN, "only signs of zeros differ");
    else if (steps > 0 && r->step[0] + r->step[1] + r->step[2] == steps)
        qoq_golden_hint(hints, QOQ_HINT_LAST_BIT,
                        "floats differ in the last bits only: operations in another order, a fused "
                        "multiply-add where the product is rounded (or the reverse), fast math");
}

void qoq_golden_diagnose(struct qoq_golden_hints *hints, const struct qoq_golden_case *c,
                         const struct qoq_golden_tensor *output,
                         const struct qoq_golden_report *report, const void *theirs)
{
    int found;

    hints->count = 0;
    if (report->differing == 0)
        return;
    found = qoq_golden_diagnose_layout(hints, output, report->differing, theirs);
    if (c != NULL)
        found |= qoq_golden_diagnose_mistakes(hints, c, output, report->differing, theirs);
    if (!found)
        found = qoq_golden_diagnose_order(hints, output, theirs);
    if (!found)
        found =
            find_offset(hints, output, report, theirs) || find_ratio(hints, output, report, theirs);
    if (!found)
        found = find_values(hints, output, report, theirs);
    find_places(hints, report);
    if (!found)
        find_small(hints, output, report);
    if (hints->count == 0 && report->differing * 2 > report->elements)
        qoq_golden_hint(
            hints, QOQ_HINT_UNRELATED,
            "most elements differ and nothing known fits: other inputs, another seed, or an "
            "operand read wrongly");
}
