/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of quantizations to compare: data/paper/accuracy_*.csv, or a file of the user's. */
#ifndef QOQ_CLI_ABLATE_TABLE_H
#define QOQ_CLI_ABLATE_TABLE_H

#include "data/csv.h"
#include "qoq_quantize.h"

struct qoq_ablate_row {
    const char *name;  /* of its files: letters, digits, '-' */
    const char *label; /* for people */
    int original;      /* the model itself: no recipe */
    const char *method;
    struct qoq_recipe recipe;
    double paper; /* published perplexity, NAN: none */
};

struct qoq_ablate_table {
    struct qoq_csv csv; /* owns the texts */
    size_t rows;
    struct qoq_ablate_row *row;
};

/* name: "steps" or "methods", found with the data of the installation, or a path. group: what
 * "group" in the table means. Every row is checked. Free it also after a failure. */
QOQ_CHECKED enum qoq_status qoq_ablate_table_read(struct qoq_ablate_table *table, const char *name,
                                                  size_t group, struct qoq_error *err);
void qoq_ablate_table_free(struct qoq_ablate_table *table);

#endif
