/* SPDX-License-Identifier: Apache-2.0 */
/* Running a model over the sequences of a token file in steps of any shape: likelihoods, a digest
 * of the logits, speed. */
#ifndef QOQ_CLI_EVALUATE_H
#define QOQ_CLI_EVALUATE_H

#include "cli/machine.h"
#include "data/token_file.h"

/* The shape of the steps; it does not change any result. All >= 1. */
struct qoq_evaluation_plan {
    size_t chunk;                      /* tokens of a sequence fed at once */
    size_t batch;                      /* sequences side by side */
    size_t page_tokens;                /* of the KV cache */
    int digest;                        /* 0: leave the digest out, which saves time */
    size_t first;                      /* sequence to begin with */
    struct qoq_machine *machine;       /* where the model runs; NULL: the reference */
    const struct qoq_model *reference; /* compare logits with those of this model; NULL: no */
    /* Called after each sequence, in order, with its mean; NULL: not. A status other than QOQ_OK
     * ends the evaluation. */
    enum qoq_status (*sequence_done)(void *context, size_t sequence, size_t scored, double nll);
    void *context;
};

/* How far the logits of a model are from those of a reference, over all tokens evaluated. */
struct qoq_divergence {
    size_t rows;
    double kl;        /* mean Kullback-Leibler divergence from the reference, nats */
    double agreement; /* share of tokens whose most likely successor is the same */
    double
        worst; /* largest |difference| of a logit over the largest |logit| of the reference's row */
};

struct qoq_evaluation {
    size_t tokens, scored;
    double mean_nll, perplexity; /* N 12.4 */
    size_t kv_bytes_per_token;   /* of a full page, all layers */
    double tokens_per_second;
    struct qoq_divergence divergence; /* rows 0 without a reference */
    char
        digest[65]; /* SHA-256 over the SHA-256 (64 hexadecimal digits) of each sequence's logits */
};

/* Tokens of the longest sequence. */
size_t qoq_longest_sequence(const struct qoq_token_file *tokens);

/* Whether a model (and a reference, or NULL) can be run over a token file; the names are for the
 * message. */
QOQ_CHECKED enum qoq_status qoq_evaluate_check(const struct qoq_model *model, const char *name,
                                               const struct qoq_token_file *tokens,
                                               const char *file, const struct qoq_model *reference,
                                               struct qoq_error *err);

/* Scores sequences plan->first .. sequences - 1. Shows progress on a terminal. Allocates;
 * QOQ_ERR_SHAPE: a sequence is longer than the model allows. */
QOQ_CHECKED enum qoq_status qoq_evaluate(struct qoq_evaluation *out, const struct qoq_model *model,
                                         const struct qoq_token_file *tokens, size_t sequences,
                                         const struct qoq_evaluation_plan *plan);

#endif
