/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qoq.h - the operators of W4A8KV4 inference, every bit defined by doc/numerics.md (cited as N
 * x.y).
 *
 * Conventions
 *   Argument order: outputs, in/out, inputs, sizes, parameters. Arrays are dense, row major, and
 * owned by the caller; the library keeps no pointer after a call, allocates nothing unless the
 * contract says so, touches no file and has no global state, so every function may run in many
 * threads at once. Outputs must not overlap inputs unless the contract says so. A size of 0 is
 * QOQ_ERR_SHAPE. Rows (tokens, channels, heads) may be spread over OpenMP threads; the bits never
 * depend on their number. A function that returns a status leaves its outputs unspecified when the
 * status is not QOQ_OK. Index letters: m token, n output channel, k input channel, g group, h head,
 * t position, d dimension in a head.
 */
#ifndef QOQ_H
#define QOQ_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define QOQ_API __attribute__((visibility("default")))
#define QOQ_CHECKED __attribute__((warn_unused_result))
#else
#define QOQ_API
#define QOQ_CHECKED
#endif

/* Version of doc/numerics.md that this library computes; carried by model and golden files. */
#define QOQ_NUMERICS_VERSION 1

/* ---- Status ---- */

/* Values never change. */
enum qoq_status {
    QOQ_OK = 0,
    QOQ_ERR_ARGUMENT = -1, /* a null pointer, an unknown enum value, an option out of its domain */
    QOQ_ERR_SHAPE = -2,    /* sizes that do not fit together or exceed a limit of N 1.6 */
    QOQ_ERR_RANGE = -3,    /* data outside its domain: NaN, infinity, overflow, bad code */
    QOQ_ERR_UNSUPPORTED = -4, /* well formed, but outside what this version does */
    QOQ_ERR_MEMORY = -5,      /* allocation failed */
    QOQ_ERR_IO = -6,          /* the system refused to read or write */
    QOQ_ERR_FORMAT = -7,      /* a file is not what it claims to be */
    QOQ_ERR_DIFFERS = -8,     /* a comparison failed */
    QOQ_ERR_NO_DEVICE = -9,   /* there is no such GPU, or no driver for it */
    QOQ_ERR_DEVICE = -10      /* a GPU, or the emulator of one, failed */
};

/* One English phrase for a status; never NULL. */
QOQ_API const char *qoq_status_string(enum qoq_status status);

/* "major.minor.patch" of the library. */
QOQ_API const char *qoq_version(void);

/* ---- Element types ---- */

enum qoq_dtype {
    QOQ_F32,
    QOQ_F16,
    QOQ_BF16,
    QOQ_I8,
    QOQ_U8,
    QOQ_I16,
    QOQ_I32,
    QOQ_I64,
    QOQ_F64,
    QOQ_DTYPES
};

/* An IEEE binary16 bit pattern. */
typedef uint16_t qoq_half;

/* ---- Activations (N 3) ---- */

/* INT8 activations of m tokens. */
struct qoq_act {
    size_t m, k;
    int8_t *q;    /* [m][k] codes in [-127, 127] */
    float *scale; /* [m] */
    int32_t *sum; /* [m] sum of the codes of a row */
};

/* Quantizes x (binary16 [m][k]) per token (N 3.1). */
QOQ_API QOQ_CHECKED enum qoq_status qoq_act_quantize(struct qoq_act *out, const qoq_half *x);

/* x (binary32 [m][k]) = scale * q (N 3.3). */
QOQ_API QOQ_CHECKED enum qoq_status qoq_act_dequantize(float *x, const struct qoq_act *act);

/* ---- Weights (N 4) ---- */

enum qoq_scheme {
    QOQ_W8,         /* INT8 symmetric per channel (N 4.5) */
    QOQ_W4_CHANNEL, /* UINT4 asymmetric per channel (N 4.1) */
    QOQ_W4_GROUP,   /* UINT4 progressive per group (N 4.2) */
    QOQ_SCHEMES
};

/* A quantized weight matrix in the plain layout (N 5.1). */
struct qoq_weight {
    enum qoq_scheme scheme;
    size_t n, k;
    size_t group;  /* QOQ_W4_GROUP: a multiple of 32, may exceed k; otherwise 0 */
    uint8_t *code; /* W4: [n][(k + 1) / 2], even k in bits 0..3; W8: int8 bit patterns [n][k] */
    qoq_half *s;   /* [n] binary16 channel scale (level 1) */
    uint8_t *s2;   /* QOQ_W4_GROUP: [n][groups] integer group scale (level 2); otherwise unused */
    uint8_t
        *z; /* QOQ_W4_CHANNEL: [n]; QOQ_W4_GROUP: [n][groups]; QOQ_W8: unused. Zero points 0..15 */
};

