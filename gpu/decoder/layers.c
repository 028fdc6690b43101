/* SPDX-License-Identifier: Apache-2.0 */
/* A pass on the stream: embedding, layers, head (N 12.1). */
#include "gpu/decoder/parts.h"

/* An array of the pass's input on the device. */
static int32_t *input(const struct qoq_decoder *d, const struct qoq_decoder_pass *pass,
                      enum qoq_decoder_input what)
{
    return d->work.input + (size_t)what * pass->rows;
}

static struct qoq_cuda_act act_of(const struct qoq_decoder *d, size_t rows, size_t k)
{
    const struct qoq_decoder_work *w = &d->work;

    return (struct qoq_cuda_act){rows, k, qoq_decoder_pitch(k), w->act, w->act_scale, w->act_sum};
}

static enum qoq_status multiply(struct qoq_decoder *d, qoq_half *y, const struct qoq_cuda_act *x,
                                const struct qoq_decoder_linear *linear)
{
    return qoq_cuda_gemm(d->handle, y, x, &linear->w, linear->bias, d->work.gemm,
                         d->work.gemm_bytes);
}

/* As many rows at a time as their scratch has room for. */
static enum qoq_status attend_rows(struct qoq_decoder *d, const struct qoq_decoder_pass *pass,
                                   const struct qoq_cuda_cache *cache)
{
    size_t wide = qoq_decoder_wide(&d->config), one, most;

    QOQ_TRY(qoq_cuda_attention_scratch(d->handle, &one, 1, pass->max_context, d->config.heads,
                                       &d->layout));
    most = d->work.attention_bytes / one;
    for (size_t first = 0; first < pass->rows; first += most) {
        size_t count = pass->rows - first < most ? pass->rows - first : most;

        QOQ_TRY(qoq_cuda_attention(
            d->handle, d->work.mixed + first * wide, d->work.query + first * wide, cache,
            input(d, pass, QOQ_INPUT_SEQUENCE) + first, input(d, pass, QOQ_INPUT_CONTEXT) + first,
            count, pass->max_context, d->config.heads, d->work.attention, d->work.attention_bytes));
    }
    return QOQ_OK;
}

/* Runs of tokens together; row by row where each run is one token, or where runs would need more
 * scratch than there is. */
static enum qoq_status attend(struct qoq_decoder *d, const struct qoq_decoder_pass *pass,
                              const struct qoq_cuda_cache *cache)
{
    size_t bytes;

    QOQ_TRY(qoq_cuda_attention_prefill_scratch(d->handle, &bytes, pass->rows, pass->runs,
                                               pass->max_context, d->config.heads, &d->layout));
    if (pass->runs == pass->rows || bytes > d->work.attention_bytes) {
        return attend_rows(d, pass, cache);
    }
    return qoq_cuda_attention_prefill(
        d->handle, d->work.mixed, d->work.query, cache, input(d, pass, QOQ_INPUT_RUN_SEQUENCE),
        input(d, pass, QOQ_INPUT_RUN_START), input(d, pass, QOQ_INPUT_RUN_CONTEXT), pass->rows,
        pass->runs, pass->max_context, d->config.heads, d->work.attention, d->work.attention_bytes);
}

/* out = o(attention(norm(residual))). before: what is still to be added to the residual, or NULL.
 */
