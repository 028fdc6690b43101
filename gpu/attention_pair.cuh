// SPDX-License-Identifier: Apache-2.0
// Factors by which two neighbouring partial results are brought to one maximum (N 11.4).
#ifndef QOQ_GPU_ATTENTION_PAIR_CUH
#define QOQ_GPU_ATTENTION_PAIR_CUH

#include "gpu/primitives/primitives.h"

namespace qoq
{

struct attention_pair {
    float max, left, right;
};

// The side of the larger maximum has factor 1. Where a maximum is NaN or both are infinite, N 11.4
// has NaN factors; O is NaN there already (N 11.3), whatever it is multiplied by, and so is the
// output.
QOQ_DEVICE attention_pair attention_pair_of(float left, float right)
{
    const float distance = fsub(left, right);
    const float factor = exp2_below_of(-fmagnitude(distance));

    return {fmax_nan(left, right), distance < 0.0f ? factor : 1.0f,
            distance > 0.0f ? factor : 1.0f};
}

QOQ_DEVICE float attention_join(const attention_pair &pair, float left, float right)
{
    return fadd(fmul(left, pair.left), fmul(right, pair.right));
}

} // namespace qoq

#endif
