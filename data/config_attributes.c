/* SPDX-License-Identifier: Apache-2.0 */
/* struct qoq_config to attributes and back. */
#include "data/config_attributes.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define GROUP "config"
#define MAX_WIDTH 131072 /* N 1.6 */

static const struct {
    const char *name;
    size_t place;
    int64_t hi;
} sizes[] = {
    {"vocab", offsetof(struct qoq_config, vocab), (int64_t)1 << 24},
    {"hidden", offsetof(struct qoq_config, hidden), MAX_WIDTH},
    {"intermediate", offsetof(struct qoq_config, intermediate), MAX_WIDTH},
    {"layers", offsetof(struct qoq_config, layers), 1024},
    {"heads", offsetof(struct qoq_config, heads), MAX_WIDTH},
    {"kv_heads", offsetof(struct qoq_config, kv_heads), MAX_WIDTH},
    {"head_dim", offsetof(struct qoq_config, head_dim), 256},
    {"max_positions", offsetof(struct qoq_config, max_positions), (int64_t)1 << 24},
};

static const struct {
    const char *name;
    size_t place;
} flags[] = {
    {"tie_embeddings", offsetof(struct qoq_config, tie_embeddings)},
    {"qkv_bias", offsetof(struct qoq_config, qkv_bias)},
    {"o_bias", offsetof(struct qoq_config, o_bias)},
    {"mlp_bias", offsetof(struct qoq_config, mlp_bias)},
    {"qk_norm", offsetof(struct qoq_config, qk_norm)},
};

/* What a kind of rotary embedding does not use is stored as the value here. */
static const struct {
    const char *name;
    size_t place;
    double lo, hi;
    enum qoq_rope_kind first; /* kinds from this one on use it */
} reals[] = {
    {"rope_theta", offsetof(struct qoq_rope, theta), 1.0001, 1e12, QOQ_ROPE_PLAIN},
    {"rope_factor", offsetof(struct qoq_rope, factor), 1, 1e6, QOQ_ROPE_LINEAR},
    {"rope_low_freq", offsetof(struct qoq_rope, low_freq), 1e-6, 1e6, QOQ_ROPE_LLAMA3},
    {"rope_high_freq", offsetof(struct qoq_rope, high_freq), 1e-6, 1e6, QOQ_ROPE_LLAMA3},
    {"rope_original_positions", offsetof(struct qoq_rope, original_positions), 1, 1e12,
     QOQ_ROPE_LLAMA3},
};

static const char *const archs[] = {"llama", "mistral", "qwen2", "qwen3"};
static const char *const kinds[] = {"plain", "linear", "llama3"};

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static enum qoq_status put_numbers(struct qoq_h5 *file, const struct qoq_config *config,
                                   struct qoq_error *err)
{
    const char *base = (const char *)config, *rope = (const char *)&config->rope;
    enum qoq_status status = QOQ_OK;

    for (size_t i = 0; i < COUNT(sizes) && status == QOQ_OK; i++) {
        size_t value = *(const size_t *)(const void *)(base + sizes[i].place);
        status = qoq_h5_put_int(file, GROUP, sizes[i].name, (int64_t)value, err);
    }
    for (size_t i = 0; i < COUNT(flags) && status == QOQ_OK; i++) {
        int value = *(const int *)(const void *)(base + flags[i].place);
        status = qoq_h5_put_int(file, GROUP, flags[i].name, value != 0, err);
    }
    for (size_t i = 0; i < COUNT(reals) && status == QOQ_OK; i++) {
        double value = *(const double *)(const void *)(rope + reals[i].place);
        if (config->rope.kind >= reals[i].first)
            status = qoq_h5_put_double(file, GROUP, reals[i].name, value, err);
    }
    return status;
}

enum qoq_status qoq_config_put(struct qoq_h5 *file, const struct qoq_config *config,
                               struct qoq_error *err)
{
    enum qoq_status status;

    if ((unsigned)config->arch >= COUNT(archs) || (unsigned)config->rope.kind >= COUNT(kinds))
        return qoq_fail(err, QOQ_ERR_ARGUMENT, qoq_h5_path(file), GROUP, "an unknown enum value");
    status = qoq_h5_make_group(file, GROUP, err);
    if (status == QOQ_OK)
        status = qoq_h5_put_string(file, GROUP, "arch", archs[config->arch], err);
    if (status == QOQ_OK)
        status = qoq_h5_put_string(file, GROUP, "rope", kinds[config->rope.kind], err);
    if (status == QOQ_OK)
        status = qoq_h5_put_double(file, GROUP, "rms_eps", (double)config->rms_eps, err);
    if (status == QOQ_OK)
        status = qoq_h5_put_int(file, GROUP, "bos", config->bos, err);
    if (status == QOQ_OK)
        status = qoq_h5_put_int(file, GROUP, "eos", config->eos, err);
    if (status == QOQ_OK)
        status = put_numbers(file, config, err);
    return status;
}

