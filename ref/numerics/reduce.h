/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sums in binary32 in an order that depends on the length alone, and exact extrema.
 *
 * Leaves and tree: elements are cut into leaves of QOQ_LEAF consecutive ones. A leaf is summed in
 * sequence, starting from +0. The leaf sums, padded with +0 to a power of two, are added pairwise,
 * 2i with 2i + 1, level by level, until one value is left; to it +0 is added. No element gives +0.
 *
 * The last leaf may be short: filling it with zeros changes nothing. Adding a zero, or a product of
 * zeros, to a non-zero sum leaves it, so only the sign of a zero could differ. A -0 arises in one
 * way: a leaf of products whose negative sum is too small for a subnormal. No later non-zero
 * value feels the sign of a zero added to it, and the +0 at the end makes any zero result +0.
 */
#ifndef QOQ_NUMERICS_REDUCE_H
#define QOQ_NUMERICS_REDUCE_H

#include "numerics/assumptions.h"
#include "numerics/target.h"

#include <stddef.h>

#define QOQ_LEAF 16

/* Sum of x[i]; in a leaf acc = acc + x[i]. */
float qoq_sum(const float *x, size_t n);

/* Sum of x[i]^2; in a leaf acc = fma(x[i], x[i], acc). */
float qoq_sum_squares(const float *x, size_t n);

/* Sum of x[i] * y[i]; in a leaf acc = fma(x[i], y[i], acc). */
float qoq_sum_products(const float *x, const float *y, size_t n);

/* Largest |x[i]|, exact, in any order; 0 for n = 0, NaN if any element is NaN. */
float qoq_max_abs(const float *x, size_t n);

/*
 * Smallest and largest element, exact, in any order, with -0 below +0; n >= 1. A NaN in any element
 * gives NaN twice.
 */
void qoq_min_max(float *lo, float *hi, const float *x, size_t n);

/* The sums by the plain text alone, for tests: x [n], and y [n] of products or NULL. */
float qoq_sum_plain(const float *x, const float *y, size_t n);

#if QOQ_FMA_TARGET
/* The root of the tree over eight whole leaves, x [8 * QOQ_LEAF], and of products with y [the
 * same]. Only for machines with qoq_machine_has_fma. */
float qoq_eight_leaves_avx2(const float *x);
float qoq_eight_leaves_of_products_avx2(const float *x, const float *y);
#endif

#endif
