/* SPDX-License-Identifier: Apache-2.0 */
/* Named numbers in a plain struct. */
#include "data/field.h"

#include <math.h>
#include <string.h>

const struct qoq_field *qoq_field_find(const struct qoq_field_table *table, const char *name)
{
    for (size_t i = 0; i < table->count; i++) {
        if (strcmp(table->field[i].name, name) == 0) {
            return &table->field[i];
        }
    }
    return NULL;
}

static void store(void *description, const struct qoq_field *field, double value)
{
    memcpy((char *)description + field->offset, &value, sizeof value);
}

double qoq_field_get(const void *description, const struct qoq_field *field)
{
    double value;

    memcpy(&value, (const char *)description + field->offset, sizeof value);
    return value;
}

const char *qoq_field_set(void *description, const struct qoq_field *field, double value)
{
    if (!isfinite(value)) {
        return "not a finite number";
    }
    if ((field->flags & QOQ_FIELD_WHOLE) && value != floor(value)) {
        return "must be a whole number";
    }
    if (value < field->lo || value > field->hi) {
        return "outside its range";
    }
    store(description, field, value);
    return NULL;
}

void qoq_field_reset(void *description, const struct qoq_field_table *table)
{
    memset(description, 0, table->bytes);
    for (size_t i = 0; i < table->count; i++) {
        store(description, &table->field[i], table->field[i].fallback);
    }
}
