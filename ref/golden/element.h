/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A tensor seen as single elements, whatever its layout: two codes in a byte, the codes, scales and
 * zeros of a page; and where each element lies, in coordinates and in the packed form.
 */
#ifndef QOQ_GOLDEN_ELEMENT_H
#define QOQ_GOLDEN_ELEMENT_H

#include "data/golden_case.h"

/* Which rule an element falls under; everything outside pages is QOQ_PART_CODE. */
enum qoq_golden_part { QOQ_PART_CODE, QOQ_PART_SCALE, QOQ_PART_ZERO, QOQ_PARTS };

struct qoq_golden_element {
    enum qoq_golden_part part;
    enum qoq_dtype dtype; /* a nibble is QOQ_U8 */
    uint64_t bits;        /* the pattern, without sign extension */
    double value;
};

#define QOQ_GOLDEN_AXES 5

struct qoq_golden_where {
    int axes;
    struct {
        char name[12];
        size_t at, extent;
    } axis[QOQ_GOLDEN_AXES];
    char packed[96]; /* where in the packed form; empty for ordinary arrays */
};

/* Elements of the tensor, padding included. */
size_t qoq_golden_elements(const struct qoq_golden_tensor *t);

/* Element i of `data`, bytes of the type, shape and layout of t. */
void qoq_golden_element(struct qoq_golden_element *out, const struct qoq_golden_tensor *t,
                        const void *data, size_t i);

/* Where element i lies. */
void qoq_golden_where(struct qoq_golden_where *out, const struct qoq_golden_tensor *t, size_t i);

/* 1: the types are floating point. */
int qoq_golden_is_float(enum qoq_dtype dtype);

/* Equal bits, or both NaN (N 14.1). */
int qoq_golden_same(const struct qoq_golden_element *a, const struct qoq_golden_element *b);

/* Steps between two floats of one type, neither NaN; 0 for +0 and -0. */
uint64_t qoq_golden_steps(const struct qoq_golden_element *a, const struct qoq_golden_element *b);

/* "0x3C00 (1)" into text. */
void qoq_golden_element_text(char *text, size_t size, const struct qoq_golden_tensor *t,
                             const struct qoq_golden_element *e);

#endif
