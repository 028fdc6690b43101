/* SPDX-License-Identifier: Apache-2.0 */
/* Comma-separated values. */
#include "data/csv.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/file.h"

enum { MAX_BYTES = 64 << 20, MAX_COLUMNS = 256 };

/* Cuts one field out of the text in place, unquoting it; *end becomes the character that ended it.
 */
static char *cut_field(char **cursor, char *end)
{
    char *read = *cursor, *write = *cursor, *field = *cursor;
    int quoted = *read == '"';

    read += quoted;
    while (*read && (quoted || (*read != ',' && *read != '\n'))) {
        if (quoted && *read == '"') {
            if (read[1] != '"') {
                quoted = 0;
                read++;
                continue;
            }
            read++;
        }
        *write++ = *read++;
    }
    *end = *read;
    *cursor = *read ? read + 1 : read;
    if (write > field && write[-1] == '\r') {
        write--;
    }
    *write = '\0';
    return field;
}

static void skip_line(char **cursor)
{
    *cursor += strcspn(*cursor, "\n");
    *cursor += **cursor == '\n';
}

/* Cuts one line; returns its number of fields, or -1 where there are more than `room`. */
static int cut_line(char **field, size_t room, char **cursor)
{
    char end = ',';
    size_t count = 0;

    while (end == ',') {
        if (count == room) {
            return -1;
        }
        field[count++] = cut_field(cursor, &end);
    }
    return (int)count;
}

static size_t count_lines(const char *text)
{
    size_t lines = 1;

    for (; *text; text++) {
        lines += *text == '\n';
    }
    return lines;
}

static enum qoq_status cut_rows(struct qoq_csv *csv, char *cursor, size_t lines, const char *path,
                                struct qoq_error *err)
{
    for (size_t line = 1; *cursor; line++) {
        if (*cursor == '#' || *cursor == '\n') {
            skip_line(&cursor);
            continue;
        }
        if (csv->rows + 1 > lines) {
            return qoq_fail(err, QOQ_ERR_FORMAT, path, NULL, "malformed");
        }
        int count = cut_line(csv->field + (csv->rows + 1) * csv->columns, csv->columns, &cursor);
        if (count != (int)csv->columns) {
            return qoq_fail(err, QOQ_ERR_FORMAT, path, NULL,
                            "row %zu has not %zu fields as the header", line, csv->columns);
        }
        csv->rows++;
    }
    return QOQ_OK;
}

enum qoq_status qoq_csv_read(struct qoq_csv *csv, const char *path, struct qoq_error *err)
{
    char *header[MAX_COLUMNS], *cursor;
    size_t bytes;
    enum qoq_status status;

    memset(csv, 0, sizeof *csv);
    snprintf(csv->file, sizeof csv->file, "%s", path);
    if ((status = qoq_file_read(&csv->text, &bytes, path, MAX_BYTES, err)) != QOQ_OK) {
        return status;
    }
    if (memchr(csv->text, '\0', bytes)) {
        return qoq_fail(err, QOQ_ERR_FORMAT, path, NULL, "not a text file");
    }
    cursor = csv->text;
    while (*cursor == '#') {
        skip_line(&cursor);
    }
    size_t lines = count_lines(cursor);
    int count = cut_line(header, MAX_COLUMNS, &cursor);
    if (count < 1) {
        return qoq_fail(err, QOQ_ERR_FORMAT, path, NULL, "more than %d columns", MAX_COLUMNS);
    }
    csv->columns = (size_t)count;
    csv->field = calloc((lines + 1) * csv->columns, sizeof *csv->field);
    if (!csv->field) {
        return qoq_fail_memory(err, path, NULL, (lines + 1) * csv->columns * sizeof *csv->field);
    }
    memcpy(csv->field, header, csv->columns * sizeof *header);
    return cut_rows(csv, cursor, lines, path, err);
}

void qoq_csv_free(struct qoq_csv *csv)
{
    free(csv->text);
    free(csv->field);
    memset(csv, 0, sizeof *csv);
}

enum qoq_status qoq_csv_column(size_t *column, const struct qoq_csv *csv, const char *name,
                               struct qoq_error *err)
{
    for (size_t i = 0; i < csv->columns; i++) {
        if (strcmp(csv->field[i], name) == 0) {
            *column = i;
            return QOQ_OK;
        }
    }
    return qoq_fail(err, QOQ_ERR_FORMAT, csv->file, name, "no such column");
}

const char *qoq_csv_text(const struct qoq_csv *csv, size_t row, size_t column)
{
    return csv->field[(row + 1) * csv->columns + column];
}

enum qoq_status qoq_csv_number(double *value, const struct qoq_csv *csv, size_t row, size_t column,
                               double lo, double hi, int may_be_empty, struct qoq_error *err)
{
    const char *text = qoq_csv_text(csv, row, column);
    char *end;

    if (!*text && may_be_empty) {
        *value = NAN;
        return QOQ_OK;
    }
    double number = strtod(text, &end);
    if (end == text || *end || !isfinite(number)) {
        return qoq_fail(err, QOQ_ERR_FORMAT, csv->file, csv->field[column],
                        "row %zu: \"%.40s\" is not a number", row + 1, text);
    }
    if (number < lo || number > hi) {
        return qoq_fail(err, QOQ_ERR_RANGE, csv->file, csv->field[column],
                        "row %zu: %g is outside %g to %g", row + 1, number, lo, hi);
    }
    *value = number;
    return QOQ_OK;
}
