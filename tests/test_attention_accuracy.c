/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How far attention (N 11) is from exact softmax attention over the same dequantized cache, before
 * its output is rounded to binary16 (N 11.6), and what QServe's arithmetic (N 27) does with the
 * same data. Errors are relative to max |v|. The findings go to stderr.
 */
#include "kv_cache.h"
#include "qoq_qserve.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define DIM_MAX 256

static const size_t contexts[] = {1, 127, 129, 1000, 2047, 2049, 4097, 5000};

/* One head over `context` tokens; queries of the given deviation, so that logits have it too. */
struct problem {
    size_t context, dim;
    float *x, *k, *v;
    double largest; /* |v| */
};

struct error {
    double most, squares;
    size_t count;
};

static void note(struct error *e, long double difference, double scale)
{
    double a = isnan(difference) ? INFINITY : fabs((double)difference) / scale;

    e->most = a > e->most ? a : e->most;
    e->squares += a * a;
    e->count++;
}

static double rms(const struct error *e)
{
    return sqrt(e->squares / (double)e->count);
}

static float to_half_precision(float x)
{
    return qoq_half_to_float(qoq_half_from_float(x));
}

/*
 * Values of binary16, so that both profiles can start from them; keys have an offset per channel.
 */
static struct problem problem_new(size_t context, size_t dim, float spread, float offset,
                                  struct test_random *r)
{
    struct problem p = {.context = context, .dim = dim};

    p.x = normal_floats(r, dim, spread);
    p.k = normal_floats(r, context * dim, 1.0f);
    p.v = normal_floats(r, context * dim, 1.0f);
    for (size_t d = 0; d < dim; d++) {
        float shift = test_normal(r, offset);

        p.x[d] = to_half_precision(p.x[d]);
        for (size_t t = 0; t < context; t++) {
            p.k[t * dim + d] = to_half_precision(p.k[t * dim + d] + shift);
            p.v[t * dim + d] = to_half_precision(p.v[t * dim + d]);
            p.largest = fmax(p.largest, fabs((double)p.v[t * dim + d]));
        }
    }
    return p;
}

static void problem_free(struct problem *p)
{
    guard_free(p->x);
    guard_free(p->k);
    guard_free(p->v);
}

/* O / L of N 11.6, merged from the public parts in the order of N 11.5. */
static void unrounded(double *out, const float *x, const struct kv_cache *c)
{
    size_t splits = (c->tokens + 127) / 128, dim = c->layout.head_dim;
    struct qoq_attention_partial *p = malloc(splits * sizeof *p);

    for (size_t j = 0; j < splits; j++)
        cr_assert_eq(qoq_attention_split(&p[j], x, &c->sequence, c->tokens, j, 0, 1, &c->layout),
                     QOQ_OK);
    for (size_t j = 0; j < splits; j++) {
        if (j % 16 != 0)
            qoq_attention_merge(&p[j - j % 16], &p[j], dim);
    }
    for (size_t step = 16; step < splits; step *= 2) {
        for (size_t j = 0; j + step < splits; j += 2 * step)
            qoq_attention_merge(&p[j], &p[j + step], dim);
    }
    for (size_t d = 0; d < dim; d++)
        out[d] = (double)p->out[d] / (double)p->sum;
    free(p);
}

/* Arithmetic: against the dequantized cache. Total: against the values before the cache. */
static void run_qoq(struct error *arithmetic, struct error *total, const struct problem *p,
                    unsigned bits, struct test_random *r)
{
    struct kv_cache c = kv_cache_new((struct qoq_kv_layout){bits, 64, 1, p->dim}, p->context, r);
    size_t count = p->context * p->dim;
    float *k = malloc(count * sizeof *k), *v = malloc(count * sizeof *v);
    long double exact[DIM_MAX], original[DIM_MAX];
    double out[DIM_MAX];
    qoq_half rounded[DIM_MAX];

    kv_cache_write(&c, p->k, p->v, 0);
    kv_cache_read(k, v, &c);
    unrounded(out, p->x, &c);
    exact_attention(exact, p->x, k, v, p->context, p->dim, p->dim);
    exact_attention(original, p->x, p->k, p->v, p->context, p->dim, p->dim);
    cr_assert_eq(qoq_attention(rounded, p->x, &c.sequence, p->context, 1, &c.layout), QOQ_OK);
    for (size_t d = 0; d < p->dim; d++) {
        double y = (double)qoq_half_to_float(rounded[d]);

        note(arithmetic, out[d] - exact[d], p->largest);
        note(total, y - original[d], p->largest);
        cr_assert(fabs(y - out[d]) <= fabs(out[d]) * 0x1.001p-11 + 0x1p-25, "%g is not %g", y,
                  out[d]);
    }
    kv_cache_free(&c);
    free(k);
    free(v);
}

