/* SPDX-License-Identifier: Apache-2.0 */
/* The bench's device over the emulator: times mean nothing, but every argument is checked. */
#include <config.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gpu/bench/device.h"
#include "gpu/bench/library.h"
#include "gpu/bench/loops.h"

enum { MEMORY = 1 << 24 };

struct qoq_bench_device {
    struct qoq_cuda *handle;
    struct qoq_bench_info info;
};

enum qoq_status qoq_bench_open(struct qoq_bench_device **device, int index)
{
    struct qoq_bench_device *it = calloc(1, sizeof *it);
    enum qoq_status status;

    if (it == NULL) {
        return QOQ_ERR_MEMORY;
    }
    status = qoq_cuda_create(&it->handle, index, NULL);
    if (status != QOQ_OK) {
        free(it);
        return status;
    }
    snprintf(it->info.name, sizeof it->info.name, "emulator");
    it->info.l2 = 256;
    it->info.memory = MEMORY;
    *device = it;
    return QOQ_OK;
}

void qoq_bench_close(struct qoq_bench_device *it)
{
    qoq_cuda_destroy(it->handle);
    free(it);
}

struct qoq_cuda *qoq_bench_handle(struct qoq_bench_device *it)
{
    return it->handle;
}

void *qoq_bench_stream(struct qoq_bench_device *it)
{
    (void)it;
    return NULL;
}

const struct qoq_bench_info *qoq_bench_info(const struct qoq_bench_device *it)
{
    return &it->info;
}

struct qoq_bench_clocks qoq_bench_clocks(struct qoq_bench_device *it)
{
    (void)it;
    return (struct qoq_bench_clocks){0, 0, 0, 0};
}

size_t qoq_bench_free_bytes(struct qoq_bench_device *it)
{
    return it->info.memory;
}

enum qoq_status qoq_bench_repeat(struct qoq_bench_device *it, void *data, size_t period,
                                 size_t bytes)
{
    unsigned char *all = malloc(bytes);
    enum qoq_status status = all == NULL ? QOQ_ERR_MEMORY : QOQ_OK;

    if (status == QOQ_OK) {
        status = qoq_cuda_download(it->handle, all, data, period);
    }
    for (size_t i = period; status == QOQ_OK && i < bytes; i++) {
        all[i] = all[i - period];
    }
    if (status == QOQ_OK) {
        status = qoq_cuda_upload(it->handle, data, all, bytes);
    }
    free(all);
    return status;
}

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

enum qoq_status qoq_bench_time(struct qoq_bench_device *it, double *seconds, size_t samples,
                               size_t calls, qoq_bench_call *call, void *work,
                               struct qoq_bench_timing *timing)
{
    enum qoq_status status = QOQ_OK;

    (void)it;
    memset(timing, 0, sizeof *timing);
    for (size_t s = 0; s < samples && status == QOQ_OK; s++) {
        double began = now();

        for (size_t i = 0; i < calls && status == QOQ_OK; i++) {
            status = call(work, i);
        }
        seconds[s] = now() - began;
    }
    return status;
}

/* ---- What it has not ---- */

enum qoq_status qoq_bench_read_loop(struct qoq_cuda *handle, const void *from, size_t bytes,
                                    void *sink)
{
    (void)handle;
    (void)from;
    (void)bytes;
    (void)sink;
    return QOQ_ERR_UNSUPPORTED;
}

enum qoq_status qoq_bench_copy_loop(struct qoq_cuda *handle, void *to, const void *from,
                                    size_t bytes)
{
    return qoq_bench_read_loop(handle, from, bytes, to);
}

enum qoq_status qoq_bench_tensor_loop(struct qoq_cuda *handle, int half_, void *sink, double *ops,
                                      int *wide)
{
    *ops = 0;
    *wide = 0;
    return qoq_bench_read_loop(handle, NULL, (size_t)half_, sink);
}

struct qoq_bench_library *qoq_bench_library_open(struct qoq_bench_device *it, char *text,
                                                 size_t room)
{
    (void)it;
    snprintf(text, room, "not compared: the emulator has none");
    return NULL;
}

void qoq_bench_library_close(struct qoq_bench_library *library)
{
    (void)library;
}

int qoq_bench_library_ask(struct qoq_bench_library *library, enum qoq_bench_type type, size_t m,
                          size_t n, size_t k)
{
    (void)library;
    (void)type;
    (void)m;
    (void)n;
    (void)k;
    return 0;
}

enum qoq_status qoq_bench_library_run(struct qoq_bench_library *library, int algorithm, void *y,
                                      const void *x, const void *w)
{
    (void)library;
    (void)algorithm;
    (void)y;
    (void)x;
    (void)w;
    return QOQ_ERR_UNSUPPORTED;
}
