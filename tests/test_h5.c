/* SPDX-License-Identifier: Apache-2.0 */
/* HDF5: what is written comes back, equal contents give equal bytes, and no file makes the reader
 * crash. */
#include <config.h>

#include <hdf5.h>
#include <math.h>

#include "data/h5.h"
#include "tests/data_support.h"

TestSuite(h5, .init = scratch_begin, .fini = scratch_end);

static struct qoq_h5 *create(const char *name)
{
    char *path = scratch_path(name);
    struct qoq_error err;
    struct qoq_h5 *file;

    cr_assert_eq(qoq_h5_create(&file, path, &err), QOQ_OK, "%s", err.text);
    free(path);
    return file;
}

static struct qoq_h5 *open_again(const char *name)
{
    char *path = scratch_path(name);
    struct qoq_error err;
    struct qoq_h5 *file;

    cr_assert_eq(qoq_h5_open(&file, path, &err), QOQ_OK, "%s", err.text);
    free(path);
    return file;
}

/* A tensor with all kinds of bits. */
static void put_tensor(struct qoq_h5 *file, const char *name, enum qoq_dtype dtype,
                       const size_t *dim, int rank)
{
    struct qoq_tensor tensor;
    struct qoq_error err;
    unsigned char *bytes;

    cr_assert_eq(qoq_tensor_create(&tensor, name, dtype, dim, rank, &err), QOQ_OK);
    bytes = tensor.data;
    for (size_t i = 0; i < qoq_tensor_bytes(&tensor); i++)
        bytes[i] = (unsigned char)random_number(i + (size_t)dtype);
    cr_assert_eq(qoq_h5_write(file, &tensor, &err), QOQ_OK, "%s", err.text);
    qoq_tensor_free(&tensor);
}

static void expect_tensor(struct qoq_h5 *file, const char *name, enum qoq_dtype dtype,
                          const size_t *dim, int rank)
{
    struct qoq_h5_want want = qoq_h5_exactly(dtype, dim, rank);
    struct qoq_tensor tensor;
    struct qoq_error err;
    const unsigned char *bytes;

    cr_assert_eq(qoq_h5_read(&tensor, file, name, &want, &err), QOQ_OK, "%s", err.text);
    cr_expect_str_eq(tensor.name, name);
    bytes = tensor.data;
    for (size_t i = 0; i < qoq_tensor_bytes(&tensor); i++)
        cr_assert_eq(bytes[i], (unsigned char)random_number(i + (size_t)dtype), "%s byte %zu",
                     qoq_dtype_name(dtype), i);
    qoq_tensor_free(&tensor);
}

Test(h5, tensors_of_every_type_and_rank_come_back)
{
    const size_t dim[QOQ_MAX_RANK] = {3, 1, 2, 5, 1, 1, 2, 1}, none[2] = {4, 0};
    struct qoq_h5 *file = create("a.h5");
    struct qoq_tensor bf16 = {(char *)"b", QOQ_BF16, 0, {0}, (void *)&dim};
    struct qoq_error err;
    char name[32];

    for (int type = 0; type < QOQ_DTYPES; type++) {
        snprintf(name, sizeof name, "g/%d/t", type);
        if (type != QOQ_BF16)
            put_tensor(file, name, (enum qoq_dtype)type, dim, type % (QOQ_MAX_RANK + 1));
    }
    put_tensor(file, "empty", QOQ_F32, none, 2);
    expect_failure(qoq_h5_write(file, &bf16, &err), &err, QOQ_ERR_UNSUPPORTED, "a.h5", "b: ");
    cr_assert_eq(qoq_h5_commit(&file, &err), QOQ_OK, "%s", err.text);
    file = open_again("a.h5");
    for (int type = 0; type < QOQ_DTYPES; type++) {
        snprintf(name, sizeof name, "g/%d/t", type);
        if (type != QOQ_BF16)
            expect_tensor(file, name, (enum qoq_dtype)type, dim, type % (QOQ_MAX_RANK + 1));
    }
    expect_tensor(file, "empty", QOQ_F32, none, 2);
    qoq_h5_close(&file);
    cr_expect_null(file);
}

