/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Models from files and into files: what a Hugging Face directory may look like, what is refused
 * and in which words, and that storing and loading gives back every bit.
 */
#include <config.h>

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/array_name.h"
#include "cli/load.h"
#include "cli/store.h"
#include "data/file.h"
#include "data/safetensors.h"
#include "numerics/half.h"
#include "tests/model_shapes.h"

/* ---- Directories ---- */

struct place {
    char directory[256];
    char path[320];
};

static struct place new_place(void)
{
    struct place place;
    const char *base = getenv("TMPDIR");

    snprintf(place.directory, sizeof place.directory, "%s/qoq-test-load-XXXXXX",
             base != NULL ? base : "/tmp");
    cr_assert_not_null(mkdtemp(place.directory));
    return place;
}

static const char *in(struct place *place, const char *name)
{
    snprintf(place->path, sizeof place->path, "%s/%s", place->directory, name);
    return place->path;
}

static void remove_place(struct place *place)
{
    static const char *const names[] = {"config.json",
                                        "model.safetensors",
                                        "a.safetensors",
                                        "b.safetensors",
                                        "model.safetensors.index.json",
                                        "tokenizer.json",
                                        "m.h5",
                                        "n.h5"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        unlink(in(place, names[i]));
    }
    cr_expect_eq(rmdir(place->directory), 0, "%s holds something unexpected", place->directory);
}

static void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    cr_assert_not_null(file);
    fputs(text, file);
    fclose(file);
}

static void write_config(struct place *place, const struct qoq_config *c)
{
    char text[1024];

    snprintf(text, sizeof text,
             "{\"model_type\": \"%s\", "
             "\"vocab_size\": %zu, \"hidden_size\": %zu, "
             "\"intermediate_size\": %zu, \"num_hidden_layers\": %zu, \"num_attention_heads\": "
             "%zu, \"num_key_value_heads\": %zu, "
             "\"head_dim\": %zu, \"max_position_embeddings\": %zu, \"rms_norm_eps\": %.9g, "
             "\"rope_theta\": %.17g, "
             "\"tie_word_embeddings\": %s, \"attention_bias\": %s, \"mlp_bias\": %s, "
             "\"bos_token_id\": 1, \"eos_token_id\": 2}",
             qoq_arch_name(c->arch), c->vocab, c->hidden, c->intermediate, c->layers, c->heads,
             c->kv_heads, c->head_dim, c->max_positions, (double)c->rms_eps, c->rope.theta,
             c->tie_embeddings ? "true" : "false", c->o_bias ? "true" : "false",
             c->mlp_bias ? "true" : "false");
    write_text(in(place, "config.json"), text);
}

/* ---- Tensors of a model under their Hugging Face names ---- */

static void add_tensor(struct qoq_tensors *list, const char *name, enum qoq_dtype dtype,
                       const size_t *dim, int rank, const float *value)
{
    struct qoq_tensor tensor;

    cr_assert_eq(qoq_tensor_create(&tensor, name, dtype, dim, rank, NULL), QOQ_OK);
    for (size_t i = 0; i < qoq_tensor_elements(&tensor); i++) {
        if (dtype == QOQ_F32) {
            ((float *)tensor.data)[i] = value[i];
        } else if (dtype == QOQ_F16) {
            ((uint16_t *)tensor.data)[i] = qoq_half_from_float(value[i]);
        } else {
            ((uint16_t *)tensor.data)[i] = (uint16_t)(qoq_float_bits(value[i]) >> 16);
        }
    }
    cr_assert_eq(qoq_tensors_add(list, &tensor, NULL), QOQ_OK);
}

struct export
{
    struct qoq_tensors *list;
    enum qoq_dtype dtype;
    const char *prefix;
};

static enum qoq_status export_array(void *context, const struct qoq_array *array)
{
    struct export *export = context;
    char name[QOQ_ARRAY_NAME];

    add_tensor(export->list, qoq_array_hf_name(name, array, export->prefix), export->dtype,
               array->dim, array->rank, array->data);
    return QOQ_OK;
}

static struct qoq_tensors export_model(const struct qoq_model *model, enum qoq_dtype dtype,
                                       const char *prefix)
{
    struct qoq_tensors list = {0, NULL};
    struct export export = {&list, dtype, prefix};
    struct qoq_outline outline = qoq_model_outline(model);

    cr_assert_eq(qoq_arrays_visit(&outline, export_array, &export), QOQ_OK);
    return list;
}

