/* SPDX-License-Identifier: Apache-2.0 */
/* A whole decoder on the emulator: every logit of every kind of small model has the bits of the
 * reference session, however the tokens are fed, with graphs and without. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "gpu/decoder/decoder.h"
#include "sim/emu/emu.h"
#include "tests/model_shapes.h"

enum { TOKENS = 24, PAGE = 5 };

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

static int has_launched(const struct qoq_cuda *handle, const char *kernel)
{
    for (size_t i = 0; i < qoq_emu_launches(handle); i++) {
        if (strncmp(qoq_emu_get_launch(handle, i)->kernel, kernel, strlen(kernel)) == 0) {
            return 1;
        }
    }
    return 0;
}

/* One sequence: its tokens at once, then again in pieces; the last of them token by token. */
static void one_sequence(const struct shape *shape, enum qoq_precision precision,
                         enum qoq_emu_schedule schedule)
{
    static const size_t chunks[] = {TOKENS, 5};
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
        for (size_t at = 0, count; at < TOKENS; at += count) {
            count = i == 0 ? TOKENS : at < TOKENS - 4 ? chunks[i] : 1;
            struct qoq_segment segment = {0, count, token + at};
            enum qoq_status status = qoq_decoder_step(decoder, have + at * vocab, &segment, 1, 1);

            cr_assert_eq(status, QOQ_OK, "shape %s, %s: %s: %s", shape->name,
                         qoq_precision_name(precision), qoq_status_string(status),
                         qoq_cuda_message(handle));
        }
        same(have, want, TOKENS, vocab, shape->name, precision, "chunks");
    }
    cr_assert_eq(qoq_decoder_graphs(decoder), 1);
    cr_assert(has_launched(handle, "attention_prefill"), "prompts by the kernel for runs");
    cr_assert(has_launched(handle, "attention_decode") || has_launched(handle, "attention_kv"),
              "decoding by a kernel for rows");
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

/* ---- Several sequences ---- */

enum { SEQUENCES = 3, STEPS = 6 };
static const size_t prompt_length[SEQUENCES] = {7, 1, 12};

struct batch {
    const struct shape *shape;
    enum qoq_precision precision;
    size_t vocab;
    struct qoq_model *model;
    struct qoq_session *session;
    struct qoq_cuda *handle;
    struct qoq_decoder *decoder;
    int32_t *token[SEQUENCES];
    float *want, *have; /* [all rows of a step][vocab] */
};

static struct batch batch_begin(size_t shape, enum qoq_precision precision, int eager)
{
    struct batch b = {.shape = &shapes[shape], .precision = precision};
    struct qoq_decoder_options options = {SEQUENCES, TOKENS, PAGE, 8, 0, eager};

    use_threads(1);
    b.vocab = b.shape->config.vocab;
    b.model = random_model(b.shape, precision);
    cr_assert_eq(qoq_session_create(&b.session, b.model, SEQUENCES, TOKENS, 64), QOQ_OK);
    b.handle = emulator(QOQ_EMU_RANDOM);
    b.decoder = new_decoder(b.handle, b.model, &options);
    for (size_t i = 0; i < SEQUENCES; i++) {
        b.token[i] = some_tokens(TOKENS, b.vocab, 30 + i);
    }
    b.want = malloc(SEQUENCES * TOKENS * b.vocab * sizeof *b.want);
    b.have = malloc(SEQUENCES * TOKENS * b.vocab * sizeof *b.have);
    return b;
}

static void batch_end(struct batch *b)
{
    for (size_t i = 0; i < SEQUENCES; i++) {
        free(b->token[i]);
    }
    free(b->want);
    free(b->have);
    qoq_decoder_free(b->decoder);
    qoq_cuda_destroy(b->handle);
    qoq_session_free(b->session);
    qoq_model_free(b->model);
}

/* A step on both sides. */
static void both(struct batch *b, const struct qoq_segment *segment, size_t segments, int all,
                 const char *how)
{
    size_t rows = segments;

    for (size_t i = 0; all && i < segments; i++) {
        rows += segment[i].count - 1;
    }
    cr_assert_eq(qoq_session_step(b->session, b->want, segment, segments, all), QOQ_OK);
    enum qoq_status status = qoq_decoder_step(b->decoder, b->have, segment, segments, all);
    cr_assert_eq(status, QOQ_OK, "%s: %s", qoq_status_string(status), qoq_cuda_message(b->handle));
    same(b->have, b->want, rows, b->vocab, b->shape->name, b->precision, how);
}

/* Prompts of different lengths in one step, of more rows than fit; then all decode together; then
 * one is reset and starts again beside the others, whose pages it takes over. */