/* binary16 must be what h5py calls float16: IEEE binary16, little endian. */
Test(h5, half_is_ieee_binary16)
{
    const size_t one = 1;
    struct qoq_h5 *file = create("half.h5");
    char *path = scratch_path("half.h5");
    size_t spos, epos, esize, mpos, msize;
    hid_t id, set, type;

    put_tensor(file, "x", QOQ_F16, &one, 1);
    cr_assert_eq(qoq_h5_commit(&file, NULL), QOQ_OK);
    id = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    set = H5Dopen2(id, "x", H5P_DEFAULT);
    type = H5Dget_type(set);
    cr_expect_eq(H5Tget_class(type), H5T_FLOAT);
    cr_expect_eq(H5Tget_size(type), 2);
    cr_expect_eq(H5Tget_order(type), H5T_ORDER_LE);
    cr_expect_eq(H5Tget_ebias(type), 15);
    cr_expect_eq(H5Tget_norm(type), H5T_NORM_IMPLIED);
    cr_expect_geq(H5Tget_fields(type, &spos, &epos, &esize, &mpos, &msize), 0);
    cr_expect(spos == 15 && epos == 10 && esize == 5 && mpos == 0 && msize == 10);
    H5Tclose(type);
    H5Dclose(set);
    H5Fclose(id);
    free(path);
}

static void put_everything(struct qoq_h5 *file)
{
    static const char *const words[] = {"one", "", "three \xe2\x96\x81"};
    const int64_t ints[] = {INT64_MIN, -1, INT64_MAX};
    const double reals[] = {0.1, -1e300, 5e-324};
    const float floats[] = {0.1f, -0.0f, 3.4e38f};
    const size_t dim[2] = {3, 4};
    struct qoq_error err;

    cr_assert_eq(qoq_h5_put_format(file, "test", 3, &err), QOQ_OK, "%s", err.text);
    put_tensor(file, "a/b/x", QOQ_I16, dim, 2);
    put_tensor(file, "a/y", QOQ_F64, dim, 1);
    cr_assert_eq(qoq_h5_make_group(file, "a/empty", &err), QOQ_OK);
    cr_assert_eq(qoq_h5_put_string(file, "a", "text", "caf\xc3\xa9", &err), QOQ_OK);
    cr_assert_eq(qoq_h5_put_string(file, "a", "nothing", "", &err), QOQ_OK);
    cr_assert_eq(qoq_h5_put_int(file, "a/y", "int", -5, &err), QOQ_OK);
    cr_assert_eq(qoq_h5_put_double(file, "/a/b", "real", 0.1, &err), QOQ_OK);
    cr_assert_eq(qoq_h5_put_strings(file, "/", "words", words, 3, &err), QOQ_OK);
    cr_assert_eq(qoq_h5_put_ints(file, "/", "ints", ints, 3, &err), QOQ_OK);
    cr_assert_eq(qoq_h5_put_doubles(file, "/", "reals", reals, 3, &err), QOQ_OK);
    cr_assert_eq(qoq_h5_put_floats(file, "/", "floats", floats, 3, &err), QOQ_OK);
}

