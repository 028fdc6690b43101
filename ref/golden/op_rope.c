/* SPDX-License-Identifier: Apache-2.0 */
/* Golden operators of N 8: rotary frequencies, tables, rotation. */
#include "golden/build.h"

#include <stdlib.h>

#define SCALING_PARAMETERS                                                                         \
    {"theta", 1, 10000, 1.5, 1e9, "base", 0},                                                      \
        {"scaling", 0, 0, 0, 2, "0 plain, 1 linear, 2 llama3", 0},                                 \
        {"factor", 1, 8, 1, 1e6, "linear, llama3: the factor", 0},                                 \
        {"low", 1, 1, 0.001, 1e6, "llama3: low_freq_factor", 0},                                   \
        {"high", 1, 4, 0.002, 1e6, "llama3: high_freq_factor, above low", 0},                      \
    {                                                                                              \
        "original", 1, 8192, 1, 1e9, "llama3: context before scaling", 0                           \
    }

static const struct qoq_golden_parameter_spec table_parameters[] = {
    {"head_dim", 0, 64, 2, 256, "even", 2},
    {"first", 0, 0, 0, 2000000, "first position", 0},
    {"positions", 0, 16, 1, 1 << 20, "positions", 0},
    SCALING_PARAMETERS,
    {NULL, 0, 0, 0, 0, NULL, 0},
};

static const struct qoq_golden_parameter_spec apply_parameters[] = {
    {"tokens", 0, 8, 1, 1 << 20, "tokens, at consecutive positions", 0},
    {"heads", 0, 2, 1, 1024, "heads", 0},
    {"head_dim", 0, 64, 2, 256, "even", 2},
    {"first", 0, 0, 0, 2000000, "first position", 0},
    SCALING_PARAMETERS,
    {NULL, 0, 0, 0, 0, NULL, 0},
};

static struct qoq_rope scaling(const struct qoq_golden_case *c)
{
    struct qoq_rope rope = {(enum qoq_rope_kind)qoq_golden_size(c, "scaling"),
                            qoq_golden_real(c, "theta"),
                            qoq_golden_real(c, "factor"),
                            qoq_golden_real(c, "low"),
                            qoq_golden_real(c, "high"),
                            qoq_golden_real(c, "original")};

    return rope;
}

static enum qoq_status make_nothing(struct qoq_golden_case *c)
{
    (void)c;
    return QOQ_OK;
}

static enum qoq_status run_table(struct qoq_golden_case *c)
{
    size_t d = qoq_golden_size(c, "head_dim"), positions = qoq_golden_size(c, "positions");
    struct qoq_rope rope = scaling(c);
    double *f = qoq_golden_result(c, "frequency", QOQ_F64, "pair", "exact", QOQ_SHAPE(d / 2));
    float *sine = qoq_golden_result(c, "sine", QOQ_F32, "position pair", "exact",
                                    QOQ_SHAPE(positions, d / 2));
    float *cosine = qoq_golden_result(c, "cosine", QOQ_F32, "position pair", "exact",
                                      QOQ_SHAPE(positions, d / 2));

    if (f == NULL || sine == NULL || cosine == NULL)
        return QOQ_ERR_MEMORY;
    enum qoq_status status = qoq_rope_frequencies(f, d, &rope);
    if (status != QOQ_OK)
        return status;
    return qoq_rope_table(sine, cosine, f, d, qoq_golden_size(c, "first"), positions);
}

static enum qoq_status make_apply(struct qoq_golden_case *c)
{
    size_t tokens = qoq_golden_size(c, "tokens"), heads = qoq_golden_size(c, "heads");
    size_t d = qoq_golden_size(c, "head_dim");
    struct qoq_rope rope = scaling(c);
    double frequency[128];
    void *x = qoq_golden_draw(c, "x", QOQ_F32, "t h d", qoq_golden_recipe(c, -15, 254),
                              QOQ_SHAPE(tokens, heads, d));
    float *sine =
        qoq_golden_derive(c, "sine", QOQ_F32, "t pair", "N 8.2", QOQ_SHAPE(tokens, d / 2));
    float *cosine =
        qoq_golden_derive(c, "cosine", QOQ_F32, "t pair", "N 8.2", QOQ_SHAPE(tokens, d / 2));

    if (x == NULL || sine == NULL || cosine == NULL)
        return QOQ_ERR_MEMORY;
    enum qoq_status status = qoq_rope_frequencies(frequency, d, &rope);
    if (status != QOQ_OK)
        return status;
    return qoq_rope_table(sine, cosine, frequency, d, qoq_golden_size(c, "first"), tokens);
}

static enum qoq_status run_apply(struct qoq_golden_case *c)
{
    size_t tokens = qoq_golden_size(c, "tokens"), heads = qoq_golden_size(c, "heads");
    size_t d = qoq_golden_size(c, "head_dim");
    const float *x = qoq_golden_in(c, "x");
    const float *sine = qoq_golden_in(c, "sine"), *cosine = qoq_golden_in(c, "cosine");
    float *y = qoq_golden_result(c, "y", QOQ_F32, "t h d", "exact", QOQ_SHAPE(tokens, heads, d));
    enum qoq_status status = y != NULL ? QOQ_OK : QOQ_ERR_MEMORY;

    for (size_t t = 0; t < tokens && status == QOQ_OK; t++)
        status = qoq_rope_apply(y + t * heads * d, x + t * heads * d, sine + t * (d / 2),
                                cosine + t * (d / 2), heads, d);
    return status;
}

const struct qoq_golden_operator qoq_golden_rope[] = {
    {"rope_table", "qoq", "8.1 8.2", "rotary frequencies and their sines and cosines", "none",
     table_parameters, make_nothing, run_table},
    {"rope_apply", "qoq", "8.3", "rotation of heads", "bell mixed outlier tiny large inf nan",
     apply_parameters, make_apply, run_apply},
    {NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL},
};