static void write_tensors(const char *path, const struct qoq_tensors *list)
{
    struct qoq_error err = {QOQ_OK, ""};

    cr_assert_eq(qoq_safetensors_write(path, list, "pt", &err), QOQ_OK, "%s", err.text);
}

/* A directory with everything a model needs. */
static struct place good_place(const struct qoq_model *model, enum qoq_dtype dtype,
                               const char *prefix)
{
    struct place place = new_place();
    struct qoq_tensors list = export_model(model, dtype, prefix);

    write_config(&place, &model->config);
    write_tensors(in(&place, "model.safetensors"), &list);
    qoq_tensors_free(&list);
    return place;
}

/* ---- Comparing models ---- */

struct flat {
    size_t count;
    struct qoq_array array[256];
};

static enum qoq_status flatten_array(void *context, const struct qoq_array *array)
{
    struct flat *flat = context;

    cr_assert_lt(flat->count, 256);
    flat->array[flat->count++] = *array;
    return QOQ_OK;
}

static struct flat flatten(const struct qoq_model *model)
{
    struct flat flat = {.count = 0};
    struct qoq_outline outline = qoq_model_outline(model);

    cr_assert_eq(qoq_arrays_visit(&outline, flatten_array, &flat), QOQ_OK);
    return flat;
}

static size_t array_bytes(const struct qoq_array *array)
{
    size_t bytes = 0;

    cr_assert_eq(qoq_shape_bytes(&bytes, array->dtype, array->dim, array->rank), 0);
    return bytes;
}

static void expect_same_model(const struct qoq_model *a, const struct qoq_model *b,
                              const char *what)
{
    struct flat left = flatten(a), right = flatten(b);
    char name[QOQ_ARRAY_NAME];

    cr_assert_eq(a->precision, b->precision, "%s", what);
    cr_assert_eq(a->group, b->group, "%s", what);
    cr_assert_eq(left.count, right.count, "%s", what);
    for (size_t i = 0; i < left.count; i++) {
        qoq_array_name(name, &left.array[i]);
        cr_assert_eq(array_bytes(&left.array[i]), array_bytes(&right.array[i]), "%s: %s", what,
                     name);
        cr_expect_arr_eq(left.array[i].data, right.array[i].data, array_bytes(&left.array[i]),
                         "%s: %s", what, name);
    }
}

static void expect_load(const char *path, const struct qoq_model *expected, const char *what)
{
    struct qoq_loaded loaded;
    struct qoq_error err = {QOQ_OK, ""};

    cr_assert_eq(qoq_load(&loaded, path, &err), QOQ_OK, "%s: %s", what, err.text);
    expect_same_model(loaded.model, expected, what);
    qoq_loaded_free(&loaded);
}

/* The message must hold both parts. */
static void expect_refusal(const char *path, enum qoq_status status, const char *field,
                           const char *reason)
{
    struct qoq_loaded loaded;
    struct qoq_error err = {QOQ_OK, ""};

    cr_expect_eq(qoq_load(&loaded, path, &err), status, "%s: \"%s\"", field, err.text);
    cr_expect_null(loaded.model);
    cr_expect(strstr(err.text, field) != NULL && strstr(err.text, reason) != NULL,
              "got \"%s\", expected %s: %s", err.text, field, reason);
    cr_expect_null(strchr(err.text, '\n'));
}

/* ---- Hugging Face directories ---- */

/* A shape as write_config can tell it. */
static struct shape plain_shape(size_t i)
{
    struct shape shape = shapes[i];

    if (shape.config.arch == QOQ_ARCH_MISTRAL) {
        shape.config.arch = QOQ_ARCH_LLAMA;
    }
    shape.config.rope = (struct qoq_rope){.kind = QOQ_ROPE_PLAIN, .theta = 10000};
    shape.config.vocab = 40;
    return shape;
}

Test(load_hf, every_shape)
{
    for (size_t i = 0; i < SHAPES; i++) {
        struct shape shape = plain_shape(i);
        struct qoq_model *model = random_baseline(&shape);
        struct place place = good_place(model, QOQ_F32, i % 2 ? "" : "model.");
        expect_load(place.directory, model, shape.name);
        remove_place(&place);
        qoq_model_free(model);
    }
}

