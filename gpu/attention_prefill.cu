// SPDX-License-Identifier: Apache-2.0
// Launches prefill attention: kernel by the codes, tile by rows and heads.
#include "gpu/attention_prefill.cuh"
#include "gpu/cache.cuh"

using namespace qoq;

namespace
{

struct prefill_kernel {
    uint32_t steps, warps, elements, columns;
    void (*run)(prefill_params);
    const char *name;
};

template <class Shape> constexpr prefill_kernel row(const char *name)
{
    return {Shape::steps, Shape::warps, Shape::elements, Shape::columns, attention_prefill<Shape>,
            name};
}

//                                BITS STEPS WARPS BLOCKS
const prefill_kernel kernel_4 = row<prefill_shape<4, 4, 4, 2>>("attention_prefill_kv4");
const prefill_kernel kernel_8 = row<prefill_shape<8, 4, 4, 2>>("attention_prefill_kv8");

// How rows and heads are cut: `rows` consecutive positions, a power of two, at most a split.
struct prefill_cut {
    uint32_t rows, heads, head_blocks;
    size_t slots; // of tiles for one block of heads; some are empty
};

prefill_cut make_cut(const prefill_kernel &kernel, uint32_t tile_rows, size_t rows,
                     size_t sequences, size_t group)
{
    const size_t most = 16 * kernel.warps / tile_rows;
    prefill_cut cut;

    cut.rows = tile_rows;
    cut.heads = static_cast<uint32_t>(group < most ? group : most);
    cut.head_blocks = ceil_div(group, cut.heads);
    cut.slots = rows / tile_rows + 2 * sequences;
    return cut;
}

// The fewest tiles that are not empty; where equal, the most heads, whose rows see the same tokens.
prefill_cut choose_cut(const struct qoq_cuda *handle, const prefill_kernel &kernel, size_t rows,
                       size_t sequences, size_t group)
{
    const uint32_t vectors = 16 * kernel.warps;
    const uint32_t asked = static_cast<uint32_t>(handle->tile_rows);
    uint32_t best = 1;
    size_t least = SIZE_MAX;

    for (uint32_t tile_rows = 1; tile_rows <= vectors; tile_rows *= 2) {
        const prefill_cut cut = make_cut(kernel, tile_rows, rows, sequences, group);
        const size_t tiles = (ceil_div(rows, tile_rows) + sequences) * cut.head_blocks;

        if (tiles < least || tile_rows == asked) {
            least = tile_rows == asked ? 0 : tiles;
            best = tile_rows;
        }
    }
    return make_cut(kernel, best, rows, sequences, group);
}

// Subtrees that wait while the last leaf is computed.
uint32_t count_levels(size_t max_context)
{
    uint32_t levels = 0;

    while ((max_context - 1) / (SPLIT * LEAF_SPLITS) >> levels != 0) {
        levels++;
    }
    return levels;
}

// Contexts that need no scratch get a block for each tile.
uint32_t count_blocks(const struct qoq_cuda *handle, size_t tiles, uint32_t levels)
{
    const size_t most = 4 * static_cast<size_t>(handle->sms);

    return static_cast<uint32_t>(levels == 0 || tiles < most ? tiles : most);
}

struct prefill_plan {
    const prefill_kernel *kernel;
    prefill_cut cut;
    uint32_t steps, out_steps, out_blocks; // of 32 dimensions
    uint32_t tiles, levels, blocks;

