/* SPDX-License-Identifier: Apache-2.0 */
/* Golden cases by the kernels of gpu/, operator by operator. */
#include <config.h>

#include "sim/cli/golden_run.h"

#if HAVE_EMULATOR

#include <stdlib.h>
#include <string.h>

#include "golden/compare.h"
#include "gpu/verify/arrays.h"

/* A case on the device. */
struct run {
    struct qoq_verify_arrays arrays;
    const struct qoq_golden_case *c;
    size_t elements, differing;
};

static size_t size_of(const struct run *run, const char *name)
{
    return (size_t)qoq_golden_parameter_find(run->c, name)->integer;
}

/* The device's copy of an input; NULL where the case has none. */
static void *input(struct run *run, const char *name)
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

static struct qoq_verify_array *output(struct run *run, const char *name)
{
    const struct qoq_golden_tensor *t = qoq_golden_tensors_find(&run->c->outputs, name);

    if (t == NULL) {
        qoq_verify_note(&run->arrays, QOQ_ERR_FORMAT, name);
        return NULL;
    }
    return qoq_verify_new(&run->arrays, name, qoq_tensor_bytes(&t->tensor), 1);
}

/* After a kernel: what it left against what the case demands. */
static void compare(struct run *run, const struct qoq_verify_array *array)
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

static void new_act(struct act_outputs *a, struct run *run)
{
    size_t m = size_of(run, "m"), k = size_of(run, "k");

    a->q = output(run, "q");
    a->scale = output(run, "scale");
    a->sum = output(run, "sum");
    if (run->arrays.status == QOQ_OK) {
        a->act = (struct qoq_cuda_act){m, k, k, a->q->device, a->scale->device, a->sum->device};
    }
}

static void compare_act(struct act_outputs *a, struct run *run)
{
    compare(run, a->q);
    compare(run, a->scale);
    compare(run, a->sum);
}

static void run_rows(struct run *run)
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
        status = qoq_cuda_act_quantize(handle, &a.act, input(run, "x"));
    } else if (strcmp(op, "rmsnorm_quantize") == 0) {
        float eps = (float)qoq_golden_parameter_find(run->c, "eps")->real;
        void *x = input(run, "x"), *gamma = input(run, "gamma");

        status = qoq_cuda_rmsnorm_quantize(handle, &a.act, x, NULL, gamma, eps);
    } else {
        void *gate = input(run, "gate"), *up = input(run, "up");

        status = qoq_cuda_silu_mul_quantize(handle, &a.act, gate, up, a.act.k);
    }
    qoq_verify_note(&run->arrays, status, op);
    compare_act(&a, run);
}

static void run_residual(struct run *run)
{
    struct qoq_verify_array *y = output(run, "y");
    const struct qoq_golden_tensor *r = qoq_golden_tensors_find(&run->c->inputs, "r");
    void *o = input(run, "o");

    if (run->arrays.status != QOQ_OK) {
        return;
    }
    memcpy(y->host, r->tensor.data, y->bytes);
    qoq_verify_send(&run->arrays, y);
    qoq_verify_note(
        &run->arrays,
        qoq_cuda_residual_add(run->arrays.handle, y->device, o, y->bytes / sizeof(float)),
        "residual_add");
    compare(run, y);
}

static void run_norm(struct run *run)
{
    size_t m = size_of(run, "m"), k = size_of(run, "k");
    float eps = (float)qoq_golden_parameter_find(run->c, "eps")->real;
    struct qoq_verify_array *y = output(run, "y");
    void *x = input(run, "x"), *gamma = input(run, "gamma");

    if (run->arrays.status != QOQ_OK) {
        return;
    }
    qoq_verify_note(
        &run->arrays,
        qoq_cuda_rmsnorm(run->arrays.handle, y->device, x, NULL, gamma, NULL, m, k, eps),
        "rmsnorm");
    compare(run, y);
}

/* ---- Products ---- */

static void run_ordered(struct run *run)
{
    struct qoq_verify_array *y = output(run, "y");
    void *x = input(run, "x"), *w = input(run, "w");

    if (run->arrays.status != QOQ_OK) {
        return;
    }
    qoq_verify_note(&run->arrays,
                    qoq_cuda_gemm_f16(run->arrays.handle, y->device, x, w, size_of(run, "m"),
                                      size_of(run, "n"), size_of(run, "k")),
                    "gemm_f16");
    compare(run, y);
}

