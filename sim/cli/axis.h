/* SPDX-License-Identifier: Apache-2.0 */
/* The axes of a sweep: "gpu.sms=64,108,132", "work.m=1:256:1", "gpu.hbm_gbps=1000:8000:x2". */
#ifndef QOQ_SIM_CLI_AXIS_H
#define QOQ_SIM_CLI_AXIS_H

#include "sim/cli/load.h"

enum { QOQ_SIM_MAX_AXIS = 1 << 20 };

struct qoq_sim_axis {
    const char *option; /* for messages: "--over" */
    char name[64];      /* "gpu.sms" */
    struct qoq_sim_target target;
    double *value; /* malloced */
    size_t count;
};

/* Parses one axis; every value must be in the field's range. Free it also after a failure. */
QOQ_CHECKED enum qoq_status qoq_sim_axis_parse(struct qoq_sim_axis *axis, const char *text,
                                               struct qoq_error *err);

/* The same for bare VALUES, of whatever has that name; there is no target. */
QOQ_CHECKED enum qoq_status qoq_sim_axis_values(struct qoq_sim_axis *axis, const char *option,
                                                const char *name, const char *text,
                                                struct qoq_error *err);
void qoq_sim_axis_free(struct qoq_sim_axis *axis);

#endif
