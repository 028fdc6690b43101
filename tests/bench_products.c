/* SPDX-License-Identifier: Apache-2.0 */
/* Speed of the matrix products (N 6) on this machine, `make bench`: best of several runs, 2 m n k
 * operations. */
#include <config.h>

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "qoq.h"

#define SIZE 4096
#define RUNS 5

struct operands {
    size_t m;
    float *x, *w, *y;
    qoq_half *half;
    struct qoq_act act;
    struct qoq_weight weight[QOQ_SCHEMES];
};

static double seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void *array(size_t bytes)
{
    void *memory = calloc(1, bytes);

    if (memory == NULL) {
        fputs("bench_products: not enough memory\n", stderr);
        exit(2);
    }
    return memory;
}

static struct qoq_weight new_weight(enum qoq_scheme scheme, const float *w)
{
    struct qoq_weight out = {scheme, SIZE, SIZE, scheme == QOQ_W4_GROUP ? 128 : 0,
                             NULL,   NULL, NULL, NULL};
    size_t groups = qoq_weight_groups(&out) + 1;

    out.code = array(qoq_weight_code_bytes(&out));
    out.s = array(SIZE * sizeof *out.s);
    out.s2 = array(SIZE * groups);
    out.z = array(SIZE * groups);
    if (qoq_weight_quantize(&out, w) != QOQ_OK)
        exit(2);
    return out;
}

/* op: a scheme, or QOQ_SCHEMES for the ordered binary32 product. */
static double best(struct operands *o, int op)
{
    double least = 1e30;

    for (int run = 0; run < RUNS; run++) {
        double began = seconds();
        enum qoq_status status = op == QOQ_SCHEMES
                                     ? qoq_gemm_f32(o->y, o->x, o->w, NULL, o->m, SIZE, SIZE)
                                     : qoq_gemm(o->half, &o->act, &o->weight[op], NULL);
        double took = seconds() - began;

        if (status != QOQ_OK)
            exit(2);
        least = took < least ? took : least;
    }
    return 2e-9 * (double)o->m * SIZE * SIZE / least;
}

int main(void)
{
    static const char *const names[] = {"W8A8", "W4A8 per channel", "W4A8 group 128",
                                        "binary32 ordered"};
    static const size_t rows[] = {1, 16, 512};
    struct operands o = {.m = 512};
    uint32_t state = 1;

    o.x = array(o.m * SIZE * sizeof *o.x);
    o.w = array((size_t)SIZE * SIZE * sizeof *o.w);
    o.y = array(o.m * SIZE * sizeof *o.y);
    o.half = array(o.m * SIZE * sizeof *o.half);
    o.act = (struct qoq_act){o.m, SIZE, array(o.m * SIZE), array(o.m * sizeof(float)),
                             array(o.m * sizeof(int32_t))};
    for (size_t i = 0; i < (size_t)SIZE * SIZE; i++) {
        state = state * 1664525 + 1013904223;
        o.w[i] = (float)(int32_t)(state >> 8) * 0x1p-24f - 0.5f;
        if (i < o.m * SIZE) {
            o.x[i] = o.w[i];
            o.half[i] = (qoq_half)(0x3000 + (state >> 21));
        }
    }
    if (qoq_act_quantize(&o.act, o.half) != QOQ_OK)
        return 2;
    for (int scheme = 0; scheme < QOQ_SCHEMES; scheme++)
        o.weight[scheme] = new_weight((enum qoq_scheme)scheme, o.w);
    printf("n = k = %d, GOP/s\n%-18s %8s %8s %8s\n", SIZE, "m", "1", "16", "512");
    for (int op = 0; op <= QOQ_SCHEMES; op++) {
        printf("%-18s", names[op]);
        for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
            o.m = o.act.m = rows[i];
            printf(" %8.1f", best(&o, op));
        }
        putchar('\n');
    }
    return 0;
}
