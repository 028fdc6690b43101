/* SPDX-License-Identifier: Apache-2.0 */
/* Round to nearest over a whole model (N 4, 12.1), and how far a linear layer moved by it (N 4.7).
 */
#include "model/model.h"

#include "numerics/half.h"

#include <math.h>

static enum qoq_status copy_finite(float *out, const float *in, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!isfinite(in[i])) {
            return QOQ_ERR_RANGE;
        }
        out[i] = in[i];
    }
    return QOQ_OK;
}

/* A number that is no finite binary16 is an error: files never hold others (N 1.4). */
static enum qoq_status narrow(qoq_half *out, const float *in, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        out[i] = qoq_half_from_float(in[i]);
        if (!qoq_half_is_finite(out[i])) {
            return QOQ_ERR_RANGE;
        }
    }
    return QOQ_OK;
}

static enum qoq_status quantize_ends(struct qoq_model *out, const struct qoq_model *in)
{
    size_t hidden = in->config.hidden, count = in->config.vocab * hidden;

    QOQ_TRY(copy_finite(out->norm, in->norm, hidden));
    QOQ_TRY(narrow(out->embed, in->embed_f32, count));
    return in->config.tie_embeddings ? QOQ_OK : narrow(out->head, in->head_f32, count);
}

static enum qoq_status quantize_linear(struct qoq_linear *out, const struct qoq_linear *in)
{
    QOQ_TRY(qoq_weight_quantize(&out->w, in->f32));
    return in->bias != NULL ? copy_finite(out->bias, in->bias, in->n) : QOQ_OK;
}

static enum qoq_status quantize_layer(struct qoq_model *out, const struct qoq_model *in, size_t i,
                                      const struct qoq_progress *progress)
{
    size_t hidden = in->config.hidden, total = in->config.layers * QOQ_LINEARS;
    struct qoq_layer *to = &out->layer[i];
    const struct qoq_layer *from = &in->layer[i];

    QOQ_TRY(copy_finite(to->input_norm, from->input_norm, hidden));
    QOQ_TRY(copy_finite(to->post_norm, from->post_norm, hidden));
    for (size_t id = 0; id < QOQ_LINEARS; id++) {
        QOQ_TRY(quantize_linear(&to->linear[id], &from->linear[id]));
        qoq_report(progress, i * QOQ_LINEARS + id + 1, total);
    }
    return QOQ_OK;
}

static enum qoq_status quantize_all(struct qoq_model *out, const struct qoq_model *in,
                                    const struct qoq_progress *progress)
{
    QOQ_TRY(quantize_ends(out, in));
    qoq_report(progress, 0, in->config.layers * QOQ_LINEARS);
    for (size_t i = 0; i < in->config.layers; i++) {
        QOQ_TRY(quantize_layer(out, in, i, progress));
    }
    return QOQ_OK;
}

enum qoq_status qoq_model_quantize_rtn(struct qoq_model **out, const struct qoq_model *baseline,
                                       enum qoq_precision precision, size_t group,
                                       const struct qoq_progress *progress)
{
    if (out == NULL) {
        return QOQ_ERR_ARGUMENT;
    }
    *out = NULL;
    if (baseline == NULL || baseline->precision != QOQ_FP32 || precision == QOQ_FP32) {
        return QOQ_ERR_ARGUMENT;
    }
    QOQ_TRY(qoq_model_create(out, &baseline->config, precision, group));
    enum qoq_status status = quantize_all(*out, baseline, progress);
    if (status != QOQ_OK) {
        qoq_model_free(*out);
        *out = NULL;
    }
    return status;
}

enum qoq_status qoq_linear_stats(struct qoq_error_stats *out, float *work,
                                 const struct qoq_linear *baseline,
                                 const struct qoq_linear *quantized)
{
    if (out == NULL || work == NULL || baseline == NULL || quantized == NULL ||
        baseline->f32 == NULL || quantized->w.code == NULL) {
        return QOQ_ERR_ARGUMENT;
    }
    if (baseline->n != quantized->n || baseline->k != quantized->k) {
        return QOQ_ERR_SHAPE;
    }
    QOQ_TRY(qoq_weight_dequantize(work, &quantized->w));
    return qoq_error_stats(out, baseline->f32, work, baseline->n * baseline->k);
}
