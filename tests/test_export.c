/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checkpoints of QServe's kind: what is written, what comes back, what is refused. Layouts against
 * published vectors; both orders of group parameters and fused matrices written by hand.
 */
#include <config.h>

#include "tests/checkpoint_support.h"
#include "tests/crc32.h"

#include <math.h>
#include <sys/stat.h>

TestSuite(export, .init = scratch_begin, .fini = checkpoint_end);

#define ALL UINT64_MAX
static const struct qoq_import_options plain = {QOQ_S2_QSERVE, QOQ_ZEROS_AUTO, 0};
static const enum qoq_precision precisions[] = {QOQ_W4A8KV4_CHANNEL, QOQ_W4A8KV4_GROUP};

#define Q0 "model.layers.0.self_attn.q_proj."

static struct qoq_model *group_model(void)
{
    return random_model(&packed_shapes[2], QOQ_W4A8KV4_GROUP);
}

/* ---- Round trips ---- */

Test(export, every_array_comes_back)
{
    use_threads(1);
    for (size_t i = 0; i < PACKED_SHAPES; i++) {
        for (int p = 0; p < 2; p++) {
            struct qoq_model *model = random_model(&packed_shapes[i], precisions[p]);
            write_checkpoint(model, ALL);
            expect_loads_as(model, &plain);
            write_checkpoint(model, 5000);
            expect_loads_as(model, &plain);
            qoq_model_free(model);
        }
    }
}

static void expect_same_config(const struct qoq_config *a, const struct qoq_config *b)
{
    cr_expect(a->arch == b->arch && a->vocab == b->vocab && a->hidden == b->hidden &&
              a->intermediate == b->intermediate && a->layers == b->layers && a->heads == b->heads);
    cr_expect(a->kv_heads == b->kv_heads && a->head_dim == b->head_dim &&
              a->max_positions == b->max_positions && a->rms_eps == b->rms_eps);
    cr_expect(a->rope.kind == b->rope.kind && a->rope.theta == b->rope.theta);
    cr_expect(b->rope.kind == QOQ_ROPE_PLAIN || a->rope.factor == b->rope.factor);
    cr_expect(b->rope.kind != QOQ_ROPE_LLAMA3 ||
              (a->rope.low_freq == b->rope.low_freq && a->rope.high_freq == b->rope.high_freq &&
               a->rope.original_positions == b->rope.original_positions));
    cr_expect(a->qkv_bias == b->qkv_bias && a->o_bias == b->o_bias && a->qk_norm == b->qk_norm &&
              a->mlp_bias == b->mlp_bias && a->bos == b->bos && a->eos == b->eos);
}

Test(export, the_description_comes_back)
{
    char *path = scratch_path("config.json");

    for (size_t i = 0; i < PACKED_SHAPES; i++) {
        const struct qoq_config *want = &packed_shapes[i].config;
        size_t group = i % 2 == 0 ? 0 : 64 * i;
        struct qoq_hf_quantization quantization;
        struct qoq_config got;
        struct qoq_error err;
        cr_assert_eq(qoq_hf_config_write(path, want, group, &err), QOQ_OK);
        cr_assert_eq(qoq_hf_config_load_quantized(&got, &quantization, path, &err), QOQ_OK, "%s",
                     err.text);
        expect_same_config(&got, want);
        cr_expect_eq(got.tie_embeddings, 0);
        cr_expect(quantization.present && quantization.group == group);
        expect_failure(qoq_hf_config_load(&got, path, &err), &err, QOQ_ERR_UNSUPPORTED,
                       "config.json", "quantization_config");
    }
    free(path);
}

/* Equal models give equal files; without quantization_config the shapes tell the group size. */
Test(export, the_same_files_twice)
{
    struct qoq_model *model = group_model();
    char *path = scratch_path("checkpoint/model.safetensors"), *copy = scratch_path("copy");
    size_t bytes;

    write_checkpoint(model, ALL);
    char *data = slurp(&bytes, path);
    cr_assert_eq(bad_write(copy, data, bytes), 0);
    write_checkpoint(model, ALL);
    expect_same_bytes(path, copy);
    free(data);
    free(path);
    free(copy);
    qoq_model_free(model);
}

