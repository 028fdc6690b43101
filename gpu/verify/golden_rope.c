/* SPDX-License-Identifier: Apache-2.0 */
/* Golden cases of rotating and writing new tokens. */
#include "golden/cache_inputs.h"
#include "gpu/verify/golden_case.h"

/* Sequences, positions and pages come from a file: a kernel believes them. */
static void check(struct qoq_verify_golden_case *run)
{
    size_t positions = qoq_golden_tensors_find(&run->c->inputs, "sine")->tensor.dim[0];
    struct qoq_golden_cache cache;
    enum qoq_status status =
        qoq_golden_find_cache(&cache, run->c, qoq_verify_golden_size(run, "sequences"));

    qoq_verify_note(&run->arrays, status, "tokens, block_table");
    if (status == QOQ_OK) {
        qoq_verify_note(&run->arrays, qoq_golden_check_places(&cache, run->c, positions),
                        "sequence, position");
    }
}

void qoq_verify_golden_rope(struct qoq_verify_golden_case *run)
{
    const struct qoq_golden_tensor *table = qoq_golden_tensors_find(&run->c->inputs, "block_table");
    void *qkv = qoq_verify_golden_input(run, "qkv");
    void *sine = qoq_verify_golden_input(run, "sine");
    void *cosine = qoq_verify_golden_input(run, "cosine");
    void *sequence = qoq_verify_golden_input(run, "sequence");
    void *position = qoq_verify_golden_input(run, "position");
    void *q_norm = qoq_verify_golden_input(run, "q_norm");
    void *k_norm = qoq_verify_golden_input(run, "k_norm");
    size_t tokens = qoq_verify_golden_size(run, "tokens");
    size_t q_heads = qoq_verify_golden_size(run, "q_heads");
    struct qoq_cuda_cache cache = {.layout = qoq_golden_kv_layout(run->c),
                                   .table = qoq_verify_golden_input(run, "block_table"),
                                   .table_pitch = table->tensor.dim[1]};
    struct qoq_verify_array *query = qoq_verify_golden_output(run, "query");
    struct qoq_verify_array *k = qoq_verify_golden_changed(run, "k_pool", "k_pool");
    struct qoq_verify_array *v = qoq_verify_golden_changed(run, "v_pool", "v_pool");

    check(run);
    if (run->arrays.status != QOQ_OK) {
        return;
    }
    cache.k = k->device;
    cache.v = v->device;
    qoq_verify_golden_note(
        run, q_norm != NULL
                 ? qoq_cuda_norm_rope_write(run->arrays.handle, query->device, &cache, qkv, q_norm,
                                            k_norm, qoq_verify_golden_real(run, "eps"), sine,
                                            cosine, sequence, position, tokens, q_heads)
                 : qoq_cuda_rope_write(run->arrays.handle, query->device, &cache, qkv, sine, cosine,
                                       sequence, position, tokens, q_heads));
    qoq_verify_golden_compare(run, query);
    qoq_verify_golden_compare(run, k);
    qoq_verify_golden_compare(run, v);
}
