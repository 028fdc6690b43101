/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Damaged files against every reader: bytes flipped, runs overwritten, cut, repeated. A reader may
 * accept or refuse with one line that names the file; it may not crash, and a sanitized build may
 * not complain.
 *
 *   fuzz_files DIRECTORY SEED ROUNDS FILE...
 *   fuzz_files --make DIRECTORY                 checkpoint-c and checkpoint-g to start from
 *
 * Each round damages a copy of one FILE as DIRECTORY/victim..., reads it, and ends the program with
 * status 1 where the refusal is not one proper line. After a crash the victim is still there, and
 * the same arguments repeat it. The kind of file follows from its name. Weights of checkpoints need
 * DIRECTORY/checkpoint-c/config.json or -g.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/checkpoint.h"
#include "cli/load.h"
#include "data/file.h"
#include "data/golden_file.h"
#include "data/hf_config.h"
#include "data/safetensors.h"
#include "data/token_file.h"
#include "numerics/gen.h"

typedef enum qoq_status reader(const char *path, struct qoq_error *error);

static enum qoq_status read_tokens(const char *path, struct qoq_error *error)
{
    struct qoq_token_file tokens;
    enum qoq_status status = qoq_token_file_read(&tokens, path, error);

    if (status == QOQ_OK)
        qoq_token_file_free(&tokens);
    return status;
}

static enum qoq_status read_model(const char *path, struct qoq_error *error)
{
    struct qoq_loaded loaded;
    enum qoq_status status = qoq_load_file(&loaded, path, error);

    if (status == QOQ_OK)
        qoq_loaded_free(&loaded);
    return status;
}

static enum qoq_status read_golden(const char *path, struct qoq_error *error)
{
    struct qoq_h5_names names = {0, NULL};
    struct qoq_h5 *file = NULL;
    enum qoq_status status = qoq_golden_file_open(&file, path, error);

    if (status == QOQ_OK)
        status = qoq_golden_file_names(&names, file, error);
    for (size_t i = 0; status == QOQ_OK && i < names.count; i++) {
        struct qoq_golden_case c;

        status = qoq_golden_file_read(&c, file, names.name[i], error);
        qoq_golden_case_free(&c);
    }
    qoq_h5_names_free(&names);
    qoq_h5_close(&file);
    return status;
}

static enum qoq_status read_tokenizer(const char *path, struct qoq_error *error)
{
    struct qoq_tokenizer *tokenizer;
    enum qoq_status status = qoq_tokenizer_load(&tokenizer, path, error);

    if (status == QOQ_OK) {
        static const char text[] = "It's <s> 2024:\n\n  na\xc3\xafve\xff";
        int32_t *token;
        size_t count;
        if (qoq_tokenizer_encode(&token, &count, tokenizer, text, sizeof text - 1,
                                 QOQ_ENCODE_BOS | QOQ_ENCODE_SPECIAL, error) == QOQ_OK)
            free(token);
        qoq_tokenizer_free(tokenizer);
    }
    return status;
}

static enum qoq_status read_config(const char *path, struct qoq_error *error)
{
    struct qoq_hf_quantization quantization;
    struct qoq_config config;
    enum qoq_status status = qoq_hf_config_load_quantized(&config, &quantization, path, error);

    return status != QOQ_OK ? status : qoq_hf_config_load(&config, path, error);
}

/* The directory of this file of weights. */
static enum qoq_status read_checkpoint(const char *path, struct qoq_error *error)
{
    static const struct qoq_import_options options = {QOQ_S2_QSERVE, QOQ_ZEROS_AUTO, 0};
    char directory[4096];
    struct qoq_import_report report;
    struct qoq_loaded loaded;

    snprintf(directory, sizeof directory, "%.*s", (int)(strrchr(path, '/') - path), path);
    enum qoq_status status = qoq_checkpoint_load(&loaded, &report, directory, &options, error);
    if (status == QOQ_OK)
        qoq_loaded_free(&loaded);
    return status;
}

static enum qoq_status read_safetensors(const char *path, struct qoq_error *error)
{
    struct qoq_safetensors *set = NULL;
    enum qoq_status status = qoq_safetensors_open(&set, path, error);

    for (size_t i = 0; status == QOQ_OK && i < qoq_safetensors_count(set); i++) {
        struct qoq_tensor tensor;

        status = qoq_safetensors_read(&tensor, set, qoq_safetensors_entry(set, i)->name, error);
        if (status == QOQ_OK)
            qoq_tensor_free(&tensor);
    }
    qoq_safetensors_close(&set);
    return status;
}

/* names: what a refusal must name. */
static const struct {
    const char *in_name, *victim, *names;
    reader *read;
} kinds[] = {
    {"checkpoint-c/model.safetensors", "checkpoint-c/model.safetensors", "checkpoint-c",
     read_checkpoint},
    {"checkpoint-g/model.safetensors", "checkpoint-g/model.safetensors", "checkpoint-g",
     read_checkpoint},
    {".tokens.h5", "victim.tokens.h5", "victim.tokens.h5", read_tokens},
    {"/golden/", "victim.golden.h5", "victim.golden.h5", read_golden},
    {".h5", "victim.h5", "victim.h5", read_model},
    {"tokenizer.json", "tokenizer.json", "tokenizer.json", read_tokenizer},
    {"/tokenizers/", "tokenizer.json", "tokenizer.json", read_tokenizer},
    {"config.json", "config.json", "config.json", read_config},
    {".safetensors", "victim.safetensors", "victim.safetensors", read_safetensors},
};

