// SPDX-License-Identifier: Apache-2.0
// How decode attention on tensor cores is cut into blocks, one warp each.
#ifndef QOQ_GPU_ATTENTION_PLAN_CUH
#define QOQ_GPU_ATTENTION_PLAN_CUH

#include "gpu/attention_decode.cuh"
#include "gpu/cache.cuh"

namespace qoq
{

namespace
{

struct decode_kernel {
    uint32_t per_lane, steps, columns;
    void (*run)(decode_params);
    const char *name;
};

template <class Shape> constexpr decode_kernel decode_row(const char *name)
{
    return {Shape::per_lane, Shape::steps, Shape::columns, attention_decode<Shape>, name};
}

//                                            BITS PER_LANE BLOCKS
const decode_kernel decode_kernels[2][2] = {
    {decode_row<decode_shape<4, 1, 8>>("attention_decode_kv4_r8"),
     decode_row<decode_shape<4, 2, 8>>("attention_decode_kv4_r16")},
    {decode_row<decode_shape<8, 1, 5>>("attention_decode_kv8_r8"),
     decode_row<decode_shape<8, 2, 5>>("attention_decode_kv8_r16")},
};

// Warps of an SM that are enough to hide what each of them waits for.
constexpr size_t DECODE_WARPS = 8;

// How long runs of `run` splits take, in splits of one warp of eight: every SM works through its
// share of blocks, and a block costs half a split more for its queries and its first copies.
inline double decode_cost(size_t units, uint32_t splits, uint32_t run, uint32_t sms)
{
    const size_t blocks = units * ceil_div(splits, run), share = (blocks + sms - 1) / sms;

    return ((run < splits ? run : splits) + 0.5) *
           static_cast<double>(share < DECODE_WARPS ? DECODE_WARPS : share);
}

// Splits of a block. A whole leaf writes a sixteenth of the partial results, or none, and is taken
// where it is not a tenth slower otherwise.
inline uint32_t decode_choose_run(size_t units, uint32_t splits, uint32_t sms)
{
    uint32_t best = LEAF_SPLITS;

    for (uint32_t run = 1; run < LEAF_SPLITS && run < splits; run++) {
        const double cost = decode_cost(units, splits, run, sms);

        if (cost * (best == LEAF_SPLITS ? 1.1 : 1.0) < decode_cost(units, splits, best, sms)) {
            best = run;
        }
    }
    return best;
}

// Fills what depends on sizes; p.cache and p.splits are there. run: of
// qoq_cuda_attention_choose.
inline const decode_kernel &decode_plan(decode_params &p, size_t rows, size_t q_heads, int run,
                                        uint32_t sms)
{
    const uint32_t group = static_cast<uint32_t>(q_heads / p.cache.heads);
    const decode_kernel &kernel = decode_kernels[p.cache.bits == 8][group > 8];
    const uint32_t most = 8 * kernel.per_lane;

    p.q_heads = static_cast<uint32_t>(q_heads);
    p.group = group;
    p.rows = 1;
    p.heads = group < most ? group : most;
    p.head_blocks = ceil_div(group, p.heads);
    p.steps = ceil_div(p.cache.head_dim, 32);
    p.out_blocks = ceil_div(p.steps, kernel.steps);
    p.out_steps = ceil_div(p.steps, p.out_blocks);
    p.run =
        run > 0 && run < QOQ_CUDA_ATTENTION_TENSOR
            ? static_cast<uint32_t>(run)
            : decode_choose_run(rows * p.cache.heads * p.head_blocks * p.out_blocks, p.splits, sms);
    p.merged = p.run < LEAF_SPLITS ? 1 : p.run;
    p.runs = ceil_div(p.splits, p.run);
    p.whole = p.run == LEAF_SPLITS && p.runs == 1;
    return kernel;
}

} // namespace

} // namespace qoq

#endif