/* Sizes of the arrays of a weight whose scheme, n, k and group are set. groups is 1 for
 * QOQ_W4_CHANNEL, 0 for QOQ_W8. Bytes are 0 where a size is 0 or the product overflows. */
QOQ_API size_t qoq_weight_groups(const struct qoq_weight *w);
QOQ_API size_t qoq_weight_code_bytes(const struct qoq_weight *w);

/* Quantizes w (binary32 [n][k], finite) by rounding to nearest (N 4.1, 4.2, 4.5).
 * QOQ_ERR_RANGE: a weight is not finite, or a scale overflows binary16. */
QOQ_API QOQ_CHECKED enum qoq_status qoq_weight_quantize(struct qoq_weight *out, const float *w);

/* Checks what N 4.4 demands of weights that come from elsewhere. */
QOQ_API QOQ_CHECKED enum qoq_status qoq_weight_check(const struct qoq_weight *w);

/* The integer operand of the product (N 6.1), int8 [n][k]: q per channel, (q - z) * s2 per group, q
 * for W8. Weights that fail qoq_weight_check give values modulo 256. */
QOQ_API QOQ_CHECKED enum qoq_status qoq_weight_operand(int8_t *b, const struct qoq_weight *w);

/* x (binary32 [n][k]) = dequantized weights (N 4.6). */
QOQ_API QOQ_CHECKED enum qoq_status qoq_weight_dequantize(float *x, const struct qoq_weight *w);

/* Error statistics of approx against exact, both binary32 [count] (N 4.7). QOQ_ERR_RANGE: a
 * difference is not finite. */
struct qoq_error_stats {
    double max_abs;   /* maximal |exact - approx| */
    size_t max_index; /* its first position */
    double mean_square;
    double snr_db; /* 10 log10(signal / noise); +inf when equal, -inf when only the signal is 0 */
};
QOQ_API QOQ_CHECKED enum qoq_status qoq_error_stats(struct qoq_error_stats *out, const float *exact,
                                                    const float *approx, size_t count);

/* ---- Layouts (N 5) ---- */

/* Where code (n, k) lies in the tiled layout of a matrix with k_total input channels (N 5.2). */
struct qoq_tile_position {
    size_t byte;
    int high; /* 1: bits 4..7 */
};
QOQ_API struct qoq_tile_position qoq_tile_position(size_t n, size_t k, size_t k_total);

/* The inverse: n and k of a byte and nibble. */
QOQ_API void qoq_tile_coordinates(size_t *n, size_t *k, struct qoq_tile_position position,
                                  size_t k_total);

/* Column of channel n in tiled group parameters (N 5.3), and back. */
QOQ_API size_t qoq_tile_column(size_t n);
QOQ_API size_t qoq_tile_channel(size_t column);

/* Bytes of tiled codes for any n, k (padded to 32); 0 where a size is 0 or the product overflows.
 */
QOQ_API size_t qoq_tile_code_bytes(size_t n, size_t k);

/* Plain codes [n][(k + 1) / 2] to tiled and back. Padding codes are 0; unpacking ignores them. */
QOQ_API QOQ_CHECKED enum qoq_status qoq_tile_codes(uint8_t *tiled, const uint8_t *plain, size_t n,
                                                   size_t k);
QOQ_API QOQ_CHECKED enum qoq_status qoq_untile_codes(uint8_t *plain, const uint8_t *tiled, size_t n,
                                                     size_t k);

/* Group parameters [n][groups] to tiled s2_scales, s2_zeros [groups][n rounded up to 32] and back
 * (N 5.3). QOQ_ERR_RANGE, tiling: s2 = 0, z > 15 or z * s2 > 255; untiling: a scale is 0, a zero is
 * not a multiple of its scale, or z exceeds 15. */
QOQ_API QOQ_CHECKED enum qoq_status qoq_tile_groups(uint8_t *scales, uint8_t *zeros,
                                                    const uint8_t *s2, const uint8_t *z, size_t n,
                                                    size_t groups);
QOQ_API QOQ_CHECKED enum qoq_status qoq_untile_groups(uint8_t *s2, uint8_t *z,
                                                      const uint8_t *scales, const uint8_t *zeros,
                                                      size_t n, size_t groups);

