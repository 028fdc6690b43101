/* SPDX-License-Identifier: Apache-2.0 */
/* From differences to causes: what is probably wrong with someone's version of an output. */
#ifndef QOQ_GOLDEN_DIAGNOSE_H
#define QOQ_GOLDEN_DIAGNOSE_H

#include "golden/compare.h"

enum qoq_hint {
    QOQ_HINT_REARRANGED, /* the right bytes in another layout */
    QOQ_HINT_PERMUTED,   /* the right slices of an axis in another order */
    QOQ_HINT_MISTAKE,    /* a known other way to compute it */
    QOQ_HINT_RATIO,      /* values off by a common factor */
    QOQ_HINT_OFFSET,     /* codes off by a common number */
    QOQ_HINT_UNWRITTEN,  /* zero, or never written */
    QOQ_HINT_NAN,        /* NaN where ours is a number */
    QOQ_HINT_SATURATED,  /* a finite maximum where ours is infinite */
    QOQ_HINT_PLACE,      /* confined to one index or range of an axis */
    QOQ_HINT_OFF_BY_ONE, /* codes off by one, here and there */
    QOQ_HINT_LAST_BIT,   /* floats off by a step or two */
    QOQ_HINT_ZERO_SIGN,  /* only signs of zeros differ */
    QOQ_HINT_UNRELATED,  /* most elements differ and nothing fits */
    QOQ_HINTS
};

#define QOQ_GOLDEN_MAX_HINTS 8

struct qoq_golden_hints {
    size_t count;
    struct {
        enum qoq_hint id;
        char text[240];
    } item[QOQ_GOLDEN_MAX_HINTS];
};

/* Adds a hint, as printf; silently full after QOQ_GOLDEN_MAX_HINTS. */
void qoq_golden_hint(struct qoq_golden_hints *hints, enum qoq_hint id, const char *format, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 3, 4)))
#endif
    ;

/* Hints, most telling first, for an output of which `report` says how theirs differs. c: the case
 * of the output, with inputs that qoq_golden_check_inputs accepted, or NULL. */
void qoq_golden_diagnose(struct qoq_golden_hints *hints, const struct qoq_golden_case *c,
                         const struct qoq_golden_tensor *output,
                         const struct qoq_golden_report *report, const void *theirs);

/* Parts of it. Each adds the hints of its kind; 1 if it added any. */
int qoq_golden_diagnose_layout(struct qoq_golden_hints *hints,
                               const struct qoq_golden_tensor *output, size_t differing,
                               const void *theirs);
int qoq_golden_diagnose_order(struct qoq_golden_hints *hints,
                              const struct qoq_golden_tensor *output, const void *theirs);
int qoq_golden_diagnose_mistakes(struct qoq_golden_hints *hints, const struct qoq_golden_case *c,
                                 const struct qoq_golden_tensor *output, size_t differing,
                                 const void *theirs);

/* 1: an alternative that differs from theirs in `left` elements explains most of what differed. */
int qoq_golden_explains(size_t left, size_t differing);

#endif
