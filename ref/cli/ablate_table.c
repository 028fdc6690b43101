/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "cli/ablate_table.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/data_directory.h"
#include "cli/recipe_options.h"

enum column { NAME, LABEL, SCHEME, GROUP, STEPS, PAPER, COLUMNS };

static const char *const names[COLUMNS] = {"name", "label", "scheme", "group", "steps", "paper"};

static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";

static enum qoq_status refuse(const struct qoq_csv *csv, size_t row, enum column column,
                              const char *text, const char *why, struct qoq_error *err)
{
    char field[64];

    snprintf(field, sizeof field, "row %zu, %s", row + 1, names[column]);
    return qoq_fail(err, QOQ_ERR_FORMAT, csv->file, field, "\"%.64s\": %s", text, why);
}

static enum qoq_status set_steps(struct qoq_ablate_row *out, const struct qoq_csv *csv, size_t row,
                                 const char *steps, struct qoq_error *err)
{
    const char *reason;
    size_t length;

    out->method = steps[0] == '@' ? steps + 1 : "steps";
    if (steps[0] == '@' ? qoq_recipe_method(&out->recipe, steps + 1) != QOQ_OK
                        : qoq_recipe_set_steps(&out->recipe, steps, &length) != NULL) {
        return refuse(csv, row, STEPS, steps, "no such method, step or value", err);
    }
    return qoq_recipe_check(&out->recipe, NULL, &reason) == QOQ_OK
               ? QOQ_OK
               : refuse(csv, row, STEPS, steps, reason, err);
}

static enum qoq_status read_row(struct qoq_ablate_row *out, const struct qoq_csv *csv,
                                const size_t column[COLUMNS], size_t row, size_t group,
                                struct qoq_error *err)
{
    const char *text[COLUMNS];

    for (int i = 0; i < COLUMNS; i++) {
        text[i] = qoq_csv_text(csv, row, column[i]);
    }
    out->name = text[NAME];
    out->label = text[LABEL];
    if (out->name[0] == '\0' || out->name[0] == '-' ||
        out->name[strspn(out->name, letters)] != '\0') {
        return refuse(csv, row, NAME, out->name, "not a plain name of letters, digits and -", err);
    }
    enum qoq_status status = qoq_csv_number(&out->paper, csv, row, column[PAPER], 1, 1e9, 1, err);
    if (status != QOQ_OK) {
        return status;
    }
    out->original = strcmp(text[SCHEME], "original") == 0;
    if (out->original) {
        return QOQ_OK;
    }
    if (text[GROUP][0] != '\0' && strcmp(text[GROUP], "group") != 0) {
        return refuse(csv, row, GROUP, text[GROUP], "neither \"group\" nor empty", err);
    }
    if (qoq_recipe_set_scheme(&out->recipe, text[SCHEME], text[GROUP][0] ? group : 0) != 0) {
        return refuse(csv, row, SCHEME, text[SCHEME], "no such scheme", err);
    }
    return set_steps(out, csv, row, text[STEPS], err);
}

static enum qoq_status read_rows(struct qoq_ablate_table *table, size_t group,
                                 struct qoq_error *err)
{
    size_t column[COLUMNS];

    for (int i = 0; i < COLUMNS; i++) {
        enum qoq_status status = qoq_csv_column(&column[i], &table->csv, names[i], err);
        if (status != QOQ_OK) {
            return status;
        }
    }
    table->row = calloc(table->csv.rows + 1, sizeof *table->row);
    if (table->row == NULL) {
        return qoq_fail_memory(err, table->csv.file, NULL, table->csv.rows * sizeof *table->row);
    }
    for (table->rows = 0; table->rows < table->csv.rows; table->rows++) {
        enum qoq_status status =
            read_row(&table->row[table->rows], &table->csv, column, table->rows, group, err);
        if (status != QOQ_OK) {
            return status;
        }
    }
    return table->rows > 0 ? QOQ_OK
                           : qoq_fail(err, QOQ_ERR_FORMAT, table->csv.file, NULL, "no rows");
}

enum qoq_status qoq_ablate_table_read(struct qoq_ablate_table *table, const char *name,
                                      size_t group, struct qoq_error *err)
{
    char path[4096];
    int ours = strcmp(name, "steps") == 0 || strcmp(name, "methods") == 0;

    memset(table, 0, sizeof *table);
    if (ours) {
        snprintf(path, sizeof path, "%s/paper/accuracy_%s.csv", qoq_data_directory(), name);
    }
    enum qoq_status status = qoq_csv_read(&table->csv, ours ? path : name, err);
    return status == QOQ_OK ? read_rows(table, group, err) : status;
}

void qoq_ablate_table_free(struct qoq_ablate_table *table)
{
    free(table->row);
    qoq_csv_free(&table->csv);
    memset(table, 0, sizeof *table);
}
