/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A golden case in memory: one operator, its parameters, the inputs, and the outputs that the
 * specification demands, each with its comparison rule (N 13, 14). Plain containers: what the
 * operators compute is known to ref/golden/ only.
 */
#ifndef QOQ_DATA_GOLDEN_CASE_H
#define QOQ_DATA_GOLDEN_CASE_H

#include "data/tensor.h"

#define QOQ_GOLDEN_PARAMETERS 16

/* No tensor of a case is larger. */
#define QOQ_GOLDEN_MAX_BYTES ((size_t)1 << 28)

/* How the bytes of a tensor map to coordinates (N 5, 7.1). */
enum qoq_golden_layout {
    QOQ_LAYOUT_ROWS,    /* an ordinary array; axes names its dimensions */
    QOQ_LAYOUT_NIBBLES, /* plain 4-bit codes (N 5.1); logical: n, k */
    QOQ_LAYOUT_TILES,   /* tiled 4-bit codes (N 5.2); logical: n, k */
    QOQ_LAYOUT_COLUMNS, /* tiled group parameters (N 5.3); logical: groups, n */
    QOQ_LAYOUT_PAGES,   /* KV pages [pages][bytes] (N 7.1); logical: bits, P, heads, head_dim */
    QOQ_LAYOUTS
};

/* "rows", "nibbles", "tiles", "columns", "pages", and back; -1 for anything else. */
const char *qoq_golden_layout_name(enum qoq_golden_layout layout);
int qoq_golden_layout_find(const char *name);

/* Entries of `logical` that a layout uses. */
size_t qoq_golden_layout_sizes(enum qoq_golden_layout layout);

struct qoq_golden_tensor {
    struct qoq_tensor tensor;
    char axes[48]; /* QOQ_LAYOUT_ROWS: one word for each dimension, "m k" */
    enum qoq_golden_layout layout;
    size_t logical[4];
    char rule[96];      /* outputs: N 14; empty for inputs */
    char generator[96]; /* inputs: a recipe of N 13.3, or "derived: ..."; empty for outputs */
    int64_t stream;     /* inputs with a recipe: the input number of N 13.1; otherwise -1 */
};

struct qoq_golden_tensors {
    size_t count;
    struct qoq_golden_tensor *item;
};

struct qoq_golden_parameter {
    char name[24];
    int is_real; /* 1: real holds the value, 0: integer does */
    int64_t integer;
    double real;
};

struct qoq_golden_case {
    char name[64];
    char op[40];
    char profile[16];
    char clauses[64];
    char description[160];
    char kind[24]; /* which inputs: a word that the operator knows */
    int64_t seed;  /* >= 0 */
    size_t parameters;
    struct qoq_golden_parameter parameter[QOQ_GOLDEN_PARAMETERS];
    int64_t streams; /* input numbers used so far; not stored */
    struct qoq_golden_tensors inputs, outputs;
    struct qoq_tensors bounds; /* binary32, named like the output whose rule is "abs bound" */
};

/* 1: a name that cases may have: 1 to 63 letters, digits, "_", "-", "."; "." not first. */
int qoq_golden_name_ok(const char *name);

/* Adds a zero-filled tensor, and returns it or NULL. The pointer is valid until the next one is
 * added, its elements until the case is freed. */
struct qoq_golden_tensor *qoq_golden_tensors_new(struct qoq_golden_tensors *list, const char *name,
                                                 enum qoq_dtype dtype, const size_t *dim, int rank);

struct qoq_golden_tensor *qoq_golden_tensors_find(const struct qoq_golden_tensors *list,
                                                  const char *name);
void qoq_golden_tensors_free(struct qoq_golden_tensors *list);

/* The parameter of that name, or NULL. */
const struct qoq_golden_parameter *qoq_golden_parameter_find(const struct qoq_golden_case *c,
                                                             const char *name);

/* Adds or replaces a parameter; -1 where there is no room or the name is too long. */
int qoq_golden_parameter_set(struct qoq_golden_case *c, const char *name, int is_real,
                             int64_t integer, double real);

/* Frees all tensors and clears the case. */
void qoq_golden_case_free(struct qoq_golden_case *c);

/* Every NaN becomes the one of numerics/bits.h, so that files are the same on every machine. */
void qoq_golden_canonical_nan(struct qoq_tensor *tensor);

/* 0 if the tensor's type and shape fit its layout and logical sizes, otherwise -1. */
int qoq_golden_layout_check(const struct qoq_golden_tensor *t);

#endif