static void replace_in_config(const char *text, const char *with)
{
    char *path = scratch_path("checkpoint/config.json");
    size_t bytes;
    char *data = slurp(&bytes, path), *changed = bad_replace(data, text, with);

    cr_assert_not_null(changed, "no %s in config.json", text);
    cr_assert_eq(bad_write(path, changed, strlen(changed)), 0);
    free(data);
    free(changed);
    free(path);
}

Test(export, the_shapes_tell_the_group_size)
{
    for (int p = 0; p < 2; p++) {
        struct qoq_model *model = random_model(&packed_shapes[1], precisions[p]);
        write_checkpoint(model, ALL);
        replace_in_config("quantization_config", "something_else");
        expect_loads_as(model, &plain);
        qoq_model_free(model);
    }
}

/* A head of its own counts also where the original's config.json ties it. */
Test(export, a_stored_head_is_not_tied)
{
    struct qoq_model *model = group_model();

    write_checkpoint(model, ALL);
    replace_in_config("\"tie_word_embeddings\": false", "\"tie_word_embeddings\": true");
    expect_loads_as(model, &plain);
    qoq_model_free(model);
}

/* ---- Layouts ---- */

static void put_code(struct qoq_weight *w, size_t n, size_t k, unsigned q)
{
    uint8_t *byte = &w->code[n * (w->k / 2) + k / 2];

    *byte = (uint8_t)(k % 2 ? (*byte & 15u) | q << 4 : (*byte & 0xf0u) | q);
}

/* A model whose first layer's q_proj is n x k, all scales 1. */
static struct qoq_model *vector_model(size_t n, size_t k, enum qoq_precision precision)
{
    struct qoq_config config = {.vocab = 8,
                                .hidden = k,
                                .intermediate = 32,
                                .layers = 1,
                                .heads = n / 32,
                                .kv_heads = 1,
                                .head_dim = 32,
                                .max_positions = 64,
                                .rms_eps = 1e-5f,
                                .rope = {.kind = QOQ_ROPE_PLAIN, .theta = 10000},
                                .bos = -1,
                                .eos = -1};
    struct qoq_model *model;

    cr_assert_eq(qoq_model_create(&model, &config, precision, 32), QOQ_OK);
    model->head[0] = 1; /* a head of its own */
    for (int id = 0; id < QOQ_LINEARS; id++) {
        struct qoq_weight *w = &model->layer[0].linear[id].w;
        for (size_t i = 0; i < w->n; i++)
            w->s[i] = 0x3c00;
        for (size_t i = 0; w->s2 != NULL && i < w->n * qoq_weight_groups(w); i++)
            w->s2[i] = 1;
    }
    return model;
}

static void expect_crc(const char *name, uint32_t crc)
{
    struct qoq_tensors list = read_tensors();
    struct qoq_tensor *tensor = tensor_of(&list, name);

    cr_expect_eq(crc32(tensor->data, qoq_tensor_bytes(tensor)), crc, "%s", name);
    qoq_tensors_free(&list);
}

Test(export, published_vectors_of_codes)
{
    static const struct {
        size_t n, k;
        uint32_t crc;
    } vector[] = {{32, 32, 0xee48b592}, {64, 96, 0xd6cba71b}};

    for (int i = 0; i < 2; i++) {
        size_t rows = vector[i].n, columns = vector[i].k;
        struct qoq_model *model = vector_model(rows, columns, QOQ_W4A8KV4_CHANNEL);
        struct qoq_weight *w = &model->layer[0].linear[QOQ_Q].w;
        for (size_t n = 0; n < rows; n++) {
            for (size_t k = 0; k < columns; k++)
                put_code(w, n, k, (i == 0 ? n + 3 * k : 7 * n + 5 * k + n * k / 11) % 16);
        }
        write_checkpoint(model, ALL);
        expect_crc(Q0 "qweight", vector[i].crc);
        expect_loads_as(model, &plain);
        qoq_model_free(model);
    }
}

