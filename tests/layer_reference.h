/* SPDX-License-Identifier: Apache-2.0 */
/* One baseline layer in binary64, with everything calibration looks at. Shares no code with ref/.
 */
#ifndef QOQ_TESTS_LAYER_REFERENCE_H
#define QOQ_TESTS_LAYER_REFERENCE_H

#include "tests/model_reference.h"

/* Rows of one sequence: inputs of linear layers, rotated queries and keys, values. */
struct trace {
    size_t tokens;
    double *attention, *query, *key, *value, *mixed, *o, *mlp, *down;
};

static inline double *trace_rows(size_t tokens, size_t width)
{
    return malloc(tokens * width * sizeof(double));
}

static inline struct trace trace_new(const struct qoq_config *c, size_t tokens)
{
    size_t wide = c->heads * c->head_dim, narrow = c->kv_heads * c->head_dim;

    return (struct trace){tokens,
                          trace_rows(tokens, c->hidden),
                          trace_rows(tokens, wide),
                          trace_rows(tokens, narrow),
                          trace_rows(tokens, narrow),
                          trace_rows(tokens, wide),
                          trace_rows(tokens, c->hidden),
                          trace_rows(tokens, c->hidden),
                          trace_rows(tokens, c->intermediate)};
}

static inline void trace_free(struct trace *t)
{
    free(t->attention);
    free(t->query);
    free(t->key);
    free(t->value);
    free(t->mixed);
    free(t->o);
    free(t->mlp);
    free(t->down);
}

/* The attention of a layer from trace->attention to trace->o; key_bits: of the keys' cache, or 16.
 */
static inline void trace_attention(struct trace *t, const struct qoq_layer *layer,
                                   const struct qoq_config *c, unsigned key_bits)
{
    struct qoq_model model = {.config = *c, .layer = (struct qoq_layer *)(size_t)layer};
    float *weight[QOQ_LINEARS];
    struct reference r = {c, &model, weight, 0, t->tokens};
    size_t wide = c->heads * c->head_dim, narrow = c->kv_heads * c->head_dim;

    for (int id = 0; id < QOQ_LINEARS; id++) {
        weight[id] = layer->linear[id].f32;
    }
    for (size_t i = 0; i < t->tokens; i++) {
        const double *in = t->attention + i * c->hidden;
        double *query = t->query + i * wide, *key = t->key + i * narrow;
        linear(query, in, &r, 0, QOQ_Q);
        linear(key, in, &r, 0, QOQ_K);
        linear(t->value + i * narrow, in, &r, 0, QOQ_V);
        normalize_heads(query, layer->q_norm, c, c->heads);
        normalize_heads(key, layer->k_norm, c, c->kv_heads);
        rotate(query, c, c->heads, i);
        rotate(key, c, c->kv_heads, i);
        for (size_t h = 0; key_bits != 16 && h < c->kv_heads; h++) {
            fake_cache(key + h * c->head_dim, c->head_dim, key_bits);
        }
        attend(t->mixed + i * wide, query, t->key, t->value, c, i);
        linear(t->o + i * c->hidden, t->mixed + i * wide, &r, 0, QOQ_O);
    }
}

/* All of a layer, from the residual stream x [tokens][hidden]. */
static inline void trace_layer(struct trace *t, const float *x, const struct qoq_layer *layer,
                               const struct qoq_config *c)
{
    struct qoq_model model = {.config = *c, .layer = (struct qoq_layer *)(size_t)layer};
    float *weight[QOQ_LINEARS];
    struct reference r = {c, &model, weight, 0, t->tokens};
    double *row = malloc(c->hidden * sizeof *row), *up = malloc(c->intermediate * sizeof *up);

    for (int id = 0; id < QOQ_LINEARS; id++) {
        weight[id] = layer->linear[id].f32;
    }
    for (size_t i = 0; i < t->tokens * c->hidden; i += c->hidden) {
        for (size_t j = 0; j < c->hidden; j++) {
            row[j] = (double)x[i + j];
        }
        normalize(t->attention + i, row, layer->input_norm, c->hidden, (double)c->rms_eps);
    }
    trace_attention(t, layer, c, 16);
    for (size_t i = 0; i < t->tokens; i++) {
        double *gate = t->down + i * c->intermediate, *in = t->mlp + i * c->hidden;
        for (size_t j = 0; j < c->hidden; j++) {
            row[j] = (double)x[i * c->hidden + j] + t->o[i * c->hidden + j];
        }
        normalize(in, row, layer->post_norm, c->hidden, (double)c->rms_eps);
        linear(gate, in, &r, 0, QOQ_GATE);
        linear(up, in, &r, 0, QOQ_UP);
        for (size_t j = 0; j < c->intermediate; j++) {
            gate[j] = gate[j] / (1 + exp(-gate[j])) * up[j];
        }
    }
    free(row);
    free(up);
}

#endif