static void several(size_t shape, enum qoq_precision precision, int eager)
{
    struct batch b = batch_begin(shape, precision, eager);
    struct qoq_segment segment[SEQUENCES];

    for (size_t i = 0; i < SEQUENCES; i++) {
        segment[i] = (struct qoq_segment){i, prompt_length[i], b.token[i]};
    }
    both(&b, segment, SEQUENCES, 0, "prompts");
    for (size_t step = 0; step < STEPS; step++) {
        size_t count = step < 3 ? SEQUENCES : SEQUENCES - 1;

        for (size_t i = 0; i < count; i++) {
            segment[i].token = b.token[i] + qoq_decoder_length(b.decoder, i);
            segment[i].count = 1;
        }
        both(&b, segment, count, (int)(step & 1), "decoding");
    }
    cr_assert_eq(qoq_decoder_graphs(b.decoder), eager ? 0 : 2);
    qoq_session_reset(b.session, 2);
    qoq_decoder_reset(b.decoder, 2);
    segment[0] = (struct qoq_segment){2, 6, b.token[1]};
    segment[1] = (struct qoq_segment){0, 1, b.token[2]};
    both(&b, segment, 2, 1, "prompt beside decoding");
    batch_end(&b);
}

Test(decoder, several_sequences)
{
    several(1, QOQ_W4A8KV4_CHANNEL, 0);
    several(4, QOQ_W8A8KV8, 0);
    several(5, QOQ_W4A8KV4_GROUP, 0);
}

Test(decoder, without_graphs)
{
    several(3, QOQ_W4A8KV4_CHANNEL, 1);
    several(5, QOQ_W4A8KV4_GROUP, 1);
}

/* Tokens beyond a split and a bucket of contexts: more graphs, the same bits. */
Test(decoder, long_context)
{
    enum { LONG = 270, BEFORE = 125 };
    struct qoq_model *model = random_model(&shapes[3], QOQ_W4A8KV4_CHANNEL);
    struct qoq_cuda *handle = emulator(QOQ_EMU_REVERSE);
    struct qoq_decoder_options options = {1, LONG, 16, 64, 0, 0};
    struct qoq_decoder *decoder = new_decoder(handle, model, &options);
    size_t vocab = shapes[3].config.vocab;
    int32_t *token = some_tokens(LONG, vocab, 8);
    float *want = logits_of(model, token, LONG, LONG, 64), *have = malloc(vocab * sizeof *have);

    use_threads(1);
    for (size_t at = 0; at < LONG;) {
        size_t count = at == 0 ? BEFORE : at == BEFORE + 5 ? 125 : 1;
        struct qoq_segment segment = {0, count, token + at};

        cr_assert_eq(qoq_decoder_step(decoder, have, &segment, 1, 0), QOQ_OK);
        at += count;
        same(have, want + (at - 1) * vocab, 1, vocab, shapes[3].name, QOQ_W4A8KV4_CHANNEL,
             "long context");
    }
    cr_assert_eq(qoq_decoder_graphs(decoder), 3, "contexts of 128, 256 and 270");
    free(have);
    free(want);
    free(token);
    qoq_decoder_free(decoder);
    qoq_cuda_destroy(handle);
    qoq_model_free(model);
}

static size_t count_launches(const struct qoq_cuda *handle, const char *kernel)
{
    size_t count = 0;

    for (size_t i = 0; i < qoq_emu_launches(handle); i++) {
        count += strncmp(qoq_emu_get_launch(handle, i)->kernel, kernel, strlen(kernel)) == 0;
    }
    return count;
}

/* Where a part of a prompt would need more scratch than there is, its rows are taken one by one:
 * few rows whose contexts are longer than a leaf of the merge. */
Test(decoder, prompts_row_by_row)
{
    enum { BEFORE = 2040, AFTER = 12, ROWS = 120 };
    struct shape shape = shapes[3];
    struct qoq_decoder_options options = {1, BEFORE + AFTER, ROWS, 64, 0, 0};
    size_t vocab = shape.config.vocab, runs, launches;

    shape.config.max_positions = BEFORE + AFTER;
    struct qoq_model *model = random_model(&shape, QOQ_W4A8KV4_CHANNEL);
    struct qoq_cuda *handle = emulator(QOQ_EMU_FORWARD);
    struct qoq_decoder *decoder = new_decoder(handle, model, &options);
    int32_t *token = some_tokens(BEFORE + AFTER, vocab, 9);
    float *want = logits_of(model, token, BEFORE + AFTER, ROWS, 64),
          *have = malloc(AFTER * vocab * sizeof *have);

    use_threads(1);
    for (size_t at = 0; at < BEFORE; at += ROWS) {
        struct qoq_segment segment = {0, ROWS, token + at};

        cr_assert_eq(qoq_decoder_step(decoder, have, &segment, 1, 0), QOQ_OK);
    }
    runs = count_launches(handle, "attention_prefill");
    launches = qoq_emu_launches(handle);
    struct qoq_segment last = {0, AFTER, token + BEFORE};
    cr_assert_eq(qoq_decoder_step(decoder, have, &last, 1, 1), QOQ_OK);
    same(have, want + BEFORE * vocab, AFTER, vocab, shape.name, QOQ_W4A8KV4_CHANNEL, "row by row");
    cr_assert(runs > 0 && count_launches(handle, "attention_prefill") == runs, "%zu then %zu", runs,
              count_launches(handle, "attention_prefill"));
    cr_assert(qoq_emu_launches(handle) > launches);
    free(have);
    free(want);
    free(token);
    qoq_decoder_free(decoder);
    qoq_cuda_destroy(handle);
    qoq_model_free(model);
}

