/* SPDX-License-Identifier: Apache-2.0 */
/* qoq sim run --forms. */
#ifndef QOQ_SIM_CLI_RUN_FORMS_H
#define QOQ_SIM_CLI_RUN_FORMS_H

#include "sim/cli/table.h"

/* Prints the rows of counts/forms.csv that are about a kernel, or about all launches whose names
 * begin with it; returns an exit status. */
int qoq_sim_run_forms(const char *kernel, enum qoq_sim_format format);

#endif
