/* SPDX-License-Identifier: Apache-2.0 */
/* Token files: what is written comes back, and what a reader must refuse. */
#include <config.h>

#include "data/h5.h"
#include "data/token_file.h"
#include "data/tokenizer.h"
#include "tests/data_support.h"

TestSuite(token_file, .init = scratch_begin, .fini = scratch_end);

static enum qoq_status read_and_free(const char *path, struct qoq_error *err)
{
    struct qoq_token_file tokens;
    enum qoq_status status = qoq_token_file_read(&tokens, path, err);

    if (status != QOQ_OK)
        cr_expect(tokens.token == NULL && tokens.source == NULL);
    qoq_token_file_free(&tokens);
    return status;
}

Test(token_file, broken_files_are_refused)
{
    walk_corpus(bad_tokens, bad_tokens_count, read_and_free);
}

Test(token_file, sequences_come_back)
{
    char *path = scratch_path("tokens.h5"), *again = scratch_path("again.h5");
    struct qoq_token_file tokens;
    struct qoq_error err;

    cr_assert_eq(good_tokens(path), 0);
    cr_assert_eq(qoq_token_file_read(&tokens, path, &err), QOQ_OK, "%s", err.text);
    cr_expect(tokens.vocab == 10 && tokens.sequences == 3);
    cr_expect(tokens.offset[1] == 3 && tokens.offset[2] == 3 && tokens.offset[3] == 8);
    cr_expect(tokens.token[0] == 1 && tokens.token[7] == 2);
    cr_expect_str_eq(tokens.tokenizer, "a tokenizer");
    cr_expect_str_eq(tokens.source, "a text");
    cr_expect_str_eq(tokens.source_sha256, "");
    cr_assert_eq(qoq_token_file_write(again, &tokens, &err), QOQ_OK, "%s", err.text);
    expect_same_bytes(path, again);
    qoq_token_file_free(&tokens);
    free(path);
    free(again);
}

Test(token_file, no_sequences)
{
    char *path = scratch_path("none.h5");
    int64_t offset = 0;
    struct qoq_token_file tokens = {1, 0, &offset, NULL, NULL, NULL, NULL};
    struct qoq_error err;

    cr_assert_eq(qoq_token_file_write(path, &tokens, &err), QOQ_OK, "%s", err.text);
    cr_assert_eq(qoq_token_file_read(&tokens, path, &err), QOQ_OK, "%s", err.text);
    cr_expect_eq(tokens.sequences, 0);
    qoq_token_file_free(&tokens);
    free(path);
}

Test(token_file, bad_tokens_are_not_written)
{
    char *path = scratch_path("bad.h5");
    int64_t offset[] = {0, 2}, first[] = {1, 2}, down[] = {0, -1};
    int32_t token[] = {0, 5};
    struct qoq_token_file tokens = {5, 1, offset, token, NULL, NULL, NULL};
    struct qoq_error err;

    expect_failure(qoq_token_file_write(path, &tokens, &err), &err, QOQ_ERR_RANGE, "bad.h5",
                   "tokens: element 1 is 5");
    token[1] = -1;
    expect_failure(qoq_token_file_write(path, &tokens, &err), &err, QOQ_ERR_RANGE, "bad.h5",
                   "is -1");
    token[1] = 4;
    tokens.offset = first;
    expect_failure(qoq_token_file_write(path, &tokens, &err), &err, QOQ_ERR_RANGE, "bad.h5",
                   "offsets");
    tokens.offset = down;
    expect_failure(qoq_token_file_write(path, &tokens, &err), &err, QOQ_ERR_RANGE, "bad.h5",
                   "offsets");
    tokens.offset = offset;
    tokens.vocab = (size_t)1 << 25;
    expect_failure(qoq_token_file_write(path, &tokens, &err), &err, QOQ_ERR_RANGE, "bad.h5",
                   "vocab");
    cr_expect_eq(scratch_files(0), 0);
    free(path);
}

/* The shipped file was written by h5py; its tokens are those that our tokenizer gives for its text.
 */
Test(token_file, shipped_tokens_are_the_encoded_text)
{
    char *path = shipped("models/stories260K/heldout.tokens.h5");
    char *text_path = shipped("models/stories260K/heldout.txt");
    char *model = shipped("models/stories260K"), *text, *line;
    struct qoq_tokenizer *tokenizer;
    struct qoq_token_file tokens;
    struct qoq_error err;
    size_t bytes;

    cr_assert_eq(qoq_token_file_read(&tokens, path, &err), QOQ_OK, "%s", err.text);
    cr_assert_eq(qoq_tokenizer_load(&tokenizer, model, &err), QOQ_OK, "%s", err.text);
    cr_expect_str_eq(tokens.tokenizer, qoq_tokenizer_sha256(tokenizer));
    cr_expect(tokens.vocab == qoq_tokenizer_vocab(tokenizer) && tokens.sequences == 400);
    line = text = slurp(&bytes, text_path);
    for (size_t i = 0; i < tokens.sequences; i++) {
        size_t length = strcspn(line, "\n"), count, stored;
        int32_t *token;
        cr_assert_eq(
            qoq_tokenizer_encode(&token, &count, tokenizer, line, length, QOQ_ENCODE_BOS, &err),
            QOQ_OK);
        stored = (size_t)(tokens.offset[i + 1] - tokens.offset[i]);
        cr_assert_eq(stored, count < 512 ? count : 512, "line %zu", i);
        cr_expect_eq(memcmp(token, tokens.token + tokens.offset[i], stored * sizeof *token), 0,
                     "line %zu", i);
        free(token);
        line += length + 1;
    }
    cr_expect_eq((size_t)(line - text), bytes, "all lines are there");
    free(text);
    qoq_token_file_free(&tokens);
    qoq_tokenizer_free(tokenizer);
    free(path);
    free(text_path);
    free(model);
}
