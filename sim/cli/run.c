/* SPDX-License-Identifier: Apache-2.0 */
/* qoq sim run: a CUDA kernel on the emulator, against the reference. */
#include <config.h>

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "sim/cli/options.h"

static const char help[] =
    "Usage: qoq sim run KERNEL [OPTION]...\n"
    "Runs the source of a CUDA kernel on this CPU, compares every bit of its results\n"
    "with the reference, checks it for races, missing waits, divergence, deadlock\n"
    "and accesses out of bounds, and prints what it did.\n"
    "\n"
    "      --m N, --n N, --k N, --group N    tokens, output and input channels, group\n"
    "      --q-heads N, --kv-heads N, --head-dim N, --page N, --context N, --bits 4|8\n"
    "                           the cache and what it holds\n"
    "      --bias 1             with a bias (products) or a residual (RMSNorm)\n"
    "      --tile N, --splits N the tile and the division of K, or of a context\n"
    "                           (default: as on a GPU)\n"
    "      --uniform 1          attention: every row sees the whole context; 2: and runs\n"
    "                           of tokens are of one sequence\n"
    "      --misaligned 1       arrays aligned to single elements only\n"
    "                           sizes are numbers, lists such as 1,16,64 or ranges,\n"
    "                           1:64:8 or 1:8192:x2: all combinations are run\n"
    "      --seed N             of inputs, shapes and the random schedule (default 1)\n"
    "      --random N           N random shapes from seeds --seed, --seed + 1, ...\n"
    "      --schedule NAME      forward, reverse, strided, rotate, random, first-ahead,\n"
    "                           last-ahead, or all (default forward)\n"
    "      --copies WHEN        late or early: when asynchronous copies land\n"
    "      --multiprocessors N  of the imagined GPU (default 108)\n"
    "  -o, --out FILE           writes the counts of all shapes to FILE (.csv or .h5)\n"
    "      --forms KERNEL       closed forms of its counts, instead of a run\n"
    "      --list               the kernels and the sizes that each uses\n"
    "      --csv, --json        for programs\n"
    "  -h, --help               this text\n"
    "\n"
    "KERNEL 'all' with --random runs every kernel. doc/emulator.md says what is\n"
    "checked and counted. Exit status: 0 equal, 1 a difference or a fault of the\n"
    "kernel, 2 wrong usage.\n";

#if HAVE_EMULATOR

#include "sim/cli/run_cases.h"
#include "sim/cli/run_forms.h"
#include "sim/emu/emu.h"

enum { SEED = 1000, RANDOM, SCHEDULE, COPIES, MULTIPROCESSORS, FORMS, LIST, CSV, JSON, SIZE };

