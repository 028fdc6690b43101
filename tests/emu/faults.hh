// SPDX-License-Identifier: Apache-2.0
// What the small kernels with a fault are given, and how they are run.
#ifndef QOQ_TESTS_EMU_FAULTS_HH
#define QOQ_TESTS_EMU_FAULTS_HH

#include "tests/emu/probe.h"

#include "gpu/handle.cuh"
#include "gpu/primitives/primitives.h"

namespace
{

using namespace qoq;

enum { ELEMENTS = 256, SHARED = 8192 };

// ready: 0, 1, 2, ...; out: never written; counter: 0. rows: the first 200 bytes of ready in each
// of 4 rows of 256, boxes of 64 x 8 with swizzled rows.
struct fault_params {
    global<const uint32_t> ready;
    global<uint32_t> out;
    global<uint32_t> counter;
    tensor_map rows;
};

enum qoq_status run(struct qoq_cuda *handle, const char *name, void (*kernel)(fault_params),
                    uint32_t blocks, uint32_t threads, uint32_t shared)
{
    void *ready, *out, *counter;
    uint32_t numbers[ELEMENTS];
    fault_params p;
    enum qoq_status status;

    for (uint32_t i = 0; i < ELEMENTS; i++) {
        numbers[i] = i;
    }
    if (qoq_cuda_alloc(handle, &ready, sizeof numbers) != QOQ_OK ||
        qoq_cuda_alloc(handle, &out, sizeof numbers) != QOQ_OK ||
        qoq_cuda_alloc(handle, &counter, 4) != QOQ_OK ||
        qoq_cuda_upload(handle, ready, numbers, sizeof numbers) != QOQ_OK ||
        qoq_cuda_zero(handle, counter, 4) != QOQ_OK) {
        abort();
    }
    enter(handle);
    p.ready = {static_cast<const uint32_t *>(ready), "ready"};
    p.out = {static_cast<uint32_t *>(out), "out"};
    p.counter = {static_cast<uint32_t *>(counter), "counter"};
    if (!make_tensor_map(handle, &p.rows, ready, "rows", {200, 4, 256, 64, 8, 64})) {
        abort();
    }
    status = launch(handle, name, kernel, {{blocks, 1, 1}, threads, shared}, p);
    qoq_cuda_free(handle, ready);
    qoq_cuda_free(handle, out);
    qoq_cuda_free(handle, counter);
    return status;
}

} // namespace

#define FAULT_OF(kernel, blocks, threads, shared, says)                                            \
    {                                                                                              \
#kernel, says,                                                                             \
            [](struct qoq_cuda *                                                                   \
               handle) { return run(handle, #kernel, kernel, blocks, threads, shared); }           \
    }

#endif
