/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Quadratic characters of the field with q elements, q = p, p^2 or p^3 for a prime p (Q 2.2).
 * Element number i is the polynomial whose coefficients are the digits of i in base p, lowest
 * first, modulo x^m + (the polynomial of the smallest number that makes the sum irreducible).
 */
#ifndef QOQ_QUANTIZE_GALOIS_H
#define QOQ_QUANTIZE_GALOIS_H

#include <stddef.h>
#include <stdint.h>

/* The prime p of which q is the first, second or third power, or 0. */
size_t qoq_galois_prime(size_t q);

/* character [q]: of element i 0 for i = 0, 1 for another square, otherwise -1. q as above. */
void qoq_galois_characters(int8_t *character, size_t q);

/* The number of element i - element j. */
size_t qoq_galois_difference(size_t i, size_t j, size_t p);

#endif
