/* SPDX-License-Identifier: Apache-2.0 */
/* The factors of attention smoothing from maxima and exponents: Q 4.1. */
#include "quantize/attention_factors.h"

#include "model/model.h"
#include "numerics/elementary.h"

#include <float.h>
#include <stdlib.h>
#include <string.h>

/* Both channels of a rotary pair get the larger. */
static void join_pairs(float *most, size_t heads, size_t head_dim)
{
    size_t half = head_dim / 2;

    for (size_t h = 0; h < heads; h++) {
        float *low = most + h * head_dim, *high = low + half;
        for (size_t j = 0; j < half; j++) {
            low[j] = high[j] = low[j] > high[j] ? low[j] : high[j];
        }
    }
}

/* All heads get the largest of a channel. */
static void join_heads(float *most, size_t heads, size_t head_dim)
{
    for (size_t c = head_dim; c < heads * head_dim; c++) {
        float *first = most + c % head_dim;
        *first = most[c] > *first ? most[c] : *first;
    }
    for (size_t c = head_dim; c < heads * head_dim; c++) {
        most[c] = most[c % head_dim];
    }
}

void qoq_attention_maxima(float *key, float *query, const struct qoq_calibration *calibration,
                          const struct qoq_config *config)
{
    size_t head_dim = config->head_dim, shared = config->heads / config->kv_heads;

    memcpy(key, calibration->key_most, qoq_kv_channels(config) * sizeof *key);
    memset(query, 0, qoq_kv_channels(config) * sizeof *query);
    for (size_t c = 0; c < qoq_query_channels(config); c++) {
        float most = calibration->query_most[c];
        float *to = query + c / head_dim / shared * head_dim + c % head_dim;
        *to = most > *to ? most : *to;
    }
    if (config->qk_norm) {
        join_heads(key, config->kv_heads, head_dim);
        join_heads(query, config->kv_heads, head_dim);
    }
    join_pairs(key, config->kv_heads, head_dim);
    join_pairs(query, config->kv_heads, head_dim);
}

/* Exponents of 0 ask nothing of their maximum. */
static float quotient_of_powers(float key, float query, double alpha, double beta)
{
    double exponent = alpha != 0.0 ? alpha * qoq_log2((double)key) : 0.0;

    if (beta != 0.0) {
        exponent -= beta * qoq_log2((double)query);
    }
    float lambda = (float)qoq_exp2d(exponent);
    return lambda >= FLT_MIN && lambda <= FLT_MAX ? lambda : 1.0f;
}

void qoq_attention_powers(float *lambda, const float *key, const float *query, size_t count,
                          double alpha, double beta)
{
    for (size_t c = 0; c < count; c++) {
        lambda[c] = quotient_of_powers(key[c], query[c], alpha, beta);
    }
}

enum qoq_status qoq_attention_factors(float *lambda, const struct qoq_calibration *calibration,
                                      const struct qoq_config *config, float alpha)
{
    if (lambda == NULL || calibration == NULL || config == NULL ||
        !(alpha >= 0.0f && alpha <= 1.0f)) {
        return QOQ_ERR_ARGUMENT;
    }
    size_t channels = qoq_kv_channels(config);
    float *most = calloc(2 * channels, sizeof *most);
    if (most == NULL) {
        return QOQ_ERR_MEMORY;
    }
    qoq_attention_maxima(most, most + channels, calibration, config);
    qoq_attention_powers(lambda, most, most + channels, channels, (double)alpha, 0.0);
    free(most);
    return QOQ_OK;
}