static enum qoq_status narrow_array(void *context, const struct qoq_array *array)
{
    float *x = array->data;
    size_t count = array_bytes(array) / sizeof *x;

    for (size_t i = 0; i < count; i++) {
        x[i] = *(int *)context ? qoq_half_to_float(qoq_half_from_float(x[i]))
                               : qoq_float_of_bits(qoq_float_bits(x[i]) & 0xFFFF0000u);
    }
    return QOQ_OK;
}

/* binary16 and bfloat16 widen exactly. */
Test(load_hf, narrow_types)
{
    for (int half = 0; half < 2; half++) {
        struct shape shape = plain_shape(2);
        struct qoq_model *model = random_baseline(&shape);
        struct place place = good_place(model, half ? QOQ_F16 : QOQ_BF16, "model.");
        struct qoq_outline outline = qoq_model_outline(model);
        cr_assert_eq(qoq_arrays_visit(&outline, narrow_array, &half), QOQ_OK);
        expect_load(place.directory, model, half ? "binary16" : "bfloat16");
        remove_place(&place);
        qoq_model_free(model);
    }
}

/* Moves every second tensor of a list to another. */
static struct qoq_tensors split(struct qoq_tensors *list)
{
    struct qoq_tensors half = {0, NULL}, rest = {0, NULL};

    for (size_t i = 0; i < list->count; i++) {
        cr_assert_eq(qoq_tensors_add(i % 2 ? &half : &rest, &list->item[i], NULL), QOQ_OK);
    }
    qoq_tensors_free(list);
    *list = rest;
    return half;
}

Test(load_hf, shards)
{
    struct shape shape = plain_shape(0);
    struct qoq_model *model = random_baseline(&shape);
    struct place place = new_place();
    struct qoq_tensors a = export_model(model, QOQ_F32, "model."), b = split(&a);
    FILE *index;

    write_config(&place, &model->config);
    write_tensors(in(&place, "a.safetensors"), &a);
    write_tensors(in(&place, "b.safetensors"), &b);
    index = fopen(in(&place, "model.safetensors.index.json"), "w");
    cr_assert_not_null(index);
    fputs("{\"metadata\": {\"total_size\": 1}, \"weight_map\": {", index);
    for (size_t i = 0; i < a.count + b.count; i++) {
        const struct qoq_tensor *tensor = i < a.count ? &a.item[i] : &b.item[i - a.count];
        fprintf(index, "%s\"%s\": \"%s.safetensors\"", i ? ", " : "", tensor->name,
                i < a.count ? "a" : "b");
    }
    fputs("}}", index);
    fclose(index);
    expect_load(place.directory, model, "two shards");
    qoq_tensors_free(&a);
    qoq_tensors_free(&b);
    remove_place(&place);
    qoq_model_free(model);
}

Test(load_hf, rotary_tables_are_ignored)
{
    struct shape shape = plain_shape(0);
    struct qoq_model *model = random_baseline(&shape);
    struct place place = good_place(model, QOQ_F32, "model.");
    struct qoq_tensors list = export_model(model, QOQ_F32, "model.");
    float values[8] = {NAN};

    add_tensor(&list, "model.layers.0.self_attn.rotary_emb.inv_freq", QOQ_F32, &(size_t){8}, 1,
               values);
    add_tensor(&list, "model.rotary_emb.cos_cached", QOQ_F32, &(size_t){8}, 1, values);
    write_tensors(in(&place, "model.safetensors"), &list);
    expect_load(place.directory, model, "rotary tables");
    qoq_tensors_free(&list);
    remove_place(&place);
    qoq_model_free(model);
}

/* A head beside a tied embedding: equal is fine, different is not. */
Test(load_hf, tied_head)
{
    struct shape shape = plain_shape(1);
    struct qoq_model *model = random_baseline(&shape);
    struct place place = good_place(model, QOQ_F32, "model.");
    size_t dim[2] = {shape.config.vocab, shape.config.hidden};

    cr_assert(shape.config.tie_embeddings);
    for (int equal = 0; equal < 2; equal++) {
        struct qoq_tensors list = export_model(model, QOQ_F32, "model.");
        add_tensor(&list, "lm_head.weight", QOQ_F32, dim, 2, model->embed_f32);
        ((float *)list.item[list.count - 1].data)[77] += equal ? 0 : 1;
        write_tensors(in(&place, "model.safetensors"), &list);
        if (equal) {
            expect_load(place.directory, model, "tied head");
        } else {
            expect_refusal(place.directory, QOQ_ERR_FORMAT, "lm_head.weight", "differs");
        }
        qoq_tensors_free(&list);
    }
    remove_place(&place);
    qoq_model_free(model);
}

