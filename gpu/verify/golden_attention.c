/* SPDX-License-Identifier: Apache-2.0 */
/* Golden cases of attention: a row for each sequence, partial results, runs of tokens. */
#include <stdlib.h>
#include <string.h>

#include "golden/cache_inputs.h"
#include "gpu/verify/golden_case.h"

/* The arrays that single rows and runs of tokens have in common. */
struct attention {
    struct qoq_cuda_cache cache;
    float *query;
    const int32_t *tokens; /* on the host */
    size_t q_heads, context;
};

/* Pages and lengths come from a file: a kernel believes them. */
static void check(struct attention *a, struct qoq_verify_golden_case *run, size_t sequences)
{
    struct qoq_golden_cache cache;

    qoq_verify_note(&run->arrays, qoq_golden_find_cache(&cache, run->c, sequences),
                    "tokens, block_table");
    for (size_t b = 0; b < sequences; b++) {
        if (a->tokens[b] < 1 || (size_t)a->tokens[b] > a->context) {
            qoq_verify_note(&run->arrays, QOQ_ERR_RANGE, "tokens");
        }
    }
}

static void new_attention(struct attention *a, struct qoq_verify_golden_case *run, size_t sequences)
{
    const struct qoq_golden_tensor *table = qoq_golden_tensors_find(&run->c->inputs, "block_table");

    a->query = qoq_verify_golden_input(run, "query");
    a->tokens = qoq_golden_tensors_find(&run->c->inputs, "tokens")->tensor.data;
    a->q_heads = qoq_verify_golden_size(run, "q_heads");
    a->context = qoq_verify_golden_size(run, "context");
    a->cache = (struct qoq_cuda_cache){.layout = qoq_golden_kv_layout(run->c),
                                       .k = qoq_verify_golden_input(run, "k_pool"),
                                       .v = qoq_verify_golden_input(run, "v_pool"),
                                       .table = qoq_verify_golden_input(run, "block_table"),
                                       .table_pitch = table->tensor.dim[1]};
    check(a, run, sequences);
}