/* SplitMix64 (N 13.1). */
static uint64_t draw(uint64_t *state)
{
    return qoq_gen_next(state);
}

/* A random position, near the start (where headers are) half of the time. */
static size_t position(uint64_t *state, size_t bytes)
{
    size_t range = draw(state) % 2 && bytes > 4096 ? 4096 : bytes;

    return (size_t)(draw(state) % range);
}

/* Damages data [*bytes]; it only gets shorter. */
static void damage(char *data, size_t *bytes, uint64_t *state)
{
    size_t times = 1 + (size_t)(draw(state) % 4);

    for (size_t i = 0; i<times && * bytes> 1; i++) {
        size_t at = position(state, *bytes), from = position(state, *bytes);
        size_t run = 1 + (size_t)(draw(state) % 16);
        size_t most = *bytes - (at > from ? at : from);

        switch (draw(state) % 5) {
        case 0:
            data[at] = (char)(data[at] ^ 1 << draw(state) % 8);
            break;
        case 1:
            memmove(data + at, data + from, run < most ? run : most);
            break;
        case 2:
            memset(data + at, draw(state) % 2 ? 255 : 0, run < most ? run : most);
            break;
        case 3:
            data[at] = (char)draw(state);
            break;
        default:
            *bytes = draw(state) % 4 ? *bytes : at + 1;
        }
    }
}

static int write_victim(const char *path, const char *data, size_t bytes)
{
    FILE *file = fopen(path, "wb");

    if (file == NULL || fwrite(data, 1, bytes, file) != bytes || fclose(file) != 0) {
        perror(path);
        return -1;
    }
    return 0;
}

/* One round; 1: accepted, 0: refused properly, -1: trouble. */
static int round_of(const char *directory, const char *original, uint64_t *state)
{
    struct qoq_error error = {QOQ_OK, ""};
    size_t kind = 0, bytes;
    char *data;

    while (kind < sizeof kinds / sizeof kinds[0] && strstr(original, kinds[kind].in_name) == NULL)
        kind++;
    if (kind == sizeof kinds / sizeof kinds[0] ||
        qoq_file_read(&data, &bytes, original, 1 << 28, &error) != QOQ_OK) {
        fprintf(stderr, "%s: cannot be read, or of no known kind\n", original);
        return -1;
    }
    char *path = qoq_file_join(directory, kinds[kind].victim);
    damage(data, &bytes, state);
    int result = path == NULL ? -1 : write_victim(path, data, bytes);
    if (result == 0) {
        enum qoq_status status = kinds[kind].read(path, &error);
        result = status == QOQ_OK;
        if (status != QOQ_OK &&
            (strstr(error.text, kinds[kind].names) == NULL || strchr(error.text, '\n') != NULL)) {
            fprintf(stderr, "%s: refused without a proper line: \"%s\"\n", path, error.text);
            result = -1;
        }
    }
    free(path);
    free(data);
    return result;
}

/* A small random model as checkpoints per channel and per group; 0 or -1. */
static int make_checkpoints(const char *directory)
{
    static const struct qoq_config config = {QOQ_ARCH_LLAMA,
                                             40,
                                             64,
                                             96,
                                             1,
                                             2,
                                             1,
                                             32,
                                             64,
                                             1e-5f,
                                             {.kind = QOQ_ROPE_PLAIN, .theta = 10000},
                                             0,
                                             1,
                                             1,
                                             0,
                                             0,
                                             -1,
                                             -1};
    struct qoq_error error = {QOQ_OK, ""};
    struct qoq_checkpoint_report report;
    struct qoq_model *baseline;
    enum qoq_status status = qoq_model_create_random(&baseline, &config, 1);

    for (int i = 0; i < 2 && status == QOQ_OK; i++) {
        char *path = qoq_file_join(directory, i == 0 ? "checkpoint-c" : "checkpoint-g");
        struct qoq_loaded loaded = {.model = NULL};

        status = qoq_model_quantize_rtn(&loaded.model, baseline,
                                        i == 0 ? QOQ_W4A8KV4_CHANNEL : QOQ_W4A8KV4_GROUP, 32, NULL);
        if (status == QOQ_OK)
            status = qoq_checkpoint_write(&report, path, &loaded, 0, UINT64_MAX, &error);
        qoq_loaded_free(&loaded);
        free(path);
    }
    qoq_model_free(baseline);
    if (status != QOQ_OK)
        fprintf(stderr, "%s: %s\n", qoq_status_string(status), error.text);
    return status == QOQ_OK ? 0 : -1;
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "--make") == 0) {
        return make_checkpoints(argv[2]) == 0 ? 0 : 1;
    }
    if (argc < 5) {
        fputs("Usage: fuzz_files DIRECTORY SEED ROUNDS FILE...\n", stderr);
        return 2;
    }
    uint64_t state = strtoull(argv[2], NULL, 10);
    size_t rounds = (size_t)strtoull(argv[3], NULL, 10), accepted = 0;

    for (size_t i = 0; i < rounds; i++) {
        int result = round_of(argv[1], argv[4 + i % (size_t)(argc - 4)], &state);

        if (result < 0) {
            fprintf(stderr, "round %zu of seed %s\n", i, argv[2]);
            return 1;
        }
        accepted += (size_t)result;
    }
    printf("%zu rounds, seed %s: %zu accepted, %zu refused\n", rounds, argv[2], accepted,
           rounds - accepted);
    return 0;
}
