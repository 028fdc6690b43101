/* SPDX-License-Identifier: Apache-2.0 */
/* The tokenizer: known encodings, a slow second encoder, round trips of any bytes, other layouts of
 * the file. */
#include <config.h>

#include "data/sha256.h"
#include "data/tokenizer.h"
#include "tests/data_support.h"

TestSuite(tokenizer, .init = scratch_begin, .fini = scratch_end);

static char *tokenizer_text(void)
{
    char *path = shipped("models/stories260K/tokenizer.json"), *text;
    size_t bytes;

    text = slurp(&bytes, path);
    free(path);
    return text;
}

static struct qoq_tokenizer *parse(const char *text)
{
    struct qoq_tokenizer *tokenizer;
    struct qoq_error err = {QOQ_OK, ""};

    cr_assert_eq(qoq_tokenizer_parse(&tokenizer, "tokenizer.json", text, strlen(text), &err),
                 QOQ_OK, "%s", err.text);
    return tokenizer;
}

static struct qoq_tokenizer *load_shipped(void)
{
    char *text = tokenizer_text();
    struct qoq_tokenizer *tokenizer = parse(text);

    free(text);
    return tokenizer;
}

static enum qoq_status load(const char *path, struct qoq_error *err)
{
    struct qoq_tokenizer *tokenizer;
    enum qoq_status status = qoq_tokenizer_load(&tokenizer, path, err);

    cr_expect(status == QOQ_OK || tokenizer == NULL);
    qoq_tokenizer_free(tokenizer);
    return status;
}

Test(tokenizer, broken_files_are_refused, .timeout = 60)
{
    walk_corpus(bad_tokenizers, bad_tokenizers_count, load);
}

/* Encodes text and compares with a list of ids that ends with -1. */
static void expect_ids(const struct qoq_tokenizer *tokenizer, const char *text, int flags,
                       const int32_t *expected)
{
    int32_t *token;
    size_t count, length = 0;
    struct qoq_error err;

    cr_assert_eq(qoq_tokenizer_encode(&token, &count, tokenizer, text, strlen(text), flags, &err),
                 QOQ_OK);
    while (expected[length] >= 0)
        length++;
    cr_expect_eq(count, length, "\"%s\": %zu tokens, not %zu", text, count, length);
    for (size_t i = 0; i < count && i < length; i++)
        cr_expect_eq(token[i], expected[i], "\"%s\" token %zu: %d, not %d", text, i, (int)token[i],
                     (int)expected[i]);
    free(token);
}

#define IDS(...) ((const int32_t[]){__VA_ARGS__, -1})

/* From the score-based encoder of the model's origin. */
Test(tokenizer, known_encodings)
{
    struct qoq_tokenizer *t = load_shipped();

    cr_expect_eq(qoq_tokenizer_vocab(t), 512);
    cr_expect_eq(qoq_tokenizer_bos(t), 1);
    expect_ids(t, "", QOQ_ENCODE_BOS, IDS(1));
    expect_ids(t, "", 0, IDS(-1));
    expect_ids(t, "Once upon a time, there was a little girl named Lily.", QOQ_ENCODE_BOS,
               IDS(1, 403, 407, 261, 378, 432, 383, 286, 261, 376, 298, 315, 421, 395, 317, 426));
    expect_ids(t, "Lily's mom said, \"Lily, let's go to the park.\"", 0,
               IDS(317, 439, 419, 357, 336, 432, 313, 438, 310, 432, 278, 316, 439, 419, 298, 414,
                   267, 265, 282, 295, 433, 426, 436));
    expect_ids(t, "\n\xe6\x97\xa5\xff", 0, IDS(410, 13, 233, 154, 168, 258));
    expect_ids(t, "a  b", 0, IDS(261, 410, 268));
    expect_ids(t, "<s>", 0, IDS(410, 504, 419, 505));
    qoq_tokenizer_free(t);
}

Test(tokenizer, added_tokens_are_recognized_on_request)
{
    struct qoq_tokenizer *t = load_shipped();

    expect_ids(t, "<s>", QOQ_ENCODE_SPECIAL, IDS(1));
    expect_ids(t, "a</s><s>a", QOQ_ENCODE_SPECIAL | QOQ_ENCODE_BOS, IDS(1, 261, 2, 1, 261));
    expect_ids(t, "a</s", QOQ_ENCODE_SPECIAL, IDS(261, 504, 492, 419));
    cr_expect_eq(qoq_tokenizer_id(t, "</s>"), 2);
    cr_expect_eq(qoq_tokenizer_id(t, "<0x0A>"), 13);
    cr_expect_eq(qoq_tokenizer_id(t, "nothing like it"), -1);
    qoq_tokenizer_free(t);
}