static enum qoq_status attention_part(struct qoq_decoder *d, const struct qoq_decoder_pass *pass,
                                      const struct qoq_decoder_layer *layer, const qoq_half *before)
{
    const struct qoq_config *c = &d->config;
    struct qoq_decoder_work *w = &d->work;
    struct qoq_cuda_act narrow = act_of(d, pass->rows, c->hidden);
    struct qoq_cuda_act wide = act_of(d, pass->rows, qoq_decoder_wide(c));
    struct qoq_cuda_cache cache = {d->layout, layer->k, layer->v, d->pages.device,
                                   d->pages.blocks_max};

    QOQ_TRY(qoq_cuda_rmsnorm_quantize(d->handle, &narrow, w->residual, before, layer->input_norm,
                                      c->rms_eps));
    QOQ_TRY(multiply(d, w->qkv, &narrow, &layer->product[QOQ_PRODUCT_QKV]));
    QOQ_TRY(qoq_cuda_norm_rope_write(d->handle, w->query, &cache, w->qkv, layer->q_norm,
                                     layer->k_norm, c->rms_eps, d->sine, d->cosine,
                                     input(d, pass, QOQ_INPUT_SEQUENCE),
                                     input(d, pass, QOQ_INPUT_POSITION), pass->rows, c->heads));
    QOQ_TRY(attend(d, pass, &cache));
    QOQ_TRY(qoq_cuda_act_quantize(d->handle, &wide, w->mixed));
    return multiply(d, w->out, &wide, &layer->product[QOQ_PRODUCT_OUT]);
}

/* residual += out; out = down(silu(gate(norm(residual))) * up(norm(residual))). */
static enum qoq_status mlp_part(struct qoq_decoder *d, const struct qoq_decoder_pass *pass,
                                const struct qoq_decoder_layer *layer)
{
    const struct qoq_config *c = &d->config;
    struct qoq_decoder_work *w = &d->work;
    struct qoq_cuda_act narrow = act_of(d, pass->rows, c->hidden);
    struct qoq_cuda_act wide = act_of(d, pass->rows, c->intermediate);

    QOQ_TRY(qoq_cuda_rmsnorm_quantize(d->handle, &narrow, w->residual, w->out, layer->post_norm,
                                      c->rms_eps));
    QOQ_TRY(multiply(d, w->gate_up, &narrow, &layer->product[QOQ_PRODUCT_GATE_UP]));
    QOQ_TRY(qoq_cuda_silu_mul_quantize(d->handle, &wide, w->gate_up, w->gate_up + c->intermediate,
                                       2 * c->intermediate));
    return multiply(d, w->out, &wide, &layer->product[QOQ_PRODUCT_DOWN]);
}

enum qoq_status qoq_decoder_layers(struct qoq_decoder *d, const struct qoq_decoder_pass *pass)
{
    const struct qoq_config *c = &d->config;

    QOQ_TRY(qoq_cuda_send(d->handle, d->work.input, pass->input,
                          qoq_decoder_input_count(pass->rows) * sizeof *pass->input));
    QOQ_TRY(qoq_cuda_embed(d->handle, d->work.residual, d->embed, input(d, pass, QOQ_INPUT_TOKEN),
                           pass->rows, c->vocab, c->hidden));
    for (size_t i = 0; i < c->layers; i++) {
        QOQ_TRY(attention_part(d, pass, &d->layer[i], i == 0 ? NULL : d->work.out));
        QOQ_TRY(mlp_part(d, pass, &d->layer[i]));
    }
    return QOQ_OK;
}

enum qoq_status qoq_decoder_head(struct qoq_decoder *d, const struct qoq_decoder_pass *pass,
                                 size_t first, size_t count)
{
    const struct qoq_config *c = &d->config;
    struct qoq_decoder_work *w = &d->work;

    QOQ_TRY(qoq_cuda_rmsnorm(d->handle, w->normed, w->residual, w->out, d->norm,
                             input(d, pass, QOQ_INPUT_WANTED) + first, count, c->hidden,
                             c->rms_eps));
    QOQ_TRY(
        qoq_cuda_gemm_f16(d->handle, w->logits, w->normed, d->head, count, c->vocab, c->hidden));
    if (pass->want == QOQ_WANT_LOGITS) {
        return qoq_cuda_fetch(d->handle, d->logits, w->logits,
                              count * c->vocab * sizeof *w->logits);
    }
    QOQ_TRY(qoq_cuda_argmax(d->handle, w->choice, w->logits, count, c->vocab));
    return qoq_cuda_fetch(d->handle, d->choice, w->choice, count * sizeof *w->choice);
}