    size_t scratch() const
    {
        return static_cast<size_t>(blocks) * levels * kernel->elements * 32 * kernel->warps *
               sizeof(float);
    }
};

// False where sizes are none that the kernels can have.
bool make_plan(prefill_plan &it, const struct qoq_cuda *handle, size_t rows, size_t sequences,
               size_t max_context, size_t q_heads, const struct qoq_kv_layout &layout)
{
    if (rows < 1 || rows > INT32_MAX / 4 || sequences < 1 || sequences > 1 << 20 ||
        max_context < 1 || max_context > static_cast<size_t>(1) << 24) {
        return false;
    }
    it.kernel = layout.bits == 4 ? &kernel_4 : &kernel_8;
    it.steps = ceil_div(layout.head_dim, 32);
    it.out_blocks = ceil_div(it.steps, it.kernel->steps);
    it.out_steps = ceil_div(it.steps, it.out_blocks);
    it.cut = choose_cut(handle, *it.kernel, rows, sequences, q_heads / layout.heads);
    const size_t tiles = it.cut.slots * it.cut.head_blocks * layout.heads * it.out_blocks;
    if (tiles > INT32_MAX) {
        return false;
    }
    it.tiles = static_cast<uint32_t>(tiles);
    it.levels = count_levels(max_context);
    it.blocks = count_blocks(handle, tiles, it.levels);
    return true;
}

void fill_params(prefill_params &p, const prefill_plan &it, size_t sequences, size_t q_heads)
{
    p.q_heads = static_cast<uint32_t>(q_heads);
    p.group = static_cast<uint32_t>(q_heads / p.cache.heads);
    p.sequences = static_cast<uint32_t>(sequences);
    p.rows = it.cut.rows;
    p.heads = it.cut.heads;
    p.head_blocks = it.cut.head_blocks;
    p.steps = it.steps;
    p.out_steps = it.out_steps;
    p.out_blocks = it.out_blocks;
    p.slots = static_cast<uint32_t>(it.cut.slots);
    p.tiles = it.tiles;
    p.levels = it.levels;
}

} // namespace

extern "C" void qoq_cuda_attention_prefill_choose(struct qoq_cuda *handle, int rows)
{
    handle->tile_rows = rows > 0 ? rows : 0;
}

extern "C" enum qoq_status qoq_cuda_attention_prefill_scratch(struct qoq_cuda *handle,
                                                              size_t *bytes, size_t rows,
                                                              size_t sequences, size_t max_context,
                                                              size_t q_heads,
                                                              const struct qoq_kv_layout *layout)
{
    prefill_plan plan;

    if (handle == nullptr || bytes == nullptr || layout == nullptr) {
        return QOQ_ERR_ARGUMENT;
    }
    if (!layout_fits(layout, q_heads) ||
        !make_plan(plan, handle, rows, sequences, max_context, q_heads, *layout)) {
        return QOQ_ERR_SHAPE;
    }
    *bytes = plan.scratch();
    return QOQ_OK;
}

extern "C" enum qoq_status qoq_cuda_attention_prefill(
    struct qoq_cuda *handle, qoq_half *out, const float *q, const struct qoq_cuda_cache *cache,
    const int32_t *sequence, const int32_t *start, const int32_t *context, size_t rows,
    size_t sequences, size_t max_context, size_t q_heads, void *scratch, size_t bytes)
{
    prefill_plan plan;
    prefill_params p;

    if (handle == nullptr || out == nullptr || q == nullptr || !cache_has_arrays(cache) ||
        sequence == nullptr || start == nullptr || context == nullptr) {
        return QOQ_ERR_ARGUMENT;
    }
    if (!layout_fits(&cache->layout, q_heads) ||
        !make_plan(plan, handle, rows, sequences, max_context, q_heads, cache->layout)) {
        return QOQ_ERR_SHAPE;
    }
    if (plan.scratch() > bytes ||
        (plan.levels > 0 && (scratch == nullptr || !is_aligned(scratch, sizeof(float))))) {
        return QOQ_ERR_ARGUMENT;
    }
    enter(handle);
    make_source(p, cache);
    fill_params(p, plan, sequences, q_heads);
    p.q = {q, "q"};
    p.sequence = {sequence, "sequence"};
    p.start = {start, "start"};
    p.context = {context, "context"};
    p.stack = {plan.levels > 0 ? static_cast<float *>(scratch) : nullptr, "stack"};
    p.out = {out, "out"};
    p.pairs = is_aligned(out, 4);
    const uint32_t shared = prefill_lay_out(p, plan.kernel->columns, 16 * plan.kernel->warps);
    return launch(handle, plan.kernel->name, plan.kernel->run,
                  {{plan.blocks, 1, 1}, 32 * plan.kernel->warps, shared}, p);
}
