/* SPDX-License-Identifier: Apache-2.0 */
/* Figures: a table drawn by gnuplot, which is started when a figure is asked for and not needed
 * otherwise. */
#ifndef QOQ_SIM_CLI_PLOT_H
#define QOQ_SIM_CLI_PLOT_H

#include "sim/cli/table.h"

struct qoq_sim_plot {
    const char *file, *title, *x_label, *y_label; /* file ends in .svg, .png or .pdf */
    int log_x, log_y;
    int series, x, y; /* columns; rows of one series text are one line. series -1: one line */
    int points;       /* 1: points and the diagonal, as for predicted against published */
};

/* Draws the rows of the table whose x and y are numbers. Returns -1, or an exit status after a
 * message. */
int qoq_sim_plot(const struct qoq_sim_plot *plot, const struct qoq_sim_table *table);

/* Draws columns first..last of the table as one stacked bar a row, labelled by the text of column
 * `label`. */
int qoq_sim_plot_stacked(const struct qoq_sim_plot *plot, const struct qoq_sim_table *table,
                         int label, int first, int last);

#endif
