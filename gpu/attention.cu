// SPDX-License-Identifier: Apache-2.0
// Launches what touches the cache: rotation and writing, attention, merge.
#include "gpu/attention.cuh"
#include "gpu/attention_merge.cuh"
#include "gpu/attention_plan.cuh"
#include "gpu/rope_write.cuh"

using namespace qoq;

namespace
{

struct split_kernel {
    uint32_t heads;
    void (*run[2])(attention_params); // 4 and 8 bits
    const char *name[2];
};

const split_kernel split_kernels[] = {
    {1, {attention_split<4, 1>, attention_split<8, 1>}, {"attention_kv4_r1", "attention_kv8_r1"}},
    {2, {attention_split<4, 2>, attention_split<8, 2>}, {"attention_kv4_r2", "attention_kv8_r2"}},
    {4, {attention_split<4, 4>, attention_split<8, 4>}, {"attention_kv4_r4", "attention_kv8_r4"}},
    {8, {attention_split<4, 8>, attention_split<8, 8>}, {"attention_kv4_r8", "attention_kv8_r8"}},
};

const split_kernel &choose_kernel(uint32_t group)
{
    size_t i = 0;

    while (i < 3 && split_kernels[i].heads < group) {
        i++;
    }
    return split_kernels[i];
}

// Divides the shared memory; returns its size.
uint32_t lay_out(attention_params &p, uint32_t heads)
{
    const uint32_t bytes = p.cache.head_dim * p.cache.bits / 8, dims = 32 / p.cache.bits;

    p.vectors = ceil_div(bytes, 16);
    p.inverse = ceil_div(1 << 16, p.vectors);
    // An odd number of vectors: eight lanes that load one each meet all banks.
    p.pitch = 16 * (p.vectors | 1);
    p.at_v = SPLIT * p.pitch;
    p.at_q = p.at_v + SPLIT * p.pitch;
    p.at_head = p.at_q + 4 * heads * p.vectors * 2 * dims;
    p.at_scratch = p.at_head + 8 * heads;
    p.at_weight = p.at_scratch + 24 * ATTENTION_WARPS * heads;
    p.at_sum = p.at_weight + 4 * heads * (SPLIT / 2);
    return p.at_sum + 4 * dims * (ATTENTION_THREADS + p.cache.bits);
}

uint32_t split_count(size_t max_context)
{
    return ceil_div(max_context, SPLIT);
}

bool rows_fit(size_t rows, size_t max_context, size_t q_heads)
{
    return rows >= 1 && max_context >= 1 && max_context <= static_cast<size_t>(1) << 24 &&
           rows <= INT32_MAX / split_count(max_context) && rows <= INT32_MAX / q_heads;
}

// Arguments of qoq_cuda_attention.
struct decode_call {
    qoq_half *out;
    const float *q;
    const struct qoq_cuda_cache *cache;
    const int32_t *sequence, *context;
    size_t rows, max_context, q_heads;
    void *scratch;
};

// One thread a token.
enum qoq_status split_launch(struct qoq_cuda *handle, const decode_call &c)
{
    attention_params p;

    make_source(p, c.cache);
    p.q = {c.q, "q"};
    p.sequence = {c.sequence, "sequence"};
    p.context = {c.context, "context"};
    p.partial = {static_cast<float *>(c.scratch), "partial"};
    p.q_heads = static_cast<uint32_t>(c.q_heads);
    p.group = static_cast<uint32_t>(c.q_heads / c.cache->layout.heads);
    p.splits = split_count(c.max_context);
    const split_kernel &kernel = choose_kernel(p.group);
    const uint32_t shared = lay_out(p, kernel.heads);
    return launch(
        handle, kernel.name[p.cache.bits == 8], kernel.run[p.cache.bits == 8],
        {{static_cast<uint32_t>(c.rows) * p.splits, p.cache.heads, 1}, ATTENTION_THREADS, shared},
        p);
}

// One warp for the query heads of a key/value head, on tensor cores. Not taken where a grid cannot
// have as many heads, nor, if nothing was asked for, for a single one: for that the two kernels
// issue as many instructions, and more warps hide more (doc/gpu.md).
enum qoq_status decode_launch(struct qoq_cuda *handle, const decode_call &c, bool &taken,
                              bool &merged, bool &whole)
{
    decode_params p;

    make_source(p, c.cache);
    p.splits = split_count(c.max_context);
    const decode_kernel &kernel =
        decode_plan(p, c.rows, c.q_heads, handle->attention, static_cast<uint32_t>(handle->sms));
    const size_t columns = static_cast<size_t>(p.cache.heads) * p.head_blocks * p.out_blocks;
    taken = columns <= 65535 && (handle->attention != QOQ_CUDA_ATTENTION_ANY || p.group > 1);
    if (!taken) {
        return QOQ_OK;
    }
    p.q = {c.q, "q"};
    p.sequence = {c.sequence, "sequence"};
    p.context = {c.context, "context"};
    p.partial = {static_cast<float *>(c.scratch), "partial"};
    p.out = {c.out, "out"};
    p.pairs = is_aligned(c.out, 4);
    p.partial_pairs = is_aligned(c.scratch, 8);
    merged = p.merged > 1;
    whole = p.whole;
    const uint32_t shared = prefill_lay_out(p, kernel.columns, 8 * kernel.per_lane);
    return launch(
        handle, kernel.name, kernel.run,
        {{static_cast<uint32_t>(c.rows) * p.runs, static_cast<uint32_t>(columns), 1}, 32, shared},
        p);
}

enum qoq_status merge_launch(struct qoq_cuda *handle, const decode_call &c, bool merged)
{
    merge_params p;

