/* SPDX-License-Identifier: Apache-2.0 */
/* Scratch files and expectations for the tests of data/. Include after config.h and Criterion. */
#ifndef QOQ_TESTS_DATA_SUPPORT_H
#define QOQ_TESTS_DATA_SUPPORT_H

#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "data/error.h"
#include "data/file.h"
#include "numerics/gen.h"
#include "tests/bad/bad.h"

/* The scratch directory of a test; made by scratch_begin, removed with its files by scratch_end. */
static char scratch[512];

static inline void scratch_begin(void)
{
    const char *base = getenv("TMPDIR");

    snprintf(scratch, sizeof scratch, "%s/qoq-test-XXXXXX", base != NULL ? base : "/tmp");
    cr_assert_not_null(mkdtemp(scratch), "cannot make %s", scratch);
}

/* scratch/name; free it. */
static inline char *scratch_path(const char *name)
{
    char *path = qoq_file_join(scratch, name);

    cr_assert_not_null(path);
    return path;
}

/* Files in the scratch directory; with `erase`, removed. */
static inline int scratch_files(int erase)
{
    DIR *directory = opendir(scratch);
    struct dirent *entry;
    int count = 0;

    while (directory != NULL && (entry = readdir(directory)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        count++;
        if (erase) {
            char *path = scratch_path(entry->d_name);
            unlink(path);
            free(path);
        }
    }
    if (directory != NULL)
        closedir(directory);
    return count;
}

static inline void scratch_end(void)
{
    scratch_files(1);
    rmdir(scratch);
}

/* QOQ_DATADIR/name; free it. */
static inline char *shipped(const char *name)
{
    const char *data = getenv("QOQ_DATADIR");

    cr_assert_not_null(data, "QOQ_DATADIR is not set");
    return qoq_file_join(data, name);
}

/* A whole file. */
static inline char *slurp(size_t *bytes, const char *path)
{
    struct qoq_error err;
    char *data;

    cr_assert_eq(qoq_file_read(&data, bytes, path, (size_t)1 << 28, &err), QOQ_OK, "%s", err.text);
    return data;
}

static inline void expect_same_bytes(const char *a, const char *b)
{
    size_t a_bytes, b_bytes;
    char *x = slurp(&a_bytes, a), *y = slurp(&b_bytes, b);

    cr_expect(a_bytes == b_bytes && memcmp(x, y, a_bytes) == 0, "%s and %s differ", a, b);
    free(x);
    free(y);
}

/* The status must be `want` and the one line must name file and field. */
static inline void expect_failure(enum qoq_status got, const struct qoq_error *err,
                                  enum qoq_status want, const char *file, const char *field)
{
    cr_expect_eq(got, want, "%s: status %d, not %d: %s", file, got, want, err->text);
    cr_expect_eq(err->status, want, "%s: the error says status %d", file, err->status);
    cr_expect_not_null(strstr(err->text, file), "\"%s\" does not name %s", err->text, file);
    cr_expect_not_null(strstr(err->text, field), "%s: \"%s\" does not name %s", file, err->text,
                       field);
    cr_expect_null(strchr(err->text, '\n'), "%s: more than one line", file);
    cr_expect_lt(strlen(err->text), sizeof err->text);
}

/* Makes each file of a corpus and expects that reading it fails as it should. */
static inline void walk_corpus(const struct bad_case *bad, size_t count,
                               enum qoq_status (*read)(const char *, struct qoq_error *))
{
    for (size_t i = 0; i < count; i++) {
        char *path = scratch_path(bad[i].name);
        struct qoq_error err = {QOQ_OK, ""};
        cr_assert_eq(bad[i].make(path, &bad[i]), 0, "%s: not made", bad[i].name);
        expect_failure(read(path, &err), &err, bad[i].status, bad[i].name, bad[i].field);
        unlink(path);
        free(path);
    }
    cr_expect_gt(count, 0);
}

/* The n-th number of a fixed sequence (splitmix64). */
static inline uint64_t random_number(uint64_t n)
{
    return qoq_gen(0, n);
}

#endif
