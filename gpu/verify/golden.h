/* SPDX-License-Identifier: Apache-2.0 */
/* One golden case by the kernels, on a GPU or on the emulator. */
#ifndef QOQ_GPU_VERIFY_GOLDEN_H
#define QOQ_GPU_VERIFY_GOLDEN_H

#include "data/golden_case.h"
#include "gpu/qoq_cuda.h"

struct qoq_verify_golden {
    size_t elements, differing; /* of the outputs; differing: over all tiles that were tried */
    char text[700]; /* one line without its end: where it differs first, or what failed */
};

/* The kernel (verify.h) that computes the operator of a case, over the cache that the case has;
 * NULL: none does. */
const char *qoq_verify_golden_kernel(const struct qoq_golden_case *c);

/* Computes the outputs that a kernel gives from the inputs of a case, which has passed
 * qoq_golden_check_inputs, and compares them with the stored ones. bands: guard bands around arrays
 * even where the device checks every access. QOQ_ERR_DIFFERS: a bit differs, or something was
 * written outside of an array. QOQ_ERR_UNSUPPORTED: no kernel computes this. */
QOQ_CHECKED enum qoq_status qoq_verify_golden_run(struct qoq_cuda *handle,
                                                  struct qoq_verify_golden *out,
                                                  const struct qoq_golden_case *c, int bands);

#endif
