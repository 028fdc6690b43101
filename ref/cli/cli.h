/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the subcommands of the program share: exit statuses, messages, option values, progress.
 * Data goes to stdout, words to stderr; a message is one line "qoq: WHAT: WHY".
 */
#ifndef QOQ_CLI_H
#define QOQ_CLI_H

#include <stddef.h>
#include <stdint.h>

#include "qoq.h"

/* Exit statuses. */
enum { QOQ_EXIT_GOOD = 0, QOQ_EXIT_DIFFERS = 1, QOQ_EXIT_TROUBLE = 2 };

/* Subcommands: argv[0] is the subcommand's name. Return an exit status. */
int qoq_cli_quantize(int argc, char **argv);
int qoq_cli_eval(int argc, char **argv);
int qoq_cli_generate(int argc, char **argv);
int qoq_cli_tokenize(int argc, char **argv);
int qoq_cli_inspect(int argc, char **argv);
int qoq_cli_export(int argc, char **argv);
int qoq_cli_import(int argc, char **argv);
int qoq_cli_golden(int argc, char **argv);
int qoq_cli_ablate(int argc, char **argv);

#if defined(__GNUC__)
#define QOQ_PRINTF(text, first) __attribute__((format(printf, text, first)))
#else
#define QOQ_PRINTF(text, first)
#endif

/* Prints "qoq: " and the message on stderr; returns QOQ_EXIT_TROUBLE. */
int qoq_cli_trouble(const char *format, ...) QOQ_PRINTF(1, 2);

/* The same for wrong usage of a subcommand, with a pointer to its --help. */
int qoq_cli_misuse(const char *command, const char *format, ...) QOQ_PRINTF(2, 3);

/* The same for an option that getopt_long (with opterr = 0) could not take: unknown, or without its
 * value. */
int qoq_cli_bad_option(const char *command, char **argv);

/* Prints a help text and a trailing pointer to the manual; returns QOQ_EXIT_GOOD. */
int qoq_cli_help(const char *text);

/* Prints the program's name and version; returns QOQ_EXIT_GOOD. */
int qoq_cli_version(void);

/* Flushes stdout; a full disk or closed pipe is an error. Returns `status`, or QOQ_EXIT_TROUBLE. */
int qoq_cli_finish(int status);

/* Parse the whole of text as a decimal number in [lo, hi]. Return 0, or -1 without touching *out.
 */
int qoq_cli_parse_size(size_t *out, const char *text, size_t lo, size_t hi);
int qoq_cli_parse_u64(uint64_t *out, const char *text);
int qoq_cli_parse_float(float *out, const char *text, float lo, float hi);

/* Progress of work of known length, on stderr, only if that is a terminal and the work lasts longer
 * than two seconds: share done, rate and time left. All fields belong to these functions. */
struct qoq_cli_progress {
    const char *label, *unit;
    double total, began, shown;
    int visible;
};
void qoq_cli_progress_begin(struct qoq_cli_progress *progress, const char *label, const char *unit,
                            double total);
void qoq_cli_progress_update(struct qoq_cli_progress *progress, double done);
void qoq_cli_progress_end(struct qoq_cli_progress *progress);

/* Seconds of a monotonic clock. */
double qoq_cli_seconds(void);

#endif
