/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whole models (N 12): descriptions, arrays, the promise that logits depend on tokens and weights
 * alone, and both graphs against an independent computation in binary64.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "model/arrays.h"
#include "tests/model_reference.h"
#include "tests/model_shapes.h"

#define TOKENS 150 /* past the first split of attention */

/* ---- Descriptions and arrays ---- */

static void expect_fault(struct qoq_config config, enum qoq_status status, const char *field)
{
    const char *reason = NULL;

    cr_expect_eq(qoq_config_check(&config, &reason), status, "%s", field);
    cr_expect(reason != NULL && strncmp(reason, field, strlen(field)) == 0, "%s: got \"%s\"", field,
              reason ? reason : "nothing");
}

#define FAULT(member, value, status, field)                                                        \
    do {                                                                                           \
        struct qoq_config config_ = shapes[2].config;                                              \
        config_.member = (value);                                                                  \
        expect_fault(config_, (status), (field));                                                  \
    } while (0)

Test(model, config_faults)
{
    FAULT(vocab, 0, QOQ_ERR_SHAPE, "vocab:");
    FAULT(vocab, (size_t)1 << 31, QOQ_ERR_SHAPE, "vocab:");
    FAULT(hidden, 0, QOQ_ERR_SHAPE, "hidden:");
    FAULT(hidden, 131073, QOQ_ERR_SHAPE, "hidden:");
    FAULT(intermediate, 0, QOQ_ERR_SHAPE, "intermediate:");
    FAULT(intermediate, SIZE_MAX, QOQ_ERR_SHAPE, "intermediate:");
    FAULT(layers, 0, QOQ_ERR_SHAPE, "layers:");
    FAULT(layers, 65537, QOQ_ERR_SHAPE, "layers:");
    FAULT(max_positions, 0, QOQ_ERR_SHAPE, "max_positions:");
    FAULT(head_dim, 0, QOQ_ERR_SHAPE, "head_dim:");
    FAULT(head_dim, 31, QOQ_ERR_SHAPE, "head_dim:");
    FAULT(head_dim, 258, QOQ_ERR_SHAPE, "head_dim:");
    FAULT(heads, 0, QOQ_ERR_SHAPE, "heads:");
    FAULT(heads, SIZE_MAX / 16, QOQ_ERR_SHAPE, "heads:");
    FAULT(kv_heads, 0, QOQ_ERR_SHAPE, "kv_heads:");
    FAULT(kv_heads, 2, QOQ_ERR_SHAPE, "kv_heads:");
    FAULT(arch, (enum qoq_arch)7, QOQ_ERR_ARGUMENT, "arch:");
    FAULT(rms_eps, 0, QOQ_ERR_ARGUMENT, "rms_eps:");
    FAULT(rms_eps, NAN, QOQ_ERR_ARGUMENT, "rms_eps:");
    FAULT(bos, 37, QOQ_ERR_ARGUMENT, "bos:");
    FAULT(eos, -2, QOQ_ERR_ARGUMENT, "eos:");
    FAULT(rope.kind, (enum qoq_rope_kind)9, QOQ_ERR_ARGUMENT, "rope:");
    FAULT(rope.theta, 1, QOQ_ERR_ARGUMENT, "rope:");
    FAULT(rope.theta, INFINITY, QOQ_ERR_ARGUMENT, "rope:");
    FAULT(rope.factor, 0.5, QOQ_ERR_ARGUMENT, "rope:");
    FAULT(rope.low_freq, 4, QOQ_ERR_ARGUMENT, "rope:");
    FAULT(rope.high_freq, NAN, QOQ_ERR_ARGUMENT, "rope:");
    FAULT(rope.original_positions, 0, QOQ_ERR_ARGUMENT, "rope:");
    cr_expect_eq(qoq_config_check(NULL, NULL), QOQ_ERR_ARGUMENT);
    for (size_t i = 0; i < SHAPES; i++) {
        const char *reason = "unset";
        cr_expect_eq(qoq_config_check(&shapes[i].config, &reason), QOQ_OK, "%s", shapes[i].name);
        cr_expect_null(reason);
    }
}

