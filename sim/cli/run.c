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
    "      --tile N, --splits N the tile and the division of K (default: as on a GPU)\n"
    "      --misaligned 1       arrays aligned to single elements only\n"
    "      --seed N             of inputs, shapes and the random schedule (default 1)\n"
    "      --random N           N random shapes from seeds --seed, --seed + 1, ...\n"
    "      --schedule NAME      forward, reverse, strided, rotate, random, first-ahead,\n"
    "                           last-ahead, or all (default forward)\n"
    "      --copies WHEN        late or early: when asynchronous copies land\n"
    "      --multiprocessors N  of the imagined GPU (default 108)\n"
    "      --list               the kernels and the sizes that each uses\n"
    "      --csv, --json        for programs\n"
    "  -h, --help               this text\n"
    "\n"
    "KERNEL 'all' with --random runs every kernel. doc/emulator.md says what is\n"
    "checked and counted. Exit status: 0 equal, 1 a difference or a fault of the\n"
    "kernel, 2 wrong usage.\n";

#if HAVE_EMULATOR

#include "gpu/verify/verify.h"
#include "sim/cli/run_report.h"
#include "sim/emu/emu.h"

enum { SEED = 1000, RANDOM, SCHEDULE, COPIES, MULTIPROCESSORS, LIST, CSV, JSON, SIZE };

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
    {"seed", required_argument, NULL, SEED},
    {"random", required_argument, NULL, RANDOM},
    {"schedule", required_argument, NULL, SCHEDULE},
    {"copies", required_argument, NULL, COPIES},
    {"multiprocessors", required_argument, NULL, MULTIPROCESSORS},
    {"list", no_argument, NULL, LIST},
    {"csv", no_argument, NULL, CSV},
    {"json", no_argument, NULL, JSON},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

struct run {
    struct qoq_verify_shape shape;
    struct qoq_emu_options emu;
    uint64_t seed;
    size_t random; /* 0: the one shape that the options give */
    int all_schedules;
    enum qoq_sim_format format;
    struct qoq_sim_table counts, cases;
    int worst; /* exit status so far */
};

static const struct qoq_sim_column case_columns[] = {
    {"kernel", 0}, {"shape", 0}, {"seed", 17}, {"schedule", 0}, {"result", 0}};

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

static int take_schedule(struct run *run)
{
    int schedule = qoq_emu_schedule_of(optarg);

    run->all_schedules = strcmp(optarg, "all") == 0;
    if (schedule < 0 && !run->all_schedules) {
        return qoq_cli_misuse("sim run", "sim run: --schedule: %s: no such schedule", optarg);
    }
    run->emu.schedule = schedule < 0 ? QOQ_EMU_FORWARD : (enum qoq_emu_schedule)schedule;
    return -1;
}

static int take_size(struct run *run, const char *name)
{
    char field[32];

    snprintf(field, sizeof field, "%s", name);
    for (char *c = field; *c != '\0'; c++) {
        *c = *c == '-' ? '_' : *c;
    }
    return qoq_verify_set(&run->shape, field, optarg) == 0
               ? -1
               : qoq_cli_misuse("sim run", "sim run: --%s: %s is not a value it can have", name,
                                optarg);
}

static int take(struct run *run, int option, int index, char **argv)
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
    case CSV:
    case JSON:
        run->format = option == CSV ? QOQ_SIM_CSV : QOQ_SIM_JSON;
        return -1;
    case 'h':
        return qoq_cli_help(help);
    default:
        return qoq_cli_bad_option("sim run", argv);
    }
}

