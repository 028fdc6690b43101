/* SPDX-License-Identifier: Apache-2.0 */
/* Tables about models: see report.h. */
#include <config.h>

#include "cli/report.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "numerics/half.h"

static size_t largest_linear(const struct qoq_model *model)
{
    size_t most = 0;

    for (int id = 0; id < QOQ_LINEARS; id++) {
        const struct qoq_linear *linear = &model->layer[0].linear[id];
        most = linear->n * linear->k > most ? linear->n * linear->k : most;
    }
    return most;
}

int qoq_report_linears(const struct qoq_model *baseline, const struct qoq_model *quantized)
{
    float *work = malloc(largest_linear(quantized) * sizeof *work);

    if (work == NULL) {
        return qoq_cli_trouble("not enough memory for error statistics");
    }
    printf("%-5s %-10s %7s %7s %12s %12s %9s\n", "layer", "linear", "n", "k", "max error",
           "mean square", "SNR dB");
    for (size_t l = 0; l < quantized->config.layers; l++) {
        for (int id = 0; id < QOQ_LINEARS; id++) {
            const struct qoq_linear *linear = &quantized->layer[l].linear[id];
            struct qoq_error_stats stats;
            enum qoq_status status =
                qoq_linear_stats(&stats, work, &baseline->layer[l].linear[id], linear);
            if (status != QOQ_OK) {
                free(work);
                return qoq_cli_trouble("layer %zu: %s: %s", l,
                                       qoq_linear_name((enum qoq_linear_id)id),
                                       qoq_status_string(status));
            }
            printf("%-5zu %-10s %7zu %7zu %12.5g %12.5g %9.3f\n", l,
                   qoq_linear_name((enum qoq_linear_id)id), linear->n, linear->k, stats.max_abs,
                   stats.mean_square, stats.snr_db);
        }
    }
    free(work);
    return QOQ_EXIT_GOOD;
}

/* "lo..hi" of bytes. */
static void byte_range(char text[16], const uint8_t *x, size_t count)
{
    unsigned lo = 255, hi = 0;

    for (size_t i = 0; i < count; i++) {
        lo = x[i] < lo ? x[i] : lo;
        hi = x[i] > hi ? x[i] : hi;
    }
    snprintf(text, 16, "%u..%u", lo, hi);
}

static void print_ranges(size_t layer, const char *name, const struct qoq_weight *w)
{
    float lo = INFINITY, hi = 0;
    char s2[16] = "-", z[16] = "-";
    size_t parameters = w->n * qoq_weight_groups(w);

    for (size_t n = 0; n < w->n; n++) {
        float s = qoq_half_to_float(w->s[n]);
        lo = s < lo ? s : lo;
        hi = s > hi ? s : hi;
    }
    if (w->scheme == QOQ_W4_GROUP) {
        byte_range(s2, w->s2, parameters);
    }
    if (w->scheme != QOQ_W8) {
        byte_range(z, w->z, parameters);
    }
    printf("%-5zu %-10s %7zu %7zu %11.5g %11.5g %12s %8s\n", layer, name, w->n, w->k, (double)lo,
           (double)hi, s2, z);
}

void qoq_report_ranges(const struct qoq_model *model)
{
    printf("%-5s %-10s %7s %7s %11s %11s %12s %8s\n", "layer", "linear", "n", "k", "min scale",
           "max scale", "group scales", "zeros");
    for (size_t l = 0; l < model->config.layers; l++) {
        for (int id = 0; id < QOQ_LINEARS; id++) {
            print_ranges(l, qoq_linear_name((enum qoq_linear_id)id), &model->layer[l].linear[id].w);
        }
    }
}

/* The linear layers that have biases. */
static const char *bias_text(char text[64], const struct qoq_config *config)
{
    size_t used = 0;

    snprintf(text, 64, "none");
    for (int id = 0; id < QOQ_LINEARS; id++) {
        if (qoq_linear_has_bias(config, (enum qoq_linear_id)id)) {
            const char *name = qoq_linear_name((enum qoq_linear_id)id);
            used += (size_t)snprintf(text + used, 64 - used, "%s%.*s", used > 0 ? ", " : "",
                                     (int)strcspn(name, "_"), name);
        }
    }
    return text;
}

void qoq_report_config(const struct qoq_model *model)
{
    static const char *const scaling[] = {"none", "linear", "llama3"};
    const struct qoq_config *c = &model->config;
    size_t linear, bytes = qoq_model_bytes(model, &linear);
    char biases[64];

    printf("architecture         %s\nprecision            %s\n", qoq_arch_name(c->arch),
           qoq_precision_name(model->precision));
    if (model->group) {
        printf("group                %zu\n", model->group);
    }
    printf("weight bytes         %zu\nlinear bytes         %zu\n", bytes, linear);
    printf("vocabulary           %zu\nhidden               %zu\nintermediate         %zu\nlayers   "
           "            %zu\n",
           c->vocab, c->hidden, c->intermediate, c->layers);
    printf("query heads          %zu\nkey/value heads      %zu\nhead width           "
           "%zu\npositions            %zu\n",
           c->heads, c->kv_heads, c->head_dim, c->max_positions);
    printf("norm epsilon         %g\nrotary base          %g\nrotary scaling       %s\n",
           (double)c->rms_eps, c->rope.theta, scaling[c->rope.kind]);
    printf("tied embeddings      %s\nbiases               %s\nhead norms           %s\n",
           c->tie_embeddings ? "yes" : "no", bias_text(biases, c),
           c->qk_norm ? "query, key" : "none");
}