    p.partial = {static_cast<float *>(c.scratch), "partial"};
    p.context = {c.context, "context"};
    p.out = {c.out, "out"};
    p.q_heads = static_cast<uint32_t>(c.q_heads);
    p.splits = split_count(c.max_context);
    p.head_dim = static_cast<uint32_t>(c.cache->layout.head_dim);
    p.merged = merged;
    return launch(handle, "attention_merge", attention_merge,
                  {{static_cast<uint32_t>(c.rows * c.q_heads), 1, 1}, MERGE_THREADS, 0}, p);
}

} // namespace

extern "C" enum qoq_status qoq_cuda_norm_rope_write(
    struct qoq_cuda *handle, float *q, const struct qoq_cuda_cache *cache, const qoq_half *qkv,
    const float *q_norm, const float *k_norm, float eps, const float *sine, const float *cosine,
    const int32_t *sequence, const int32_t *position, size_t tokens, size_t q_heads)
{
    rope_params p;

    if (handle == nullptr || q == nullptr || !cache_has_arrays(cache) || qkv == nullptr ||
        sine == nullptr || cosine == nullptr || sequence == nullptr || position == nullptr ||
        (q_norm == nullptr) != (k_norm == nullptr) || !(eps >= 0.0f && eps <= FLT_MAX)) {
        return QOQ_ERR_ARGUMENT;
    }
    if (!layout_fits(&cache->layout, q_heads) || tokens == 0 || tokens > INT32_MAX) {
        return QOQ_ERR_SHAPE;
    }
    enter(handle);
    p.cache = make_cache(cache);
    p.qkv = {qkv, "qkv"};
    p.sine = {sine, "sine"};
    p.cosine = {cosine, "cosine"};
    p.sequence = {sequence, "sequence"};
    p.position = {position, "position"};
    p.q = {q, "q"};
    p.q_norm = {q_norm, "q_norm"};
    p.k_norm = {k_norm, "k_norm"};
    p.eps = eps;
    p.q_heads = static_cast<uint32_t>(q_heads);
    return launch(handle, "rope_write", rope_write,
                  {{static_cast<uint32_t>(tokens),
                    ceil_div(q_heads + 2 * cache->layout.heads, ROPE_WARPS), 1},
                   ROPE_THREADS,
                   ROPE_SHARED},
                  p);
}

extern "C" enum qoq_status qoq_cuda_rope_write(struct qoq_cuda *handle, float *q,
                                               const struct qoq_cuda_cache *cache,
                                               const qoq_half *qkv, const float *sine,
                                               const float *cosine, const int32_t *sequence,
                                               const int32_t *position, size_t tokens,
                                               size_t q_heads)
{
    return qoq_cuda_norm_rope_write(handle, q, cache, qkv, nullptr, nullptr, 0.0f, sine, cosine,
                                    sequence, position, tokens, q_heads);
}

extern "C" void qoq_cuda_attention_choose(struct qoq_cuda *handle, int way)
{
    handle->attention = way < 0 ? QOQ_CUDA_ATTENTION_ANY : way;
}

extern "C" enum qoq_status qoq_cuda_attention_scratch(struct qoq_cuda *handle, size_t *bytes,
                                                      size_t rows, size_t max_context,
                                                      size_t q_heads,
                                                      const struct qoq_kv_layout *layout)
{
    if (handle == nullptr || bytes == nullptr || layout == nullptr) {
        return QOQ_ERR_ARGUMENT;
    }
    if (q_heads == 0 || !rows_fit(rows, max_context, q_heads) || layout->head_dim > 256) {
        return QOQ_ERR_SHAPE;
    }
    *bytes = rows * q_heads * split_count(max_context) * (layout->head_dim + 2) * sizeof(float);
    return QOQ_OK;
}

extern "C" enum qoq_status qoq_cuda_attention(struct qoq_cuda *handle, qoq_half *out,
                                              const float *q, const struct qoq_cuda_cache *cache,
                                              const int32_t *sequence, const int32_t *context,
                                              size_t rows, size_t max_context, size_t q_heads,
                                              void *scratch, size_t bytes)
{
    size_t need;

    if (handle == nullptr || out == nullptr || q == nullptr || !cache_has_arrays(cache) ||
        sequence == nullptr || context == nullptr || scratch == nullptr ||
        !is_aligned(scratch, sizeof(float))) {
        return QOQ_ERR_ARGUMENT;
    }
    if (!layout_fits(&cache->layout, q_heads) || !rows_fit(rows, max_context, q_heads)) {
        return QOQ_ERR_SHAPE;
    }
    enum qoq_status status =
        qoq_cuda_attention_scratch(handle, &need, rows, max_context, q_heads, &cache->layout);
    if (status != QOQ_OK || need > bytes) {
        return status != QOQ_OK ? status : QOQ_ERR_ARGUMENT;
    }
    enter(handle);
    const decode_call call = {out,  q,           cache,   sequence, context,
                              rows, max_context, q_heads, scratch};
    bool taken = false, merged = false, whole = false;
    if (handle->attention != QOQ_CUDA_ATTENTION_CORES) {
        status = decode_launch(handle, call, taken, merged, whole);
    }
    if (!taken) {
        status = split_launch(handle, call);
    }
    return status != QOQ_OK || whole ? status : merge_launch(handle, call, merged);
}