static const struct option long_options[] = {
    {"m", required_argument, NULL, SIZE},
    {"n", required_argument, NULL, SIZE},
    {"k", required_argument, NULL, SIZE},
    {"group", required_argument, NULL, SIZE},
    {"q-heads", required_argument, NULL, SIZE},
    {"kv-heads", required_argument, NULL, SIZE},
    {"head-dim", required_argument, NULL, SIZE},
    {"page", required_argument, NULL, SIZE},
    {"context", required_argument, NULL, SIZE},
    {"bits", required_argument, NULL, SIZE},
    {"bias", required_argument, NULL, SIZE},
    {"tile", required_argument, NULL, SIZE},
    {"splits", required_argument, NULL, SIZE},
    {"misaligned", required_argument, NULL, SIZE},
    {"uniform", required_argument, NULL, SIZE},
    {"seed", required_argument, NULL, SEED},
    {"random", required_argument, NULL, RANDOM},
    {"schedule", required_argument, NULL, SCHEDULE},
    {"copies", required_argument, NULL, COPIES},
    {"multiprocessors", required_argument, NULL, MULTIPROCESSORS},
    {"out", required_argument, NULL, 'o'},
    {"forms", required_argument, NULL, FORMS},
    {"list", no_argument, NULL, LIST},
    {"csv", no_argument, NULL, CSV},
    {"json", no_argument, NULL, JSON},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static int list_kernels(enum qoq_sim_format format)
{
    static const struct qoq_sim_column columns[] = {{"kernel", 0}, {"does", 0}, {"sizes", 0}};
    struct qoq_sim_table table;
    int status;

    qoq_sim_table_begin(&table, "kernels", columns, 3);
    for (const struct qoq_verify_kernel *k = qoq_verify_kernels; k->name != NULL; k++) {
        qoq_sim_table_text(&table, k->name);
        qoq_sim_table_text(&table, k->idea);
        qoq_sim_table_text(&table, k->sizes);
    }
    status = qoq_sim_tables_print(&table, 1, format);
    qoq_sim_table_free(&table);
    return status != 0 ? qoq_cli_trouble("sim run: out of memory") : qoq_cli_finish(QOQ_EXIT_GOOD);
}

static int take_schedule(struct qoq_sim_run *run)
{
    int schedule = qoq_emu_schedule_of(optarg);

    run->all_schedules = strcmp(optarg, "all") == 0;
    if (schedule < 0 && !run->all_schedules) {
        return qoq_cli_misuse("sim run", "sim run: --schedule: %s: no such schedule", optarg);
    }
    run->emu.schedule = schedule < 0 ? QOQ_EMU_FORWARD : (enum qoq_emu_schedule)schedule;
    return -1;
}

static int take_size(struct qoq_sim_run *run, const char *name)
{
    struct qoq_error err;

    return qoq_sim_grid_size(&run->grid, name, optarg, &err) == QOQ_OK
               ? -1
               : qoq_cli_misuse("sim run", "%s", err.text);
}

static int take(struct qoq_sim_run *run, int option, int index, char **argv)
{
    size_t number;

    switch (option) {
    case SIZE:
        return take_size(run, long_options[index].name);
    case SEED:
        return qoq_cli_parse_u64(&run->seed, optarg) == 0
                   ? -1
                   : qoq_cli_misuse("sim run", "sim run: --seed: %s is not a number", optarg);
    case RANDOM:
        return qoq_cli_parse_size(&run->random, optarg, 1, 1000000) == 0
                   ? -1
                   : qoq_cli_misuse("sim run", "sim run: --random: %s is not a number from 1 on",
                                    optarg);
    case SCHEDULE:
        return take_schedule(run);
    case COPIES:
        run->emu.early_copies = strcmp(optarg, "early") == 0;
        return run->emu.early_copies || strcmp(optarg, "late") == 0
                   ? -1
                   : qoq_cli_misuse("sim run", "sim run: --copies: %s is neither late nor early",
                                    optarg);
    case MULTIPROCESSORS:
        if (qoq_cli_parse_size(&number, optarg, 1, 10000) != 0) {
            return qoq_cli_misuse("sim run", "sim run: --multiprocessors: %s is not a number",
                                  optarg);
        }
        run->emu.multiprocessors = (int)number;
        return -1;
    case FORMS:
        run->forms = optarg;
        return -1;
    case CSV:
    case JSON:
        run->format = option == CSV ? QOQ_SIM_CSV : QOQ_SIM_JSON;
        return -1;
    case 'o':
        run->out = optarg;
        return qoq_sim_counts_format(optarg) >= 0
                   ? -1
                   : qoq_cli_misuse("sim run",
                                    "sim run: --out: %s: the name must end in .csv or .h5", optarg);
    case 'h':
        return qoq_cli_help(help);
    default:
        return qoq_cli_bad_option("sim run", argv);
    }
}

/* Reads the options. Returns -1 to go on, or an exit status. */
static int read_options(struct qoq_sim_run *run, int *list, int argc, char **argv)
{
    int index = 0;

    opterr = 0;
    optind = 1;
    for (int option; (option = getopt_long(argc, argv, "ho:", long_options, &index)) != -1;) {
        int status = option == LIST ? (*list = 1, -1) : take(run, option, index, argv);

        if (status >= 0) {
            return status;
        }
    }
    return -1;
}

int qoq_sim_cli_run(int argc, char **argv)
{
    struct qoq_sim_run run = {.seed = 1, .format = QOQ_SIM_TEXT};
    int list = 0, status;

    qoq_sim_grid_begin(&run.grid);
    status = read_options(&run, &list, argc, argv);
    if (status < 0 && list) {
        status = list_kernels(run.format);
    } else if (status < 0 && run.forms != NULL) {
        status = qoq_sim_run_forms(run.forms, run.format);
    } else if (status < 0 && optind != argc - 1) {
        status = qoq_cli_misuse("sim run", "sim run: one KERNEL is needed (see --list)");
    } else if (status < 0) {
        status = qoq_sim_run_named(&run, argv[optind]);
    }
    qoq_sim_grid_free(&run.grid);
    return status;
}

#else

int qoq_sim_cli_run(int argc, char **argv)
{
    if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        return qoq_cli_help(help);
    }
    return qoq_cli_trouble("sim run: this program was built without a C++17 compiler");
}

#endif