/* One kernel, one shape, one schedule. */
static void run_case(struct run *run, const struct qoq_verify_kernel *kernel,
                     const struct qoq_verify_shape *shape, uint64_t seed, int counts)
{
    char text[700], described[300];
    struct qoq_cuda *handle;
    enum qoq_status status;

    run->emu.seed = seed;
    status = qoq_emu_create(&handle, &run->emu);
    if (status != QOQ_OK) {
        run->worst = qoq_cli_trouble("sim run: %s", qoq_status_string(status));
        return;
    }
    status = qoq_verify_run(handle, kernel, shape, seed, text, sizeof text);
    qoq_verify_print_shape(described, sizeof described, kernel, shape);
    qoq_sim_table_text(&run->cases, kernel->name);
    qoq_sim_table_text(&run->cases, described);
    qoq_sim_table_number(&run->cases, (double)seed);
    qoq_sim_table_text(&run->cases, qoq_emu_schedule_name(run->emu.schedule));
    qoq_sim_table_text(&run->cases, status == QOQ_OK ? "equal" : "FAILED");
    if (status == QOQ_OK && counts) {
        qoq_sim_run_counts(&run->counts, handle);
    }
    if (status != QOQ_OK) {
        int trouble = status != QOQ_ERR_DIFFERS && status != QOQ_ERR_DEVICE;

        qoq_cli_trouble(
            "sim run: %s\n  again: qoq sim run %s %s --seed %" PRIu64 " --schedule %s --copies %s",
            text, kernel->name, described, seed, qoq_emu_schedule_name(run->emu.schedule),
            run->emu.early_copies ? "early" : "late");
        run->worst =
            trouble || run->worst == QOQ_EXIT_TROUBLE ? QOQ_EXIT_TROUBLE : QOQ_EXIT_DIFFERS;
    }
    qoq_cuda_destroy(handle);
}

static void run_schedules(struct run *run, const struct qoq_verify_kernel *kernel,
                          const struct qoq_verify_shape *shape, uint64_t seed)
{
    if (!run->all_schedules) {
        run_case(run, kernel, shape, seed, run->random == 0);
        return;
    }
    for (int s = 0; s < 2 * QOQ_EMU_SCHEDULES; s++) {
        run->emu.schedule = (enum qoq_emu_schedule)(s / 2);
        run->emu.early_copies = s % 2;
        run_case(run, kernel, shape, seed, s == 0 && run->random == 0);
    }
}

static void run_kernel(struct run *run, const struct qoq_verify_kernel *kernel)
{
    if (run->random == 0) {
        run_schedules(run, kernel, &run->shape, run->seed);
    }
    for (size_t i = 0; i < run->random && run->worst != QOQ_EXIT_TROUBLE; i++) {
        struct qoq_verify_shape shape;

        qoq_verify_random_shape(&shape, kernel, run->seed + i);
        run_schedules(run, kernel, &shape, run->seed + i);
    }
}

static int run_named(struct run *run, const char *name)
{
    const struct qoq_verify_kernel *kernel = qoq_verify_find(name);
    int all = strcmp(name, "all") == 0 && run->random != 0;

    if (kernel == NULL && !all) {
        return qoq_cli_misuse("sim run", "sim run: %s: no such kernel (see --list)", name);
    }
    qoq_sim_run_counts_begin(&run->counts);
    qoq_sim_table_begin(&run->cases, "cases", case_columns, 5);
    for (const struct qoq_verify_kernel *k = qoq_verify_kernels; k->name != NULL; k++) {
        if (all || k == kernel) {
            run_kernel(run, k);
        }
    }
    struct qoq_sim_table tables[2] = {run->cases, run->counts};
    /* One table where programs read it: the counts of a case, the results of many. */
    int first = run->format == QOQ_SIM_CSV && run->random == 0 && !run->all_schedules;
    int status = qoq_sim_tables_print(
        tables + first, run->random != 0 || first || run->format == QOQ_SIM_CSV ? 1 : 2,
        run->format);
    qoq_sim_table_free(&tables[0]);
    qoq_sim_table_free(&tables[1]);
    return status != 0 ? qoq_cli_trouble("sim run: out of memory") : qoq_cli_finish(run->worst);
}

int qoq_sim_cli_run(int argc, char **argv)
{
    struct run run = {.seed = 1, .format = QOQ_SIM_TEXT};
    int list = 0, index = 0;

    qoq_verify_default_shape(&run.shape);
    opterr = 0;
    optind = 1;
    for (int option; (option = getopt_long(argc, argv, "h", long_options, &index)) != -1;) {
        int status = option == LIST ? (list = 1, -1) : take(&run, option, index, argv);

        if (status >= 0) {
            return status;
        }
    }
    if (list) {
        return list_kernels(run.format);
    }
    if (optind != argc - 1) {
        return qoq_cli_misuse("sim run", "sim run: one KERNEL is needed (see --list)");
    }
    return run_named(&run, argv[optind]);
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
