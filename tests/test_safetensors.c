/* SPDX-License-Identifier: Apache-2.0 */
/* safetensors: conversions, shards, the writer's bytes, and every way in which a header can lie. */
#include <config.h>

#include <math.h>
#include <sys/stat.h>

#include "data/safetensors.h"
#include "tests/data_support.h"

TestSuite(safetensors, .init = scratch_begin, .fini = scratch_end);

/* A file of this header and these bytes. */
static char *make_file(const char *name, const char *header, const void *data, size_t bytes)
{
    struct bad_case make = bad_safetensors[2];
    char *path = scratch_path(name);

    make.text = header;
    make.with = data;
    make.number = (long long)bytes;
    make.claimed = -1;
    cr_assert_eq(make.make(path, &make), 0);
    return path;
}

static struct qoq_safetensors *open_set(const char *path)
{
    struct qoq_safetensors *set;
    struct qoq_error err;

    cr_assert_eq(qoq_safetensors_open(&set, path, &err), QOQ_OK, "%s", err.text);
    return set;
}

static enum qoq_status open_and_close(const char *path, struct qoq_error *err)
{
    struct qoq_safetensors *set;
    enum qoq_status status = qoq_safetensors_open(&set, path, err);

    cr_expect(status == QOQ_OK || set == NULL);
    qoq_safetensors_close(&set);
    return status;
}

Test(safetensors, broken_files_are_refused)
{
    walk_corpus(bad_safetensors, bad_safetensors_count, open_and_close);
}

/* An odd header length puts every element at an odd place. */
Test(safetensors, types_are_widened_at_any_place)
{
    static const unsigned char data[] = {
        0xdb, 0x0f, 0x49, 0x40,                         /* f32 pi */
        0x00, 0x3c, 0x01, 0x00, 0xff, 0x7b, 0x00, 0x80, /* f16 1, 2^-24, 65504, -0 */
        0x80, 0x3f, 0x49, 0xc0, 0x01, 0x00,             /* bf16 1, -3.140625, 2^-133 */
    };
    const float expected[] = {3.14159274f, 1, 0x1p-24f, 65504, -0.0f, 1, -3.140625f, 0x1p-133f};
    const size_t one = 1, half[2] = {2, 2}, brain = 3;
    char *path = make_file("types.safetensors",
                           "{\"f\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
                           "\"h\":{\"dtype\":\"F16\",\"shape\":[2,2],\"data_offsets\":[4,12]},"
                           "\"b\":{\"dtype\":\"BF16\",\"shape\":[3],\"data_offsets\":[12,18]}}  ",
                           data, sizeof data);
    struct qoq_safetensors *set = open_set(path);
    struct qoq_error err;
    float got[8];

    cr_expect_eq(qoq_safetensors_count(set), 3);
    cr_expect_str_eq(qoq_safetensors_entry(set, 0)->name, "b");
    cr_expect_str_eq(qoq_safetensors_find(set, "h")->dtype, "F16");
    cr_assert_eq(qoq_safetensors_read_f32(got, set, "f", &one, 1, 1, &err), QOQ_OK);
    cr_assert_eq(qoq_safetensors_read_f32(got + 1, set, "h", half, 2, 1, &err), QOQ_OK);
    cr_assert_eq(qoq_safetensors_read_f32(got + 5, set, "b", &brain, 1, 1, &err), QOQ_OK);
    for (int i = 0; i < 8; i++)
        cr_expect(memcmp(&got[i], &expected[i], 4) == 0, "element %d: %a", i, (double)got[i]);
    qoq_safetensors_close(&set);
    free(path);
}

