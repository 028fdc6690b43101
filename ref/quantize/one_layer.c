/* SPDX-License-Identifier: Apache-2.0 */
#include "quantize/one_layer.h"

#include <stdlib.h>

static enum qoq_status create_parts(struct qoq_one_layer *one, size_t length)
{
    QOQ_TRY(qoq_session_create(&one->session, &one->model, 1, length, length));
    one->token = calloc(length, sizeof *one->token);
    if (one->token == NULL) {
        return QOQ_ERR_MEMORY;
    }
    QOQ_TRY(qoq_cache_reserve(&one->session->cache[0], one->session, length));
    one->segment = (struct qoq_segment){0, length, one->token};
    one->step.session = one->session;
    return qoq_step_begin(&one->step);
}

enum qoq_status qoq_one_layer_create(struct qoq_one_layer *out, const struct qoq_layer *layer,
                                     const struct qoq_config *config, size_t length,
                                     const struct qoq_observer *observer)
{
    *out = (struct qoq_one_layer){.layer = *layer};
    out->model = (struct qoq_model){.config = *config, .precision = QOQ_FP32, .layer = &out->layer};
    out->model.config.layers = 1;
    out->step = (struct qoq_step){.model = &out->model,
                                  .observer = observer,
                                  .segment = &out->segment,
                                  .segments = 1,
                                  .rows = length,
                                  .longest = length};
    enum qoq_status status = create_parts(out, length);
    if (status != QOQ_OK) {
        qoq_one_layer_free(out);
    }
    return status;
}

void qoq_one_layer_free(struct qoq_one_layer *one)
{
    qoq_step_end(&one->step);
    qoq_session_free(one->session);
    free(one->token);
    one->session = NULL;
    one->token = NULL;
}
