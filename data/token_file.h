/* SPDX-License-Identifier: Apache-2.0 */
/* Token files: sequences of token ids with their origin, in HDF5 (doc/formats.md 2). */
#ifndef QOQ_DATA_TOKEN_FILE_H
#define QOQ_DATA_TOKEN_FILE_H

#include "data/error.h"

#define QOQ_TOKENS_FORMAT "qoq-tokens"
#define QOQ_TOKENS_VERSION 1

/* Sequence i is token[offset[i] .. offset[i + 1]). */
struct qoq_token_file {
    size_t vocab; /* ids are in [0, vocab) */
    size_t sequences;
    int64_t *offset;     /* [sequences + 1], ascending from 0 */
    int32_t *token;      /* [offset[sequences]] */
    char *tokenizer;     /* SHA-256 of the tokenizer.json, or a name; never NULL after reading */
    char *source;        /* name of the text; "" if not told */
    char *source_sha256; /* 64 digits, or "" */
};

/* Reads and checks; release with qoq_token_file_free. */
QOQ_CHECKED enum qoq_status qoq_token_file_read(struct qoq_token_file *out, const char *path,
                                                struct qoq_error *err);

/* Checks and writes. NULL strings are written as "". */
QOQ_CHECKED enum qoq_status qoq_token_file_write(const char *path,
                                                 const struct qoq_token_file *tokens,
                                                 struct qoq_error *err);

void qoq_token_file_free(struct qoq_token_file *tokens);

#endif
