/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qoq_cuda.h - the operators of qoq.h on a GPU, with the same bits.
 *
 * Conventions
 *   A handle is one device and one stream. Calls are asynchronous on the stream and in its order;
 * sizes and structs are read before a call returns, arrays when its turn comes. Arrays are in
 * device memory, dense and row major unless said otherwise, and owned by the caller. Nothing is
 * allocated but what qoq_cuda_alloc gives. A call that needs scratch memory has a function that
 * says how much; scratch must be zero before its first use, and is left so that the next call may
 * use it. Pointers need the alignment of their elements only; rows that begin at multiples of 16
 * bytes are faster. Argument order and statuses are those of qoq.h; QOQ_ERR_DEVICE: the driver
 * refused, or a kernel failed. A handle may be used by one thread at a time.
 *
 * The same functions exist on the emulator (sim/emu/emu.h), where the device is the CPU.
 */
#ifndef QOQ_CUDA_H
#define QOQ_CUDA_H

#include "qoq.h"

#ifdef __cplusplus
extern "C" {
#endif

struct qoq_cuda;

/* ---- Handle ---- */

/* stream: a cudaStream_t of that device, or NULL for its default stream. QOQ_ERR_NO_DEVICE: there
 * is no such GPU. */
QOQ_API QOQ_CHECKED enum qoq_status qoq_cuda_create(struct qoq_cuda **handle, int device,
                                                    void *stream);
QOQ_API void qoq_cuda_destroy(struct qoq_cuda *handle);

/* Waits for everything before it. */
QOQ_API QOQ_CHECKED enum qoq_status qoq_cuda_sync(struct qoq_cuda *handle);

/* One line about the last QOQ_ERR_DEVICE or QOQ_ERR_NO_DEVICE of the handle, or of creation where
 * it is NULL. Never NULL. */
QOQ_API const char *qoq_cuda_message(const struct qoq_cuda *handle);

/* 1 on the emulator, where every access is checked; 0 on a GPU. */
QOQ_API int qoq_cuda_is_emulated(const struct qoq_cuda *handle);

/* ---- Memory: for callers without the CUDA runtime ---- */

QOQ_API QOQ_CHECKED enum qoq_status qoq_cuda_alloc(struct qoq_cuda *handle, void **data,
                                                   size_t bytes);
QOQ_API void qoq_cuda_free(struct qoq_cuda *handle, void *data);

/* Copies from and to the host, and zeros; they wait until done. */
QOQ_API QOQ_CHECKED enum qoq_status qoq_cuda_upload(struct qoq_cuda *handle, void *to,
                                                    const void *from, size_t bytes);
QOQ_API QOQ_CHECKED enum qoq_status qoq_cuda_download(struct qoq_cuda *handle, void *to,
                                                      const void *from, size_t bytes);
QOQ_API QOQ_CHECKED enum qoq_status qoq_cuda_zero(struct qoq_cuda *handle, void *data,
                                                  size_t bytes);

/* Memory of the host that the device reaches by itself, and copies from and to it that do not wait:
 * it must stay as it is until their turn has come. */
QOQ_API QOQ_CHECKED enum qoq_status qoq_cuda_host_alloc(struct qoq_cuda *handle, void **data,
                                                        size_t bytes);
QOQ_API void qoq_cuda_host_free(struct qoq_cuda *handle, void *data);
QOQ_API QOQ_CHECKED enum qoq_status qoq_cuda_send(struct qoq_cuda *handle, void *to,
                                                  const void *from, size_t bytes);
QOQ_API QOQ_CHECKED enum qoq_status qoq_cuda_fetch(struct qoq_cuda *handle, void *to,
                                                   const void *from, size_t bytes);

/* ---- Graphs: many calls as one ---- */

struct qoq_cuda_graph;

/* Between begin and end the handle keeps asynchronous calls instead of running them; calls that
 * wait or allocate fail with QOQ_ERR_DEVICE. What the calls name (sizes, pointers) is kept, what
 * lies there is read at each launch. End always ends; where the device refused it or a call before
 * it, *graph is NULL. */
QOQ_API QOQ_CHECKED enum qoq_status qoq_cuda_capture_begin(struct qoq_cuda *handle);
QOQ_API QOQ_CHECKED enum qoq_status qoq_cuda_capture_end(struct qoq_cuda *handle,
                                                         struct qoq_cuda_graph **graph);

/* Runs what a graph of this handle holds, in its order, asynchronously. */
QOQ_API QOQ_CHECKED enum qoq_status qoq_cuda_graph_launch(struct qoq_cuda *handle,
                                                          struct qoq_cuda_graph *graph);

/* A graph that is not running. */
QOQ_API void qoq_cuda_graph_free(struct qoq_cuda *handle, struct qoq_cuda_graph *graph);

/* ---- Rows (N 3, 9, 10) ---- */

/* INT8 activations as in qoq.h; row m of the codes begins at m * pitch, pitch >= k. What lies
 * between k and pitch is neither read nor written. */
struct qoq_cuda_act {
    size_t m, k, pitch;
    int8_t *q;
    float *scale;
    int32_t *sum;
};

/* Quantizes x (binary16 [m][k]) (N 3.1). */
QOQ_API QOQ_CHECKED enum qoq_status qoq_cuda_act_quantize(struct qoq_cuda *handle,
                                                          struct qoq_cuda_act *out,
                                                          const qoq_half *x);

/* RMSNorm and quantization of r (binary32 [m][k]) (N 9.2). o: NULL, or binary16 [m][k], added to r
 * first (N 9.3). */
QOQ_API QOQ_CHECKED enum qoq_status qoq_cuda_rmsnorm_quantize(struct qoq_cuda *handle,
                                                              struct qoq_cuda_act *out, float *r,
                                                              const qoq_half *o, const float *gamma,
                                                              float eps);

/* r [count] += o [count] (N 9.3). */
QOQ_API QOQ_CHECKED enum qoq_status qoq_cuda_residual_add(struct qoq_cuda *handle, float *r,
                                                          const qoq_half *o, size_t count);

/* SiLU(gate) * up and quantization (N 10.2). Row m of gate and of up, binary16, begins at m *
 * pitch: the two may be halves of one product. */
QOQ_API QOQ_CHECKED enum qoq_status qoq_cuda_silu_mul_quantize(struct qoq_cuda *handle,
                                                               struct qoq_cuda_act *out,
                                                               const qoq_half *gate,
                                                               const qoq_half *up, size_t pitch);

/* ---- Matrix products (N 6) ---- */

/* A quantized weight matrix. Weights must pass qoq_weight_check (N 4.4). */
struct qoq_cuda_weight {
    enum qoq_scheme scheme;
    size_t n, k;
    size_t group;        /* QOQ_W4_GROUP: a multiple of 32 */
    const uint8_t *code; /* W4: tiled (N 5.2), aligned to 16 bytes; W8: int8 [n][k] */
    const qoq_half *s;   /* [n] */
    const uint8_t *z;    /* QOQ_W4_CHANNEL: [n] */
    const uint8_t *s2_scales, *s2_zeros; /* QOQ_W4_GROUP: N 5.3, aligned to 16 bytes */
};

/* Scratch of qoq_cuda_gemm for up to m tokens. */
QOQ_API QOQ_CHECKED enum qoq_status qoq_cuda_gemm_scratch(struct qoq_cuda *handle, size_t *bytes,
                                                          size_t m,
                                                          const struct qoq_cuda_weight *w);

/* y (binary16 [m][n]) = x W^T + bias (N 6.1 to 6.3). bias: binary32 [n] or NULL. */
QOQ_API QOQ_CHECKED enum qoq_status qoq_cuda_gemm(struct qoq_cuda *handle, qoq_half *y,
                                                  const struct qoq_cuda_act *x,
                                                  const struct qoq_cuda_weight *w,
                                                  const float *bias, void *scratch, size_t bytes);

/* For tuning and tests: the tile (0 .. qoq_cuda_gemm_tiles() - 1) and the number of blocks that
 * share a tile along K. -1 and 0 leave the choice to the library. A tile that the device or the
 * alignment of the operands does not admit gives way to another. No choice moves a bit. */
QOQ_API void qoq_cuda_gemm_choose(struct qoq_cuda *handle, int tile, int splits);
QOQ_API int qoq_cuda_gemm_tiles(void);

/* How the library cuts a product into blocks on a GPU of `sms` multiprocessors, with or without
 * wgmma, and what its model of time makes of that (doc/gpu.md). */
struct qoq_cuda_gemm_plan {
    const char *kernel;
    size_t tokens, channels, depth; /* of a block: outputs, and K of a stage */
    size_t blocks, splits;          /* all blocks; those that share a tile along K */
    size_t resident;                /* blocks of a multiprocessor at once */
    size_t flight;                  /* bytes that are under way to them while they multiply */
    double rounds;                  /* blocks over those that run at once */
    double us, join_us;             /* in all; of that, for adding up along K */
    double even_us;                 /* in all, if blocks could take equal shares of K's stages */
};

/* Nothing but w's scheme and sizes is read. */
QOQ_API QOQ_CHECKED enum qoq_status qoq_cuda_gemm_plan(struct qoq_cuda_gemm_plan *plan, int sms,
                                                       int wgmma, size_t m,
                                                       const struct qoq_cuda_weight *w);

/* ---- Cache and attention (N 7, 8, 11) ---- */

/* The cache of one layer: pages of K and V (N 7.1) in two pools, and which page holds what: tokens
 * page_tokens * i .. of sequence b are in page table [b][i]. */
struct qoq_cuda_cache {
    struct qoq_kv_layout layout;
    uint8_t *k, *v;       /* page i begins at i * qoq_kv_page_bytes(layout) */
    const int32_t *table; /* [sequences][table_pitch] */
    size_t table_pitch;
};

/* q (binary32 [tokens][q_heads][head_dim]) = the rotated queries (N 8.3); keys, rotated, and values
 * are quantized into the cache (N 7.2). qkv: binary16 [tokens][q_heads + 2 heads][head_dim],
 * queries, keys, values; sine, cosine: [positions][head_dim / 2] of qoq_rope_table; sequence,
 * position [tokens]: no two tokens have both in common. */
QOQ_API QOQ_CHECKED enum qoq_status qoq_cuda_rope_write(
    struct qoq_cuda *handle, float *q, const struct qoq_cuda_cache *cache, const qoq_half *qkv,
    const float *sine, const float *cosine, const int32_t *sequence, const int32_t *position,
    size_t tokens, size_t q_heads);

/* The same for models with head norms: query and key heads are normalized first (N 9.4). q_norm,
 * k_norm: [head_dim] gains, or both NULL. */
QOQ_API QOQ_CHECKED enum qoq_status qoq_cuda_norm_rope_write(
    struct qoq_cuda *handle, float *q, const struct qoq_cuda_cache *cache, const qoq_half *qkv,
    const float *q_norm, const float *k_norm, float eps, const float *sine, const float *cosine,
    const int32_t *sequence, const int32_t *position, size_t tokens, size_t q_heads);

/* Scratch of qoq_cuda_attention. Needs no zeros. */
QOQ_API QOQ_CHECKED enum qoq_status qoq_cuda_attention_scratch(struct qoq_cuda *handle,
                                                               size_t *bytes, size_t rows,
                                                               size_t max_context, size_t q_heads,
                                                               const struct qoq_kv_layout *layout);

/* out (binary16 [rows][q_heads][head_dim]) = attention of each row's queries q (binary32, same
 * shape) over the first context[row] >= 1 tokens of sequence[row] (N 11): a row for each sequence
 * that is decoded. max_context: at least every context. */
QOQ_API QOQ_CHECKED enum qoq_status qoq_cuda_attention(
    struct qoq_cuda *handle, qoq_half *out, const float *q, const struct qoq_cuda_cache *cache,
    const int32_t *sequence, const int32_t *context, size_t rows, size_t max_context,
    size_t q_heads, void *scratch, size_t bytes);

/* For tuning and tests: which of the two kernels of qoq_cuda_attention; 1 to 16: the one on tensor
 * cores with so many splits of 128 tokens (N 11.3) for a block. No choice moves a bit. */
enum { QOQ_CUDA_ATTENTION_ANY = -1, QOQ_CUDA_ATTENTION_CORES = 0, QOQ_CUDA_ATTENTION_TENSOR = 17 };
QOQ_API void qoq_cuda_attention_choose(struct qoq_cuda *handle, int way);

/* Scratch of qoq_cuda_attention_prefill; 0 for contexts up to 2048. Needs no zeros. */
QOQ_API QOQ_CHECKED enum qoq_status qoq_cuda_attention_prefill_scratch(
    struct qoq_cuda *handle, size_t *bytes, size_t rows, size_t sequences, size_t max_context,
    size_t q_heads, const struct qoq_kv_layout *layout);

/* The same attention for runs of consecutive tokens, a prompt or a part of one for each of
 * `sequences`: rows start[b] .. start[b + 1] - 1 of q and out are the last tokens of the first
 * context[b] of sequence[b] and see each other as far as they come before. start [sequences + 1]
 * ascends from 0 to rows; a sequence may have no row, and none more than its context. The bits are
 * those of qoq_cuda_attention row by row. scratch: NULL where none is needed. */
QOQ_API QOQ_CHECKED enum qoq_status qoq_cuda_attention_prefill(
    struct qoq_cuda *handle, qoq_half *out, const float *q, const struct qoq_cuda_cache *cache,
    const int32_t *sequence, const int32_t *start, const int32_t *context, size_t rows,
    size_t sequences, size_t max_context, size_t q_heads, void *scratch, size_t bytes);

/* For tuning and tests: the consecutive tokens that go together, a power of two; 0, or more than a
 * kernel can take, leaves the choice to the library. No choice moves a bit. */
QOQ_API void qoq_cuda_attention_prefill_choose(struct qoq_cuda *handle, int rows);

/* ---- Before the first layer and after the last (N 12.1) ---- */

/* r (binary32 [tokens][k]) = rows token[..] of table (binary16 [vocab][k]). A token outside the
 * vocabulary makes a row of NaN: hosts check. */
QOQ_API QOQ_CHECKED enum qoq_status qoq_cuda_embed(struct qoq_cuda *handle, float *r,
                                                   const qoq_half *table, const int32_t *token,
                                                   size_t tokens, size_t vocab, size_t k);

/* y (binary32 [m][k]) = RMSNorm (N 9.1) of rows row[0 .. m - 1], no two equal, of r (binary32
 * [..][k]); row NULL: of rows 0 .. m - 1. o: NULL, or binary16 [..][k], added to those rows of r
 * first (N 9.3). */
QOQ_API QOQ_CHECKED enum qoq_status qoq_cuda_rmsnorm(struct qoq_cuda *handle, float *y, float *r,
                                                     const qoq_half *o, const float *gamma,
                                                     const int32_t *row, size_t m, size_t k,
                                                     float eps);

/* y (binary32 [m][n]) = x W^T, x binary32 [m][k], w binary16 [n][k]: ordered (N 6.4). */
QOQ_API QOQ_CHECKED enum qoq_status qoq_cuda_gemm_f16(struct qoq_cuda *handle, float *y,
                                                      const float *x, const qoq_half *w, size_t m,
                                                      size_t n, size_t k);

/* token [rows]: the greedy choice (N 12.5) in each row of logits [rows][n]; -1 where a logit is NaN
 * or the largest is infinite. */
QOQ_API QOQ_CHECKED enum qoq_status qoq_cuda_argmax(struct qoq_cuda *handle, int32_t *token,
                                                    const float *logits, size_t rows, size_t n);

#ifdef __cplusplus
}
#endif
#endif