/* A string attribute that must be one of `choice`. */
static enum qoq_status get_choice(int *out, struct qoq_h5 *file, const char *name,
                                  const char *const *choice, size_t choices, struct qoq_error *err)
{
    char *text;
    enum qoq_status status = qoq_h5_get_string(&text, file, GROUP, name, err);

    *out = -1;
    if (status != QOQ_OK)
        return status;
    for (size_t i = 0; i < choices; i++) {
        if (strcmp(text, choice[i]) == 0)
            *out = (int)i;
    }
    if (*out < 0)
        status = qoq_fail(err, QOQ_ERR_UNSUPPORTED, qoq_h5_path(file), name,
                          "\"%.64s\" is not supported", text);
    free(text);
    return status;
}

static enum qoq_status get_numbers(struct qoq_config *out, struct qoq_h5 *file,
                                   struct qoq_error *err)
{
    char *base = (char *)out, *rope = (char *)&out->rope;
    enum qoq_status status = QOQ_OK;
    int64_t value = 0;

    for (size_t i = 0; i < COUNT(sizes) && status == QOQ_OK; i++) {
        status = qoq_h5_get_int(&value, file, GROUP, sizes[i].name, 1, sizes[i].hi, err);
        *(size_t *)(void *)(base + sizes[i].place) = (size_t)value;
    }
    for (size_t i = 0; i < COUNT(flags) && status == QOQ_OK; i++) {
        status = qoq_h5_get_int(&value, file, GROUP, flags[i].name, 0, 1, err);
        *(int *)(void *)(base + flags[i].place) = (int)value;
    }
    out->rope.factor = 1;
    for (size_t i = 0; i < COUNT(reals) && status == QOQ_OK; i++) {
        double *real = (double *)(void *)(rope + reals[i].place);
        if (out->rope.kind >= reals[i].first)
            status =
                qoq_h5_get_double(real, file, GROUP, reals[i].name, reals[i].lo, reals[i].hi, err);
    }
    return status;
}

static enum qoq_status check_heads(const struct qoq_config *config, const char *path,
                                   struct qoq_error *err)
{
    if (config->heads % config->kv_heads != 0)
        return qoq_fail(err, QOQ_ERR_SHAPE, path, "config@kv_heads",
                        "%zu does not divide heads %zu", config->kv_heads, config->heads);
    if (config->head_dim % 2 != 0 || config->head_dim * config->heads > MAX_WIDTH)
        return qoq_fail(err, QOQ_ERR_SHAPE, path, "config@head_dim",
                        "%zu is odd, or too large for %zu heads", config->head_dim, config->heads);
    if (config->rope.kind == QOQ_ROPE_LLAMA3 && config->rope.high_freq <= config->rope.low_freq)
        return qoq_fail(err, QOQ_ERR_RANGE, path, "config@rope_high_freq",
                        "must be greater than rope_low_freq");
    return QOQ_OK;
}

enum qoq_status qoq_config_get(struct qoq_config *out, struct qoq_h5 *file, struct qoq_error *err)
{
    int arch, kind = 0;
    int64_t id = 0;
    double eps = 0;
    enum qoq_status status = get_choice(&arch, file, "arch", archs, COUNT(archs), err);

    memset(out, 0, sizeof *out);
    if (status == QOQ_OK)
        status = get_choice(&kind, file, "rope", kinds, COUNT(kinds), err);
    if (status != QOQ_OK)
        return status;
    out->arch = (enum qoq_arch)arch;
    out->rope.kind = (enum qoq_rope_kind)kind;
    status = get_numbers(out, file, err);
    if (status == QOQ_OK)
        status = check_heads(out, qoq_h5_path(file), err);
    if (status == QOQ_OK)
        status = qoq_h5_get_double(&eps, file, GROUP, "rms_eps", 1e-30, 1, err);
    out->rms_eps = (float)eps;
    if (status == QOQ_OK)
        status = qoq_h5_get_int(&id, file, GROUP, "bos", -1, (int64_t)out->vocab - 1, err);
    out->bos = (int32_t)id;
    if (status == QOQ_OK)
        status = qoq_h5_get_int(&id, file, GROUP, "eos", -1, (int64_t)out->vocab - 1, err);
    out->eos = (int32_t)id;
    return status;
}
