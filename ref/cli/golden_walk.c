/* SPDX-License-Identifier: Apache-2.0 */
/* Walks over golden cases. */
#include <config.h>

#include "cli/golden_walk.h"

#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/data_directory.h"
#include "data/file.h"
#include "data/golden_file.h"
#include "data/golden_manifest.h"
#include "golden/cases.h"

void qoq_golden_walk_worsen(struct qoq_golden_walk *walk, int status)
{
    walk->status = status > walk->status ? status : walk->status;
}

/* The registry's messages do not know the file. */
void qoq_golden_walk_fail(struct qoq_golden_walk *walk, const char *path, const char *text)
{
    int told = strncmp(text, path, strlen(path)) == 0;

    walk->failed++;
    qoq_golden_walk_worsen(walk, told ? qoq_cli_trouble("%s", text)
                                      : qoq_cli_trouble("%s: %s", path, text));
}

static void walk_case(struct qoq_golden_walk *walk, struct qoq_h5 *file, const char *name)
{
    struct qoq_error err = {QOQ_OK, ""};
    struct qoq_golden_case c;
    int same_inputs = 1;
    enum qoq_status status;

    if (walk->stop || (walk->only != NULL && strcmp(walk->only, name) != 0)) {
        return;
    }
    walk->met = 1;
    status = qoq_golden_file_read(&c, file, name, &err);
    if (status == QOQ_OK) {
        status = qoq_golden_check_inputs(&same_inputs, &c, &err);
    }
    if (status == QOQ_OK) {
        walk->visit(walk, &c, qoq_h5_path(file), same_inputs);
    } else {
        qoq_golden_walk_fail(walk, qoq_h5_path(file), err.text);
    }
    qoq_golden_case_free(&c);
}

/* All cases of a file; returns how many there are. */
static size_t walk_file(struct qoq_golden_walk *walk, const char *path)
{
    struct qoq_error err = {QOQ_OK, ""};
    struct qoq_h5 *file = NULL;
    struct qoq_h5_names names = {0, NULL};
    enum qoq_status status = qoq_golden_file_open(&file, path, &err);

    if (status == QOQ_OK) {
        status = qoq_golden_file_names(&names, file, &err);
    }
    if (status != QOQ_OK) {
        qoq_golden_walk_fail(walk, path, err.text);
    }
    for (size_t i = 0; i < names.count; i++) {
        walk_case(walk, file, names.name[i]);
    }
    size_t count = names.count;
    qoq_h5_names_free(&names);
    qoq_h5_close(&file);
    return count;
}

/* One file of a manifest: its digest, its number of cases, and the cases. */
static void walk_entry(struct qoq_golden_walk *walk, const char *directory,
                       const struct qoq_golden_entry *entry)
{
    struct qoq_error err = {QOQ_OK, ""};
    struct qoq_golden_entry found;
    char *path = qoq_file_join(directory, entry->file);

    if (path == NULL || qoq_golden_measure(&found, path, &err) != QOQ_OK) {
        qoq_golden_walk_fail(walk, directory, path != NULL ? err.text : "not enough memory");
    } else if (found.bytes != entry->bytes || strcmp(found.sha256, entry->sha256) != 0) {
        qoq_cli_trouble("%s: its digest is not the one in MANIFEST", path);
        walk->failed++;
        qoq_golden_walk_worsen(walk, QOQ_EXIT_DIFFERS);
        walk_file(walk, path);
    } else if (walk_file(walk, path) != entry->cases) {
        walk->failed++;
        qoq_golden_walk_worsen(walk, qoq_cli_trouble("%s: does not hold the %zu cases of MANIFEST",
                                                     path, entry->cases));
    }
    free(path);
}

static void walk_directory(struct qoq_golden_walk *walk, const char *directory)
{
    struct qoq_error err = {QOQ_OK, ""};
    struct qoq_golden_manifest manifest;
    char *path = qoq_file_join(directory, "MANIFEST");

    if (path == NULL || qoq_golden_manifest_read(&manifest, path, &err) != QOQ_OK) {
        qoq_golden_walk_fail(walk, directory, path != NULL ? err.text : "not enough memory");
    } else {
        for (size_t i = 0; i < manifest.count; i++) {
            walk_entry(walk, directory, &manifest.item[i]);
        }
    }
    free(path);
}

/* The directory of the golden files that come with the program. */
static void walk_default(struct qoq_golden_walk *walk)
{
    char *directory = qoq_file_join(qoq_data_directory(), "golden");

    if (directory == NULL) {
        qoq_golden_walk_fail(walk, "golden", "not enough memory");
        return;
    }
    walk_directory(walk, directory);
    free(directory);
}

void qoq_golden_walk_paths(struct qoq_golden_walk *walk, int count, char **path)
{
    for (int i = 0; i < count; i++) {
        if (qoq_file_is_directory(path[i])) {
            walk_directory(walk, path[i]);
        } else {
            walk_file(walk, path[i]);
        }
    }
    if (count == 0) {
        walk_default(walk);
    }
    if (walk->only != NULL && !walk->met) {
        qoq_golden_walk_fail(walk, walk->only, "no such case");
    }
}
