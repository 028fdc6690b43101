/* SPDX-License-Identifier: Apache-2.0 */
/* What touches the cache, for the bench. Decoding has m sequences of equal context; a prompt is one
 * sequence of m tokens, each of which sees those before it. */
#include "gpu/bench/operators.h"

enum { K, V, TABLE, SEQUENCE, PLACE, QUERY, OTHER, SINE, COSINE, Q_NORM, K_NORM, START = SINE };

static struct qoq_kv_layout layout_of(const struct qoq_bench_shape *s, int bits)
{
    return (struct qoq_kv_layout){(unsigned)bits % 16, s->page, s->kv_heads, s->head_dim};
}

static size_t pages_of(const struct qoq_bench_shape *s, size_t tokens)
{
    return (tokens + s->page - 1) / s->page;
}

static struct qoq_cuda_cache cache_of(const struct qoq_bench_shape *s, int bits, size_t tokens,
                                      void *const *data)
{
    return (struct qoq_cuda_cache){layout_of(s, bits), data[K], data[V], data[TABLE],
                                   pages_of(s, tokens)};
}

/* Pools and table of `sequences` times `tokens`, whole pages. */
static void add_cache(struct qoq_bench_array *list, const struct qoq_bench_shape *s, int bits,
                      size_t sequences, size_t tokens)
{
    struct qoq_kv_layout layout = layout_of(s, bits);
    size_t pages = sequences * pages_of(s, tokens);
    struct qoq_bench_array pool = {
        .content = QOQ_BENCH_PAGES, .bytes = pages * qoq_kv_page_bytes(&layout), .layout = layout};

    list[K] = list[V] = pool;
    list[TABLE] = (struct qoq_bench_array){.content = QOQ_BENCH_SHUFFLED, .bytes = 4 * pages};
}

/* Cache bytes of one token, keys and values. */
static double token_bytes(const struct qoq_bench_shape *s, int bits)
{
    return 2.0 * (double)s->kv_heads * ((double)s->head_dim * (bits % 16) / 8 + 4);
}

static double query_elements(const struct qoq_bench_shape *s)
{
    return (double)s->m * (double)s->q_heads * (double)s->head_dim;
}

static void add_queries(struct qoq_bench_array *list, const struct qoq_bench_shape *s)
{
    size_t elements = s->m * s->q_heads * s->head_dim;

    list[QUERY] = (struct qoq_bench_array){.content = QOQ_BENCH_FLOATS, .bytes = 4 * elements};
    list[OTHER] = (struct qoq_bench_array){.content = QOQ_BENCH_OUTPUT, .bytes = 2 * elements};
}

size_t qoq_bench_decode_arrays(struct qoq_bench_array *list, const struct qoq_bench_shape *s,
                               int bits)
{
    add_cache(list, s, bits, s->m, s->context);
    list[SEQUENCE] = (struct qoq_bench_array){.content = QOQ_BENCH_COUNT_UP, .bytes = 4 * s->m};
    list[PLACE] = (struct qoq_bench_array){
        .content = QOQ_BENCH_CONSTANT, .bytes = 4 * s->m, .value = (int32_t)s->context};
    add_queries(list, s);
    return OTHER + 1;
}

struct qoq_bench_cost qoq_bench_decode_cost(const struct qoq_bench_shape *s, int bits)
{
    double rows = (double)s->m, context = (double)s->context;

    return (struct qoq_bench_cost){rows * context * token_bytes(s, bits) + 6 * query_elements(s),
                                   4 * query_elements(s) * context};
}

size_t qoq_bench_prefill_arrays(struct qoq_bench_array *list, const struct qoq_bench_shape *s,
                                int bits)
{
    add_cache(list, s, bits, 1, s->m);
    list[SEQUENCE] = (struct qoq_bench_array){.content = QOQ_BENCH_CONSTANT, .bytes = 4};
    list[PLACE] =
        (struct qoq_bench_array){.content = QOQ_BENCH_CONSTANT, .bytes = 4, .value = (int32_t)s->m};
    list[START] =
        (struct qoq_bench_array){.content = QOQ_BENCH_STEPS, .bytes = 8, .value = (int32_t)s->m};
    add_queries(list, s);
    return START + 1;
}

struct qoq_bench_cost qoq_bench_prefill_cost(const struct qoq_bench_shape *s, int bits)
{
    double tokens = (double)s->m;

    return (struct qoq_bench_cost){tokens * token_bytes(s, bits) + 6 * query_elements(s),
                                   2 * query_elements(s) * (tokens + 1)};
}

enum qoq_status qoq_bench_prefill_scratch(struct qoq_cuda *handle, size_t *bytes,
                                          const struct qoq_bench_shape *s, int bits)
{
    struct qoq_kv_layout layout = layout_of(s, bits);

    return qoq_cuda_attention_prefill_scratch(handle, bytes, s->m, 1, s->m, s->q_heads, &layout);
}