Test(h5, attributes_come_back)
{
    struct qoq_h5 *file = create("a.h5");
    struct qoq_h5_names words;
    char *text;
    int64_t number, *ints;
    double real, *reals;
    float *floats;
    size_t count;

    put_everything(file);
    cr_assert_eq(qoq_h5_commit(&file, NULL), QOQ_OK);
    file = open_again("a.h5");
    cr_expect_eq(qoq_h5_check_format(file, "test", 3, NULL), QOQ_OK);
    cr_assert_eq(qoq_h5_get_string(&text, file, "/a", "text", NULL), QOQ_OK);
    cr_expect_str_eq(text, "caf\xc3\xa9");
    free(text);
    cr_assert_eq(qoq_h5_get_string(&text, file, "a", "nothing", NULL), QOQ_OK);
    cr_expect_str_eq(text, "");
    free(text);
    cr_assert_eq(qoq_h5_get_int(&number, file, "a/y", "int", -5, -5, NULL), QOQ_OK);
    cr_expect_eq(number, -5);
    cr_assert_eq(qoq_h5_get_double(&real, file, "a/b", "real", 0, 1, NULL), QOQ_OK);
    cr_expect(real == 0.1);
    cr_assert_eq(qoq_h5_get_strings(&words, file, "/", "words", 3, NULL), QOQ_OK);
    cr_expect_eq(words.count, 3);
    cr_expect_str_eq(words.name[1], "");
    cr_expect_str_eq(words.name[2], "three \xe2\x96\x81");
    qoq_h5_names_free(&words);
    cr_assert_eq(qoq_h5_get_ints(&ints, &count, file, "/", "ints", 3, NULL), QOQ_OK);
    cr_expect(count == 3 && ints[0] == INT64_MIN && ints[1] == -1 && ints[2] == INT64_MAX);
    free(ints);
    cr_assert_eq(qoq_h5_get_doubles(&reals, &count, file, "/", "reals", 3, NULL), QOQ_OK);
    cr_expect(count == 3 && reals[1] == -1e300 && reals[2] == 5e-324);
    free(reals);
    cr_assert_eq(qoq_h5_get_floats(&floats, &count, file, "/", "floats", 3, NULL), QOQ_OK);
    cr_expect(count == 3 && floats[0] == 0.1f && floats[1] == 0 && signbit(floats[1]) &&
              floats[2] == 3.4e38f);
    free(floats);
    qoq_h5_close(&file);
}

Test(h5, attributes_are_read_strictly)
{
    struct qoq_h5 *file = create("a.h5");
    struct qoq_error err;
    struct qoq_h5_names words;
    int64_t number = 0, *ints;
    double real;
    float *floats;
    size_t count;
    char *text;

    put_everything(file);
#define EXPECT(call, status, field) expect_failure(call, &err, status, "a.h5", field)
    EXPECT(qoq_h5_get_int(&number, file, "a/y", "no", 0, 1, &err), QOQ_ERR_FORMAT, "a/y@no");
    EXPECT(qoq_h5_get_int(&number, file, "a/z", "no", 0, 1, &err), QOQ_ERR_FORMAT, "a/z");
    EXPECT(qoq_h5_get_int(&number, file, "a/y", "int", -4, 9, &err), QOQ_ERR_RANGE, "a/y@int");
    EXPECT(qoq_h5_get_int(&number, file, "a/b", "real", 0, 1, &err), QOQ_ERR_FORMAT, "a/b@real");
    EXPECT(qoq_h5_get_int(&number, file, "/", "ints", 0, 1, &err), QOQ_ERR_SHAPE, "ints");
    EXPECT(qoq_h5_get_ints(&ints, &count, file, "/", "ints", 2, &err), QOQ_ERR_SHAPE, "ints");
    EXPECT(qoq_h5_get_double(&real, file, "a/b", "real", 1, 2, &err), QOQ_ERR_RANGE, "a/b@real");
    EXPECT(qoq_h5_get_double(&real, file, "a/y", "int", -9, 9, &err), QOQ_ERR_FORMAT, "a/y@int");
    EXPECT(qoq_h5_get_floats(&floats, &count, file, "/", "reals", 9, &err), QOQ_ERR_FORMAT,
           "reals");
    EXPECT(qoq_h5_get_string(&text, file, "/", "version", &err), QOQ_ERR_FORMAT, "version");
    EXPECT(qoq_h5_get_string(&text, file, "/", "words", &err), QOQ_ERR_SHAPE, "words");
    EXPECT(qoq_h5_get_strings(&words, file, "/", "words", 2, &err), QOQ_ERR_SHAPE, "words");
    EXPECT(qoq_h5_check_format(file, "other", 3, &err), QOQ_ERR_FORMAT, "format");
    EXPECT(qoq_h5_check_format(file, "test", 2, &err), QOQ_ERR_UNSUPPORTED, "version");
    EXPECT(qoq_h5_put_ints(file, "/", "none", &number, 0, &err), QOQ_ERR_ARGUMENT, "none");
    EXPECT(qoq_h5_put_int(file, "nowhere", "x", 1, &err), QOQ_ERR_FORMAT, "nowhere");
    EXPECT(qoq_h5_put_int(file, "/", "version", 1, &err), QOQ_ERR_IO, "version");
    cr_expect_eq(qoq_h5_has(file, "a", "text"), 1);
    cr_expect_eq(qoq_h5_has(file, "a", "no"), 0);
    cr_expect_eq(qoq_h5_has(file, "z", "text"), 0);
    qoq_h5_close(&file);
}

