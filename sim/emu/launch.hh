// SPDX-License-Identifier: Apache-2.0
// A handle on the emulator, and how kernels start on it.
#ifndef QOQ_SIM_EMU_LAUNCH_HH
#define QOQ_SIM_EMU_LAUNCH_HH

#include <functional>
#include <memory>
#include <new>
#include <vector>

#include "sim/emu/machine.hh"

namespace qoq
{

// Calls kept for a graph.
typedef std::vector<std::function<enum qoq_status(struct qoq_cuda *)>> recording;

} // namespace qoq

struct qoq_cuda {
    explicit qoq_cuda(const qoq_emu_options &options) : machine(options)
    {
    }
    int sms = 108, tile = -1, splits = 0, tile_rows = 0, attention = -1, wgmma = -1;
    qoq_emu::Machine machine;
    std::unique_ptr<qoq::recording> kept; // while a graph is captured
    bool capture_failed = false;
};

namespace qoq
{

struct launch_shape {
    uint32_t grid[3], threads, shared_bytes;
};

// Makes the handle the place where global<T> look their pointers up.
inline void enter(struct qoq_cuda *handle)
{
    qoq_emu::machine = &handle->machine;
}

// Bytes, but for the numbers of rows.
struct tensor_shape {
    uint64_t width, rows, pitch;
    uint32_t box_width, box_rows, swizzle;
};

// A two-dimensional array for copy_tile; coordinates along a row are in units of 8 bytes where the
// box is wider than 256. False where bulk copies cannot take it.
inline bool make_tensor_map(struct qoq_cuda *handle, qoq_emu::TensorMap *map, const void *pointer,
                            const char *name, const tensor_shape &shape)
{
    const qoq_emu::Buffer *buffer = handle->machine.buffers.find(pointer);
    const uint32_t unit = shape.box_width > 256 ? 8 : 1;

    if (buffer == nullptr || reinterpret_cast<uintptr_t>(pointer) % 16 != 0 ||
        shape.pitch % 16 != 0 || shape.width == 0 || shape.rows == 0 || shape.width % unit != 0 ||
        shape.box_width % 16 != 0 || shape.box_width > 256 * unit || shape.box_rows == 0 ||
        shape.box_rows > 256 || (shape.swizzle != 0 && shape.box_width > shape.swizzle)) {
        return false;
    }
    *map = {buffer,
            static_cast<const uint8_t *>(pointer) - buffer->data,
            name,
            shape.width,
            shape.rows,
            shape.pitch,
            shape.box_width,
            shape.box_rows,
            unit,
            shape.swizzle};
    return true;
}

// Whether the device has what a QOQ_KERNEL_WGMMA needs.
template <class P> bool can_run(struct qoq_cuda *, void (*)(P), uint32_t)
{
    return true;
}

// Whether such kernels are taken where nothing is asked for: the imagined GPU is one without.
inline bool prefers_wgmma(const struct qoq_cuda *)
{
    return false;
}

// A call that does not wait: now, or kept for the graph that is captured.
template <class F> enum qoq_status run_or_keep(struct qoq_cuda *handle, const F &call)
{
    if (handle->kept == nullptr) {
        return call(handle);
    }
    try {
        handle->kept->push_back(call);
    } catch (const std::bad_alloc &) {
        handle->capture_failed = true;
        return QOQ_ERR_MEMORY;
    }
    return QOQ_OK;
}

// QOQ_ERR_DEVICE where a graph is captured, which is then lost: for calls that wait or allocate.
inline enum qoq_status refuse_in_capture(struct qoq_cuda *handle)
{
    if (handle->kept == nullptr) {
        return QOQ_OK;
    }
    handle->capture_failed = true;
    handle->machine.message = "a call that waits or allocates while a graph is captured";
    return QOQ_ERR_DEVICE;
}

template <class P> struct call {
    void (*kernel)(P);
    const P *params;

    static void run(const void *it)
    {
        static_cast<const call *>(it)->kernel(*static_cast<const call *>(it)->params);
    }
};

template <class P>
enum qoq_status launch(struct qoq_cuda *handle, const char *name, void (*kernel)(P),
                       const launch_shape &shape, const P &params)
{
    return run_or_keep(handle, [=](struct qoq_cuda *on) {
        const call<P> it = {kernel, &params};

        return on->machine.launch({name,
                                   call<P>::run,
                                   &it,
                                   {shape.grid[0], shape.grid[1], shape.grid[2]},
                                   shape.threads,
                                   shape.shared_bytes});
    });
}

} // namespace qoq

#endif