Test(export, published_vectors_of_groups)
{
    struct qoq_model *model = vector_model(64, 64, QOQ_W4A8KV4_GROUP);
    struct qoq_weight *w = &model->layer[0].linear[QOQ_Q].w;

    for (size_t n = 0; n < 64; n++) {
        for (size_t g = 0; g < 2; g++) {
            w->s2[2 * n + g] = (uint8_t)((2 * n + g) % 17 + 1);
            w->z[2 * n + g] = (uint8_t)((3 * n + g) % 16);
        }
    }
    write_checkpoint(model, ALL);
    expect_crc(Q0 "s2_scales", 0x9863b21f);
    expect_crc(Q0 "s2_zeros", 0x7817f5fb);
    qoq_model_free(model);
}

/* Channels in the order of deepcompressor's files, written out. */
static const unsigned char other_order[32] = {0,  8,  1,  9,  2,  10, 3,  11, 4,  12, 5,
                                              13, 6,  14, 7,  15, 16, 24, 17, 25, 18, 26,
                                              19, 27, 20, 28, 21, 29, 22, 30, 23, 31};

static void shuffle_groups(struct qoq_tensors *list)
{
    for (size_t i = 0; i < list->count; i++) {
        struct qoq_tensor *tensor = &list->item[i];
        if (strstr(tensor->name, ".s2_") == NULL)
            continue;
        uint8_t *data = tensor->data, natural[32];
        for (size_t at = 0; at < qoq_tensor_bytes(tensor); at += 32) {
            for (size_t c = 0; c < 32; c++)
                natural[c % 4 * 8 + c / 4] = data[at + c];
            for (size_t c = 0; c < 32; c++)
                data[at + c] = natural[other_order[c]];
        }
    }
}

Test(export, the_other_order)
{
    const struct qoq_import_options other = {QOQ_S2_DEEPCOMPRESSOR, QOQ_ZEROS_AUTO, 0};
    struct qoq_import_options unchecked = plain;
    struct qoq_model *baseline = random_baseline(&packed_shapes[2]), *model;
    struct qoq_error err = {QOQ_OK, ""};
    struct qoq_loaded loaded;
    double right, wrong;

    cr_assert_eq(qoq_model_quantize_rtn(&model, baseline, QOQ_W4A8KV4_GROUP, 128, NULL), QOQ_OK);
    write_checkpoint(model, ALL);
    expect_refused(&other, QOQ_ERR_RANGE, "try --s2-order qserve");
    struct qoq_tensors list = read_tensors();
    shuffle_groups(&list);
    write_tensors(&list);
    expect_loads_as(model, &other);
    expect_refused(&plain, QOQ_ERR_RANGE, "try --s2-order deepcompressor");
    unchecked.unchecked = 1;
    cr_assert_eq(load_checkpoint(&loaded, &unchecked, &err), QOQ_OK, "%s", err.text);
    cr_assert_eq(qoq_checkpoint_noise(&wrong, loaded.model, baseline, QOQ_S2_QSERVE, QOQ_S2_QSERVE),
                 QOQ_OK);
    cr_assert_eq(
        qoq_checkpoint_noise(&right, loaded.model, baseline, QOQ_S2_QSERVE, QOQ_S2_DEEPCOMPRESSOR),
        QOQ_OK);
    cr_expect(right < 0.03 && wrong > 0.1, "noise %g and %g", right, wrong);
    cr_assert_eq(qoq_checkpoint_reorder(loaded.model, QOQ_S2_QSERVE, QOQ_S2_DEEPCOMPRESSOR),
                 QOQ_OK);
    expect_same_model(loaded.model, model);
    qoq_loaded_free(&loaded);
    qoq_tensors_free(&list);
    qoq_model_free(model);
    qoq_model_free(baseline);
}

