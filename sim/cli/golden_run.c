/* SPDX-License-Identifier: Apache-2.0 */
/* Golden cases by the kernels of gpu/, operator by operator. */
#include <config.h>

#include "sim/cli/golden_run.h"

#if HAVE_EMULATOR

#include <stdlib.h>
#include <string.h>

#include "sim/cli/golden_run_internal.h"

size_t qoq_sim_golden_size(const struct qoq_sim_golden_case *run, const char *name)
{
    return (size_t)qoq_golden_parameter_find(run->c, name)->integer;
}

void *qoq_sim_golden_input(struct qoq_sim_golden_case *run, const char *name)
{
    const struct qoq_golden_tensor *t = qoq_golden_tensors_find(&run->c->inputs, name);
    struct qoq_verify_array *array;

    if (t == NULL) {
        return NULL;
    }
    array = qoq_verify_new(&run->arrays, name, qoq_tensor_bytes(&t->tensor), 1);
    if (array == NULL) {
        return NULL;
    }
    memcpy(array->host, t->tensor.data, array->bytes);
    qoq_verify_send(&run->arrays, array);
    return array->device;
}

struct qoq_verify_array *qoq_sim_golden_output(struct qoq_sim_golden_case *run, const char *name)
{
    const struct qoq_golden_tensor *t = qoq_golden_tensors_find(&run->c->outputs, name);

    if (t == NULL) {
        qoq_verify_note(&run->arrays, QOQ_ERR_FORMAT, name);
        return NULL;
    }
    return qoq_verify_new(&run->arrays, name, qoq_tensor_bytes(&t->tensor), 1);
}

void qoq_sim_golden_compare(struct qoq_sim_golden_case *run, const struct qoq_verify_array *array)
{
    void *have = qoq_verify_fetch(&run->arrays, array);

    if (run->arrays.status == QOQ_OK) {
        const struct qoq_golden_tensor *t = qoq_golden_tensors_find(&run->c->outputs, array->name);

        run->elements += qoq_golden_elements(t);
        run->differing += qoq_golden_count(t, t->tensor.data, have);
    }
    free(have);
}

/* ---- Rows ---- */

struct act_outputs {
    struct qoq_verify_array *q, *scale, *sum;
    struct qoq_cuda_act act;
};

static void new_act(struct act_outputs *a, struct qoq_sim_golden_case *run)
{
    size_t m = qoq_sim_golden_size(run, "m"), k = qoq_sim_golden_size(run, "k");

    a->q = qoq_sim_golden_output(run, "q");
    a->scale = qoq_sim_golden_output(run, "scale");
    a->sum = qoq_sim_golden_output(run, "sum");
    if (run->arrays.status == QOQ_OK) {
        a->act = (struct qoq_cuda_act){m, k, k, a->q->device, a->scale->device, a->sum->device};
    }
}

static void compare_act(struct act_outputs *a, struct qoq_sim_golden_case *run)
{
    qoq_sim_golden_compare(run, a->q);
    qoq_sim_golden_compare(run, a->scale);
    qoq_sim_golden_compare(run, a->sum);
}

static void run_rows(struct qoq_sim_golden_case *run)
{
    struct qoq_cuda *handle = run->arrays.handle;
    const char *op = run->c->op;
    enum qoq_status status;
    struct act_outputs a;

    new_act(&a, run);
    if (run->arrays.status != QOQ_OK) {
        return;
    }
    if (strcmp(op, "act_quantize") == 0) {
        status = qoq_cuda_act_quantize(handle, &a.act, qoq_sim_golden_input(run, "x"));
    } else if (strcmp(op, "rmsnorm_quantize") == 0) {
        float eps = (float)qoq_golden_parameter_find(run->c, "eps")->real;
        void *x = qoq_sim_golden_input(run, "x"), *gamma = qoq_sim_golden_input(run, "gamma");

        status = qoq_cuda_rmsnorm_quantize(handle, &a.act, x, NULL, gamma, eps);
    } else {
        void *gate = qoq_sim_golden_input(run, "gate"), *up = qoq_sim_golden_input(run, "up");

        status = qoq_cuda_silu_mul_quantize(handle, &a.act, gate, up, a.act.k);
    }
    qoq_verify_note(&run->arrays, status, op);
    compare_act(&a, run);
}

static void run_residual(struct qoq_sim_golden_case *run)
{
    struct qoq_verify_array *y = qoq_sim_golden_output(run, "y");
    const struct qoq_golden_tensor *r = qoq_golden_tensors_find(&run->c->inputs, "r");
    void *o = qoq_sim_golden_input(run, "o");

    if (run->arrays.status != QOQ_OK) {
        return;
    }
    memcpy(y->host, r->tensor.data, y->bytes);
    qoq_verify_send(&run->arrays, y);
    qoq_verify_note(
        &run->arrays,
        qoq_cuda_residual_add(run->arrays.handle, y->device, o, y->bytes / sizeof(float)),
        "residual_add");
    qoq_sim_golden_compare(run, y);
}

static void run_norm(struct qoq_sim_golden_case *run)
{
    size_t m = qoq_sim_golden_size(run, "m"), k = qoq_sim_golden_size(run, "k");
    float eps = (float)qoq_golden_parameter_find(run->c, "eps")->real;
    struct qoq_verify_array *y = qoq_sim_golden_output(run, "y");
    void *x = qoq_sim_golden_input(run, "x"), *gamma = qoq_sim_golden_input(run, "gamma");

    if (run->arrays.status != QOQ_OK) {
        return;
    }
    qoq_verify_note(
        &run->arrays,
        qoq_cuda_rmsnorm(run->arrays.handle, y->device, x, NULL, gamma, NULL, m, k, eps),
        "rmsnorm");
    qoq_sim_golden_compare(run, y);
}

