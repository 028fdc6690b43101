/* SPDX-License-Identifier: Apache-2.0 */
/* The ground of data/: messages, tensors, sums, files that appear only when complete. */
#include <config.h>

#include <fcntl.h>
#include <sys/stat.h>

#include "data/sha256.h"
#include "data/tensor.h"
#include "tests/data_support.h"

TestSuite(data, .init = scratch_begin, .fini = scratch_end);

Test(data, message_has_file_field_reason)
{
    struct qoq_error err;

    cr_expect_eq(qoq_fail(&err, QOQ_ERR_RANGE, "a.h5", "b@c", "%d is too large", 7), QOQ_ERR_RANGE);
    cr_expect_str_eq(err.text, "a.h5: b@c: 7 is too large");
    cr_expect_eq(err.status, QOQ_ERR_RANGE);
    cr_expect_eq(qoq_fail(&err, QOQ_ERR_IO, NULL, NULL, "x"), QOQ_ERR_IO);
    cr_expect_str_eq(err.text, "x");
    cr_expect_eq(qoq_fail(NULL, QOQ_ERR_IO, "a", "b", "c"), QOQ_ERR_IO);
}

Test(data, message_escapes_what_is_not_printable)
{
    static const struct {
        const char *name, *shown;
    } cases[] = {
        {"a\nb\tc", "a\\x0Ab\\x09c"},
        {"\x1b[31m", "\\x1B[31m"},
        {"\x7f", "\\x7F"},
        {"caf\xc3\xa9 \xe2\x96\x81 \xf0\x9f\x99\x82", "caf\xc3\xa9 \xe2\x96\x81 \xf0\x9f\x99\x82"},
        {"\xc2\x85", "\\xC2\\x85"},          /* a C1 control */
        {"\xc0\xaf", "\\xC0\\xAF"},          /* overlong */
        {"\xed\xa0\x80", "\\xED\\xA0\\x80"}, /* a surrogate */
        {"\xf4\x90\x80\x80", "\\xF4\\x90\\x80\\x80"},
        {"\xe2\x96", "\\xE2\\x96"}, /* cut */
        {"\xff", "\\xFF"},
    };
    char expected[128];

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct qoq_error err;
        cr_expect_eq(qoq_fail(&err, QOQ_ERR_FORMAT, cases[i].name, NULL, "-"), QOQ_ERR_FORMAT);
        snprintf(expected, sizeof expected, "%s: -", cases[i].shown);
        cr_expect_str_eq(err.text, expected);
    }
}

Test(data, long_names_keep_the_reason)
{
    char name[2000];
    struct qoq_error err;

    memset(name, 'n', sizeof name);
    name[sizeof name - 1] = 0;
    cr_expect_eq(qoq_fail(&err, QOQ_ERR_FORMAT, name, name, "the reason"), QOQ_ERR_FORMAT);
    cr_expect_not_null(strstr(err.text, "nn: the reason"), "%s", err.text);
    memset(name, 1, sizeof name - 1);
    cr_expect_eq(qoq_fail(&err, QOQ_ERR_FORMAT, name, name, "%s", name), QOQ_ERR_FORMAT);
    cr_expect_str_eq(err.text + strlen(err.text) - 3, "...");
}

