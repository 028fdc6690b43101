/* SPDX-License-Identifier: Apache-2.0 */
/* Figures through gnuplot. */
#include <config.h>

#include "sim/cli/plot.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "cli/cli.h"

/* Text inside double quotes of gnuplot. */
static void quoted(FILE *out, const char *text)
{
    fputc('"', out);
    for (; *text; text++) {
        if (*text == '"' || *text == '\\') {
            fputc('\\', out);
        }
        fputc((unsigned char)*text < 0x20 ? ' ' : *text, out);
    }
    fputc('"', out);
}

static const char *terminal(const char *file)
{
    const char *dot = strrchr(file, '.');

    if (!dot) {
        return NULL;
    }
    return strcmp(dot, ".svg") == 0   ? "svg size 900,600 dynamic background rgb 'white'"
           : strcmp(dot, ".png") == 0 ? "pngcairo size 900,600"
           : strcmp(dot, ".pdf") == 0 ? "pdfcairo size 18cm,12cm"
                                      : NULL;
}

/* Starts gnuplot and sets the page up; NULL after a message. */
static FILE *start(const struct qoq_sim_plot *plot)
{
    if (!terminal(plot->file) || strpbrk(plot->file, "\n\r")) {
        qoq_cli_trouble("--plot: %s: the name must end in .svg, .png or .pdf", plot->file);
        return NULL;
    }
    FILE *check = fopen(plot->file, "ab");
    if (!check) {
        qoq_cli_trouble("--plot: %s: cannot be written", plot->file);
        return NULL;
    }
    fclose(check);
    signal(SIGPIPE, SIG_IGN);
    FILE *out = popen("gnuplot -", "w");
    if (!out) {
        qoq_cli_trouble("--plot: cannot start gnuplot");
        return NULL;
    }
    fprintf(out, "set terminal %s\nset output ", terminal(plot->file));
    quoted(out, plot->file);
    fprintf(out, "\nset title ");
    quoted(out, plot->title);
    fprintf(out, " noenhanced\nset xlabel ");
    quoted(out, plot->x_label);
    fprintf(out, " noenhanced\nset ylabel ");
    quoted(out, plot->y_label);
    fprintf(out, " noenhanced\nset grid\nset key left top noenhanced\n%s%s",
            plot->log_x ? "set logscale x 2\n" : "", plot->log_y ? "set logscale y\n" : "");
    return out;
}

static int finish(FILE *out, const struct qoq_sim_plot *plot)
{
    int status = pclose(out);

    if (status == -1 || (WIFEXITED(status) && WEXITSTATUS(status) == 127)) {
        return qoq_cli_trouble("--plot: gnuplot is needed for figures and was not found");
    }
    if (status != 0) {
        return qoq_cli_trouble("--plot: %s: gnuplot could not draw it", plot->file);
    }
    return -1;
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
    FILE *out = start(plot);

    if (!out) {
        return QOQ_EXIT_TROUBLE;
    }
    fprintf(out, "plot %s", plot->points ? "x title 'published' with lines dashtype 2" : "");
    int listed = plot->points;
    for (size_t row = 0; row < rows; row++) {
        if (drawn(plot, table, row)) {
            fprintf(out, "%s'-' using 1:2 with %s title ", listed++ ? ", " : "",
                    plot->points ? "points" : "linespoints");
            quoted(out, plot->series >= 0 && cell(table, row, plot->series)
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
    return finish(out, plot);
}

int qoq_sim_plot_stacked(const struct qoq_sim_plot *plot, const struct qoq_sim_table *table,
                         int label, int first, int last)
{
    size_t rows = table->cells / table->columns;
    FILE *out = start(plot);

    if (!out) {
        return QOQ_EXIT_TROUBLE;
    }
    fprintf(out,
            "set style data histograms\nset style histogram rowstacked\nset style fill solid 0.8 "
            "border -1\n"
            "set boxwidth 0.7\nset xtics rotate by -35 noenhanced\nset key outside right\nplot ");
    for (int column = first; column <= last; column++) {
        fprintf(out, "%s'-' using 2:xtic(1) title ", column > first ? ", " : "");
        quoted(out, table->column[column].name);
    }
    fputc('\n', out);
    for (int column = first; column <= last; column++) {
        for (size_t row = 0; row < rows; row++) {
            const char *value = cell(table, row, column), *name = cell(table, row, label);
            quoted(out, name ? name + 1 : "");
            fprintf(out, " %s\n", value && value[0] == '#' ? value + 1 : "0");
        }
        fputs("e\n", out);
    }
    return finish(out, plot);
}