Test(safetensors, readers_get_what_they_ask_for)
{
    const size_t two = 2, three = 3, matrix[2] = {1, 2};
    const float data[2] = {1, 2};
    char *path = make_file("a.safetensors",
                           "{\"x\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
                           "\"n\":{\"dtype\":\"U32\",\"shape\":[0],\"data_offsets\":[8,8]},"
                           "\"new\":{\"dtype\":\"F2_WHAT\",\"shape\":[7],\"data_offsets\":[8,8]}}",
                           data, sizeof data);
    struct qoq_safetensors *set = open_set(path);
    struct qoq_tensor tensor;
    struct qoq_error err;
    float got[3];

#define EXPECT(call, status, field) expect_failure(call, &err, status, "a.safetensors", field)
    EXPECT(qoq_safetensors_read_f32(got, set, "y", &two, 1, 1, &err), QOQ_ERR_FORMAT, "y: missing");
    EXPECT(qoq_safetensors_read_f32(got, set, "x", &three, 1, 1, &err), QOQ_ERR_SHAPE,
           "x: has shape [2], not [3]");
    EXPECT(qoq_safetensors_read_f32(got, set, "x", matrix, 2, 1, &err), QOQ_ERR_SHAPE, "[1, 2]");
    EXPECT(qoq_safetensors_read_f32(got, set, "n", &(size_t){0}, 1, 1, &err), QOQ_ERR_UNSUPPORTED,
           "n: has type U32");
    EXPECT(qoq_safetensors_read(&tensor, set, "n", &err), QOQ_ERR_UNSUPPORTED, "n: type U32");
    EXPECT(qoq_safetensors_read(&tensor, set, "new", &err), QOQ_ERR_UNSUPPORTED, "F2_WHAT");
    cr_expect_null(qoq_safetensors_find(set, "y"));
    qoq_safetensors_close(&set);
    qoq_safetensors_close(&set);
    free(path);
}

/* NaN and infinity of each type, at the first, the last and a far place. */
Test(safetensors, weights_that_are_not_finite)
{
    static const struct {
        const char *dtype;
        size_t size;
        uint32_t bits;
    } bad[] = {{"F32", 4, 0x7fc00000}, {"F32", 4, 0xff800000}, {"F16", 2, 0x7c01},
               {"F16", 2, 0xfc00},     {"BF16", 2, 0x7f80},    {"BF16", 2, 0xff81}};
    const size_t count = 40000, places[] = {0, 39999, 33333};
    float *got = malloc(count * sizeof *got);
    char header[200], place[32];

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        size_t bytes = count * bad[i].size, at = places[i % 3];
        unsigned char *data = calloc(bytes, 1);
        struct qoq_safetensors *set;
        struct qoq_error err;
        char *path;
        for (size_t j = 0; j < bad[i].size; j++)
            data[at * bad[i].size + j] = (unsigned char)(bad[i].bits >> 8 * j);
        snprintf(header, sizeof header,
                 "{\"w\":{\"dtype\":\"%s\",\"shape\":[%zu],\"data_offsets\":[0,%zu]}}",
                 bad[i].dtype, count, bytes);
        path = make_file("a.safetensors", header, data, bytes);
        set = open_set(path);
        cr_expect_eq(qoq_safetensors_read_f32(got, set, "w", &count, 1, 0, &err), QOQ_OK);
        cr_expect(!isfinite(got[at]), "%s %x", bad[i].dtype, (unsigned)bad[i].bits);
        snprintf(place, sizeof place, "w: element %zu is", at);
        EXPECT(qoq_safetensors_read_f32(got, set, "w", &count, 1, 1, &err), QOQ_ERR_RANGE, place);
        qoq_safetensors_close(&set);
        free(path);
        free(data);
    }
    free(got);
}

/* The shipped model was written by convert.py: reading it and writing it gives the same bytes. */
Test(safetensors, written_bytes_are_those_of_the_shipped_file)
{
    char *path = shipped("models/stories260K/model.safetensors"), *copy = scratch_path("copy");
    struct qoq_safetensors *set = open_set(path);
    struct qoq_tensors all = {0, NULL};
    struct qoq_error err;

    cr_expect_eq(qoq_safetensors_count(set), 47);
    for (size_t i = qoq_safetensors_count(set); i-- > 0;) {
        struct qoq_tensor tensor;
        cr_assert_eq(qoq_safetensors_read(&tensor, set, qoq_safetensors_entry(set, i)->name, &err),
                     QOQ_OK, "%s", err.text);
        cr_assert_eq(qoq_tensors_add(&all, &tensor, &err), QOQ_OK);
    }
    cr_assert_eq(qoq_safetensors_write(copy, &all, "pt", &err), QOQ_OK, "%s", err.text);
    expect_same_bytes(path, copy);
    cr_expect_eq(scratch_files(0), 1);
    qoq_tensors_free(&all);
    qoq_safetensors_close(&set);
    free(path);
    free(copy);
}

