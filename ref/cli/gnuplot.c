/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "cli/gnuplot.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "cli/cli.h"

void qoq_gnuplot_quoted(FILE *out, const char *text)
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

FILE *qoq_gnuplot_start(const struct qoq_gnuplot *plot, const char *option)
{
    if (!terminal(plot->file) || strpbrk(plot->file, "\n\r")) {
        qoq_cli_trouble("%s: %s: the name must end in .svg, .png or .pdf", option, plot->file);
        return NULL;
    }
    FILE *check = fopen(plot->file, "ab");
    if (!check) {
        qoq_cli_trouble("%s: %s: cannot be written", option, plot->file);
        return NULL;
    }
    fclose(check);
    signal(SIGPIPE, SIG_IGN);
    FILE *out = popen("gnuplot -", "w");
    if (!out) {
        qoq_cli_trouble("%s: cannot start gnuplot", option);
        return NULL;
    }
    fprintf(out, "set terminal %s\nset output ", terminal(plot->file));
    qoq_gnuplot_quoted(out, plot->file);
    fprintf(out, "\nset title ");
    qoq_gnuplot_quoted(out, plot->title);
    fprintf(out, " noenhanced\nset xlabel ");
    qoq_gnuplot_quoted(out, plot->x_label);
    fprintf(out, " noenhanced\nset ylabel ");
    qoq_gnuplot_quoted(out, plot->y_label);
    fprintf(out, " noenhanced\nset grid\nset key left top noenhanced\n%s%s",
            plot->log_x ? "set logscale x 2\n" : "", plot->log_y ? "set logscale y\n" : "");
    return out;
}

int qoq_gnuplot_finish(FILE *out, const struct qoq_gnuplot *plot, const char *option)
{
    int status = pclose(out);

    if (status == -1 || (WIFEXITED(status) && WEXITSTATUS(status) == 127)) {
        return qoq_cli_trouble("%s: gnuplot is needed for figures and was not found", option);
    }
    if (status != 0) {
        return qoq_cli_trouble("%s: %s: gnuplot could not draw it", option, plot->file);
    }
    return -1;
}
