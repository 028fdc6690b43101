/* SPDX-License-Identifier: Apache-2.0 */
/* A server with in-flight batching under a given list of requests (C 8.8). */
#ifndef QOQ_SIM_INFLIGHT_H
#define QOQ_SIM_INFLIGHT_H

#include "sim/cost/serving.h"

struct qoq_sim_request {
    double arrival, input, output; /* seconds, tokens, tokens */
    double first,
        last; /* result: when its first and its last token came; NAN where it never fits */
};

struct qoq_sim_inflight {
    double seconds, tokens, tokens_per_second;
    double first_token_mean, first_token_p95,
        token_mean; /* seconds; token_mean: between two tokens of a request */
    double batch_mean, batch_most, refused; /* refused: requests that can never fit */
};

/* Scratch of the caller: `active` for max_batch indices, `step` for max_batch + 1 numbers, `sorted`
 * for count numbers. */
struct qoq_sim_inflight_scratch {
    size_t *active;
    double *step, *sorted;
};

/* A random mix of work.requests requests: lengths spread evenly from input to input_most and output
 * to output_most, times between arrivals exponential with mean 1 / rate. The same for the same
 * seed. C 8.1 */
void qoq_sim_request_mix(struct qoq_sim_request *request, const struct qoq_sim_work *work);

/* Plays requests, sorted by arrival, through the case. NULL, or why the GPU cannot run it. */
const char *qoq_sim_inflight(struct qoq_sim_inflight *out, struct qoq_sim_request *request,
                             size_t count, const struct qoq_sim_case *it,
                             const struct qoq_sim_inflight_scratch *scratch);

#endif
