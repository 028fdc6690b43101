/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where generate and eval run a model: the reference on this CPU, or what another program has, a
 * GPU or the emulator of one. The commands and their options are the same everywhere.
 */
#ifndef QOQ_CLI_MACHINE_H
#define QOQ_CLI_MACHINE_H

#include <getopt.h>

#include "data/error.h"
#include "qoq_model.h"

/* A model with caches, ready for steps. */
struct qoq_runner {
    void *self;
    /* As qoq_session_step. */
    enum qoq_status (*step)(void *self, float *logits, const struct qoq_segment *segment,
                            size_t segments, int all);
    /* The greedy choice after each segment, -1 where there is none; NULL: the caller chooses. */
    enum qoq_status (*choose)(void *self, int32_t *token, const struct qoq_segment *segment,
                              size_t segments);
    void (*reset)(void *self, size_t sequence);
    void (*close)(void *self);
};

struct qoq_machine {
    const char *prefix; /* of the commands' names in messages: "", "gpu " */
    const char *where;  /* a line for the help texts, or "" */
    const char *help;   /* lines about `option`, for the help texts */
    /* Options besides those of the commands, up to a NULL name; their val is 1000 or more. */
    const struct option *option;
    /* Takes one of them, whose value is optarg. -1, or an exit status after a message. */
    int (*take)(struct qoq_machine *machine, int option);
    /* Called once the options are read, before any file is. -1, or an exit status after a message.
     * NULL: there is nothing to do. */
    int (*ready)(struct qoq_machine *machine);
    /* As qoq_session_create. */
    enum qoq_status (*open)(struct qoq_runner *out, struct qoq_machine *machine,
                            const struct qoq_model *model, size_t sequences, size_t max_tokens,
                            size_t page_tokens);
    /* Of the last open or step that failed, where there is more to say than its status. */
    struct qoq_error trouble;
};

/* The reference. */
extern struct qoq_machine qoq_machine_reference;

int qoq_machine_ready(struct qoq_machine *machine);

/* A failure in one line: the machine's trouble, or the status. */
const char *qoq_machine_trouble(const struct qoq_machine *machine, enum qoq_status status);
/* The exit status of a failed run: QOQ_EXIT_DIFFERS for QOQ_ERR_DIFFERS. Prints "PATH: WHY". */
int qoq_machine_failed(const struct qoq_machine *machine, const char *path, enum qoq_status status);

/* Long options of a command and of the machine in one list, ending with a NULL name. */
enum { QOQ_MACHINE_OPTIONS = 32 };
void qoq_machine_options(struct option list[QOQ_MACHINE_OPTIONS], const struct option *command,
                         const struct qoq_machine *machine);

/* The commands. argv[0] is the command's name. Return an exit status. */
int qoq_generate_on(struct qoq_machine *machine, int argc, char **argv);
int qoq_eval_on(struct qoq_machine *machine, int argc, char **argv);

#endif
