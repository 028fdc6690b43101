/* SPDX-License-Identifier: Apache-2.0 */
/* The cost of a layer: doc/cost-model.md 7, 8.2, 8.6. */
#include "sim/cost/layer.h"

#include <math.h>

enum { FUSED_KERNELS = 5 }; /* C 7.1 */

const char *qoq_sim_engine_prepare(struct qoq_sim_engine *engine, const struct qoq_sim_case *it)
{
    const char *reason = qoq_sim_unsupported(&it->gpu, &it->scheme);

    if (reason) {
        return reason;
    }
    engine->it = it;
    engine->heads = qoq_sim_heads_of(&it->model, it->work.tp);
    qoq_sim_gemm_prepare(&engine->body, &it->gpu, &it->scheme, &it->cal);
    qoq_sim_gemm_prepare(&engine->head, &it->gpu, &it->head, &it->cal);
    return NULL;
}

double qoq_sim_all_reduce(const struct qoq_sim_gpu *gpu, const struct qoq_sim_calibration *cal,
                          double tp, double bytes)
{
    double pcie = 32e9, one_way = gpu->link_gbps > 0 ? gpu->link_gbps / 2 * 1e9 : pcie;

    if (tp <= 1) {
        return 0;
    }
    return 2 * (tp - 1) / tp * bytes / (one_way * cal->eta_link) +
           2 * (tp - 1) * cal->link_hop_us * 1e-6;
}

/* C 7.1, 7.2: bytes per token of the elementwise kernels of a layer. */
static double elementwise_bytes(const struct qoq_sim_case *it)
{
    const struct qoq_sim_model *model = &it->model;
    const struct qoq_sim_scheme *s = &it->scheme;
    double act = qoq_sim_act_bytes(s), tp = it->work.tp;
    double q = model->q_heads * model->head_dim / tp, cache = qoq_sim_cache_elements(model) / tp;
    double ffn = (model->experts > 0 ? model->ffn * model->experts_per_token + model->shared_ffn
                                     : model->ffn) /
                 tp;
    if (s->layer_kernels > 0) {
        return model->hidden * s->layer_hidden_bytes + q * s->layer_query_bytes +
               cache * s->layer_cache_bytes + ffn * s->layer_ffn_bytes;
    }
    double norms = 2 * model->hidden * (2 + 2 + 2 + act);
    double rope = (q + cache) * 4;
    double quantize = q * (2 + act);
    double gate = ffn * ((model->gated != 0 ? 4 : 2) + act);

    return norms + rope + quantize + gate;
}

int qoq_sim_layer_cost(struct qoq_sim_layer *layer, const struct qoq_sim_engine *engine,
                       double tokens)
{
    const struct qoq_sim_case *it = engine->it;
    struct qoq_sim_layer_gemm gemm[QOQ_SIM_MAX_GEMMS];
    double launch = it->cal.launch_us * 1e-6;

    layer->gemms =
        qoq_sim_layer_gemms(gemm, &it->model, it->work.tp, tokens, it->scheme.fused_products != 0);
    layer->gemm_seconds = 0;
    for (int i = 0; i < layer->gemms; i++) {
        double rows = fmax(1, ceil(tokens * gemm[i].rows_share));
        layer->name[i] = gemm[i].name;
        layer->count[i] = gemm[i].count;
        if (qoq_sim_gemm_best(&layer->gemm[i], &engine->body, rows, gemm[i].n, gemm[i].k) != 0) {
            return -1;
        }
        layer->gemm_seconds += gemm[i].count * layer->gemm[i].seconds;
    }
    layer->elementwise_bytes = tokens * elementwise_bytes(it);
    layer->launches = it->scheme.layer_kernels > 0 ? it->scheme.layer_kernels : FUSED_KERNELS;
    layer->elementwise =
        layer->elementwise_bytes / (qoq_sim_stream(&it->gpu) * it->cal.eta_elementwise) +
        layer->launches * launch;
    layer->exchange =
        2 * qoq_sim_all_reduce(&it->gpu, &it->cal, it->work.tp, tokens * it->model.hidden * 2);
    return 0;
}

double qoq_sim_head_seconds(const struct qoq_sim_engine *engine, double rows)
{
    const struct qoq_sim_model *model = &engine->it->model;
    struct qoq_sim_gemm_cost cost;

    if (qoq_sim_gemm_best(&cost, &engine->head, rows, ceil(model->vocab / engine->it->work.tp),
                          model->hidden) != 0) {
        return INFINITY;
    }
    return cost.seconds;
}
