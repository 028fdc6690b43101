/* SPDX-License-Identifier: Apache-2.0 */
/* Which descriptions are models that this library can run (N 1.6, 8.1, 12). */
#include "model/model.h"

#include <math.h>

static const char *const arch_names[QOQ_ARCHS] = {"llama", "mistral", "qwen2", "qwen3"};

const char *qoq_arch_name(enum qoq_arch arch)
{
    return (unsigned)arch < QOQ_ARCHS ? arch_names[arch] : "unknown";
}

/* Far above any model; keeps a hostile file from making a loader count for ever. */
#define MAX_LAYERS 65536

static const char *size_fault(const struct qoq_config *c)
{
    if (c->vocab < 1 || c->vocab > INT32_MAX) {
        return "vocab: not in 1 .. 2147483647";
    }
    if (c->hidden < 1 || c->hidden > QOQ_MAX_CHANNELS) {
        return "hidden: not in 1 .. 131072";
    }
    if (c->intermediate < 1 || c->intermediate > QOQ_MAX_CHANNELS) {
        return "intermediate: not in 1 .. 131072";
    }
    if (c->layers < 1 || c->layers > MAX_LAYERS) {
        return "layers: not in 1 .. 65536";
    }
    if (c->max_positions < 1 || c->max_positions > 1 << 24) {
        return "max_positions: not in 1 .. 16777216";
    }
    return NULL;
}

static const char *head_fault(const struct qoq_config *c)
{
    if (c->head_dim < 2 || c->head_dim > QOQ_MAX_HEAD_DIM || c->head_dim % 2 != 0) {
        return "head_dim: not an even number in 2 .. 256";
    }
    if (c->heads < 1 || c->heads > QOQ_MAX_CHANNELS / c->head_dim) {
        return "heads: heads times head_dim not in 1 .. 131072";
    }
    if (c->kv_heads < 1 || c->heads % c->kv_heads != 0) {
        return "kv_heads: does not divide heads";
    }
    return NULL;
}

static const char *rope_fault(const struct qoq_rope *rope)
{
    if (rope->kind != QOQ_ROPE_PLAIN && rope->kind != QOQ_ROPE_LINEAR &&
        rope->kind != QOQ_ROPE_LLAMA3) {
        return "rope: unknown kind";
    }
    if (!(rope->theta > 1) || !isfinite(rope->theta)) {
        return "rope: theta is not a finite number above 1";
    }
    if (rope->kind == QOQ_ROPE_PLAIN) {
        return NULL;
    }
    if (!(rope->factor >= 1) || !isfinite(rope->factor)) {
        return "rope: factor is not a finite number of at least 1";
    }
    if (rope->kind == QOQ_ROPE_LINEAR) {
        return NULL;
    }
    if (!(rope->low_freq > 0) || !(rope->high_freq > rope->low_freq) ||
        !isfinite(rope->high_freq)) {
        return "rope: frequency factors are not 0 < low < high";
    }
    if (!(rope->original_positions > 0) || !isfinite(rope->original_positions)) {
        return "rope: original_positions is not a positive number";
    }
    return NULL;
}

static const char *value_fault(const struct qoq_config *c)
{
    if ((unsigned)c->arch >= QOQ_ARCHS) {
        return "arch: unknown";
    }
    if (!(c->rms_eps > 0) || !isfinite(c->rms_eps)) {
        return "rms_eps: not a positive number";
    }
    if (c->bos < -1 || (c->bos >= 0 && (size_t)c->bos >= c->vocab)) {
        return "bos: outside the vocabulary";
    }
    if (c->eos < -1 || (c->eos >= 0 && (size_t)c->eos >= c->vocab)) {
        return "eos: outside the vocabulary";
    }
    return rope_fault(&c->rope);
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* No array is larger than [vocab][hidden], a linear layer, or a Gram matrix, taken as binary64. */
static const char *measure_fault(const struct qoq_config *c)
{
    size_t widest = larger(larger(c->hidden, c->intermediate), c->heads * c->head_dim);
    size_t elements = qoq_size_mul(larger(c->vocab, widest), widest);

    return qoq_size_mul(elements, sizeof(double)) == SIZE_MAX
               ? "vocab: arrays too large for this machine"
               : NULL;
}

enum qoq_status qoq_config_check(const struct qoq_config *config, const char **reason)
{
    const char *shape, *value = NULL;

    if (config == NULL) {
        return QOQ_ERR_ARGUMENT;
    }
    shape = size_fault(config);
    shape = shape != NULL ? shape : head_fault(config);
    shape = shape != NULL ? shape : measure_fault(config);
    if (shape == NULL) {
        value = value_fault(config);
    }
    if (reason != NULL) {
        *reason = shape != NULL ? shape : value;
    }
    return shape != NULL ? QOQ_ERR_SHAPE : value != NULL ? QOQ_ERR_ARGUMENT : QOQ_OK;
}
