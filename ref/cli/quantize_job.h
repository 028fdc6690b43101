/* SPDX-License-Identifier: Apache-2.0 */
/* One quantization from files to a file: streamed, resumable, with a report. */
#ifndef QOQ_CLI_QUANTIZE_JOB_H
#define QOQ_CLI_QUANTIZE_JOB_H

#include "qoq_quantize.h"

struct qoq_quantize_job {
    const char *model;  /* Hugging Face directory or binary32 file */
    const char *output; /* the file to write */
    const char *method; /* a name for the header, e.g. "qoq" */
    struct qoq_recipe recipe;
    const char *tokens;       /* token file, or NULL where the recipe needs none */
    size_t sequences, length; /* calibration text: how many pieces of how many tokens */
    int restart;              /* throw away what an earlier run left */
    const char *report;       /* CSV file with one row a linear layer, or NULL */
};

/* Runs the job; says what went wrong. Returns an exit status. */
int qoq_quantize_job_run(const struct qoq_quantize_job *job);

#endif
