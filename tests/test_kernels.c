/* SPDX-License-Identifier: Apache-2.0 */
/* Every kernel on the emulator, against the reference: random ragged shapes, every schedule. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "gpu/verify/arrays.h"
#include "seed.h"
#include "sim/emu/emu.h"

enum { SHAPES = 28 };

static void check(const struct qoq_verify_kernel *kernel, const struct qoq_verify_shape *shape,
                  const struct qoq_emu_options *options, uint64_t seed)
{
    char text[700], described[300];
    struct qoq_cuda *handle;
    enum qoq_status status;

    cr_assert_eq(qoq_emu_create(&handle, options), QOQ_OK);
    status = qoq_verify_run(handle, kernel, shape, seed, text, sizeof text);
    qoq_verify_print_shape(described, sizeof described, kernel, shape);
    cr_assert_eq(
        status, QOQ_OK, "%s: %s\nqoq sim run %s %s --seed %" PRIu64 " --schedule %s --copies %s",
        qoq_status_string(status), text, kernel->name, described, seed,
        qoq_emu_schedule_name(options->schedule), options->early_copies ? "early" : "late");
    qoq_cuda_destroy(handle);
}

static void random_shapes(const char *name)
{
    const struct qoq_verify_kernel *kernel = qoq_verify_find(name);

    cr_assert(kernel != NULL);
    for (uint64_t i = 0; i < SHAPES; i++) {
        uint64_t seed = test_seed() % 1000000 + i;
        struct qoq_emu_options options = {(enum qoq_emu_schedule)(i % QOQ_EMU_SCHEDULES), seed,
                                          i / QOQ_EMU_SCHEDULES % 2, 0};
        struct qoq_verify_shape shape;

        qoq_verify_random_shape(&shape, kernel, seed);
        check(kernel, &shape, &options, seed);
    }
}

#define KERNEL(name)                                                                               \
    Test(kernels, name)                                                                            \
    {                                                                                              \
        random_shapes(#name);                                                                      \
    }

KERNEL(act_quantize)
KERNEL(rmsnorm_quantize)
KERNEL(silu_mul_quantize)
KERNEL(residual_add)
KERNEL(gemm_w8a8)
KERNEL(gemm_w4a8_channel)
KERNEL(gemm_w4a8_group)
KERNEL(rope_write)
KERNEL(attention_kv4)
KERNEL(attention_kv8)
KERNEL(attention_decode_kv4)
KERNEL(attention_decode_kv8)
KERNEL(attention_prefill_kv4)
KERNEL(attention_prefill_kv8)
KERNEL(embed)
KERNEL(rmsnorm)
KERNEL(gemm_f16)
KERNEL(argmax)

/* The list above is the list of kernels. */
Test(kernels, none_is_forgotten)
{
    size_t count = 0;

    while (qoq_verify_kernels[count].name != NULL)
        count++;
    cr_assert_eq(count, 18);
}

static const char *const products[] = {"gemm_w8a8", "gemm_w4a8_channel", "gemm_w4a8_group"};

/* Each tile that can be chosen, those of other GPUs too: ragged shapes, divisions of K, groups that
 * fit the stages and groups that do not. */
Test(kernels, every_tile)
{
    static const size_t groups[] = {32, 64, 96, 128, 160, 256};

    for (size_t i = 0; i < sizeof products / sizeof *products; i++) {
        const struct qoq_verify_kernel *kernel = qoq_verify_find(products[i]);

        for (int j = 0; j < 6 * qoq_cuda_gemm_tiles(); j++) {
            uint64_t seed = test_seed() % 1000000 + (uint64_t)j;
            struct qoq_emu_options options = {(enum qoq_emu_schedule)(j % QOQ_EMU_SCHEDULES), seed,
                                              j / QOQ_EMU_SCHEDULES % 2, 0};
            struct qoq_verify_shape shape;

            qoq_verify_random_shape(&shape, kernel, seed);
            shape.tile = j % qoq_cuda_gemm_tiles();
            shape.group = groups[(size_t)j / 6 % 6];
            shape.misaligned = 0;
            /* Rows that bulk copies can take; their tails are tested by the other operand. */
            if (i == 0)
                shape.k = (shape.k + 15) / 16 * 16;
            check(kernel, &shape, &options, seed);
        }
    }
}

