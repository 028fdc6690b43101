/* SPDX-License-Identifier: Apache-2.0 */
/* One row of a comparison: its model and the likelihood of every sequence, kept in files so that a
 * run that was killed, or asked for more sequences, goes on. */
#ifndef QOQ_CLI_ABLATE_ROW_H
#define QOQ_CLI_ABLATE_ROW_H

#include "cli/ablate_table.h"
#include "data/token_file.h"

/* What all rows share. */
struct qoq_ablate_job {
    const char *model, *calibration, *directory;
    const char *tokens_name;
    const struct qoq_token_file *tokens;
    size_t sequences; /* to evaluate */
    size_t calibration_sequences, calibration_length;
};

/* Makes DIRECTORY/NAME.h5 if it is not there (the original model is used where it is) and fills nll
 * [job->sequences] with the mean nll of each sequence, from DIRECTORY/NAME.nll.csv as far as it
 * holds values of this model and these tokens. Says what went wrong; returns an exit status. */
int qoq_ablate_row_run(double *nll, const struct qoq_ablate_row *row,
                       const struct qoq_ablate_job *job);

#endif
