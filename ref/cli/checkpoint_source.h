/* SPDX-License-Identifier: Apache-2.0 */
/* What both kinds of checkpoints are read through: named tensors, slices of fused ones, and a mark
 * on each tensor that the model asks for. */
#ifndef QOQ_CLI_CHECKPOINT_SOURCE_H
#define QOQ_CLI_CHECKPOINT_SOURCE_H

#include "cli/checkpoint.h"
#include "data/safetensors.h"

struct qoq_source {
    const char *directory;
    const char *prefix;
    const struct qoq_config *config;
    struct qoq_safetensors *set;
    unsigned char *expected; /* [tensors in the set] */
    const struct qoq_import_options *options;
    struct qoq_import_report *report;
    struct qoq_error *err;
};

/* The entry of that name, marked as expected, or NULL. */
const struct qoq_safetensors_entry *qoq_source_find(struct qoq_source *source, const char *name);

/* A tensor of a linear layer. */
struct qoq_part {
    const char *suffix; /* "qweight", "weight.scale.0", ... */
    int rank;
    size_t dim[2];
    int axis;  /* of the output channels: that is where fused layers follow each other */
    int loose; /* 1: dimensions of size 1 do not count */
};

/* Where a part lies: alone, or as part of a fused tensor. */
struct qoq_place {
    char name[QOQ_ARRAY_NAME];
    const struct qoq_safetensors_entry *entry;
    size_t first, total; /* along the axis */
};

/* Finds and marks a part. QOQ_ERR_FORMAT: missing, or another shape. */
QOQ_CHECKED enum qoq_status qoq_source_place(struct qoq_place *place, struct qoq_source *source,
                                             const struct qoq_array *array,
                                             const struct qoq_part *part);

/* Reads a part as it is, of `dtype` (also the other type of one byte); QOQ_ERR_FORMAT for another
 * type. Frees nothing; out->data is released with qoq_tensor_free. */
QOQ_CHECKED enum qoq_status qoq_source_part(struct qoq_tensor *out, struct qoq_source *source,
                                            const struct qoq_array *array,
                                            const struct qoq_part *part, enum qoq_dtype dtype);

/* Reads a part of any numeric type as binary32 into out; NaN and infinity are QOQ_ERR_RANGE. */
QOQ_CHECKED enum qoq_status qoq_source_floats(float *out, struct qoq_source *source,
                                              const struct qoq_array *array,
                                              const struct qoq_part *part);

/* Checks or reads an array that is not quantized: embedding, head, gains, biases. */
QOQ_CHECKED enum qoq_status qoq_source_check_plain(struct qoq_source *source,
                                                   const struct qoq_array *array);
QOQ_CHECKED enum qoq_status qoq_source_read_plain(struct qoq_source *source,
                                                  const struct qoq_array *array);

/* ---- The two kinds; visitors of the arrays of one linear layer ---- */

/* QOQ_ARRAY_CODE stands for the whole matrix; the other kinds do nothing. */
QOQ_CHECKED enum qoq_status qoq_packed_check(struct qoq_source *source,
                                             const struct qoq_array *array,
                                             const struct qoq_weight *shape);
QOQ_CHECKED enum qoq_status qoq_packed_read(struct qoq_source *source,
                                            const struct qoq_array *array, struct qoq_weight *w);
QOQ_CHECKED enum qoq_status qoq_fake_check(struct qoq_source *source, const struct qoq_array *array,
                                           const struct qoq_weight *shape);
QOQ_CHECKED enum qoq_status qoq_fake_read(struct qoq_source *source, const struct qoq_array *array,
                                          struct qoq_weight *w);

#endif