static void qserve_put(uint8_t *page, float *v, const struct qoq_kv_layout *layout, size_t slot)
{
    qoq_half h[DIM_MAX];

    for (size_t d = 0; d < layout->head_dim; d++)
        h[d] = qoq_half_from_float(v[d]);
    cr_assert_eq(qoq_qserve_kv_write(page, h, layout, slot), QOQ_OK);
    cr_assert_eq(qoq_qserve_kv_read(h, page, layout, slot), QOQ_OK);
    for (size_t d = 0; d < layout->head_dim; d++)
        v[d] = qoq_half_to_float(h[d]);
}

/* The same in QServe's numbers; the last token is not quantized there. */
static void run_qserve(struct error *arithmetic, struct error *total, const struct problem *p,
                       unsigned bits, struct test_random *r)
{
    struct kv_cache c = kv_cache_new((struct qoq_kv_layout){bits, 64, 1, 128}, p->context, r);
    size_t count = p->context * 128, last = count - 128;
    float *k = malloc(count * sizeof *k), *v = malloc(count * sizeof *v);
    float *work = malloc(p->context * sizeof *work);
    long double exact[128], original[128];
    qoq_half now[4][128];

    memcpy(k, p->k, count * sizeof *k);
    memcpy(v, p->v, count * sizeof *v);
    for (size_t t = 0; t + 1 < p->context; t++) {
        qserve_put(c.k[t / 64], k + t * 128, &c.layout, t % 64);
        qserve_put(c.v[t / 64], v + t * 128, &c.layout, t % 64);
    }
    for (size_t d = 0; d < 128; d++) {
        now[0][d] = qoq_half_from_float(p->x[d]);
        now[1][d] = qoq_half_from_float(k[last + d]);
        now[2][d] = qoq_half_from_float(v[last + d]);
    }
    exact_attention(exact, p->x, k, v, p->context, 128, 128);
    exact_attention(original, p->x, p->k, p->v, p->context, 128, 128);
    cr_assert_eq(qoq_qserve_attention(now[3], work, now[0], now[1], now[2], &c.sequence, p->context,
                                      1, &c.layout),
                 QOQ_OK);
    for (size_t d = 0; d < 128; d++) {
        note(arithmetic, (long double)qoq_half_to_float(now[3][d]) - exact[d], p->largest);
        note(total, (long double)qoq_half_to_float(now[3][d]) - original[d], p->largest);
    }
    kv_cache_free(&c);
    free(k);
    free(v);
    free(work);
}

/* Largest error allowed at each deviation of the logits; peaked softmax loses more in W. */
struct spread {
    float deviation, offset;
    double bound;
};

static const struct spread spreads[] = {
    {1.0f, 0.0f, 0x1p-13}, {3.0f, 0.0f, 0x1p-11}, {8.0f, 3.0f, 0x1p-11}};

static void measure(size_t dim, unsigned bits, const struct spread *s)
{
    struct error ours = {0.0, 0.0, 0}, ours_total = ours, theirs = ours, theirs_total = ours;

    for (size_t i = 0; i < COUNT(contexts); i++) {
        struct test_random r = test_random(contexts[i] * 1000 + dim + bits);
        struct problem p = problem_new(contexts[i], dim, s->deviation, s->offset, &r);

        run_qoq(&ours, &ours_total, &p, bits, &r);
        if (dim == 128)
            run_qserve(&theirs, &theirs_total, &p, bits, &r);
        problem_free(&p);
    }
    fprintf(stderr,
            "logits +-%g, KV%u, D=%3zu: largest 2^%.2f, rms 2^%.2f, with the cache's rms 2^%.2f",
            (double)s->deviation, bits, dim, log2(ours.most), log2(rms(&ours)),
            log2(rms(&ours_total)));
    if (dim == 128)
        fprintf(stderr, "; qserve 2^%.2f, 2^%.2f, 2^%.2f", log2(theirs.most), log2(rms(&theirs)),
                log2(rms(&theirs_total)));
    fprintf(stderr, "\n");
    cr_assert(ours.most <= s->bound, "logits +-%g KV%u D=%zu: 2^%.2f" SEED_FORMAT,
              (double)s->deviation, bits, dim, log2(ours.most), test_seed());
    if (dim == 128)
        cr_assert(rms(&ours) < rms(&theirs), "logits +-%g KV%u: 2^%.2f, qserve 2^%.2f" SEED_FORMAT,
                  (double)s->deviation, bits, log2(rms(&ours)), log2(rms(&theirs)), test_seed());
}

