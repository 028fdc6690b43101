/* SPDX-License-Identifier: Apache-2.0 */
/* Measures what the chip reaches on loops that do nothing else. */
#include "gpu/bench/ceilings.h"

#include "gpu/bench/kernels.h"
#include "gpu/bench/loops.h"
#include "gpu/bench/sets.h"

struct loop {
    struct qoq_cuda *handle;
    void *from, *to, *sink;
    size_t bytes;
    int half_, wide;
    double ops;
};

static enum qoq_status read_once(void *work, size_t i)
{
    struct loop *l = work;

    (void)i;
    return qoq_bench_read_loop(l->handle, l->from, l->bytes, l->sink);
}

static enum qoq_status copy_once(void *work, size_t i)
{
    struct loop *l = work;

    (void)i;
    return qoq_bench_copy_loop(l->handle, l->to, l->from, l->bytes);
}

static enum qoq_status compute_once(void *work, size_t i)
{
    struct loop *l = work;

    (void)i;
    return qoq_bench_tensor_loop(l->handle, l->half_, l->sink, &l->ops, &l->wide);
}

/* Amount over the median time; 0 where it failed. */
static double speed(struct qoq_bench_device *device, qoq_bench_call *call, struct loop *loop,
                    const double *amount, enum qoq_status *status)
{
    struct qoq_bench_measured measured;

    if (*status == QOQ_OK) {
        *status = qoq_bench_measure(&measured, device, call, loop, 1, 0.2);
    }
    return *status == QOQ_OK ? *amount / measured.seconds.median : 0;
}

enum qoq_status qoq_bench_measure_ceilings(struct qoq_bench_ceilings *ceilings,
                                           struct qoq_bench_device *device, size_t room)
{
    /* Far beyond the L2 cache, so that what remains there does not count. */
    size_t bytes = 32 * qoq_bench_info(device)->l2;
    struct loop loop = {.handle = qoq_bench_handle(device)};

    bytes = bytes < (size_t)1 << 30 ? (size_t)1 << 30 : bytes;
    bytes = (bytes > room / 2 ? room / 2 : bytes) / 256 * 256;
    loop.bytes = bytes;
    struct qoq_bench_array list[] = {{.content = QOQ_BENCH_BYTES, .bytes = bytes},
                                     {.content = QOQ_BENCH_OUTPUT, .bytes = bytes},
                                     {.content = QOQ_BENCH_OUTPUT, .bytes = 256}};
    struct qoq_bench_sets sets;
    enum qoq_status status = qoq_bench_sets_make(&sets, device, list, 3, 1, 0);
    double once = (double)bytes, twice = 2 * once;

    loop.from = sets.base[0];
    loop.to = sets.base[1];
    loop.sink = sets.base[2];
    *ceilings = (struct qoq_bench_ceilings){0};
    ceilings->read = speed(device, read_once, &loop, &once, &status);
    ceilings->copy = speed(device, copy_once, &loop, &twice, &status);
    ceilings->int8 = speed(device, compute_once, &loop, &loop.ops, &status);
    ceilings->wide = loop.wide;
    loop.half_ = 1;
    ceilings->half_ = speed(device, compute_once, &loop, &loop.ops, &status);
    qoq_bench_sets_free(&sets);
    return status;
}