/* FIPS 180-4 examples, and lengths around the block size against each other. */
Test(data, sha256_vectors)
{
    static const char *const vector[][2] = {
        {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
        {"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopq"
         "klmnopqrlmnopqrsmnopqrstnopqrstu",
         "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"},
    };
    struct qoq_sha256 sum;
    char hex[65], thousand[1000];

    for (size_t i = 0; i < 4; i++) {
        qoq_sha256_hex(hex, vector[i][0], strlen(vector[i][0]));
        cr_expect_str_eq(hex, vector[i][1]);
    }
    memset(thousand, 'a', sizeof thousand);
    qoq_sha256_begin(&sum);
    for (int i = 0; i < 1000; i++)
        qoq_sha256_add(&sum, thousand, sizeof thousand);
    qoq_sha256_end(hex, &sum);
    cr_expect_str_eq(hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

Test(data, sha256_does_not_depend_on_pieces)
{
    unsigned char data[300];
    char whole[65], pieces[65];

    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (unsigned char)random_number(i);
    for (size_t length = 0; length <= sizeof data; length++) {
        size_t step = 1 + (size_t)(random_number(length) % 70);
        struct qoq_sha256 sum;
        qoq_sha256_hex(whole, data, length);
        qoq_sha256_begin(&sum);
        for (size_t at = 0; at < length; at += step)
            qoq_sha256_add(&sum, data + at, length - at < step ? length - at : step);
        qoq_sha256_end(pieces, &sum);
        cr_expect_str_eq(pieces, whole, "length %zu, step %zu", length, step);
    }
}

Test(data, tensor_sizes)
{
    static const size_t size[QOQ_DTYPES] = {
        [QOQ_F32] = 4, [QOQ_F16] = 2, [QOQ_BF16] = 2, [QOQ_I8] = 1,  [QOQ_U8] = 1,
        [QOQ_I16] = 2, [QOQ_I32] = 4, [QOQ_I64] = 8,  [QOQ_F64] = 8,
    };
    const size_t huge[3] = {SIZE_MAX / 2, 3, 1}, empty[2] = {SIZE_MAX, 0};
    struct qoq_tensor tensor;
    struct qoq_error err;
    size_t bytes;

    for (int i = 0; i < QOQ_DTYPES; i++)
        cr_expect_eq(qoq_dtype_size((enum qoq_dtype)i), size[i], "dtype %d", i);
    cr_expect_eq(qoq_dtype_size(QOQ_DTYPES), 0);
    cr_expect_str_eq(qoq_dtype_name(QOQ_BF16), "bf16");
    cr_expect_str_eq(qoq_dtype_name((enum qoq_dtype)99), "?");
    cr_expect_eq(qoq_shape_bytes(&bytes, QOQ_I8, huge, 3), -1);
    cr_expect_eq(qoq_shape_bytes(&bytes, QOQ_F32, huge, 1), -1);
    cr_expect_eq(qoq_shape_bytes(&bytes, QOQ_F32, huge, 9), -1);
    cr_expect_eq(qoq_shape_bytes(&bytes, QOQ_F32, empty, 2), 0);
    cr_expect_eq(bytes, 0);
    cr_expect_eq(qoq_shape_bytes(&bytes, QOQ_F64, NULL, 0), 0);
    cr_expect_eq(bytes, 8);
    expect_failure(qoq_tensor_create(&tensor, "big", QOQ_F32, huge, 3, &err), &err, QOQ_ERR_SHAPE,
                   "big", "overflows");
}

Test(data, tensor_lists)
{
    struct qoq_tensors list = {0, NULL};
    const size_t dim[2] = {2, 3};
    char name[16], text[8];

    for (int i = 0; i < 20; i++) {
        struct qoq_tensor tensor;
        snprintf(name, sizeof name, "t%d", i);
        cr_assert_eq(qoq_tensor_create(&tensor, name, QOQ_F16, dim, 2, NULL), QOQ_OK);
        cr_expect_eq(qoq_tensor_bytes(&tensor), 12);
        cr_assert_eq(qoq_tensors_add(&list, &tensor, NULL), QOQ_OK);
        cr_expect_null(tensor.name);
    }
    cr_expect_eq(list.count, 20);
    cr_expect_eq(qoq_tensors_find(&list, "t13"), &list.item[13]);
    cr_expect_null(qoq_tensors_find(&list, "t20"));
    cr_expect_str_eq(qoq_shape_text(text, sizeof text, dim, 2), "[2, 3]");
    cr_expect_str_eq(qoq_shape_text(text, 4, dim, 2), "[2,");
    qoq_tensors_free(&list);
    cr_expect_eq(list.count, 0);
}

Test(data, output_appears_only_when_committed)
{
    char *path = scratch_path("out");
    struct qoq_output out;
    struct stat about;
    size_t bytes;
    char *back;

    cr_assert_eq(bad_write(path, "old", 3), 0);
    cr_assert_eq(qoq_output_begin(&out, path, NULL), QOQ_OK);
    cr_assert_eq(qoq_output_write(&out, "new contents", 12, NULL), QOQ_OK);
    back = slurp(&bytes, path);
    cr_expect_str_eq(back, "old");
    free(back);
    cr_expect_eq(scratch_files(0), 2, "the temporary file lies beside");
    cr_assert_eq(qoq_output_commit(&out, NULL), QOQ_OK);
    back = slurp(&bytes, path);
    cr_expect_str_eq(back, "new contents");
    free(back);
    cr_expect_eq(scratch_files(0), 1);
    cr_expect_eq(stat(path, &about), 0);
    cr_expect_eq(about.st_mode & 0111, 0);
    qoq_output_discard(&out);
    free(path);
}

Test(data, discarded_output_leaves_nothing)
{
    char *path = scratch_path("out");
    struct qoq_output out, other;

    cr_assert_eq(qoq_output_begin(&out, path, NULL), QOQ_OK);
    cr_assert_eq(qoq_output_begin(&other, path, NULL), QOQ_OK, "two writers do not meet");
    cr_assert_eq(qoq_output_write(&out, "x", 1, NULL), QOQ_OK);
    qoq_output_discard(&out);
    qoq_output_discard(&other);
    cr_expect_eq(scratch_files(0), 0);
    free(path);
}

Test(data, odd_places_are_refused)
{
    char *fifo = scratch_path("fifo"), *missing = scratch_path("no/such/place");
    struct qoq_error err;
    struct qoq_output out;
    uint64_t size;
    size_t bytes;
    int descriptor;
    char *data;

    cr_assert_eq(mkfifo(fifo, 0600), 0);
    expect_failure(qoq_file_open(&descriptor, &size, fifo, &err), &err, QOQ_ERR_IO, "fifo",
                   "regular");
    expect_failure(qoq_file_read(&data, &bytes, scratch, 100, &err), &err, QOQ_ERR_IO, scratch,
                   "regular");
    expect_failure(qoq_file_read(&data, &bytes, missing, 100, &err), &err, QOQ_ERR_IO,
                   "no/such/place", "No such file");
    expect_failure(qoq_output_begin(&out, fifo, &err), &err, QOQ_ERR_IO, "fifo", "regular");
    expect_failure(qoq_output_begin(&out, scratch, &err), &err, QOQ_ERR_IO, scratch, "regular");
    expect_failure(qoq_output_begin(&out, missing, &err), &err, QOQ_ERR_IO, "no/such/place",
                   "No such file");
    free(fifo);
    free(missing);
}

Test(data, size_limit_comes_before_reading)
{
    char *path = scratch_path("large");
    struct qoq_error err;
    size_t bytes;
    char *data;

    cr_assert_eq(bad_write(path, "0123456789", 10), 0);
    expect_failure(qoq_file_read(&data, &bytes, path, 9, &err), &err, QOQ_ERR_UNSUPPORTED, "large",
                   "9 bytes");
    cr_assert_eq(qoq_file_read(&data, &bytes, path, 10, &err), QOQ_OK);
    cr_expect_eq(bytes, 10);
    cr_expect_eq(data[10], 0);
    free(data);
    free(path);
}
