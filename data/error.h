/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one way in which the room data/ reports trouble: a status and one line "FILE: FIELD: REASON".
 * Files are untrusted input, so control characters and broken UTF-8 in names that came from a file
 * are shown as \xHH.
 */
#ifndef QOQ_DATA_ERROR_H
#define QOQ_DATA_ERROR_H

#include "qoq.h"

struct qoq_error {
    enum qoq_status status;
    char text[512]; /* one line, without a newline; cut with "..." where longer */
};

/* Fills err (may be NULL) and returns status, so that callers write `return qoq_fail(...)`.
 * file and field may be NULL: that part is then left out. */
enum qoq_status qoq_fail(struct qoq_error *err, enum qoq_status status, const char *file,
                         const char *field, const char *format, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 5, 6)))
#endif
    ;

/* The same for a failed allocation of `bytes`. */
enum qoq_status qoq_fail_memory(struct qoq_error *err, const char *file, const char *field,
                                size_t bytes);

#endif