/* Puts tensors of one suffix together, along rows or (s2_*) columns. */
static void fuse(struct qoq_tensors *list, const char *module, const char *const *part, int parts,
                 const char *fused, const char *suffix)
{
    char name[160];
    struct qoq_tensor *item[3];
    size_t total = 0, done = 0;
    int columns = strncmp(suffix, "s2_", 3) == 0;

    for (int i = 0; i < parts; i++) {
        snprintf(name, sizeof name, "%s.%s.%s", module, part[i], suffix);
        total += tensor_of(list, name)->dim[columns];
    }
    snprintf(name, sizeof name, "%s.%s.%s", module, part[0], suffix);
    struct qoq_tensor first = *tensor_of(list, name);
    size_t rows = columns ? first.dim[0] : total, width = first.rank == 1 ? 0
                                                          : columns       ? total
                                                                          : first.dim[1];
    snprintf(name, sizeof name, "%s.%s.%s", module, fused, suffix);
    struct qoq_tensor *out = add_tensor(list, name, first.dtype, rows, width);
    for (int i = 0; i < parts; i++) {
        snprintf(name, sizeof name, "%s.%s.%s", module, part[i], suffix);
        item[i] = tensor_of(list, name);
        size_t stripes = columns ? rows : 1, bytes = qoq_tensor_bytes(item[i]) / stripes;
        for (size_t r = 0; r < stripes; r++)
            memcpy((char *)out->data + r * total + done, (char *)item[i]->data + r * bytes, bytes);
        done += bytes;
    }
    for (int i = 0; i < parts; i++) {
        snprintf(name, sizeof name, "%s.%s.%s", module, part[i], suffix);
        drop_tensor(list, name);
    }
}

Test(export, fused_matrices)
{
    static const char *const qkv[] = {"q_proj", "k_proj", "v_proj"};
    static const char *const gate_up[] = {"gate_proj", "up_proj"};
    static const char *const suffixes[2][5] = {
        {"qweight", "s1_scales", "s1_szeros", "bias"},
        {"qweight", "s1_scales", "s2_scales", "s2_zeros", "bias"}};

    for (int p = 0; p < 2; p++) {
        struct qoq_model *model = random_model(&packed_shapes[1], precisions[p]);
        write_checkpoint(model, ALL);
        struct qoq_tensors list = read_tensors();
        for (int i = 0; i < 5 && suffixes[p][i] != NULL; i++) {
            fuse(&list, "model.layers.0.self_attn", qkv, 3, "qkv_proj", suffixes[p][i]);
            fuse(&list, "model.layers.1.mlp", gate_up, 2, "gate_up_proj", suffixes[p][i]);
        }
        write_tensors(&list);
        expect_loads_as(model, &plain);
        qoq_tensors_free(&list);
        qoq_model_free(model);
    }
}

/* ---- Broken checkpoints ---- */

/* Changes one byte, or (2 bytes) one binary16 number, of a tensor, expects a refusal, and puts it
 * back. */
static void refused_with(struct qoq_tensors *list, const char *name, size_t at, unsigned value,
                         enum qoq_status status, const char *field)
{
    struct qoq_tensor *tensor = tensor_of(list, name);
    size_t size = qoq_dtype_size(tensor->dtype);
    char *where = (char *)tensor->data + at * size, kept[2];
    uint16_t wide = (uint16_t)value;
    uint8_t byte = (uint8_t)value;

    memcpy(kept, where, size);
    memcpy(where, size == 2 ? (void *)&wide : (void *)&byte, size);
    write_tensors(list);
    expect_refused(&plain, status, field);
    memcpy(where, kept, size);
}

