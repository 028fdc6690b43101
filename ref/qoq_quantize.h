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

#ifdef __cplusplus
}
#endif
#endif
