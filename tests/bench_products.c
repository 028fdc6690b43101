/* SPDX-License-Identifier: Apache-2.0 */
/* Speed of the matrix products (N 6) on this machine, `make bench`: best of several runs, 2 m n k
 * operations. */
#include <config.h>

#include "bench.h"
#include "qoq.h"

#define SIZE 4096
#define RUNS 5

struct operands {
    int op; /* a scheme, or QOQ_SCHEMES for the ordered binary32 product */
    size_t m;
    float *x, *w, *y;
    qoq_half *half;
    struct qoq_act act;
    struct qoq_weight weight[QOQ_SCHEMES];
};

static struct qoq_weight new_weight(enum qoq_scheme scheme, const float *w)
{
    struct qoq_weight out = {scheme, SIZE, SIZE, scheme == QOQ_W4_GROUP ? 128 : 0,
                             NULL,   NULL, NULL, NULL};
    size_t groups = qoq_weight_groups(&out) + 1;

    out.code = bench_array(qoq_weight_code_bytes(&out));
    out.s = bench_array(SIZE * sizeof *out.s);
    out.s2 = bench_array(SIZE * groups);
    out.z = bench_array(SIZE * groups);
    if (qoq_weight_quantize(&out, w) != QOQ_OK)
        exit(2);
    return out;
}

static void run_product(void *operands)
{
    struct operands *o = operands;
    enum qoq_status status = o->op == QOQ_SCHEMES
                                 ? qoq_gemm_f32(o->y, o->x, o->w, NULL, o->m, SIZE, SIZE)
                                 : qoq_gemm(o->half, &o->act, &o->weight[o->op], NULL);

    if (status != QOQ_OK)
        exit(2);
}

int main(void)
{
    static const char *const names[] = {"W8A8", "W4A8 per channel", "W4A8 group 128",
                                        "binary32 ordered"};
    static const size_t rows[] = {1, 16, 512};
    struct operands o = {.m = 512};
    uint32_t state = 1;

    o.x = bench_array(o.m * SIZE * sizeof *o.x);
    o.w = bench_array((size_t)SIZE * SIZE * sizeof *o.w);
    o.y = bench_array(o.m * SIZE * sizeof *o.y);
    o.half = bench_array(o.m * SIZE * sizeof *o.half);
    o.act = (struct qoq_act){o.m, SIZE, bench_array(o.m * SIZE), bench_array(o.m * sizeof(float)),
                             bench_array(o.m * sizeof(int32_t))};
    for (size_t i = 0; i < (size_t)SIZE * SIZE; i++) {
        o.w[i] = 0.5f * bench_number(&state);
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
    for (o.op = 0; o.op <= QOQ_SCHEMES; o.op++) {
        printf("%-18s", names[o.op]);
        for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
            o.m = o.act.m = rows[i];
            printf(" %8.1f", 2e-9 * (double)o.m * SIZE * SIZE / bench_best(RUNS, run_product, &o));
        }
        putchar('\n');
    }
    return 0;
}
