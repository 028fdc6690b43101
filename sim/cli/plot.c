/* SPDX-License-Identifier: Apache-2.0 */
/* Figures through gnuplot. */
#include <config.h>

#include "sim/cli/plot.h"

#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/gnuplot.h"

#define OPTION "--plot"

static struct qoq_gnuplot page(const struct qoq_sim_plot *plot)
{
    return (struct qoq_gnuplot){plot->file,    plot->title, plot->x_label,
                                plot->y_label, plot->log_x, plot->log_y};
}

static const char *cell(const struct qoq_sim_table *table, size_t row, int column)
{
    return table->cell[row * table->columns + (size_t)column];
}

/* 1 where the row begins a series that no row before it belongs to. */
static int begins(const struct qoq_sim_table *table, size_t row, int series)
{
    if (series < 0 || !cell(table, row, series)) {
        return row == 0;
    }
    for (size_t before = 0; before < row; before++) {
        if (cell(table, before, series) &&
            strcmp(cell(table, before, series), cell(table, row, series)) == 0) {
            return 0;
        }
    }
    return 1;
}

/* Sends the points of the series that begins at row `first`, or only counts them where out is NULL.
 */
static size_t send_series(FILE *out, const struct qoq_sim_plot *plot,
                          const struct qoq_sim_table *table, size_t first)
{
    size_t rows = table->cells / table->columns, count = 0;

    for (size_t row = first; row < rows; row++) {
        const char *x = cell(table, row, plot->x), *y = cell(table, row, plot->y);
        int same = plot->series < 0 ||
                   (cell(table, row, plot->series) && cell(table, first, plot->series) &&
                    strcmp(cell(table, row, plot->series), cell(table, first, plot->series)) == 0);
        if (same && x && y && x[0] == '#' && y[0] == '#') {
            count++;
            if (out) {
                fprintf(out, "%s %s\n", x + 1, y + 1);
            }
        }
    }
    if (out) {
        fputs("e\n", out);
    }
    return count;
}

/* 1 where a series with points begins at the row. */
static int drawn(const struct qoq_sim_plot *plot, const struct qoq_sim_table *table, size_t row)
{
    return begins(table, row, plot->series) && send_series(NULL, plot, table, row) > 0;
}

int qoq_sim_plot(const struct qoq_sim_plot *plot, const struct qoq_sim_table *table)
{
    size_t rows = table->cells / table->columns;
    struct qoq_gnuplot to = page(plot);
    FILE *out = qoq_gnuplot_start(&to, OPTION);

    if (!out) {
        return QOQ_EXIT_TROUBLE;
    }
    fprintf(out, "plot %s", plot->points ? "x title 'published' with lines dashtype 2" : "");
    int listed = plot->points;
    for (size_t row = 0; row < rows; row++) {
        if (drawn(plot, table, row)) {
            fprintf(out, "%s'-' using 1:2 with %s title ", listed++ ? ", " : "",
                    plot->points ? "points" : "linespoints");
            qoq_gnuplot_quoted(out, plot->series >= 0 && cell(table, row, plot->series)
                                        ? cell(table, row, plot->series) + 1
                                        : "");
        }
    }
    fputc('\n', out);
    for (size_t row = 0; row < rows; row++) {
        if (drawn(plot, table, row)) {
            send_series(out, plot, table, row);
        }
    }
    return qoq_gnuplot_finish(out, &to, OPTION);
}

int qoq_sim_plot_stacked(const struct qoq_sim_plot *plot, const struct qoq_sim_table *table,
                         int label, int first, int last)
{
    size_t rows = table->cells / table->columns;
    struct qoq_gnuplot to = page(plot);
    FILE *out = qoq_gnuplot_start(&to, OPTION);

    if (!out) {
        return QOQ_EXIT_TROUBLE;
    }
    fprintf(out,
            "set style data histograms\nset style histogram rowstacked\nset style fill solid 0.8 "
            "border -1\n"
            "set boxwidth 0.7\nset xtics rotate by -35 noenhanced\nset key outside right\nplot ");
    for (int column = first; column <= last; column++) {
        fprintf(out, "%s'-' using 2:xtic(1) title ", column > first ? ", " : "");
        qoq_gnuplot_quoted(out, table->column[column].name);
    }
    fputc('\n', out);
    for (int column = first; column <= last; column++) {
        for (size_t row = 0; row < rows; row++) {
            const char *value = cell(table, row, column), *name = cell(table, row, label);
            qoq_gnuplot_quoted(out, name ? name + 1 : "");
            fprintf(out, " %s\n", value && value[0] == '#' ? value + 1 : "0");
        }
        fputs("e\n", out);
    }
    return qoq_gnuplot_finish(out, &to, OPTION);
}
