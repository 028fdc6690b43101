/* SPDX-License-Identifier: Apache-2.0 */
/* What the arrays of a model are called in files. */
#include "cli/array_name.h"

#include <stdio.h>

static const char *part_name(enum qoq_array_kind kind)
{
    switch (kind) {
    case QOQ_ARRAY_EMBED:
        return "embed";
    case QOQ_ARRAY_HEAD:
        return "head";
    case QOQ_ARRAY_NORM:
        return "norm";
    case QOQ_ARRAY_INPUT_NORM:
        return "input_norm";
    case QOQ_ARRAY_POST_NORM:
        return "post_norm";
    case QOQ_ARRAY_Q_NORM:
        return "q_norm";
    case QOQ_ARRAY_K_NORM:
        return "k_norm";
    case QOQ_ARRAY_WEIGHT:
        return "weight";
    case QOQ_ARRAY_CODE:
        return "code";
    case QOQ_ARRAY_S:
        return "s";
    case QOQ_ARRAY_S2:
        return "s2";
    case QOQ_ARRAY_Z:
        return "z";
    case QOQ_ARRAY_BIAS:
        return "bias";
    }
    return "unknown";
}

const char *qoq_array_name(char name[QOQ_ARRAY_NAME], const struct qoq_array *array)
{
    const char *part = part_name(array->kind);

    if (array->kind <= QOQ_ARRAY_NORM) {
        snprintf(name, QOQ_ARRAY_NAME, "%s", part);
    } else if (array->kind <= QOQ_ARRAY_K_NORM) {
        snprintf(name, QOQ_ARRAY_NAME, "layers/%zu/%s", array->layer, part);
    } else {
        snprintf(name, QOQ_ARRAY_NAME, "layers/%zu/%s/%s", array->layer,
                 qoq_linear_name(array->linear), part);
    }
    return name;
}

const char *qoq_array_hf_name(char name[QOQ_ARRAY_NAME], const struct qoq_array *array,
                              const char *prefix)
{
    const char *module = array->linear <= QOQ_O ? "self_attn" : "mlp";

    switch (array->kind) {
    case QOQ_ARRAY_EMBED:
        snprintf(name, QOQ_ARRAY_NAME, "%sembed_tokens.weight", prefix);
        break;
    case QOQ_ARRAY_HEAD:
        snprintf(name, QOQ_ARRAY_NAME, "lm_head.weight");
        break;
    case QOQ_ARRAY_NORM:
        snprintf(name, QOQ_ARRAY_NAME, "%snorm.weight", prefix);
        break;
    case QOQ_ARRAY_INPUT_NORM:
        snprintf(name, QOQ_ARRAY_NAME, "%slayers.%zu.input_layernorm.weight", prefix, array->layer);
        break;
    case QOQ_ARRAY_POST_NORM:
        snprintf(name, QOQ_ARRAY_NAME, "%slayers.%zu.post_attention_layernorm.weight", prefix,
                 array->layer);
        break;
    case QOQ_ARRAY_Q_NORM:
    case QOQ_ARRAY_K_NORM:
        snprintf(name, QOQ_ARRAY_NAME, "%slayers.%zu.self_attn.%s.weight", prefix, array->layer,
                 part_name(array->kind));
        break;
    default:
        snprintf(name, QOQ_ARRAY_NAME, "%slayers.%zu.%s.%s.%s", prefix, array->layer, module,
                 qoq_linear_name(array->linear), array->kind == QOQ_ARRAY_BIAS ? "bias" : "weight");
        break;
    }
    return name;
}
