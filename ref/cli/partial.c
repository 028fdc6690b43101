/* SPDX-License-Identifier: Apache-2.0 */
/* Work in progress on disk: see partial.h. */
#include <config.h>

#include "cli/partial.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/array_name.h"
#include "data/file.h"
#include "data/h5.h"

#define PART_FORMAT "qoq-partial"
#define PART_VERSION 1
#define PART_NAME 32
#define MADE_FROM "made_from"
#define REPORT_NUMBERS (sizeof(struct qoq_layer_report) / sizeof(double))

/* ---- Names ---- */

static char *part_path(const struct qoq_partial *partial, const char *kind, size_t layer)
{
    char name[PART_NAME];

    snprintf(name, sizeof name, "%s-%05zu.h5", kind, layer);
    return qoq_file_join(partial->directory, name);
}

static int part_exists(const struct qoq_partial *partial, const char *kind, size_t layer)
{
    char *path = part_path(partial, kind, layer);
    int exists = path != NULL && qoq_file_exists(path);

    free(path);
    return exists;
}

static void remove_part(const struct qoq_partial *partial, const char *kind, size_t layer)
{
    char *path = part_path(partial, kind, layer);

    if (path != NULL) {
        unlink(path);
    }
    free(path);
}

/* Whether a file in the directory is one of ours, complete or as a killed run left it. */
static int is_part(const char *name)
{
    static const char *const kinds[] = {"ends-", "layer-", "hidden-"};

    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strncmp(name, kinds[i], strlen(kinds[i])) == 0) {
            return 1;
        }
    }
    return 0;
}

static void remove_parts(const struct qoq_partial *partial)
{
    DIR *directory = opendir(partial->directory);

    for (struct dirent *entry; directory != NULL && (entry = readdir(directory)) != NULL;) {
        char *path =
            is_part(entry->d_name) ? qoq_file_join(partial->directory, entry->d_name) : NULL;
        if (path != NULL) {
            unlink(path);
        }
        free(path);
    }
    if (directory != NULL) {
        closedir(directory);
    }
}

/* ---- Parts ---- */

static enum qoq_status begin_part(struct qoq_h5 **h5, const struct qoq_partial *partial,
                                  const char *kind, size_t layer)
{
    char *path = part_path(partial, kind, layer);

    if (path == NULL) {
        return qoq_fail_memory(partial->err, partial->directory, kind, 0);
    }
    enum qoq_status status = qoq_h5_create(h5, path, partial->err);
    free(path);
    QOQ_TRY(status);
    status = qoq_h5_put_format(*h5, PART_FORMAT, PART_VERSION, partial->err);
    if (status == QOQ_OK) {
        status = qoq_h5_put_string(*h5, "/", "job", partial->job, partial->err);
    }
    if (status != QOQ_OK) {
        qoq_h5_close(h5);
    }
    return status;
}

static enum qoq_status finish_part(struct qoq_h5 **h5, enum qoq_status status,
                                   const struct qoq_partial *partial)
{
    if (status == QOQ_OK) {
        return qoq_h5_commit(h5, partial->err);
    }
    qoq_h5_close(h5);
    return status;
}

static enum qoq_status check_text(struct qoq_h5 *h5, const char *name, const char *wanted,
                                  const char *what, struct qoq_error *err)
{
    char *found;

    QOQ_TRY(qoq_h5_get_string(&found, h5, "/", name, err));
    int same = strcmp(found, wanted) == 0;
    free(found);
    return same ? QOQ_OK
                : qoq_fail(err, QOQ_ERR_DIFFERS, qoq_h5_path(h5), name,
                           "%s: remove the directory, or give --restart", what);
}

static enum qoq_status open_part(struct qoq_h5 **h5, const struct qoq_partial *partial,
                                 const char *kind, size_t layer)
{
    char *path = part_path(partial, kind, layer);

    if (path == NULL) {
        return qoq_fail_memory(partial->err, partial->directory, kind, 0);
    }
    enum qoq_status status = qoq_h5_open(h5, path, partial->err);
    free(path);
    QOQ_TRY(status);
    status = qoq_h5_check_format(*h5, PART_FORMAT, PART_VERSION, partial->err);
    if (status == QOQ_OK) {
        status = check_text(*h5, "job", partial->job, "work on another model, text or recipe",
                            partial->err);
    }
    if (status != QOQ_OK) {
        qoq_h5_close(h5);
    }
    return status;
}

