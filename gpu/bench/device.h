/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The GPU as the bench needs it: what it is, how much memory it has, how long calls take. device.cu
 * is a GPU; the tests have one of their own over the emulator.
 */
#ifndef QOQ_GPU_BENCH_DEVICE_H
#define QOQ_GPU_BENCH_DEVICE_H

#include "gpu/qoq_cuda.h"

#ifdef __cplusplus
extern "C" {
#endif

struct qoq_bench_device;

struct qoq_bench_info {
    char name[128], pci[32], driver[64]; /* driver: its version; "" where not known */
    int major, minor, sms;               /* compute capability, multiprocessors */
    int driver_cuda, runtime_cuda;       /* 13000 is 13.0 */
    int max_mhz, max_memory_mhz, bus_bits;
    size_t l2, memory;
};

/* What the driver says now; 0: it does not say. */
struct qoq_bench_clocks {
    unsigned sm_mhz, memory_mhz, celsius, watts;
};

/* On failure qoq_cuda_message(NULL) says why. */
enum qoq_status qoq_bench_open(struct qoq_bench_device **device, int index);
void qoq_bench_close(struct qoq_bench_device *device);

struct qoq_cuda *qoq_bench_handle(struct qoq_bench_device *device);
void *qoq_bench_stream(struct qoq_bench_device *device);
const struct qoq_bench_info *qoq_bench_info(const struct qoq_bench_device *device);
struct qoq_bench_clocks qoq_bench_clocks(struct qoq_bench_device *device);

/* Bytes that an allocation could have now. */
size_t qoq_bench_free_bytes(struct qoq_bench_device *device);

/* data[period .. bytes) = data[0 .. period) again and again. */
enum qoq_status qoq_bench_repeat(struct qoq_bench_device *device, void *data, size_t period,
                                 size_t bytes);

/* Call number i of what is measured; asynchronous, on the device's stream. */
typedef enum qoq_status qoq_bench_call(void *work, size_t i);

/* One replay of a graph of call(0) .. call(calls - 1) unmeasured, then `samples` measured ones:
 * seconds[s] of each. Where calls cannot be captured they are launched one by one. */
struct qoq_bench_timing {
    int graph;                      /* 1: replays of a graph, 0: launched one by one */
    struct qoq_bench_clocks clocks; /* near the end, under load */
};
enum qoq_status qoq_bench_time(struct qoq_bench_device *device, double *seconds, size_t samples,
                               size_t calls, qoq_bench_call *call, void *work,
                               struct qoq_bench_timing *timing);

#ifdef __cplusplus
}
#endif
#endif