/* Breaks one thing about the tensors of a good directory. */
enum damage {
    MISSING,
    UNKNOWN,
    TRANSPOSED,
    LONGER,
    ONE_NAN,
    ONE_INFINITY,
    INTEGER,
    STRAY_BIAS,
    NOTHING_AT_ALL
};

static void damage_list(struct qoq_tensors *list, enum damage damage)
{
    struct qoq_tensor *victim = qoq_tensors_find(list, "model.layers.1.mlp.down_proj.weight");
    size_t dim[2] = {victim->dim[1], victim->dim[0]}, count = qoq_tensor_elements(victim);
    float *zeros = calloc(count + dim[0] + dim[1], sizeof *zeros);

    if (damage == UNKNOWN) {
        add_tensor(list, "model.layers.2.mlp.down_proj.weight", QOQ_F32, dim, 2, zeros);
    } else if (damage == STRAY_BIAS) {
        add_tensor(list, "model.layers.1.self_attn.q_proj.bias", QOQ_F32, &(size_t){64}, 1, zeros);
    } else if (damage == ONE_NAN || damage == ONE_INFINITY) {
        ((float *)victim->data)[count - 1] = damage == ONE_NAN ? NAN : -INFINITY;
    } else if (damage == INTEGER) {
        victim->dtype = QOQ_I32;
    } else {
        qoq_tensor_free(victim);
        *victim = list->item[--list->count];
        if (damage == TRANSPOSED || damage == LONGER) {
            dim[0] += damage == LONGER;
            add_tensor(list, "model.layers.1.mlp.down_proj.weight", QOQ_F32, dim, 2, zeros);
        }
        while (damage == NOTHING_AT_ALL && list->count > 0) {
            qoq_tensor_free(&list->item[--list->count]);
        }
    }
    free(zeros);
}

Test(load_hf, damaged_tensors)
{
    static const struct {
        enum damage damage;
        enum qoq_status status;
        const char *field, *reason;
    } cases[] = {
        {MISSING, QOQ_ERR_FORMAT, "model.layers.1.mlp.down_proj.weight", "missing"},
        {UNKNOWN, QOQ_ERR_FORMAT, "model.layers.2.mlp.down_proj.weight", "no part"},
        {STRAY_BIAS, QOQ_ERR_FORMAT, "model.layers.1.self_attn.q_proj.bias", "no part"},
        {TRANSPOSED, QOQ_ERR_FORMAT, "model.layers.1.mlp.down_proj.weight",
         "shape [96, 64], config.json asks for [64, 96]"},
        {LONGER, QOQ_ERR_FORMAT, "model.layers.1.mlp.down_proj.weight", "shape [97, 64]"},
        {ONE_NAN, QOQ_ERR_RANGE, "model.layers.1.mlp.down_proj.weight", ""},
        {ONE_INFINITY, QOQ_ERR_RANGE, "model.layers.1.mlp.down_proj.weight", ""},
        {INTEGER, QOQ_ERR_UNSUPPORTED, "model.layers.1.mlp.down_proj.weight", ""},
        {NOTHING_AT_ALL, QOQ_ERR_FORMAT, "model.embed_tokens.weight", "missing"},
    };
    struct shape shape = plain_shape(0);
    struct qoq_model *model = random_baseline(&shape);
    struct place place = good_place(model, QOQ_F32, "model.");

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct qoq_tensors list = export_model(model, QOQ_F32, "model.");
        damage_list(&list, cases[i].damage);
        write_tensors(in(&place, "model.safetensors"), &list);
        expect_refusal(place.directory, cases[i].status, cases[i].field, cases[i].reason);
        qoq_tensors_free(&list);
    }
    remove_place(&place);
    qoq_model_free(model);
}

