/* SPDX-License-Identifier: Apache-2.0 */
/* Checkpoint directories for tests: made, taken apart into tensors, changed and written again. */
#ifndef QOQ_TESTS_CHECKPOINT_SUPPORT_H
#define QOQ_TESTS_CHECKPOINT_SUPPORT_H

#include "cli/checkpoint.h"
#include "data/hf_config.h"
#include "data/safetensors.h"
#include "numerics/half.h"
#include "tests/data_support.h"
#include "tests/model_shapes.h"

/* Shapes that the packed layout takes: multiples of 32, as ragged as that allows. */
static const struct shape packed_shapes[] = {
    {"tied",
     {QOQ_ARCH_LLAMA, 61, 64, 96, 2, 4, 2, 16, 512, 1e-5f, ROPE_PLAIN, 1, 0, 0, 0, 0, 1, 2},
     32},
    {"biases, llama3",
     {QOQ_ARCH_LLAMA,
      37,
      96,
      160,
      2,
      3,
      1,
      32,
      77,
      0.1f,
      {QOQ_ROPE_LLAMA3, 500000, 8, 1, 4, 64},
      0,
      1,
      1,
      1,
      0,
      0,
      36},
     32},
    {"groups of 128",
     {QOQ_ARCH_LLAMA, 50, 128, 384, 2, 2, 1, 64, 512, 1e-6f, ROPE_PLAIN, 0, 0, 0, 0, 0, -1, -1},
     128},
    {"heads narrower than hidden",
     {QOQ_ARCH_MISTRAL,
      100,
      160,
      64,
      1,
      2,
      2,
      16,
      512,
      3.3e-6f,
      {.kind = QOQ_ROPE_LINEAR, .theta = 12345.678, .factor = 2.5},
      0,
      0,
      0,
      0,
      0,
      1,
      -1},
     32},
};
#define PACKED_SHAPES (sizeof packed_shapes / sizeof packed_shapes[0])

/* The checkpoint directory of a test. */
static inline char *checkpoint_path(void)
{
    return scratch_path("checkpoint");
}

/* For TestSuite: the scratch directory with a checkpoint inside. */
static inline void checkpoint_end(void)
{
    char *path = checkpoint_path();
    DIR *directory = opendir(path);
    struct dirent *entry;

    while (directory != NULL && (entry = readdir(directory)) != NULL) {
        char *file = qoq_file_join(path, entry->d_name);
        unlink(file);
        free(file);
    }
    if (directory != NULL)
        closedir(directory);
    rmdir(path);
    free(path);
    scratch_end();
}

static inline void write_checkpoint(const struct qoq_model *model, uint64_t limit)
{
    struct qoq_loaded loaded = {.model = (struct qoq_model *)(uintptr_t)model};
    struct qoq_checkpoint_report report;
    struct qoq_error err = {QOQ_OK, ""};
    char *path = checkpoint_path();

    cr_assert_eq(qoq_checkpoint_fits(model, path, 1, &err), QOQ_OK, "%s", err.text);
    cr_assert_eq(qoq_checkpoint_write(&report, path, &loaded, 1, limit, &err), QOQ_OK, "%s",
                 err.text);
    free(path);
}

/* All tensors of the checkpoint. */
static inline struct qoq_tensors read_tensors(void)
{
    char *path = checkpoint_path();
    struct qoq_safetensors *set;
    struct qoq_tensors list = {0, NULL};
    struct qoq_error err;

    cr_assert_eq(qoq_safetensors_open(&set, path, &err), QOQ_OK, "%s", err.text);
    for (size_t i = 0; i < qoq_safetensors_count(set); i++) {
        struct qoq_tensor tensor;
        cr_assert_eq(qoq_safetensors_read(&tensor, set, qoq_safetensors_entry(set, i)->name, &err),
                     QOQ_OK);
        cr_assert_eq(qoq_tensors_add(&list, &tensor, &err), QOQ_OK);
    }
    qoq_safetensors_close(&set);
    free(path);
    return list;
}

/* Writes them as the only file of weights. */
static inline void write_tensors(const struct qoq_tensors *list)
{
    char *path = scratch_path("checkpoint/model.safetensors");
    struct qoq_error err;

    cr_assert_eq(qoq_safetensors_write(path, list, "pt", &err), QOQ_OK, "%s", err.text);
    free(path);
}

static inline struct qoq_tensor *tensor_of(struct qoq_tensors *list, const char *name)
{
    struct qoq_tensor *tensor = qoq_tensors_find(list, name);

    cr_assert_not_null(tensor, "no %s", name);
    return tensor;
}

