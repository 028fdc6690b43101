// SPDX-License-Identifier: Apache-2.0
// A handle on the emulator, and how kernels start on it.
#ifndef QOQ_SIM_EMU_LAUNCH_HH
#define QOQ_SIM_EMU_LAUNCH_HH

#include "sim/emu/machine.hh"

struct qoq_cuda {
    explicit qoq_cuda(const qoq_emu_options &options) : machine(options)
    {
    }
    int sms = 108, tile = -1, splits = 0, tile_rows = 0;
    qoq_emu::Machine machine;
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
    const call<P> it = {kernel, &params};

    return handle->machine.launch({name,
                                   call<P>::run,
                                   &it,
                                   {shape.grid[0], shape.grid[1], shape.grid[2]},
                                   shape.threads,
                                   shape.shared_bytes});
}

} // namespace qoq

#endif
