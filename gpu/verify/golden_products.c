/* SPDX-License-Identifier: Apache-2.0 */
/* Golden cases of matrix products, by every tile. */
#include "gpu/verify/golden_case.h"

#include <string.h>

void qoq_verify_golden_ordered(struct qoq_verify_golden_case *run)
{
    void *x = qoq_verify_golden_input(run, "x"), *w = qoq_verify_golden_input(run, "w");
    struct qoq_verify_array *y = qoq_verify_golden_output(run, "y");

    if (run->arrays.status == QOQ_OK) {
        qoq_verify_golden_note(run, qoq_cuda_gemm_f16(run->arrays.handle, y->device, x, w,
                                                      qoq_verify_golden_size(run, "m"),
                                                      qoq_verify_golden_size(run, "n"),
                                                      qoq_verify_golden_size(run, "k")));
        qoq_verify_golden_compare(run, y);
    }
}

/* Operands on the device. */
struct product {
    struct qoq_cuda_act x;
    struct qoq_cuda_weight w;
    float *bias;
    struct qoq_verify_array *y;
};

static void new_product(struct product *p, struct qoq_verify_golden_case *run)
{
    const char *op = run->c->op;
    int w8 = strcmp(op, "gemm_w8a8") == 0, group = strcmp(op, "gemm_w4a8_group") == 0;
    size_t k = qoq_verify_golden_size(run, "k");

    p->x = (struct qoq_cuda_act){.m = qoq_verify_golden_size(run, "m"),
                                 .k = k,
                                 .pitch = k,
                                 .q = qoq_verify_golden_input(run, "q"),
                                 .scale = qoq_verify_golden_input(run, "scale"),
                                 .sum = qoq_verify_golden_input(run, "sum")};
    p->w = (struct qoq_cuda_weight){
        .scheme = w8      ? QOQ_W8
                  : group ? QOQ_W4_GROUP
                          : QOQ_W4_CHANNEL,
        .n = qoq_verify_golden_size(run, "n"),
        .k = k,
        .group = group ? qoq_verify_golden_size(run, "group") : 0,
        .code = qoq_verify_golden_input(run, w8 ? "code" : "tiled"),
        .s = qoq_verify_golden_input(run, "s"),
        .z = group || w8 ? NULL : qoq_verify_golden_input(run, "z"),
        .s2_scales = group ? qoq_verify_golden_input(run, "s2_scales") : NULL,
        .s2_zeros = group ? qoq_verify_golden_input(run, "s2_zeros") : NULL};
    p->bias = qoq_verify_golden_input(run, "bias");
    p->y = qoq_verify_golden_output(run, "y");
}

static void multiply(struct product *p, struct qoq_verify_golden_case *run,
                     struct qoq_verify_array **scratch)
{
    struct qoq_cuda *handle = run->arrays.handle;
    size_t bytes = 0;

    qoq_verify_golden_note(run, qoq_cuda_gemm_scratch(handle, &bytes, p->x.m, &p->w));
    /* Another tile may want more. */
    if (*scratch == NULL || (*scratch)->bytes < bytes) {
        *scratch = qoq_verify_new(&run->arrays, "scratch", bytes, 1);
        if (*scratch != NULL) {
            qoq_verify_send(&run->arrays, *scratch);
        }
    }
    qoq_verify_golden_spoil(run, p->y);
    if (run->arrays.status == QOQ_OK) {
        qoq_verify_golden_note(run, qoq_cuda_gemm(handle, p->y->device, &p->x, &p->w, p->bias,
                                                  (*scratch)->device, bytes));
        qoq_verify_golden_compare(run, p->y);
    }
}

/* The library's choice, then each tile; one that the device or the operands do not admit gives way
 * to another. */
void qoq_verify_golden_product(struct qoq_verify_golden_case *run)
{
    struct qoq_verify_array *scratch = NULL;
    struct product p;
    size_t elements;

    new_product(&p, run);
    multiply(&p, run, &scratch);
    elements = run->out->elements;
    for (int tile = 0; tile < qoq_cuda_gemm_tiles() && run->arrays.status == QOQ_OK; tile++) {
        qoq_cuda_gemm_choose(run->arrays.handle, tile, 0);
        run->choice = "tile";
        run->chosen = tile;
        multiply(&p, run, &scratch);
    }
    qoq_cuda_gemm_choose(run->arrays.handle, -1, 0);
    run->out->elements = elements;
}