/* K so long that each stage is filled three times: what was there must have been read. */
Test(kernels, stages_are_used_again)
{
    for (size_t i = 0; i < sizeof products / sizeof *products; i++) {
        for (int tile = 0; tile < qoq_cuda_gemm_tiles(); tile++) {
            for (int j = 0; j < 3; j++) {
                static const enum qoq_emu_schedule schedules[] = {QOQ_EMU_FORWARD, QOQ_EMU_RANDOM,
                                                                  QOQ_EMU_LAST_AHEAD};
                uint64_t seed = test_seed() % 1000000 + (uint64_t)j;
                struct qoq_emu_options options = {schedules[j], seed, j % 2, 0};
                struct qoq_verify_shape shape;

                qoq_verify_default_shape(&shape);
                shape.m = 5;
                shape.n = 40;
                shape.k = 2448;
                shape.group = j == 0 ? 128 : 96;
                shape.tile = tile;
                shape.splits = 1;
                check(qoq_verify_find(products[i]), &shape, &options, seed);
            }
        }
    }
}

/* Where bulk copies cannot take an operand, a kernel without them runs. */
Test(kernels, wgmma_gives_way)
{
    for (size_t i = 0; i < sizeof products / sizeof *products; i++) {
        for (int misaligned = 0; misaligned < 2; misaligned++) {
            struct qoq_emu_options options = {QOQ_EMU_FORWARD, 5, 0, 0};
            struct qoq_verify_shape shape;
            struct qoq_cuda *handle;
            char text[700];
            int wide;

            qoq_verify_default_shape(&shape);
            shape.tile = qoq_cuda_gemm_tiles() - 1;
            shape.misaligned = misaligned;
            shape.m = 3;
            cr_assert_eq(qoq_emu_create(&handle, &options), QOQ_OK);
            cr_assert_eq(
                qoq_verify_run(handle, qoq_verify_find(products[i]), &shape, 5, text, sizeof text),
                QOQ_OK, "%s", text);
            wide = strstr(qoq_emu_get_launch(handle, 0)->kernel, "wgmma") != NULL;
            cr_assert_eq(wide, !misaligned, "%s", qoq_emu_get_launch(handle, 0)->kernel);
            qoq_cuda_destroy(handle);
        }
    }
}

/* With bands around the arrays, as a GPU has them; and a band that is touched is noticed. */
Test(kernels, bands)
{
    struct qoq_emu_options options = {QOQ_EMU_FORWARD, 0, 0, 0};
    struct qoq_verify_arrays arrays = {.bands = 1};
    struct qoq_verify_array *array;
    char text[200] = "";

    for (const struct qoq_verify_kernel *k = qoq_verify_kernels; k->name != NULL; k++) {
        struct qoq_verify_shape shape;

        qoq_verify_random_shape(&shape, k, 8);
        shape.bands = 1;
        check(k, &shape, &options, 8);
    }
    for (int behind = 0; behind < 2; behind++) {
        arrays.status = QOQ_OK;
        cr_assert_eq(qoq_emu_create(&arrays.handle, &options), QOQ_OK);
        array = qoq_verify_new(&arrays, "victim", 10, 1);
        qoq_verify_check_bands(&arrays, text, sizeof text);
        cr_assert_eq(arrays.status, QOQ_OK);
        cr_assert_eq(qoq_cuda_zero(arrays.handle, (char *)array->device + (behind ? 10 : -1), 1),
                     QOQ_OK);
        qoq_verify_check_bands(&arrays, text, sizeof text);
        cr_assert_eq(arrays.status, QOQ_ERR_DIFFERS);
        cr_assert(strstr(text, behind ? "behind" : "before") != NULL, "%s", text);
        qoq_verify_free(&arrays);
        qoq_cuda_destroy(arrays.handle);
    }
}

