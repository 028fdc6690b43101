/* SPDX-License-Identifier: Apache-2.0 */
/* The axes of a sweep. */
#include <config.h>

#include "sim/cli/axis.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Reads a number up to the character that ends it. Returns 0, or -1 where there is none. */
static int number(double *value, const char **text)
{
    char *end;

    *value = strtod(*text, &end);
    if (end == *text || !isfinite(*value)) {
        return -1;
    }
    *text = end;
    return 0;
}

static int append(struct qoq_sim_axis *axis, double value)
{
    if ((axis->count & (axis->count - 1)) == 0) {
        double *grown = realloc(axis->value, (axis->count ? 2 * axis->count : 1) * sizeof *grown);
        if (!grown) {
            return -1;
        }
        axis->value = grown;
    }
    axis->value[axis->count++] = value;
    return 0;
}

/* first:last:step or first:last:xFACTOR; the last is included where the steps meet it. */
static enum qoq_status range(struct qoq_sim_axis *axis, double first, const char *text,
                             struct qoq_error *err)
{
    double last, step;
    int factor = 0;

    if (number(&last, &text) != 0 || *text != ':' ||
        (text++, factor = *text == 'x', text += factor, number(&step, &text)) != 0 ||
        *text != '\0') {
        return qoq_fail(err, QOQ_ERR_ARGUMENT, axis->option, axis->name,
                        "expected FIRST:LAST:STEP or FIRST:LAST:xFACTOR");
    }
    if (last < first || (factor ? step <= 1 || first <= 0 : step <= 0)) {
        return qoq_fail(err, QOQ_ERR_ARGUMENT, axis->option, axis->name, "the range goes nowhere");
    }
    for (size_t i = 0;; i++) {
        double value = factor ? first * pow(step, (double)i) : first + step * (double)i;
        if (value > last * (1 + 1e-12) + 1e-300) {
            return QOQ_OK;
        }
        if (i >= QOQ_SIM_MAX_AXIS || append(axis, value) != 0) {
            return qoq_fail(err, QOQ_ERR_ARGUMENT, axis->option, axis->name, "more than %d values",
                            QOQ_SIM_MAX_AXIS);
        }
    }
}

static enum qoq_status values(struct qoq_sim_axis *axis, const char *text, struct qoq_error *err)
{
    double value;

    for (;;) {
        if (number(&value, &text) != 0) {
            return qoq_fail(err, QOQ_ERR_ARGUMENT, axis->option, axis->name,
                            "\"%.40s\" is not a number", text);
        }
        if (*text == ':' && axis->count == 0) {
            return range(axis, value, text + 1, err);
        }
        if (axis->count >= QOQ_SIM_MAX_AXIS || append(axis, value) != 0) {
            return qoq_fail(err, QOQ_ERR_ARGUMENT, axis->option, axis->name, "more than %d values",
                            QOQ_SIM_MAX_AXIS);
        }
        if (*text == '\0') {
            return QOQ_OK;
        }
        if (*text++ != ',') {
            return qoq_fail(err, QOQ_ERR_ARGUMENT, axis->option, axis->name,
                            "expected a comma before \"%.40s\"", text - 1);
        }
    }
}

static enum qoq_status check(const struct qoq_sim_axis *axis, struct qoq_error *err)
{
    struct qoq_sim_case *probe = malloc(sizeof *probe);
    enum qoq_status status =
        probe ? QOQ_OK : qoq_fail_memory(err, axis->option, axis->name, sizeof *probe);

    for (size_t i = 0; i < axis->count && status == QOQ_OK; i++) {
        status = qoq_sim_assign(probe, &axis->target, axis->value[i], 0, err);
    }
    free(probe);
    return status;
}

enum qoq_status qoq_sim_axis_parse(struct qoq_sim_axis *axis, const char *text,
                                   struct qoq_error *err)
{
    size_t length = strcspn(text, "=");
    enum qoq_status status;

    memset(axis, 0, sizeof *axis);
    axis->option = "--over";
    if (text[length] != '=' || length >= sizeof axis->name) {
        return qoq_fail(err, QOQ_ERR_ARGUMENT, "--over", text,
                        "expected KIND.FIELD=VALUES, as in work.m=1,16,256");
    }
    memcpy(axis->name, text, length);
    if ((status = qoq_sim_target(&axis->target, axis->name, err)) != QOQ_OK ||
        (status = values(axis, text + length + 1, err)) != QOQ_OK) {
        return status;
    }
    return check(axis, err);
}

enum qoq_status qoq_sim_axis_values(struct qoq_sim_axis *axis, const char *option, const char *name,
                                    const char *text, struct qoq_error *err)
{
    memset(axis, 0, sizeof *axis);
    axis->option = option;
    snprintf(axis->name, sizeof axis->name, "%s", name);
    return values(axis, text, err);
}

void qoq_sim_axis_free(struct qoq_sim_axis *axis)
{
    free(axis->value);
    memset(axis, 0, sizeof *axis);
}
