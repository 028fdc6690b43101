/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qoq_model.h - a Llama-family model over the operators of qoq.h (doc/numerics.md section 12).
 *
 * A model is weights in memory; a session is the paged cache of a number of sequences; a step feeds
 * new tokens of any of them. Prefill, chunked prefill and batched decode are steps of different
 * shapes and give the same logits (N 12.3). Functions named *_create return an object that the
 * matching *_free releases; freeing NULL does nothing. A model may serve many sessions at once as
 * long as nobody changes it; a session belongs to one thread at a time.
 */
#ifndef QOQ_MODEL_H
#define QOQ_MODEL_H

#include "qoq.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Description ---- */

/* Whose description it was. What differs between them are fields of their own. */
enum qoq_arch { QOQ_ARCH_LLAMA, QOQ_ARCH_MISTRAL, QOQ_ARCH_QWEN2, QOQ_ARCH_QWEN3, QOQ_ARCHS };

/* "llama", "mistral", "qwen2", "qwen3"; "unknown" for anything else. */
QOQ_API const char *qoq_arch_name(enum qoq_arch arch);

struct qoq_config {
    enum qoq_arch arch;
    size_t vocab, hidden, intermediate, layers, heads, kv_heads, head_dim, max_positions;
    float rms_eps;
    struct qoq_rope rope;
    int tie_embeddings; /* the head is the embedding */
    int qkv_bias;       /* q, k, v have biases */
    int o_bias;         /* o has one */
    int mlp_bias;       /* gate, up, down have biases */
    int qk_norm;        /* query and key heads are normalized (N 9.4) */
    int32_t bos, eos;   /* token ids, -1: none */
};

/* Checks a description: positive sizes, limits of N 1.6, a rotary embedding inside its domain, and
 * arrays that a size_t can measure. QOQ_ERR_ARGUMENT for an unknown or impossible value,
 * QOQ_ERR_SHAPE for sizes. *reason (if reason is not NULL) is a constant phrase "FIELD: WHY", or
 * NULL when all is well. */
QOQ_API QOQ_CHECKED enum qoq_status qoq_config_check(const struct qoq_config *config,
                                                     const char **reason);

/* What the numbers of a model are. */
enum qoq_precision {
    QOQ_FP32, /* baseline: binary32 throughout */
    QOQ_W8A8KV8,
    QOQ_W4A8KV4_CHANNEL,
    QOQ_W4A8KV4_GROUP,
    QOQ_PRECISIONS
};

/* "fp32", "w8a8kv8", "w4a8kv4-channel", "w4a8kv4-group"; "unknown" for anything else. */
QOQ_API const char *qoq_precision_name(enum qoq_precision precision);

/* The inverse; QOQ_ERR_ARGUMENT for an unknown name. */
QOQ_API QOQ_CHECKED enum qoq_status qoq_precision_parse(enum qoq_precision *precision,
                                                        const char *name);

/* Weight scheme and cache bits of a quantized precision (QOQ_SCHEMES and 32 for the baseline, which
 * has none). */
QOQ_API enum qoq_scheme qoq_precision_scheme(enum qoq_precision precision);
QOQ_API unsigned qoq_precision_kv_bits(enum qoq_precision precision);

/* The linear layers of a decoder layer, in this order everywhere. */
enum qoq_linear_id { QOQ_Q, QOQ_K, QOQ_V, QOQ_O, QOQ_GATE, QOQ_UP, QOQ_DOWN, QOQ_LINEARS };

/* "q_proj", ..., "down_proj". */
QOQ_API const char *qoq_linear_name(enum qoq_linear_id id);

/* Output and input channels of a linear layer of a model of this description; whether it has a
 * bias. */
QOQ_API void qoq_linear_shape(size_t *n, size_t *k, const struct qoq_config *config,
                              enum qoq_linear_id id);
QOQ_API int qoq_linear_has_bias(const struct qoq_config *config, enum qoq_linear_id id);

/* ---- Weights ---- */

/* One linear layer: binary32 weights f32 [n][k] (baseline) or quantized ones (f32 is NULL); bias
 * [n] or NULL. */
struct qoq_linear {
    size_t n, k;
    float *f32;
    struct qoq_weight w;
    float *bias;
};

struct qoq_layer {
    float *input_norm, *post_norm; /* [hidden] gains */
    float *q_norm, *k_norm;        /* [head_dim] gains, NULL without qk_norm */
    struct qoq_linear linear[QOQ_LINEARS];
};

/* Rounding that a baseline model imitates in binary32 (N 12.6): 4 or 8 bits, 0 for none. act_group:
 * channels that share an activation scale, 0 for the whole row. */
struct qoq_simulation {
    unsigned act_bits, kv_bits;
    size_t act_group;
};

/* A model owns its arrays. Baseline: embed_f32, head_f32 [vocab][hidden]; quantized: embed, head,
 * the same in binary16. When the embeddings are tied, the head is the same array as the embedding.
 */
struct qoq_model {
    struct qoq_config config;
    enum qoq_precision precision;
    size_t group;                     /* QOQ_W4A8KV4_GROUP; otherwise 0 */
    struct qoq_simulation simulation; /* QOQ_FP32; otherwise all 0 */
    float *embed_f32, *head_f32;
    qoq_half *embed, *head;
    float *norm;             /* [hidden] */
    struct qoq_layer *layer; /* [layers] */
};

