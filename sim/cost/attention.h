/* SPDX-License-Identifier: Apache-2.0 */
/* Time of attention: decode over a quantized cache, and prefill (C 6). */
#ifndef QOQ_SIM_ATTENTION_H
#define QOQ_SIM_ATTENTION_H

#include "sim/cost/calibration.h"
#include "sim/cost/gemm.h"
#include "sim/cost/model.h"

/* What one sequence position costs in one layer of one GPU. C 6.1 */
struct qoq_sim_heads {
    double q_heads, kv_heads, group; /* group: query heads that share a cached element */
    double cached;                   /* cache elements of a token */
    double param_heads;              /* heads that carry scale and zero */
    double products;                 /* multiply-adds of QK and PV for a token and query */
};

/* The heads of a model, shared by `tp` GPUs. */
struct qoq_sim_heads qoq_sim_heads_of(const struct qoq_sim_model *model, double tp);

/* Plain grouped-query heads. */
struct qoq_sim_heads qoq_sim_heads_plain(double q_heads, double kv_heads, double head_dim);

/* Times in seconds; clocks of one SM for one element of work. */
struct qoq_sim_attention_cost {
    double work, bytes;             /* elements dequantized and used, bytes read */
    double clk_pipe[QOQ_SIM_PIPES]; /* clocks for one element */
    double blocks, imbalance;
    double cuda, tensor, hbm, latency, floor; /* the first four overlap partly */
    double seconds;
    enum qoq_sim_pipe pipe;
    enum qoq_sim_bound bound;
};

/* One decode step of `batch` sequences with `length` cached tokens each (their mean where they
 * differ). C 6.2 to 6.5 */
void qoq_sim_attention_decode(struct qoq_sim_attention_cost *cost, const struct qoq_sim_gpu *gpu,
                              const struct qoq_sim_kv *kv, const struct qoq_sim_calibration *cal,
                              const struct qoq_sim_heads *heads, double batch, double length);

/* Causal prefill of `batch` sequences of `length` tokens, with quantizing and writing the cache.
 * C 6.6 */
double qoq_sim_attention_prefill(const struct qoq_sim_gpu *gpu, const struct qoq_sim_kv *kv,
                                 const struct qoq_sim_calibration *cal,
                                 const struct qoq_sim_heads *heads, double batch, double length);

#endif
