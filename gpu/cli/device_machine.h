/* SPDX-License-Identifier: Apache-2.0 */
/* The machine of generate and eval that is a device with a decoder: a GPU, or the emulator of one.
 */
#ifndef QOQ_GPU_CLI_DEVICE_MACHINE_H
#define QOQ_GPU_CLI_DEVICE_MACHINE_H

#include "cli/machine.h"
#include "gpu/qoq_cuda.h"

struct qoq_device_machine {
    struct qoq_machine machine; /* first, so that one is the other */
    struct qoq_cuda *handle;
    size_t rows;                           /* of a decoder; 0: its own choice */
    void (*rest)(struct qoq_cuda *handle); /* after each step, or NULL */
    int eager;                             /* without graphs */
    int check;                             /* every step by the reference too; bits must agree */
};

/* The `open` of such a machine, whose handle is there. A step that differs from the reference is
 * QOQ_ERR_DIFFERS. */
QOQ_CHECKED enum qoq_status qoq_device_machine_open(struct qoq_runner *out,
                                                    struct qoq_machine *machine,
                                                    const struct qoq_model *model, size_t sequences,
                                                    size_t max_tokens, size_t page_tokens);

#endif
