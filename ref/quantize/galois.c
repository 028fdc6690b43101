/* SPDX-License-Identifier: Apache-2.0 */
/* Quadratic characters of small finite fields (Q 2.2), from squaring every element. */
#include "quantize/galois.h"

#include <string.h>

#define DEGREE 3

/* x^degree + modulus[degree - 1] x^(degree - 1) + ... + modulus[0] over the integers mod p. */
struct field {
    size_t p, degree, modulus[DEGREE];
};

static int is_prime(size_t p)
{
    for (size_t d = 2; d * d <= p; d++) {
        if (p % d == 0) {
            return 0;
        }
    }
    return p >= 2;
}

size_t qoq_galois_prime(size_t q)
{
    if (is_prime(q)) {
        return q;
    }
    for (size_t p = 2; p * p <= q; p++) {
        if ((p * p == q || p * p * p == q) && is_prime(p)) {
            return p;
        }
    }
    return 0;
}

static void digits(size_t *digit, size_t number, size_t p)
{
    for (size_t i = 0; i < DEGREE; i++, number /= p) {
        digit[i] = number % p;
    }
}

static size_t number_of(const size_t *digit, size_t p)
{
    return (digit[2] * p + digit[1]) * p + digit[0];
}

static int has_root(const struct field *f)
{
    for (size_t x = 0; x < f->p; x++) {
        size_t value = 1;
        for (size_t i = f->degree; i-- > 0;) {
            value = (value * x + f->modulus[i]) % f->p;
        }
        if (value == 0) {
            return 1;
        }
    }
    return 0;
}

/* Of degree 2 or 3 a polynomial without roots is irreducible. */
static struct field make_field(size_t q)
{
    size_t p = qoq_galois_prime(q);
    struct field f = {p, q == p ? 1 : q == p * p ? 2 : 3, {0}};

    for (size_t i = 0; f.degree > 1 && i < q; i++) {
        digits(f.modulus, i, p);
        if (!has_root(&f)) {
            break;
        }
    }
    return f;
}

static size_t square(const struct field *f, size_t number)
{
    size_t a[DEGREE], product[2 * DEGREE] = {0};

    digits(a, number, f->p);
    for (size_t i = 0; i < f->degree; i++) {
        for (size_t j = 0; j < f->degree; j++) {
            product[i + j] = (product[i + j] + a[i] * a[j]) % f->p;
        }
    }
    for (size_t top = 2 * f->degree - 1; top-- > f->degree;) {
        for (size_t i = 0; i < f->degree; i++) {
            size_t *to = &product[top - f->degree + i];
            *to = (*to + product[top] * (f->p - f->modulus[i])) % f->p;
        }
        product[top] = 0;
    }
    return number_of(product, f->p);
}

void qoq_galois_characters(int8_t *character, size_t q)
{
    struct field f = make_field(q);

    memset(character, -1, q);
    for (size_t i = 1; i < q; i++) {
        character[square(&f, i)] = 1;
    }
    character[0] = 0;
}

size_t qoq_galois_difference(size_t i, size_t j, size_t p)
{
    size_t a[DEGREE], b[DEGREE];

    digits(a, i, p);
    digits(b, j, p);
    for (size_t d = 0; d < DEGREE; d++) {
        a[d] = (a[d] + p - b[d]) % p;
    }
    return number_of(a, p);
}
