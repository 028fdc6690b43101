/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Comma-separated values with a header line: published tables, expected tables, request traces.
 * Fields may be quoted as in RFC 4180; every row must have as many fields as the header. Lines that
 * begin with '#' are skipped.
 */
#ifndef QOQ_DATA_CSV_H
#define QOQ_DATA_CSV_H

#include "data/error.h"

struct qoq_csv {
    char *text; /* owns the fields */
    char **field;
    size_t columns, rows; /* rows without the header; field[0..columns) is the header */
    char file[256];       /* for messages */
};

/* Reads a file of at most 64 MiB. Free it also after a failure. */
QOQ_CHECKED enum qoq_status qoq_csv_read(struct qoq_csv *csv, const char *path,
                                         struct qoq_error *err);
void qoq_csv_free(struct qoq_csv *csv);

/* The index of a column that must exist. */
QOQ_CHECKED enum qoq_status qoq_csv_column(size_t *column, const struct qoq_csv *csv,
                                           const char *name, struct qoq_error *err);

const char *qoq_csv_text(const struct qoq_csv *csv, size_t row, size_t column);

/* A number in [lo, hi]; an empty field gives NAN where `may_be_empty` is 1. */
QOQ_CHECKED enum qoq_status qoq_csv_number(double *value, const struct qoq_csv *csv, size_t row,
                                           size_t column, double lo, double hi, int may_be_empty,
                                           struct qoq_error *err);

#endif
