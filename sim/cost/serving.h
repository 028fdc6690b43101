/* SPDX-License-Identifier: Apache-2.0 */
/* A server: what fits in memory, and how fast a batch of requests goes through (C 8, 9). */
#ifndef QOQ_SIM_SERVING_H
#define QOQ_SIM_SERVING_H

#include "sim/cost/layer.h"

/* Bytes on each GPU. C 8.4 */
struct qoq_sim_memory {
    double budget, weights, usable, cache_token,
        act_token; /* usable: for cache and activations; act_token: activations of one token of a
                      prefill pass */
    double batch;  /* largest batch of equal requests that fits; 0: not even one */
};

void qoq_sim_memory_budget(struct qoq_sim_memory *memory, const struct qoq_sim_case *it,
                           double input, double output);

enum qoq_sim_outcome { QOQ_SIM_SERVES, QOQ_SIM_OUT_OF_MEMORY, QOQ_SIM_CANNOT };

/* A batch of equal requests without in-flight batching. Seconds; C 8.5 */
struct qoq_sim_serving {
    struct qoq_sim_memory memory;
    double batch, prefill, decode;
    double decode_gemm, decode_attention, decode_elementwise, decode_head, decode_host,
        decode_exchange;
    double seconds, tokens_per_second, first_token;
    double joules_per_million, dollars_per_million; /* dollars: 0 where no price is known */
    const char *reason;                             /* with QOQ_SIM_CANNOT */
};

/* work.batch sequences, or with 0 the largest that fits, at most work.max_batch. A given batch is
 * not refused for memory. */
enum qoq_sim_outcome qoq_sim_serve(struct qoq_sim_serving *out, const struct qoq_sim_case *it);

/* Seconds of one prefill pass over `sequences` prompts of `input` tokens, and of one decode step.
 */
double qoq_sim_prefill_seconds(const struct qoq_sim_engine *engine, double sequences, double input);
double qoq_sim_decode_seconds(const struct qoq_sim_engine *engine,
                              const struct qoq_sim_layer *layer, double head_seconds, double batch,
                              double length);

#endif
