/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and writing MANIFEST of golden files, and measuring what it describes. */
#include "data/golden_manifest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/file.h"
#include "data/golden_case.h"
#include "data/sha256.h"

static const char heading[] =
    "# Golden files of qoq; see doc/golden.md. 'sha256sum -c MANIFEST' checks the digests.\n";

enum qoq_status qoq_golden_manifest_write(const char *path,
                                          const struct qoq_golden_manifest *manifest,
                                          struct qoq_error *err)
{
    struct qoq_output out;
    char line[256];
    enum qoq_status status = qoq_output_begin(&out, path, err);

    if (status != QOQ_OK)
        return status;
    status = qoq_output_write(&out, heading, strlen(heading), err);
    for (size_t i = 0; i < manifest->count && status == QOQ_OK; i++) {
        const struct qoq_golden_entry *e = &manifest->item[i];
        snprintf(line, sizeof line, "# bytes %zu, cases %zu, numerics %d\n%s  %s\n", e->bytes,
                 e->cases, e->numerics, e->sha256, e->file);
        status = qoq_output_write(&out, line, strlen(line), err);
    }
    if (status == QOQ_OK)
        return qoq_output_commit(&out, err);
    qoq_output_discard(&out);
    return status;
}

/* The two lines of one file; their length, or 0 where they are not such lines. */
static size_t parse_entry(struct qoq_golden_entry *e, const char *text)
{
    int used = 0;

    memset(e, 0, sizeof *e);
    if (sscanf(text, "# bytes %16zu, cases %8zu, numerics %6d %64[0-9a-f]  %63[A-Za-z0-9_.-]%n",
               &e->bytes, &e->cases, &e->numerics, e->sha256, e->file, &used) != 5)
        return 0;
    if (strlen(e->sha256) != 64 || !qoq_golden_name_ok(e->file) || text[used] != '\n')
        return 0;
    return (size_t)used + 1;
}

enum qoq_status qoq_golden_manifest_read(struct qoq_golden_manifest *out, const char *path,
                                         struct qoq_error *err)
{
    char *text = NULL;
    size_t bytes, used = 0;
    enum qoq_status status = qoq_file_read(&text, &bytes, path, 1 << 16, err);

    memset(out, 0, sizeof *out);
    if (status != QOQ_OK)
        return status;
    if (bytes < strlen(heading) || memchr(text, 0, bytes) != NULL || text[0] != '#')
        status = qoq_fail(err, QOQ_ERR_FORMAT, path, NULL, "not a manifest of golden files");
    else
        used = strcspn(text, "\n") + 1;
    while (status == QOQ_OK && used < bytes) {
        size_t length = 0;
        if (out->count < QOQ_GOLDEN_MAX_FILES)
            length = parse_entry(&out->item[out->count], text + used);
        if (length == 0)
            status = qoq_fail(err, QOQ_ERR_FORMAT, path, NULL,
                              "file %zu is not described as it should be", out->count + 1);
        used += length;
        out->count++;
    }
    if (status == QOQ_OK && out->count == 0)
        status = qoq_fail(err, QOQ_ERR_FORMAT, path, NULL, "names no file");
    free(text);
    return status;
}

enum qoq_status qoq_golden_measure(struct qoq_golden_entry *out, const char *path,
                                   struct qoq_error *err)
{
    char *data = NULL;
    enum qoq_status status = qoq_file_read(&data, &out->bytes, path, (size_t)1 << 30, err);

    if (status != QOQ_OK)
        return status;
    qoq_sha256_hex(out->sha256, data, out->bytes);
    free(data);
    return QOQ_OK;
}
