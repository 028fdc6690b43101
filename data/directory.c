/* SPDX-License-Identifier: Apache-2.0 */
/* Directories that appear complete or not at all. */
#include <config.h>

#include "data/directory.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "data/file.h"

static enum qoq_status fail_system(struct qoq_error *err, const char *path, const char *what)
{
    return qoq_fail(err, QOQ_ERR_IO, path, NULL, "%s: %s", what, strerror(errno));
}

static int is_dots(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* Calls visit with the path of every entry until it returns something else than 0; returns that,
 * or -1 where the directory cannot be read. */
static int walk(const char *path, int (*visit)(void *context, const char *entry), void *context)
{
    DIR *directory = opendir(path);
    struct dirent *entry;
    int result = directory == NULL ? -1 : 0;

    while (result == 0 && (entry = readdir(directory)) != NULL) {
        if (is_dots(entry->d_name))
            continue;
        char *full = qoq_file_join(path, entry->d_name);
        result = full == NULL ? -1 : visit(context, full);
        free(full);
    }
    if (directory != NULL)
        closedir(directory);
    return result;
}

/* What is in a directory that is to be replaced. */
struct contents {
    size_t files;
    int odd, config;
};

static int look_at(void *context, const char *entry)
{
    struct contents *contents = context;
    struct stat about;

    contents->files++;
    contents->odd |= lstat(entry, &about) != 0 || !S_ISREG(about.st_mode);
    contents->config |= strcmp(strrchr(entry, '/'), "/config.json") == 0;
    return 0;
}

static int remove_file(void *context, const char *entry)
{
    (void)context;
    unlink(entry);
    return 0;
}

/* Removes the files, never a directory below. */
static void remove_all(const char *path)
{
    if (walk(path, remove_file, NULL) == 0)
        rmdir(path);
}

static enum qoq_status check_existing(const char *path, int replace, struct qoq_error *err)
{
    struct contents contents = {0, 0, 0};
    struct stat about;

    if (lstat(path, &about) != 0)
        return errno == ENOENT ? QOQ_OK : fail_system(err, path, "cannot look at it");
    if (!replace)
        return qoq_fail(err, QOQ_ERR_IO, path, NULL, "exists already");
    if (!S_ISDIR(about.st_mode))
        return qoq_fail(err, QOQ_ERR_IO, path, NULL, "exists and is not a directory");
    if (walk(path, look_at, &contents) != 0)
        return fail_system(err, path, "cannot read the directory");
    if (contents.odd || (contents.files > 0 && !contents.config))
        return qoq_fail(err, QOQ_ERR_IO, path, NULL,
                        "is not replaced: it does not look like a checkpoint");
    return QOQ_OK;
}

/* A name beside path that is not taken yet, by trying; the system call decides. */
static enum qoq_status make_temporary(struct qoq_directory *out, struct qoq_error *err)
{
    size_t size = strlen(out->path) + 48;

    out->temporary = malloc(size);
    if (out->temporary == NULL)
        return qoq_fail_memory(err, out->path, NULL, size);
    for (unsigned n = 0; n < 1000; n++) {
        snprintf(out->temporary, size, "%s.tmp.%ld.%u", out->path, (long)getpid(), n);
        if (mkdir(out->temporary, 0777) == 0)
            return QOQ_OK;
        if (errno != EEXIST)
            break;
    }
    enum qoq_status status = fail_system(err, out->path, "cannot create");
    free(out->temporary);
    out->temporary = NULL;
    return status;
}

static void release(struct qoq_directory *out)
{
    free(out->path);
    free(out->temporary);
    memset(out, 0, sizeof *out);
}

enum qoq_status qoq_directory_begin(struct qoq_directory *out, const char *path, int replace,
                                    struct qoq_error *err)
{
    size_t length = strlen(path);
    enum qoq_status status;

    memset(out, 0, sizeof *out);
    while (length > 1 && path[length - 1] == '/')
        length--;
    out->path = malloc(length + 1);
    if (out->path == NULL)
        return qoq_fail_memory(err, path, NULL, length + 1);
    memcpy(out->path, path, length);
    out->path[length] = 0;
    status = check_existing(out->path, replace, err);
    if (status == QOQ_OK)
        status = make_temporary(out, err);
    if (status != QOQ_OK)
        release(out);
    return status;
}

enum qoq_status qoq_directory_commit(struct qoq_directory *out, struct qoq_error *err)
{
    size_t size = strlen(out->temporary) + 8;
    char *old = malloc(size);
    enum qoq_status status = QOQ_OK;
    int replaces = qoq_file_exists(out->path);

    if (old == NULL) {
        status = qoq_fail_memory(err, out->path, NULL, size);
        qoq_directory_discard(out);
        return status;
    }
    snprintf(old, size, "%s.old", out->temporary);
    if (replaces && rename(out->path, old) != 0)
        status = fail_system(err, out->path, "cannot rename the old directory");
    if (status == QOQ_OK && rename(out->temporary, out->path) != 0) {
        status = fail_system(err, out->path, "cannot rename the finished directory");
        if (replaces && rename(old, out->path) != 0)
            status = qoq_fail(err, QOQ_ERR_IO, out->path, NULL, "is now %s", old);
    }
    if (status == QOQ_OK && replaces)
        remove_all(old);
    free(old);
    if (status == QOQ_OK)
        release(out);
    else
        qoq_directory_discard(out);
    return status;
}

void qoq_directory_discard(struct qoq_directory *out)
{
    if (out->temporary != NULL)
        remove_all(out->temporary);
    release(out);
}
