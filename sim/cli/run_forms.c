/* SPDX-License-Identifier: Apache-2.0 */
/* qoq sim run --forms: the closed forms of a kernel's counts. */
#include <config.h>

#include "sim/cli/run_forms.h"

#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/data_directory.h"
#include "data/csv.h"
#include "data/file.h"

enum { COLUMNS = 6 };
static const struct qoq_sim_column columns[COLUMNS] = {{"kernel", 0}, {"role", 0}, {"what", 0},
                                                       {"tensor", 0}, {"when", 0}, {"form", 0}};

/* Launches carry their tile or number of heads behind the kernel's name: _m16n128k128, _r4,
 * _wgmma_m16n128k128. */
static int is_of(const char *launch, const char *kernel)
{
    size_t length = strlen(kernel), wide = strlen("_wgmma");

    if (strncmp(launch, kernel, length) != 0) {
        return 0;
    }
    const char *rest = launch + length;
    rest += strncmp(rest, "_wgmma", wide) == 0 ? wide : 0;
    return *rest == '\0' || (*rest == '_' && (rest[1] == 'm' || rest[1] == 'r') &&
                             strspn(rest + 2, "0123456789") != 0);
}

static int print(const struct qoq_csv *csv, const char *kernel, enum qoq_sim_format format)
{
    struct qoq_sim_table table;
    size_t found = 0;
    int status;

    qoq_sim_table_begin(&table, "forms", columns, COLUMNS);
    for (size_t row = 0; row < csv->rows; row++) {
        int wanted = is_of(qoq_csv_text(csv, row, 0), kernel);

        for (size_t c = 0; wanted && c < COLUMNS; c++) {
            qoq_sim_table_text(&table, qoq_csv_text(csv, row, c));
        }
        found += (size_t)wanted;
    }
    status = found != 0 ? qoq_sim_tables_print(&table, 1, format) : 0;
    qoq_sim_table_free(&table);
    if (found == 0) {
        return qoq_cli_misuse("sim run", "sim run: --forms: %s: none for such a kernel", kernel);
    }
    return status != 0 ? qoq_cli_trouble("sim run: out of memory") : qoq_cli_finish(QOQ_EXIT_GOOD);
}

int qoq_sim_run_forms(const char *kernel, enum qoq_sim_format format)
{
    struct qoq_error err = {QOQ_OK, ""};
    struct qoq_csv csv = {.text = NULL};
    char *path = qoq_file_join(qoq_data_directory(), "counts/forms.csv");
    enum qoq_status status = path != NULL ? qoq_csv_read(&csv, path, &err) : QOQ_ERR_MEMORY;
    size_t column;

    for (size_t c = 0; status == QOQ_OK && c < COLUMNS; c++) {
        status = qoq_csv_column(&column, &csv, columns[c].name, &err);
        if (status == QOQ_OK && column != c) {
            status = qoq_fail(&err, QOQ_ERR_FORMAT, path, columns[c].name, "not in its place");
        }
    }
    free(path);
    int exit_status =
        status == QOQ_OK ? print(&csv, kernel, format) : qoq_cli_trouble("sim run: %s", err.text);
    qoq_csv_free(&csv);
    return exit_status;
}
