/* SPDX-License-Identifier: Apache-2.0 */
/* Figures through gnuplot, which is started when one is asked for and not needed otherwise. */
#ifndef QOQ_CLI_GNUPLOT_H
#define QOQ_CLI_GNUPLOT_H

#include <stdio.h>

struct qoq_gnuplot {
    const char *file, *title, *x_label, *y_label; /* file ends in .svg, .png or .pdf */
    int log_x, log_y;
};

/* Starts gnuplot, with terminal, titles and grid set; the caller prints commands and data. NULL
 * after a message that begins with `option`. */
FILE *qoq_gnuplot_start(const struct qoq_gnuplot *plot, const char *option);

/* Ends it. Returns -1, or an exit status after a message. */
int qoq_gnuplot_finish(FILE *out, const struct qoq_gnuplot *plot, const char *option);

/* Text inside double quotes. */
void qoq_gnuplot_quoted(FILE *out, const char *text);

#endif
