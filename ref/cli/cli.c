/* SPDX-License-Identifier: Apache-2.0 */
/* Messages, option values and progress of the program qoq. */
#include <config.h>

#include "cli/cli.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void print_message(const char *format, va_list arguments)
{
    fflush(stdout);
    fputs("qoq: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
}

int qoq_cli_trouble(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    print_message(format, arguments);
    va_end(arguments);
    return QOQ_EXIT_TROUBLE;
}

int qoq_cli_misuse(const char *command, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    print_message(format, arguments);
    va_end(arguments);
    fprintf(stderr, "Try 'qoq %s --help' for the options.\n", command);
    return QOQ_EXIT_TROUBLE;
}

int qoq_cli_bad_option(const char *command, char **argv)
{
    return qoq_cli_misuse(command, "%s: %s: unknown option, or its value is missing", command,
                          argv[optind - 1]);
}

int qoq_cli_help(const char *text)
{
    fputs(text, stdout);
    return qoq_cli_finish(QOQ_EXIT_GOOD);
}

int qoq_cli_version(void)
{
    printf("qoq %s\nnumerics version %d\nLicensed under the Apache License 2.0.\n", qoq_version(),
           QOQ_NUMERICS_VERSION);
    return qoq_cli_finish(QOQ_EXIT_GOOD);
}

int qoq_cli_finish(int status)
{
    if (fflush(stdout) != 0 || ferror(stdout)) {
        return qoq_cli_trouble("standard output: %s", strerror(errno));
    }
    return status;
}

int qoq_cli_parse_u64(uint64_t *out, const char *text)
{
    char *end;

    if (text[0] < '0' || text[0] > '9') {
        return -1;
    }
    errno = 0;
    uint64_t value = strtoumax(text, &end, 10);
    if (errno != 0 || *end != '\0') {
        return -1;
    }
    *out = value;
    return 0;
}

int qoq_cli_parse_size(size_t *out, const char *text, size_t lo, size_t hi)
{
    uint64_t value;

    if (qoq_cli_parse_u64(&value, text) != 0 || value < lo || value > hi) {
        return -1;
    }
    *out = (size_t)value;
    return 0;
}

int qoq_cli_parse_float(float *out, const char *text, float lo, float hi)
{
    char *end;
    float value = strtof(text, &end);

    if (end == text || *end != '\0' || !(value >= lo && value <= hi)) {
        return -1;
    }
    *out = value;
    return 0;
}

double qoq_cli_seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

void qoq_cli_progress_begin(struct qoq_cli_progress *progress, const char *label, const char *unit,
                            double total)
{
    progress->label = label;
    progress->unit = unit;
    progress->total = total;
    progress->began = progress->shown = qoq_cli_seconds();
    progress->visible = 0;
}

void qoq_cli_progress_update(struct qoq_cli_progress *progress, double done)
{
    double now = qoq_cli_seconds();
    double elapsed = now - progress->began;

    if (elapsed < 2 || now - progress->shown < 0.2 || done <= 0 || !isatty(STDERR_FILENO)) {
        return;
    }
    progress->visible = 1;
    progress->shown = now;
    double rate = done / elapsed;
    double left = rate > 0 ? (progress->total - done) / rate : 0;
    int filled = (int)(24 * done / progress->total);
    fprintf(stderr, "\r%s [%.*s%*s] %3.0f %%  %.0f %s/s  %.0f s left ", progress->label, filled,
            "########################", 24 - filled, "", 100 * done / progress->total, rate,
            progress->unit, left);
    fflush(stderr);
}

void qoq_cli_progress_end(struct qoq_cli_progress *progress)
{
    if (progress->visible) {
        fputs("\r\033[K", stderr);
        fflush(stderr);
    }
}
