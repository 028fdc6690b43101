/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions: creation, release, and what they hold. Steps are in step.c. */
#include "model/session.h"

#include <stdlib.h>

static enum qoq_status create_parts(struct qoq_session *session)
{
    const struct qoq_config *config = &session->model->config;

    session->frequency = calloc(config->head_dim / 2, sizeof *session->frequency);
    session->cache = calloc(session->sequences, sizeof *session->cache);
    if (session->frequency == NULL || session->cache == NULL) {
        return QOQ_ERR_MEMORY;
    }
    QOQ_TRY(qoq_rope_frequencies(session->frequency, config->head_dim, &config->rope));
    for (size_t i = 0; i < session->sequences; i++) {
        QOQ_TRY(qoq_cache_create(&session->cache[i], session));
    }
    return QOQ_OK;
}

/* Whether the bytes of a page can be counted, for any precision. */
static int page_is_measurable(const struct qoq_session *session)
{
    const struct qoq_config *config = &session->model->config;
    size_t token_bytes = qoq_size_mul(qoq_kv_channels(config), 2 * sizeof(float));

    return qoq_size_mul(qoq_size_mul(session->page_tokens, token_bytes),
                        QOQ_CACHE_SIDES * config->layers) < SIZE_MAX / 2;
}

enum qoq_status qoq_session_create(struct qoq_session **session, const struct qoq_model *model,
                                   size_t sequences, size_t max_tokens, size_t page_tokens)
{
    struct qoq_session *made;
    enum qoq_status status;

    if (session == NULL) {
        return QOQ_ERR_ARGUMENT;
    }
    *session = NULL;
    if (model == NULL) {
        return QOQ_ERR_ARGUMENT;
    }
    if (sequences == 0 || max_tokens == 0 || page_tokens == 0 ||
        max_tokens > model->config.max_positions) {
        return QOQ_ERR_SHAPE;
    }
    made = calloc(1, sizeof *made);
    if (made == NULL) {
        return QOQ_ERR_MEMORY;
    }
    *made = (struct qoq_session){.model = model,
                                 .sequences = sequences,
                                 .max_tokens = max_tokens,
                                 .page_tokens = page_tokens};
    made->blocks_max = (max_tokens - 1) / page_tokens + 1;
    made->layout = (struct qoq_kv_layout){qoq_precision_kv_bits(model->precision), page_tokens,
                                          model->config.kv_heads, model->config.head_dim};
    status = page_is_measurable(made) ? create_parts(made) : QOQ_ERR_SHAPE;
    if (status != QOQ_OK) {
        qoq_session_free(made);
        return status;
    }
    *session = made;
    return QOQ_OK;
}

void qoq_session_free(struct qoq_session *session)
{
    if (session == NULL) {
        return;
    }
    for (size_t i = 0; session->cache != NULL && i < session->sequences; i++) {
        qoq_cache_free(&session->cache[i], session);
    }
    free(session->cache);
    free(session->frequency);
    free(session);
}

void qoq_session_reset(struct qoq_session *session, size_t sequence)
{
    if (session != NULL && sequence < session->sequences) {
        session->cache[sequence].length = 0;
        qoq_cache_trim(&session->cache[sequence], session);
    }
}

size_t qoq_session_length(const struct qoq_session *session, size_t sequence)
{
    return session != NULL && sequence < session->sequences ? session->cache[sequence].length : 0;
}

size_t qoq_session_bytes(const struct qoq_session *session)
{
    size_t bytes = 0;

    for (size_t i = 0; session != NULL && i < session->sequences; i++) {
        bytes += qoq_cache_bytes(&session->cache[i], session);
    }
    return bytes;
}
