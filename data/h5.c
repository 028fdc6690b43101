/* SPDX-License-Identifier: Apache-2.0 */
/* Opening, creating and completing HDF5 files; finding objects and groups in them. */
#include "data/h5.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/h5_check.h"
#include "data/h5_internal.h"

/* Longest path of an object. */
#define MAX_PATH 1024

/* Keeps the innermost message of HDF5's error stack. */
static herr_t keep_first(unsigned n, const H5E_error2_t *entry, void *text)
{
    if (n == 0 && entry->desc != NULL)
        snprintf(text, 160, "%s", entry->desc);
    return 0;
}

enum qoq_status qoq_h5_fail(const struct qoq_h5 *file, const char *object, enum qoq_status status,
                            const char *what, struct qoq_error *err)
{
    char text[160] = "";

    H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, keep_first, text);
    H5Eclear2(H5E_DEFAULT);
    if (text[0] == 0)
        return qoq_fail(err, status, file->path, object, "%s", what);
    return qoq_fail(err, status, file->path, object, "%s (HDF5: %s)", what, text);
}

static void free_handle(struct qoq_h5 *file)
{
    if (file == NULL)
        return;
    if (file->id >= 0)
        H5Fclose(file->id);
    if (file->writing)
        qoq_output_discard(&file->output);
    free(file->path);
    free(file);
}

static enum qoq_status new_handle(struct qoq_h5 **out, const char *path, struct qoq_error *err)
{
    struct qoq_h5 *file = calloc(1, sizeof *file);

    *out = NULL;
    if (file != NULL) {
        file->id = -1;
        file->path = malloc(strlen(path) + 1);
    }
    if (file == NULL || file->path == NULL) {
        free_handle(file);
        return qoq_fail_memory(err, path, NULL, strlen(path));
    }
    strcpy(file->path, path);
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    *out = file;
    return QOQ_OK;
}

/* Plain files of the earliest format, closed with everything in them, not locked: read-only media
 * and network file systems refuse locks. */
static hid_t access_list(void)
{
    hid_t list = H5Pcreate(H5P_FILE_ACCESS);

    H5Pset_fapl_sec2(list);
    H5Pset_fclose_degree(list, H5F_CLOSE_STRONG);
    H5Pset_libver_bounds(list, H5F_LIBVER_EARLIEST, H5F_LIBVER_LATEST);
#if H5_VERSION_GE(1, 10, 7)
    H5Pset_file_locking(list, 0, 1);
#endif
    return list;
}

/* Checks the structure before the library sees it. */
static enum qoq_status check_structure(struct qoq_h5 *file, struct qoq_error *err)
{
    enum qoq_status status;
    int descriptor;

    status = qoq_file_open(&descriptor, &file->bytes, file->path, err);
    if (status != QOQ_OK)
        return status;
    status = qoq_h5_check(descriptor, file->bytes, file->path, err);
    qoq_file_close(descriptor);
    return status;
}

enum qoq_status qoq_h5_open(struct qoq_h5 **out, const char *path, struct qoq_error *err)
{
    struct qoq_h5 *file;
    enum qoq_status status = new_handle(&file, path, err);

    *out = NULL;
    if (status != QOQ_OK)
        return status;
    status = check_structure(file, err);
    if (status == QOQ_OK) {
        hid_t list = access_list();
        file->id = H5Fopen(path, H5F_ACC_RDONLY, list);
        if (file->id < 0)
            status = qoq_h5_fail(file, NULL, QOQ_ERR_FORMAT, "truncated or damaged", err);
        H5Pclose(list);
    }
    if (status != QOQ_OK)
        free_handle(file);
    else
        *out = file;
    return status;
}

enum qoq_status qoq_h5_create(struct qoq_h5 **out, const char *path, struct qoq_error *err)
{
    struct qoq_h5 *file;
    enum qoq_status status = new_handle(&file, path, err);