/* Long rows: several leaves a thread in the sum of squares, several passes of every loop. */
Test(kernels, long_rows)
{
    static const size_t lengths[] = {4096, 4100, 8192, 14336, 131072};
    static const char *const names[] = {"act_quantize", "rmsnorm_quantize", "silu_mul_quantize"};
    struct qoq_emu_options options = {QOQ_EMU_FORWARD, 0, 0, 0};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        for (size_t j = 0; j < sizeof lengths / sizeof *lengths; j++) {
            struct qoq_verify_shape shape;

            qoq_verify_default_shape(&shape);
            shape.m = j < 4 ? 3 : 1;
            shape.k = lengths[j];
            shape.bias = j % 2 == 0;
            check(qoq_verify_find(names[i]), &shape, &options, 3 + j);
        }
    }
}

/* Products of two shapes with one scratch: what is a partial sum of one is no counter of the other.
 */
Test(kernels, scratch_of_another_shape)
{
    static const char *const names[] = {"gemm_w8a8", "gemm_w4a8_channel", "gemm_w4a8_group"};
    struct qoq_emu_options options = {QOQ_EMU_STRIDED, 0, 0, 0};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct qoq_verify_shape shape;

        qoq_verify_default_shape(&shape);
        shape.m = 150;
        shape.n = 300;
        shape.k = 700;
        check(qoq_verify_find(names[i]), &shape, &options, 100 + i);
    }
}

/* Contexts around one leaf of the merge, two leaves, and trees that are not full; many query heads
 * to one of the cache. */
Test(kernels, long_contexts)
{
    static const size_t contexts[] = {2047, 2048, 2049, 4097, 6500, 8300};
    struct qoq_emu_options options = {QOQ_EMU_LAST_AHEAD, 0, 0, 0};

    for (size_t i = 0; i < sizeof contexts / sizeof *contexts; i++) {
        for (int eight = 0; eight < 2; eight++) {
            struct qoq_verify_shape shape;

            qoq_verify_default_shape(&shape);
            shape.m = 2;
            shape.q_heads = i == 2 ? 11 : 2;
            shape.kv_heads = 1;
            shape.head_dim = 8 + 2 * i;
            shape.context = contexts[i];
            check(qoq_verify_find(eight ? "attention_kv8" : "attention_kv4"), &shape, &options,
                  90 + i);
        }
    }
}

/* Runs of tokens: heads wider than a tile's output, splits that end inside a tile, groups that are
 * no power of two, trees that are not full; and every way to cut the rows. */
Test(kernels, runs_of_tokens)
{
    static const struct {
        size_t m, q_heads, kv_heads, head_dim, page, context;
    } shapes[] = {{300, 4, 2, 128, 64, 300}, {70, 7, 1, 80, 16, 400},   {40, 1, 1, 256, 64, 300},
                  {9, 40, 2, 96, 64, 200},   {20, 2, 2, 16, 64, 10300}, {128, 2, 1, 64, 7, 2100}};
    struct qoq_emu_options options = {QOQ_EMU_ROTATE, 0, 0, 0};

    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        for (int tile = -1; tile < 7; tile += i == 1 ? 1 : 8) {
            struct qoq_verify_shape shape;

            qoq_verify_default_shape(&shape);
            shape.m = shapes[i].m;
            shape.q_heads = shapes[i].q_heads;
            shape.kv_heads = shapes[i].kv_heads;
            shape.head_dim = shapes[i].head_dim;
            shape.page = shapes[i].page;
            shape.context = shapes[i].context;
            shape.tile = tile;
            /* Four blocks, which take several tiles each. */
            options.multiprocessors = shape.context > 2048 ? 1 : 0;
            check(qoq_verify_find(i % 2 == 0 ? "attention_prefill_kv4" : "attention_prefill_kv8"),
                  &shape, &options, 7 * i);
        }
    }
}

