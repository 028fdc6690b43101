/* SPDX-License-Identifier: Apache-2.0 */
/* Tables on standard output: aligned for people, CSV or JSON for programs. */
#ifndef QOQ_SIM_CLI_TABLE_H
#define QOQ_SIM_CLI_TABLE_H

#include <stddef.h>

enum qoq_sim_format { QOQ_SIM_TEXT, QOQ_SIM_CSV, QOQ_SIM_JSON };

struct qoq_sim_column {
    const char *name; /* a key: lower case, with the unit as its last part where there is one */
    int digits;       /* significant digits of numbers */
};

struct qoq_sim_table {
    const char *name;
    const struct qoq_sim_column *column;
    size_t columns, cells, room;
    char **cell; /* row after row; NULL cell: not known. A number's text begins with '#'. */
    int short_of_memory;
};

void qoq_sim_table_begin(struct qoq_sim_table *table, const char *name,
                         const struct qoq_sim_column *column, size_t columns);

/* Cells from left to right, row after row. A number that is not finite becomes an empty cell. */
void qoq_sim_table_text(struct qoq_sim_table *table, const char *text);
void qoq_sim_table_number(struct qoq_sim_table *table, double value);
void qoq_sim_table_empty(struct qoq_sim_table *table);

/* Prints one table, or several as one document; returns 0, or -1 where memory ran short while they
 * were filled. */
int qoq_sim_tables_print(const struct qoq_sim_table *table, size_t count,
                         enum qoq_sim_format format);

void qoq_sim_table_free(struct qoq_sim_table *table);

#endif
