/* SPDX-License-Identifier: Apache-2.0 */
/* One golden case by the kernels of gpu/. */
#ifndef QOQ_SIM_CLI_GOLDEN_RUN_H
#define QOQ_SIM_CLI_GOLDEN_RUN_H

#include "data/golden_case.h"
#include "gpu/qoq_cuda.h"

/* Computes the outputs that a kernel gives from the inputs of a case, which has passed
 * qoq_golden_check_inputs, and counts the elements that differ from the stored ones.
 * QOQ_ERR_UNSUPPORTED: no kernel computes the operator. QOQ_ERR_DEVICE: see qoq_cuda_message. */
QOQ_CHECKED enum qoq_status qoq_sim_golden_run(struct qoq_cuda *handle, size_t *elements,
                                               size_t *differing, const struct qoq_golden_case *c);

#endif
