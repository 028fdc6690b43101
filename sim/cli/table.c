/* SPDX-License-Identifier: Apache-2.0 */
/* Tables on standard output. */
#include "sim/cli/table.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void qoq_sim_table_begin(struct qoq_sim_table *table, const char *name,
                         const struct qoq_sim_column *column, size_t columns)
{
    memset(table, 0, sizeof *table);
    table->name = name;
    table->column = column;
    table->columns = columns;
}

static int grow(struct qoq_sim_table *table)
{
    size_t room = table->room ? 2 * table->room : 64;
    char **cell = realloc(table->cell, room * sizeof *cell);

    if (!cell) {
        table->short_of_memory = 1;
        return -1;
    }
    table->cell = cell;
    table->room = room;
    return 0;
}

/* Takes over `text`. */
static void append(struct qoq_sim_table *table, char *text)
{
    if (table->cells == table->room && grow(table) != 0) {
        free(text);
        return;
    }
    table->cell[table->cells++] = text;
}

void qoq_sim_table_text(struct qoq_sim_table *table, const char *text)
{
    size_t bytes = strlen(text) + 2;
    char *copy = malloc(bytes);

    if (!copy) {
        table->short_of_memory = 1;
    } else {
        snprintf(copy, bytes, " %s", text);
    }
    append(table, copy);
}

void qoq_sim_table_number(struct qoq_sim_table *table, double value)
{
    int digits = table->column[table->cells % table->columns].digits;
    char *text = NULL;

    if (isfinite(value)) {
        text = malloc(40);
        if (!text) {
            table->short_of_memory = 1;
        } else if (fabs(value) >= pow(10, digits) && fabs(value) < 1e15) {
            snprintf(text, 40, "#%.0f", value);
        } else {
            snprintf(text, 40, "#%.*g", digits, value);
        }
    }
    append(table, text);
}

void qoq_sim_table_empty(struct qoq_sim_table *table)
{
    append(table, NULL);
}

static const char *shown(const struct qoq_sim_table *table, size_t cell)
{
    return table->cell[cell] ? table->cell[cell] + 1 : "";
}

static size_t width(const struct qoq_sim_table *table, size_t column)
{
    size_t widest = strlen(table->column[column].name);

    for (size_t cell = column; cell < table->cells; cell += table->columns) {
        size_t length = strlen(shown(table, cell));
        widest = length > widest ? length : widest;
    }
    return widest;
}

/* Numbers to the right, words to the left. */
static void print_text(const struct qoq_sim_table *table)
{
    for (size_t line = 0; line <= table->cells / table->columns; line++) {
        for (size_t column = 0; column < table->columns; column++) {
            size_t cell = (line ? line - 1 : 0) * table->columns + column;
            int number = cell < table->cells && table->cell[cell] && table->cell[cell][0] == '#';
            const char *text = line ? shown(table, cell) : table->column[column].name;
            int left = number ? (int)width(table, column) : -(int)width(table, column);
            printf("%s%*s", column ? "  " : "", column + 1 == table->columns && !number ? 0 : left,
                   text);
        }
        putchar('\n');
    }
}

static void print_csv_field(const char *text)
{
    if (!strpbrk(text, ",\"\n")) {
        fputs(text, stdout);
        return;
    }
    putchar('"');
    for (; *text; text++) {
        if (*text == '"') {
            putchar('"');
        }
        putchar(*text);
    }
    putchar('"');
}

static void print_csv(const struct qoq_sim_table *table)
{
    for (size_t column = 0; column < table->columns; column++) {
        printf("%s%s", column ? "," : "", table->column[column].name);
    }
    for (size_t cell = 0; cell < table->cells; cell++) {
        putchar(cell % table->columns ? ',' : '\n');
        print_csv_field(shown(table, cell));
    }
    putchar('\n');
}

static void print_json_string(const char *text)
{
    putchar('"');
    for (; *text; text++) {
        if (*text == '"' || *text == '\\') {
            putchar('\\');
        }
        if ((unsigned char)*text < 0x20) {
            printf("\\u%04x", (unsigned char)*text);
        } else {
            putchar(*text);
        }
    }
    putchar('"');
}

static void print_json(const struct qoq_sim_table *table)
{
    printf("{\"table\": ");
    print_json_string(table->name);
    printf(", \"rows\": [");
    for (size_t cell = 0; cell < table->cells; cell++) {
        size_t column = cell % table->columns;
        printf("%s", column ? ", " : cell ? ",\n  {" : "\n  {");
        print_json_string(table->column[column].name);
        printf(": ");
        if (!table->cell[cell]) {
            printf("null");
        } else if (table->cell[cell][0] == '#') {
            printf("%s", table->cell[cell] + 1);
        } else {
            print_json_string(table->cell[cell] + 1);
        }
        printf("%s", column + 1 == table->columns ? "}" : "");
    }
    printf("\n]}");
}

int qoq_sim_tables_print(const struct qoq_sim_table *table, size_t count,
                         enum qoq_sim_format format)
{
    for (size_t i = 0; i < count; i++) {
        if (table[i].short_of_memory) {
            return -1;
        }
    }
    printf("%s", format == QOQ_SIM_JSON && count > 1 ? "[" : "");
    for (size_t i = 0; i < count; i++) {
        if (count > 1 && format != QOQ_SIM_JSON) {
            printf("%s%s%s\n", i ? "\n" : "", format == QOQ_SIM_CSV ? "# " : "", table[i].name);
        }
        if (format == QOQ_SIM_TEXT) {
            print_text(&table[i]);
        } else if (format == QOQ_SIM_CSV) {
            print_csv(&table[i]);
        } else {
            print_json(&table[i]);
            printf("%s", i + 1 < count ? ",\n" : count > 1 ? "]\n" : "\n");
        }
    }
    return 0;
}

void qoq_sim_table_free(struct qoq_sim_table *table)
{
    for (size_t cell = 0; cell < table->cells; cell++) {
        free(table->cell[cell]);
    }
    free(table->cell);
    memset(table, 0, sizeof *table);
}