/* Per-channel zeros as QServe stores them, z * s in binary16, and back (N 5.4). QOQ_ERR_RANGE: s is
 * not positive and finite, z > 15, or a zero that is infinite or that no z gives. */
QOQ_API QOQ_CHECKED enum qoq_status qoq_channel_szeros(qoq_half *szeros, const qoq_half *s,
                                                       const uint8_t *z, size_t n);
QOQ_API QOQ_CHECKED enum qoq_status qoq_channel_zeros(uint8_t *z, const qoq_half *s,
                                                      const qoq_half *szeros, size_t n);

/* ---- Matrix products (N 6) ---- */

/* acc (int32 [m][n]) = exact integer products, before the zero point (N 6.1). */
QOQ_API QOQ_CHECKED enum qoq_status qoq_gemm_accumulate(int32_t *acc, const struct qoq_act *x,
                                                        const struct qoq_weight *w);

/* y (binary16 [m][n]) = x W^T + bias (N 6.1 to 6.3). bias: binary32 [n] or NULL. The scheme of w
 * selects the product. */
QOQ_API QOQ_CHECKED enum qoq_status qoq_gemm(qoq_half *y, const struct qoq_act *x,
                                             const struct qoq_weight *w, const float *bias);

/* y (binary32 [m][n]) = x [m][k] w [n][k]^T + bias, each sum over ascending k (N 6.4). bias may be
 * NULL. */
QOQ_API QOQ_CHECKED enum qoq_status qoq_gemm_f32(float *y, const float *x, const float *w,
                                                 const float *bias, size_t m, size_t n, size_t k);

/* The same with binary16 weights, for the output head. */
QOQ_API QOQ_CHECKED enum qoq_status qoq_gemm_f16(float *y, const float *x, const qoq_half *w,
                                                 size_t m, size_t n, size_t k);

/* ---- Normalization, residual, activation function (N 9, 10) ---- */

/* y [m][n] = RMSNorm of x [m][n] with gains gamma [n] (N 9.1). y may be x. */
QOQ_API QOQ_CHECKED enum qoq_status qoq_rmsnorm(float *y, const float *x, const float *gamma,
                                                size_t m, size_t n, float eps);

/* RMSNorm and quantization without an intermediate rounding (N 9.2). x is [out->m][out->k]. */
QOQ_API QOQ_CHECKED enum qoq_status qoq_rmsnorm_quantize(struct qoq_act *out, const float *x,
                                                         const float *gamma, float eps);

/* r [count] += o [count] (N 9.3). */
QOQ_API QOQ_CHECKED enum qoq_status qoq_residual_add(float *r, const qoq_half *o, size_t count);

/* y [count] = SiLU(gate) * up in binary32 (N 10.1). */
QOQ_API QOQ_CHECKED enum qoq_status qoq_silu_mul(float *y, const float *gate, const float *up,
                                                 size_t count);

/* SiLU(gate) * up and quantization; gate, up binary16 [out->m][out->k] (N 10.2). */
QOQ_API QOQ_CHECKED enum qoq_status qoq_silu_mul_quantize(struct qoq_act *out, const qoq_half *gate,
                                                          const qoq_half *up);

/* ---- Rotary embedding (N 8) ---- */

enum qoq_rope_kind { QOQ_ROPE_PLAIN, QOQ_ROPE_LINEAR, QOQ_ROPE_LLAMA3 };

struct qoq_rope {
    enum qoq_rope_kind kind;
    double theta;               /* base, > 1 */
    double factor;              /* linear, llama3: >= 1 */
    double low_freq, high_freq; /* llama3: 0 < low < high */
    double original_positions;  /* llama3: context length before scaling */
};

/* f [head_dim / 2]: angle per position of each pair (N 8.1). */
QOQ_API QOQ_CHECKED enum qoq_status qoq_rope_frequencies(double *f, size_t head_dim,
                                                         const struct qoq_rope *rope);

/* sine, cosine [positions][head_dim / 2] for positions first, first + 1, ... (N 8.2).
 * QOQ_ERR_RANGE: a frequency outside [0, 1]; QOQ_ERR_SHAPE: a position above 2^24. */
QOQ_API QOQ_CHECKED enum qoq_status qoq_rope_table(float *sine, float *cosine, const double *f,
                                                   size_t head_dim, size_t first, size_t positions);

/* y [heads][head_dim] = x rotated by the angles sine, cosine [head_dim / 2] of its position
 * (N 8.3). y may be x. */
