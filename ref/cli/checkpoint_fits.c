/* SPDX-License-Identifier: Apache-2.0 */
/* Which models the packed layout takes, and where those who load it go their own way. */
#include "cli/checkpoint.h"

#include <stdio.h>

static enum qoq_status check_linear(const struct qoq_linear *linear, enum qoq_linear_id id,
                                    const char *path, struct qoq_error *err)
{
    const char *name = qoq_linear_name(id);

    if (linear->n % 32 != 0 || linear->k % 32 != 0) {
        return qoq_fail(err, QOQ_ERR_UNSUPPORTED, path, name,
                        "%zu x %zu: the packed layout takes multiples of 32 only", linear->n,
                        linear->k);
    }
    if (linear->w.scheme == QOQ_W4_GROUP && linear->k % linear->w.group != 0) {
        return qoq_fail(err, QOQ_ERR_UNSUPPORTED, path, name,
                        "%zu input channels are no multiple of the group size %zu", linear->k,
                        linear->w.group);
    }
    return QOQ_OK;
}

enum qoq_status qoq_checkpoint_fits(const struct qoq_model *model, const char *path, int any_group,
                                    struct qoq_error *err)
{
    if (model->precision == QOQ_FP32) {
        return qoq_fail(err, QOQ_ERR_UNSUPPORTED, path, "precision",
                        "the model is not quantized (see qoq quantize)");
    }
    enum qoq_scheme scheme = qoq_precision_scheme(model->precision);
    if (scheme != QOQ_W4_CHANNEL && scheme != QOQ_W4_GROUP) {
        return qoq_fail(err, QOQ_ERR_UNSUPPORTED, path, "precision",
                        "%s: this checkpoint format holds 4-bit weights only",
                        qoq_precision_name(model->precision));
    }
    for (int id = 0; id < QOQ_LINEARS; id++) {
        QOQ_TRY(check_linear(&model->layer[0].linear[id], (enum qoq_linear_id)id, path, err));
    }
    if (scheme == QOQ_W4_GROUP && model->group != 128 && !any_group) {
        return qoq_fail(err, QOQ_ERR_UNSUPPORTED, path, "group",
                        "%zu: QServe and SGLang take groups of 128 only (--any-group writes it "
                        "all the same)",
                        model->group);
    }
    return QOQ_OK;
}

/* Where QServe's kernels read or write past their tile: output channels of the fused matrix that
 * are no multiple of 128, input channels that are no multiple of 128. */
static void note_tiles(const struct qoq_model *model, void (*note)(void *, const char *),
                       void *context)
{
    char text[160];

    for (int id = 0; id < QOQ_LINEARS; id++) {
        enum qoq_linear_id first;
        int count;
        size_t n = 0, k = model->layer[0].linear[id].k;
        qoq_checkpoint_fused(&first, &count, (enum qoq_linear_id)id);
        for (int i = 0; i < count; i++) {
            n += model->layer[0].linear[(int)first + i].n;
        }
        if ((int)first == id && (n % 128 != 0 || k % 128 != 0)) {
            snprintf(text, sizeof text,
                     "%s%s is %zu x %zu: it loads, but the kernels are wrong where %s is no "
                     "multiple of 128",
                     qoq_linear_name(first), count > 1 ? " and what is fused with it" : "", n, k,
                     n % 128 != 0 && k % 128 != 0 ? "either"
                     : n % 128 != 0               ? "the first"
                                                  : "the second");
            note(context, text);
        }
    }
}

void qoq_checkpoint_notes(const struct qoq_model *model, int gains,
                          void (*note)(void *context, const char *text), void *context)
{
    const struct qoq_config *c = &model->config;

    if (model->group != 0 && model->group != 128) {
        note(context, "groups other than 128 channels: neither QServe nor SGLang loads this");
    }
    note_tiles(model, note, context);
    if (gains) {
        note(context, "a norm has gains other than 1: QServe and OmniServe do not load norms "
                      "(SGLang does)");
    }
    if (c->head_dim != 128 || c->heads * c->head_dim != c->hidden) {
        note(context, "heads are not hidden / heads = 128 wide: QServe's attention kernels do not "
                      "take them (SGLang's do)");
    }
    if (c->rope.kind != QOQ_ROPE_PLAIN) {
        note(context, "QServe ignores the scaling of the rotary embedding (SGLang applies it)");
    }
    if (c->mlp_bias) {
        note(context, "biases of the MLP are dropped by SGLang and refused by QServe");
    }
}
