/* SPDX-License-Identifier: Apache-2.0 */
/* Writes the whole corpus of broken files: make_bad DIRECTORY. Needs QOQ_DATADIR. */
#include <config.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "data/file.h"
#include "tests/bad/bad.h"

static int make_all(const char *directory, const char *kind, const struct bad_case *bad,
                    size_t count)
{
    char *room = qoq_file_join(directory, kind);
    int failed = room == NULL || mkdir(room, 0777) != 0;

    if (failed)
        perror(kind);
    for (size_t i = 0; i < count && !failed; i++) {
        char *path = qoq_file_join(room, bad[i].name);
        failed = path == NULL || bad[i].make(path, &bad[i]) != 0;
        if (failed)
            fprintf(stderr, "make_bad: %s/%s\n", kind, bad[i].name);
        free(path);
    }
    free(room);
    return failed;
}

int main(int argc, char **argv)
{
    const char *out = argc == 2 ? argv[1] : NULL;
    int failed;

    if (out == NULL) {
        fprintf(stderr, "usage: make_bad DIRECTORY\n");
        return 2;
    }
    failed = make_all(out, "safetensors", bad_safetensors, bad_safetensors_count) ||
             make_all(out, "config", bad_configs, bad_configs_count) ||
             make_all(out, "tokenizer", bad_tokenizers, bad_tokenizers_count) ||
             make_all(out, "tokens", bad_tokens, bad_tokens_count) ||
             make_all(out, "model", bad_models, bad_models_count);
    return failed ? 2 : 0;
}
