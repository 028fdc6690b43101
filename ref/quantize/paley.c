/* SPDX-License-Identifier: Apache-2.0 */
/*
 * With Q[i][j] the character of element i - element j of the field with q elements (Q 2.2):
 * I, order q + 1, q = 3 mod 4: I + [[0, 1], [-1, Q]];
 * II, order 2 (q + 1), q = 1 mod 4: [[0, 1], [1, Q]] with +-[[1, 1], [1, -1]] for +-1 and
 * [[1, -1], [-1, -1]] for 0.
 */
#include "quantize/paley.h"

#include "quantize/galois.h"

static int is_first(size_t order)
{
    return order % 4 == 0 && qoq_galois_prime(order - 1) != 0;
}

static int is_second(size_t order)
{
    return order % 4 == 0 && order % 8 != 0 && order > 4 && qoq_galois_prime(order / 2 - 1) != 0;
}

int qoq_paley_exists(size_t order)
{
    return order <= QOQ_PALEY_MAX && (is_first(order) || is_second(order));
}

/* Entry of the bordered matrix of characters, whose first column is `edge` below its 0. */
static int bordered(const int8_t *character, size_t p, size_t i, size_t j, int edge)
{
    if (i == 0 || j == 0) {
        return i == j ? 0 : i == 0 ? 1 : edge;
    }
    return character[qoq_galois_difference(i - 1, j - 1, p)];
}

static void first(double *h, size_t order, const int8_t *character)
{
    size_t p = qoq_galois_prime(order - 1);

    for (size_t i = 0; i < order; i++) {
        for (size_t j = 0; j < order; j++) {
            h[i * order + j] = i == j ? 1 : bordered(character, p, i, j, -1);
        }
    }
}

static void second(double *h, size_t order, const int8_t *character)
{
    static const int sign[2][2] = {{1, 1}, {1, -1}}, zero[2][2] = {{1, -1}, {-1, -1}};
    size_t p = qoq_galois_prime(order / 2 - 1);

    for (size_t i = 0; i < order; i++) {
        for (size_t j = 0; j < order; j++) {
            int c = bordered(character, p, i / 2, j / 2, 1);
            h[i * order + j] = c == 0 ? zero[i % 2][j % 2] : c * sign[i % 2][j % 2];
        }
    }
}

enum qoq_status qoq_paley(double *h, size_t order)
{
    int8_t character[QOQ_PALEY_MAX];

    if (!qoq_paley_exists(order)) {
        return QOQ_ERR_UNSUPPORTED;
    }
    if (is_first(order)) {
        qoq_galois_characters(character, order - 1);
        first(h, order, character);
    } else {
        qoq_galois_characters(character, order / 2 - 1);
        second(h, order, character);
    }
    return QOQ_OK;
}