/* Joins the best pair, again and again, searching all of it each time. */
static size_t encode_slowly(int32_t *token, const struct qoq_tokenizer *t, const char *text,
                            const char *json)
{
    size_t count = 0;

    token[count++] = qoq_tokenizer_id(t, "\xe2\x96\x81");
    for (; *text != 0; text++) {
        char one[2] = {*text, 0};
        token[count++] = qoq_tokenizer_id(t, *text == ' ' ? "\xe2\x96\x81" : one);
        cr_assert_geq(token[count - 1], 0, "the test's texts are made of plain characters");
    }
    for (;;) {
        const char *best = NULL;
        size_t place = 0;
        char pair[80], joined[64];
        for (size_t i = 0; i + 1 < count; i++) {
            const char *piece[2], *merge;
            char mark[2][32];
            size_t length[2];
            for (int j = 0; j < 2; j++) {
                int out = 0;
                qoq_tokenizer_piece(&piece[j], &length[j], t, token[i + (size_t)j]);
                for (size_t k = 0; k < length[j]; k++)
                    out += sprintf(mark[j] + out, "%s",
                                   piece[j][k] == ' ' ? "\xe2\x96\x81" : (char[]){piece[j][k], 0});
            }
            snprintf(pair, sizeof pair, "\n   \"%s%s %s\"", mark[0][0] == '"' ? "\\" : "", mark[0],
                     mark[1]);
            merge = strstr(json, pair);
            if (merge != NULL && (best == NULL || merge < best)) {
                best = merge;
                place = i;
                snprintf(joined, sizeof joined, "%s%s", mark[0], mark[1]);
            }
        }
        if (best == NULL)
            return count;
        token[place] = qoq_tokenizer_id(t, joined);
        memmove(token + place + 1, token + place + 2, (count - place - 2) * sizeof *token);
        count--;
    }
}

Test(tokenizer, agrees_with_a_slow_encoder, .timeout = 60)
{
    static const char letters[] = "aabdeeghillmnooprssttuwy  .,!LTS";
    char *json = tokenizer_text(), text[61];
    struct qoq_tokenizer *t = parse(json);
    int32_t slow[128], *fast;
    size_t count;

    for (size_t round = 0; round < 200; round++) {
        size_t length = (size_t)(random_number(round) % 60), expected;
        for (size_t i = 0; i < length; i++)
            text[i] = letters[random_number(round * 100 + i + 7) % (sizeof letters - 1)];
        text[length] = 0;
        if (length == 0)
            continue;
        expected = encode_slowly(slow, t, text, json);
        cr_assert_eq(qoq_tokenizer_encode(&fast, &count, t, text, length, 0, NULL), QOQ_OK);
        cr_expect(count == expected && memcmp(fast, slow, count * sizeof *fast) == 0,
                  "round %zu: \"%s\"", round, text);
        free(fast);
    }
    qoq_tokenizer_free(t);
    free(json);
}

Test(tokenizer, any_bytes_survive_a_round_trip)
{
    struct qoq_tokenizer *t = load_shipped();
    struct qoq_error err;
    char text[64], *back;
    size_t count, bytes;
    int32_t *token;

    for (size_t round = 0; round < 2000; round++) {
        size_t length = (size_t)(random_number(round) % sizeof text);
        for (size_t i = 0; i < length; i++) {
            uint64_t r = random_number(round * 1000 + i);
            text[i] = (round % 2 == 0 ? (char)r : " aeth.\n\xe2\x80\x9c"[r % 10]);
        }
        cr_assert_eq(qoq_tokenizer_encode(&token, &count, t, text, length, QOQ_ENCODE_BOS, &err),
                     QOQ_OK);
        cr_assert_eq(qoq_tokenizer_decode(&back, &bytes, t, token, count, &err), QOQ_OK);
        cr_expect(bytes == length && memcmp(back, text, length) == 0, "round %zu", round);
        free(token);
        free(back);
    }
    qoq_tokenizer_free(t);
}

/* A text of 1.3 million bytes is one word: a quadratic encoder would not return. */
Test(tokenizer, long_texts_are_fast, .timeout = 15)
{
    char *path = shipped("models/stories260K/heldout.txt"), *part, *text, *back;
    struct qoq_tokenizer *t = load_shipped();
    size_t bytes, count, got, total;
    int32_t *token;

    part = slurp(&bytes, path);
    total = 19 * bytes;
    text = malloc(total);
    for (size_t i = 0; i < 19; i++)
        memcpy(text + i * bytes, part, bytes);
    cr_assert_eq(qoq_tokenizer_encode(&token, &count, t, text, total, 0, NULL), QOQ_OK);
    cr_assert_eq(qoq_tokenizer_decode(&back, &got, t, token, count, NULL), QOQ_OK);
    cr_expect(got == total && memcmp(back, text, total) == 0);
    free(back);
    free(token);
    free(text);
    free(part);
    free(path);
    qoq_tokenizer_free(t);
}

