/* SPDX-License-Identifier: Apache-2.0 */
/* Scales and zeros as QServe's checkpoints store them: N 5.3, 5.4. */
#include "numerics/half.h"
#include "numerics/round.h"
#include "ops/shape.h"

#include <string.h>

size_t qoq_tile_column(size_t n)
{
    return n - n % 32 + (n % 8 * 4 | n / 8 % 4);
}

size_t qoq_tile_channel(size_t column)
{
    return column - column % 32 + (column % 4 * 8 | column / 4 % 8);
}

static size_t padded(size_t n)
{
    return (n + 31) / 32 * 32;
}

static enum qoq_status check(const uint8_t *scales, const uint8_t *zeros, const uint8_t *s2,
                             const uint8_t *z, size_t n, size_t groups)
{
    if (scales == NULL || zeros == NULL || s2 == NULL || z == NULL)
        return QOQ_ERR_ARGUMENT;
    if (n > SIZE_MAX - 31 || !qoq_array_fits(padded(n), groups, 1))
        return QOQ_ERR_SHAPE;
    return QOQ_OK;
}

/* Rejects what untiling could not give back. */
enum qoq_status qoq_tile_groups(uint8_t *scales, uint8_t *zeros, const uint8_t *s2,
                                const uint8_t *z, size_t n, size_t groups)
{
    enum qoq_status status = check(scales, zeros, s2, z, n, groups);

    if (status != QOQ_OK)
        return status;
    memset(scales, 1, padded(n) * groups);
    memset(zeros, 0, padded(n) * groups);
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < groups; j++) {
            size_t from = i * groups + j, to = j * padded(n) + qoq_tile_column(i);

            if (s2[from] == 0 || z[from] > 15 || z[from] * s2[from] > 255)
                return QOQ_ERR_RANGE;
            scales[to] = s2[from];
            zeros[to] = (uint8_t) - (z[from] * s2[from]);
        }
    }
    return QOQ_OK;
}

enum qoq_status qoq_untile_groups(uint8_t *s2, uint8_t *z, const uint8_t *scales,
                                  const uint8_t *zeros, size_t n, size_t groups)
{
    enum qoq_status status = check(scales, zeros, s2, z, n, groups);

    if (status != QOQ_OK)
        return status;
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < groups; j++) {
            size_t to = i * groups + j, from = j * padded(n) + qoq_tile_column(i);
            uint8_t product = (uint8_t)-zeros[from];

            if (scales[from] == 0 || product % scales[from] != 0 || product / scales[from] > 15)
                return QOQ_ERR_RANGE;
            s2[to] = scales[from];
            z[to] = (uint8_t)(product / scales[from]);
        }
    }
    return QOQ_OK;
}

static int positive_finite(qoq_half s)
{
    return s != 0 && s < QOQ_HALF_INF;
}

/* Rejects what qoq_channel_zeros could not give back: 65520 and above have become infinity. */
enum qoq_status qoq_channel_szeros(qoq_half *szeros, const qoq_half *s, const uint8_t *z, size_t n)
{
    if (szeros == NULL || s == NULL || z == NULL)
        return QOQ_ERR_ARGUMENT;
    if (!qoq_array_fits(n, 1, sizeof *s))
        return QOQ_ERR_SHAPE;
    for (size_t i = 0; i < n; i++) {
        if (!positive_finite(s[i]) || z[i] > 15)
            return QOQ_ERR_RANGE;
        szeros[i] = qoq_half_from_float((float)z[i] * qoq_half_to_float(s[i]));
        if (!qoq_half_is_finite(szeros[i]))
            return QOQ_ERR_RANGE;
    }
    return QOQ_OK;
}

enum qoq_status qoq_channel_zeros(uint8_t *z, const qoq_half *s, const qoq_half *szeros, size_t n)
{
    if (z == NULL || s == NULL || szeros == NULL)
        return QOQ_ERR_ARGUMENT;
    if (!qoq_array_fits(n, 1, sizeof *s))
        return QOQ_ERR_SHAPE;
    for (size_t i = 0; i < n; i++) {
        float stored = qoq_half_to_float(szeros[i]);
        float scale = qoq_half_to_float(s[i]);

        if (!positive_finite(s[i]) || !qoq_half_is_finite(szeros[i]))
            return QOQ_ERR_RANGE;
        z[i] = (uint8_t)qoq_round_clamp(stored / scale, 0, 15);
        /* As numbers: a converter may have stored -0 for 0. */
        if (qoq_half_to_float(qoq_half_from_float((float)z[i] * scale)) != stored)
            return QOQ_ERR_RANGE;
    }
    return QOQ_OK;
}
