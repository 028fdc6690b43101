/* SPDX-License-Identifier: Apache-2.0 */
/* One question to the model: hardware, scheme, cache, model, work and constants together (C 1.3).
 */
#ifndef QOQ_SIM_CASE_H
#define QOQ_SIM_CASE_H

#include "sim/cost/calibration.h"
#include "sim/cost/gpu.h"
#include "sim/cost/model.h"
#include "sim/cost/scheme.h"

/* What is computed. m, n, k serve a single product; the rest serves attention, layers and servers.
 */
struct qoq_sim_work {
    struct qoq_description head;
    double m, n, k;
    double batch, length, q_heads, kv_heads, head_dim;
    double input, output, max_batch, tp, prefill_tokens;
    double requests, rate, input_most, output_most, seed; /* a random mix with in-flight batching */
};

extern const struct qoq_field_table qoq_sim_work_table;

struct qoq_sim_case {
    struct qoq_sim_gpu gpu;
    struct qoq_sim_scheme scheme,
        head; /* head: the scheme of the product with the vocabulary, FP16 */
    struct qoq_sim_kv kv;
    struct qoq_sim_model model;
    struct qoq_sim_work work;
    struct qoq_sim_calibration cal;
};

/* The part of a case that a kind names ("gpu", "scheme", "kv", "model", "work", "cal") and its
 * table; NULL where unknown. */
void *qoq_sim_case_part(struct qoq_sim_case *it, const char *kind, size_t kind_length,
                        const struct qoq_field_table **table);

/* Defaults of work and constants; the rest is cleared. */
void qoq_sim_case_reset(struct qoq_sim_case *it);

#endif
