/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qoq_quantize.h - from a baseline model to a quantized one: the QoQ algorithm (arXiv 2405.04532)
 * and the methods it is compared with, as settings of the same steps (doc/quantization.md, cited as
 * Q x.y).
 *
 * The work goes layer by layer and holds one layer at a time: the caller lends a layer, the
 * calibration tokens run through it, it is transformed, rounded and handed back. Every result is
 * bit-identical for any number of threads.
 */
#ifndef QOQ_QUANTIZE_H
#define QOQ_QUANTIZE_H

#include "qoq_model.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Recipe ---- */

/* What codes stand for. The first three are the schemes of N 4, run in integers; of the others the
 * values are stored in binary32 and run by the baseline's arithmetic ("simulated", Q 1.3). */
enum qoq_grid_kind {
    QOQ_GRID_W8,           /* N 4.5 */
    QOQ_GRID_W4_CHANNEL,   /* N 4.1 */
    QOQ_GRID_W4_GROUP,     /* progressive, N 4.2 */
    QOQ_GRID_W4_HALF,      /* asymmetric, one binary16 scale per group (or row: group 0) */
    QOQ_GRID_W4_SYMMETRIC, /* codes -7 .. 7, one binary16 scale per group (or row: group 0) */
    QOQ_GRID_W4_POST,      /* as W4_GROUP or (group 0) W4_CHANNEL, zero point after the scale */
    QOQ_GRID_NONE,         /* weights stay as they are */
    QOQ_GRID_KINDS
};

enum qoq_rotation { QOQ_ROTATION_NONE, QOQ_ROTATION_HADAMARD, QOQ_ROTATION_RANDOM_SIGNS };
enum qoq_search { QOQ_SEARCH_OFF, QOQ_SEARCH_FIXED, QOQ_SEARCH_GRID };
enum qoq_input_smoothing { QOQ_INPUT_PLAIN, QOQ_INPUT_SMOOTHQUANT, QOQ_INPUT_AWQ };

/* Steps in the order they are done. */
struct qoq_recipe {
    enum qoq_grid_kind grid;
    size_t group;               /* input channels in a group, a multiple of 32; 0: the whole row */
    unsigned act_bits;          /* 8; simulated grids: 4, 8 or 16 (not quantized) */
    size_t act_group;           /* simulated: channels that share an activation scale; 0: the row */
    unsigned kv_bits;           /* 4 or 8; simulated grids: 4, 8 or 16 (not quantized) */
    enum qoq_rotation rotation; /* of the residual stream */
    uint64_t seed;              /* of the random signs */
    int rotate_heads;           /* of the values, head by head */
    enum qoq_input_smoothing smooth_input;
    float input_alpha; /* SmoothQuant: exponent of the activations, in [0, 1] */
    int reorder;       /* input channels of down_proj by salience */
    enum qoq_search smooth_attention;
    float attention_alpha; /* QOQ_SEARCH_FIXED: exponent of K's maxima, in [0, 1] */
    int smooth_output;     /* o_proj and down_proj inputs */
    float output_alpha;    /* exponent of the activations; of the weights: 1 - alpha */
    int clip;              /* range search */
    int gptq;              /* rounding with error feedback; otherwise to nearest */
    float damp;            /* GPTQ: share of the mean of the diagonal, > 0 */
};

/* ---- What a recipe means ---- */

/* QOQ_OK, or QOQ_ERR_ARGUMENT or QOQ_ERR_SHAPE with *reason (may be NULL) a constant phrase
 * "FIELD: WHY". config: the model it is for, or NULL to check the recipe alone. */
QOQ_API QOQ_CHECKED enum qoq_status qoq_recipe_check(const struct qoq_recipe *recipe,
                                                     const struct qoq_config *config,
                                                     const char **reason);

/* The settings of a method of doc/quantization.md 8: "rtn", "qoq", "smoothquant", "gptq", "awq",
 * "quarot", "atom", or "none" (no step), for the grid, group and bits already set in *recipe;
 * everything else is overwritten. QOQ_ERR_ARGUMENT: no such method. */
