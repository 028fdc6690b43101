/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/quantize_report.h"

#include <stdio.h>
#include <string.h>

#include "data/file.h"

static enum qoq_status write_row(struct qoq_output *out, size_t layer, enum qoq_linear_id id,
                                 const struct qoq_linear_report *report, struct qoq_error *err)
{
    char row[256];

    snprintf(row, sizeof row, "%zu,%s,%.6g,%.9g,%.9g,%.9g,%.6g\n", layer, qoq_linear_name(id),
             report->ratio, report->signal, report->nearest, report->error, report->damping);
    return qoq_output_write(out, row, strlen(row), err);
}

enum qoq_status qoq_quantize_report_write(const char *path, const struct qoq_layer_report *report,
                                          size_t layers, struct qoq_error *err)
{
    static const char head[] = "layer,linear,clip_ratio,signal,nearest_error,error,damping\n";
    struct qoq_output out;
    enum qoq_status status = qoq_output_begin(&out, path, err);

    if (status == QOQ_OK) {
        status = qoq_output_write(&out, head, sizeof head - 1, err);
    }
    for (size_t i = 0; i < layers; i++) {
        for (int id = 0; id < QOQ_LINEARS && status == QOQ_OK; id++) {
            status = write_row(&out, i, (enum qoq_linear_id)id, &report[i].linear[id], err);
        }
    }
    if (status == QOQ_OK) {
        return qoq_output_commit(&out, err);
    }
    qoq_output_discard(&out);
    return status;
}
