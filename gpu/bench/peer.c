/* SPDX-License-Identifier: Apache-2.0 */
/* Products of a library that is loaded when the bench runs. */
#include "gpu/bench/peer.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#include "gpu/bench/operators.h"

static struct {
    void *object, *stream;
    int (*run)(const struct qoq_peer_product *product);
} peer;

enum qoq_status qoq_bench_peer_load(const char *file, struct qoq_bench_device *device, char *text,
                                    size_t room)
{
    void *symbol;

    if (peer.object != NULL) {
        dlclose(peer.object);
    }
    memset(&peer, 0, sizeof peer);
    if (file == NULL) {
        return QOQ_OK;
    }
    peer.object = dlopen(file, RTLD_NOW | RTLD_LOCAL);
    symbol = peer.object != NULL ? dlsym(peer.object, "qoq_peer_product") : NULL;
    if (symbol == NULL) {
        snprintf(text, room, "%s", dlerror());
        return QOQ_ERR_UNSUPPORTED;
    }
    memcpy(&peer.run, &symbol, sizeof symbol);
    peer.stream = qoq_bench_stream(device);
    return QOQ_OK;
}

static enum qoq_status run(struct qoq_cuda *handle, const struct qoq_bench_shape *s, int variant,
                           void *const *data, void *scratch, size_t room)
{
    struct qoq_peer_product product = {.scheme = variant,
                                       .m = s->m,
                                       .n = s->n,
                                       .k = s->k,
                                       .group = variant == QOQ_W4_GROUP ? s->group : 0,
                                       .y = data[QOQ_BENCH_Y],
                                       .x = data[QOQ_BENCH_X],
                                       .x_scale = data[QOQ_BENCH_X_SCALE],
                                       .x_sum = data[QOQ_BENCH_X_SUM],
                                       .code = data[QOQ_BENCH_CODE],
                                       .s = data[QOQ_BENCH_SCALE],
                                       .z = data[QOQ_BENCH_ZERO],
                                       .s2_scales = data[QOQ_BENCH_GROUP_SCALES],
                                       .s2_zeros = data[QOQ_BENCH_GROUP_ZEROS],
                                       .stream = peer.stream};

    (void)handle;
    (void)scratch;
    (void)room;
    /* Rows of x are contiguous where k is a multiple of 16. */
    return peer.run != NULL && s->k % 16 == 0 && peer.run(&product) == 0 ? QOQ_OK
                                                                         : QOQ_ERR_UNSUPPORTED;
}

#define PEER(name, idea, scheme)                                                                   \
    {                                                                                              \
        name, idea, QOQ_BENCH_PRODUCT, scheme, NULL, qoq_bench_product_arrays,                     \
            qoq_bench_product_cost, NULL, run                                                      \
    }

const struct qoq_bench_kernel qoq_bench_peers[] = {
    PEER("peer_w4a8_channel", "the other library, 4-bit weights per channel", QOQ_W4_CHANNEL),
    PEER("peer_w4a8_group", "the other library, 4-bit weights in groups of 128", QOQ_W4_GROUP),
    PEER("peer_w8a8", "the other library, INT8 weights", QOQ_W8),
    {NULL, NULL, QOQ_BENCH_ROWS, 0, NULL, NULL, NULL, NULL, NULL},
};