/* Allocates every array of a model of this description, zero filled. group: a multiple of 32 up to
 * 131072 for QOQ_W4A8KV4_GROUP, ignored otherwise. *model is NULL on error. */
QOQ_API QOQ_CHECKED enum qoq_status qoq_model_create(struct qoq_model **model,
                                                     const struct qoq_config *config,
                                                     enum qoq_precision precision, size_t group);
QOQ_API void qoq_model_free(struct qoq_model *model);

/* Arrays of one layer, zero filled; group as in qoq_model_create. On failure *layer is empty. */
QOQ_API QOQ_CHECKED enum qoq_status qoq_layer_create(struct qoq_layer *layer,
                                                     const struct qoq_config *config,
                                                     enum qoq_precision precision, size_t group);
QOQ_API void qoq_layer_free(struct qoq_layer *layer);

/* A baseline model with seeded random weights of the usual sizes (N 13.5), for tests and
 * measurements of any shape. */
QOQ_API QOQ_CHECKED enum qoq_status qoq_model_create_random(struct qoq_model **model,
                                                            const struct qoq_config *config,
                                                            uint64_t seed);

/* Bytes of weights as stored: all arrays, and (if linear_bytes is not NULL) codes, scales and zeros
 * of the linear layers. */
QOQ_API size_t qoq_model_bytes(const struct qoq_model *model, size_t *linear_bytes);

/* Told by long work how far it is, from the thread that called. */
struct qoq_progress {
    void (*report)(void *context, size_t done, size_t total);
    void *context;
};

/* Quantizes a baseline model by rounding to nearest (N 4, 12.1) into a new model. progress (may be
 * NULL) counts thousandths of layers, from 0 once embedding, head and final gain are through.
 * QOQ_ERR_RANGE: a weight is not finite, or an embedding or a scale overflows binary16. */
QOQ_API QOQ_CHECKED enum qoq_status qoq_model_quantize_rtn(struct qoq_model **out,
                                                           const struct qoq_model *baseline,
                                                           enum qoq_precision precision,
                                                           size_t group,
                                                           const struct qoq_progress *progress);

/* Error statistics of a quantized linear layer against its baseline weights (N 4.7). work: [n][k]
 * floats. */
QOQ_API QOQ_CHECKED enum qoq_status qoq_linear_stats(struct qoq_error_stats *out, float *work,
                                                     const struct qoq_linear *baseline,
                                                     const struct qoq_linear *quantized);

/* ---- Running ---- */

struct qoq_session;

/* Caches for `sequences` sequences of up to `max_tokens` (at most config.max_positions) tokens
 * each, in pages of page_tokens, allocated as they fill. The session keeps a pointer to the model,
 * which must outlive it. */
QOQ_API QOQ_CHECKED enum qoq_status qoq_session_create(struct qoq_session **session,
                                                       const struct qoq_model *model,
                                                       size_t sequences, size_t max_tokens,
                                                       size_t page_tokens);
QOQ_API void qoq_session_free(struct qoq_session *session);

/* Empties one sequence and releases its pages. A sequence outside the session is ignored. */
QOQ_API void qoq_session_reset(struct qoq_session *session, size_t sequence);

/* Tokens held by a sequence (0 outside the session); bytes of the cache pages the session holds. */
QOQ_API size_t qoq_session_length(const struct qoq_session *session, size_t sequence);
QOQ_API size_t qoq_session_bytes(const struct qoq_session *session);

/* New tokens of one sequence in a step. */
struct qoq_segment {
    size_t sequence;
    size_t count;         /* >= 1 */
    const int32_t *token; /* [count] */
};

/* Feeds the new tokens of one or more sequences (each sequence at most once). logits: binary32
 * [rows][vocab], for every new token in order (all != 0, rows = sum of counts) or for the last of
 * each segment (all == 0, rows = segments); NULL if only the cache is wanted. Allocates pages, and
 * scratch for the duration of the step. QOQ_ERR_RANGE: a token id outside the vocabulary;
 * QOQ_ERR_SHAPE: a sequence outside the session, given twice, empty or longer than max_tokens. On
 * any error the sequences are as before. */
QOQ_API QOQ_CHECKED enum qoq_status qoq_session_step(struct qoq_session *session, float *logits,
                                                     const struct qoq_segment *segment,
                                                     size_t segments, int all);

/* ---- Scoring and sampling ---- */

/* nll of target in one row of logits (N 12.4); NaN if a logit is NaN, the largest is infinite, or
 * target is outside the vocabulary. work: [vocab] floats; it may be logits, which are then lost. */
QOQ_API double qoq_token_nll(float *work, const float *logits, size_t vocab, int32_t target);

/* exp2d(mean * log2 e) (N 12.4). */
QOQ_API double qoq_perplexity(double mean_nll);

struct qoq_sampling {
    float temperature; /* >= 0 and finite; 0: greedy */
    size_t top_k;      /* 0: all */
    uint64_t seed;
};

/* The next token: draw number `draw` of N 12.5. work: [vocab] floats. -1 if a logit is NaN, if the
 * largest is infinite, or for a temperature outside its domain. */
QOQ_API int32_t qoq_sample(float *work, const float *logits, size_t vocab, uint64_t draw,
                           const struct qoq_sampling *sampling);

#ifdef __cplusplus
}
#endif
#endif
