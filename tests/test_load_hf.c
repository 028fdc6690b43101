/* SPDX-License-Identifier: Apache-2.0 */
/* Models from Hugging Face directories: shapes, types, shards, what may lie beside weights. */
#include <config.h>

#include <math.h>

#include "tests/hf_directory.h"

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
