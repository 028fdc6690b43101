/* SPDX-License-Identifier: Apache-2.0 */
/* The arrays of a measurement, several times over. */
#include "gpu/bench/sets.h"

#include <stdlib.h>
#include <string.h>

#include "gpu/bench/contents.h"

/* What the allocator gives, and what every kernel takes as well aligned. */
enum { ALIGNMENT = 256 };

size_t qoq_bench_set_count(size_t bytes, size_t scratch, size_t l2, size_t room)
{
    size_t wanted = bytes == 0 ? 1 : (3 * l2 + bytes - 1) / bytes;
    size_t left = room > scratch ? room - scratch : 0;
    size_t most = bytes == 0 ? 1 : left / bytes;

    wanted = wanted < 2 ? 2 : wanted;
    wanted = wanted > QOQ_BENCH_MAX_SETS ? QOQ_BENCH_MAX_SETS : wanted;
    return room < scratch ? 0 : most < wanted ? most : wanted;
}

static enum qoq_status fill(struct qoq_bench_sets *sets, size_t a,
                            const struct qoq_bench_array *array)
{
    struct qoq_cuda *handle = qoq_bench_handle(sets->device);
    size_t period, all = (sets->count - 1) * sets->stride[a] + array->bytes;
    void *contents = qoq_bench_contents(array, &period);
    enum qoq_status status = contents == NULL ? QOQ_ERR_MEMORY : QOQ_OK;

    if (status == QOQ_OK) {
        status = qoq_cuda_upload(handle, sets->base[a], contents, period);
    }
    if (status == QOQ_OK) {
        status = qoq_bench_repeat(sets->device, sets->base[a], period, array->bytes);
    }
    if (status == QOQ_OK) {
        status = qoq_bench_repeat(sets->device, sets->base[a],
                                  sets->count > 1 ? sets->stride[a] : array->bytes, all);
    }
    free(contents);
    return status;
}

static enum qoq_status make_scratch(struct qoq_bench_sets *sets, size_t bytes)
{
    struct qoq_cuda *handle = qoq_bench_handle(sets->device);
    enum qoq_status status = qoq_cuda_alloc(handle, &sets->scratch, bytes);

    if (status == QOQ_OK) {
        sets->scratch_bytes = bytes;
        status = qoq_cuda_zero(handle, sets->scratch, bytes);
    }
    return status;
}

enum qoq_status qoq_bench_sets_make(struct qoq_bench_sets *sets, struct qoq_bench_device *device,
                                    const struct qoq_bench_array *list, size_t arrays, size_t count,
                                    size_t scratch_bytes)
{
    enum qoq_status status = QOQ_OK;

    memset(sets, 0, sizeof *sets);
    sets->device = device;
    sets->count = count;
    sets->arrays = arrays;
    for (size_t a = 0; a < arrays && status == QOQ_OK; a++) {
        sets->stride[a] = (list[a].bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
        if (list[a].bytes == 0) {
            continue;
        }
        /* The last set ends with its array: a device that checks bounds then checks them here. */
        status = qoq_cuda_alloc(qoq_bench_handle(device), &sets->base[a],
                                (count - 1) * sets->stride[a] + list[a].bytes);
        if (status == QOQ_OK) {
            status = fill(sets, a, &list[a]);
        }
    }
    return status == QOQ_OK && scratch_bytes != 0 ? make_scratch(sets, scratch_bytes) : status;
}

void qoq_bench_sets_free(struct qoq_bench_sets *sets)
{
    for (size_t a = 0; a < sets->arrays; a++) {
        if (sets->base[a] != NULL) {
            qoq_cuda_free(qoq_bench_handle(sets->device), sets->base[a]);
        }
    }
    if (sets->scratch != NULL) {
        qoq_cuda_free(qoq_bench_handle(sets->device), sets->scratch);
    }
    memset(sets, 0, sizeof *sets);
}

void qoq_bench_sets_get(const struct qoq_bench_sets *sets, size_t i, void *data[QOQ_BENCH_ARRAYS])
{
    for (size_t a = 0; a < sets->arrays; a++) {
        data[a] = sets->base[a] == NULL ? NULL
                                        : (char *)sets->base[a] + i % sets->count * sets->stride[a];
    }
}