QOQ_API QOQ_CHECKED enum qoq_status qoq_rope_apply(float *y, const float *x, const float *sine,
                                                   const float *cosine, size_t heads,
                                                   size_t head_dim);

/* ---- KV cache (N 7) ---- */

/* Shape of a page of K or V (N 7.1). */
struct qoq_kv_layout {
    unsigned bits;      /* 4 or 8 */
    size_t page_tokens; /* P >= 1 */
    size_t heads;       /* Hkv */
    size_t head_dim;    /* D: even, 2..256 */
};

/* Bytes of a page; 0 for a layout that is invalid or overflows. */
QOQ_API size_t qoq_kv_page_bytes(const struct qoq_kv_layout *layout);

/* Byte offsets in a page of a valid layout: the first code byte, the scale, the zero of one head
 * and slot. */
QOQ_API size_t qoq_kv_code_offset(const struct qoq_kv_layout *layout, size_t head, size_t slot);
QOQ_API size_t qoq_kv_scale_offset(const struct qoq_kv_layout *layout, size_t head, size_t slot);
QOQ_API size_t qoq_kv_zero_offset(const struct qoq_kv_layout *layout, size_t head, size_t slot);

/* Quantizes one token's K or V, v (binary32 [heads][head_dim]), into a slot of a page (N 7.2). */
QOQ_API QOQ_CHECKED enum qoq_status qoq_kv_write(uint8_t *page, const float *v,
                                                 const struct qoq_kv_layout *layout, size_t slot);

/* v (binary32 [heads][head_dim]) = the dequantized contents of a slot (N 7.3). */
QOQ_API QOQ_CHECKED enum qoq_status qoq_kv_read(float *v, const uint8_t *page,
                                                const struct qoq_kv_layout *layout, size_t slot);

/* ---- Attention (N 11) ---- */

/* Tokens in a split, splits in a leaf of the merge order. */
#define QOQ_SPLIT_TOKENS 128
#define QOQ_LEAF_SPLITS 16

/* A query in 16-bit block fixed point (N 11.1): q [rows][head_dim] in [-32767, 32767], scale and
 * sum [rows]. */
QOQ_API QOQ_CHECKED enum qoq_status qoq_query_quantize(int16_t *q, float *scale, int32_t *sum,
                                                       const float *x, size_t rows,
                                                       size_t head_dim);

/* The cache of one sequence: token t is in slot t % page_tokens of page t / page_tokens. */
struct qoq_kv_sequence {
    const uint8_t *const *k_page;
    const uint8_t *const *v_page;
};

/* Attention of one token over the first `context` tokens of its sequence, its own entry included (N
 * 11). out binary16 [q_heads][head_dim]; x binary32 [q_heads][head_dim], the rotated query. q_heads
 * is a multiple of layout->heads. Prefill is this function for each token of the prompt, decode for
 * the newest: the same bits. */
QOQ_API QOQ_CHECKED enum qoq_status qoq_attention(qoq_half *out, const float *x,
                                                  const struct qoq_kv_sequence *sequence,
                                                  size_t context, size_t q_heads,
                                                  const struct qoq_kv_layout *layout);

/* One partial result over a split (N 11.3), the unit that a GPU kernel writes when it divides a
 * long context. qoq_attention_split takes all query heads, x [q_heads][head_dim], and computes one;
 * it writes out [0 .. head_dim). */
struct qoq_attention_partial {
    float max;      /* M */
    float sum;      /* L */
    float out[256]; /* O_d */
};
QOQ_API QOQ_CHECKED enum qoq_status qoq_attention_split(
    struct qoq_attention_partial *partial, const float *x, const struct qoq_kv_sequence *sequence,
    size_t context, size_t split, size_t head, size_t q_heads, const struct qoq_kv_layout *layout);

/* left = left merged with right, the partial over the tokens that follow (N 11.4). */
QOQ_API void qoq_attention_merge(struct qoq_attention_partial *left,
                                 const struct qoq_attention_partial *right, size_t head_dim);

/* Baseline attention over a binary32 cache (N 12.2): k, v [context][kv_heads][head_dim]; work:
 * [context] floats of scratch per query head, [q_heads][context]. */
QOQ_API QOQ_CHECKED enum qoq_status qoq_attention_f32(float *out, float *work, const float *x,
                                                      const float *k, const float *v,
                                                      size_t context, size_t q_heads,
                                                      size_t kv_heads, size_t head_dim);

#ifdef __cplusplus
}
#endif
#endif