/* What h5py writes: variable-length strings, other integer widths. */
Test(h5, attributes_of_other_writers)
{
    char *path = scratch_path("py.h5"), *text;
    const char *value = "variable";
    hid_t id = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    hid_t space = H5Screate(H5S_SCALAR), type = H5Tcopy(H5T_C_S1), at;
    struct qoq_error err;
    struct qoq_h5 *file;
    uint64_t wide = UINT64_MAX;
    uint8_t narrow = 200;
    int64_t number;

    H5Tset_size(type, H5T_VARIABLE);
    H5Tset_cset(type, H5T_CSET_UTF8);
    at = H5Acreate2(id, "text", type, space, H5P_DEFAULT, H5P_DEFAULT);
    H5Awrite(at, type, &value);
    H5Aclose(at);
    at = H5Acreate2(id, "unset", type, space, H5P_DEFAULT, H5P_DEFAULT);
    H5Aclose(at);
    at = H5Acreate2(id, "wide", H5T_STD_U64LE, space, H5P_DEFAULT, H5P_DEFAULT);
    H5Awrite(at, H5T_NATIVE_UINT64, &wide);
    H5Aclose(at);
    at = H5Acreate2(id, "narrow", H5T_STD_U8LE, space, H5P_DEFAULT, H5P_DEFAULT);
    H5Awrite(at, H5T_NATIVE_UINT8, &narrow);
    H5Aclose(at);
    H5Tclose(type);
    H5Sclose(space);
    H5Fclose(id);
    file = open_again("py.h5");
    cr_assert_eq(qoq_h5_get_string(&text, file, "/", "text", &err), QOQ_OK, "%s", err.text);
    cr_expect_str_eq(text, "variable");
    free(text);
    cr_assert_eq(qoq_h5_get_string(&text, file, "/", "unset", &err), QOQ_OK, "%s", err.text);
    cr_expect_str_eq(text, "");
    free(text);
    cr_assert_eq(qoq_h5_get_int(&number, file, "/", "narrow", 0, 255, &err), QOQ_OK);
    cr_expect_eq(number, 200);
    expect_failure(qoq_h5_get_int(&number, file, "/", "wide", 0, INT64_MAX, &err), &err,
                   QOQ_ERR_RANGE, "py.h5", "wide");
    qoq_h5_close(&file);
    free(path);
}

Test(h5, equal_contents_give_equal_bytes)
{
    struct qoq_h5 *a = create("a.h5"), *b;
    char *a_path = scratch_path("a.h5"), *b_path = scratch_path("b.h5");

    put_everything(a);
    cr_assert_eq(qoq_h5_commit(&a, NULL), QOQ_OK);
    sleep(1); /* times, if any were stored, would differ */
    b = create("b.h5");
    put_everything(b);
    cr_assert_eq(qoq_h5_commit(&b, NULL), QOQ_OK);
    expect_same_bytes(a_path, b_path);
    free(a_path);
    free(b_path);
}

