/* SPDX-License-Identifier: Apache-2.0 */
/* The cases of `qoq sim run`. */
#include <config.h>

#include "sim/cli/run_cases.h"

#if HAVE_EMULATOR

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

static const struct qoq_sim_column case_columns[] = {
    {"kernel", 0}, {"shape", 0}, {"seed", 17}, {"schedule", 0}, {"result", 0}};

static void print_case(struct qoq_sim_run *run, const struct qoq_verify_kernel *kernel,
                       const char *described, uint64_t seed, enum qoq_status status)
{
    qoq_sim_table_text(&run->cases, kernel->name);
    qoq_sim_table_text(&run->cases, described);
    qoq_sim_table_number(&run->cases, (double)seed);
    qoq_sim_table_text(&run->cases, qoq_emu_schedule_name(run->emu.schedule));
    qoq_sim_table_text(&run->cases, status == QOQ_OK ? "equal" : "FAILED");
}

/* One kernel, one shape, one schedule. first: its counts are kept; in later schedules of the same
 * shape they must be the same. */
static void run_case(struct qoq_sim_run *run, const struct qoq_verify_kernel *kernel,
                     const struct qoq_verify_shape *shape, uint64_t seed, int first)
{
    int kept = run->counts.kernel != NULL && run->worst == QOQ_EXIT_GOOD;
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
    if (status == QOQ_OK && kept && first) {
        qoq_sim_counts_add(&run->counts, shape, handle);
    } else if (status == QOQ_OK && kept && !qoq_sim_counts_repeat(&run->counts, handle)) {
        snprintf(text, sizeof text, "counts depend on the schedule");
        status = QOQ_ERR_DIFFERS;
    }
    qoq_verify_print_shape(described, sizeof described, kernel, shape);
    print_case(run, kernel, described, seed, status);
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

static void run_schedules(struct qoq_sim_run *run, const struct qoq_verify_kernel *kernel,
                          const struct qoq_verify_shape *shape, uint64_t seed)
{
    if (!run->all_schedules) {
        run_case(run, kernel, shape, seed, 1);
        return;
    }
    for (int s = 0; s < 2 * QOQ_EMU_SCHEDULES; s++) {
        run->emu.schedule = (enum qoq_emu_schedule)(s / 2);
        run->emu.early_copies = s % 2;
        run_case(run, kernel, shape, seed, s == 0);
    }
}

static void run_kernel(struct qoq_sim_run *run, const struct qoq_verify_kernel *kernel)
{
    size_t shapes = run->random != 0 ? run->random : run->grid.shapes;
    struct qoq_cli_progress progress;

    qoq_cli_progress_begin(&progress, "sim run", "shapes", (double)shapes);
    for (size_t i = 0; i < shapes && run->worst != QOQ_EXIT_TROUBLE; i++) {
        struct qoq_verify_shape shape;
        uint64_t seed = run->seed + (run->random != 0 ? i : 0);

        if (run->random != 0) {
            qoq_verify_random_shape(&shape, kernel, seed);
        } else {
            qoq_sim_grid_shape(&shape, &run->grid, i);
        }
        run_schedules(run, kernel, &shape, seed);
        qoq_cli_progress_update(&progress, (double)(i + 1));
    }
    qoq_cli_progress_end(&progress);
}

/* Results and counts to standard output. One table where programs read it: the counts of shapes,
 * the results of random ones and of many schedules. */
static int print(struct qoq_sim_run *run)
{
    struct qoq_sim_column columns[QOQ_SIM_MAX_SIZES + QOQ_SIM_NAMES + 1];
    struct qoq_sim_table tables[2] = {run->cases};
    int counts = run->counts.kernel != NULL && run->random == 0;
    int first = counts && run->format == QOQ_SIM_CSV && !run->all_schedules;
    size_t many = counts && (first || run->format != QOQ_SIM_CSV) ? 2 : 1;
    int status;

    if (counts) {
        qoq_sim_counts_table(&tables[1], columns, &run->counts, run->grid.shapes > 1);
    }
    status = qoq_sim_tables_print(tables + first, many - (size_t)first, run->format);
    if (counts) {
        qoq_sim_table_free(&tables[1]);
    }
    return status != 0 ? qoq_cli_trouble("sim run: out of memory") : qoq_cli_finish(run->worst);
}

static int deliver(struct qoq_sim_run *run)
{
    struct qoq_error err;

    if (run->out == NULL) {
        return print(run);
    }
    if (run->worst != QOQ_EXIT_GOOD) {
        return run->worst;
    }
    return qoq_sim_counts_write(&run->counts, run->out, &err) == QOQ_OK
               ? QOQ_EXIT_GOOD
               : qoq_cli_trouble("sim run: %s", err.text);
}

int qoq_sim_run_named(struct qoq_sim_run *run, const char *name)
{
    const struct qoq_verify_kernel *kernel = qoq_verify_find(name);
    int all = strcmp(name, "all") == 0 && run->random != 0, status;

    if (kernel == NULL && !all) {
        return qoq_cli_misuse("sim run", "sim run: %s: no such kernel (see --list)", name);
    }
    if (run->out != NULL && all) {
        return qoq_cli_misuse("sim run", "sim run: --out: counts are those of one kernel");
    }
    if (kernel != NULL) {
        qoq_sim_counts_begin(&run->counts, kernel);
    }
    qoq_sim_table_begin(&run->cases, "cases", case_columns, 5);
    for (const struct qoq_verify_kernel *k = qoq_verify_kernels; k->name != NULL; k++) {
        if (all || k == kernel) {
            run_kernel(run, k);
        }
    }
    status = deliver(run);
    qoq_sim_table_free(&run->cases);
    qoq_sim_counts_free(&run->counts);
    return status;
}

#endif