Test(model, create_refuses)
{
    struct qoq_model *model = (struct qoq_model *)&model;
    struct qoq_config bad = shapes[0].config;

    bad.hidden = 0;
    cr_expect_eq(qoq_model_create(NULL, &shapes[0].config, QOQ_FP32, 0), QOQ_ERR_ARGUMENT);
    cr_expect_eq(qoq_model_create(&model, &bad, QOQ_FP32, 0), QOQ_ERR_SHAPE);
    cr_expect_null(model);
    cr_expect_eq(qoq_model_create(&model, &shapes[0].config, QOQ_PRECISIONS, 0), QOQ_ERR_ARGUMENT);
    static const size_t groups[] = {0, 16, 48, 131104, SIZE_MAX - 31};
    for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++) {
        cr_expect_eq(qoq_model_create(&model, &shapes[0].config, QOQ_W4A8KV4_GROUP, groups[i]),
                     QOQ_ERR_SHAPE, "%zu", groups[i]);
        cr_expect_null(model);
    }
    qoq_model_free(NULL);
}

Test(model, names)
{
    for (int i = 0; i < QOQ_PRECISIONS; i++) {
        enum qoq_precision back;
        cr_expect_eq(qoq_precision_parse(&back, qoq_precision_name((enum qoq_precision)i)), QOQ_OK);
        cr_expect_eq((int)back, i);
    }
    enum qoq_precision unknown;
    cr_expect_eq(qoq_precision_parse(&unknown, "w4a8"), QOQ_ERR_ARGUMENT);
    cr_expect_str_eq(qoq_precision_name(QOQ_PRECISIONS), "unknown");
    cr_expect_str_eq(qoq_linear_name(QOQ_DOWN), "down_proj");
    cr_expect_str_eq(qoq_arch_name(QOQ_ARCH_QWEN3), "qwen3");
    cr_expect_str_eq(qoq_arch_name(QOQ_ARCHS), "unknown");
}

/* Bytes by hand for K = 48, 80 (short last groups) and biases: shape 2 with group 32. */
Test(model, bytes)
{
    static const size_t n[] = {96, 32, 32, 48, 80, 80, 48}, k[] = {48, 48, 48, 96, 48, 48, 80};
    size_t linear, expected = 0, bias = 0;
    struct qoq_model *model = random_model(&shapes[2], QOQ_W4A8KV4_GROUP);

    for (int i = 0; i < QOQ_LINEARS; i++) {
        expected += n[i] * (k[i] / 2 + 2 + 2 * ((k[i] + 31) / 32));
        bias += n[i] * 4;
    }
    size_t total = qoq_model_bytes(model, &linear);
    cr_expect_eq(linear, 2 * expected, "%zu against %zu", linear, 2 * expected);
    cr_expect_eq(total, 2 * expected + 2 * bias + 5 * 48 * 4 + 2 * 37 * 48 * 2, "%zu", total);
    qoq_model_free(model);
    model = random_model(&shapes[1], QOQ_FP32);
    total = qoq_model_bytes(model, &linear);
    cr_expect_eq(total, linear + 4 * (100 * 96 + 5 * 96), "tied: one embedding");
    qoq_model_free(model);
}

Test(model, tied_and_untied)
{
    for (size_t i = 0; i < SHAPES; i++) {
        for (int p = 0; p < QOQ_PRECISIONS; p++) {
            struct qoq_model *model = random_model(&shapes[i], (enum qoq_precision)p);
            int tied =
                p == QOQ_FP32 ? model->head_f32 == model->embed_f32 : model->head == model->embed;
            cr_expect_eq(tied, shapes[i].config.tie_embeddings, "%s", shapes[i].name);
            cr_expect_eq(model->layer[0].linear[QOQ_V].bias != NULL, shapes[i].config.qkv_bias);
            cr_expect_eq(model->layer[0].linear[QOQ_O].bias != NULL, shapes[i].config.o_bias);
            cr_expect_eq(model->layer[0].q_norm != NULL, shapes[i].config.qk_norm);
            cr_expect_eq(model->layer[0].k_norm != NULL, shapes[i].config.qk_norm);
            cr_expect_eq(model->layer[0].linear[QOQ_UP].bias != NULL, shapes[i].config.mlp_bias);
            qoq_model_free(model);
        }
    }
}

