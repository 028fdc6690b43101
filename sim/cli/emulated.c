/* SPDX-License-Identifier: Apache-2.0 */
/* Options of generate and eval on the emulator, where the reference always checks. */
#include <config.h>

#include "sim/cli/emulated.h"

#include "cli/cli.h"

enum { SCHEDULE = 1000, EAGER };

static const struct option options[] = {
    {"schedule", required_argument, NULL, SCHEDULE},
    {"eager", no_argument, NULL, EAGER},
    {NULL, 0, NULL, 0},
};

static const char help[] =
    "      --schedule NAME    order of lanes, warps and blocks, as in 'qoq sim run'\n"
    "      --eager            kernel by kernel, without graphs\n";

static const char where[] =
    "The CUDA kernels run a quantized model on this CPU (doc/emulator.md). Every step\n"
    "is compared with the reference: a bit that differs ends the command with status\n"
    "1.\n";

#if HAVE_EMULATOR

#include "gpu/cli/device_machine.h"
#include "sim/emu/emu.h"

/* Rows of a decoder: the emulator's books of an array grow with it. */
enum { ROWS = 32 };

static struct qoq_emu_options emulator;

static int take(struct qoq_machine *machine, int option)
{
    int schedule;

    if (option == EAGER) {
        ((struct qoq_device_machine *)machine)->eager = 1;
        return -1;
    }
    schedule = qoq_emu_schedule_of(optarg);
    if (schedule < 0) {
        return qoq_cli_misuse("sim eval", "sim: --schedule: %s: no such schedule", optarg);
    }
    emulator.schedule = (enum qoq_emu_schedule)schedule;
    return -1;
}

static int ready(struct qoq_machine *machine)
{
    struct qoq_device_machine *it = (struct qoq_device_machine *)machine;
    enum qoq_status status = qoq_emu_create(&it->handle, &emulator);

    return status == QOQ_OK ? -1 : qoq_cli_trouble("sim: %s", qoq_status_string(status));
}

int qoq_sim_emulated_run(int (*command)(struct qoq_machine *, int, char **), int argc, char **argv)
{
    struct qoq_device_machine it = {.machine = {.prefix = "sim ",
                                                .where = where,
                                                .help = help,
                                                .option = options,
                                                .take = take,
                                                .ready = ready,
                                                .open = qoq_device_machine_open},
                                    .rows = ROWS,
                                    .rest = qoq_emu_forget,
                                    .check = 1};
    int status = command(&it.machine, argc, argv);

    if (it.handle != NULL) {
        qoq_cuda_destroy(it.handle);
    }
    return status;
}

#else

static int ready(struct qoq_machine *machine)
{
    return qoq_cli_trouble("%s: this program was built without a C++17 compiler", machine->prefix);
}

static int take(struct qoq_machine *machine, int option)
{
    (void)option;
    return ready(machine);
}

int qoq_sim_emulated_run(int (*command)(struct qoq_machine *, int, char **), int argc, char **argv)
{
    struct qoq_machine machine = {.prefix = "sim ",
                                  .where = where,
                                  .help = help,
                                  .option = options,
                                  .take = take,
                                  .ready = ready};

    return command(&machine, argc, argv);
}

#endif