Test(h5, nothing_is_left_of_an_unfinished_file)
{
    struct qoq_h5 *file = create("a.h5");
    char *path = scratch_path("a.h5");

    put_everything(file);
    cr_expect_neq(access(path, F_OK), 0, "the name appears before the file is complete");
    qoq_h5_close(&file);
    cr_expect_eq(scratch_files(0), 0);
    free(path);
}

Test(h5, groups_and_walks)
{
    struct qoq_h5 *file = create("a.h5");
    struct qoq_h5_names names;
    struct qoq_tensors all;
    struct qoq_error err;

    put_everything(file);
    cr_assert_eq(qoq_h5_children(&names, file, "/a", 10, &err), QOQ_OK);
    cr_expect_eq(names.count, 3);
    cr_expect_str_eq(names.name[0], "b");
    cr_expect_str_eq(names.name[1], "empty");
    cr_expect_str_eq(names.name[2], "y");
    qoq_h5_names_free(&names);
    EXPECT(qoq_h5_children(&names, file, "a", 2, &err), QOQ_ERR_FORMAT, "a: ");
    EXPECT(qoq_h5_children(&names, file, "a/y", 2, &err), QOQ_ERR_FORMAT, "a/y");
    qoq_h5_close(&file);
    file = create("a.h5");
    put_everything(file);
    cr_assert_eq(qoq_h5_commit(&file, NULL), QOQ_OK);
    file = open_again("a.h5");
    cr_assert_eq(qoq_h5_walk(&all, file, "a", 10, &err), QOQ_OK, "%s", err.text);
    cr_expect_eq(all.count, 2);
    cr_expect_str_eq(all.item[0].name, "b/x");
    cr_expect_str_eq(all.item[1].name, "y");
    cr_expect_null(all.item[0].data);
    cr_expect(all.item[0].dtype == QOQ_I16 && all.item[0].rank == 2 && all.item[0].dim[1] == 4);
    qoq_tensors_free(&all);
    cr_assert_eq(qoq_h5_walk(&all, file, "/", 10, &err), QOQ_OK, "%s", err.text);
    cr_expect_eq(all.count, 2);
    cr_expect_str_eq(all.item[0].name, "a/b/x");
    qoq_tensors_free(&all);
    EXPECT(qoq_h5_walk(&all, file, "/", 3, &err), QOQ_ERR_FORMAT, "members");
    cr_expect_eq(qoq_h5_exists(file, "a/b/x"), 1);
    cr_expect_eq(qoq_h5_exists(file, "a/b/y"), 0);
    cr_expect_eq(qoq_h5_exists(file, "a/y/z"), 0);
    qoq_h5_close(&file);
}

Test(h5, names_that_are_no_paths)
{
    static const char *const names[] = {"a//b", "a/", "..", "a/../b", ".", "a/./b", "//"};
    const size_t one = 1;
    struct qoq_h5 *file = create("a.h5");
    struct qoq_error err;
    int32_t data;
    char *name = malloc(3000);

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        cr_expect_neq(qoq_h5_read_into(&data, file, names[i], QOQ_I32, &one, 1, 0, &err), QOQ_OK,
                      "%s", names[i]);
    memset(name, 'x', 2999);
    name[2999] = 0;
    EXPECT(qoq_h5_read_into(&data, file, name, QOQ_I32, &one, 1, 0, &err), QOQ_ERR_ARGUMENT,
           "valid");
    free(name);
    qoq_h5_close(&file);
}

