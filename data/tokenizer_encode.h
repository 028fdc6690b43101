/* SPDX-License-Identifier: Apache-2.0 */
/* The two kinds of tokenizers, for text[bytes] between added tokens, bytes > 0; only files
 * tokenizer*.c include this header. */
#ifndef QOQ_DATA_TOKENIZER_ENCODE_H
#define QOQ_DATA_TOKENIZER_ENCODE_H

#include "data/tokenizer_merge.h"

/* first: nothing comes before the text. */
QOQ_CHECKED enum qoq_status qoq_encode_marks(struct qoq_token_list *list,
                                             const struct qoq_tokenizer *tokenizer,
                                             const char *text, size_t bytes, int first,
                                             struct qoq_error *err);

/* QOQ_ERR_UNSUPPORTED: a byte of the text has no token. */
QOQ_CHECKED enum qoq_status qoq_encode_bytes(struct qoq_token_list *list,
                                             const struct qoq_tokenizer *tokenizer,
                                             const char *text, size_t bytes, struct qoq_error *err);

#endif