static void measure_all(const struct spread *s)
{
    static const size_t dims[] = {8, 64, 128, 256};

    for (size_t i = 0; i < COUNT(dims); i++) {
        measure(dims[i], 4, s);
        measure(dims[i], 8, s);
    }
}

Test(attention_accuracy, flat_logits)
{
    measure_all(&spreads[0]);
}

Test(attention_accuracy, usual_logits)
{
    measure_all(&spreads[1]);
}

Test(attention_accuracy, peaked_logits)
{
    measure_all(&spreads[2]);
}

/*
 * The worst case of W: one token with probability 1 and 127 others whose weights fall just short of
 * half a unit and vanish, while L counts them. The loss stays below 64 units of W times half the
 * range of the codes, 2^-10 of the range of the values.
 */
Test(attention_accuracy, vanishing_weights)
{
    struct test_random r = test_random(1);
    struct kv_cache c = kv_cache_new((struct qoq_kv_layout){8, 128, 1, 2}, 128, &r);
    float x[2] = {1.0f, 1.0f}, k[256], v[256], kd[256], vd[256];
    long double exact[2];
    double out[2];

    for (size_t t = 0; t < 128; t++) {
        k[2 * t] = k[2 * t + 1] = t == 0 ? 0.0f : -11.1f / 1.41421356f;
        v[2 * t] = t == 0 ? 0.0f : 1.0f;
        v[2 * t + 1] = t == 0 ? 1.0f : 0.0f;
    }
    kv_cache_write(&c, k, v, 0);
    kv_cache_read(kd, vd, &c);
    exact_attention(exact, x, kd, vd, 128, 2, 2);
    unrounded(out, x, &c);
    fprintf(stderr, "vanishing weights: off by 2^%.2f of the range\n",
            log2(fabs((double)(out[0] - exact[0]))));
    cr_assert(fabsl(out[0] - exact[0]) <= 0x1p-10L && fabsl(out[0] - exact[0]) > 0x1p-11L);
    kv_cache_free(&c);
}

/*
 * Vectors far from zero: QServe's codes wrap (KV4), ours only lose what binary16 loses in the zero
 * itself. Against the values before the cache, relative to max |v|.
 */
Test(attention_accuracy, far_offsets)
{
    for (unsigned bits = 4; bits <= 8; bits += 4) {
        struct error ours = {0.0, 0.0, 0}, ours_total = ours, theirs = ours, theirs_total = ours;
        struct test_random r = test_random(2);
        struct problem p = problem_new(200, 128, 0.01f, 0.0f, &r);

        for (size_t i = 0; i < 200 * 128; i++) {
            p.v[i] = to_half_precision(1000.0f + p.v[i]);
            p.k[i] = to_half_precision(-1000.0f + p.k[i]);
        }
        p.largest = 1005.0;
        run_qoq(&ours, &ours_total, &p, bits, &r);
        run_qserve(&theirs, &theirs_total, &p, bits, &r);
        fprintf(stderr, "far offsets, KV%u: 2^%.2f, with the cache 2^%.2f; qserve 2^%.2f, 2^%.2f\n",
                bits, log2(ours.most), log2(ours_total.most), log2(theirs.most),
                log2(theirs_total.most));
        cr_assert(ours.most <= 0x1p-15, "KV%u: 2^%.2f" SEED_FORMAT, bits, log2(ours.most),
                  test_seed());
        cr_assert(theirs_total.most > ours_total.most, "KV%u" SEED_FORMAT, bits, test_seed());
        cr_assert(ours_total.most <= 0x1p-10, "KV%u: 2^%.2f" SEED_FORMAT, bits,
                  log2(ours_total.most), test_seed());
        problem_free(&p);
    }
}