    *out = NULL;
    if (status != QOQ_OK)
        return status;
    status = qoq_output_begin(&file->output, path, err);
    if (status == QOQ_OK) {
        hid_t access = access_list(), creation = H5Pcreate(H5P_FILE_CREATE);
        file->writing = 1;
        H5Pset_obj_track_times(creation, 0);
        file->id = H5Fcreate(file->output.temporary, H5F_ACC_TRUNC, creation, access);
        if (file->id < 0)
            status = qoq_h5_fail(file, NULL, QOQ_ERR_IO, "cannot create", err);
        H5Pclose(creation);
        H5Pclose(access);
    }
    if (status != QOQ_OK)
        free_handle(file);
    else
        *out = file;
    return status;
}

enum qoq_status qoq_h5_commit(struct qoq_h5 **handle, struct qoq_error *err)
{
    struct qoq_h5 *file = *handle;
    enum qoq_status status;
    herr_t closed = H5Fclose(file->id);

    file->id = -1;
    if (closed < 0)
        status = qoq_h5_fail(file, NULL, QOQ_ERR_IO, "cannot write", err);
    else
        status = qoq_output_commit(&file->output, err);
    free_handle(file);
    *handle = NULL;
    return status;
}

void qoq_h5_close(struct qoq_h5 **file)
{
    free_handle(*file);
    *file = NULL;
}

const char *qoq_h5_path(const struct qoq_h5 *file)
{
    return file->path;
}

/* Without the leading slash. */
static const char *relative(const char *object)
{
    return object[0] == '/' ? object + 1 : object;
}

/* Copies the first `part` + 1 components of object into prefix. Returns 1, 0 after the last one, or
 * -1 where object is no path of plain names. */
static int path_prefix(char prefix[MAX_PATH], const char *object, size_t *end)
{
    const char *name = relative(object);
    size_t start = *end > 0 ? *end + 1 : 0, stop;

    if (*end > 0 && name[*end] == 0)
        return 0;
    stop = start + strcspn(name + start, "/");
    if (stop == start || stop >= MAX_PATH)
        return -1;
    if (name[start] == '.' && (stop == start + 1 || (stop == start + 2 && name[start + 1] == '.')))
        return -1;
    memcpy(prefix, name, stop);
    prefix[stop] = 0;
    *end = stop;
    return 1;
}

/* Every component must be a hard link: soft and external links could lead anywhere. */
static enum qoq_status check_links(struct qoq_h5 *file, const char *object, struct qoq_error *err)
{
    char prefix[MAX_PATH];
    size_t end = 0;
    int more;

    while ((more = path_prefix(prefix, object, &end)) > 0) {
        H5L_info_t info;
        htri_t there = H5Lexists(file->id, prefix, H5P_DEFAULT);
        if (there == 0)
            return qoq_fail(err, QOQ_ERR_FORMAT, file->path, object, "missing");
        if (there < 0 || H5Lget_info(file->id, prefix, &info, H5P_DEFAULT) < 0)
            return qoq_h5_fail(file, object, QOQ_ERR_FORMAT, "damaged", err);
        if (info.type != H5L_TYPE_HARD)
            return qoq_fail(err, QOQ_ERR_UNSUPPORTED, file->path, object,
                            "a soft or external link, which is not followed");
    }
    if (more < 0)
        return qoq_fail(err, QOQ_ERR_ARGUMENT, file->path, object, "not a valid object name");
    return QOQ_OK;
}

enum qoq_status qoq_h5_open_object(hid_t *id, struct qoq_h5 *file, const char *object,
                                   struct qoq_error *err)
{
    enum qoq_status status;

    *id = -1;
    if (relative(object)[0] == 0) {
        *id = H5Gopen2(file->id, "/", H5P_DEFAULT);
    } else {
        status = check_links(file, object, err);
        if (status != QOQ_OK)
            return status;
        *id = H5Oopen(file->id, relative(object), H5P_DEFAULT);
    }
    if (*id < 0)
        return qoq_h5_fail(file, object, QOQ_ERR_FORMAT, "damaged", err);
    return QOQ_OK;
}