QOQ_API QOQ_CHECKED enum qoq_status qoq_recipe_method(struct qoq_recipe *recipe,
                                                      const char *method);

/* Whether any step looks at calibration tokens. */
QOQ_API int qoq_recipe_needs_tokens(const struct qoq_recipe *recipe);

/* The precision of the result: one of the integer ones, or QOQ_FP32 for simulated grids. */
QOQ_API enum qoq_precision qoq_recipe_precision(const struct qoq_recipe *recipe);

/* What the baseline's arithmetic imitates for a simulated grid; all 0 for an integer one. */
QOQ_API struct qoq_simulation qoq_recipe_simulation(const struct qoq_recipe *recipe);

/* ---- Layer by layer ---- */

/* How one linear layer was rounded. Errors are summed squares over the calibration tokens of the
 * difference of its outputs (0 without tokens). */
struct qoq_linear_report {
    double ratio;   /* mean clip ratio of the rows */
    double signal;  /* summed squares of the outputs themselves */
    double nearest; /* error with weights rounded to nearest on the grid without clipping */
    double error;   /* error of the result */
    double damping; /* GPTQ: share of the mean of the diagonal that was added; otherwise 0 */
};

struct qoq_layer_report {
    struct qoq_linear_report linear[QOQ_LINEARS];
};

struct qoq_quantizer;

/* config: of the baseline. token [sequences][length]: calibration text, read only during
 * qoq_quantizer_ends; sequences may be 0 where no step needs it: errors are then not reported.
 * QOQ_ERR_UNSUPPORTED: the hidden size or head width has no Hadamard matrix that this library can
 * construct. */
QOQ_API QOQ_CHECKED enum qoq_status qoq_quantizer_create(struct qoq_quantizer **out,
                                                         const struct qoq_recipe *recipe,
                                                         const struct qoq_config *config,
                                                         size_t sequences, size_t length);
QOQ_API void qoq_quantizer_free(struct qoq_quantizer *quantizer);

/* Of the result: as the source, but with embeddings untied where the recipe rotates. */
QOQ_API const struct qoq_config *qoq_quantizer_config(const struct qoq_quantizer *quantizer);

/* Embedding, head (NULL where source and result are tied; a copy of the embedding where only the
 * source is) and final gain, transformed in place; takes the first hidden states from the
 * embedding. To be called first. QOQ_ERR_RANGE: a token outside the vocabulary. */
QOQ_API QOQ_CHECKED enum qoq_status qoq_quantizer_ends(struct qoq_quantizer *quantizer,
                                                       float *embed, float *head, float *norm,
                                                       const int32_t *token);

/* Hidden states after the layers done so far, [sequences][length][hidden], for callers that save
 * and restore them; *count elements. NULL without tokens. */
QOQ_API float *qoq_quantizer_hidden(struct qoq_quantizer *quantizer, size_t *count);

/* Quantizes the next layer. layer: baseline, changed in place by the transformations; out: a layer
 * of the result's precision, group and configuration. report may be NULL. progress (may be NULL)
 * counts thousandths of this layer. QOQ_ERR_RANGE: a weight is not finite, or a scale overflows
 * binary16. */
QOQ_API QOQ_CHECKED enum qoq_status qoq_quantizer_layer(struct qoq_quantizer *quantizer,
                                                        struct qoq_layer *out,
                                                        struct qoq_layer *layer,
                                                        struct qoq_layer_report *report,
                                                        const struct qoq_progress *progress);

/* ---- A whole model in memory ---- */

/* Quantizes a baseline model into a new one; the baseline is left as it is. token
 * [sequences][length], NULL where the recipe needs none. progress (may be NULL) counts thousandths
 * of layers, from 0 once embedding, head and final gain are through. */
QOQ_API QOQ_CHECKED enum qoq_status qoq_model_quantize(
    struct qoq_model **out, const struct qoq_model *baseline, const struct qoq_recipe *recipe,
    const int32_t *token, size_t sequences, size_t length, const struct qoq_progress *progress);

#ifdef __cplusplus
}
#endif
#endif
