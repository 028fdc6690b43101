/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of tokenizer.json, as tokenizer_load.c reads them one after another; nobody else
 * includes this header. */
#ifndef QOQ_DATA_TOKENIZER_JSON_H
#define QOQ_DATA_TOKENIZER_JSON_H

#include "data/json.h"
#include "data/tokenizer_internal.h"

/* Fails with the type that is not supported. */
enum qoq_status qoq_tokenizer_refuse_type(const struct qoq_json_object *object, const char *type);

/* Fails where a flag is true. */
QOQ_CHECKED enum qoq_status qoq_tokenizer_refuse_flag(const struct qoq_json_object *object,
                                                      const char *key);

/* Calls step for each object of the array at key. */
typedef enum qoq_status qoq_tokenizer_step(struct qoq_tokenizer *out, int *marks,
                                           const struct qoq_json_object *item);
QOQ_CHECKED enum qoq_status qoq_tokenizer_each(struct qoq_tokenizer *out, int *marks,
                                               const struct qoq_json_object *sequence,
                                               const char *key, qoq_tokenizer_step *step);

/* Whether the text is cut and merged as bytes, rather than as characters with marks for spaces. */
int qoq_tokenizer_is_byte_level(const struct qoq_json_object *root);

/* Normalization and splits of the byte-level kind. */
QOQ_CHECKED enum qoq_status qoq_tokenizer_load_byte_level(struct qoq_tokenizer *out,
                                                          const struct qoq_json_object *root);

/* The same stages of the other kind: spaces become marks (*marks is set to 1), a mark may come
 * first. */
QOQ_CHECKED enum qoq_status qoq_tokenizer_load_normalizer(struct qoq_tokenizer *out, int *marks,
                                                          const struct qoq_json_object *root);
QOQ_CHECKED enum qoq_status qoq_tokenizer_load_pre_tokenizer(struct qoq_tokenizer *out, int *marks,
                                                             const struct qoq_json_object *root);

/* Only stages that undo the above. */
QOQ_CHECKED enum qoq_status qoq_tokenizer_check_decoder(struct qoq_tokenizer *out,
                                                        const struct qoq_json_object *root);

/* Vocabulary, then added tokens, then the table of pieces, then merges. */
QOQ_CHECKED enum qoq_status qoq_tokenizer_load_vocab(struct qoq_tokenizer *out,
                                                     const struct qoq_json_object *model);
QOQ_CHECKED enum qoq_status qoq_tokenizer_load_added(struct qoq_tokenizer *out,
                                                     const struct qoq_json_object *root);
QOQ_CHECKED enum qoq_status qoq_tokenizer_make_pieces(struct qoq_tokenizer *out,
                                                      const struct qoq_json_object *root);
QOQ_CHECKED enum qoq_status qoq_tokenizer_load_merges(struct qoq_tokenizer *out,
                                                      const struct qoq_json_object *model);

/* The token that comes before a text. Needs the table of pieces. */
QOQ_CHECKED enum qoq_status qoq_tokenizer_load_template(struct qoq_tokenizer *out,
                                                        const struct qoq_json_object *root);

#endif