/* ---- The directory ---- */

enum qoq_status qoq_partial_open(struct qoq_partial *partial, const char *output,
                                 const char job[65], const struct qoq_outline *outline, int restart,
                                 struct qoq_error *err)
{
    static const char suffix[] = ".work";
    size_t length = strlen(output);
    struct qoq_h5 *h5;

    *partial = (struct qoq_partial){.outline = *outline, .err = err};
    memcpy(partial->job, job, sizeof partial->job);
    partial->directory = malloc(length + sizeof suffix);
    if (partial->directory == NULL) {
        return qoq_fail_memory(err, output, NULL, length);
    }
    memcpy(partial->directory, output, length);
    memcpy(partial->directory + length, suffix, sizeof suffix);
    if (mkdir(partial->directory, 0777) != 0 && errno != EEXIST) {
        return qoq_fail(err, QOQ_ERR_IO, partial->directory, NULL, "%s", strerror(errno));
    }
    if (restart) {
        remove_parts(partial);
    }
    if (!part_exists(partial, "ends", 0)) {
        return QOQ_OK;
    }
    QOQ_TRY(open_part(&h5, partial, "ends", 0));
    qoq_h5_close(&h5);
    return QOQ_OK;
}

void qoq_partial_close(struct qoq_partial *partial)
{
    free(partial->directory);
    partial->directory = NULL;
}

size_t qoq_partial_layers(const struct qoq_partial *partial, int hidden)
{
    size_t done = 0;

    if (!part_exists(partial, "ends", 0)) {
        return 0;
    }
    while (done < partial->outline.config->layers && part_exists(partial, "layer", done)) {
        done++;
    }
    while (hidden && done > 0 && !part_exists(partial, "hidden", done - 1)) {
        done--;
    }
    return done;
}

/* ---- Writing ---- */

struct part {
    struct qoq_h5 *h5;
    struct qoq_error *err;
};

static enum qoq_status write_array(void *context, const struct qoq_array *array)
{
    struct part *part = context;
    char name[QOQ_ARRAY_NAME];
    struct qoq_tensor tensor = {
        name, array->dtype, array->rank, {array->dim[0], array->dim[1]}, array->data};

    qoq_array_name(name, array);
    return qoq_h5_write(part->h5, &tensor, part->err);
}

enum qoq_status qoq_partial_put_ends(struct qoq_partial *partial, const struct qoq_model *ends,
                                     const char made_from[65])
{
    struct qoq_outline outline = partial->outline;
    struct part part = {NULL, partial->err};

    outline.model = ends;
    QOQ_TRY(begin_part(&part.h5, partial, "ends", 0));
    enum qoq_status status = qoq_h5_put_string(part.h5, "/", MADE_FROM, made_from, partial->err);
    if (status == QOQ_OK) {
        status = qoq_arrays_visit_ends(&outline, write_array, &part);
    }
    return finish_part(&part.h5, status, partial);
}

enum qoq_status qoq_partial_put_layer(struct qoq_partial *partial, size_t layer,
                                      const struct qoq_layer *data,
                                      const struct qoq_layer_report *report,
                                      const char made_from[65])
{
    struct part part = {NULL, partial->err};
    double number[REPORT_NUMBERS];

    memcpy(number, report, sizeof number);
    QOQ_TRY(begin_part(&part.h5, partial, "layer", layer));
    enum qoq_status status = qoq_h5_put_string(part.h5, "/", MADE_FROM, made_from, partial->err);
    if (status == QOQ_OK) {
        status = qoq_h5_put_doubles(part.h5, "/", "report", number, REPORT_NUMBERS, partial->err);
    }
    if (status == QOQ_OK) {
        status = qoq_arrays_visit_layer(&partial->outline, layer, data, write_array, &part);
    }
    return finish_part(&part.h5, status, partial);
}

enum qoq_status qoq_partial_put_hidden(struct qoq_partial *partial, size_t layer,
                                       const float *hidden, size_t count)
{
    char name[] = "hidden";
    /* Writing does not change the data. */
    struct qoq_tensor tensor = {name, QOQ_F32, 1, {count}, (void *)(uintptr_t)hidden};
    struct qoq_h5 *h5;

    QOQ_TRY(begin_part(&h5, partial, "hidden", layer));
    QOQ_TRY(finish_part(&h5, qoq_h5_write(h5, &tensor, partial->err), partial));
    if (layer > 0) {
        remove_part(partial, "hidden", layer - 1);
    }
    return QOQ_OK;
}

