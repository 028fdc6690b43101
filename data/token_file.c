/* SPDX-License-Identifier: Apache-2.0 */
/* Token files: checked when read and before they are written. */
#include "data/token_file.h"

#include <stdlib.h>
#include <string.h>

#include "data/h5.h"

#define MAX_VOCAB ((int64_t)1 << 24)
#define MAX_SEQUENCES ((size_t)1 << 31)

void qoq_token_file_free(struct qoq_token_file *tokens)
{
    free(tokens->offset);
    free(tokens->token);
    free(tokens->tokenizer);
    free(tokens->source);
    free(tokens->source_sha256);
    memset(tokens, 0, sizeof *tokens);
}

/* offsets ascend from 0 to `total`. */
static enum qoq_status check_offsets(const struct qoq_token_file *tokens, uint64_t total,
                                     const char *path, struct qoq_error *err)
{
    if (tokens->offset[0] != 0)
        return qoq_fail(err, QOQ_ERR_RANGE, path, "offsets", "must begin with 0");
    for (size_t i = 0; i < tokens->sequences; i++) {
        if (tokens->offset[i + 1] < tokens->offset[i])
            return qoq_fail(err, QOQ_ERR_RANGE, path, "offsets", "descend at element %zu", i + 1);
    }
    if ((uint64_t)tokens->offset[tokens->sequences] != total)
        return qoq_fail(err, QOQ_ERR_SHAPE, path, "offsets",
                        "end at %lld, but there are %llu tokens",
                        (long long)tokens->offset[tokens->sequences], (unsigned long long)total);
    return QOQ_OK;
}

static enum qoq_status check_tokens(const struct qoq_token_file *tokens, size_t total,
                                    const char *path, struct qoq_error *err)
{
    for (size_t i = 0; i < total; i++) {
        if (tokens->token[i] < 0 || (size_t)tokens->token[i] >= tokens->vocab)
            return qoq_fail(err, QOQ_ERR_RANGE, path, "tokens",
                            "element %zu is %ld, not in the vocabulary of %zu", i,
                            (long)tokens->token[i], tokens->vocab);
    }
    return QOQ_OK;
}

/* A string attribute that may be missing: "" then. */
static enum qoq_status get_text(char **text, struct qoq_h5 *file, const char *name,
                                struct qoq_error *err)
{
    if (qoq_h5_has(file, "/", name))
        return qoq_h5_get_string(text, file, "/", name, err);
    *text = calloc(1, 1);
    return *text != NULL ? QOQ_OK : qoq_fail_memory(err, qoq_h5_path(file), name, 1);
}

static enum qoq_status read_header(struct qoq_token_file *out, struct qoq_h5 *file,
                                   struct qoq_error *err)
{
    int64_t vocab = 0;
    enum qoq_status status = qoq_h5_check_format(file, QOQ_TOKENS_FORMAT, QOQ_TOKENS_VERSION, err);

    if (status == QOQ_OK)
        status = qoq_h5_get_int(&vocab, file, "/", "vocab", 1, MAX_VOCAB, err);
    out->vocab = (size_t)vocab;
    if (status == QOQ_OK)
        status = get_text(&out->tokenizer, file, "tokenizer", err);
    if (status == QOQ_OK)
        status = get_text(&out->source, file, "source", err);
    if (status == QOQ_OK)
        status = get_text(&out->source_sha256, file, "source_sha256", err);
    return status;
}

/* Reads a vector of any length into *data, which it passes on. */
static enum qoq_status read_vector(void **data, size_t *count, struct qoq_h5 *file,
                                   const char *name, enum qoq_dtype dtype, struct qoq_error *err)
{
    const size_t any = QOQ_H5_ANY;
    struct qoq_h5_want want = qoq_h5_exactly(dtype, &any, 1);
    struct qoq_tensor tensor;
    enum qoq_status status;

    want.need_sum = 0;
    status = qoq_h5_read(&tensor, file, name, &want, err);
    if (status != QOQ_OK)
        return status;
    *data = tensor.data;
    *count = tensor.dim[0];
    tensor.data = NULL;
    qoq_tensor_free(&tensor);
    return QOQ_OK;
}