/* Scratch of runs of tokens, and what is refused before a kernel starts. */
Test(kernels, arguments_of_runs)
{
    struct qoq_kv_layout layout = {4, 16, 2, 64}, wide = {4, 16, 2, 258}, bits = {5, 16, 2, 64};
    struct qoq_emu_options options = {QOQ_EMU_FORWARD, 0, 0, 0};
    struct qoq_cuda *h;
    size_t bytes = 1;

    cr_assert_eq(qoq_emu_create(&h, &options), QOQ_OK);
    cr_assert_eq(qoq_cuda_attention_prefill_scratch(h, &bytes, 9, 1, 2048, 4, &layout), QOQ_OK);
    cr_assert_eq(bytes, 0);
    cr_assert_eq(qoq_cuda_attention_prefill_scratch(h, &bytes, 9, 1, 2049, 4, &layout), QOQ_OK);
    cr_assert_gt(bytes, 0);
    cr_assert_eq(qoq_cuda_attention_prefill_scratch(h, &bytes, 0, 1, 9, 4, &layout), QOQ_ERR_SHAPE);
    cr_assert_eq(qoq_cuda_attention_prefill_scratch(h, &bytes, 9, 0, 9, 4, &layout), QOQ_ERR_SHAPE);
    cr_assert_eq(qoq_cuda_attention_prefill_scratch(h, &bytes, 9, 1, 0, 4, &layout), QOQ_ERR_SHAPE);
    cr_assert_eq(qoq_cuda_attention_prefill_scratch(h, &bytes, 9, 1, 9, 3, &layout), QOQ_ERR_SHAPE);
    cr_assert_eq(qoq_cuda_attention_prefill_scratch(h, &bytes, 9, 1, 9, 4, &wide), QOQ_ERR_SHAPE);
    cr_assert_eq(qoq_cuda_attention_prefill_scratch(h, &bytes, 9, 1, 9, 4, &bits), QOQ_ERR_SHAPE);
    cr_assert_eq(qoq_cuda_attention_prefill_scratch(h, NULL, 9, 1, 9, 4, &layout),
                 QOQ_ERR_ARGUMENT);

    uint8_t pool[1];
    int32_t numbers[2] = {0, 1};
    struct qoq_cuda_cache cache = {layout, pool, pool, numbers, 200};
    float q[1];
    qoq_half out[1];

    cr_assert_eq(
        qoq_cuda_attention_prefill(h, out, q, &cache, numbers, numbers, NULL, 1, 1, 16, 4, NULL, 0),
        QOQ_ERR_ARGUMENT);
    /* Too little scratch, or none. */
    cr_assert_eq(qoq_cuda_attention_prefill(h, out, q, &cache, numbers, numbers, numbers, 1, 1,
                                            2049, 4, q, 4),
                 QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_cuda_attention_prefill(h, out, q, &cache, numbers, numbers, numbers, 1, 1,
                                            2049, 4, NULL, (size_t)1 << 30),
                 QOQ_ERR_ARGUMENT);
    qoq_cuda_destroy(h);
}

static void check_counts(const struct qoq_emu_launch *first, const struct qoq_emu_launch *launch,
                         const char *schedule)
{
    cr_assert_eq(memcmp(first->count, launch->count, sizeof first->count), 0, "%s, %s",
                 launch->kernel, schedule);
    cr_assert_eq(memcmp(first->read_sectors, launch->read_sectors, sizeof first->read_sectors), 0,
                 "%s, %s", launch->kernel, schedule);
    cr_assert_eq(
        memcmp(first->written_sectors, launch->written_sectors, sizeof first->written_sectors), 0,
        "%s, %s", launch->kernel, schedule);
}

/* What a kernel does depends on its shape alone, not on the order in which lanes and warps run.
 * Which block of a split finishes last does depend on it, but every block does as much. */