/* ---- Reading ---- */

static enum qoq_status check_origin(struct qoq_h5 *h5, const char *made_from, struct qoq_error *err)
{
    return check_text(h5, MADE_FROM, made_from, "the weights of the model have changed", err);
}

enum qoq_status qoq_partial_check_ends(struct qoq_partial *partial, const char made_from[65])
{
    struct qoq_h5 *h5;

    QOQ_TRY(open_part(&h5, partial, "ends", 0));
    enum qoq_status status = check_origin(h5, made_from, partial->err);
    qoq_h5_close(&h5);
    return status;
}

enum qoq_status qoq_partial_get_report(struct qoq_layer_report *report, struct qoq_partial *partial,
                                       size_t layer, const char made_from[65])
{
    struct qoq_h5 *h5;
    double *number = NULL;
    size_t count = 0;

    QOQ_TRY(open_part(&h5, partial, "layer", layer));
    enum qoq_status status = check_origin(h5, made_from, partial->err);
    if (status == QOQ_OK) {
        status =
            qoq_h5_get_doubles(&number, &count, h5, "/", "report", REPORT_NUMBERS, partial->err);
    }
    if (status == QOQ_OK && count != REPORT_NUMBERS) {
        status =
            qoq_fail(partial->err, QOQ_ERR_FORMAT, qoq_h5_path(h5), "report", "%zu numbers", count);
    }
    if (status == QOQ_OK) {
        memcpy(report, number, sizeof *report);
    }
    free(number);
    qoq_h5_close(&h5);
    return status;
}

enum qoq_status qoq_partial_get_hidden(float *hidden, struct qoq_partial *partial, size_t layer,
                                       size_t count)
{
    struct qoq_h5 *h5;

    QOQ_TRY(open_part(&h5, partial, "hidden", layer));
    enum qoq_status status =
        qoq_h5_read_into(hidden, h5, "hidden", QOQ_F32, &count, 1, 1, partial->err);
    qoq_h5_close(&h5);
    return status;
}

/* ---- The model ---- */

struct copy {
    struct qoq_h5 *from;
    struct qoq_model_file *to;
    struct qoq_error *err;
};

static enum qoq_status copy_array(void *context, const struct qoq_array *array)
{
    struct copy *copy = context;
    char name[QOQ_ARRAY_NAME];
    struct qoq_h5_want want = qoq_h5_exactly(array->dtype, array->dim, array->rank);
    struct qoq_tensor tensor;

    qoq_array_name(name, array);
    QOQ_TRY(qoq_h5_read(&tensor, copy->from, name, &want, copy->err));
    enum qoq_status status = qoq_model_file_put(copy->to, name, tensor.data, array->dtype,
                                                array->dim, array->rank, copy->err);
    qoq_tensor_free(&tensor);
    return status;
}

static enum qoq_status copy_parts(struct copy *copy, struct qoq_partial *partial)
{
    QOQ_TRY(open_part(&copy->from, partial, "ends", 0));
    enum qoq_status status = qoq_arrays_visit_ends(&partial->outline, copy_array, copy);
    qoq_h5_close(&copy->from);
    for (size_t i = 0; status == QOQ_OK && i < partial->outline.config->layers; i++) {
        QOQ_TRY(open_part(&copy->from, partial, "layer", i));
        status = qoq_arrays_visit_layer(&partial->outline, i, NULL, copy_array, copy);
        qoq_h5_close(&copy->from);
    }
    return status;
}

enum qoq_status qoq_partial_finish(struct qoq_partial *partial, const char *output,
                                   const struct qoq_model_header *header)
{
    struct copy copy = {.err = partial->err};

    QOQ_TRY(qoq_model_file_create(&copy.to, output, header, partial->err));
    enum qoq_status status = copy_parts(&copy, partial);
    if (status != QOQ_OK) {
        qoq_model_file_close(&copy.to);
        return status;
    }
    QOQ_TRY(qoq_model_file_commit(&copy.to, partial->err));
    remove_parts(partial);
    rmdir(partial->directory);
    return QOQ_OK;
}
