/* SPDX-License-Identifier: Apache-2.0 */
/* What quantization did to each linear layer, as CSV. */
#ifndef QOQ_CLI_QUANTIZE_REPORT_H
#define QOQ_CLI_QUANTIZE_REPORT_H

#include "data/error.h"
#include "qoq_quantize.h"

/* Columns layer, linear, clip_ratio, signal, nearest_error, error, damping. Nothing is left behind
 * on failure. */
QOQ_CHECKED enum qoq_status qoq_quantize_report_write(const char *path,
                                                      const struct qoq_layer_report *report,
                                                      size_t layers, struct qoq_error *err);

#endif
