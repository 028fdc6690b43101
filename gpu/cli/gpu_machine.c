/* SPDX-License-Identifier: Apache-2.0 */
/* Options of generate and eval on a GPU. */
#include <config.h>

#include "gpu/cli/gpu_machine.h"

#include "cli/cli.h"

enum { DEVICE = 1000, EAGER, CHECK };

static const struct option options[] = {
    {"device", required_argument, NULL, DEVICE},
    {"eager", no_argument, NULL, EAGER},
    {"check", no_argument, NULL, CHECK},
    {NULL, 0, NULL, 0},
};

static const char help[] =
    "      --device N         which GPU (default 0)\n"
    "      --eager            kernel by kernel, without CUDA graphs\n"
    "      --check            every step by the reference too; a bit that differs\n"
    "                         ends the command with status 1\n";

/* The one GPU of the program. */
static size_t device;

static int take(struct qoq_machine *machine, int option)
{
    struct qoq_device_machine *it = (struct qoq_device_machine *)machine;

    switch (option) {
    case DEVICE:
        return qoq_cli_parse_size(&device, optarg, 0, 1000) == 0
                   ? -1
                   : qoq_cli_misuse("gpu", "gpu: --device: %s is not a number", optarg);
    case EAGER:
        it->eager = 1;
        return -1;
    default:
        it->check = 1;
        return -1;
    }
}

static int ready(struct qoq_machine *machine)
{
    struct qoq_device_machine *it = (struct qoq_device_machine *)machine;
    enum qoq_status status = qoq_cuda_create(&it->handle, (int)device, NULL);

    return status == QOQ_OK
               ? -1
               : qoq_cli_trouble("gpu: %s: %s", qoq_status_string(status), qoq_cuda_message(NULL));
}

int qoq_gpu_machine_run(int (*command)(struct qoq_machine *, int, char **), int argc, char **argv)
{
    struct qoq_device_machine it = {
        .machine = {.prefix = "gpu ",
                    .where = "The model, one that is quantized, runs on a GPU.\n",
                    .help = help,
                    .option = options,
                    .take = take,
                    .ready = ready,
                    .open = qoq_device_machine_open}};
    int status = command(&it.machine, argc, argv);

    if (it.handle != NULL) {
        qoq_cuda_destroy(it.handle);
    }
    return status;
}