/* The choice made on the device is that of the reference's logits. */
Test(decoder, greedy_choice)
{
    const struct qoq_sampling greedy = {.temperature = 0};
    struct batch b = batch_begin(1, QOQ_W4A8KV4_GROUP, 0);
    struct qoq_segment segment[SEQUENCES];
    int32_t choice[SEQUENCES], next[SEQUENCES];

    for (size_t i = 0; i < SEQUENCES; i++) {
        segment[i] = (struct qoq_segment){i, prompt_length[i], b.token[i]};
    }
    for (size_t step = 0; step < 4; step++) {
        cr_assert_eq(qoq_session_step(b.session, b.want, segment, SEQUENCES, 0), QOQ_OK);
        cr_assert_eq(qoq_decoder_choose(b.decoder, choice, segment, SEQUENCES), QOQ_OK);
        for (size_t i = 0; i < SEQUENCES; i++) {
            next[i] = qoq_sample(NULL, b.want + i * b.vocab, b.vocab, 0, &greedy);
            cr_assert_eq(choice[i], next[i], "step %zu, sequence %zu" SEED_FORMAT, step, i,
                         test_seed());
            segment[i] = (struct qoq_segment){i, 1, &next[i]};
        }
    }
    batch_end(&b);
}

/* ---- Refusals ---- */

static void refuse(enum qoq_precision precision, const struct qoq_decoder_options *options,
                   enum qoq_status status, const char *says)
{
    struct qoq_model *model = random_model(&shapes[0], precision);
    struct qoq_cuda *handle = emulator(QOQ_EMU_FORWARD);
    struct qoq_decoder *decoder = (struct qoq_decoder *)model;
    const char *reason;

    cr_assert_eq(qoq_decoder_create(&decoder, handle, model, options, &reason), status);
    cr_assert_null(decoder);
    cr_assert(strstr(reason, says) != NULL, "%s", reason);
    qoq_cuda_destroy(handle);
    qoq_model_free(model);
}

Test(decoder, create_refuses)
{
    const struct qoq_decoder_options good = {1, 20, 5, 8, 0, 0};
    struct qoq_decoder_options none = good, longer = good, page = good, many = good;

    none.sequences = 0;
    longer.max_tokens = 513;
    page.page_tokens = SIZE_MAX / 2;
    many.sequences = (size_t)1 << 40;
    refuse(QOQ_FP32, &good, QOQ_ERR_UNSUPPORTED, "integer path");
    refuse(QOQ_W8A8KV8, &none, QOQ_ERR_SHAPE, "sequences");
    refuse(QOQ_W8A8KV8, &longer, QOQ_ERR_SHAPE, "tokens");
    refuse(QOQ_W8A8KV8, &page, QOQ_ERR_SHAPE, "sizes");
    refuse(QOQ_W8A8KV8, &many, QOQ_ERR_SHAPE, "sizes");
}

