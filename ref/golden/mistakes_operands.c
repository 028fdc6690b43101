/* SPDX-License-Identifier: Apache-2.0 */
/* Known ways to read packed weights wrongly (N 5.2, 5.3), seen in the products. */
#include "golden/mistakes.h"
#include "golden/weight_inputs.h"
#include "qoq_qserve.h"

#include <stdlib.h>
#include <string.h>

enum { COLUMNS_PLAIN, COLUMNS_OTHER, HALVES, EIGHTS, NO_ZERO, GROUP_128, NIBBLES };

/* Weights as they are and as the mistake reads them. */
struct reading {
    struct qoq_weight right, wrong;
};

/* ---- Group parameters ---- */

/* The channel whose parameters lie where the mistake looks for those of channel n. */
static size_t channel_read(size_t n, int variant)
{
    if (variant == COLUMNS_PLAIN)
        return qoq_tile_channel(n);
    if (variant == COLUMNS_OTHER) /* 0, 8, 1, 9, ... */
        return qoq_tile_channel((n & ~(size_t)15) | (n & 7) << 1 | (n >> 3 & 1));
    return n;
}

/* The group of the right weights that the mistake takes for its group j. */
static size_t group_read(const struct reading *r, size_t j, int variant)
{
    size_t last = qoq_weight_groups(&r->right) - 1;

    return variant == GROUP_128 && j > last ? last : j;
}

static void read_groups(struct reading *r, int variant)
{
    size_t groups = qoq_weight_groups(&r->wrong), right = qoq_weight_groups(&r->right);

    for (size_t n = 0; n < r->right.n; n++) {
        size_t from = channel_read(n, variant);
        for (size_t j = 0; j < groups; j++) {
            size_t at = from * right + group_read(r, j, variant), padding = from >= r->right.n;
            r->wrong.s2[n * groups + j] = padding ? 1 : r->right.s2[at];
            r->wrong.z[n * groups + j] = padding || variant == NO_ZERO ? 0 : r->right.z[at];
        }
    }
}

/* ---- Codes ---- */

static unsigned code_at(const struct qoq_weight *w, size_t n, size_t k)
{
    if (n >= w->n || k >= w->k)
        return 0;
    return w->code[n * ((w->k + 1) / 2) + k / 2] >> (k % 2 * 4) & 15u;
}

/* HALVES: channels n and n + 16, one in each nibble, for each other. EIGHTS: n + 8 and k + 16.
 * NIBBLES: even and odd k of the plain layout (N 5.1). */
static void read_codes(struct reading *r, int variant)
{
    size_t stride = (r->right.k + 1) / 2;

    memset(r->wrong.code, 0, r->right.n * stride);
    for (size_t n = 0; n < r->right.n; n++) {
        for (size_t k = 0; k < r->right.k; k++) {
            size_t from_n = n, from_k = k;
            if (variant == HALVES)
                from_n = n ^ 16;
            if (variant == NIBBLES)
                from_k = k ^ 1;
            if (variant == EIGHTS) {
                from_n = (n & ~(size_t)8) | (k >> 1 & 8);
                from_k = (k & ~(size_t)16) | (n << 1 & 16);
            }
            r->wrong.code[n * stride + k / 2] |=
                (uint8_t)(code_at(&r->right, from_n, from_k) << (k % 2 * 4));
        }
    }
}

/* ---- Products ---- */

static enum qoq_status multiply(struct qoq_golden_case *c, const struct qoq_weight *w)
{
    struct qoq_act x = {qoq_golden_size(c, "m"), w->k, qoq_golden_in(c, "q"),
                        qoq_golden_in(c, "scale"), qoq_golden_in(c, "sum")};
    const void *bias = qoq_golden_in(c, "bias");

    if (strcmp(c->profile, "qserve") == 0)
        return qoq_qserve_gemm(qoq_golden_out(c, "y"), x.q, qoq_golden_in(c, "scale"),
                               w->scheme == QOQ_W4_CHANNEL ? qoq_golden_in(c, "sum") : NULL, w,
                               bias, x.m);
    enum qoq_status status = qoq_gemm_accumulate(qoq_golden_out(c, "acc"), &x, w);
    return status == QOQ_OK ? qoq_gemm(qoq_golden_out(c, "y"), &x, w, bias) : status;
}

static enum qoq_status read_wrongly(struct qoq_golden_case *c, int variant)
{
    struct reading r;
    int grouped = strstr(c->op, "group") != NULL;

    qoq_golden_find_weight(&r.right, c, grouped ? QOQ_W4_GROUP : QOQ_W4_CHANNEL);
    r.wrong = r.right;
    if (grouped && variant == GROUP_128)
        r.wrong.group = 128;
    size_t groups = grouped ? qoq_weight_groups(&r.wrong) : 1,
           codes = r.right.n * ((r.right.k + 1) / 2);
    uint8_t *memory = malloc(codes + 2 * r.right.n * groups);
    if (memory == NULL)
        return QOQ_ERR_MEMORY;
    r.wrong.code = memory;
    read_codes(&r, variant);
    if (grouped) {
        r.wrong.s2 = memory + codes;
        r.wrong.z = r.wrong.s2 + r.right.n * groups;
        read_groups(&r, variant);
    }
    enum qoq_status status = multiply(c, &r.wrong);
    free(memory);
    return status;
}

#define GROUPED "gemm_w4a8_group"
#define CHANNEL "gemm_w4a8_channel"

/* Each shows in accumulators and in outputs. */
#define BOTH(ops, variant, text)                                                                   \
    {ops, "acc", read_wrongly, variant, text}, {ops, "y", read_wrongly, variant, text},            \
    {                                                                                              \
        "qserve_" ops, "y", read_wrongly, variant, text                                            \
    }

const struct qoq_golden_mistake qoq_golden_mistakes_operands[] = {
    BOTH(GROUPED, COLUMNS_PLAIN, "the columns of s2_scales and s2_zeros are read in plain order"),
    BOTH(GROUPED, COLUMNS_OTHER,
         "the columns of s2_scales and s2_zeros are read in the order 0, 8, 1, 9, ..."),
    BOTH(GROUPED, NO_ZERO, "the zeros of the groups are not applied"),
    BOTH(GROUPED, GROUP_128, "the group size is taken to be 128"),
    BOTH(CHANNEL, HALVES,
         "the nibbles of each byte of the tiles are read the wrong way round: n and n + 16"),
    BOTH(GROUPED, HALVES,
         "the nibbles of each byte of the tiles are read the wrong way round: n and n + 16"),
    BOTH(CHANNEL, NIBBLES,
         "the nibbles of each byte of the plain codes are swapped: even and odd k"),
    BOTH(GROUPED, NIBBLES,
         "the nibbles of each byte of the plain codes are swapped: even and odd k"),
    BOTH(CHANNEL, EIGHTS, "in each lane of the tiles, n + 8 and k + 16 are taken for each other"),
    BOTH(GROUPED, EIGHTS, "in each lane of the tiles, n + 8 and k + 16 are taken for each other"),
    {NULL, NULL, NULL, 0, NULL},
};
