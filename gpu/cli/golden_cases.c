/* SPDX-License-Identifier: Apache-2.0 */
/* Golden cases by the kernels of a device. */
#include <config.h>

#include "gpu/cli/golden_cases.h"

#include <stdio.h>

#include "cli/cli.h"

static void tally(struct qoq_golden_walk *walk, enum qoq_status status)
{
    int differs = status == QOQ_ERR_DIFFERS || status == QOQ_ERR_DEVICE;

    walk->passed += status == QOQ_OK;
    walk->failed += status != QOQ_OK;
    qoq_golden_walk_worsen(walk, status == QOQ_OK ? QOQ_EXIT_GOOD
                                 : differs        ? QOQ_EXIT_DIFFERS
                                                  : QOQ_EXIT_TROUBLE);
}

static void visit(struct qoq_golden_walk *walk, const struct qoq_golden_case *c, const char *path,
                  int same_inputs)
{
    struct qoq_golden_cases *it = (struct qoq_golden_cases *)walk;
    const char *kernel = qoq_verify_golden_kernel(c);
    struct qoq_verify_golden result;
    enum qoq_status status;

    (void)same_inputs; /* kernels take anybody's */
    if (it->wanted != NULL && (kernel == NULL || !it->wanted(it, kernel))) {
        return;
    }
    status =
        kernel == NULL ? QOQ_ERR_UNSUPPORTED : qoq_verify_golden_run(it->handle, &result, c, 0);
    if (status == QOQ_ERR_UNSUPPORTED) {
        walk->skipped++;
        return;
    }
    if (status != QOQ_OK) {
        qoq_cli_trouble("%s: %s: %s\n  again: qoq golden check %s --case %s --on %s", path, c->name,
                        result.text, path, c->name, it->on);
    }
    it->row(it, c, &result, status);
    tally(walk, status);
    walk->stop = status == QOQ_ERR_DEVICE && !qoq_cuda_is_emulated(it->handle);
    if (it->rest != NULL) {
        it->rest(it);
    }
}

void qoq_golden_cases_walk(struct qoq_golden_cases *it, int paths, char **path)
{
    it->walk.visit = visit;
    qoq_golden_walk_paths(&it->walk, paths, path);
}

/* ---- A row a case ---- */

static void print_row(struct qoq_golden_cases *it, const struct qoq_golden_case *c,
                      const struct qoq_verify_golden *result, enum qoq_status status)
{
    if (status == QOQ_OK || status == QOQ_ERR_DIFFERS) {
        printf(it->csv ? "%s,%zu,%zu,%s\n" : "%-44s %9zu %9zu  %s\n", c->name, result->elements,
               result->differing, status == QOQ_OK ? "ok" : "DIFFERS");
    }
}

int qoq_golden_cases_print(struct qoq_golden_cases *it, int paths, char **path)
{
    it->row = print_row;
    if (it->csv) {
        puts("case,elements,differing,verdict");
    } else {
        printf("%-44s %9s %9s  %s\n", "case", "elements", "differing", "verdict");
    }
    qoq_golden_cases_walk(it, paths, path);
    if (!it->csv) {
        printf("%zu passed, %zu failed, %zu skipped\n", it->walk.passed, it->walk.failed,
               it->walk.skipped);
    }
    return qoq_cli_finish(it->walk.status);
}