static void check_counts_of_schedules(int wide)
{
    for (const struct qoq_verify_kernel *k = qoq_verify_kernels; k->name != NULL; k++) {
        struct qoq_emu_launch first[4] = {{0}};

        if (wide && strncmp(k->name, "gemm", 4) != 0)
            continue;
        for (int s = 0; s < 2 * QOQ_EMU_SCHEDULES; s++) {
            struct qoq_emu_options options = {(enum qoq_emu_schedule)(s / 2), 5, s % 2, 0};
            struct qoq_verify_shape shape;
            struct qoq_cuda *handle;
            char text[700];

            qoq_verify_default_shape(&shape);
            shape.m = 21;
            shape.n = 70;
            shape.k = 600;
            shape.context = 200;
            shape.tile = wide ? qoq_cuda_gemm_tiles() - 2 : -1;
            cr_assert_eq(qoq_emu_create(&handle, &options), QOQ_OK);
            cr_assert_eq(qoq_verify_run(handle, k, &shape, 5, text, sizeof text), QOQ_OK, "%s",
                         text);
            for (size_t i = 0; i < qoq_emu_launches(handle) && i < 4; i++) {
                if (s == 0)
                    first[i] = *qoq_emu_get_launch(handle, i);
                check_counts(&first[i], qoq_emu_get_launch(handle, i),
                             qoq_emu_schedule_name(options.schedule));
            }
            qoq_cuda_destroy(handle);
        }
    }
}

Test(kernels, counts_are_the_same_in_every_schedule)
{
    check_counts_of_schedules(0);
}

Test(kernels, counts_of_wgmma_are_the_same_in_every_schedule)
{
    check_counts_of_schedules(1);
}

/* Tensor instructions and dequantization of a product, in closed form. For 32 weights a lane has 12
 * operations to unpack them and, per group, 16 to dequantize; each stage of K adds 9 for the
 * parameters of its group of 128. */
Test(kernels, closed_form_of_the_product)
{
    static const size_t m[] = {1, 16, 17, 64, 100, 128}, k[] = {128, 256, 640};

    for (size_t i = 0; i < sizeof m / sizeof *m; i++) {
        for (size_t j = 0; j < sizeof k / sizeof *k; j++) {
            for (int group = 0; group < 2; group++) {
                struct qoq_emu_options options = {QOQ_EMU_FORWARD, 5, 0, 0};
                struct qoq_verify_shape shape;
                struct qoq_cuda *handle;
                const uint64_t *count;
                char text[700];
                uint64_t bm = m[i] <= 16 ? 16 : m[i] <= 32 ? 32 : m[i] <= 64 ? 64 : 128;
                uint64_t uses = bm == 128 ? 2 : 1, words = 128 * k[j] * uses / 32;
                uint64_t groups = words / (bm == 128 ? 2 : 4);

                qoq_verify_default_shape(&shape);
                shape.m = m[i];
                shape.k = k[j];
                shape.splits = 1;
                cr_assert_eq(qoq_emu_create(&handle, &options), QOQ_OK);
                cr_assert_eq(
                    qoq_verify_run(handle,
                                   qoq_verify_find(group ? "gemm_w4a8_group" : "gemm_w4a8_channel"),
                                   &shape, 5, text, sizeof text),
                    QOQ_OK, "%s", text);
                count = qoq_emu_get_launch(handle, 0)->count[0];
                cr_assert_eq(count[QOQ_EMU_MMA_S8], bm / 16 * (128 / 8) * (k[j] / 32));
                cr_assert_eq(count[QOQ_EMU_LOGIC], (group ? 16 * words + groups : 8 * words));
                cr_assert_eq(count[QOQ_EMU_SHIFT], 4 * words + (group ? 8 * groups : 0));
                cr_assert_eq(count[QOQ_EMU_INTEGER_MULTIPLY], group ? 8 * words : m[i] * 128);
                cr_assert_eq(count[QOQ_EMU_SHARED_WAVEFRONT], count[QOQ_EMU_SHARED_IDEAL]);
                qoq_cuda_destroy(handle);
            }
        }
    }
}

/* The same of the tiles of wgmma, by role. A word of 8 codes is unpacked by one warp for all tokens
 * of a block; where a group fills whole stages of K, each stage takes 9 operations for two products
 * of 64 channels, or 5 for one. */
