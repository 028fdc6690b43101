/* SPDX-License-Identifier: Apache-2.0 */
/* qoq ablate: what each step of a quantization buys, and methods side by side. */
#include <config.h>

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/ablate_row.h"
#include "cli/cli.h"
#include "cli/evaluate.h"
#include "cli/gnuplot.h"
#include "data/file.h"

static const char help[] =
    "Usage: qoq ablate MODEL --calibration F --tokens F -o DIRECTORY [OPTION]...\n"
    "Quantizes a model by every row of a table and evaluates each: perplexity, change\n"
    "from the row before with its standard error over the sequences, and what was\n"
    "published for Llama-2-7B. Writes models, likelihoods and TABLE.csv into\n"
    "DIRECTORY; what is there already is used, so that a run can be continued or\n"
    "asked for more sequences.\n"
    "\n"
    "  -o, --output DIR        directory for everything; made if it is not there\n"
    "  -c, --calibration F     token file with the calibration text\n"
    "  -t, --tokens F          token file to evaluate; each sequence on its own\n"
    "  -T, --table NAME        steps (default), methods, or a CSV file of that form\n"
    "  -g, --group N           what 'group' means in the table (default 128)\n"
    "  -n, --sequences N       evaluate only the first N sequences\n"
    "      --calibration-sequences N   at most N pieces (default 32)\n"
    "      --calibration-length N      of N tokens (default 512)\n"
    "      --only NAME,...     only these rows\n"
    "      --plot FILE         bars of the increase, .svg, .png or .pdf\n"
    "  -h, --help              this text\n";

enum { OPTION_PIECES = 256, OPTION_LENGTH, OPTION_ONLY, OPTION_PLOT };

struct options {
    struct qoq_ablate_job job;
    const char *table, *only, *plot;
    size_t group, sequences; /* 0: all */
};

