/* SPDX-License-Identifier: Apache-2.0 */
/* Tables about models on standard output, shared by quantize and inspect. */
#ifndef QOQ_CLI_REPORT_H
#define QOQ_CLI_REPORT_H

#include "qoq_model.h"

/* One row a linear layer: shape and error statistics of `quantized` against `baseline` (N 4.7).
 * Returns an exit status. */
int qoq_report_linears(const struct qoq_model *baseline, const struct qoq_model *quantized);

/* One row a linear layer of a quantized model: shape, ranges of scales and zero points. */
void qoq_report_ranges(const struct qoq_model *model);

/* The description, one "field value" line each. */
void qoq_report_config(const struct qoq_model *model);

#endif
