/* SPDX-License-Identifier: Apache-2.0 */
/* The shape of a decoder-only model: what the cost of a layer depends on (C 4.6). */
#ifndef QOQ_SIM_MODEL_H
#define QOQ_SIM_MODEL_H

#include "data/field.h"

struct qoq_sim_model {
    struct qoq_description head;
    double layers, hidden, q_heads, kv_heads, head_dim, ffn, vocab, gated;
    double experts, experts_per_token, shared_ffn; /* mixture of experts; experts 0: dense */
    double latent_rank, latent_rope;               /* latent attention; 0: none */
    double tied;                                   /* 1: the head is the embedding */
};

extern const struct qoq_field_table qoq_sim_model_table;

enum { QOQ_SIM_MAX_GEMMS = 8 };

/* One kind of matrix product of a layer: `count` products of (rows_share x tokens) by n by k. */
struct qoq_sim_layer_gemm {
    const char *name;
    double n, k, count, rows_share;
};

/* The products of one layer with `tp` GPUs sharing it and `tokens` rows; returns their number.
 * `fused`: query, key and value are one product, and gate with up. Rows
 * spread evenly over experts, and no more experts run than tokens ask for. C 8.2 */
int qoq_sim_layer_gemms(struct qoq_sim_layer_gemm out[QOQ_SIM_MAX_GEMMS],
                        const struct qoq_sim_model *model, double tp, double tokens, int fused);

/* Parameters in the quantized matrices of all layers, and in embedding and head. */
double qoq_sim_layer_parameters(const struct qoq_sim_model *model);
double qoq_sim_vocab_parameters(const struct qoq_sim_model *model);

/* Cache elements of one token and layer, and heads that carry scale and zero. C 8.3 */
double qoq_sim_cache_elements(const struct qoq_sim_model *model);
double qoq_sim_cache_heads(const struct qoq_sim_model *model);

#endif