/* What a step refuses leaves everything as it was; a pool that is empty does, too. */
Test(decoder, step_refuses)
{
    struct batch b = batch_begin(0, QOQ_W8A8KV8, 0);
    struct qoq_decoder_options small = {SEQUENCES, TOKENS, PAGE, 8, 3, 0};
    struct qoq_decoder *decoder = new_decoder(b.handle, b.model, &small);
    int32_t bad[] = {0, (int32_t)b.vocab, -1};
    const struct {
        struct qoq_segment segment;
        enum qoq_status status;
    } cases[] = {
        {{0, 2, bad}, QOQ_ERR_RANGE},          {{0, 1, bad + 2}, QOQ_ERR_RANGE},
        {{0, 0, bad}, QOQ_ERR_SHAPE},          {{SEQUENCES, 1, bad}, QOQ_ERR_SHAPE},
        {{0, TOKENS + 1, bad}, QOQ_ERR_SHAPE}, {{0, 1, NULL}, QOQ_ERR_ARGUMENT},
        {{1, 16, b.token[1]}, QOQ_ERR_MEMORY},
    };
    struct qoq_segment two[] = {{0, 9, b.token[0]}, {1, 6, b.token[1]}};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cr_expect_eq(qoq_decoder_step(decoder, b.have, &cases[i].segment, 1, 0), cases[i].status,
                     "case %zu", i);
        cr_expect_eq(qoq_decoder_free_pages(decoder), 3);
        cr_expect_eq(qoq_decoder_length(decoder, cases[i].segment.sequence), 0);
    }
    cr_expect_eq(qoq_decoder_step(decoder, b.have, two, 2, 0), QOQ_ERR_MEMORY, "four pages");
    cr_expect_eq(qoq_decoder_free_pages(decoder), 3);
    two[1].sequence = 0;
    cr_expect_eq(qoq_decoder_step(decoder, b.have, two, 2, 0), QOQ_ERR_SHAPE, "twice");
    two[0].count = 6;
    cr_expect_eq(qoq_decoder_step(decoder, NULL, two, 1, 0), QOQ_OK);
    cr_expect_eq(qoq_decoder_free_pages(decoder), 1);
    qoq_decoder_reset(decoder, 0);
    cr_expect_eq(qoq_decoder_free_pages(decoder), 3);
    cr_expect_eq(qoq_decoder_step(NULL, NULL, two, 1, 0), QOQ_ERR_ARGUMENT);
    cr_expect_eq(qoq_decoder_choose(decoder, NULL, two, 1), QOQ_ERR_ARGUMENT);
    qoq_decoder_free(decoder);
    batch_end(&b);
}

/* ---- Graphs ---- */

/* What waits or allocates is no part of a graph, and spoils the one that is being made. */
Test(graph, refuses_what_waits)
{
    struct qoq_cuda *handle = emulator(QOQ_EMU_FORWARD);
    struct qoq_cuda_graph *graph = (struct qoq_cuda_graph *)handle;
    void *data, *more;

    cr_assert_eq(qoq_cuda_capture_end(handle, &graph), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_cuda_alloc(handle, &data, 16), QOQ_OK);
    for (int i = 0; i < 4; i++) {
        char host[16] = "";

        cr_assert_eq(qoq_cuda_capture_begin(handle), QOQ_OK);
        cr_assert_eq(qoq_cuda_capture_begin(handle), QOQ_ERR_ARGUMENT, "begun twice");
        cr_assert_eq(i == 0   ? qoq_cuda_sync(handle)
                     : i == 1 ? qoq_cuda_alloc(handle, &more, 16)
                     : i == 2 ? qoq_cuda_upload(handle, data, host, 16)
                              : qoq_cuda_zero(handle, data, 16),
                     QOQ_ERR_DEVICE);
        cr_assert_eq(qoq_cuda_capture_end(handle, &graph), QOQ_ERR_DEVICE);
        cr_assert_null(graph);
    }
    qoq_cuda_free(handle, data);
    qoq_cuda_destroy(handle);
}

/* A graph reads memory when it is launched. */
Test(graph, replays)
{
    struct qoq_cuda *handle = emulator(QOQ_EMU_FORWARD);
    struct qoq_cuda_graph *graph;
    float r[4] = {1, 2, 3, 4}, back[4] = {0};
    qoq_half one[4] = {0x3c00, 0x3c00, 0x3c00, 0x3c00};
    void *device_r, *device_o;

    cr_assert_eq(qoq_cuda_alloc(handle, &device_r, sizeof r), QOQ_OK);
    cr_assert_eq(qoq_cuda_alloc(handle, &device_o, sizeof one), QOQ_OK);
    cr_assert_eq(qoq_cuda_upload(handle, device_o, one, sizeof one), QOQ_OK);
    cr_assert_eq(qoq_cuda_capture_begin(handle), QOQ_OK);
    cr_assert_eq(qoq_cuda_send(handle, device_r, r, sizeof r), QOQ_OK);
    cr_assert_eq(qoq_cuda_residual_add(handle, device_r, device_o, 4), QOQ_OK);
    cr_assert_eq(qoq_cuda_fetch(handle, back, device_r, sizeof back), QOQ_OK);
    cr_assert_eq(qoq_cuda_capture_end(handle, &graph), QOQ_OK);
    cr_assert_eq(back[0], 0, "nothing has run");
    for (int i = 0; i < 3; i++) {
        r[2] = (float)i;
        cr_assert_eq(qoq_cuda_graph_launch(handle, graph), QOQ_OK);
        cr_assert_eq(qoq_cuda_sync(handle), QOQ_OK);
        cr_assert_eq(back[0], 2.0f);
        cr_assert_eq(back[2], (float)i + 1);
    }
    qoq_cuda_graph_free(handle, graph);
    qoq_cuda_free(handle, device_r);
    qoq_cuda_free(handle, device_o);
    qoq_cuda_destroy(handle);
}