struct filled {
    size_t arrays, zeros;
};

static enum qoq_status count_zero_arrays(void *context, const struct qoq_array *array)
{
    struct filled *filled = context;
    size_t element = array->dtype == QOQ_F32 ? 4 : array->dtype == QOQ_F16 ? 2 : 1, any = 0;
    size_t bytes = array->dim[0] * (array->rank == 2 ? array->dim[1] : 1) * element;
    const unsigned char *byte = array->data;

    for (size_t i = 0; i < bytes; i++) {
        any |= byte[i];
    }
    filled->arrays++;
    filled->zeros += any == 0;
    return QOQ_OK;
}

/* Quantization forgets no array: none is left as created, and the codes are valid. */
Test(model, quantization_is_complete)
{
    static const size_t per_linear[] = {1, 2, 3, 4};

    for (size_t i = 0; i < SHAPES; i++) {
        for (int p = 0; p < QOQ_PRECISIONS; p++) {
            const struct qoq_config *c = &shapes[i].config;
            struct qoq_model *model = random_model(&shapes[i], (enum qoq_precision)p);
            struct qoq_outline outline = qoq_model_outline(model);
            struct filled filled = {0, 0};
            size_t others = (c->qkv_bias ? 3u : 0u) + (c->o_bias ? 1u : 0u) +
                            (c->mlp_bias ? 3u : 0u) + (c->qk_norm ? 4u : 2u);
            cr_assert_eq(qoq_arrays_visit(&outline, count_zero_arrays, &filled), QOQ_OK);
            cr_expect_eq(filled.zeros, 0, "%s, %s", shapes[i].name,
                         qoq_precision_name((enum qoq_precision)p));
            cr_expect_eq(filled.arrays,
                         2 + !c->tie_embeddings + c->layers * (7 * per_linear[p] + others));
            for (int id = 0; p != QOQ_FP32 && id < QOQ_LINEARS; id++) {
                cr_expect_eq(qoq_weight_check(&model->layer[c->layers - 1].linear[id].w), QOQ_OK);
            }
            qoq_model_free(model);
        }
    }
}

/* Reports start at 0, never go back, and end at the total. */
static void count_reports(void *context, size_t done, size_t total)
{
    size_t *last = context;

    cr_expect(*last == SIZE_MAX ? done == 0 : done >= *last, "%zu after %zu", done, *last);
    cr_expect_eq(total, 2000);
    *last = done;
}

Test(model, quantize_reports_and_refuses)
{
    struct qoq_model *baseline = random_baseline(&shapes[0]), *model;
    size_t last = SIZE_MAX; /* the first report is 0 */
    struct qoq_progress progress = {count_reports, &last};

    cr_expect_eq(qoq_model_quantize_rtn(&model, baseline, QOQ_W8A8KV8, 0, &progress), QOQ_OK);
    cr_expect_eq(last, 2000);
    cr_expect_eq(model->group, 0);
    struct qoq_model *again;
    cr_expect_eq(qoq_model_quantize_rtn(&again, model, QOQ_W8A8KV8, 0, NULL), QOQ_ERR_ARGUMENT,
                 "quantized twice");
    cr_expect_null(again);
    cr_expect_eq(qoq_model_quantize_rtn(&again, baseline, QOQ_FP32, 0, NULL), QOQ_ERR_ARGUMENT);
    cr_expect_eq(qoq_model_quantize_rtn(&again, baseline, QOQ_W4A8KV4_GROUP, 33, NULL),
                 QOQ_ERR_SHAPE);
    qoq_model_free(model);

    float *spots[] = {&baseline->embed_f32[5], &baseline->head_f32[7], &baseline->norm[0],
                      &baseline->layer[1].post_norm[3],
                      &baseline->layer[1].linear[QOQ_DOWN].f32[100]};
    for (size_t i = 0; i < sizeof spots / sizeof spots[0]; i++) {
        float before = *spots[i];
        *spots[i] = INFINITY;
        cr_expect_eq(qoq_model_quantize_rtn(&again, baseline, QOQ_W4A8KV4_CHANNEL, 0, NULL),
                     QOQ_ERR_RANGE, "spot %zu", i);
        cr_expect_null(again);
        *spots[i] = before;
    }
    baseline->embed_f32[0] = 65520;
    cr_expect_eq(qoq_model_quantize_rtn(&again, baseline, QOQ_W8A8KV8, 0, NULL), QOQ_ERR_RANGE,
                 "embedding overflows binary16");
    qoq_model_free(baseline);
}

