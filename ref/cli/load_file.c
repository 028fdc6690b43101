/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A model from our own container. The description is checked first, then that every tensor it calls
 * for is there in its type and shape, then memory is taken and filled, then the values are checked:
 * finite numbers, and the codes and scales of N 4.4.
 */
#include "cli/load.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/array_name.h"
#include "cli/source.h"
#include "numerics/half.h"

static int compare_names(const void *key, const void *item)
{
    return strcmp(key, ((const struct qoq_tensor *)item)->name);
}

static enum qoq_status check_array(void *context, const struct qoq_array *array)
{
    struct qoq_source *source = context;
    const struct qoq_tensors *tensors = qoq_model_file_tensors(source->file);
    char name[QOQ_ARRAY_NAME], wanted[64], found[128];
    const struct qoq_tensor *tensor = NULL;

    qoq_array_name(name, array);
    if (tensors->count > 0) {
        tensor = bsearch(name, tensors->item, tensors->count, sizeof *tensors->item, compare_names);
    }
    if (tensor == NULL) {
        return qoq_fail(source->err, QOQ_ERR_FORMAT, source->path, name, "missing");
    }
    if (tensor->dtype != array->dtype || tensor->rank != array->rank ||
        memcmp(tensor->dim, array->dim, (size_t)array->rank * sizeof *array->dim) != 0) {
        return qoq_fail(source->err, QOQ_ERR_FORMAT, source->path, name,
                        "%s %s, the description asks for %s %s", qoq_dtype_name(tensor->dtype),
                        qoq_shape_text(found, sizeof found, tensor->dim, tensor->rank),
                        qoq_dtype_name(array->dtype),
                        qoq_shape_text(wanted, sizeof wanted, array->dim, array->rank));
    }
    source->expected[tensor - tensors->item] = 1;
    return QOQ_OK;
}

static enum qoq_status check_arrays(struct qoq_source *source, const struct qoq_outline *outline)
{
    const struct qoq_tensors *tensors = qoq_model_file_tensors(source->file);

    source->expected = calloc(tensors->count + 1, 1);
    if (source->expected == NULL) {
        return qoq_fail_memory(source->err, source->path, NULL, tensors->count + 1);
    }
    QOQ_TRY(qoq_arrays_visit(outline, check_array, source));
    for (size_t i = 0; i < tensors->count; i++) {
        if (!source->expected[i]) {
            return qoq_fail(source->err, QOQ_ERR_FORMAT, source->path, tensors->item[i].name,
                            "a tensor that such a model does not have");
        }
    }
    return QOQ_OK;
}

/* Index of the first element that is NaN or infinite, or count. */
static size_t first_not_finite(const struct qoq_array *array, size_t count)
{
    size_t i = 0;

    if (array->dtype == QOQ_F32) {
        const float *x = array->data;
        while (i < count && isfinite(x[i])) {
            i++;
        }
    } else if (array->dtype == QOQ_F16) {
        const qoq_half *x = array->data;
        while (i < count && qoq_half_is_finite(x[i])) {
            i++;
        }
    } else {
        i = count;
    }
    return i;
}

enum qoq_status qoq_source_read_file(struct qoq_source *source, const struct qoq_array *array)
{
    char name[QOQ_ARRAY_NAME];
    size_t count = array->dim[0] * (array->rank == 2 ? array->dim[1] : 1);

    QOQ_TRY(qoq_model_file_get(array->data, source->file, qoq_array_name(name, array), array->dtype,
                               array->dim, array->rank, source->err));
    size_t bad = first_not_finite(array, count);
    if (bad < count) {
        return qoq_fail(source->err, QOQ_ERR_RANGE, source->path, name,
                        "element %zu is NaN or infinite", bad);
    }
    return QOQ_OK;
}

static enum qoq_status check_weights(const struct qoq_model *model, const struct qoq_source *source)
{
    for (size_t i = 0; i < model->config.layers; i++) {
        for (int id = 0; model->precision != QOQ_FP32 && id < QOQ_LINEARS; id++) {
            enum qoq_status status = qoq_weight_check(&model->layer[i].linear[id].w);
            if (status != QOQ_OK) {
                char name[QOQ_ARRAY_NAME];
                snprintf(name, sizeof name, "layers/%zu/%s", i,
                         qoq_linear_name((enum qoq_linear_id)id));
                return qoq_fail(
                    source->err, status, source->path, name,
                    "codes, scales or zero points outside the limits of quantized weights");
            }
        }
    }
    return QOQ_OK;
}