Test(h5, readers_get_what_they_ask_for)
{
    const size_t dim[2] = {3, 4}, other[2] = {3, 5}, any[2] = {3, QOQ_H5_ANY};
    struct qoq_h5 *file = create("a.h5");
    struct qoq_h5_want want;
    struct qoq_tensor tensor;
    struct qoq_error err;
    int16_t data[12];

    put_tensor(file, "x", QOQ_I16, dim, 2);
    cr_assert_eq(qoq_h5_commit(&file, NULL), QOQ_OK);
    file = open_again("a.h5");
    EXPECT(qoq_h5_read_into(data, file, "x", QOQ_F16, dim, 2, 1, &err), QOQ_ERR_FORMAT,
           "x: has type");
    EXPECT(qoq_h5_read_into(data, file, "x", QOQ_I16, dim, 1, 1, &err), QOQ_ERR_SHAPE,
           "x: has shape [3, 4], not [3]");
    EXPECT(qoq_h5_read_into(data, file, "x", QOQ_I16, other, 2, 1, &err), QOQ_ERR_SHAPE, "[3, 5]");
    cr_expect_eq(qoq_h5_read_into(data, file, "x", QOQ_I16, dim, 2, 1, &err), QOQ_OK);
    want = qoq_h5_exactly(QOQ_I16, any, 2);
    want.max_bytes = 23;
    EXPECT(qoq_h5_read(&tensor, file, "x", &want, &err), QOQ_ERR_SHAPE, "23 bytes");
    want.max_bytes = 24;
    cr_assert_eq(qoq_h5_read(&tensor, file, "x", &want, &err), QOQ_OK, "%s", err.text);
    qoq_tensor_free(&tensor);
    want = qoq_h5_anything();
    cr_assert_eq(qoq_h5_read(&tensor, file, "/x", &want, &err), QOQ_OK, "%s", err.text);
    qoq_tensor_free(&tensor);
    want.dtypes = 1u << QOQ_F32 | 1u << QOQ_F16;
    EXPECT(qoq_h5_read(&tensor, file, "x", &want, &err), QOQ_ERR_FORMAT, "x: has type i16");
    cr_assert_eq(qoq_h5_describe(&tensor, file, "x", &err), QOQ_OK);
    cr_expect(tensor.dtype == QOQ_I16 && tensor.rank == 2 && tensor.data == NULL);
    qoq_tensor_free(&tensor);
    qoq_h5_close(&file);
}

/* Reads all there is; whatever the bytes, it must return. */
static void read_everything(const char *path)
{
    struct qoq_h5_want want = qoq_h5_anything();
    struct qoq_h5_names words;
    struct qoq_tensors all;
    struct qoq_h5 *file;
    double real;
    char *text;

    if (qoq_h5_open(&file, path, NULL) != QOQ_OK)
        return;
    if (qoq_h5_check_format(file, "test", 3, NULL) == QOQ_OK &&
        qoq_h5_get_string(&text, file, "a", "text", NULL) == QOQ_OK)
        free(text);
    if (qoq_h5_get_strings(&words, file, "/", "words", 10, NULL) == QOQ_OK)
        qoq_h5_names_free(&words);
    if (qoq_h5_get_double(&real, file, "a/b", "real", -1, 1, NULL) == QOQ_OK)
        cr_expect(real >= -1 && real <= 1);
    want.max_bytes = 4096;
    if (qoq_h5_walk(&all, file, "/", 100, NULL) == QOQ_OK) {
        for (size_t i = 0; i < all.count; i++) {
            struct qoq_tensor tensor;
            if (qoq_h5_read(&tensor, file, all.item[i].name, &want, NULL) == QOQ_OK)
                qoq_tensor_free(&tensor);
        }
        qoq_tensors_free(&all);
    }
    qoq_h5_close(&file);
}

Test(h5, truncation_anywhere_fails_cleanly)
{
    struct qoq_h5 *file = create("a.h5");
    char *path = scratch_path("a.h5"), *cut = scratch_path("cut.h5"), *data;
    struct qoq_error err;
    size_t bytes;

    put_everything(file);
    cr_assert_eq(qoq_h5_commit(&file, NULL), QOQ_OK);
    data = slurp(&bytes, path);
    for (size_t length = 0; length < bytes; length += length < 100 ? 1 : 61) {
        cr_assert_eq(bad_write(cut, data, length), 0);
        cr_expect_eq(qoq_h5_open(&file, cut, &err), QOQ_ERR_FORMAT, "%zu bytes", length);
        cr_expect_null(file);
        cr_expect_not_null(strstr(err.text, "cut.h5: "), "%s", err.text);
    }
    free(data);
    free(path);
    free(cut);
}