Test(export, numbers_that_no_model_has)
{
    struct qoq_model *model = random_model(&packed_shapes[1], QOQ_W4A8KV4_CHANNEL);

    write_checkpoint(model, ALL);
    struct qoq_tensors list = read_tensors();
    refused_with(&list, Q0 "s1_scales", 5, 0x7e00, QOQ_ERR_RANGE, Q0 "s1_scales: channel 5: nan");
    refused_with(&list, Q0 "s1_scales", 6, 0x7c00, QOQ_ERR_RANGE, "channel 6: inf");
    refused_with(&list, Q0 "s1_scales", 7, 0, QOQ_ERR_RANGE, "channel 7: 0");
    refused_with(&list, Q0 "s1_scales", 7, 0xbc00, QOQ_ERR_RANGE, "channel 7: -1");
    refused_with(&list, Q0 "s1_szeros", 9, 0x7e00, QOQ_ERR_RANGE, Q0 "s1_szeros: channel 9: nan");
    refused_with(&list, Q0 "s1_szeros", 9, 0x5640, QOQ_ERR_RANGE, "not a whole zero point");
    refused_with(&list, Q0 "s1_szeros", 9, 0xbc00, QOQ_ERR_RANGE, "(1 such channels)");
    refused_with(&list, Q0 "bias", 3, 0xfc00, QOQ_ERR_RANGE, Q0 "bias");
    refused_with(&list, "model.norm.weight", 3, 0x7e01, QOQ_ERR_RANGE, "model.norm.weight");
    refused_with(&list, "lm_head.weight", 0, 0x7c00, QOQ_ERR_RANGE, "lm_head.weight");
    write_tensors(&list);
    expect_loads_as(model, &plain);
    qoq_tensors_free(&list);
    qoq_model_free(model);
}

Test(export, group_parameters_that_no_model_has)
{
    struct qoq_model *model = group_model();

    write_checkpoint(model, ALL);
    struct qoq_tensors list = read_tensors();
    uint8_t s2 = *(uint8_t *)tensor_of(&list, Q0 "s2_scales")->data;
    refused_with(&list, Q0 "s2_scales", 0, 0, QOQ_ERR_RANGE, "group 0, column 0: the scale is 0");
    refused_with(&list, Q0 "s2_zeros", 0, 256u - 7u * s2 - 1, QOQ_ERR_RANGE,
                 Q0 "s2_zeros: group 0, column 0");
    refused_with(&list, Q0 "s2_zeros", 0, 256u - 7u * s2 - 1, QOQ_ERR_RANGE, "(1 such groups)");
    /* A zero of 0 fits any scale: 18 and more are outside N 4.4. */
    ((uint8_t *)tensor_of(&list, Q0 "s2_zeros")->data)[0] = 0;
    refused_with(&list, Q0 "s2_scales", 0, 18, QOQ_ERR_RANGE, "layer 0, q_proj");
    qoq_tensors_free(&list);
    qoq_model_free(model);
}

Test(export, tensors_that_are_not_as_they_should_be)
{
    struct qoq_model *model = group_model();

    write_checkpoint(model, ALL);
    struct qoq_tensors list = read_tensors();
    drop_tensor(&list, Q0 "s2_zeros");
    write_tensors(&list);
    expect_refused(&plain, QOQ_ERR_FORMAT, Q0 "s2_zeros: missing");
    add_tensor(&list, Q0 "s2_zeros", QOQ_F16, 1, 128);
    write_tensors(&list);
    expect_refused(&plain, QOQ_ERR_FORMAT, Q0 "s2_zeros: type f16, not i8");
    drop_tensor(&list, Q0 "s2_zeros");
    add_tensor(&list, Q0 "s2_zeros", QOQ_I8, 128, 1);
    write_tensors(&list);
    expect_refused(&plain, QOQ_ERR_FORMAT, Q0 "s2_zeros: shape [128, 1]");
    drop_tensor(&list, Q0 "s2_zeros");
    add_tensor(&list, "model.layers.0.self_attn.qkv_proj.s2_zeros", QOQ_I8, 1, 128);
    write_tensors(&list);
    expect_refused(&plain, QOQ_ERR_FORMAT, "qkv_proj.s2_zeros: shape [1, 128], config.json asks");
    qoq_tensors_free(&list);
    write_checkpoint(model, ALL);
    list = read_tensors();
    add_tensor(&list, "model.layers.7.extra", QOQ_F16, 1, 0);
    write_tensors(&list);
    expect_refused(&plain, QOQ_ERR_FORMAT, "model.layers.7.extra: no part of the model");
    drop_tensor(&list, "model.layers.7.extra");
    drop_tensor(&list, "lm_head.weight");
    write_tensors(&list);
    expect_refused(&plain, QOQ_ERR_FORMAT, "lm_head.weight: missing");
    qoq_tensors_free(&list);
    add_tensor(&list, "model.embed_tokens.weight", QOQ_F16, 50, 128);
    write_tensors(&list);
    expect_refused(&plain, QOQ_ERR_FORMAT, "holds neither packed weights");
    qoq_tensors_free(&list);
    qoq_model_free(model);
}