int qoq_h5_exists(struct qoq_h5 *file, const char *object)
{
    hid_t id;

    if (qoq_h5_open_object(&id, file, object, NULL) != QOQ_OK)
        return 0;
    H5Oclose(id);
    return 1;
}

enum qoq_status qoq_h5_make_group(struct qoq_h5 *file, const char *object, struct qoq_error *err)
{
    char prefix[MAX_PATH];
    size_t end = 0;
    int more;

    if (relative(object)[0] == 0)
        return QOQ_OK;
    while ((more = path_prefix(prefix, object, &end)) > 0) {
        hid_t list, group;
        if (H5Lexists(file->id, prefix, H5P_DEFAULT) > 0)
            continue;
        list = H5Pcreate(H5P_GROUP_CREATE);
        H5Pset_obj_track_times(list, 0);
        group = H5Gcreate2(file->id, prefix, H5P_DEFAULT, list, H5P_DEFAULT);
        H5Pclose(list);
        if (group < 0)
            return qoq_h5_fail(file, object, QOQ_ERR_IO, "cannot make the group", err);
        H5Gclose(group);
    }
    if (more < 0)
        return qoq_fail(err, QOQ_ERR_ARGUMENT, file->path, object, "not a valid object name");
    return QOQ_OK;
}

void qoq_h5_names_free(struct qoq_h5_names *names)
{
    for (size_t i = 0; i < names->count; i++)
        free(names->name[i]);
    free(names->name);
    names->name = NULL;
    names->count = 0;
}

struct collection {
    struct qoq_h5_names names;
    size_t max_count;
    enum qoq_status status;
};

static herr_t collect_name(hid_t group, const char *name, const H5L_info_t *info, void *data)
{
    struct collection *all = data;

    (void)group;
    (void)info;
    if (all->names.count == all->max_count) {
        all->status = QOQ_ERR_FORMAT;
        return -1;
    }
    if ((all->names.count & (all->names.count - 1)) == 0) {
        size_t capacity = all->names.count > 0 ? 2 * all->names.count : 1;
        char **grown = realloc(all->names.name, capacity * sizeof *grown);
        if (grown != NULL)
            all->names.name = grown;
        all->status = grown == NULL ? QOQ_ERR_MEMORY : QOQ_OK;
    }
    if (all->status == QOQ_OK) {
        char *copy = malloc(strlen(name) + 1);
        all->status = copy == NULL ? QOQ_ERR_MEMORY : QOQ_OK;
        if (copy != NULL)
            all->names.name[all->names.count++] = strcpy(copy, name);
    }
    return all->status == QOQ_OK ? 0 : -1;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

enum qoq_status qoq_h5_children(struct qoq_h5_names *out, struct qoq_h5 *file, const char *object,
                                size_t max_count, struct qoq_error *err)
{
    struct collection all = {{0, NULL}, max_count, QOQ_OK};
    enum qoq_status status;
    herr_t walked;
    hid_t group;

    memset(out, 0, sizeof *out);
    status = qoq_h5_open_object(&group, file, object, err);
    if (status != QOQ_OK)
        return status;
    if (H5Iget_type(group) != H5I_GROUP) {
        H5Oclose(group);
        return qoq_fail(err, QOQ_ERR_FORMAT, file->path, object, "not a group");
    }
    walked = H5Literate(group, H5_INDEX_NAME, H5_ITER_INC, NULL, collect_name, &all);
    H5Oclose(group);
    if (walked < 0) {
        qoq_h5_names_free(&all.names);
        if (all.status == QOQ_ERR_MEMORY)
            return qoq_fail_memory(err, file->path, object, 0);
        if (all.status != QOQ_OK)
            return qoq_fail(err, all.status, file->path, object, "more than %zu members",
                            max_count);
        return qoq_h5_fail(file, object, QOQ_ERR_FORMAT, "damaged", err);
    }
    if (all.names.count > 0)
        qsort(all.names.name, all.names.count, sizeof *all.names.name, compare_names);
    *out = all.names;
    return QOQ_OK;
}
