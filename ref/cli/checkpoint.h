/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checkpoints of other programs (doc/formats.md 7): directories with packed 4-bit weights as QServe
 * and SGLang load them, and with the fake-quantized weights and scales of lmquant and
 * deepcompressor.
 */
#ifndef QOQ_CLI_CHECKPOINT_H
#define QOQ_CLI_CHECKPOINT_H

#include <stdint.h>

#include "cli/array_name.h"
#include "cli/load.h"

/* ---- Names ---- */

/* "model.layers.0.self_attn.q_proj.qweight": what belongs to a linear layer, `part` instead of
 * "weight". fused: the name of the matrix that holds q, k and v, or gate and up. Returns name, or
 * NULL where fused is asked for a layer that is never fused. */
const char *qoq_checkpoint_name(char name[QOQ_ARRAY_NAME], const struct qoq_array *array,
                                const char *prefix, const char *part, int fused);

/* The layers that share a fused matrix with `id`, itself included: [*first, *first + *count). */
void qoq_checkpoint_fused(enum qoq_linear_id *first, int *count, enum qoq_linear_id id);

/* ---- Export ---- */

/* What binary16 made of numbers that a model holds in binary32. */
struct qoq_rounding {
    size_t values, changed;
    double worst; /* largest relative change */
};

struct qoq_checkpoint_report {
    struct qoq_rounding norms, biases;
    int gains; /* a norm has a gain other than 1 */
    size_t files, tensors;
    uint64_t bytes;
};

/* Whether the packed layout and its kernels take a model. path names it in messages. any_group:
 * accept groups other than 128. QOQ_ERR_UNSUPPORTED where a size is no multiple of 32, a group does
 * not divide the input channels, or the model has no 4-bit weights. */
QOQ_CHECKED enum qoq_status qoq_checkpoint_fits(const struct qoq_model *model, const char *path,
                                                int any_group, struct qoq_error *err);

/* Tells what a program that loads the checkpoint will do differently or wrong: one phrase each. */
void qoq_checkpoint_notes(const struct qoq_model *model, int gains,
                          void (*note)(void *context, const char *text), void *context);

/* Writes a model that fits into `directory`, which must not exist unless replace is 1. limit: bytes
 * in a file of weights. The directory appears only when complete; equal models give equal files. */
QOQ_CHECKED enum qoq_status qoq_checkpoint_write(struct qoq_checkpoint_report *report,
                                                 const char *directory,
                                                 const struct qoq_loaded *loaded, int replace,
                                                 uint64_t limit, struct qoq_error *err);

/* ---- Import ---- */

/* Order of the channels inside 32 columns of s2_scales and s2_zeros: QServe's own, or what
 * newer versions of deepcompressor write. */
enum qoq_s2_order { QOQ_S2_QSERVE, QOQ_S2_DEEPCOMPRESSOR };

/* How fake-quantized checkpoints store zero points: from 0 to 15, or 8 less; AUTO decides for each
 * tensor (doc/formats.md 7.3). */
enum qoq_zeros { QOQ_ZEROS_AUTO, QOQ_ZEROS_UNSIGNED, QOQ_ZEROS_SIGNED };

struct qoq_import_options {
    enum qoq_s2_order order;
    enum qoq_zeros zeros;
    int unchecked; /* 1: leave N 4.4 to the caller, who does not trust the order yet */
};

enum qoq_checkpoint_kind { QOQ_CHECKPOINT_PACKED, QOQ_CHECKPOINT_FAKE };

struct qoq_import_report {
    enum qoq_checkpoint_kind kind;
    size_t rounded; /* numbers of embedding and head that binary16 does not hold exactly */
};

/* Loads a checkpoint of either kind as a quantized model; everything in it is checked as in
 * qoq_load. The head is tied where it equals the embedding bit for bit. out->header.source is the
 * directory's name; the tokenizer is not parsed. */
QOQ_CHECKED enum qoq_status qoq_checkpoint_load(struct qoq_loaded *out,
                                                struct qoq_import_report *report,
                                                const char *directory,
                                                const struct qoq_import_options *options,
                                                struct qoq_error *err);

/* The same group parameters read in the other order. QOQ_ERR_MEMORY. */
QOQ_CHECKED enum qoq_status qoq_checkpoint_reorder(struct qoq_model *model, enum qoq_s2_order from,
                                                   enum qoq_s2_order to);

/* Energy of the error of all linear layers over that of the original weights, if the parameters
 * were read in order `from` and are taken to be in `to`. Both models have the same shape. */
QOQ_CHECKED enum qoq_status qoq_checkpoint_noise(double *noise, struct qoq_model *model,
                                                 const struct qoq_model *original,
                                                 enum qoq_s2_order from, enum qoq_s2_order to);

/* N 4.4 for every linear layer. path is for messages. */
QOQ_CHECKED enum qoq_status qoq_checkpoint_check(const struct qoq_model *model, const char *path,
                                                 struct qoq_error *err);

#endif