static const struct option long_options[] = {
    {"output", required_argument, NULL, 'o'},
    {"calibration", required_argument, NULL, 'c'},
    {"tokens", required_argument, NULL, 't'},
    {"table", required_argument, NULL, 'T'},
    {"group", required_argument, NULL, 'g'},
    {"sequences", required_argument, NULL, 'n'},
    {"calibration-sequences", required_argument, NULL, OPTION_PIECES},
    {"calibration-length", required_argument, NULL, OPTION_LENGTH},
    {"only", required_argument, NULL, OPTION_ONLY},
    {"plot", required_argument, NULL, OPTION_PLOT},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static int take_number(struct options *options, int option)
{
    size_t *number = option == 'g'             ? &options->group
                     : option == 'n'           ? &options->sequences
                     : option == OPTION_PIECES ? &options->job.calibration_sequences
                                               : &options->job.calibration_length;

    if (qoq_cli_parse_size(number, optarg, 1, 1 << 20) != 0 ||
        (option == 'g' && *number % 32 != 0)) {
        return qoq_cli_misuse("ablate", "%s: %s", optarg,
                              option == 'g' ? "not a multiple of 32"
                                            : "not a number from 1 to 1048576");
    }
    return -1;
}

/* Takes one option; returns -1 to go on, otherwise an exit status. */
static int take_option(struct options *options, int option, char **argv)
{
    switch (option) {
    case 'o':
        options->job.directory = optarg;
        return -1;
    case 'c':
        options->job.calibration = optarg;
        return -1;
    case 't':
        options->job.tokens_name = optarg;
        return -1;
    case 'T':
        options->table = optarg;
        return -1;
    case OPTION_ONLY:
        options->only = optarg;
        return -1;
    case OPTION_PLOT:
        options->plot = optarg;
        return -1;
    case 'g':
    case 'n':
    case OPTION_PIECES:
    case OPTION_LENGTH:
        return take_number(options, option);
    case 'h':
        return qoq_cli_help(help);
    default:
        return qoq_cli_bad_option("ablate", argv);
    }
}

/* ---- Results ---- */

struct result {
    const struct qoq_ablate_row *row;
    double *nll;                /* [sequences] */
    double mean, change, error; /* change from the row before, NAN for the first */
};

static double mean_of(const double *x, size_t count)
{
    double sum = 0;

    for (size_t i = 0; i < count; i++) {
        sum += x[i];
    }
    return sum / (double)count;
}

/* Mean, and change against the row before with the standard error of the mean of paired
 * differences. */
static void summarize(struct result *result, const struct result *before, size_t count)
{
    double squares = 0;

    result->mean = mean_of(result->nll, count);
    result->change = result->error = NAN;
    if (before == NULL) {
        return;
    }
    result->change = result->mean - before->mean;
    for (size_t i = 0; i < count; i++) {
        double d = result->nll[i] - before->nll[i] - result->change;
        squares += d * d;
    }
    if (count > 1) {
        result->error = sqrt(squares / (double)(count - 1) / (double)count);
    }
}

static void print_result(const struct result *result)
{
    printf("%-32s %10.5f %10.4f", result->row->label, result->mean, qoq_perplexity(result->mean));
    if (isnan(result->change)) {
        printf(" %10s %9s", "", "");
    } else {
        printf(" %+10.5f %9.5f", result->change, result->error);
    }
    if (!isnan(result->row->paper)) {
        printf(" %10.2f", result->row->paper);
    }
    putchar('\n');
    fflush(stdout);
}

static void csv_number(char *text, size_t size, const char *format, double x)
{
    if (isnan(x)) {
        text[0] = '\0';
    } else {
        snprintf(text, size, format, x);
    }
}

static enum qoq_status write_table(const char *path, const struct result *result, size_t rows,
                                   size_t sequences, struct qoq_error *err)
{
    static const char head[] =
        "name,label,sequences,nll,perplexity,change_nll,standard_error,published_llama_2_7b\n";
    struct qoq_output out;
    char line[512], change[32], error[32], paper[32];
    enum qoq_status status = qoq_output_begin(&out, path, err);

    if (status == QOQ_OK) {
        status = qoq_output_write(&out, head, sizeof head - 1, err);
    }
    for (size_t i = 0; i < rows && status == QOQ_OK; i++) {
        csv_number(change, sizeof change, "%.6f", result[i].change);
        csv_number(error, sizeof error, "%.6f", result[i].error);
        csv_number(paper, sizeof paper, "%.2f", result[i].row->paper);
        snprintf(line, sizeof line, "%.100s,\"%.200s\",%zu,%.9f,%.6f,%s,%s,%s\n",
                 result[i].row->name, result[i].row->label, sequences, result[i].mean,
                 qoq_perplexity(result[i].mean), change, error, paper);
        status = qoq_output_write(&out, line, strlen(line), err);
    }
    if (status == QOQ_OK) {
        return qoq_output_commit(&out, err);
    }
    qoq_output_discard(&out);
    return status;
}

/* The path without the directories it is in; slashes at its end stay. */
static const char *last_part(const char *path)
{
    const char *part = path;

    for (const char *at = path; *at != '\0'; at++) {
        if (*at == '/' && at[1] != '/' && at[1] != '\0') {
            part = at + 1;
        }
    }
    return part;
}

/* Increase of the perplexity over the first row in percent, ours beside the published one. */
static int plot(const struct options *options, const struct result *result, size_t rows)
{
    struct qoq_gnuplot page = {
        options->plot, last_part(options->job.model), "", "perplexity above the original, %", 0, 0};
    double ours = qoq_perplexity(result[0].mean), theirs = result[0].row->paper;
    FILE *out = qoq_gnuplot_start(&page, "--plot");

    if (out == NULL) {
        return QOQ_EXIT_TROUBLE;
    }
    fputs(
        "set style data histograms\nset style histogram clustered\nset style fill solid 0.8 border "
        "-1\nset xtics rotate by -35 noenhanced\nplot '-' using 2:xtic(1) title 'this model', '-' "
        "using 2:xtic(1) title 'published, Llama-2-7B'\n",
        out);
    for (int published = 0; published < 2; published++) {
        for (size_t i = 1; i < rows; i++) {
            double value = published ? 100 * (result[i].row->paper / theirs - 1)
                                     : 100 * (qoq_perplexity(result[i].mean) / ours - 1);
            qoq_gnuplot_quoted(out, result[i].row->label);
            fprintf(out, isnan(value) ? " NaN\n" : " %.4f\n", value);
        }
        fputs("e\n", out);
    }
    return qoq_gnuplot_finish(out, &page, "--plot");
}

/* ---- Work ---- */

static int is_listed(const char *list, const char *name)
{
    size_t length = strlen(name);

    for (const char *at = list; at != NULL; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL) {
        if (strncmp(at, name, length) == 0 && (at[length] == ',' || at[length] == '\0')) {
            return 1;
        }
    }
    return list == NULL;
}

static int deliver(const struct options *options, const struct result *result, size_t rows)
{
    struct qoq_error err = {QOQ_OK, ""};
    const char *base = last_part(options->table);
    char name[256];

    snprintf(name, sizeof name, "%.200s%s", base, strstr(base, ".csv") ? "" : ".csv");
    char *path = qoq_file_join(options->job.directory, name);
    enum qoq_status status = path == NULL
                                 ? qoq_fail_memory(&err, options->job.directory, NULL, 0)
                                 : write_table(path, result, rows, options->job.sequences, &err);
    free(path);
    if (status != QOQ_OK) {
        return qoq_cli_trouble("%s", err.text);
    }
    int plotted = options->plot != NULL && rows > 1 ? plot(options, result, rows) : -1;
    return plotted >= 0 ? plotted : QOQ_EXIT_GOOD;
}

static int run_rows(const struct options *options, const struct qoq_ablate_table *table,
                    struct result *result)
{
    size_t rows = 0, count = options->job.sequences;

    printf("%-32s %10s %10s %10s %9s %10s\n", "", "nll", "perplexity", "change", "error",
           "published");
    for (size_t i = 0; i < table->rows; i++) {
        if (!is_listed(options->only, table->row[i].name)) {
            continue;
        }
        struct result *r = &result[rows];
        r->row = &table->row[i];
        r->nll = malloc(count * sizeof *r->nll);
        if (r->nll == NULL) {
            return qoq_cli_trouble("ablate: not enough memory");
        }
        int status = qoq_ablate_row_run(r->nll, r->row, &options->job);
        if (status != QOQ_EXIT_GOOD) {
            return status;
        }
        summarize(r, rows > 0 ? r - 1 : NULL, count);
        print_result(r);
        rows++;
    }
    return rows > 0 ? deliver(options, result, rows)
                    : qoq_cli_misuse("ablate", "--only: %s: no such row", options->only);
}

static int run_table(struct options *options, const struct qoq_token_file *tokens)
{
    struct qoq_error err = {QOQ_OK, ""};
    struct qoq_ablate_table table;
    int status;

    options->job.tokens = tokens;
    options->job.sequences = options->sequences && options->sequences < tokens->sequences
                                 ? options->sequences
                                 : tokens->sequences;
    if (qoq_ablate_table_read(&table, options->table, options->group, &err) != QOQ_OK) {
        status = qoq_cli_trouble("%s", err.text);
    } else if (mkdir(options->job.directory, 0777) != 0 && errno != EEXIST) {
        status = qoq_cli_trouble("%s: %s", options->job.directory, strerror(errno));
    } else {
        struct result *result = calloc(table.rows, sizeof *result);
        status = result != NULL ? run_rows(options, &table, result)
                                : qoq_cli_trouble("ablate: not enough memory");
        for (size_t i = 0; result != NULL && i < table.rows; i++) {
            free(result[i].nll);
        }
        free(result);
    }
    qoq_ablate_table_free(&table);
    return status;
}

static int check_options(const struct options *options)
{
    return options->job.directory == NULL
               ? qoq_cli_misuse("ablate", "where to? (--output DIRECTORY)")
           : options->job.tokens_name == NULL
               ? qoq_cli_misuse("ablate", "which text? (--tokens FILE)")
           : options->job.calibration == NULL
               ? qoq_cli_misuse("ablate", "which calibration text? (--calibration FILE)")
               : -1;
}

int qoq_cli_ablate(int argc, char **argv)
{
    struct options options = {.table = "steps",
                              .group = 128,
                              .job = {.calibration_sequences = 32, .calibration_length = 512}};
    struct qoq_error err = {QOQ_OK, ""};
    struct qoq_token_file tokens;

    opterr = 0;
    for (int option;
         (option = getopt_long(argc, argv, "o:c:t:T:g:n:h", long_options, NULL)) != -1;) {
        int status = take_option(&options, option, argv);
        if (status >= 0) {
            return status;
        }
    }
    if (optind != argc - 1) {
        return qoq_cli_misuse("ablate", optind == argc ? "which model?" : "one model only");
    }
    options.job.model = argv[optind];
    int status = check_options(&options);
    if (status >= 0) {
        return status;
    }
    if (qoq_token_file_read(&tokens, options.job.tokens_name, &err) != QOQ_OK) {
        return qoq_cli_trouble("%s", err.text);
    }
    status = qoq_longest_sequence(&tokens) < 2
                 ? qoq_cli_trouble("%s: nothing to score: no sequence has two tokens",
                                   options.job.tokens_name)
                 : run_table(&options, &tokens);
    qoq_token_file_free(&tokens);
    return qoq_cli_finish(status);
}