/* Tensors of one architecture under the description of another. */
Test(load_hf, other_architectures)
{
    static const struct {
        size_t shape;       /* of the tensors */
        enum qoq_arch arch; /* of config.json */
        int attention_bias; /* there */
        const char *field, *reason;
    } cases[] = {
        {5, QOQ_ARCH_LLAMA, 1, "model.layers.0.self_attn.k_norm.weight", "no part"},
        {5, QOQ_ARCH_QWEN3, 0, "model.layers.0.self_attn.k_proj.bias", "no part"},
        {5, QOQ_ARCH_QWEN2, 1, "model.layers.0.self_attn.k_norm.weight", "no part"},
        {4, QOQ_ARCH_LLAMA, 0, "model.layers.0.self_attn.k_proj.bias", "no part"},
        {4, QOQ_ARCH_LLAMA, 1, "model.layers.0.self_attn.o_proj.bias", "missing"},
        {4, QOQ_ARCH_QWEN3, 0, "model.layers.0.self_attn.q_norm.weight", "missing"},
        {0, QOQ_ARCH_QWEN2, 0, "model.layers.0.self_attn.q_proj.bias", "missing"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct shape shape = plain_shape(cases[i].shape);
        struct qoq_model *model = random_baseline(&shape);
        struct place place = good_place(model, QOQ_F32, "model.");
        struct qoq_config other = shape.config;
        other.arch = cases[i].arch;
        other.o_bias = cases[i].attention_bias;
        write_config(&place, &other);
        expect_refusal(place.directory, QOQ_ERR_FORMAT, cases[i].field, cases[i].reason);
        remove_place(&place);
        qoq_model_free(model);
    }
}

/* Gains of all heads instead of one. */
Test(load_hf, head_norms_of_another_width)
{
    struct shape shape = plain_shape(5);
    struct qoq_model *model = random_baseline(&shape);
    struct place place = good_place(model, QOQ_F32, "model.");
    struct qoq_tensors list = export_model(model, QOQ_F32, "model.");
    const char *name = "model.layers.1.self_attn.q_norm.weight";
    struct qoq_tensor *victim = qoq_tensors_find(&list, name);
    float values[96] = {0};

    qoq_tensor_free(victim);
    *victim = list.item[--list.count];
    add_tensor(&list, name, QOQ_F32, &(size_t){96}, 1, values);
    write_tensors(in(&place, "model.safetensors"), &list);
    expect_refusal(place.directory, QOQ_ERR_FORMAT, name, "shape [96], config.json asks for [24]");
    qoq_tensors_free(&list);
    remove_place(&place);
    qoq_model_free(model);
}

/* A description far larger than the tensors is refused before memory is taken. */
Test(load_hf, damaged_description)
{
    struct shape shape = plain_shape(0);
    struct qoq_model *model = random_baseline(&shape);
    struct place place = good_place(model, QOQ_F32, "model.");
    struct qoq_config huge = shape.config;

    huge.vocab = 1 << 24;
    huge.intermediate = 131072;
    huge.layers = 1024;
    write_config(&place, &huge);
    expect_refusal(place.directory, QOQ_ERR_FORMAT, "model.embed_tokens.weight",
                   "config.json asks for [16777216, 64]");
    write_text(in(&place, "config.json"), "{\"model_type\": \"gpt2\"}");
    expect_refusal(place.directory, QOQ_ERR_UNSUPPORTED, "model_type", "gpt2");
    unlink(in(&place, "config.json"));
    expect_refusal(place.directory, QOQ_ERR_IO, "config.json", "");
    remove_place(&place);
    qoq_model_free(model);
}

static const char small_tokenizer[] = "{\"version\": \"1.0\", \"added_tokens\": [], \"model\": "
                                      "{\"type\": \"WordPiece\", \"vocab\": {\"a\": 0}}}";

/* The bytes of tokenizer.json travel along; one of an unknown kind is no obstacle, one that is no
 * JSON is. */
Test(load_hf, tokenizer)
{
    struct shape shape = plain_shape(0);
    struct qoq_model *model = random_baseline(&shape);
    struct place place = good_place(model, QOQ_F32, "model.");
    struct qoq_loaded loaded;
    struct qoq_error err = {QOQ_OK, ""};

    cr_assert_eq(qoq_load(&loaded, place.directory, &err), QOQ_OK, "%s", err.text);
    cr_expect_null(loaded.tokenizer);
    cr_expect_null(loaded.header.tokenizer);
    cr_expect(strstr(loaded.tokenizer_trouble.text, "none") != NULL, "%s",
              loaded.tokenizer_trouble.text);
    qoq_loaded_free(&loaded);
    write_text(in(&place, "tokenizer.json"), small_tokenizer);
    cr_assert_eq(qoq_load(&loaded, place.directory, &err), QOQ_OK, "%s", err.text);
    cr_expect_null(loaded.tokenizer);
    cr_expect_eq(loaded.header.tokenizer_bytes, strlen(small_tokenizer));
    cr_expect_arr_eq(loaded.header.tokenizer, small_tokenizer, strlen(small_tokenizer));
    cr_expect_eq(loaded.tokenizer_trouble.status, QOQ_ERR_UNSUPPORTED);
    cr_expect_eq(strncmp(loaded.header.source, "qoq-test-load-", 14), 0, "%s",
                 loaded.header.source);
    qoq_loaded_free(&loaded);
    write_text(in(&place, "tokenizer.json"), "{");
    cr_expect_eq(qoq_load(&loaded, place.directory, &err), QOQ_ERR_FORMAT);
    remove_place(&place);
    qoq_model_free(model);
}

/* ---- Our own container ---- */

static struct qoq_loaded origin_of(void)
{
    struct qoq_loaded origin;

    memset(&origin, 0, sizeof origin);
    origin.header.source = "somewhere";
    origin.header.tokenizer = "{\"model\": {\"type\": \"Unigram\"}}";
    origin.header.tokenizer_bytes = strlen(origin.header.tokenizer);
    return origin;
}

static void store(const char *path, const struct qoq_model *model, const char *method)
{
    struct qoq_loaded origin = origin_of();
    struct qoq_error err = {QOQ_OK, ""};

    cr_assert_eq(qoq_store(path, model, &origin, method, &err), QOQ_OK, "%s", err.text);
}

static void expect_same_file(struct place *place, const char *a, const char *b)
{
    char *left, *right;
    size_t left_bytes, right_bytes;

    cr_assert_eq(qoq_file_read(&left, &left_bytes, in(place, a), 1 << 24, NULL), QOQ_OK);
    cr_assert_eq(qoq_file_read(&right, &right_bytes, in(place, b), 1 << 24, NULL), QOQ_OK);
    cr_assert_eq(left_bytes, right_bytes);
    cr_expect_arr_eq(left, right, left_bytes);
    free(left);
    free(right);
}

static void expect_same_config(const struct qoq_config *a, const struct qoq_config *b)
{
    cr_expect_eq(a->arch, b->arch);
    cr_expect_eq(a->vocab, b->vocab);
    cr_expect_eq(a->kv_heads, b->kv_heads);
    cr_expect_eq(a->head_dim, b->head_dim);
    cr_expect_eq(a->max_positions, b->max_positions);
    cr_expect_eq(a->rms_eps, b->rms_eps);
    cr_expect_eq(a->rope.kind, b->rope.kind);
    cr_expect_eq(a->rope.theta, b->rope.theta);
    cr_expect_eq(a->rope.kind == QOQ_ROPE_PLAIN ? 0 : a->rope.factor,
                 b->rope.kind == QOQ_ROPE_PLAIN ? 0 : b->rope.factor);
    cr_expect_eq(a->tie_embeddings, b->tie_embeddings);
    cr_expect_eq(a->qkv_bias, b->qkv_bias);
    cr_expect_eq(a->o_bias, b->o_bias);
    cr_expect_eq(a->mlp_bias, b->mlp_bias);
    cr_expect_eq(a->qk_norm, b->qk_norm);
    cr_expect_eq(a->bos, b->bos);
    cr_expect_eq(a->eos, b->eos);
}

static void round_trip(const struct shape *shape, enum qoq_precision precision)
{
    struct place place = new_place();
    struct qoq_model *model = random_model(shape, precision);
    struct qoq_error err = {QOQ_OK, ""};
    struct qoq_loaded loaded;

    store(in(&place, "m.h5"), model, "rtn");
    cr_assert_eq(qoq_load(&loaded, in(&place, "m.h5"), &err), QOQ_OK, "%s, %s: %s", shape->name,
                 qoq_precision_name(precision), err.text);
    expect_same_model(loaded.model, model, shape->name);
    expect_same_config(&loaded.model->config, &model->config);
    cr_expect_str_eq(loaded.header.source, "somewhere");
    cr_expect_str_eq(loaded.header.method, "rtn");
    cr_expect_str_eq(loaded.header.precision, qoq_precision_name(precision));
    cr_assert_eq(qoq_store(in(&place, "n.h5"), loaded.model, &loaded, "rtn", &err), QOQ_OK, "%s",
                 err.text);
    expect_same_file(&place, "m.h5", "n.h5");
    qoq_loaded_free(&loaded);
    qoq_model_free(model);
    remove_place(&place);
}

Test(load_file, round_trip)
{
    for (size_t i = 0; i < SHAPES; i++) {
        for (int p = 0; p < QOQ_PRECISIONS; p++) {
            round_trip(&shapes[i], (enum qoq_precision)p);
        }
    }
}

/* Writes a model with one array left out, of another type or size, or with a stranger beside it. */
enum forgery_kind { DROP, RETYPE, RESHAPE, EXTRA };

struct forgery {
    struct qoq_model_file *file;
    const char *victim;
    enum forgery_kind how;
};

static enum qoq_status forge_array(void *context, const struct qoq_array *array)
{
    struct forgery *forgery = context;
    char name[QOQ_ARRAY_NAME];
    enum qoq_dtype dtype = array->dtype;
    size_t dim[2] = {array->dim[0], array->dim[1]};

    qoq_array_name(name, array);
    if (strcmp(name, forgery->victim) == 0) {
        if (forgery->how == DROP) {
            return QOQ_OK;
        }
        dtype = forgery->how == RETYPE ? QOQ_I8 : dtype;
        dim[0] -= forgery->how == RESHAPE;
        if (forgery->how == EXTRA) {
            cr_assert_eq(qoq_model_file_put(forgery->file, "layers/0/q_proj/spare", array->data,
                                            dtype, dim, array->rank, NULL),
                         QOQ_OK);
        }
    }
    return qoq_model_file_put(forgery->file, name, array->data, dtype, dim, array->rank, NULL);
}

static void forge(const char *path, const struct qoq_model *model,
                  const struct qoq_model_header *header, const char *victim, enum forgery_kind how)
{
    struct forgery forgery = {.victim = victim, .how = how};
    struct qoq_outline outline = qoq_model_outline(model);
    struct qoq_error err = {QOQ_OK, ""};

    cr_assert_eq(qoq_model_file_create(&forgery.file, path, header, &err), QOQ_OK, "%s", err.text);
    cr_assert_eq(qoq_arrays_visit(&outline, forge_array, &forgery), QOQ_OK);
    cr_assert_eq(qoq_model_file_commit(&forgery.file, &err), QOQ_OK, "%s", err.text);
}

static struct qoq_model_header header_of(const struct qoq_model *model, char *precision)
{
    struct qoq_model_header header = {.config = model->config,
                                      .numerics = QOQ_NUMERICS_VERSION,
                                      .precision = precision,
                                      .group = model->group};

    return header;
}

Test(load_file, arrays_that_do_not_fit)
{
    static const struct {
        enum forgery_kind how;
        const char *victim, *field, *reason;
    } cases[] = {
        {DROP, "layers/1/up_proj/s2", "layers/1/up_proj/s2", "missing"},
        {DROP, "norm", "norm", "missing"},
        {DROP, "layers/0/q_proj/bias", "layers/0/q_proj/bias", "missing"},
        {RETYPE, "layers/0/k_proj/code", "layers/0/k_proj/code", "asks for u8"},
        {RESHAPE, "layers/0/k_proj/z", "layers/0/k_proj/z", "asks for"},
        {RESHAPE, "head", "head", "asks for"},
        {EXTRA, "layers/0/q_proj/z", "layers/0/q_proj/spare", ""},
    };
    struct place place = new_place();
    struct qoq_model *model = random_model(&shapes[2], QOQ_W4A8KV4_GROUP);
    char precision[] = "w4a8kv4-group";
    struct qoq_model_header header = header_of(model, precision);

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        forge(in(&place, "m.h5"), model, &header, cases[i].victim, cases[i].how);
        expect_refusal(in(&place, "m.h5"), QOQ_ERR_FORMAT, cases[i].field, cases[i].reason);
    }
    qoq_model_free(model);
    remove_place(&place);
}