static int is_simulated_width(unsigned bits)
{
    return bits == 0 || bits == 4 || bits == 8;
}

static int simulation_is_valid(const struct qoq_simulation *simulation,
                               enum qoq_precision precision)
{
    if (precision != QOQ_FP32 || simulation->act_bits == 0) {
        return simulation->act_group == 0 && simulation->act_bits == 0 &&
               (precision == QOQ_FP32 ? is_simulated_width(simulation->kv_bits)
                                      : simulation->kv_bits == 0);
    }
    return is_simulated_width(simulation->act_bits) && is_simulated_width(simulation->kv_bits) &&
           simulation->act_group % 32 == 0 && simulation->act_group <= QOQ_MAX_CHANNELS;
}

/* What the header says of the numbers, checked against what this program knows. */
static enum qoq_status check_header(enum qoq_precision *precision,
                                    const struct qoq_model_header *header,
                                    const struct qoq_source *source)
{
    const char *reason;

    if (header->numerics != QOQ_NUMERICS_VERSION) {
        return qoq_fail(source->err, QOQ_ERR_UNSUPPORTED, source->path, "numerics",
                        "version %d, this program computes version %d", header->numerics,
                        QOQ_NUMERICS_VERSION);
    }
    if (qoq_precision_parse(precision, header->precision) != QOQ_OK) {
        return qoq_fail(source->err, QOQ_ERR_UNSUPPORTED, source->path, "precision",
                        "\"%s\" is not known", header->precision);
    }
    int grouped = *precision == QOQ_W4A8KV4_GROUP;
    if (grouped ? header->group == 0 || header->group % 32 != 0 || header->group > QOQ_MAX_CHANNELS
                : header->group != 0) {
        return qoq_fail(source->err, QOQ_ERR_FORMAT, source->path, "group",
                        "%zu does not fit precision %s", header->group, header->precision);
    }
    if (!simulation_is_valid(&header->simulation, *precision)) {
        return qoq_fail(source->err, QOQ_ERR_FORMAT, source->path, "act_bits",
                        "%u, act_group %zu, kv_bits %u do not fit precision %s",
                        header->simulation.act_bits, header->simulation.act_group,
                        header->simulation.kv_bits, header->precision);
    }
    enum qoq_status status = qoq_config_check(&header->config, &reason);
    return status == QOQ_OK ? QOQ_OK
                            : qoq_fail(source->err, status, source->path, "config", "%s", reason);
}

enum qoq_status qoq_source_open_file(struct qoq_source *source, enum qoq_precision *precision)
{
    struct qoq_model_header *header = &source->header;

    QOQ_TRY(qoq_model_file_open(&source->file, header, source->path, source->err));
    QOQ_TRY(check_header(precision, header, source));
    struct qoq_outline outline = {&header->config, *precision, header->group, NULL};
    return check_arrays(source, &outline);
}

static enum qoq_status read_model(struct qoq_model **model, struct qoq_source *source,
                                  enum qoq_precision precision)
{
    const struct qoq_model_header *header = &source->header;
    enum qoq_status status = qoq_model_create(model, &header->config, precision, header->group);

    if (status != QOQ_OK) {
        return qoq_fail(source->err, status, source->path, NULL, "%s", qoq_status_string(status));
    }
    (*model)->simulation = header->simulation;
    struct qoq_outline outline = qoq_model_outline(*model);
    QOQ_TRY(qoq_arrays_visit(&outline, qoq_source_read, source));
    return check_weights(*model, source);
}

enum qoq_status qoq_load_file(struct qoq_loaded *out, const char *path, struct qoq_error *err)
{
    struct qoq_source source = {.path = path, .err = err};
    enum qoq_precision precision;

    memset(out, 0, sizeof *out);
    enum qoq_status status = qoq_source_open_file(&source, &precision);
    if (status == QOQ_OK) {
        status = read_model(&out->model, &source, precision);
    }
    out->header = source.header;
    memset(&source.header, 0, sizeof source.header);
    qoq_source_close(&source);
    if (status != QOQ_OK) {
        qoq_loaded_free(out);
    }
    return status;
}
