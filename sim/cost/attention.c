/* SPDX-License-Identifier: Apache-2.0 */
/* The cost of attention: doc/cost-model.md 6. */
#include "sim/cost/attention.h"

#include <math.h>

struct qoq_sim_heads qoq_sim_heads_plain(double q_heads, double kv_heads, double head_dim)
{
    struct qoq_sim_heads heads = {q_heads,
                                  kv_heads,
                                  q_heads / kv_heads,
                                  2 * kv_heads * head_dim,
                                  2 * kv_heads,
                                  2 * q_heads * head_dim};
    return heads;
}

struct qoq_sim_heads qoq_sim_heads_of(const struct qoq_sim_model *model, double tp)
{
    if (model->latent_rank > 0) {
        double cached = model->latent_rank + model->latent_rope, q = model->q_heads / tp;
        struct qoq_sim_heads heads = {q, 1, q, cached, 1, q * (cached + model->latent_rank)};
        return heads;
    }
    return qoq_sim_heads_plain(model->q_heads / tp, fmax(1, model->kv_heads / tp), model->head_dim);
}

/* C 6.3: the grid is one block for each sequence and (shared) query head; a short last wave leaves
 * SMs idle. */
static double imbalance(double blocks, double sms, double splits)
{
    return splits != 0 ? fmax(1, ceil(blocks / sms) * sms / fmax(blocks, sms))
                       : ceil(blocks / sms) * sms / blocks;
}

static double max3(double a, double b, double c)
{
    return fmax(fmax(a, b), c);
}

static void choose_bound(struct qoq_sim_attention_cost *cost)
{
    double memory = fmax(cost->hbm, cost->latency), compute = fmax(cost->cuda, cost->tensor);

    if (cost->floor > fmax(memory, compute)) {
        cost->bound = QOQ_SIM_BY_FIXED;
    } else if (compute >= memory) {
        cost->bound = cost->cuda >= cost->tensor ? QOQ_SIM_BY_CUDA : QOQ_SIM_BY_TENSOR;
    } else {
        cost->bound = cost->hbm >= cost->latency ? QOQ_SIM_BY_HBM : QOQ_SIM_BY_LATENCY;
    }
}

void qoq_sim_attention_decode(struct qoq_sim_attention_cost *cost, const struct qoq_sim_gpu *gpu,
                              const struct qoq_sim_kv *kv, const struct qoq_sim_calibration *cal,
                              const struct qoq_sim_heads *heads, double batch, double length)
{
    double share = fmin(kv->query_share, heads->group), tokens = batch * length;
    double key[QOQ_SIM_PIPES], hz = qoq_sim_boost_hz(gpu);
    double in_flight = 2 * 32 * gpu->max_warps * kv->load_bytes * gpu->sms;

    cost->work = tokens * heads->products / share;
    cost->bytes = tokens * (heads->cached * kv->bits / 8 + heads->param_heads * kv->param_bytes);
    qoq_sim_pipe_clocks(cost->clk_pipe, &kv->element, gpu, cal->eta_issue);
    qoq_sim_pipe_clocks(key, &kv->key, gpu, cal->eta_issue);
    for (int p = 0; p < QOQ_SIM_PIPES; p++) {
        cost->clk_pipe[p] += key[p] * heads->q_heads * share / heads->products;
    }
    cost->pipe = qoq_sim_busiest(cost->clk_pipe);
    cost->blocks = batch * heads->q_heads / share;
    cost->imbalance = imbalance(cost->blocks, gpu->sms, kv->splits);
    cost->cuda = cost->work * cost->clk_pipe[cost->pipe] * cost->imbalance / (gpu->sms * hz);
    cost->tensor = 0;
    if (kv->tensor != 0) {
        double rows = fmax(1, 8 / share);
        cost->tensor = tokens * heads->products * rows * cost->imbalance /
                       (gpu->tc_fp16 * cal->eta_flash * gpu->sms * hz);
    }
    cost->hbm = cost->bytes / (qoq_sim_stream(gpu) * cal->eta_hbm);
    cost->latency = cost->bytes * cost->imbalance * gpu->latency_ns * 1e-9 / in_flight;
    cost->floor = cal->attention_floor_us * 1e-6;
    double memory = fmax(cost->hbm, cost->latency), compute = fmax(cost->cuda, cost->tensor);
    cost->seconds =
        cost->floor + fmax(memory, compute) + (1 - cal->attention_overlap) * fmin(memory, compute);
    choose_bound(cost);
}

double qoq_sim_attention_prefill(const struct qoq_sim_gpu *gpu, const struct qoq_sim_kv *kv,
                                 const struct qoq_sim_calibration *cal,
                                 const struct qoq_sim_heads *heads, double batch, double length)
{
    double tokens = batch * length, hz = qoq_sim_tensor_hz(gpu);
    double macs = tokens * length / 2 * heads->products;
    double stored = heads->cached * kv->bits / 8 + heads->param_heads * kv->param_bytes;
    double bytes = tokens * (2 * heads->products + 2 * heads->cached + stored);
    double append[QOQ_SIM_PIPES];

    qoq_sim_pipe_clocks(append, &kv->append, gpu, cal->eta_issue);
    double tensor = macs / (gpu->tc_fp16 * cal->eta_flash * gpu->sms * hz);
    double memory = bytes / (qoq_sim_stream(gpu) * cal->eta_elementwise);
    double quantize = tokens * heads->cached * append[qoq_sim_busiest(append)] / (gpu->sms * hz);
    return max3(tensor, memory, quantize) + cal->launch_us * 1e-6;
}
