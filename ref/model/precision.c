/* SPDX-License-Identifier: Apache-2.0 */
/* Names and parts of the precisions, and names and shapes of the linear layers (N 12.1, 12.2). */
#include "model/model.h"

#include <string.h>

static const struct {
    const char *name;
    enum qoq_scheme scheme;
    unsigned kv_bits;
} precisions[QOQ_PRECISIONS] = {
    [QOQ_FP32] = {"fp32", QOQ_SCHEMES, 32},
    [QOQ_W8A8KV8] = {"w8a8kv8", QOQ_W8, 8},
    [QOQ_W4A8KV4_CHANNEL] = {"w4a8kv4-channel", QOQ_W4_CHANNEL, 4},
    [QOQ_W4A8KV4_GROUP] = {"w4a8kv4-group", QOQ_W4_GROUP, 4},
};

static const char *const linear_names[QOQ_LINEARS] = {"q_proj",    "k_proj",  "v_proj",   "o_proj",
                                                      "gate_proj", "up_proj", "down_proj"};

const char *qoq_precision_name(enum qoq_precision precision)
{
    return (unsigned)precision < QOQ_PRECISIONS ? precisions[precision].name : "unknown";
}

enum qoq_status qoq_precision_parse(enum qoq_precision *precision, const char *name)
{
    if (precision == NULL || name == NULL) {
        return QOQ_ERR_ARGUMENT;
    }
    for (int i = 0; i < QOQ_PRECISIONS; i++) {
        if (strcmp(name, precisions[i].name) == 0) {
            *precision = (enum qoq_precision)i;
            return QOQ_OK;
        }
    }
    return QOQ_ERR_ARGUMENT;
}

enum qoq_scheme qoq_precision_scheme(enum qoq_precision precision)
{
    return (unsigned)precision < QOQ_PRECISIONS ? precisions[precision].scheme : QOQ_SCHEMES;
}

unsigned qoq_precision_kv_bits(enum qoq_precision precision)
{
    return (unsigned)precision < QOQ_PRECISIONS ? precisions[precision].kv_bits : 0;
}

const char *qoq_linear_name(enum qoq_linear_id id)
{
    return (unsigned)id < QOQ_LINEARS ? linear_names[id] : "unknown";
}

void qoq_linear_shape(size_t *n, size_t *k, const struct qoq_config *config, enum qoq_linear_id id)
{
    switch (id) {
    case QOQ_Q:
        *n = qoq_query_channels(config);
        break;
    case QOQ_K:
    case QOQ_V:
        *n = qoq_kv_channels(config);
        break;
    case QOQ_GATE:
    case QOQ_UP:
        *n = config->intermediate;
        break;
    default:
        *n = config->hidden;
        break;
    }
    *k = id == QOQ_O      ? qoq_query_channels(config)
         : id == QOQ_DOWN ? config->intermediate
                          : config->hidden;
}

int qoq_linear_has_bias(const struct qoq_config *config, enum qoq_linear_id id)
{
    return id < QOQ_O ? config->qkv_bias : id == QOQ_O ? config->o_bias : config->mlp_bias;
}
