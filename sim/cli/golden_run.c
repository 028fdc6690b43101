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

/* The arrays that single rows and runs of tokens have in common. */
struct attention {
    struct qoq_cuda_cache cache;
    struct qoq_verify_array *out;
    float *query;
    size_t q_heads, context;
};

static void new_attention(struct attention *a, struct run *run)
{
    a->cache =
        (struct qoq_cuda_cache){.layout = {(unsigned)size_of(run, "bits"), size_of(run, "page"),
                                           size_of(run, "heads"), size_of(run, "head_dim")}};
    a->out = output(run, "out");
    a->query = input(run, "query");
    a->cache.k = input(run, "k_pool");
    a->cache.v = input(run, "v_pool");
    a->cache.table = input(run, "block_table");
    a->cache.table_pitch = qoq_golden_tensors_find(&run->c->inputs, "block_table")->tensor.dim[1];
    a->q_heads = size_of(run, "q_heads");
    a->context = size_of(run, "context");
}

/* An array of int32 with the values given, on the device. */
static void *integers(struct run *run, const char *name, const int32_t *values, size_t count)
{
    struct qoq_verify_array *array = qoq_verify_new(&run->arrays, name, count, sizeof *values);

    if (array == NULL) {
        return NULL;
    }
    memcpy(array->host, values, array->bytes);
    qoq_verify_send(&run->arrays, array);
    return array->device;
}

static void run_decode(struct run *run)
{
    size_t rows = size_of(run, "batch"), bytes = 0;
    const int32_t *tokens = qoq_golden_tensors_find(&run->c->inputs, "tokens")->tensor.data;
    struct qoq_verify_array *scratch, *sequence;
    struct attention a;
    int32_t *context;

    new_attention(&a, run);
    sequence = qoq_verify_new(&run->arrays, "sequence", rows, sizeof(int32_t));
    context = integers(run, "context", tokens, rows);
    qoq_verify_note(&run->arrays,
                    qoq_cuda_attention_scratch(run->arrays.handle, &bytes, rows, a.context,
                                               a.q_heads, &a.cache.layout),
                    "scratch");
    scratch = qoq_verify_new(&run->arrays, "scratch", bytes, 1);
    if (run->arrays.status != QOQ_OK) {
        return;
    }
    for (size_t i = 0; i < rows; i++) {
        ((int32_t *)sequence->host)[i] = (int32_t)i;
        if (tokens[i] < 1) {
            qoq_verify_note(&run->arrays, QOQ_ERR_RANGE, "tokens");
        }
    }
    qoq_verify_send(&run->arrays, sequence);
    if (run->arrays.status == QOQ_OK) {
        qoq_verify_note(&run->arrays,
                        qoq_cuda_attention(run->arrays.handle, a.out->device, a.query, &a.cache,
                                           sequence->device, context, rows, a.context, a.q_heads,
                                           scratch->device, bytes),
                        run->c->op);
    }
    compare(run, a.out);
}

/* The last rows of one sequence. */
static void run_prefill(struct run *run)
{
    size_t rows = size_of(run, "rows"), bytes = 0;
    const int32_t *tokens = qoq_golden_tensors_find(&run->c->inputs, "tokens")->tensor.data;
    const int32_t zero = 0, starts[2] = {0, (int32_t)rows};
    struct qoq_verify_array *scratch;
    int32_t *sequence, *start, *context;
    struct attention a;

    if (tokens[0] < starts[1]) {
        qoq_verify_note(&run->arrays, QOQ_ERR_RANGE, "tokens");
    }
    new_attention(&a, run);
    sequence = integers(run, "sequence", &zero, 1);
    start = integers(run, "start", starts, 2);
    context = integers(run, "context", tokens, 1);
    qoq_verify_note(&run->arrays,
                    qoq_cuda_attention_prefill_scratch(run->arrays.handle, &bytes, rows, 1,
                                                       a.context, a.q_heads, &a.cache.layout),
                    "scratch");
    scratch = qoq_verify_new(&run->arrays, "scratch", bytes, 1);
    if (run->arrays.status == QOQ_OK) {
        qoq_verify_note(&run->arrays,
                        qoq_cuda_attention_prefill(run->arrays.handle, a.out->device, a.query,
                                                   &a.cache, sequence, start, context, rows, 1,
                                                   a.context, a.q_heads, scratch->device, bytes),
                        run->c->op);
    }
    compare(run, a.out);
}

static const struct {
    const char *op;
    void (*run)(struct run *run);
} operators[] = {
    {"act_quantize", run_rows},         {"rmsnorm_quantize", run_rows},
    {"silu_mul_quantize", run_rows},    {"residual_add", run_residual},
    {"gemm_w8a8", run_product},         {"gemm_w4a8_channel", run_product},
    {"gemm_w4a8_group", run_product},   {"attention_decode", run_decode},
    {"attention_prefill", run_prefill}, {"rmsnorm", run_norm},
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