Test(model, linear_stats_match_their_definition)
{
    struct qoq_model *baseline = random_baseline(&shapes[3]),
                     *model = random_model(&shapes[3], QOQ_W4A8KV4_GROUP);
    const struct qoq_linear *exact = &baseline->layer[0].linear[QOQ_DOWN],
                            *rough = &model->layer[0].linear[QOQ_DOWN];
    size_t count = exact->n * exact->k;
    float *work = malloc(count * sizeof *work), *back = malloc(count * sizeof *back);
    struct qoq_error_stats stats;
    double squares = 0, most = 0;

    cr_assert_eq(qoq_linear_stats(&stats, work, exact, rough), QOQ_OK);
    cr_assert_eq(qoq_weight_dequantize(back, &rough->w), QOQ_OK);
    for (size_t i = 0; i < count; i++) {
        double d = fabs((double)exact->f32[i] - (double)back[i]);
        squares += d * d;
        most = d > most ? d : most;
    }
    cr_expect_eq(stats.max_abs, most);
    cr_expect(fabs(stats.mean_square * (double)count / squares - 1) < 1e-12);
    cr_expect(stats.snr_db > 10 && stats.snr_db < 40, "%g dB", stats.snr_db);
    cr_expect_eq(qoq_linear_stats(&stats, work, exact, &model->layer[0].linear[QOQ_UP]),
                 QOQ_ERR_SHAPE);
    cr_expect_eq(qoq_linear_stats(&stats, work, rough, rough), QOQ_ERR_ARGUMENT);
    free(work);
    free(back);
    qoq_model_free(baseline);
    qoq_model_free(model);
}

/* ---- The same bits (N 12.3) ---- */

static void expect_same_rows(const float *logits, const float *expected, size_t rows, size_t vocab,
                             const char *what, const struct shape *shape, int precision)
{
    for (size_t m = 0; m < rows; m++) {
        cr_assert_arr_eq(logits + m * vocab, expected + m * vocab, vocab * sizeof *logits,
                         "%s: row %zu, shape %s, %s" SEED_FORMAT, what, m, shape->name,
                         qoq_precision_name((enum qoq_precision)precision), test_seed());
    }
}

static void compare_chunks_and_pages(const struct shape *shape, enum qoq_precision precision)
{
    static const size_t chunks[] = {TOKENS, 1, 7, 64}, pages[] = {16, 64, 5, 1};
    struct qoq_model *model = random_model(shape, precision);
    int32_t *token = some_tokens(TOKENS, shape->config.vocab, 1);
    float *expected = logits_of(model, token, TOKENS, TOKENS, 1000);

    for (size_t i = 0; i < sizeof chunks / sizeof chunks[0]; i++) {
        float *logits = logits_of(model, token, TOKENS, chunks[i], pages[i]);
        char what[64];
        snprintf(what, sizeof what, "chunks of %zu, pages of %zu", chunks[i], pages[i]);
        expect_same_rows(logits, expected, TOKENS, shape->config.vocab, what, shape, precision);
        free(logits);
    }
    cr_expect(isfinite(expected[0]) && expected[0] != expected[1], "no logits at all");
    free(expected);
    free(token);
    qoq_model_free(model);
}

Test(bits, chunks_and_pages)
{
    use_threads(1);
    for (size_t i = 0; i < SHAPES; i++) {
        for (int p = 0; p < QOQ_PRECISIONS; p++) {
            compare_chunks_and_pages(&shapes[i], (enum qoq_precision)p);
        }
    }
}

#define SEQUENCES 4
static const size_t lengths[SEQUENCES] = {TOKENS, 37, 1, 80};
static const size_t paces[SEQUENCES] = {13, 1, 1, 2};