/* ---- Products ---- */

static void run_ordered(struct qoq_sim_golden_case *run)
{
    struct qoq_verify_array *y = qoq_sim_golden_output(run, "y");
    void *x = qoq_sim_golden_input(run, "x"), *w = qoq_sim_golden_input(run, "w");

    if (run->arrays.status != QOQ_OK) {
        return;
    }
    qoq_verify_note(&run->arrays,
                    qoq_cuda_gemm_f16(run->arrays.handle, y->device, x, w,
                                      qoq_sim_golden_size(run, "m"), qoq_sim_golden_size(run, "n"),
                                      qoq_sim_golden_size(run, "k")),
                    "gemm_f16");
    qoq_sim_golden_compare(run, y);
}

static void multiply(struct qoq_sim_golden_case *run, struct qoq_verify_array *y,
                     const struct qoq_cuda_act *x, const struct qoq_cuda_weight *w,
                     const float *bias, int tile)
{
    struct qoq_cuda *handle = run->arrays.handle;
    struct qoq_verify_array *scratch;
    size_t bytes = 0;

    qoq_cuda_gemm_choose(handle, tile, 0);
    if (run->arrays.status == QOQ_OK) {
        qoq_verify_note(&run->arrays, qoq_cuda_gemm_scratch(handle, &bytes, x->m, w), run->c->op);
    }
    scratch = qoq_verify_new(&run->arrays, "scratch", bytes, 1);
    if (run->arrays.status == QOQ_OK) {
        qoq_verify_send(&run->arrays, scratch);
        qoq_verify_note(&run->arrays,
                        qoq_cuda_gemm(handle, y->device, x, w, bias, scratch->device, bytes),
                        run->c->op);
        qoq_sim_golden_compare(run, y);
    }
    qoq_cuda_gemm_choose(handle, -1, 0);
}

/* By the tile that the imagined GPU takes, and by one of wgmma where the operands admit it. */
static void run_product(struct qoq_sim_golden_case *run)
{
    const char *op = run->c->op;
    int w8 = strcmp(op, "gemm_w8a8") == 0, group = strcmp(op, "gemm_w4a8_group") == 0;
    struct qoq_cuda_act x = {.m = qoq_sim_golden_size(run, "m"),
                             .k = qoq_sim_golden_size(run, "k")};
    struct qoq_cuda_weight w = {.scheme = w8      ? QOQ_W8
                                          : group ? QOQ_W4_GROUP
                                                  : QOQ_W4_CHANNEL,
                                .n = qoq_sim_golden_size(run, "n"),
                                .k = x.k,
                                .group = group ? qoq_sim_golden_size(run, "group") : 0};
    struct qoq_verify_array *y = qoq_sim_golden_output(run, "y");
    float *bias = qoq_sim_golden_input(run, "bias");

    x.pitch = x.k;
    x.q = qoq_sim_golden_input(run, "q");
    x.scale = qoq_sim_golden_input(run, "scale");
    x.sum = qoq_sim_golden_input(run, "sum");
    w.code = qoq_sim_golden_input(run, w8 ? "code" : "tiled");
    w.s = qoq_sim_golden_input(run, "s");
    w.z = group || w8 ? NULL : qoq_sim_golden_input(run, "z");
    w.s2_scales = group ? qoq_sim_golden_input(run, "s2_scales") : NULL;
    w.s2_zeros = group ? qoq_sim_golden_input(run, "s2_zeros") : NULL;
    multiply(run, y, &x, &w, bias, -1);
    multiply(run, y, &x, &w, bias, qoq_cuda_gemm_tiles() - 1 - (int)(x.m % 6));
}

static const struct {
    const char *op;
    void (*run)(struct qoq_sim_golden_case *run);
} operators[] = {
    {"act_quantize", run_rows},
    {"rmsnorm_quantize", run_rows},
    {"silu_mul_quantize", run_rows},
    {"residual_add", run_residual},
    {"gemm_w8a8", run_product},
    {"gemm_w4a8_channel", run_product},
    {"gemm_w4a8_group", run_product},
    {"attention_decode", qoq_sim_golden_decode},
    {"attention_prefill", qoq_sim_golden_prefill},
    {"attention_split", qoq_sim_golden_split},
    {"rmsnorm", run_norm},
    {"gemm_f16", run_ordered},
};

enum qoq_status qoq_sim_golden_run(struct qoq_cuda *handle, size_t *elements, size_t *differing,
                                   const struct qoq_golden_case *c)
{
    struct qoq_sim_golden_case run = {.c = c};

    run.arrays.handle = handle;
    run.arrays.bands = !qoq_cuda_is_emulated(handle);
    for (size_t i = 0; i < sizeof operators / sizeof operators[0]; i++) {
        if (strcmp(operators[i].op, c->op) == 0) {
            operators[i].run(&run);
            qoq_verify_free(&run.arrays);
            *elements = run.elements;
            *differing = run.differing;
            return run.arrays.status;
        }
    }
    return QOQ_ERR_UNSUPPORTED;
}

#endif