Test(safetensors, every_type_and_rank_comes_back)
{
    const size_t dim[QOQ_MAX_RANK] = {2, 1, 3, 1, 2, 1, 1, 2}, none[3] = {2, 0, 9};
    char *path = scratch_path("a.safetensors"), name[16];
    struct qoq_tensors all = {0, NULL};
    struct qoq_safetensors *set;
    struct qoq_error err;

    for (int i = 0; i <= QOQ_DTYPES; i++) {
        struct qoq_tensor tensor;
        snprintf(name, sizeof name, "t%d", i);
        cr_assert_eq(qoq_tensor_create(&tensor, name, (enum qoq_dtype)(i % QOQ_DTYPES),
                                       i < QOQ_DTYPES ? dim : none, i < QOQ_DTYPES ? i % 9 : 3,
                                       &err),
                     QOQ_OK);
        for (size_t j = 0; j < qoq_tensor_bytes(&tensor); j++)
            ((unsigned char *)tensor.data)[j] = (unsigned char)random_number(j + (size_t)i);
        cr_assert_eq(qoq_tensors_add(&all, &tensor, &err), QOQ_OK);
    }
    cr_assert_eq(qoq_safetensors_write(path, &all, NULL, &err), QOQ_OK, "%s", err.text);
    set = open_set(path);
    for (size_t i = 0; i < all.count; i++) {
        struct qoq_tensor back;
        cr_assert_eq(qoq_safetensors_read(&back, set, all.item[i].name, &err), QOQ_OK, "%s",
                     err.text);
        cr_expect_eq(back.dtype, all.item[i].dtype);
        cr_expect_eq(back.rank, all.item[i].rank);
        cr_expect_eq(qoq_tensor_bytes(&back), qoq_tensor_bytes(&all.item[i]));
        cr_expect_eq(memcmp(back.data, all.item[i].data, qoq_tensor_bytes(&back)), 0);
        qoq_tensor_free(&back);
    }
    qoq_safetensors_close(&set);
    strcpy(all.item[1].name, "t0");
    expect_failure(qoq_safetensors_write(path, &all, NULL, &err), &err, QOQ_ERR_ARGUMENT,
                   "a.safetensors", "twice");
    strcpy(all.item[1].name, "\xff");
    expect_failure(qoq_safetensors_write(path, &all, NULL, &err), &err, QOQ_ERR_ARGUMENT,
                   "a.safetensors", "UTF-8");
    qoq_tensors_free(&all);
    free(path);
}

#define SHARD(tensor)                                                                              \
    "{\"" tensor "\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"                    \
    "\"spare\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}"

/* Two shards and an index in the scratch directory. */
static void make_shards(const char *index)
{
    const float data[4] = {1, 2, 3, 4};
    char *path = scratch_path("model.safetensors.index.json");

    free(make_file("s1.safetensors", SHARD("a"), data, 8));
    free(make_file("s2.safetensors", SHARD("b"), data + 2, 8));
    cr_assert_eq(bad_write(path, index, strlen(index)), 0);
    free(path);
}

Test(safetensors, shards_are_one_set)
{
    const size_t one = 1;
    struct qoq_safetensors *set;
    struct qoq_error err;
    float got;

    make_shards("{\"metadata\":{\"total_size\":-1},\"weight_map\":{\"a\":\"s1.safetensors\","
                "\"b\":\"s2.safetensors\",\"spare\":\"s2.safetensors\"}}");
    set = open_set(scratch);
    cr_expect_eq(qoq_safetensors_count(set), 3);
    cr_assert_eq(qoq_safetensors_read_f32(&got, set, "a", &one, 1, 1, &err), QOQ_OK);
    cr_expect(got == 1);
    cr_assert_eq(qoq_safetensors_read_f32(&got, set, "spare", &one, 1, 1, &err), QOQ_OK);
    cr_expect(got == 4, "the one that the index names");
    cr_expect_not_null(strstr(qoq_safetensors_find(set, "b")->name, "b"));
    qoq_safetensors_close(&set);
}

