/* SPDX-License-Identifier: Apache-2.0 */
/* Golden cases of rows: quantization, norms, residual, SiLU, embedding, choice. */
#include "gpu/verify/golden_case.h"

struct act_outputs {
    struct qoq_verify_array *q, *scale, *sum;
    struct qoq_cuda_act act;
};

/* -1: the case cannot be run, which is noted. */
static int new_act(struct act_outputs *a, struct qoq_verify_golden_case *run)
{
    size_t m = qoq_verify_golden_size(run, "m"), k = qoq_verify_golden_size(run, "k");

    a->q = qoq_verify_golden_output(run, "q");
    a->scale = qoq_verify_golden_output(run, "scale");
    a->sum = qoq_verify_golden_output(run, "sum");
    if (run->arrays.status != QOQ_OK) {
        return -1;
    }
    a->act = (struct qoq_cuda_act){m, k, k, a->q->device, a->scale->device, a->sum->device};
    return 0;
}

static void finish_act(struct act_outputs *a, struct qoq_verify_golden_case *run,
                       enum qoq_status status)
{
    qoq_verify_golden_note(run, status);
    qoq_verify_golden_compare(run, a->q);
    qoq_verify_golden_compare(run, a->scale);
    qoq_verify_golden_compare(run, a->sum);
}

void qoq_verify_golden_act(struct qoq_verify_golden_case *run)
{
    void *x = qoq_verify_golden_input(run, "x");
    struct act_outputs a;

    if (new_act(&a, run) == 0) {
        finish_act(&a, run, qoq_cuda_act_quantize(run->arrays.handle, &a.act, x));
    }
}

void qoq_verify_golden_norm_act(struct qoq_verify_golden_case *run)
{
    void *x = qoq_verify_golden_input(run, "x"), *gamma = qoq_verify_golden_input(run, "gamma");
    struct act_outputs a;

    if (new_act(&a, run) == 0) {
        finish_act(&a, run,
                   qoq_cuda_rmsnorm_quantize(run->arrays.handle, &a.act, x, NULL, gamma,
                                             qoq_verify_golden_real(run, "eps")));
    }
}

void qoq_verify_golden_residual_act(struct qoq_verify_golden_case *run)
{
    void *o = qoq_verify_golden_input(run, "o"), *gamma = qoq_verify_golden_input(run, "gamma");
    struct qoq_verify_array *y = qoq_verify_golden_changed(run, "y", "r");
    struct act_outputs a;

    if (new_act(&a, run) == 0) {
        finish_act(&a, run,
                   qoq_cuda_rmsnorm_quantize(run->arrays.handle, &a.act, y->device, o, gamma,
                                             qoq_verify_golden_real(run, "eps")));
        qoq_verify_golden_compare(run, y);
    }
}

void qoq_verify_golden_silu(struct qoq_verify_golden_case *run)
{
    void *gate = qoq_verify_golden_input(run, "gate"), *up = qoq_verify_golden_input(run, "up");
    struct act_outputs a;

    if (new_act(&a, run) == 0) {
        finish_act(&a, run,
                   qoq_cuda_silu_mul_quantize(run->arrays.handle, &a.act, gate, up, a.act.k));
    }
}

void qoq_verify_golden_residual(struct qoq_verify_golden_case *run)
{
    void *o = qoq_verify_golden_input(run, "o");
    struct qoq_verify_array *y = qoq_verify_golden_changed(run, "y", "r");

    if (run->arrays.status == QOQ_OK) {
        qoq_verify_golden_note(
            run, qoq_cuda_residual_add(run->arrays.handle, y->device, o, y->bytes / sizeof(float)));
        qoq_verify_golden_compare(run, y);
    }
}

/* RMSNorm that stays binary32, of r; o and row may be NULL. */
static void norm(struct qoq_verify_golden_case *run, float *r, const qoq_half *o,
                 const int32_t *row)
{
    void *gamma = qoq_verify_golden_input(run, "gamma");
    struct qoq_verify_array *y = qoq_verify_golden_output(run, "y");

    if (run->arrays.status == QOQ_OK) {
        qoq_verify_golden_note(run, qoq_cuda_rmsnorm(run->arrays.handle, y->device, r, o, gamma,
                                                     row, qoq_verify_golden_size(run, "m"),
                                                     qoq_verify_golden_size(run, "k"),
                                                     qoq_verify_golden_real(run, "eps")));
        qoq_verify_golden_compare(run, y);
    }
}

void qoq_verify_golden_norm(struct qoq_verify_golden_case *run)
{
    norm(run, qoq_verify_golden_input(run, "x"), NULL, NULL);
}

/* Row numbers, or tokens, from a file: each below a limit. */
static void check_below(struct qoq_verify_golden_case *run, const char *name, size_t limit)
{
    const struct qoq_golden_tensor *t = qoq_golden_tensors_find(&run->c->inputs, name);
    const int32_t *value = t->tensor.data;

    for (size_t i = 0; i < t->tensor.dim[0]; i++) {
        if (value[i] < 0 || (size_t)value[i] >= limit) {
            qoq_verify_note(&run->arrays, QOQ_ERR_RANGE, name);
        }
    }
}

void qoq_verify_golden_residual_norm(struct qoq_verify_golden_case *run)
{
    void *r = qoq_verify_golden_input(run, "r"), *o = qoq_verify_golden_input(run, "o");

    check_below(run, "row", qoq_verify_golden_size(run, "rows"));
    norm(run, r, o, qoq_verify_golden_input(run, "row"));
}

void qoq_verify_golden_embed(struct qoq_verify_golden_case *run)
{
    size_t m = qoq_verify_golden_size(run, "m"), k = qoq_verify_golden_size(run, "k");
    size_t vocab = qoq_verify_golden_size(run, "vocab");
    void *table = qoq_verify_golden_input(run, "table");
    void *token = qoq_verify_golden_input(run, "token");
    struct qoq_verify_array *r = qoq_verify_golden_output(run, "r");

    check_below(run, "token", vocab);
    if (run->arrays.status == QOQ_OK) {
        qoq_verify_golden_note(
            run, qoq_cuda_embed(run->arrays.handle, r->device, table, token, m, vocab, k));
        qoq_verify_golden_compare(run, r);
    }
}

void qoq_verify_golden_argmax(struct qoq_verify_golden_case *run)
{
    void *logits = qoq_verify_golden_input(run, "logits");
    struct qoq_verify_array *token = qoq_verify_golden_output(run, "token");

    if (run->arrays.status == QOQ_OK) {
        qoq_verify_golden_note(run, qoq_cuda_argmax(run->arrays.handle, token->device, logits,
                                                    qoq_verify_golden_size(run, "m"),
                                                    qoq_verify_golden_size(run, "n")));
        qoq_verify_golden_compare(run, token);
    }
}