Test(h5, flipped_bytes_never_crash, .timeout = 60)
{
    struct qoq_h5 *file = create("a.h5");
    char *path = scratch_path("a.h5"), *flipped = scratch_path("flipped.h5"), *data;
    size_t bytes;

    put_everything(file);
    cr_assert_eq(qoq_h5_commit(&file, NULL), QOQ_OK);
    data = slurp(&bytes, path);
    for (size_t i = 0; i < 1500; i++) {
        size_t at = (size_t)(random_number(2 * i) % bytes);
        char kept = data[at];
        data[at] = (char)random_number(2 * i + 1);
        cr_assert_eq(bad_write(flipped, data, bytes), 0);
        read_everything(flipped);
        data[at] = kept;
    }
    read_everything(path);
    free(data);
    free(path);
    free(flipped);
}

/* Files of newer formats and objects with two names are refused before the library reads them. */
Test(h5, structure_outside_the_subset)
{
    char *path = scratch_path("a.h5");
    hid_t list = H5Pcreate(H5P_FILE_ACCESS), id, type;
    struct qoq_h5 *file;
    struct qoq_error err;

    H5Pset_libver_bounds(list, H5F_LIBVER_LATEST, H5F_LIBVER_LATEST);
    H5Fclose(H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, list));
    H5Pclose(list);
    EXPECT(qoq_h5_open(&file, path, &err), QOQ_ERR_UNSUPPORTED, "superblock version");
    id = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    H5Gclose(H5Gcreate2(id, "one", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    H5Lcreate_hard(id, "one", id, "two", H5P_DEFAULT, H5P_DEFAULT);
    H5Fclose(id);
    EXPECT(qoq_h5_open(&file, path, &err), QOQ_ERR_UNSUPPORTED, "two: a second link");
    id = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    type = H5Tcopy(H5T_STD_I32LE);
    H5Tcommit2(id, "type", type, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    H5Tclose(type);
    H5Fclose(id);
    EXPECT(qoq_h5_open(&file, path, &err), QOQ_ERR_FORMAT, "type: damaged: neither group");
    free(path);
}

/* Every byte of a dataset's elements is covered by its sum. */
Test(h5, a_changed_element_is_noticed)
{
    const size_t dim = 40;
    struct qoq_h5 *file = create("a.h5");
    char *path = scratch_path("a.h5"), *data;
    struct qoq_error err;
    size_t bytes, at;
    int8_t kept[40], got[40];

    put_tensor(file, "x", QOQ_I8, &dim, 1);
    cr_assert_eq(qoq_h5_commit(&file, NULL), QOQ_OK);
    file = open_again("a.h5");
    cr_assert_eq(qoq_h5_read_into(kept, file, "x", QOQ_I8, &dim, 1, 1, &err), QOQ_OK);
    qoq_h5_close(&file);
    data = slurp(&bytes, path);
    for (at = 0; at + dim <= bytes && memcmp(data + at, kept, dim) != 0;)
        at++;
    cr_assert_leq(at + dim, bytes, "the elements lie in the file as they are");
    for (size_t i = 0; i < dim; i++) {
        data[at + i] ^= 1;
        cr_assert_eq(bad_write(path, data, bytes), 0);
        file = open_again("a.h5");
        EXPECT(qoq_h5_read_into(got, file, "x", QOQ_I8, &dim, 1, 0, &err), QOQ_ERR_FORMAT,
               "sha256");
        qoq_h5_close(&file);
        data[at + i] ^= 1;
    }
    free(data);
    free(path);
}
