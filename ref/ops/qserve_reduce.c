/* SPDX-License-Identifier: Apache-2.0 */
/* Butterfly sums of a warp and of a thread block: N 20.2. */
#include "ops/qserve_reduce.h"

#include <string.h>

#define WARP 32

/* Addition commutes, so of each pair v[i], v[i xor mask] only the lower element is needed for v[0].
 */
float qoq_qserve_butterfly_sum(float *v, size_t n)
{
    for (size_t mask = n / 2; mask > 0; mask /= 2) {
        for (size_t i = 0; i < mask; i++)
            v[i] += v[i + mask];
    }
    return v[0];
}

float qoq_qserve_block_sum(const float *lane)
{
    float v[WARP], w[WARP];

    for (size_t i = 0; i < WARP; i++) {
        memcpy(v, lane + i * WARP, sizeof v);
        w[i] = qoq_qserve_butterfly_sum(v, WARP);
    }
    return qoq_qserve_butterfly_sum(w, WARP);
}