static enum qoq_status read_all(struct qoq_token_file *out, struct qoq_h5 *file,
                                struct qoq_error *err)
{
    const char *path = qoq_h5_path(file);
    size_t total = 0, marks = 0;
    void *offsets = NULL, *tokens = NULL;
    enum qoq_status status = read_header(out, file, err);

    if (status == QOQ_OK)
        status = read_vector(&offsets, &marks, file, "offsets", QOQ_I64, err);
    out->offset = offsets;
    if (status == QOQ_OK && (marks < 1 || marks > MAX_SEQUENCES))
        status = qoq_fail(err, QOQ_ERR_SHAPE, path, "offsets", "%zu elements", marks);
    if (status == QOQ_OK)
        status = read_vector(&tokens, &total, file, "tokens", QOQ_I32, err);
    out->token = tokens;
    out->sequences = marks > 0 ? marks - 1 : 0;
    if (status == QOQ_OK)
        status = check_offsets(out, total, path, err);
    if (status == QOQ_OK)
        status = check_tokens(out, total, path, err);
    return status;
}

enum qoq_status qoq_token_file_read(struct qoq_token_file *out, const char *path,
                                    struct qoq_error *err)
{
    struct qoq_h5 *file;
    enum qoq_status status;

    memset(out, 0, sizeof *out);
    status = qoq_h5_open(&file, path, err);
    if (status != QOQ_OK)
        return status;
    status = read_all(out, file, err);
    qoq_h5_close(&file);
    if (status != QOQ_OK)
        qoq_token_file_free(out);
    return status;
}

static enum qoq_status write_vector(struct qoq_h5 *file, const char *name, enum qoq_dtype dtype,
                                    const void *data, size_t count, struct qoq_error *err)
{
    /* Writing neither changes nor keeps name and data. */
    struct qoq_tensor tensor = {
        (char *)(uintptr_t)name, dtype, 1, {count}, (void *)(uintptr_t)data};

    return qoq_h5_write(file, &tensor, err);
}

static enum qoq_status write_all(struct qoq_h5 *file, const struct qoq_token_file *tokens,
                                 struct qoq_error *err)
{
    const struct {
        const char *name, *value;
    } text[] = {{"tokenizer", tokens->tokenizer},
                {"source", tokens->source},
                {"source_sha256", tokens->source_sha256}};
    enum qoq_status status = qoq_h5_put_format(file, QOQ_TOKENS_FORMAT, QOQ_TOKENS_VERSION, err);

    if (status == QOQ_OK)
        status = qoq_h5_put_int(file, "/", "vocab", (int64_t)tokens->vocab, err);
    for (size_t i = 0; i < 3 && status == QOQ_OK; i++)
        status = qoq_h5_put_string(file, "/", text[i].name,
                                   text[i].value != NULL ? text[i].value : "", err);
    if (status == QOQ_OK)
        status = write_vector(file, "offsets", QOQ_I64, tokens->offset, tokens->sequences + 1, err);
    if (status == QOQ_OK)
        status = write_vector(file, "tokens", QOQ_I32, tokens->token,
                              (size_t)tokens->offset[tokens->sequences], err);
    return status;
}

enum qoq_status qoq_token_file_write(const char *path, const struct qoq_token_file *tokens,
                                     struct qoq_error *err)
{
    size_t total = (size_t)tokens->offset[tokens->sequences];
    struct qoq_h5 *file;
    enum qoq_status status = check_offsets(tokens, total, path, err);

    if (status == QOQ_OK && (tokens->vocab < 1 || tokens->vocab > (size_t)MAX_VOCAB))
        status = qoq_fail(err, QOQ_ERR_RANGE, path, "vocab", "%zu", tokens->vocab);
    if (status == QOQ_OK)
        status = check_tokens(tokens, total, path, err);
    if (status == QOQ_OK)
        status = qoq_h5_create(&file, path, err);
    if (status != QOQ_OK)
        return status;
    status = write_all(file, tokens, err);
    if (status != QOQ_OK) {
        qoq_h5_close(&file);
        return status;
    }
    return qoq_h5_commit(&file, err);
}