static void expect_bad_header(struct place *place, const struct qoq_model *model,
                              struct qoq_model_header header, enum qoq_status status,
                              const char *field)
{
    forge(in(place, "m.h5"), model, &header, "", DROP);
    expect_refusal(in(place, "m.h5"), status, field, "");
}

Test(load_file, headers_that_do_not_fit)
{
    struct place place = new_place();
    struct qoq_model *model = random_model(&shapes[0], QOQ_W4A8KV4_CHANNEL);
    char good[] = "w4a8kv4-channel", group[] = "w4a8kv4-group", strange[] = "w2a2kv2",
         w8[] = "w8a8kv8";
    struct qoq_model_header header = header_of(model, good);

    header.precision = strange;
    expect_bad_header(&place, model, header, QOQ_ERR_UNSUPPORTED, "precision");
    header.precision = group;
    expect_bad_header(&place, model, header, QOQ_ERR_FORMAT, "group");
    header.precision = w8;
    expect_bad_header(&place, model, header, QOQ_ERR_FORMAT, "layers/0/q_proj/code");
    header.precision = good;
    header.group = 64;
    expect_bad_header(&place, model, header, QOQ_ERR_FORMAT, "group");
    header.group = 0;
    header.numerics = QOQ_NUMERICS_VERSION + 1;
    expect_bad_header(&place, model, header, QOQ_ERR_UNSUPPORTED, "numerics");
    qoq_model_free(model);
    remove_place(&place);
}

