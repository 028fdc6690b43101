/* SPDX-License-Identifier: Apache-2.0 */
/* A whole decoder on the emulator: every logit of every kind of small model has the bits of the
 * reference session, however the tokens are fed, with graphs and without. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "gpu/decoder/decoder.h"
#include "sim/emu/emu.h"
#include "tests/model_shapes.h"

enum { TOKENS = 21, PAGE = 5 };

static struct qoq_cuda *emulator(enum qoq_emu_schedule schedule)
{
    struct qoq_emu_options options = {schedule, test_seed(), 0, 4};
    struct qoq_cuda *handle;

    cr_assert_eq(qoq_emu_create(&handle, &options), QOQ_OK);
    return handle;
}

static struct qoq_decoder *new_decoder(struct qoq_cuda *handle, const struct qoq_model *model,
                                       const struct qoq_decoder_options *options)
{
    struct qoq_decoder *decoder;
    const char *reason;
    enum qoq_status status = qoq_decoder_create(&decoder, handle, model, options, &reason);

    cr_assert_eq(status, QOQ_OK, "%s: %s", qoq_status_string(status), reason);
    return decoder;
}

static void same(const float *have, const float *want, size_t count, size_t vocab,
                 const char *shape, enum qoq_precision precision, const char *how)
{
    for (size_t i = 0; i < count * vocab; i++) {
        cr_assert(memcmp(have + i, want + i, sizeof *have) == 0 ||
                      (have[i] != have[i] && want[i] != want[i]),
                  "shape %s, %s, %s: row %zu, logit %zu: %a, the reference has %a" SEED_FORMAT,
                  shape, qoq_precision_name(precision), how, i / vocab, i % vocab, (double)have[i],
                  (double)want[i], test_seed());
    }
}

/* One sequence: its tokens at once, then again in pieces, then token by token. */
static void one_sequence(const struct shape *shape, enum qoq_precision precision,
                         enum qoq_emu_schedule schedule)
{
    static const size_t chunks[] = {TOKENS, 8, 1};
    size_t vocab = shape->config.vocab;
    struct qoq_model *model = random_model(shape, precision);
    struct qoq_cuda *handle = emulator(schedule);
    struct qoq_decoder_options options = {1, TOKENS, PAGE, 16, 0, 0};
    struct qoq_decoder *decoder = new_decoder(handle, model, &options);
    int32_t *token = some_tokens(TOKENS, vocab, 5);
    float *want = logits_of(model, token, TOKENS, TOKENS, 64), *have;

    qoq_model_free(model);
    have = malloc(TOKENS * vocab * sizeof *have);
    for (size_t i = 0; i < sizeof chunks / sizeof *chunks; i++) {
        qoq_decoder_reset(decoder, 0);
        for (size_t at = 0; at < TOKENS; at += chunks[i]) {
            size_t count = TOKENS - at < chunks[i] ? TOKENS - at : chunks[i];
            struct qoq_segment segment = {0, count, token + at};
            enum qoq_status status = qoq_decoder_step(decoder, have + at * vocab, &segment, 1, 1);

            cr_assert_eq(status, QOQ_OK, "shape %s, %s: %s: %s", shape->name,
                         qoq_precision_name(precision), qoq_status_string(status),
                         qoq_cuda_message(handle));
        }
        same(have, want, TOKENS, vocab, shape->name, precision, "chunks");
    }
    cr_assert_eq(qoq_decoder_graphs(decoder), 1);
    free(have);
    free(want);
    free(token);
    qoq_decoder_free(decoder);
    qoq_cuda_destroy(handle);
}

static void every_shape(enum qoq_precision precision)
{
    use_threads(1);
    for (size_t i = 0; i < SHAPES; i++) {
        one_sequence(&shapes[i], precision, (enum qoq_emu_schedule)(i % QOQ_EMU_SCHEDULES));
    }
}

Test(decoder, w8a8kv8)
{
    every_shape(QOQ_W8A8KV8);
}

Test(decoder, w4a8kv4_per_channel)
{
    every_shape(QOQ_W4A8KV4_CHANNEL);
}

Test(decoder, w4a8kv4_per_group)
{
    every_shape(QOQ_W4A8KV4_GROUP);
}
