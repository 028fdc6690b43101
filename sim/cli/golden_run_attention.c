/* SPDX-License-Identifier: Apache-2.0 */
/* Golden cases of attention by the kernels of gpu/. */
#include <config.h>

#include "sim/cli/golden_run.h"

#if HAVE_EMULATOR

#include <stdlib.h>
#include <string.h>

#include "qoq.h"
#include "sim/cli/golden_run_internal.h"

/* The arrays that single rows and runs of tokens have in common. */
struct attention {
    struct qoq_cuda_cache cache;
    struct qoq_verify_array *out;
    float *query;
    size_t q_heads, context;
};

static void new_attention(struct attention *a, struct qoq_sim_golden_case *run,
                          struct qoq_verify_array *out)
{
    a->cache = (struct qoq_cuda_cache){
        .layout = {(unsigned)qoq_sim_golden_size(run, "bits"), qoq_sim_golden_size(run, "page"),
                   qoq_sim_golden_size(run, "heads"), qoq_sim_golden_size(run, "head_dim")}};
    a->out = out;
    a->query = qoq_sim_golden_input(run, "query");
    a->cache.k = qoq_sim_golden_input(run, "k_pool");
    a->cache.v = qoq_sim_golden_input(run, "v_pool");
    a->cache.table = qoq_sim_golden_input(run, "block_table");
    a->cache.table_pitch = qoq_golden_tensors_find(&run->c->inputs, "block_table")->tensor.dim[1];
    a->q_heads = qoq_sim_golden_size(run, "q_heads");
    a->context = qoq_sim_golden_size(run, "context");
}

/* An array of int32 with the values given, on the device. */
static void *integers(struct qoq_sim_golden_case *run, const char *name, const int32_t *values,
                      size_t count)
{
    struct qoq_verify_array *array = qoq_verify_new(&run->arrays, name, count, sizeof *values);

    if (array == NULL) {
        return NULL;
    }
    memcpy(array->host, values, array->bytes);
    qoq_verify_send(&run->arrays, array);
    return array->device;
}

/* A row a sequence. Afterwards `scratch` holds the partial results, as long as there are not more
 * than 16 splits. */
static void launch_rows(struct qoq_sim_golden_case *run, struct qoq_verify_array *out,
                        struct qoq_verify_array **scratch, size_t rows)
{
    size_t bytes = 0;
    const int32_t *tokens = qoq_golden_tensors_find(&run->c->inputs, "tokens")->tensor.data;
    struct qoq_verify_array *sequence;
    struct attention a;
    int32_t *context;

    new_attention(&a, run, out);
    sequence = qoq_verify_new(&run->arrays, "sequence", rows, sizeof(int32_t));
    context = integers(run, "context", tokens, rows);
    qoq_verify_note(&run->arrays,
                    qoq_cuda_attention_scratch(run->arrays.handle, &bytes, rows, a.context,
                                               a.q_heads, &a.cache.layout),
                    "scratch");
    *scratch = qoq_verify_new(&run->arrays, "scratch", bytes, 1);
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
                                           (*scratch)->device, bytes),
                        run->c->op);
    }
}

void qoq_sim_golden_decode(struct qoq_sim_golden_case *run)
{
    struct qoq_verify_array *out = qoq_sim_golden_output(run, "out"), *scratch;

    if (run->arrays.status == QOQ_OK) {
        launch_rows(run, out, &scratch, qoq_sim_golden_size(run, "batch"));
        qoq_sim_golden_compare(run, out);
    }
}

/* The last rows of one sequence. */
void qoq_sim_golden_prefill(struct qoq_sim_golden_case *run)
{
    size_t rows = qoq_sim_golden_size(run, "rows"), bytes = 0;
    const int32_t *tokens = qoq_golden_tensors_find(&run->c->inputs, "tokens")->tensor.data;
    const int32_t zero = 0, starts[2] = {0, (int32_t)rows};
    struct qoq_verify_array *scratch;
    int32_t *sequence, *start, *context;
    struct attention a;

    if (tokens[0] < starts[1]) {
        qoq_verify_note(&run->arrays, QOQ_ERR_RANGE, "tokens");
    }
    new_attention(&a, run, qoq_sim_golden_output(run, "out"));
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
    qoq_sim_golden_compare(run, a.out);
}

/* Part of the partial results [head and split][M, L, O of head_dim] to the device's copy of an
 * output, and compared. */
static void compare_partial(struct qoq_sim_golden_case *run, const char *name, const float *partial,
                            size_t first, size_t count)
{
    struct qoq_verify_array *array = qoq_sim_golden_output(run, name);
    size_t pitch = qoq_sim_golden_size(run, "head_dim") + 2;

    if (run->arrays.status != QOQ_OK) {
        return;
    }
    for (size_t i = 0; i < array->bytes / sizeof(float); i++) {
        ((float *)array->host)[i] = partial[i / count * pitch + first + i % count];
    }
    qoq_verify_send(&run->arrays, array);
    qoq_sim_golden_compare(run, array);
}

void qoq_sim_golden_split(struct qoq_sim_golden_case *run)
{
    size_t dim = qoq_sim_golden_size(run, "head_dim");
    struct qoq_verify_array *merged = qoq_verify_new(&run->arrays, "merged",
                                                     qoq_sim_golden_size(run, "q_heads") * dim,
                                                     sizeof(qoq_half)),
                            *scratch = NULL;
    float *partial;

    if (qoq_sim_golden_size(run, "context") > 16 * QOQ_SPLIT_TOKENS) {
        qoq_verify_note(&run->arrays, QOQ_ERR_UNSUPPORTED, "context");
    }
    if (run->arrays.status != QOQ_OK) {
        return;
    }
    launch_rows(run, merged, &scratch, 1);
    partial = run->arrays.status == QOQ_OK ? qoq_verify_fetch(&run->arrays, scratch) : NULL;
    if (partial != NULL) {
        compare_partial(run, "max", partial, 0, 1);
        compare_partial(run, "sum", partial, 1, 1);
        compare_partial(run, "out", partial, 2, dim);
    }
    free(partial);
}

#endif
