/* SPDX-License-Identifier: Apache-2.0 */
/* Directories for models and model files, and what loading from them must give. */
#ifndef QOQ_TESTS_LOAD_SUPPORT_H
#define QOQ_TESTS_LOAD_SUPPORT_H

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/array_name.h"
#include "cli/load.h"
#include "tests/model_shapes.h"

/* ---- Directories ---- */

struct place {
    char directory[256];
    char path[320];
};

static inline struct place new_place(void)
{
    struct place place;
    const char *base = getenv("TMPDIR");

    snprintf(place.directory, sizeof place.directory, "%s/qoq-test-load-XXXXXX",
             base != NULL ? base : "/tmp");
    cr_assert_not_null(mkdtemp(place.directory));
    return place;
}

static inline const char *in(struct place *place, const char *name)
{
    snprintf(place->path, sizeof place->path, "%s/%s", place->directory, name);
    return place->path;
}

static inline void remove_place(struct place *place)
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

static inline void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    cr_assert_not_null(file);
    fputs(text, file);
    fclose(file);
}

/* ---- Comparing models ---- */

struct flat {
    size_t count;
    struct qoq_array array[256];
};

static inline enum qoq_status flatten_array(void *context, const struct qoq_array *array)
{
    struct flat *flat = context;

    cr_assert_lt(flat->count, 256);
    flat->array[flat->count++] = *array;
    return QOQ_OK;
}

static inline struct flat flatten(const struct qoq_model *model)
{
    struct flat flat = {.count = 0};
    struct qoq_outline outline = qoq_model_outline(model);

    cr_assert_eq(qoq_arrays_visit(&outline, flatten_array, &flat), QOQ_OK);
    return flat;
}

static inline size_t array_bytes(const struct qoq_array *array)
{
    size_t bytes = 0;

    cr_assert_eq(qoq_shape_bytes(&bytes, array->dtype, array->dim, array->rank), 0);
    return bytes;
}

static inline void expect_same_model(const struct qoq_model *a, const struct qoq_model *b,
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

static inline void expect_load(const char *path, const struct qoq_model *expected, const char *what)
{
    struct qoq_loaded loaded;
    struct qoq_error err = {QOQ_OK, ""};

    cr_assert_eq(qoq_load(&loaded, path, &err), QOQ_OK, "%s: %s", what, err.text);
    expect_same_model(loaded.model, expected, what);
    qoq_loaded_free(&loaded);
}

/* The message must hold both parts. */
static inline void expect_refusal(const char *path, enum qoq_status status, const char *field,
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

#endif
