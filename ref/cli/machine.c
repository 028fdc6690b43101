/* SPDX-License-Identifier: Apache-2.0 */
/* What machines share, and the reference as one. */
#include <config.h>

#include "cli/machine.h"

#include <string.h>

#include "cli/cli.h"

static enum qoq_status step(void *self, float *logits, const struct qoq_segment *segment,
                            size_t segments, int all)
{
    return qoq_session_step(self, logits, segment, segments, all);
}

static void reset(void *self, size_t sequence)
{
    qoq_session_reset(self, sequence);
}

static void close_session(void *self)
{
    qoq_session_free(self);
}

static enum qoq_status open_session(struct qoq_runner *out, struct qoq_machine *machine,
                                    const struct qoq_model *model, size_t sequences,
                                    size_t max_tokens, size_t page_tokens)
{
    struct qoq_session *session;
    enum qoq_status status =
        qoq_session_create(&session, model, sequences, max_tokens, page_tokens);

    (void)machine;
    *out = (struct qoq_runner){session, step, NULL, reset, close_session};
    return status;
}

struct qoq_machine qoq_machine_reference = {
    .prefix = "", .where = "", .help = "", .open = open_session};

int qoq_machine_ready(struct qoq_machine *machine)
{
    return machine->ready != NULL ? machine->ready(machine) : -1;
}

const char *qoq_machine_trouble(const struct qoq_machine *machine, enum qoq_status status)
{
    return machine->trouble.text[0] != '\0' ? machine->trouble.text : qoq_status_string(status);
}

int qoq_machine_failed(const struct qoq_machine *machine, const char *path, enum qoq_status status)
{
    qoq_cli_trouble("%s: %s", path, qoq_machine_trouble(machine, status));
    return status == QOQ_ERR_DIFFERS ? QOQ_EXIT_DIFFERS : QOQ_EXIT_TROUBLE;
}

void qoq_machine_options(struct option list[QOQ_MACHINE_OPTIONS], const struct option *command,
                         const struct qoq_machine *machine)
{
    size_t count = 0;

    for (; command->name != NULL; command++) {
        list[count++] = *command;
    }
    for (const struct option *o = machine->option; o != NULL && o->name != NULL; o++) {
        list[count++] = *o;
    }
    memset(&list[count], 0, sizeof list[count]);
}
