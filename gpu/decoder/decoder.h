/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A whole decoder on gpu/qoq_cuda.h: a quantized model on a GPU, or on the emulator of one, with
 * the paged caches of a number of sequences. A step is that of qoq_session_step (ref/qoq_model.h),
 * with the same bits (N 12.1, 12.3). Steps of one token a sequence are graphs, made at the first
 * step of each number of sequences and bucket of contexts. A decoder belongs to one thread at a
 * time.
 */
#ifndef QOQ_GPU_DECODER_DECODER_H
#define QOQ_GPU_DECODER_DECODER_H

#include "gpu/qoq_cuda.h"
#include "qoq_model.h"

struct qoq_decoder;

struct qoq_decoder_options {
    size_t sequences, max_tokens, page_tokens; /* as for a session */
    size_t rows;  /* tokens that go through the layers at once, at most; 0: 512 */
    size_t pages; /* of the pool; 0: as many as all sequences can fill */
    int eager;    /* 1: no graphs */
};

/* Sends the model to the handle's device; it is not needed any more afterwards. The handle must
 * outlive the decoder. QOQ_ERR_UNSUPPORTED: the model has no integer path; QOQ_ERR_SHAPE,
 * QOQ_ERR_MEMORY, QOQ_ERR_DEVICE. On failure *decoder is NULL and *reason (if reason is not NULL) a
 * phrase "WHAT: WHY". */
QOQ_CHECKED enum qoq_status qoq_decoder_create(struct qoq_decoder **decoder,
                                               struct qoq_cuda *handle,
                                               const struct qoq_model *model,
                                               const struct qoq_decoder_options *options,
                                               const char **reason);
void qoq_decoder_free(struct qoq_decoder *decoder);

/* As of a session. */
void qoq_decoder_reset(struct qoq_decoder *decoder, size_t sequence);
size_t qoq_decoder_length(const struct qoq_decoder *decoder, size_t sequence);

/* As qoq_session_step; QOQ_ERR_MEMORY: the pool has no page left. */
QOQ_CHECKED enum qoq_status qoq_decoder_step(struct qoq_decoder *decoder, float *logits,
                                             const struct qoq_segment *segment, size_t segments,
                                             int all);

/* A step whose logits stay on the device: token [segments] is the greedy choice after each
 * segment, -1 where there is none (N 12.5). */
QOQ_CHECKED enum qoq_status qoq_decoder_choose(struct qoq_decoder *decoder, int32_t *token,
                                               const struct qoq_segment *segment, size_t segments);

/* Graphs made so far; pages of the pool that no sequence holds. */
size_t qoq_decoder_graphs(const struct qoq_decoder *decoder);
size_t qoq_decoder_free_pages(const struct qoq_decoder *decoder);

#endif