static void run_product(struct run *run)
{
    const char *op = run->c->op;
    int w8 = strcmp(op, "gemm_w8a8") == 0, group = strcmp(op, "gemm_w4a8_group") == 0;
    struct qoq_cuda_act x = {.m = size_of(run, "m"), .k = size_of(run, "k")};
    struct qoq_cuda_weight w = {.scheme = w8      ? QOQ_W8
                                          : group ? QOQ_W4_GROUP
                                                  : QOQ_W4_CHANNEL,
                                .n = size_of(run, "n"),
                                .k = x.k,
                                .group = group ? size_of(run, "group") : 0};
    struct qoq_verify_array *y = output(run, "y"), *scratch;
    float *bias = input(run, "bias");
    size_t bytes = 0;

    x.pitch = x.k;
    x.q = input(run, "q");
    x.scale = input(run, "scale");
    x.sum = input(run, "sum");
    w.code = input(run, w8 ? "code" : "tiled");
    w.s = input(run, "s");
    w.z = group || w8 ? NULL : input(run, "z");
    w.s2_scales = group ? input(run, "s2_scales") : NULL;
    w.s2_zeros = group ? input(run, "s2_zeros") : NULL;
    if (run->arrays.status == QOQ_OK) {
        qoq_verify_note(&run->arrays, qoq_cuda_gemm_scratch(run->arrays.handle, &bytes, x.m, &w),
                        op);
    }
    scratch = qoq_verify_new(&run->arrays, "scratch", bytes, 1);
    if (run->arrays.status != QOQ_OK) {
        return;
    }
    qoq_verify_send(&run->arrays, scratch);
    qoq_verify_note(
        &run->arrays,
        qoq_cuda_gemm(run->arrays.handle, y->device, &x, &w, bias, scratch->device, bytes), op);
    compare(run, y);
}

/* ---- Attention ---- */

/* Row i: its sequence and the tokens that it sees. */
static void rows_of(struct run *run, int32_t *sequence, int32_t *context, size_t rows)
{
    const int32_t *tokens = qoq_golden_tensors_find(&run->c->inputs, "tokens")->tensor.data;
    int prefill = strcmp(run->c->op, "attention_prefill") == 0;

    for (size_t i = 0; i < rows; i++) {
        sequence[i] = prefill ? 0 : (int32_t)i;
        context[i] = prefill ? tokens[0] - (int32_t)(rows - 1 - i) : tokens[i];
        if (context[i] < 1) {
            qoq_verify_note(&run->arrays, QOQ_ERR_RANGE, "tokens");
        }
    }
}

static void run_attention(struct run *run)
{
    int prefill = strcmp(run->c->op, "attention_prefill") == 0;
    size_t rows = size_of(run, prefill ? "rows" : "batch"), q_heads = size_of(run, "q_heads");
    size_t context = size_of(run, "context"), bytes = 0;
    struct qoq_cuda_cache cache = {.layout = {(unsigned)size_of(run, "bits"), size_of(run, "page"),
                                              size_of(run, "heads"), size_of(run, "head_dim")}};
    struct qoq_verify_array *out = output(run, "out"), *scratch;
    struct qoq_verify_array *sequence =
        qoq_verify_new(&run->arrays, "sequence", rows, sizeof(int32_t));
    struct qoq_verify_array *contexts =
        qoq_verify_new(&run->arrays, "context", rows, sizeof(int32_t));
    float *query = input(run, "query");

    cache.k = input(run, "k_pool");
    cache.v = input(run, "v_pool");
    cache.table = input(run, "block_table");
    cache.table_pitch = qoq_golden_tensors_find(&run->c->inputs, "block_table")->tensor.dim[1];
    qoq_verify_note(&run->arrays,
                    qoq_cuda_attention_scratch(run->arrays.handle, &bytes, rows, context, q_heads,
                                               &cache.layout),
                    "scratch");
    scratch = qoq_verify_new(&run->arrays, "scratch", bytes, 1);
    if (run->arrays.status != QOQ_OK) {
        return;
    }
    rows_of(run, sequence->host, contexts->host, rows);
    qoq_verify_send(&run->arrays, sequence);
    qoq_verify_send(&run->arrays, contexts);
    if (run->arrays.status == QOQ_OK) {
        qoq_verify_note(&run->arrays,
                        qoq_cuda_attention(run->arrays.handle, out->device, query, &cache,
                                           sequence->device, contexts->device, rows, context,
                                           q_heads, scratch->device, bytes),
                        run->c->op);
    }
    compare(run, out);
}

static const struct {
    const char *op;
    void (*run)(struct run *run);
} operators[] = {
    {"act_quantize", run_rows},
    {"rmsnorm_quantize", run_rows},
    {"silu_mul_quantize", run_rows},
    {"residual_add", run_residual},
    {"gemm_w8a8", run_product},
    {"gemm_w4a8_channel", run_product},
    {"gemm_w4a8_group", run_product},
    {"attention_decode", run_attention},
    {"attention_prefill", run_attention},
    {"rmsnorm", run_norm},
    {"gemm_f16", run_ordered},
};

enum qoq_status qoq_sim_golden_run(struct qoq_cuda *handle, size_t *elements, size_t *differing,
                                   const struct qoq_golden_case *c)
{
    struct run run = {.c = c};

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