Test(export, descriptions_that_are_refused)
{
    static const struct {
        const char *text, *with, *field;
        enum qoq_status status;
    } bad[] = {
        {"\"qoq\"", "\"awq\"", "quantization_config.quant_method", QOQ_ERR_UNSUPPORTED},
        {"\"wbits\": 4", "\"wbits\": 8", "quantization_config.wbits", QOQ_ERR_RANGE},
        {"\"wbits\"", "\"bits\"", "quantization_config.wbits: missing", QOQ_ERR_FORMAT},
        {"\"group_size\": 128", "\"group_size\": 33", "group_size", QOQ_ERR_FORMAT},
        {"\"group_size\": 128", "\"group_size\": -2", "group_size", QOQ_ERR_FORMAT},
        {"\"group_size\": 128", "\"group_size\": 64", "s2_scales: shape [1, 128]", QOQ_ERR_FORMAT},
        {"\"group_size\": 128", "\"group_size\": -1", "s1_szeros: missing", QOQ_ERR_FORMAT},
        {"\"hidden_size\": 128", "\"hidden_size\": 96", "shape", QOQ_ERR_FORMAT},
    };
    struct qoq_model *model = group_model();

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        write_checkpoint(model, ALL);
        replace_in_config(bad[i].text, bad[i].with);
        expect_refused(&plain, bad[i].status, bad[i].field);
    }
    qoq_model_free(model);
}

/* Cut anywhere, a file of weights is refused. */
Test(export, truncated_weights)
{
    struct qoq_model *model = random_model(&packed_shapes[0], QOQ_W4A8KV4_CHANNEL);
    char *path = scratch_path("checkpoint/model.safetensors");
    size_t bytes;

    write_checkpoint(model, ALL);
    char *data = slurp(&bytes, path);
    for (size_t i = 0; i < 20; i++) {
        cr_assert_eq(bad_write(path, data, i < 10 ? i : bytes - 1 - (i - 10) * bytes / 10), 0);
        expect_refused(&plain, QOQ_ERR_FORMAT, "");
    }
    free(data);
    free(path);
    qoq_model_free(model);
}

/* ---- What is not written ---- */

static void expect_unfit(const struct qoq_config *config, enum qoq_precision precision,
                         size_t group, int any_group, const char *field)
{
    struct qoq_error err = {QOQ_OK, ""};
    struct qoq_model *model;

    cr_assert_eq(qoq_model_create(&model, config, precision, group), QOQ_OK);
    expect_failure(qoq_checkpoint_fits(model, "m.h5", any_group, &err), &err, QOQ_ERR_UNSUPPORTED,
                   "m.h5", field);
    qoq_model_free(model);
}

Test(export, models_that_do_not_fit)
{
    struct qoq_config config = packed_shapes[2].config;

    expect_unfit(&config, QOQ_FP32, 0, 1, "not quantized");
    expect_unfit(&config, QOQ_W8A8KV8, 0, 1, "w8a8kv8");
    expect_unfit(&config, QOQ_W4A8KV4_GROUP, 64, 0, "group: 64");
    expect_unfit(&config, QOQ_W4A8KV4_GROUP, 256, 1, "q_proj: 128 input channels");
    config.intermediate = 172;
    expect_unfit(&config, QOQ_W4A8KV4_CHANNEL, 0, 1, "gate_proj: 172 x 128");
    config = packed_shapes[1].config;
    expect_unfit(&config, QOQ_W4A8KV4_GROUP, 128, 1, "q_proj: 96 input channels");
    expect_unfit(&shapes[3].config, QOQ_W4A8KV4_CHANNEL, 0, 1, "q_proj: 4 x 33");
}

static void count_note(void *context, const char *text)
{
    size_t *count = context;

    cr_expect_gt(strlen(text), 20);
    ++*count;
}