/* Feeds all sequences side by side, each at its own pace, the last first in a step. */
static void feed_side_by_side(struct qoq_session *session, int32_t **token, float **got,
                              size_t vocab)
{
    size_t fed[SEQUENCES] = {0}, left = SEQUENCES;
    float *logits = malloc(SEQUENCES * 16 * vocab * sizeof *logits);

    while (left > 0) {
        struct qoq_segment segment[SEQUENCES];
        size_t segments = 0, row = 0;
        for (size_t s = SEQUENCES; s-- > 0;) {
            size_t rest = lengths[s] - fed[s], count = rest < paces[s] ? rest : paces[s];
            if (count > 0) {
                segment[segments++] = (struct qoq_segment){s, count, token[s] + fed[s]};
            }
        }
        cr_assert_eq(qoq_session_step(session, logits, segment, segments, 1), QOQ_OK);
        left = 0;
        for (size_t i = 0; i < segments; i++) {
            size_t s = segment[i].sequence;
            memcpy(got[s] + fed[s] * vocab, logits + row * vocab,
                   segment[i].count * vocab * sizeof *logits);
            row += segment[i].count;
            fed[s] += segment[i].count;
            left += lengths[s] - fed[s];
        }
    }
    free(logits);
}

static void compare_batches(const struct shape *shape, enum qoq_precision precision)
{
    size_t vocab = shape->config.vocab;
    struct qoq_model *model = random_model(shape, precision);
    struct qoq_session *session;
    int32_t *token[SEQUENCES];
    float *got[SEQUENCES];

    cr_assert_eq(qoq_session_create(&session, model, SEQUENCES, TOKENS, 24), QOQ_OK);
    for (size_t s = 0; s < SEQUENCES; s++) {
        token[s] = some_tokens(lengths[s], vocab, 10 + s);
        got[s] = malloc(lengths[s] * vocab * sizeof **got);
    }
    feed_side_by_side(session, token, got, vocab);
    for (size_t s = 0; s < SEQUENCES; s++) {
        float *expected = logits_of(model, token[s], lengths[s], lengths[s], 64);
        expect_same_rows(got[s], expected, lengths[s], vocab, "batch", shape, precision);
        free(expected);
        free(token[s]);
        free(got[s]);
    }
    qoq_session_free(session);
    qoq_model_free(model);
}

Test(bits, batches_of_different_lengths)
{
    use_threads(1);
    for (size_t i = 0; i < SHAPES; i++) {
        for (int p = 0; p < QOQ_PRECISIONS; p++) {
            compare_batches(&shapes[i], (enum qoq_precision)p);
        }
    }
}

/* Prefill spreads rows, decode spreads heads and channels. */
Test(bits, threads)
{
    static const int counts[] = {2, 3, 7};

    for (int p = 0; p < QOQ_PRECISIONS; p++) {
        const struct shape *shape = &shapes[1];
        struct qoq_model *model = random_model(shape, (enum qoq_precision)p);
        int32_t *token = some_tokens(20, shape->config.vocab, 2);
        use_threads(1);
        float *expected = logits_of(model, token, 20, 20, 64);
        for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
            for (size_t chunk = 1; chunk <= 20; chunk += 19) {
                use_threads(counts[i]);
                float *logits = logits_of(model, token, 20, chunk, 64);
                expect_same_rows(logits, expected, 20, shape->config.vocab, "threads", shape, p);
                free(logits);
            }
        }
        free(expected);
        free(token);
        qoq_model_free(model);
    }
}

/* ---- Against binary64 ---- */

/* Root of the mean square of a - b, over that of b. */
static double relative_distance(const float *a, const double *b, size_t count)
{
    double distance = 0, size = 0;

    for (size_t i = 0; i < count; i++) {
        distance += ((double)a[i] - b[i]) * ((double)a[i] - b[i]);
        size += b[i] * b[i];
    }
    return sqrt(distance / size);
}

/* The weights that a model multiplies with, dequantized where it has codes. */
static float **weights_of(const struct qoq_model *model)
{
    float **weight = malloc(model->config.layers * QOQ_LINEARS * sizeof *weight);

    for (size_t i = 0; i < model->config.layers * QOQ_LINEARS; i++) {
        const struct qoq_linear *linear = &model->layer[i / QOQ_LINEARS].linear[i % QOQ_LINEARS];
        weight[i] = malloc(linear->n * linear->k * sizeof **weight);
        if (linear->f32 != NULL) {
            memcpy(weight[i], linear->f32, linear->n * linear->k * sizeof **weight);
        } else {
            cr_assert_eq(qoq_weight_dequantize(weight[i], &linear->w), QOQ_OK);
        }
    }
    return weight;
}