Test(safetensors, broken_indexes)
{
    static const struct {
        const char *index;
        enum qoq_status status;
        const char *file, *field;
    } cases[] = {
        {"", QOQ_ERR_FORMAT, "index.json", "JSON"},
        {"[]", QOQ_ERR_FORMAT, "index.json", "object"},
        {"{}", QOQ_ERR_FORMAT, "index.json", "weight_map: missing"},
        {"{\"weight_map\":[]}", QOQ_ERR_FORMAT, "index.json", "weight_map"},
        {"{\"weight_map\":{\"a\":1}}", QOQ_ERR_FORMAT, "index.json", "weight_map.a"},
        {"{\"weight_map\":{\"a\":\"../s1.safetensors\"}}", QOQ_ERR_FORMAT, "index.json", "plain"},
        {"{\"weight_map\":{\"a\":\"/etc/passwd\"}}", QOQ_ERR_FORMAT, "index.json", "plain"},
        {"{\"weight_map\":{\"a\":\"\"}}", QOQ_ERR_FORMAT, "index.json", "plain"},
        {"{\"weight_map\":{\"a\":\"..\"}}", QOQ_ERR_FORMAT, "index.json", "plain"},
        {"{\"weight_map\":{\"a\":\"s3.safetensors\"}}", QOQ_ERR_IO, "s3.safetensors", "No such"},
        {"{\"weight_map\":{\"a\":\"s2.safetensors\"}}", QOQ_ERR_FORMAT, "index.json",
         "weight_map.a"},
        {"{\"weight_map\":{\"a\":\"model.safetensors.index.json\"}}", QOQ_ERR_FORMAT, "index.json",
         "header"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct qoq_safetensors *set;
        struct qoq_error err = {QOQ_OK, ""};
        make_shards(cases[i].index);
        expect_failure(qoq_safetensors_open(&set, scratch, &err), &err, cases[i].status,
                       cases[i].file, cases[i].field);
        cr_expect_null(set);
    }
}

Test(safetensors, a_directory_without_weights)
{
    struct qoq_safetensors *set;
    struct qoq_error err;

    expect_failure(qoq_safetensors_open(&set, scratch, &err), &err, QOQ_ERR_IO, scratch,
                   "model.safetensors");
}

Test(safetensors, truncation_anywhere_fails_cleanly)
{
    const float data[2] = {1, 2};
    char *path = make_file("a.safetensors", SHARD("a"), data, 8), *whole;
    struct qoq_error err;
    size_t bytes;

    whole = slurp(&bytes, path);
    for (size_t length = 0; length < bytes; length++) {
        cr_assert_eq(bad_write(path, whole, length), 0);
        EXPECT(open_and_close(path, &err), QOQ_ERR_FORMAT, "");
    }
    free(whole);
    free(path);
}

/* One byte of the header replaced: refused, or read within bounds. */
Test(safetensors, changed_headers_never_crash)
{
    static const char replacement[] = "0123456789-+.eE{}[]\",: \\u\x01\x80\xff";
    const float data[2] = {1, 2};
    char *path = make_file("a.safetensors", SHARD("a"), data, 8), *whole;
    size_t bytes;

    whole = slurp(&bytes, path);
    for (size_t i = 0; i < 4000; i++) {
        size_t at = (size_t)(random_number(2 * i) % bytes);
        char kept = whole[at];
        struct qoq_safetensors *set;
        whole[at] = replacement[random_number(2 * i + 1) % (sizeof replacement - 1)];
        cr_assert_eq(bad_write(path, whole, bytes), 0);
        if (qoq_safetensors_open(&set, path, NULL) == QOQ_OK) {
            for (size_t j = 0; j < qoq_safetensors_count(set); j++) {
                struct qoq_tensor tensor;
                if (qoq_safetensors_read(&tensor, set, qoq_safetensors_entry(set, j)->name, NULL) ==
                    QOQ_OK)
                    cr_expect_leq(qoq_tensor_bytes(&tensor), 8);
                qoq_tensor_free(&tensor);
            }
            qoq_safetensors_close(&set);
        }
        whole[at] = kept;
    }
    free(whole);
    free(path);
}

/* A file cut after it was opened. */
Test(safetensors, a_file_that_shrinks)
{
    const float data[2] = {1, 2};
    const size_t one = 1;
    char *path = make_file("a.safetensors", SHARD("a"), data, 8);
    struct qoq_safetensors *set = open_set(path);
    struct qoq_error err;
    float got;

    cr_assert_eq(truncate(path, 100), 0);
    EXPECT(qoq_safetensors_read_f32(&got, set, "spare", &one, 1, 1, &err), QOQ_ERR_FORMAT,
           "too early");
    qoq_safetensors_close(&set);
    free(path);
}
