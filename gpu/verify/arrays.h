/* SPDX-License-Identifier: Apache-2.0 */
/* What the cases of gpu/verify share: arrays on both sides, seeded contents, comparison. */
#ifndef QOQ_GPU_VERIFY_ARRAYS_H
#define QOQ_GPU_VERIFY_ARRAYS_H

#include "gpu/verify/verify.h"

enum { QOQ_VERIFY_ARRAYS = 24 };

/* An array on the host and its twin on the device. */
struct qoq_verify_array {
    const char *name;
    void *host, *device;
    void *base; /* what was allocated on the device: `device` may lie a few bytes further */
    size_t bytes, before; /* before: from base to device */
};

/* The arrays of one case. After the first failure every call does nothing, so that a case needs to
 * ask once. */
struct qoq_verify_arrays {
    struct qoq_cuda *handle;
    struct qoq_verify_array array[QOQ_VERIFY_ARRAYS];
    size_t count;
    size_t offset; /* bytes that device arrays are moved by: breaks alignment beyond an element */
    int bands;     /* bands of a pattern around every array on the device */
    enum qoq_status status;
    const char *failed; /* what the status is about */
};

/* Adds an array of count elements. The host's copy is zero, the device's is not written. NULL on
 * failure. */
struct qoq_verify_array *qoq_verify_new(struct qoq_verify_arrays *arrays, const char *name,
                                        size_t count, size_t size);

/* Sends the host's contents to the device. */
void qoq_verify_send(struct qoq_verify_arrays *arrays, const struct qoq_verify_array *array);

/* A fresh host copy of what is on the device, to be freed; NULL on failure. */
void *qoq_verify_fetch(struct qoq_verify_arrays *arrays, const struct qoq_verify_array *array);

void qoq_verify_note(struct qoq_verify_arrays *arrays, enum qoq_status status, const char *what);
/* Notes QOQ_ERR_DIFFERS where a kernel has written outside of an array. */
void qoq_verify_check_bands(struct qoq_verify_arrays *arrays, char *text, size_t room);

void qoq_verify_free(struct qoq_verify_arrays *arrays);

/* Host values of `array` against the device's, element by element, rows of `row` elements. dtype:
 * QOQ_F16, QOQ_F32 (any two NaNs are equal), QOQ_I8, QOQ_U8 or QOQ_I32. Writes the first difference
 * to text and notes QOQ_ERR_DIFFERS. */
void qoq_verify_compare(struct qoq_verify_arrays *arrays, const struct qoq_verify_array *array,
                        enum qoq_dtype dtype, size_t row, char *text, size_t room);

/* Seeded contents. Rows cycle through the shapes that quantizers must survive: ordinary, zero,
 * tiny, large, one outlier, constant, any pattern (infinities and NaN among them where `wild`). */
void qoq_verify_fill_halves(qoq_half *x, size_t rows, size_t row, uint64_t seed, int wild);
void qoq_verify_fill_floats(float *x, size_t rows, size_t row, uint64_t seed, int wild);
void qoq_verify_fill_bell(float *x, size_t count, uint64_t seed, float scale);

/* A number of [lo, hi] from a stream. */
size_t qoq_verify_number(uint64_t *state, size_t lo, size_t hi);

#endif