/* An array of int32 with the values given, on the device. */
static void *integers(struct qoq_verify_golden_case *run, const char *name, const int32_t *values,
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

/* A row a sequence. Afterwards the returned scratch holds the partial results, as long as there are
 * not more than 16 splits. NULL: it could not be run. */
static struct qoq_verify_array *launch_rows(struct qoq_verify_golden_case *run,
                                            struct qoq_verify_array *out, size_t rows)
{
    size_t bytes = 0;
    struct qoq_verify_array *sequence = qoq_verify_new(&run->arrays, "sequence", rows, 4), *scratch;
    struct attention a;
    int32_t *context;

    new_attention(&a, run, rows);
    context = integers(run, "context", a.tokens, rows);
    qoq_verify_golden_note(run, qoq_cuda_attention_scratch(run->arrays.handle, &bytes, rows,
                                                           a.context, a.q_heads, &a.cache.layout));
    scratch = qoq_verify_new(&run->arrays, "scratch", bytes, 1);
    if (run->arrays.status != QOQ_OK) {
        return NULL;
    }
    for (size_t i = 0; i < rows; i++) {
        ((int32_t *)sequence->host)[i] = (int32_t)i;
    }
    qoq_verify_send(&run->arrays, sequence);
    qoq_verify_golden_note(run, qoq_cuda_attention(run->arrays.handle, out->device, a.query,
                                                   &a.cache, sequence->device, context, rows,
                                                   a.context, a.q_heads, scratch->device, bytes));
    return scratch;
}

void qoq_verify_golden_decode(struct qoq_verify_golden_case *run)
{
    struct qoq_verify_array *out = qoq_verify_golden_output(run, "out");

    if (run->arrays.status == QOQ_OK) {
        qoq_cuda_attention_choose(run->arrays.handle, QOQ_CUDA_ATTENTION_TENSOR);
        launch_rows(run, out, qoq_verify_golden_size(run, "batch"));
        qoq_cuda_attention_choose(run->arrays.handle, QOQ_CUDA_ATTENTION_ANY);
        qoq_verify_golden_compare(run, out);
    }
}

/* The last rows of one sequence, going together as the library chooses, then in every other way. */
void qoq_verify_golden_prefill(struct qoq_verify_golden_case *run)
{
    size_t rows = qoq_verify_golden_size(run, "rows"), bytes = 0, elements = 0;
    const int32_t zero = 0, starts[2] = {0, (int32_t)rows};
    int32_t *sequence = integers(run, "sequence", &zero, 1);
    int32_t *start = integers(run, "start", starts, 2), *context;
    struct qoq_verify_array *out = qoq_verify_golden_output(run, "out"), *scratch;
    struct qoq_cuda *handle = run->arrays.handle;
    struct attention a;

    new_attention(&a, run, 1);
    if (a.tokens[0] < starts[1]) {
        qoq_verify_note(&run->arrays, QOQ_ERR_RANGE, "tokens");
    }
    context = integers(run, "context", a.tokens, 1);
    qoq_verify_golden_note(run,
                           qoq_cuda_attention_prefill_scratch(handle, &bytes, rows, 1, a.context,
                                                              a.q_heads, &a.cache.layout));
    scratch = qoq_verify_new(&run->arrays, "scratch", bytes, 1);
    for (int together = 0; together <= 128 && run->arrays.status == QOQ_OK;
         together = together == 0 ? 1 : 2 * together) {
        qoq_cuda_attention_prefill_choose(handle, together);
        run->choice = together == 0 ? NULL : "tokens together";
        run->chosen = together;
        qoq_verify_golden_spoil(run, out);
        qoq_verify_golden_note(run, qoq_cuda_attention_prefill(handle, out->device, a.query,
                                                               &a.cache, sequence, start, context,
                                                               rows, 1, a.context, a.q_heads,
                                                               scratch->device, bytes));
        qoq_verify_golden_compare(run, out);
        elements = together == 0 ? run->out->elements : elements;
    }
    qoq_cuda_attention_prefill_choose(handle, 0);
    run->out->elements = elements;
}

/* Part of the partial results [head and split][M, L, O of head_dim] to the device's copy of an
 * output, and compared. */
static void compare_partial(struct qoq_verify_golden_case *run, const char *name,
                            const float *partial, size_t first, size_t count)
{
    struct qoq_verify_array *array = qoq_verify_golden_output(run, name);
    size_t pitch = qoq_verify_golden_size(run, "head_dim") + 2;

    if (run->arrays.status != QOQ_OK) {
        return;
    }
    for (size_t i = 0; i < array->bytes / sizeof(float); i++) {
        ((float *)array->host)[i] = partial[i / count * pitch + first + i % count];
    }
    qoq_verify_send(&run->arrays, array);
    qoq_verify_golden_compare(run, array);
}

void qoq_verify_golden_split(struct qoq_verify_golden_case *run)
{
    size_t dim = qoq_verify_golden_size(run, "head_dim");
    struct qoq_verify_array *scratch,
        *merged = qoq_verify_new(&run->arrays, "merged",
                                 qoq_verify_golden_size(run, "q_heads") * dim, sizeof(qoq_half));
    float *partial;

    if (qoq_verify_golden_size(run, "context") > 16 * QOQ_SPLIT_TOKENS) {
        qoq_verify_note(&run->arrays, QOQ_ERR_UNSUPPORTED, "context");
    }
    qoq_cuda_attention_choose(run->arrays.handle, QOQ_CUDA_ATTENTION_CORES);
    scratch = run->arrays.status == QOQ_OK ? launch_rows(run, merged, 1) : NULL;
    qoq_cuda_attention_choose(run->arrays.handle, QOQ_CUDA_ATTENTION_ANY);
    partial = scratch == NULL ? NULL : qoq_verify_fetch(&run->arrays, scratch);
    if (partial != NULL) {
        compare_partial(run, "max", partial, 0, 1);
        compare_partial(run, "sum", partial, 1, 1);
        compare_partial(run, "out", partial, 2, dim);
    }
    free(partial);
}
