/* SPDX-License-Identifier: Apache-2.0 */
/* 4-bit codes in the plain and in the tiled layout: N 5.1, 5.2. */
#include "ops/shape.h"
#include "ops/weight_row.h"

#include <string.h>

/* Channels of a tile in either direction, bytes of a tile, bytes that one lane of a warp loads. */
#define TILE 32
#define TILE_BYTES 512
#define LANE_BYTES 16

static size_t tiles(size_t channels)
{
    return channels / TILE + (channels % TILE != 0);
}

struct qoq_tile_position qoq_tile_position(size_t n, size_t k, size_t k_total)
{
    size_t tile = (n >> 5) * tiles(k_total) + (k >> 5);
    size_t lane = (n & 7) << 2 | (k >> 2 & 3);
    size_t byte = (k >> 4 & 1) << 3 | (n >> 3 & 1) << 2 | (k & 3);

    return (struct qoq_tile_position){tile * TILE_BYTES + lane * LANE_BYTES + byte,
                                      (int)(n >> 4 & 1)};
}

void qoq_tile_coordinates(size_t *n, size_t *k, struct qoq_tile_position position, size_t k_total)
{
    size_t tile = position.byte / TILE_BYTES;
    size_t lane = position.byte % TILE_BYTES / LANE_BYTES;
    size_t j = position.byte % LANE_BYTES;
    size_t high = position.high != 0;

    *n = TILE * (tile / tiles(k_total)) + 16 * high + 8 * (j >> 2 & 1) + (lane >> 2);
    *k = TILE * (tile % tiles(k_total)) + 16 * (j >> 3) + 4 * (lane & 3) + (j & 3);
}

size_t qoq_tile_code_bytes(size_t n, size_t k)
{
    return qoq_array_fits(tiles(n), tiles(k), TILE_BYTES) ? tiles(n) * tiles(k) * TILE_BYTES : 0;
}

static enum qoq_status check(const uint8_t *tiled, const uint8_t *plain, size_t n, size_t k)
{
    if (tiled == NULL || plain == NULL)
        return QOQ_ERR_ARGUMENT;
    if (!qoq_rows_fit(n, k, 1) || qoq_tile_code_bytes(n, k) == 0)
        return QOQ_ERR_SHAPE;
    return QOQ_OK;
}

enum qoq_status qoq_tile_codes(uint8_t *tiled, const uint8_t *plain, size_t n, size_t k)
{
    enum qoq_status status = check(tiled, plain, n, k);

    if (status != QOQ_OK)
        return status;
    memset(tiled, 0, qoq_tile_code_bytes(n, k));
    /* Rows of one tile share bytes: a thread owns whole tiles. */
#pragma omp parallel for if (n * k >= QOQ_PARALLEL_MIN)
    for (size_t first = 0; first < n; first += TILE) {
        size_t end = n - first < TILE ? n : first + TILE;

        for (size_t i = first; i < end; i++) {
            for (size_t j = 0; j < k; j++) {
                struct qoq_tile_position p = qoq_tile_position(i, j, k);
                unsigned q = qoq_nibble_get(plain + i * qoq_nibble_bytes(k), j);

                tiled[p.byte] = (uint8_t)(tiled[p.byte] | q << 4 * p.high);
            }
        }
    }
    return QOQ_OK;
}

enum qoq_status qoq_untile_codes(uint8_t *plain, const uint8_t *tiled, size_t n, size_t k)
{
    enum qoq_status status = check(tiled, plain, n, k);

    if (status != QOQ_OK)
        return status;
#pragma omp parallel for if (n * k >= QOQ_PARALLEL_MIN)
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < k; j++) {
            struct qoq_tile_position p = qoq_tile_position(i, j, k);

            qoq_nibble_append(plain + i * qoq_nibble_bytes(k), j,
                              tiled[p.byte] >> 4 * p.high & 15u);
        }
    }
    return QOQ_OK;
}
