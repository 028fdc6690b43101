/* SPDX-License-Identifier: Apache-2.0 */
/* The list of kernels, their shapes, and one case from beginning to end. */
#include "gpu/verify/verify.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gpu/verify/cases.h"
#include "numerics/gen.h"

#define GEMM_SIZES "m n k bias tile splits misaligned"

#define ATTENTION_SIZES "m q_heads kv_heads head_dim page context uniform misaligned"
#define PREFILL_SIZES ATTENTION_SIZES " tile"

const struct qoq_verify_kernel qoq_verify_kernels[] = {
    {"act_quantize", "binary16 rows to INT8", "m k misaligned", qoq_verify_act_quantize, 0},
    {"rmsnorm_quantize", "residual (--bias 1), RMSNorm, INT8", "m k bias misaligned",
     qoq_verify_rmsnorm, 0},
    {"silu_mul_quantize", "SiLU times up, INT8", "m k misaligned", qoq_verify_silu, 0},
    {"residual_add", "residual alone", "m k misaligned", qoq_verify_residual, 0},
    {"gemm_w8a8", "product, INT8 weights", GEMM_SIZES, qoq_verify_gemm, QOQ_W8},
    {"gemm_w4a8_channel", "product, 4-bit weights per channel", GEMM_SIZES, qoq_verify_gemm,
     QOQ_W4_CHANNEL},
    {"gemm_w4a8_group", "product, 4-bit weights per group", GEMM_SIZES " group", qoq_verify_gemm,
     QOQ_W4_GROUP},
    {"rope_write", "head norms (--bias 1), rotation, keys and values into the cache",
     "m q_heads kv_heads head_dim page bits bias misaligned", qoq_verify_rope, 0},
    {"attention_kv4", "decode attention over a 4-bit cache, and the merge", ATTENTION_SIZES,
     qoq_verify_attention, 4},
    {"attention_kv8", "decode attention over an 8-bit cache, and the merge", ATTENTION_SIZES,
     qoq_verify_attention, 8},
    {"attention_decode_kv4", "the same on tensor cores, 4-bit cache", ATTENTION_SIZES " splits",
     qoq_verify_decode, 4},
    {"attention_decode_kv8", "the same on tensor cores, 8-bit cache", ATTENTION_SIZES " splits",
     qoq_verify_decode, 8},
    {"attention_prefill_kv4", "attention of runs of tokens over a 4-bit cache", PREFILL_SIZES,
     qoq_verify_prefill, 4},
    {"attention_prefill_kv8", "attention of runs of tokens over an 8-bit cache", PREFILL_SIZES,
     qoq_verify_prefill, 8},
    {"embed", "rows of the embedding", "m n k misaligned", qoq_verify_embed, 0},
    {"rmsnorm", "residual (--bias 1), RMSNorm of chosen rows", "m k bias misaligned",
     qoq_verify_final_norm, 0},
    {"gemm_f16", "output head, ordered sums", "m n k misaligned", qoq_verify_head, 0},
    {"argmax", "greedy choice", "m n misaligned", qoq_verify_argmax, 0},
    {NULL, NULL, NULL, NULL, 0},
};

const struct qoq_verify_kernel *qoq_verify_find(const char *name)
{
    for (const struct qoq_verify_kernel *k = qoq_verify_kernels; k->name != NULL; k++) {
        if (strcmp(k->name, name) == 0) {
            return k;
        }
    }
    return NULL;
}

void qoq_verify_default_shape(struct qoq_verify_shape *shape)
{
    *shape = (struct qoq_verify_shape){.m = 16,
                                       .n = 128,
                                       .k = 256,
                                       .group = 128,
                                       .q_heads = 4,
                                       .kv_heads = 2,
                                       .head_dim = 128,
                                       .page = 64,
                                       .context = 300,
                                       .bits = 4,
                                       .tile = -1};
}

/* ---- Shapes ---- */

/* Of each size: what an option may set, and what a random shape takes; last those that it does not
 * touch. */