Test(kernels, closed_form_of_wgmma)
{
    static const struct {
        size_t tokens, channels, parts;
        enum qoq_emu_count count;
    } tiles[] = {{8, 128, 2, QOQ_EMU_WGMMA_N8},     {16, 128, 2, QOQ_EMU_WGMMA_N16},
                 {32, 128, 2, QOQ_EMU_WGMMA_N32},   {64, 256, 2, QOQ_EMU_WGMMA_N64},
                 {128, 256, 2, QOQ_EMU_WGMMA_N128}, {256, 128, 1, QOQ_EMU_WGMMA_N256}};
    enum { TILES = sizeof tiles / sizeof *tiles };

    for (int i = 0; i < 3 * 3 * TILES; i++) {
        int t = i / 9, scheme = i % 3;
        size_t k = (size_t)(i / 3 % 3 + 1) * 128, m = tiles[t].tokens, n = tiles[t].channels;
        struct qoq_emu_options options = {QOQ_EMU_FORWARD, 5, 0, 0};
        const struct qoq_emu_launch *launch;
        const uint64_t *consumer = NULL, *producer = NULL;
        struct qoq_verify_shape shape;
        struct qoq_cuda *handle;
        uint64_t stages = k / 128, lanes = n / (64 * tiles[t].parts) * 128;
        /* Per lane and stage: 4 steps of `parts` products of 4 words. */
        uint64_t words = 16 * tiles[t].parts * lanes * stages;
        uint64_t bytes = 128 * m + n * (scheme == 0 ? 128 : 64) + (scheme == 2 ? 2 * n : 0);
        char text[700];

        qoq_verify_default_shape(&shape);
        shape.m = m;
        shape.n = n;
        shape.k = k;
        shape.splits = 1;
        shape.tile = qoq_cuda_gemm_tiles() - TILES + t;
        cr_assert_eq(qoq_emu_create(&handle, &options), QOQ_OK);
        cr_assert_eq(
            qoq_verify_run(handle, qoq_verify_find(products[scheme]), &shape, 5, text, sizeof text),
            QOQ_OK, "%s", text);
        launch = qoq_emu_get_launch(handle, 0);
        for (size_t r = 0; r < launch->roles; r++) {
            consumer = strcmp(launch->role[r], "consumer") == 0 ? launch->count[r] : consumer;
            producer = strcmp(launch->role[r], "producer") == 0 ? launch->count[r] : producer;
        }
        cr_assert(consumer != NULL && producer != NULL);
        cr_assert_eq(consumer[tiles[t].count], n / 64 * 4 * (k / 32));
        cr_assert_eq(consumer[QOQ_EMU_LOGIC], (scheme == 0   ? 0
                                               : scheme == 1 ? words
                                                             : 2 * words + lanes * stages));
        cr_assert_eq(consumer[QOQ_EMU_SHIFT],
                     (scheme == 0 ? 0 : words / (tiles[t].parts == 2 ? 2 : 1)) +
                         (scheme == 2 ? 4 * tiles[t].parts * lanes * stages : 0));
        cr_assert_eq(consumer[QOQ_EMU_INTEGER_MULTIPLY], scheme == 2   ? words
                                                         : scheme == 1 ? m * n
                                                                       : 0);
        cr_assert_eq(consumer[QOQ_EMU_SHARED_WAVEFRONT], consumer[QOQ_EMU_SHARED_IDEAL]);
        cr_assert_eq(consumer[QOQ_EMU_MBARRIER_WAIT], lanes / 32 * stages);
        cr_assert_eq(consumer[QOQ_EMU_MBARRIER_ARRIVE], lanes / 32 * (stages - 1));
        cr_assert_eq(producer[QOQ_EMU_MBARRIER_WAIT], stages);
        cr_assert_eq(producer[QOQ_EMU_MBARRIER_ARRIVE], stages);
        cr_assert_eq(producer[QOQ_EMU_BULK_COPY], stages * (scheme == 2 ? 4 : 2));
        cr_assert_eq(producer[QOQ_EMU_BULK_BYTES], stages * bytes);
        qoq_cuda_destroy(handle);
    }
}
