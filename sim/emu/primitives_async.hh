// SPDX-License-Identifier: Apache-2.0
// The part of gpu/primitives/primitives.h that runs by itself: mbarriers, bulk copies, wgmma.
#ifndef QOQ_SIM_EMU_PRIMITIVES_ASYNC_HH
#define QOQ_SIM_EMU_PRIMITIVES_ASYNC_HH

#define QOQ_WGMMA 1
#define QOQ_KERNEL_WGMMA(threads, blocks) QOQ_KERNEL(threads, blocks)

namespace qoq
{

typedef qoq_emu::TensorMap tensor_map;

// ---- Barriers that count bytes, bulk copies ----

QOQ_DEVICE void mbarrier_init(uint32_t address, uint32_t arrivals, Site at = Site::here())
{
    machine->mbarrier_init(address, arrivals, at);
}

QOQ_DEVICE void mbarrier_arrive(uint32_t address, Site at = Site::here())
{
    machine->mbarrier_arrive(address, 0, at);
}

QOQ_DEVICE void mbarrier_expect(uint32_t address, uint32_t bytes, Site at = Site::here())
{
    machine->mbarrier_arrive(address, bytes, at);
}

QOQ_DEVICE void mbarrier_wait(uint32_t address, uint32_t parity, Site at = Site::here())
{
    machine->together(
        Together::mbarrier_wait, address << 1 | (parity & 1), nullptr,
        [](qoq_emu::Machine &m, void *const *) {
            m.mbarrier_wait(m.lane().immediate >> 1, m.lane().immediate & 1, m.lane().at);
        },
        at);
}

QOQ_DEVICE void fence_async()
{
    machine->fence_async();
}

template <class T>
QOQ_DEVICE void copy_bulk(uint32_t address, global<T> p, size_t i, uint32_t bytes,
                          uint32_t mbarrier, Site at = Site::here())
{
    p = p + i;
    machine->copy_bulk(address, p.buffer, p.offset, bytes, p.name, mbarrier, at);
}

QOQ_DEVICE void copy_tile(uint32_t address, const tensor_map &map, int32_t x, int32_t y,
                          uint32_t mbarrier, Site at = Site::here())
{
    machine->copy_bulk(address, map, x, y, mbarrier, at);
}

// ---- Products of a warpgroup ----

// Registers that wgmma uses: between its issue and the wait no one else may.
class wgmma_registers
{
  public:
    wgmma_registers() = default;
    wgmma_registers(const wgmma_registers &) = delete;
    wgmma_registers &operator=(const wgmma_registers &) = delete;
    ~wgmma_registers()
    {
        touch("are given up", at_);
    }
    void touch(const char *what, Site at)
    {
        if (state.pending != 0) {
            machine->fail(at, "registers %s before the wgmma that uses them was waited for", what);
        }
        state.touched = machine->lane().wgmma_fences;
    }
    qoq_emu::Registers state;

  protected:
    Site at_ = {"", 0};
};

template <int N> class accumulator : public wgmma_registers
{
  public:
    explicit accumulator(Site at = Site::here())
    {
        at_ = at;
    }
    int32_t get(int i, Site at = Site::here())
    {
        touch("are read", at);
        return x[i];
    }
    void set(int i, int32_t v, Site at = Site::here())
    {
        touch("are written", at);
        x[i] = v;
    }
    int32_t x[N / 2] = {};
};

class fragment : public wgmma_registers
{
  public:
    explicit fragment(Site at = Site::here())
    {
        at_ = at;
    }
    void set(int i, uint32_t v, Site at = Site::here())
    {
        touch("are written", at);
        x[i] = v;
    }
    uint32_t x[4] = {};
};

QOQ_DEVICE uint64_t matrix_descriptor(uint32_t address, uint32_t stride, uint32_t swizzle)
{
    const uint64_t mode = swizzle == 128 ? 1 : swizzle == 64 ? 2 : 3;

    return (address & 0x3ffff) >> 4 | uint64_t{1} << 16 | uint64_t{stride >> 4} << 32 | mode << 62;
}

QOQ_DEVICE void wgmma_call(const qoq_emu::WgmmaOperands &operands, Site at)
{
    qoq_emu::WgmmaOperands mine = operands;

    machine->together(
        Together::wgmma, mine.n, &mine,
        [](qoq_emu::Machine &m, void *const *all) { m.wgmma_issue(all); }, at);
}

template <int N> QOQ_DEVICE constexpr bool is_wgmma_shape()
{
    return N == 8 || N == 16 || N == 32 || N == 64 || N == 128 || N == 256;
}

template <int N>
QOQ_DEVICE void wgmma_s8(accumulator<N> &d, fragment &a, uint64_t b, Site at = Site::here())
{
    static_assert(is_wgmma_shape<N>());
    wgmma_call({&d.state, &a.state, d.x, a.x, 0, b, N}, at);
}

template <int N>
QOQ_DEVICE void wgmma_s8(accumulator<N> &d, uint64_t a, uint64_t b, Site at = Site::here())
{
    static_assert(is_wgmma_shape<N>());
    wgmma_call({&d.state, nullptr, d.x, nullptr, a, b, N}, at);
}

QOQ_DEVICE void wgmma_fence(Site at = Site::here())
{
    machine->together(
        Together::wgmma_fence, 0, nullptr,
        [](qoq_emu::Machine &m, void *const *) { m.wgmma_fence(); }, at);
}

QOQ_DEVICE void wgmma_commit(Site at = Site::here())
{
    machine->together(
        Together::wgmma_commit, 0, nullptr,
        [](qoq_emu::Machine &m, void *const *) { m.wgmma_commit(); }, at);
}

template <int N> QOQ_DEVICE void wgmma_wait(Site at = Site::here())
{
    machine->together(
        Together::wgmma_wait, N, nullptr,
        [](qoq_emu::Machine &m, void *const *) { m.wgmma_wait(m.lane().immediate); }, at);
}

template <int N> QOQ_DEVICE void registers_fewer(Site at = Site::here())
{
    machine->together(
        Together::registers, N, nullptr,
        [](qoq_emu::Machine &m, void *const *) { m.set_registers(N, false); }, at);
}

template <int N> QOQ_DEVICE void registers_more(Site at = Site::here())
{
    machine->together(
        Together::registers, N, nullptr,
        [](qoq_emu::Machine &m, void *const *) { m.set_registers(N, true); }, at);
}

} // namespace qoq

#endif
