/* SPDX-License-Identifier: Apache-2.0 */
/* Reading whole files; writing through a temporary name. */
#include <config.h>

#include "data/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static enum qoq_status fail_system(struct qoq_error *err, const char *path, const char *what)
{
    return qoq_fail(err, QOQ_ERR_IO, path, NULL, "%s: %s", what, strerror(errno));
}

enum qoq_status qoq_file_open(int *descriptor, uint64_t *bytes, const char *path,
                              struct qoq_error *err)
{
    struct stat about;

    *descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    if (*descriptor < 0)
        return fail_system(err, path, "cannot open");
    if (fstat(*descriptor, &about) != 0 || !S_ISREG(about.st_mode)) {
        qoq_file_close(*descriptor);
        *descriptor = -1;
        return qoq_fail(err, QOQ_ERR_IO, path, NULL, "not a regular file");
    }
    *bytes = (uint64_t)about.st_size;
    return QOQ_OK;
}

void qoq_file_close(int descriptor)
{
    if (descriptor >= 0)
        close(descriptor);
}

enum qoq_status qoq_file_read_at(void *data, int descriptor, uint64_t offset, size_t bytes,
                                 const char *path, struct qoq_error *err)
{
    char *at = data;

    while (bytes > 0) {
        size_t chunk = bytes < ((size_t)1 << 30) ? bytes : (size_t)1 << 30;
        ssize_t got = pread(descriptor, at, chunk, (off_t)offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return fail_system(err, path, "cannot read");
        if (got == 0)
            return qoq_fail(err, QOQ_ERR_FORMAT, path, NULL, "ends too early");
        at += got;
        offset += (uint64_t)got;
        bytes -= (size_t)got;
    }
    return QOQ_OK;
}

enum qoq_status qoq_file_read(char **data, size_t *bytes, const char *path, size_t max_bytes,
                              struct qoq_error *err)
{
    enum qoq_status status;
    uint64_t size;
    int descriptor;

    *data = NULL;
    status = qoq_file_open(&descriptor, &size, path, err);
    if (status != QOQ_OK)
        return status;
    if (size > max_bytes) {
        status = qoq_fail(err, QOQ_ERR_UNSUPPORTED, path, NULL, "larger than %zu bytes", max_bytes);
    } else if ((*data = malloc((size_t)size + 1)) == NULL) {
        status = qoq_fail_memory(err, path, NULL, (size_t)size);
    } else {
        (*data)[size] = 0;
        *bytes = (size_t)size;
        status = qoq_file_read_at(*data, descriptor, 0, (size_t)size, path, err);
    }
    qoq_file_close(descriptor);
    if (status != QOQ_OK) {
        free(*data);
        *data = NULL;
    }
    return status;
}

int qoq_file_is_directory(const char *path)
{
    struct stat about;

    return stat(path, &about) == 0 && S_ISDIR(about.st_mode);
}

int qoq_file_exists(const char *path)
{
    struct stat about;

    return stat(path, &about) == 0;
}

char *qoq_file_join(const char *directory, const char *name)
{
    size_t length = strlen(directory);
    const char *between = length > 0 && directory[length - 1] == '/' ? "" : "/";
    size_t bytes = length + strlen(name) + 2;
    char *path = malloc(bytes);

    if (path != NULL)
        snprintf(path, bytes, "%s%s%s", directory, between, name);
    return path;
}

static void release(struct qoq_output *out)
{
    qoq_file_close(out->descriptor);
    free(out->path);
    free(out->temporary);
    out->path = NULL;
    out->temporary = NULL;
    out->descriptor = -1;
}

/* Tries names until one is new: O_EXCL never follows or reuses what lies there. */
static enum qoq_status create_temporary(struct qoq_output *out, struct qoq_error *err)
{
    size_t size = strlen(out->path) + 48;

    out->temporary = malloc(size);
    if (out->temporary == NULL)
        return qoq_fail_memory(err, out->path, NULL, size);
    for (unsigned n = 0; n < 1000; n++) {
        snprintf(out->temporary, size, "%s.tmp.%ld.%u", out->path, (long)getpid(), n);
        out->descriptor = open(out->temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (out->descriptor >= 0)
            return QOQ_OK;
        if (errno != EEXIST)
            break;
    }
    return fail_system(err, out->path, "cannot create");
}

enum qoq_status qoq_output_begin(struct qoq_output *out, const char *path, struct qoq_error *err)
{
    enum qoq_status status;
    struct stat about;

    memset(out, 0, sizeof *out);
    out->descriptor = -1;
    if (stat(path, &about) == 0 && !S_ISREG(about.st_mode))
        return qoq_fail(err, QOQ_ERR_IO, path, NULL, "exists and is not a regular file");
    out->path = malloc(strlen(path) + 1);
    if (out->path == NULL)
        return qoq_fail_memory(err, path, NULL, strlen(path) + 1);
    strcpy(out->path, path);
    status = create_temporary(out, err);
    if (status != QOQ_OK)
        release(out);
    return status;
}

enum qoq_status qoq_output_write(struct qoq_output *out, const void *data, size_t bytes,
                                 struct qoq_error *err)
{
    const char *at = data;

    while (bytes > 0) {
        size_t chunk = bytes < ((size_t)1 << 30) ? bytes : (size_t)1 << 30;
        ssize_t put = write(out->descriptor, at, chunk);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return fail_system(err, out->path, "cannot write");
        at += put;
        bytes -= (size_t)put;
    }
    return QOQ_OK;
}

/* Makes the renaming itself durable. Some file systems refuse to synchronize a directory: not an
 * error. */
static void synchronize_directory(const char *path)
{
    const char *slash = strrchr(path, '/');
    size_t length = slash == NULL ? 1 : slash == path ? 1 : (size_t)(slash - path);
    char *directory = malloc(length + 1);
    int descriptor;

    if (directory == NULL)
        return;
    memcpy(directory, slash == NULL ? "." : path, length);
    directory[length] = 0;
    descriptor = open(directory, O_RDONLY | O_CLOEXEC);
    if (descriptor >= 0 && fsync(descriptor) != 0)
        errno = 0;
    qoq_file_close(descriptor);
    free(directory);
}

enum qoq_status qoq_output_commit(struct qoq_output *out, struct qoq_error *err)
{
    enum qoq_status status = QOQ_OK;
    int closed;

    if (fsync(out->descriptor) != 0 && errno != EINVAL)
        status = fail_system(err, out->path, "cannot write");
    closed = close(out->descriptor);
    out->descriptor = -1;
    if (status == QOQ_OK && closed != 0)
        status = fail_system(err, out->path, "cannot write");
    if (status == QOQ_OK && rename(out->temporary, out->path) != 0)
        status = fail_system(err, out->path, "cannot rename the finished file");
    if (status != QOQ_OK) {
        qoq_output_discard(out);
        return status;
    }
    synchronize_directory(out->path);
    release(out);
    return QOQ_OK;
}

void qoq_output_discard(struct qoq_output *out)
{
    if (out->temporary == NULL)
        return;
    unlink(out->temporary);
    release(out);
}