static void expect_bad_value(struct place *place, const struct qoq_model *model, const char *field,
                             const char *what)
{
    char precision[32];

    snprintf(precision, sizeof precision, "%s", qoq_precision_name(model->precision));
    struct qoq_model_header header = header_of(model, precision);
    forge(in(place, "m.h5"), model, &header, "", DROP);
    struct qoq_loaded loaded;
    struct qoq_error err = {QOQ_OK, ""};
    cr_expect_eq(qoq_load(&loaded, in(place, "m.h5"), &err), QOQ_ERR_RANGE, "%s: %s", what,
                 err.text);
    cr_expect_not_null(strstr(err.text, field), "%s: %s", what, err.text);
}

/* Sets one element, expects a refusal, and puts it back. */
#define BAD(element, value, field)                                                                 \
    do {                                                                                           \
        __typeof__(element) before_ = (element);                                                   \
        (element) = (value);                                                                       \
        expect_bad_value(&place, model, (field), #element);                                        \
        (element) = before_;                                                                       \
    } while (0)

Test(load_file, values_that_no_model_has)
{
    struct place place = new_place();
    struct qoq_model *model = random_model(&shapes[2], QOQ_W4A8KV4_GROUP);
    struct qoq_linear *linear = model->layer[1].linear;

    BAD(linear[QOQ_UP].w.z[3], 16, "layers/1/up_proj");
    BAD(linear[QOQ_O].w.s2[0], 0, "layers/1/o_proj");
    BAD(linear[QOQ_O].w.s2[0], 18, "layers/1/o_proj");
    BAD(linear[QOQ_K].w.s[1], 0x7C00, "layers/1/k_proj/s");
    BAD(linear[QOQ_K].w.s[1], 0x8001, "layers/1/k_proj");
    BAD(linear[QOQ_K].w.s[1], 0, "layers/1/k_proj");
    BAD(linear[QOQ_DOWN].bias[2], NAN, "layers/1/down_proj/bias");
    BAD(model->layer[0].post_norm[5], INFINITY, "layers/0/post_norm");
    BAD(model->embed[9], 0x7E00, "embed");
    BAD(model->head[9], 0xFC00, "head");
    BAD(model->norm[47], NAN, "norm");
    qoq_model_free(model);
    remove_place(&place);
}

Test(load_file, not_a_model)
{
    struct place place = new_place();
    struct qoq_loaded loaded;
    struct qoq_error err = {QOQ_OK, ""};

    cr_expect_eq(qoq_load(&loaded, in(&place, "m.h5"), &err), QOQ_ERR_IO, "%s", err.text);
    write_text(in(&place, "m.h5"), "no HDF5");
    cr_expect_eq(qoq_load(&loaded, in(&place, "m.h5"), &err), QOQ_ERR_FORMAT, "%s", err.text);
    cr_expect_null(loaded.model);
    remove_place(&place);
}
