/* SPDX-License-Identifier: Apache-2.0 */
/* Ranges and rounding of the seven linear layers of one decoder layer (Q 1.2, 6). */
#include "quantize/quantizer.h"

#include <stdlib.h>
#include <string.h>

/* One linear layer on its way to codes. Scratch belongs to this struct. */
struct rounding {
    const struct qoq_linear *in;
    const double *gram; /* NULL: no statistics */
    struct qoq_grid grid;
    float *ratio;  /* [n] */
    int8_t *code;  /* [n][k] */
    float *values; /* [n][k] */
    float *work;   /* [n][k] */
};

static void end(struct rounding *r)
{
    qoq_grid_free(&r->grid);
    free(r->ratio);
    free(r->code);
    free(r->values);
    free(r->work);
}

static enum qoq_status begin(struct rounding *r, const struct qoq_linear *in, const double *gram,
                             const struct qoq_recipe *recipe)
{
    size_t count = in->n * in->k;

    *r = (struct rounding){.in = in, .gram = gram};
    QOQ_TRY(qoq_grid_create(&r->grid, recipe->grid, in->n, in->k, recipe->group));
    r->ratio = malloc(in->n * sizeof *r->ratio);
    r->code = malloc(count);
    r->values = malloc(count * sizeof *r->values);
    r->work = malloc(count * sizeof *r->work);
    if (r->ratio == NULL || r->code == NULL || r->values == NULL || r->work == NULL) {
        return QOQ_ERR_MEMORY;
    }
    for (size_t n = 0; n < in->n; n++) {
        r->ratio[n] = 1.0f;
    }
    return QOQ_OK;
}

/* Output error of the codes; leaves their values in r->values. */
static double error_of(struct rounding *r)
{
    qoq_grid_values(r->values, &r->grid, r->code);
    return r->gram == NULL
               ? 0
               : qoq_output_error(r->in->f32, r->values, r->gram, r->in->n, r->in->k, r->work);
}

/* The ratios of the rows: 1, or what the search finds. probe: for q and k, NULL without clipping.
 */
static enum qoq_status find_ratios(struct rounding *r, enum qoq_linear_id id,
                                   const struct qoq_layer *layer, struct qoq_probe *probe,
                                   const struct qoq_recipe *recipe)
{
    float common;

    if (!recipe->clip) {
        return QOQ_OK;
    }
    if (id != QOQ_Q && id != QOQ_K) {
        return qoq_clip_rows(r->ratio, r->in->f32, r->gram, recipe->grid, r->in->n, r->in->k,
                             recipe->group);
    }
    QOQ_TRY(qoq_clip_by_attention(&common, probe, id, layer, recipe->grid, recipe->group));
    for (size_t n = 0; n < r->in->n; n++) {
        r->ratio[n] = common;
    }
    return QOQ_OK;
}

static enum qoq_status feed_back(struct rounding *r, const struct qoq_recipe *recipe,
                                 struct qoq_linear_report *report)
{
    size_t bytes = r->in->k * r->in->k * sizeof(double);
    double *gram = malloc(bytes);

    if (gram == NULL) {
        return QOQ_ERR_MEMORY;
    }
    memcpy(gram, r->gram, bytes);
    enum qoq_status status =
        qoq_gptq(r->code, &r->grid, r->in->f32, gram, recipe->damp, &report->damping);
    free(gram);
    return status;
}

static enum qoq_status round_weights(struct rounding *r, const struct qoq_recipe *recipe,
                                     struct qoq_linear_report *report)
{
    double sum = 0;

    if (r->gram != NULL) {
        memset(r->values, 0, r->in->n * r->in->k * sizeof *r->values);
        report->signal =
            qoq_output_error(r->in->f32, r->values, r->gram, r->in->n, r->in->k, r->work);
    }
    QOQ_TRY(qoq_grid_fit(&r->grid, r->in->f32, NULL));
    qoq_grid_round(r->code, &r->grid, r->in->f32);
    report->nearest = error_of(r);
    for (size_t n = 0; n < r->in->n; n++) {
        sum += (double)r->ratio[n];
    }
    report->ratio = sum / (double)r->in->n;
    if (recipe->clip) {
        QOQ_TRY(qoq_grid_fit(&r->grid, r->in->f32, r->ratio));
        qoq_grid_round(r->code, &r->grid, r->in->f32);
    }
    if (recipe->gptq) {
        QOQ_TRY(feed_back(r, recipe, report));
    }
    report->error = error_of(r);
    return QOQ_OK;
}

/* Codes, or for simulated grids their values, into the result. */
static enum qoq_status deliver(struct qoq_linear *out, const struct rounding *r)
{
    if (out->f32 == NULL) {
        return qoq_grid_store(&out->w, &r->grid, r->code);
    }
    memcpy(out->f32, r->values, out->n * out->k * sizeof *out->f32);
    return QOQ_OK;
}

static enum qoq_status round_linear(struct qoq_linear *out, struct qoq_linear_report *report,
                                    enum qoq_linear_id id, const struct qoq_layer *layer,
                                    const struct qoq_calibration *calibration,
                                    struct qoq_probe *probe, const struct qoq_recipe *recipe)
{
    const struct qoq_linear *in = &layer->linear[id];
    struct rounding r;

    if (in->bias != NULL) {
        memcpy(out->bias, in->bias, in->n * sizeof *in->bias);
    }
    if (recipe->grid == QOQ_GRID_NONE) {
        memcpy(out->f32, in->f32, in->n * in->k * sizeof *in->f32);
        return QOQ_OK;
    }
    enum qoq_status status =
        begin(&r, in, calibration != NULL ? calibration->gram[qoq_input_of(id)] : NULL, recipe);
    if (status == QOQ_OK) {
        status = find_ratios(&r, id, layer, probe, recipe);
    }
    if (status == QOQ_OK) {
        status = round_weights(&r, recipe, report);
    }
    if (status == QOQ_OK) {
        status = deliver(out, &r);
    }
    end(&r);
    return status;
}

enum qoq_status qoq_round_layer(struct qoq_layer *out, struct qoq_layer_report *report,
                                const struct qoq_layer *layer,
                                const struct qoq_calibration *calibration,
                                const struct qoq_quantizer *quantizer,
                                const struct qoq_progress *progress)
{
    const struct qoq_config *config = &quantizer->source;
    struct qoq_probe *probe = NULL;
    enum qoq_status status = QOQ_OK;

    memcpy(out->input_norm, layer->input_norm, config->hidden * sizeof *out->input_norm);
    memcpy(out->post_norm, layer->post_norm, config->hidden * sizeof *out->post_norm);
    if (config->qk_norm) {
        memcpy(out->q_norm, layer->q_norm, config->head_dim * sizeof *out->q_norm);
        memcpy(out->k_norm, layer->k_norm, config->head_dim * sizeof *out->k_norm);
    }
    if (quantizer->recipe.clip) {
        QOQ_TRY(qoq_probe_create(&probe, layer, config, calibration));
    }
    for (int id = 0; id < QOQ_LINEARS && status == QOQ_OK; id++) {
        status = round_linear(&out->linear[id], &report->linear[id], (enum qoq_linear_id)id, layer,
                              calibration, probe, &quantizer->recipe);
        qoq_report(progress, (size_t)id + 1, QOQ_LINEARS);
    }
    qoq_probe_free(probe);
    return status;
}