Test(tokenizer, decoding)
{
    struct qoq_tokenizer *t = load_shipped();
    const int32_t story[] = {1, 403, 407, 261, 378, 2}, newline[] = {13, 410, 410},
                  bad[] = {1, 512};
    const char *piece;
    struct qoq_error err;
    size_t bytes;
    char *text;

    cr_assert_eq(qoq_tokenizer_decode(&text, &bytes, t, story, 6, &err), QOQ_OK);
    cr_expect_str_eq(text, "Once upon a time");
    free(text);
    cr_assert_eq(qoq_tokenizer_decode(&text, &bytes, t, newline, 3, &err), QOQ_OK);
    cr_expect_str_eq(text, "\n  ");
    free(text);
    cr_assert_eq(qoq_tokenizer_decode(&text, &bytes, t, NULL, 0, &err), QOQ_OK);
    cr_expect_eq(bytes, 0);
    free(text);
    cr_expect_eq(qoq_tokenizer_decode(&text, &bytes, t, bad, 2, &err), QOQ_ERR_RANGE);
    cr_expect_null(text);
    cr_expect_str_eq(err.text, "token 1: id 512 is unknown");
    qoq_tokenizer_piece(&piece, &bytes, t, 261);
    cr_expect(bytes == 2 && memcmp(piece, " a", 2) == 0);
    qoq_tokenizer_piece(&piece, &bytes, t, 1);
    cr_expect_eq(bytes, 0);
    qoq_tokenizer_piece(&piece, &bytes, t, -7);
    cr_expect_eq(bytes, 0);
    qoq_tokenizer_free(t);
}

/* The same tokenizer as newer files write it. */
Test(tokenizer, other_layouts_of_the_file)
{
    static const struct {
        const char *text, *with;
        int32_t expected[6];
    } cases[] = {
        {"\"h e\"", "[\"h\", \"e\"]", {261, 2, 261, -1}},
        {"\"post_processor\": {", "\"post_processor\": null, \"old\": {", {261, 2, 261, -1}},
        {"\"decoder\": {", "\"decoder\": null, \"old\": {", {261, 2, 261, -1}},
        {"\"normalizer\": {",
         "\"normalizer\": null, \"pre_tokenizer\": {\"type\": \"Metaspace\", \"replacement\": "
         "\"\xe2\x96\x81\", \"prepend_scheme\": \"first\", \"split\": false}, \"old\": {",
         {261, 2, 412, -1}},
        {"\"normalizer\": {",
         "\"normalizer\": null, \"pre_tokenizer\": {\"type\": \"Metaspace\", \"split\": false, "
         "\"prepend_scheme\": \"never\"}, \"old\": {",
         {412, 2, 412, -1}},
        {"\"normalizer\": {",
         "\"normalizer\": null, \"pre_tokenizer\": {\"type\": \"Metaspace\", \"split\": false, "
         "\"add_prefix_space\": true}, \"old\": {",
         {261, 2, 261, -1}},
    };
    char *json = tokenizer_text();

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *text = bad_replace(json, cases[i].text, cases[i].with), *once;
        struct qoq_tokenizer *t;
        once = strstr(cases[i].with, "pre_tokenizer") != NULL
                   ? bad_replace(text, "\"pre_tokenizer\": null,", "")
                   : bad_replace(text, "{", "{");
        t = parse(once);
        expect_ids(t, "a</s>a", QOQ_ENCODE_SPECIAL, cases[i].expected);
        cr_expect_eq(qoq_tokenizer_bos(t), i == 1 ? -1 : 1);
        qoq_tokenizer_free(t);
        free(text);
        free(once);
    }
    free(json);
}

/* Metaspace adds no mark where the text begins with a space, Prepend does. */
Test(tokenizer, leading_spaces)
{
    char *json = tokenizer_text();
    char *text = bad_replace(json, "\"normalizer\": {",
                             "\"normalizer\": null, \"pre_tokenizer\": {\"type\": \"Metaspace\", "
                             "\"split\": false, \"prepend_scheme\": \"always\"}, \"old\": {");
    char *meta = bad_replace(text, "\"pre_tokenizer\": null,", "");
    struct qoq_tokenizer *t = parse(json);

    expect_ids(t, " a", 0, IDS(410, 261));
    qoq_tokenizer_free(t);
    t = parse(meta);
    expect_ids(t, " a", 0, IDS(261));
    expect_ids(t, "a", 0, IDS(261));
    qoq_tokenizer_free(t);
    free(meta);
    free(text);
    free(json);
}

Test(tokenizer, sum_and_missing_file)
{
    char *json = tokenizer_text(), hex[65];
    struct qoq_tokenizer *t = parse(json);
    struct qoq_error err;

    qoq_sha256_hex(hex, json, strlen(json));
    cr_expect_str_eq(qoq_tokenizer_sha256(t), hex);
    qoq_tokenizer_free(t);
    free(json);
    expect_failure(qoq_tokenizer_load(&t, scratch, &err), &err, QOQ_ERR_IO, "tokenizer.json",
                   "No such file");
    cr_expect_null(t);
}