static const struct {
    const char *name;
    size_t offset, lo, hi, random_lo, random_hi, unit;
    int is_int;
} fields[] = {
#define SIZE(name, lo, hi, random_lo, random_hi, unit)                                             \
    {                                                                                              \
#name, offsetof(struct qoq_verify_shape, name), lo, hi, random_lo, random_hi, unit, 0      \
    }
#define FLAG(name, hi)                                                                             \
    {                                                                                              \
#name, offsetof(struct qoq_verify_shape, name), 0, hi, 0, 1, 1, 1                          \
    }
    SIZE(m, 1, 1000000, 1, 150, 1),
    SIZE(n, 1, 1000000, 1, 300, 1),
    SIZE(k, 1, 131072, 1, 700, 1),
    SIZE(group, 32, 131072, 32, 160, 32),
    SIZE(q_heads, 1, 65535, 1, 10, 1),
    SIZE(kv_heads, 1, 65535, 1, 3, 1),
    SIZE(head_dim, 2, 256, 2, 256, 2),
    SIZE(page, 1, 1 << 20, 1, 70, 1),
    SIZE(context, 1, 1 << 24, 1, 700, 1),
    FLAG(bits, 8),
    FLAG(bias, 1),
    FLAG(tile, 100),
    FLAG(splits, 1000),
    FLAG(misaligned, 1),
    FLAG(bands, 1),
    {"uniform", offsetof(struct qoq_verify_shape, uniform), 0, 2, 0, 0, 1, 1},
};
enum { FIELDS = sizeof fields / sizeof fields[0] };

static int uses(const struct qoq_verify_kernel *kernel, const char *name)
{
    size_t length = strlen(name);

    for (const char *s = kernel->sizes; (s = strstr(s, name)) != NULL; s += length) {
        if ((s == kernel->sizes || s[-1] == ' ') && (s[length] == ' ' || s[length] == '\0')) {
            return 1;
        }
    }
    return 0;
}

static void *field_of(struct qoq_verify_shape *shape, int i)
{
    return (char *)shape + fields[i].offset;
}

/* Small, near a multiple of 32, or anywhere, a third each. */
static size_t bent(uint64_t *state, size_t lo, size_t hi)
{
    size_t any = qoq_verify_number(state, lo, hi), way = qoq_verify_number(state, 0, 2);
    size_t near = any / 32 * 32 + qoq_verify_number(state, 0, 2);

    if (way == 0) {
        return qoq_verify_number(state, lo, hi < lo + 9 ? hi : lo + 9);
    }
    return way == 1 && near > lo && near - 1 <= hi ? near - 1 : any;
}

void qoq_verify_random_shape(struct qoq_verify_shape *shape, const struct qoq_verify_kernel *kernel,
                             uint64_t seed)
{
    uint64_t state = qoq_gen(seed, 77);

    qoq_verify_default_shape(shape);
    for (int i = 0; i < FIELDS && fields[i].random_hi != 0; i++) {
        size_t value = bent(&state, fields[i].random_lo, fields[i].random_hi);

        if (!fields[i].is_int) {
            *(size_t *)field_of(shape, i) =
                (value + fields[i].unit - 1) / fields[i].unit * fields[i].unit;
        }
    }
    shape->q_heads *= shape->kv_heads;
    if (kernel->run == qoq_verify_attention || kernel->run == qoq_verify_decode ||
        kernel->run == qoq_verify_prefill) {
        shape->m = kernel->run == qoq_verify_prefill ? shape->m : shape->m % 5 + 1;
        /* Often rows of codes that asynchronous copies can take. */
        if (qoq_gen_next(&state) % 2 == 0) {
            shape->head_dim = 32 * qoq_verify_number(&state, 1, 8);
            shape->page = 4 * qoq_verify_number(&state, 1, 16);
        }
        /* Now and then a merge of several leaves (N 11.5), over narrow heads. */
        if (qoq_gen_next(&state) % 5 == 0) {
            shape->context = qoq_verify_number(&state, 2000, 9000);
            shape->head_dim = 2 * qoq_verify_number(&state, 1, 8);
            shape->kv_heads = 1;
            shape->m = kernel->run == qoq_verify_prefill ? shape->m % 24 + 1 : 1;
            shape->q_heads = qoq_verify_number(&state, 1, 3);
        }
    }
    shape->bits = qoq_gen_next(&state) & 1 ? 4 : 8;
    shape->bias = (int)(qoq_gen_next(&state) & 1);
    shape->misaligned = qoq_gen_next(&state) % 3 == 0;
    const size_t tiles = kernel->run == qoq_verify_prefill ? 8 : (size_t)qoq_cuda_gemm_tiles();
    shape->tile = qoq_gen_next(&state) & 1 ? -1 : (int)qoq_verify_number(&state, 0, tiles - 1);
    shape->splits = qoq_gen_next(&state) & 1 ? 0 : (int)qoq_verify_number(&state, 1, 6);
}