static inline void drop_tensor(struct qoq_tensors *list, const char *name)
{
    struct qoq_tensor *tensor = tensor_of(list, name);

    qoq_tensor_free(tensor);
    *tensor = list->item[--list->count];
}

/* A zero-filled tensor added to the list. */
static inline struct qoq_tensor *add_tensor(struct qoq_tensors *list, const char *name,
                                            enum qoq_dtype dtype, size_t rows, size_t columns)
{
    size_t dim[2] = {rows, columns};
    struct qoq_tensor tensor;

    cr_assert_eq(qoq_tensor_create(&tensor, name, dtype, dim, columns == 0 ? 1 : 2, NULL), QOQ_OK);
    cr_assert_eq(qoq_tensors_add(list, &tensor, NULL), QOQ_OK);
    return &list->item[list->count - 1];
}

static inline enum qoq_status load_checkpoint(struct qoq_loaded *out,
                                              const struct qoq_import_options *options,
                                              struct qoq_error *err)
{
    char *path = checkpoint_path();
    struct qoq_import_report report;
    enum qoq_status status = qoq_checkpoint_load(out, &report, path, options, err);

    free(path);
    return status;
}

/* ---- Equality of models ---- */

struct pairing {
    const struct qoq_array *array[1024];
    size_t count, at;
};

static inline enum qoq_status keep_array(void *context, const struct qoq_array *array)
{
    struct pairing *pairing = context;
    struct qoq_array *copy = malloc(sizeof *copy);

    cr_assert_lt(pairing->count, 1024);
    *copy = *array;
    pairing->array[pairing->count++] = copy;
    return QOQ_OK;
}

/* Bits equal, or for what checkpoints hold in binary16, the rounded number. */
static inline enum qoq_status compare_array(void *context, const struct qoq_array *array)
{
    struct pairing *pairing = context;
    const struct qoq_array *want = pairing->array[pairing->at++];
    size_t count = want->dim[0] * (want->rank == 2 ? want->dim[1] : 1);
    char name[QOQ_ARRAY_NAME];

    qoq_array_name(name, want);
    cr_assert(array->kind == want->kind && array->dtype == want->dtype &&
                  memcmp(array->dim, want->dim, sizeof want->dim) == 0,
              "%s", name);
    if (want->dtype != QOQ_F32) {
        cr_assert_eq(memcmp(array->data, want->data, count * (want->dtype == QOQ_F16 ? 2 : 1)), 0,
                     "%s differs", name);
    } else {
        for (size_t i = 0; i < count; i++) {
            float x = ((const float *)want->data)[i];
            cr_assert_eq(((const float *)array->data)[i], qoq_half_to_float(qoq_half_from_float(x)),
                         "%s [%zu]", name, i);
        }
    }
    return QOQ_OK;
}

static inline void expect_same_model(const struct qoq_model *got, const struct qoq_model *want)
{
    struct qoq_outline a = qoq_model_outline(got), b = qoq_model_outline(want);
    struct pairing pairing = {{NULL}, 0, 0};

    cr_assert_eq(got->precision, want->precision);
    cr_assert_eq(got->group, want->group);
    cr_assert_eq(got->config.tie_embeddings, want->config.tie_embeddings);
    cr_assert_eq(qoq_arrays_visit(&b, keep_array, &pairing), QOQ_OK);
    cr_assert_eq(qoq_arrays_visit(&a, compare_array, &pairing), QOQ_OK);
    cr_assert_eq(pairing.at, pairing.count);
    for (size_t i = 0; i < pairing.count; i++)
        free((void *)(uintptr_t)pairing.array[i]);
}

/* The checkpoint must load as this model. */
static inline void expect_loads_as(const struct qoq_model *want,
                                   const struct qoq_import_options *options)
{
    struct qoq_error err = {QOQ_OK, ""};
    struct qoq_loaded loaded;

    cr_assert_eq(load_checkpoint(&loaded, options, &err), QOQ_OK, "%s", err.text);
    expect_same_model(loaded.model, want);
    qoq_loaded_free(&loaded);
}

/* The checkpoint must be refused in one line that names field. */
static inline void expect_refused(const struct qoq_import_options *options, enum qoq_status status,
                                  const char *field)
{
    struct qoq_error err = {QOQ_OK, ""};
    struct qoq_loaded loaded;
    enum qoq_status got = load_checkpoint(&loaded, options, &err);

    expect_failure(got, &err, status, "checkpoint", field);
    if (got == QOQ_OK)
        qoq_loaded_free(&loaded);
}

#endif