static double *reference_of(const struct qoq_model *model, const struct qoq_model *baseline,
                            const int32_t *token, size_t count)
{
    struct reference reference = {&model->config, baseline, weights_of(model),
                                  qoq_precision_kv_bits(model->precision) % 32, count};
    double *logits = reference_logits(&reference, token);

    for (size_t i = 0; i < model->config.layers * QOQ_LINEARS; i++) {
        free(reference.weight[i]);
    }
    free(reference.weight);
    return logits;
}

/* Binary32 rounding, a few hundred roundings deep: 2e-6 is measured at most 5e-7. */
Test(graph, baseline_is_the_model)
{
    use_threads(1);
    for (size_t i = 0; i < SHAPES; i++) {
        struct qoq_model *model = random_baseline(&shapes[i]);
        int32_t *token = some_tokens(TOKENS, shapes[i].config.vocab, 3);
        float *logits = logits_of(model, token, TOKENS, 50, 32);
        double *expected = reference_of(model, model, token, TOKENS);
        double distance = relative_distance(logits, expected, TOKENS * shapes[i].config.vocab);
        cr_log_info("shape %s: %.3g", shapes[i].name, distance);
        cr_expect(distance < 2e-6, "shape %s: relative distance %.3g" SEED_FORMAT, shapes[i].name,
                  distance, test_seed());
        free(logits);
        free(expected);
        free(token);
        qoq_model_free(model);
    }
}

/* How far a quantized model is from the fake-quantized computation and from the exact one, and how
 * many of its rows follow the former to 1e-4. */
struct closeness {
    double near, far;
    size_t rows;
};

static struct closeness measure(const struct shape *shape, enum qoq_precision precision)
{
    size_t vocab = shape->config.vocab;
    struct qoq_model *baseline = random_baseline(shape), *model = random_model(shape, precision);
    int32_t *token = some_tokens(TOKENS, vocab, 4);
    float *logits = logits_of(model, token, TOKENS, 50, 32);
    double *fake = reference_of(model, baseline, token, TOKENS),
           *exact = reference_of(baseline, baseline, token, TOKENS);
    struct closeness found = {relative_distance(logits, fake, TOKENS * vocab),
                              relative_distance(logits, exact, TOKENS * vocab), 0};

    for (size_t m = 0; m < TOKENS; m++) {
        found.rows += relative_distance(logits + m * vocab, fake + m * vocab, vocab) < 1e-4;
    }
    cr_log_info(
        "%s, %zu layers, %s: %.3g from fake-quantized (%zu of %d rows follow it), %.3g from exact",
        shape->name, shape->config.layers, qoq_precision_name(precision), found.near, found.rows,
        TOKENS, found.far);
    free(logits);
    free(fake);
    free(exact);
    free(token);
    qoq_model_free(baseline);
    qoq_model_free(model);
    return found;
}

/* Both round at the same places. Where the roundings inside differ enough to move one code, the row
 * departs by about a step, and every later layer spreads that: so through one layer most rows agree
 * closely, through several the distance is only bounded. */
Test(graph, quantized_is_the_fake_quantized_model)
{
    use_threads(1);
    for (size_t i = 0; i < SHAPES; i++) {
        for (int p = QOQ_W8A8KV8; p < QOQ_PRECISIONS; p++) {
            struct shape shallow = shapes[i];
            shallow.config.layers = 1;
            struct closeness one = measure(&shallow, (enum qoq_precision)p),
                             all = measure(&shapes[i], (enum qoq_precision)p);
            cr_expect(one.rows >= TOKENS / 3 && one.near < one.far / 3,
                      "%s, one layer, precision %d" SEED_FORMAT, shapes[i].name, p, test_seed());
            cr_expect(all.near < 0.03 && all.near < 0.75 * all.far, "%s, precision %d" SEED_FORMAT,
                      shapes[i].name, p, test_seed());
        }
    }
}