/* A model of QServe's own kind gives no reason to warn. */
Test(export, notes_where_others_differ)
{
    struct qoq_config config = {QOQ_ARCH_LLAMA, 8,          128, 128, 1, 1, 1, 128, 64,
                                1e-5f,          ROPE_PLAIN, 0,   0,   0, 0, 0, -1,  -1};
    struct qoq_model *model;
    size_t count = 0;

    cr_assert_eq(qoq_model_create(&model, &config, QOQ_W4A8KV4_GROUP, 128), QOQ_OK);
    qoq_checkpoint_notes(model, 0, count_note, &count);
    cr_expect_eq(count, 0);
    qoq_checkpoint_notes(model, 1, count_note, &count);
    cr_expect_eq(count, 1);
    qoq_model_free(model);
    model = random_model(&packed_shapes[1], QOQ_W4A8KV4_GROUP);
    count = 0;
    qoq_checkpoint_notes(model, 1, count_note, &count);
    /* Groups, four matrices, gains, heads, rotary scaling, MLP biases. */
    cr_expect_eq(count, 9);
    qoq_model_free(model);
}

static enum qoq_status write_to(const char *name, const struct qoq_model *model, int replace,
                                struct qoq_error *err)
{
    struct qoq_loaded loaded = {.model = (struct qoq_model *)(uintptr_t)model};
    struct qoq_checkpoint_report report;
    char *path = scratch_path(name);
    enum qoq_status status = qoq_checkpoint_write(&report, path, &loaded, replace, ALL, err);

    free(path);
    return status;
}

Test(export, directories_are_not_overwritten)
{
    struct qoq_model *model = random_model(&packed_shapes[0], QOQ_W4A8KV4_CHANNEL);
    struct qoq_error err = {QOQ_OK, ""};
    char *stray = scratch_path("checkpoint/stray"), *file = scratch_path("file");

    cr_assert_eq(write_to("checkpoint", model, 0, &err), QOQ_OK, "%s", err.text);
    expect_failure(write_to("checkpoint", model, 0, &err), &err, QOQ_ERR_IO, "checkpoint",
                   "exists already");
    cr_assert_eq(bad_write(file, "x", 1), 0);
    expect_failure(write_to("file", model, 1, &err), &err, QOQ_ERR_IO, "file", "not a directory");
    cr_assert_eq(bad_write(stray, "x", 1), 0);
    cr_assert_eq(write_to("checkpoint/", model, 1, &err), QOQ_OK, "%s", err.text);
    cr_expect(!qoq_file_exists(stray), "what was replaced is gone");
    cr_assert_eq(mkdir(stray, 0777), 0);
    expect_failure(write_to("checkpoint", model, 1, &err), &err, QOQ_ERR_IO, "checkpoint",
                   "does not look like a checkpoint");
    rmdir(stray);
    expect_failure(write_to("no/where", model, 1, &err), &err, QOQ_ERR_IO, "no/where", "create");
    cr_expect_eq(scratch_files(0), 2, "the checkpoint and the file, nothing temporary");
    free(stray);
    free(file);
    qoq_model_free(model);
}

/* Numbers that binary16 cannot hold leave nothing behind. */
Test(export, what_overflows_is_not_written)
{
    struct qoq_model *model = random_model(&packed_shapes[1], QOQ_W4A8KV4_CHANNEL);
    struct qoq_linear *up = &model->layer[1].linear[QOQ_UP];
    struct qoq_error err = {QOQ_OK, ""};

    up->bias[4] = 65520;
    expect_failure(write_to("checkpoint", model, 0, &err), &err, QOQ_ERR_RANGE, "checkpoint",
                   "model.layers.1.mlp.up_proj.bias: element 4: 65520");
    up->bias[4] = 1;
    up->w.s[3] = 0x7bff;
    up->w.z[3] = 15;
    expect_failure(write_to("checkpoint", model, 0, &err), &err, QOQ_ERR_RANGE, "checkpoint",
                   "model.layers.1.mlp.up_proj.s1_szeros");
    cr_expect_eq(scratch_files(0), 0);
    qoq_model_free(model);
}
