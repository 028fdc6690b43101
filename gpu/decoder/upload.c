/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A model's arrays on the device, as the kernels want them: q, k and v, gate and up become one
 * weight each, channel behind channel, and 4-bit codes and group parameters are tiled (N 5.2, 5.3).
 * Rows of the plain layout are whole bytes, so putting weights together is putting arrays together.
 */
#include "gpu/decoder/parts.h"

#include <stdlib.h>
#include <string.h>

static enum qoq_status send(struct qoq_decoder *d, void **data, const void *from, size_t bytes)
{
    QOQ_TRY(qoq_decoder_new(d, data, bytes));
    return qoq_cuda_upload(d->handle, *data, from, bytes);
}

static enum qoq_status send_floats(struct qoq_decoder *d, float **data, const float *from,
                                   size_t count)
{
    void *made;

    *data = NULL;
    if (from == NULL) {
        return QOQ_OK;
    }
    QOQ_TRY(send(d, &made, from, count * sizeof *from));
    *data = made;
    return QOQ_OK;
}

/* ---- Linear layers ---- */

/* Weights put together, on the host. */
struct joined {
    struct qoq_weight w;
    float *bias;
    uint8_t *tiled, *scales, *zeros;
};

static size_t rounded(size_t n)
{
    return (n + 31) / 32 * 32;
}

static void joined_free(struct joined *j)
{
    free(j->w.code);
    free(j->w.s);
    free(j->w.s2);
    free(j->w.z);
    free(j->bias);
    free(j->tiled);
    free(j->scales);
    free(j->zeros);
}

static enum qoq_status joined_create(struct joined *j, const struct qoq_linear *part, size_t parts)
{
    memset(j, 0, sizeof *j);
    j->w = (struct qoq_weight){
        .scheme = part->w.scheme, .k = part->w.k, .group = part->w.group, .n = 0};
    for (size_t i = 0; i < parts; i++) {
        j->w.n += part[i].w.n;
    }
    size_t n = j->w.n, groups = qoq_weight_groups(&j->w);
    j->w.code = malloc(qoq_weight_code_bytes(&j->w));
    j->w.s = malloc(n * sizeof *j->w.s);
    j->w.s2 = malloc(n * groups + 1);
    j->w.z = malloc(n * groups + 1);
    j->bias = malloc(n * sizeof *j->bias);
    j->tiled = malloc(qoq_tile_code_bytes(n, j->w.k));
    j->scales = malloc(groups * rounded(n) + 1);
    j->zeros = malloc(groups * rounded(n) + 1);
    return j->w.code && j->w.s && j->w.s2 && j->w.z && j->bias && j->tiled && j->scales && j->zeros
               ? QOQ_OK
               : QOQ_ERR_MEMORY;
}

static void join(struct joined *j, const struct qoq_linear *part, size_t parts)
{
    size_t groups = qoq_weight_groups(&j->w), row = qoq_weight_code_bytes(&j->w) / j->w.n;

    for (size_t i = 0, n = 0; i < parts; n += part[i].w.n, i++) {
        const struct qoq_weight *w = &part[i].w;

        memcpy(j->w.code + n * row, w->code, w->n * row);
        memcpy(j->w.s + n, w->s, w->n * sizeof *w->s);
        if (w->scheme != QOQ_W8) {
            memcpy(j->w.z + n * groups, w->z, w->n * groups);
        }
        if (w->scheme == QOQ_W4_GROUP) {
            memcpy(j->w.s2 + n * groups, w->s2, w->n * groups);
        }
        if (part[i].bias != NULL) {
            memcpy(j->bias + n, part[i].bias, w->n * sizeof *j->bias);
        }
    }
}

static enum qoq_status send_w4(struct qoq_decoder *d, struct qoq_cuda_weight *out,
                               const struct joined *j)
{
    size_t n = j->w.n, groups = qoq_weight_groups(&j->w);
    void *code, *scales, *zeros;

    QOQ_TRY(qoq_tile_codes(j->tiled, j->w.code, n, j->w.k));
    QOQ_TRY(send(d, &code, j->tiled, qoq_tile_code_bytes(n, j->w.k)));
    out->code = code;
    if (j->w.scheme == QOQ_W4_CHANNEL) {
        QOQ_TRY(send(d, &zeros, j->w.z, n));
        out->z = zeros;
        return QOQ_OK;
    }
    QOQ_TRY(qoq_tile_groups(j->scales, j->zeros, j->w.s2, j->w.z, n, groups));
    QOQ_TRY(send(d, &scales, j->scales, groups * rounded(n)));
    QOQ_TRY(send(d, &zeros, j->zeros, groups * rounded(n)));
    out->s2_scales = scales;
    out->s2_zeros = zeros;
    return QOQ_OK;
}

