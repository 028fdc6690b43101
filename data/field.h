/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Named numbers in a plain struct: one table serves the JSON reader, `--set`, sweeps and
 * explanations. A description is a struct of doubles that begins with struct qoq_description.
 */
#ifndef QOQ_DATA_FIELD_H
#define QOQ_DATA_FIELD_H

#include <stddef.h>

enum { QOQ_FIELD_MAY = 0, QOQ_FIELD_NEED = 1, QOQ_FIELD_WHOLE = 2 };

struct qoq_field {
    const char *name;
    const char *unit; /* "" for a pure number */
    size_t offset;    /* of a double in the description */
    double lo, hi;    /* inclusive */
    double fallback;  /* where the file is silent and the field is not needed */
    int flags;        /* QOQ_FIELD_NEED: a file must give it; QOQ_FIELD_WHOLE: an integer */
    const char *meaning;
};

/* What kind of description a table describes: the prefix in `--set gpu.sms=4` and the "format" of
 * its files, "qoq-gpu". */
struct qoq_field_table {
    const char *kind;
    const struct qoq_field *field;
    size_t count;
    size_t bytes; /* of the struct */
};

enum { QOQ_DESCRIPTION_NAME = 48, QOQ_DESCRIPTION_TITLE = 96 };

/* The head of every description. */
struct qoq_description {
    char name[QOQ_DESCRIPTION_NAME];   /* the file's name without directory and suffix */
    char title[QOQ_DESCRIPTION_TITLE]; /* for people */
};

/* The field of that name, or NULL. */
const struct qoq_field *qoq_field_find(const struct qoq_field_table *table, const char *name);

double qoq_field_get(const void *description, const struct qoq_field *field);

/* Sets the field and returns NULL, or leaves it and returns why not: out of range, not whole, not a
 * number. */
const char *qoq_field_set(void *description, const struct qoq_field *field, double value);

/* Every field gets its fallback; name and title become empty. */
void qoq_field_reset(void *description, const struct qoq_field_table *table);

#endif
