/* SPDX-License-Identifier: Apache-2.0 */
/* Running a model over the sequences of a token file in steps of any shape: likelihoods, a digest
 * of the logits, speed. */
#ifndef QOQ_CLI_EVALUATE_H
#define QOQ_CLI_EVALUATE_H

#include "data/token_file.h"
#include "qoq_model.h"

/* The shape of the steps; it does not change any result. All >= 1. */
struct qoq_evaluation_plan {
    size_t chunk;       /* tokens of a sequence fed at once */
    size_t batch;       /* sequences side by side */
    size_t page_tokens; /* of the KV cache */
    int digest;         /* 0: leave the digest out, which saves time */
};

struct qoq_evaluation {
    size_t tokens, scored;
    double mean_nll, perplexity; /* N 12.4 */
    size_t kv_bytes_per_token;   /* of a full page, all layers */
    double tokens_per_second;
    char
        digest[65]; /* SHA-256 over the SHA-256 (64 hexadecimal digits) of each sequence's logits */
};

/* Scores the first `sequences` sequences. Shows progress on a terminal. Allocates; QOQ_ERR_SHAPE: a
 * sequence is longer than the model allows. */
QOQ_CHECKED enum qoq_status qoq_evaluate(struct qoq_evaluation *out, const struct qoq_model *model,
                                         const struct qoq_token_file *tokens, size_t sequences,
                                         const struct qoq_evaluation_plan *plan);

#endif