static enum qoq_status send_joined(struct qoq_decoder *d, struct qoq_decoder_linear *out,
                                   const struct joined *j, int has_bias)
{
    void *code, *s;

    out->w = (struct qoq_cuda_weight){
        .scheme = j->w.scheme, .n = j->w.n, .k = j->w.k, .group = j->w.group};
    QOQ_TRY(send(d, &s, j->w.s, j->w.n * sizeof *j->w.s));
    out->w.s = s;
    QOQ_TRY(send_floats(d, &out->bias, has_bias ? j->bias : NULL, j->w.n));
    if (j->w.scheme != QOQ_W8) {
        return send_w4(d, &out->w, j);
    }
    QOQ_TRY(send(d, &code, j->w.code, qoq_weight_code_bytes(&j->w)));
    out->w.code = code;
    return QOQ_OK;
}

static enum qoq_status send_product(struct qoq_decoder *d, struct qoq_decoder_linear *out,
                                    const struct qoq_linear *part, size_t parts)
{
    struct joined j;
    enum qoq_status status = joined_create(&j, part, parts);

    if (status == QOQ_OK) {
        join(&j, part, parts);
        status = send_joined(d, out, &j, part->bias != NULL);
    }
    joined_free(&j);
    return status;
}

/* ---- The model ---- */

static enum qoq_status send_layer(struct qoq_decoder *d, struct qoq_decoder_layer *to,
                                  const struct qoq_layer *from)
{
    const struct qoq_config *c = &d->config;

    QOQ_TRY(send_floats(d, &to->input_norm, from->input_norm, c->hidden));
    QOQ_TRY(send_floats(d, &to->post_norm, from->post_norm, c->hidden));
    QOQ_TRY(send_floats(d, &to->q_norm, from->q_norm, c->head_dim));
    QOQ_TRY(send_floats(d, &to->k_norm, from->k_norm, c->head_dim));
    QOQ_TRY(send_product(d, &to->product[QOQ_PRODUCT_QKV], &from->linear[QOQ_Q], 3));
    QOQ_TRY(send_product(d, &to->product[QOQ_PRODUCT_OUT], &from->linear[QOQ_O], 1));
    QOQ_TRY(send_product(d, &to->product[QOQ_PRODUCT_GATE_UP], &from->linear[QOQ_GATE], 2));
    return send_product(d, &to->product[QOQ_PRODUCT_DOWN], &from->linear[QOQ_DOWN], 1);
}

/* Angles of all positions (N 8). */
static enum qoq_status send_angles(struct qoq_decoder *d)
{
    size_t pairs = d->config.head_dim / 2, count = d->options.max_tokens * pairs;
    double *frequency = malloc(pairs * sizeof *frequency);
    float *sine = malloc(count * sizeof *sine), *cosine = malloc(count * sizeof *cosine);
    enum qoq_status status = frequency && sine && cosine ? QOQ_OK : QOQ_ERR_MEMORY;

    if (status == QOQ_OK) {
        status = qoq_rope_frequencies(frequency, d->config.head_dim, &d->config.rope);
    }
    if (status == QOQ_OK) {
        status =
            qoq_rope_table(sine, cosine, frequency, d->config.head_dim, 0, d->options.max_tokens);
    }
    if (status == QOQ_OK) {
        status = send_floats(d, &d->sine, sine, count);
    }
    if (status == QOQ_OK) {
        status = send_floats(d, &d->cosine, cosine, count);
    }
    free(frequency);
    free(sine);
    free(cosine);
    return status;
}

enum qoq_status qoq_decoder_upload(struct qoq_decoder *d, const struct qoq_model *model)
{
    size_t table = d->config.vocab * d->config.hidden * sizeof(qoq_half);
    void *embed, *head;

    QOQ_TRY(send(d, &embed, model->embed, table));
    d->embed = d->head = embed;
    if (model->head != model->embed) {
        QOQ_TRY(send(d, &head, model->head, table));
        d->head = head;
    }
    QOQ_TRY(send_floats(d, &d->norm, model->norm, d->config.hidden));
    for (size_t i = 0; i < d->config.layers; i++) {
        QOQ_TRY(send_layer(d, &d->layer[i], &model->layer[i]));
    }
    return send_angles(d);
}