enum qoq_status qoq_bench_prefill_run(struct qoq_cuda *handle, const struct qoq_bench_shape *s,
                                      int bits, void *const *data, void *scratch, size_t room)
{
    struct qoq_cuda_cache cache = cache_of(s, bits, s->m, data);

    return qoq_cuda_attention_prefill(handle, data[OTHER], data[QUERY], &cache, data[SEQUENCE],
                                      data[START], data[PLACE], s->m, 1, s->m, s->q_heads, scratch,
                                      room);
}

enum qoq_status qoq_bench_decode_scratch(struct qoq_cuda *handle, size_t *bytes,
                                         const struct qoq_bench_shape *s, int bits)
{
    struct qoq_kv_layout layout = layout_of(s, bits);

    return qoq_cuda_attention_scratch(handle, bytes, s->m, s->context, s->q_heads, &layout);
}

enum qoq_status qoq_bench_decode_run(struct qoq_cuda *handle, const struct qoq_bench_shape *s,
                                     int bits, void *const *data, void *scratch, size_t room)
{
    struct qoq_cuda_cache cache = cache_of(s, bits, s->context, data);
    int way = bits / 16 * 16;
    enum qoq_status status;

    qoq_cuda_attention_choose(handle, way == QOQ_BENCH_CORES    ? QOQ_CUDA_ATTENTION_CORES
                                      : way == QOQ_BENCH_TENSOR ? QOQ_CUDA_ATTENTION_TENSOR
                                                                : QOQ_CUDA_ATTENTION_ANY);
    status = qoq_cuda_attention(handle, data[OTHER], data[QUERY], &cache, data[SEQUENCE],
                                data[PLACE], s->m, s->context, s->q_heads, scratch, room);
    qoq_cuda_attention_choose(handle, QOQ_CUDA_ATTENTION_ANY);
    return status;
}

size_t qoq_bench_rope_arrays(struct qoq_bench_array *list, const struct qoq_bench_shape *s,
                             int bits)
{
    size_t angles = 4 * s->m * (s->head_dim / 2), row = (s->q_heads + 2 * s->kv_heads);

    add_cache(list, s, bits, 1, s->m);
    list[SEQUENCE] = (struct qoq_bench_array){.content = QOQ_BENCH_CONSTANT, .bytes = 4 * s->m};
    list[PLACE] = (struct qoq_bench_array){.content = QOQ_BENCH_COUNT_UP, .bytes = 4 * s->m};
    list[QUERY] = (struct qoq_bench_array){.content = QOQ_BENCH_OUTPUT,
                                           .bytes = 4 * s->m * s->q_heads * s->head_dim};
    list[OTHER] = (struct qoq_bench_array){.content = QOQ_BENCH_HALVES,
                                           .bytes = 2 * s->m * row * s->head_dim};
    list[SINE] = list[COSINE] =
        (struct qoq_bench_array){.content = QOQ_BENCH_SMALL_FLOATS, .bytes = angles};
    return COSINE + 1;
}

struct qoq_bench_cost qoq_bench_rope_cost(const struct qoq_bench_shape *s, int bits)
{
    double tokens = (double)s->m, dim = (double)s->head_dim;
    double in = 2 * dim * (double)(s->q_heads + 2 * s->kv_heads) + 4 * dim + 8;

    return (struct qoq_bench_cost){tokens * (in + token_bytes(s, bits)) + 4 * query_elements(s), 0};
}

enum qoq_status qoq_bench_rope_run(struct qoq_cuda *handle, const struct qoq_bench_shape *s,
                                   int bits, void *const *data, void *scratch, size_t room)
{
    struct qoq_cuda_cache cache = cache_of(s, bits, s->m, data);

    (void)scratch;
    (void)room;
    return qoq_cuda_rope_write(handle, data[QUERY], &cache, data[OTHER], data[SINE], data[COSINE],
                               data[SEQUENCE], data[PLACE], s->m, s->q_heads);
}

/* ---- Behind head norms ---- */

size_t qoq_bench_norm_rope_arrays(struct qoq_bench_array *list, const struct qoq_bench_shape *s,
                                  int bits)
{
    qoq_bench_rope_arrays(list, s, bits);
    list[Q_NORM] = list[K_NORM] =
        (struct qoq_bench_array){.content = QOQ_BENCH_FLOATS, .bytes = 4 * s->head_dim};
    return K_NORM + 1;
}

struct qoq_bench_cost qoq_bench_norm_rope_cost(const struct qoq_bench_shape *s, int bits)
{
    struct qoq_bench_cost cost = qoq_bench_rope_cost(s, bits);

    cost.bytes += 8.0 * (double)s->head_dim;
    return cost;
}

enum qoq_status qoq_bench_norm_rope_run(struct qoq_cuda *handle, const struct qoq_bench_shape *s,
                                        int bits, void *const *data, void *scratch, size_t room)
{
    struct qoq_cuda_cache cache = cache_of(s, bits, s->m, data);

    (void)scratch;
    (void)room;
    return qoq_cuda_norm_rope_write(handle, data[QUERY], &cache, data[OTHER], data[Q_NORM],
                                    data[K_NORM], 1e-5f, data[SINE], data[COSINE], data[SEQUENCE],
                                    data[PLACE], s->m, s->q_heads);
}