int qoq_verify_set(struct qoq_verify_shape *shape, const char *name, const char *value)
{
    char *end;

    for (int i = 0; i < FIELDS; i++) {
        if (strcmp(fields[i].name, name) != 0) {
            continue;
        }
        errno = 0;
        unsigned long long number = strtoull(value, &end, 10);
        if (errno != 0 || value[0] < '0' || value[0] > '9' || *end != '\0' ||
            number < fields[i].lo || number > fields[i].hi || number % fields[i].unit != 0) {
            return -1;
        }
        if (fields[i].is_int) {
            *(int *)field_of(shape, i) = (int)number;
        } else {
            *(size_t *)field_of(shape, i) = (size_t)number;
        }
        return 0;
    }
    return -1;
}

int64_t qoq_verify_get(const struct qoq_verify_shape *shape, const char *name)
{
    struct qoq_verify_shape copy = *shape;

    for (int i = 0; i < FIELDS; i++) {
        if (strcmp(fields[i].name, name) == 0) {
            return fields[i].is_int ? *(int *)field_of(&copy, i)
                                    : (int64_t) * (size_t *)field_of(&copy, i);
        }
    }
    return -1;
}

void qoq_verify_print_shape(char *text, size_t room, const struct qoq_verify_kernel *kernel,
                            const struct qoq_verify_shape *shape)
{
    struct qoq_verify_shape copy = *shape;
    size_t used = 0;

    text[0] = '\0';
    for (int i = 0; i < FIELDS && used < room; i++) {
        char name[32];
        int value = fields[i].is_int ? *(int *)field_of(&copy, i) : 0;
        int skip =
            fields[i].is_int && (value < 0 || (value == 0 && strcmp(fields[i].name, "tile")));

        if (!uses(kernel, fields[i].name) || skip) {
            continue;
        }
        snprintf(name, sizeof name, "%s", fields[i].name);
        for (char *c = name; *c != '\0'; c++) {
            *c = *c == '_' ? '-' : *c;
        }
        used += (size_t)snprintf(text + used, room - used, "%s--%s %zu", used == 0 ? "" : " ", name,
                                 fields[i].is_int ? (size_t)value : *(size_t *)field_of(&copy, i));
    }
}

/* ---- Cases ---- */

void qoq_verify_begin(struct qoq_verify_arrays *arrays, struct qoq_cuda *handle,
                      const struct qoq_verify_shape *shape)
{
    memset(arrays, 0, sizeof *arrays);
    arrays->handle = handle;
    arrays->offset = shape->misaligned ? 6 : 0;
    arrays->bands = shape->bands || !qoq_cuda_is_emulated(handle);
}

enum qoq_status qoq_verify_end(struct qoq_verify_arrays *arrays, char *text, size_t room)
{
    qoq_verify_check_bands(arrays, text, room);
    if (arrays->status == QOQ_ERR_DEVICE) {
        snprintf(text, room, "%s", qoq_cuda_message(arrays->handle));
    } else if (arrays->status != QOQ_OK && arrays->status != QOQ_ERR_DIFFERS) {
        snprintf(text, room, "%s: %s", arrays->failed, qoq_status_string(arrays->status));
    }
    qoq_verify_free(arrays);
    return arrays->status;
}

enum qoq_status qoq_verify_run(struct qoq_cuda *handle, const struct qoq_verify_kernel *kernel,
                               const struct qoq_verify_shape *shape, uint64_t seed, char *text,
                               size_t room)
{
    text[0] = '\0';
    return kernel->run(handle, kernel, shape, seed, text, room);
}
