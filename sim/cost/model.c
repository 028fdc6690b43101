/* SPDX-License-Identifier: Apache-2.0 */
/* Shapes of models: doc/cost-model.md 4.6, 8.2, 8.3. */
#include "sim/cost/model.h"

#include <math.h>

#define N (QOQ_FIELD_NEED | QOQ_FIELD_WHOLE)
#define M QOQ_FIELD_WHOLE
#define F(name, lo, hi, fallback, flags, meaning)                                                  \
    {                                                                                              \
#name, "", offsetof(struct qoq_sim_model, name), lo, hi, fallback, flags, meaning          \
    }

static const struct qoq_field fields[] = {
    F(layers, 1, 100000, 0, N, "layers"),
    F(hidden, 1, 1 << 24, 0, N, "width of the residual stream"),
    F(q_heads, 1, 1 << 20, 0, N, "query heads"),
    F(kv_heads, 1, 1 << 20, 0, N, "key and value heads"),
    F(head_dim, 1, 1 << 20, 0, N, "width of a head"),
    F(ffn, 1, 1 << 24, 0, N,
      "inner width of the feed-forward part, of one expert where there are experts"),
    F(vocab, 1, 1 << 28, 0, N, "tokens of the vocabulary"),
    F(gated, 0, 1, 1, M, "1: gate and up projections, 0: up only"),
    F(experts, 0, 100000, 0, M, "routed experts; 0: dense"),
    F(experts_per_token, 0, 100000, 0, M, "routed experts of one token"),
    F(shared_ffn, 0, 1 << 24, 0, M, "inner width of the shared experts together"),
    F(latent_rank, 0, 1 << 20, 0, M,
      "width of the latent that stands for keys and values; 0: none"),
    F(latent_rope, 0, 1 << 20, 0, M, "width of the shared rotary key beside it"),
    F(tied, 0, 1, 0, M, "1: embedding and head are one matrix"),
};

const struct qoq_field_table qoq_sim_model_table = {
    "model", fields, sizeof fields / sizeof fields[0], sizeof(struct qoq_sim_model)};

static void add(struct qoq_sim_layer_gemm *out, int *count, const char *name, double n, double k,
                double products, double share)
{
    out[*count] = (struct qoq_sim_layer_gemm){name, n, k, products, share};
    *count += 1;
}

/* Query, key and value, or the latent projections; then the output projection. */
static void add_attention(struct qoq_sim_layer_gemm *out, int *count,
                          const struct qoq_sim_model *model, double tp, int fused)
{
    double q = model->q_heads * model->head_dim, kv = model->kv_heads * model->head_dim;

    if (model->latent_rank > 0) {
        add(out, count, "q", model->q_heads * (model->head_dim + model->latent_rope) / tp,
            model->hidden, 1, 1);
        add(out, count, "kv latent", model->latent_rank + model->latent_rope, model->hidden, 1, 1);
        add(out, count, "kv up", 2 * q / tp, model->latent_rank, 1, 1);
    } else if (fused) {
        add(out, count, "qkv", (q + 2 * kv) / tp, model->hidden, 1, 1);
    } else {
        add(out, count, "q", q / tp, model->hidden, 1, 1);
        add(out, count, "k, v", kv / tp, model->hidden, 2, 1);
    }
    add(out, count, "o", model->hidden, q / tp, 1, 1);
}

static void add_ffn(struct qoq_sim_layer_gemm *out, int *count, const struct qoq_sim_model *model,
                    double width, double products, double share, int fused)
{
    if (model->gated != 0 && !fused) {
        add(out, count, "gate, up", width, model->hidden, 2 * products, share);
    } else {
        add(out, count, model->gated != 0 ? "gate+up" : "up", (model->gated != 0 ? 2 : 1) * width,
            model->hidden, products, share);
    }
    add(out, count, "down", model->hidden, width, products, share);
}

int qoq_sim_layer_gemms(struct qoq_sim_layer_gemm out[QOQ_SIM_MAX_GEMMS],
                        const struct qoq_sim_model *model, double tp, double tokens, int fused)
{
    int count = 0;

    add_attention(out, &count, model, tp, fused);
    if (model->experts > 0) {
        double active = fmin(model->experts, tokens * model->experts_per_token);
        add_ffn(out, &count, model, model->ffn / tp, active, model->experts_per_token / active,
                fused);
        if (model->shared_ffn > 0) {
            add_ffn(out, &count, model, model->shared_ffn / tp, 1, 1, fused);
        }
    } else {
        add_ffn(out, &count, model, model->ffn / tp, 1, 1, fused);
    }
    return count;
}

double qoq_sim_layer_parameters(const struct qoq_sim_model *model)
{
    struct qoq_sim_layer_gemm gemm[QOQ_SIM_MAX_GEMMS];
    double all_experts_run = model->experts + 1;
    int count = qoq_sim_layer_gemms(gemm, model, 1, all_experts_run, 1);
    double sum = 0;

    for (int i = 0; i < count; i++) {
        sum += gemm[i].count * gemm[i].n * gemm[i].k;
    }
    return sum * model->layers;
}

double qoq_sim_vocab_parameters(const struct qoq_sim_model *model)
{
    return (model->tied != 0 ? 1 : 2) * model->vocab * model->hidden;
}

double qoq_sim_cache_elements(const struct qoq_sim_model *model)
{
    return model->latent_rank > 0 ? model->latent_rank + model->latent_rope
                                  : 2 * model->kv_heads * model->head_dim;
}

double qoq_sim_cache_heads(const struct qoq_sim_model *model)
{
    return model->latent_rank > 0 ? 1 : 2 * model->kv_heads;
}
