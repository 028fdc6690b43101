/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A quantized model from a checkpoint directory: what kind it is, its group size, then every array
 * as the files' headers describe it, then memory and values.
 */
#include "cli/checkpoint_source.h"

#include <stdlib.h>
#include <string.h>

#include "data/file.h"
#include "data/hf_config.h"

static int ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), tail = strlen(end);

    return length >= tail && strcmp(text + length - tail, end) == 0;
}

static int any_name(const struct qoq_safetensors *set, const char *end)
{
    for (size_t i = 0; i < qoq_safetensors_count(set); i++) {
        if (ends_with(qoq_safetensors_entry(set, i)->name, end)) {
            return 1;
        }
    }
    return 0;
}

static enum qoq_status find_kind(enum qoq_checkpoint_kind *kind, const struct qoq_source *source)
{
    if (any_name(source->set, ".qweight")) {
        *kind = QOQ_CHECKPOINT_PACKED;
        return QOQ_OK;
    }
    if (any_name(source->set, ".weight.scale.0")) {
        *kind = QOQ_CHECKPOINT_FAKE;
        return QOQ_OK;
    }
    return qoq_fail(source->err, QOQ_ERR_FORMAT, source->directory, NULL,
                    "holds neither packed weights (.qweight) nor scales of fake-quantized ones "
                    "(.weight.scale.0)");
}

/* Groups of a row of the first layer's q_proj by the tensor that has one column or row a group; 0:
 * there is none. */
static size_t find_groups(struct qoq_source *source, enum qoq_checkpoint_kind kind)
{
    struct qoq_array array = {.kind = QOQ_ARRAY_CODE, .linear = QOQ_Q};
    int packed = kind == QOQ_CHECKPOINT_PACKED;
    const char *part = packed ? "s2_scales" : "weight.scale.1";
    const struct qoq_safetensors_entry *entry = NULL;
    char name[QOQ_ARRAY_NAME];
    size_t elements = 1, n, k;

    for (int fused = 0; fused < 2 && entry == NULL; fused++) {
        qoq_checkpoint_name(name, &array, source->prefix, part, fused);
        entry = qoq_safetensors_find(source->set, name);
    }
    if (entry == NULL) {
        return 0;
    }
    qoq_linear_shape(&n, &k, source->config, QOQ_Q);
    if (packed) {
        return entry->rank == 2 ? entry->dim[0] : 0;
    }
    for (int i = 0; i < entry->rank; i++) {
        elements = entry->dim[i] == 0 || elements > SIZE_MAX / entry->dim[i]
                       ? 0
                       : elements * entry->dim[i];
    }
    return elements / n;
}

/* The group size that config.json names, or else the one that the shapes tell. 0: per channel. */
static enum qoq_status find_group(size_t *group, struct qoq_source *source,
                                  enum qoq_checkpoint_kind kind,
                                  const struct qoq_hf_quantization *quantization)
{
    size_t n, k, groups = find_groups(source, kind);

    *group = quantization->group;
    if (quantization->present) {
        return QOQ_OK;
    }
    qoq_linear_shape(&n, &k, source->config, QOQ_Q);
    *group = groups == 0 ? 0 : k / groups;
    if (groups != 0 && (k % groups != 0 || *group % 32 != 0 || *group > QOQ_MAX_CHANNELS)) {
        return qoq_fail(source->err, QOQ_ERR_FORMAT, source->directory, "group",
                        "%zu input channels in %zu groups: not a multiple of 32 each", k, groups);
    }
    return QOQ_OK;
}

struct visit {
    struct qoq_source *source;
    enum qoq_checkpoint_kind kind;
    const struct qoq_outline *outline;
};

/* What the whole matrix of a linear layer will be. */
static struct qoq_weight shape_of(const struct qoq_outline *outline, enum qoq_linear_id id)
{
    struct qoq_weight w = {.scheme = qoq_precision_scheme(outline->precision),
                           .group = outline->group};

    qoq_linear_shape(&w.n, &w.k, outline->config, id);
    return w;
}

static enum qoq_status check_array(void *context, const struct qoq_array *array)
{
    struct visit *visit = context;

    switch (array->kind) {
    case QOQ_ARRAY_CODE: {
        struct qoq_weight shape = shape_of(visit->outline, array->linear);
        return visit->kind == QOQ_CHECKPOINT_PACKED ? qoq_packed_check(visit->source, array, &shape)
                                                    : qoq_fake_check(visit->source, array, &shape);
    }
    case QOQ_ARRAY_S:
    case QOQ_ARRAY_S2:
    case QOQ_ARRAY_Z:
        return QOQ_OK;
    default:
        return qoq_source_check_plain(visit->source, array);
    }
}

static enum qoq_status read_array(void *context, const struct qoq_array *array)
{
    struct visit *visit = context;

    switch (array->kind) {
    case QOQ_ARRAY_CODE: {
        struct qoq_weight *w = &visit->outline->model->layer[array->layer].linear[array->linear].w;
        return visit->kind == QOQ_CHECKPOINT_PACKED ? qoq_packed_read(visit->source, array, w)
                                                    : qoq_fake_read(visit->source, array, w);
    }
    case QOQ_ARRAY_S:
    case QOQ_ARRAY_S2:
    case QOQ_ARRAY_Z:
        return QOQ_OK;
    default:
        return qoq_source_read_plain(visit->source, array);
    }
}

