/* SPDX-License-Identifier: Apache-2.0 */
/* The golden part of qoq gpu verify. */
#include <config.h>

#include "gpu/cli/verify_golden.h"

#include <stdio.h>
#include <string.h>

int qoq_gpu_verify_named(const char *kernel, int count, char **named)
{
    for (int i = 0; i < count; i++) {
        if (strcmp(named[i], kernel) == 0) {
            return 1;
        }
    }
    return count == 0;
}

static int wanted(const struct qoq_golden_cases *cases, const char *kernel)
{
    const struct qoq_verify_golden_part *it = (const struct qoq_verify_golden_part *)cases;

    return qoq_gpu_verify_named(kernel, it->kernels, it->kernel);
}

static void add(struct qoq_golden_cases *cases, const struct qoq_golden_case *c,
                const struct qoq_verify_golden *result, enum qoq_status status)
{
    struct qoq_verify_golden_part *it = (struct qoq_verify_golden_part *)cases;
    size_t i = 0;

    (void)result;
    while (i < it->rows && strcmp(it->row[i].op, c->op) != 0) {
        i++;
    }
    if (i == QOQ_VERIFY_ROWS) {
        return; /* counted all the same */
    }
    if (i == it->rows) {
        snprintf(it->row[i].op, sizeof it->row[i].op, "%s", c->op);
        it->rows++;
    }
    it->row[i].cases++;
    it->row[i].failed += status != QOQ_OK;
}

void qoq_gpu_verify_golden(struct qoq_verify_golden_part *it)
{
    it->cases.wanted = it->kernels > 0 ? wanted : NULL;
    it->cases.row = add;
    qoq_golden_cases_walk(&it->cases, it->paths, it->path);
    for (size_t i = 0; i < it->rows; i++) {
        printf("golden %-26s %6zu cases  %s\n", it->row[i].op, it->row[i].cases,
               it->row[i].failed == 0 ? "OK" : "FAILED");
    }
}
