/* SPDX-License-Identifier: Apache-2.0 */
/* qoq sim explain: one prediction as a derivation, or why one scheme is slower than another. */
#include <config.h>

#include <stdio.h>
#include <string.h>

#include "sim/cli/explain.h"
#include "sim/cli/help.h"
#include "sim/cli/options.h"

static const char help[] =
    "Usage: qoq sim explain gemm|attention|serve [OPTION]...\n"
    "One prediction as a derivation: every formula with its numbers and its clause of "
    "doc/cost-model.md.\n"
    "With several schemes (gemm) it also says why one is slower than the next:\n"
    "  qoq sim explain gemm --scheme w4a4-atom,w8a8 -m 256 -n 12288 -k 4096\n"
    "\n" QOQ_SIM_HELP_WHAT QOQ_SIM_HELP_GEMM QOQ_SIM_HELP_ATTENTION
    "      --input N, --output N    tokens of a request (serve)\n" QOQ_SIM_HELP_COMMON;

static int no_answer(const struct qoq_sim_case *it, const char *reason)
{
    return qoq_cli_trouble("%s on %s: %s", it->scheme.head.name, it->gpu.head.name, reason);
}

static int explain_gemm(const struct qoq_sim_options *options)
{
    struct qoq_sim_case it[2];
    struct qoq_sim_gemm_cost cost[2];
    char list[2048], *name[QOQ_SIM_MAX_NAMES];
    const char *reason;
    int status;

    if (strlen(options->scheme) >= sizeof list) {
        return qoq_cli_misuse("sim explain", "sim explain: list too long");
    }
    strcpy(list, options->scheme);
    int count = qoq_sim_split(name, list);
    if (count < 1) {
        return qoq_cli_misuse("sim explain", "sim explain: a list must have 1 to %d names",
                              QOQ_SIM_MAX_NAMES);
    }
    for (int i = 0; i < count; i++) {
        if ((status = qoq_sim_options_load_as(&it[i % 2], options, NULL, name[i], NULL)) >= 0) {
            return status;
        }
        printf("%s", i ? "\n" : "");
        if ((reason = qoq_sim_explain_gemm(&cost[i % 2], &it[i % 2])) != NULL) {
            return no_answer(&it[i % 2], reason);
        }
        if (i > 0) {
            int slow = cost[0].seconds >= cost[1].seconds ? 0 : 1;
            qoq_sim_explain_difference(&it[slow], &cost[slow], &it[1 - slow], &cost[1 - slow]);
        }
    }
    return qoq_cli_finish(QOQ_EXIT_GOOD);
}

static int explain_attention(const struct qoq_sim_options *options)
{
    struct qoq_sim_case it;
    struct qoq_sim_attention_cost cost;
    int status = qoq_sim_options_load(&it, options);

    if (status >= 0) {
        return status;
    }
    if (it.work.batch < 1) {
        return qoq_cli_misuse("sim explain", "sim explain: --batch must be at least 1");
    }
    const char *reason = qoq_sim_explain_attention(&cost, &it, options->model != NULL);
    return reason ? no_answer(&it, reason) : qoq_cli_finish(QOQ_EXIT_GOOD);
}

static int explain_serve(const struct qoq_sim_options *options)
{
    struct qoq_sim_case it;
    int status = qoq_sim_options_load(&it, options);

    if (status >= 0) {
        return status;
    }
    const char *reason = qoq_sim_explain_serve(&it);
    return reason ? no_answer(&it, reason) : qoq_cli_finish(QOQ_EXIT_GOOD);
}

int qoq_sim_cli_explain(int argc, char **argv)
{
    struct qoq_sim_options options;
    int status = qoq_sim_options_read(&options, "sim explain", help, argc, argv);

    if (status >= 0) {
        return status;
    }
    if (argc - options.argument != 1) {
        return qoq_cli_misuse("sim explain",
                              "sim explain: explain what? (gemm, attention or serve)");
    }
    const char *what = argv[options.argument];
    options.scheme = options.scheme ? options.scheme : "w4a8-qserve";
    options.kv = options.kv ? options.kv : "kv4-qserve";
    if (strcmp(what, "gemm") == 0) {
        return explain_gemm(&options);
    }
    if (strcmp(what, "attention") == 0) {
        return explain_attention(&options);
    }
    if (strcmp(what, "serve") == 0) {
        options.model = options.model ? options.model : "llama-2-7b";
        options.default_batch_fits = 1;
        return explain_serve(&options);
    }
    return qoq_cli_misuse("sim explain", "sim explain: %s: expected gemm, attention or serve",
                          what);
}