static enum qoq_status check_unknown(const struct qoq_source *source)
{
    for (size_t i = 0; i < qoq_safetensors_count(source->set); i++) {
        const char *name = qoq_safetensors_entry(source->set, i)->name;
        if (!source->expected[i] && !qoq_hf_may_be_ignored(name)) {
            return qoq_fail(source->err, QOQ_ERR_FORMAT, source->directory, name,
                            "no part of the model that config.json describes");
        }
    }
    return QOQ_OK;
}

/* A head that is the embedding, bit for bit, is tied: the model computes the same. */
static void tie_head(struct qoq_model *model)
{
    size_t bytes = model->config.vocab * model->config.hidden * sizeof *model->embed;

    if (!model->config.tie_embeddings && memcmp(model->head, model->embed, bytes) == 0) {
        free(model->head);
        model->head = model->embed;
        model->config.tie_embeddings = 1;
    }
}

/* N 4.4, with a hint where the other order of the group parameters would fulfil it. */
static enum qoq_status check_values(struct qoq_model *model, const struct qoq_source *source,
                                    enum qoq_checkpoint_kind kind)
{
    enum qoq_s2_order order = source->options->order;
    enum qoq_s2_order other = order == QOQ_S2_QSERVE ? QOQ_S2_DEEPCOMPRESSOR : QOQ_S2_QSERVE;
    enum qoq_status status = qoq_checkpoint_check(model, source->directory, source->err);

    if (status != QOQ_ERR_RANGE || kind != QOQ_CHECKPOINT_PACKED || model->group == 0 ||
        qoq_checkpoint_reorder(model, order, other) != QOQ_OK ||
        qoq_checkpoint_check(model, source->directory, NULL) != QOQ_OK) {
        return status;
    }
    return qoq_fail(source->err, QOQ_ERR_RANGE, source->directory, "s2_scales",
                    "in the order of %s the weights leave the range of 8 bits, in that of %s they "
                    "do not: try --s2-order %s",
                    order == QOQ_S2_QSERVE ? "qserve" : "deepcompressor",
                    other == QOQ_S2_QSERVE ? "qserve" : "deepcompressor",
                    other == QOQ_S2_QSERVE ? "qserve" : "deepcompressor");
}

static enum qoq_status read_values(struct qoq_model *model, const struct visit *visit)
{
    struct qoq_outline outline = qoq_model_outline(model);
    struct visit reading = {visit->source, visit->kind, &outline};
    const struct qoq_import_options *options = visit->source->options;

    QOQ_TRY(qoq_arrays_visit(&outline, read_array, &reading));
    tie_head(model);
    if (visit->kind == QOQ_CHECKPOINT_PACKED) {
        enum qoq_status status = qoq_checkpoint_reorder(model, QOQ_S2_QSERVE, options->order);
        if (status != QOQ_OK) {
            return qoq_fail_memory(visit->source->err, visit->source->directory, NULL, 0);
        }
    }
    return options->unchecked ? QOQ_OK : check_values(model, visit->source, visit->kind);
}

static enum qoq_status read_model(struct qoq_model **model, struct qoq_source *source,
                                  enum qoq_checkpoint_kind kind, const struct qoq_outline *outline)
{
    struct visit visit = {source, kind, outline};

    QOQ_TRY(qoq_arrays_visit(outline, check_array, &visit));
    QOQ_TRY(check_unknown(source));
    enum qoq_status status =
        qoq_model_create(model, outline->config, outline->precision, outline->group);
    if (status != QOQ_OK) {
        return qoq_fail(source->err, status, source->directory, NULL, "%s",
                        qoq_status_string(status));
    }
    return read_values(*model, &visit);
}

static enum qoq_status load_weights(struct qoq_loaded *out, struct qoq_source *source,
                                    const struct qoq_hf_quantization *quantization)
{
    struct qoq_config *config = &out->header.config;
    size_t count = qoq_safetensors_count(source->set), group;

    source->config = config;
    source->prefix =
        qoq_safetensors_find(source->set, "embed_tokens.weight") != NULL ? "" : "model.";
    source->expected = calloc(count + 1, 1);
    if (source->expected == NULL) {
        return qoq_fail_memory(source->err, source->directory, NULL, count + 1);
    }
    QOQ_TRY(find_kind(&source->report->kind, source));
    QOQ_TRY(find_group(&group, source, source->report->kind, quantization));
    if (qoq_safetensors_find(source->set, "lm_head.weight") != NULL) {
        config->tie_embeddings = 0; /* the checkpoint's own head counts */
    }
    struct qoq_outline outline = {config, group == 0 ? QOQ_W4A8KV4_CHANNEL : QOQ_W4A8KV4_GROUP,
                                  group, NULL};
    return read_model(&out->model, source, source->report->kind, &outline);
}

enum qoq_status qoq_checkpoint_load(struct qoq_loaded *out, struct qoq_import_report *report,
                                    const char *directory, const struct qoq_import_options *options,
                                    struct qoq_error *err)
{
    struct qoq_source source = {
        .directory = directory, .options = options, .report = report, .err = err};
    struct qoq_hf_quantization quantization;

    memset(out, 0, sizeof *out);
    memset(report, 0, sizeof *report);
    enum qoq_status status = qoq_load_hf_header(&out->header, directory, &quantization, err);
    if (status == QOQ_OK) {
        status = qoq_safetensors_open(&source.set, directory, err);
    }
    if (status == QOQ_OK) {
        status = load_weights(out, &source, &quantization);
    }
    free(source.expected);
    qoq_safetensors_close(&source.set);
    if (status != QOQ_OK) {
        qoq_loaded_free(out);
    }
    return status;
}
