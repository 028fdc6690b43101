/* SPDX-License-Identifier: Apache-2.0 */
/* Golden cases in memory: lists of tensors, parameters, and whether a packed layout fits. */
#include "data/golden_case.h"

#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    size_t sizes;
} layouts[QOQ_LAYOUTS] = {
    [QOQ_LAYOUT_ROWS] = {"rows", 0},   [QOQ_LAYOUT_NIBBLES] = {"nibbles", 2},
    [QOQ_LAYOUT_TILES] = {"tiles", 2}, [QOQ_LAYOUT_COLUMNS] = {"columns", 2},
    [QOQ_LAYOUT_PAGES] = {"pages", 4},
};

const char *qoq_golden_layout_name(enum qoq_golden_layout layout)
{
    return (unsigned)layout < QOQ_LAYOUTS ? layouts[layout].name : "?";
}

int qoq_golden_layout_find(const char *name)
{
    for (int i = 0; i < QOQ_LAYOUTS; i++) {
        if (strcmp(layouts[i].name, name) == 0)
            return i;
    }
    return -1;
}

size_t qoq_golden_layout_sizes(enum qoq_golden_layout layout)
{
    return (unsigned)layout < QOQ_LAYOUTS ? layouts[layout].sizes : 0;
}

int qoq_golden_name_ok(const char *name)
{
    size_t length = strlen(name);

    if (length == 0 || length > 63 || name[0] == '.')
        return 0;
    return strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.") ==
           length;
}

struct qoq_golden_tensor *qoq_golden_tensors_new(struct qoq_golden_tensors *list, const char *name,
                                                 enum qoq_dtype dtype, const size_t *dim, int rank)
{
    struct qoq_golden_tensor *grown, *made;
    size_t bytes;

    if (qoq_shape_bytes(&bytes, dtype, dim, rank) != 0 || bytes > QOQ_GOLDEN_MAX_BYTES)
        return NULL;
    grown = realloc(list->item, (list->count + 1) * sizeof *grown);
    if (grown == NULL)
        return NULL;
    list->item = grown;
    made = &grown[list->count];
    memset(made, 0, sizeof *made);
    made->stream = -1;
    if (qoq_tensor_create(&made->tensor, name, dtype, dim, rank, NULL) != QOQ_OK)
        return NULL;
    list->count++;
    return made;
}

struct qoq_golden_tensor *qoq_golden_tensors_find(const struct qoq_golden_tensors *list,
                                                  const char *name)
{
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->item[i].tensor.name, name) == 0)
            return &list->item[i];
    }
    return NULL;
}

void qoq_golden_tensors_free(struct qoq_golden_tensors *list)
{
    for (size_t i = 0; i < list->count; i++)
        qoq_tensor_free(&list->item[i].tensor);
    free(list->item);
    memset(list, 0, sizeof *list);
}

const struct qoq_golden_parameter *qoq_golden_parameter_find(const struct qoq_golden_case *c,
                                                             const char *name)
{
    for (size_t i = 0; i < c->parameters; i++) {
        if (strcmp(c->parameter[i].name, name) == 0)
            return &c->parameter[i];
    }
    return NULL;
}

int qoq_golden_parameter_set(struct qoq_golden_case *c, const char *name, int is_real,
                             int64_t integer, double real)
{
    size_t at = 0;

    if (strlen(name) >= sizeof c->parameter[0].name)
        return -1;
    while (at < c->parameters && strcmp(c->parameter[at].name, name) != 0)
        at++;
    if (at == QOQ_GOLDEN_PARAMETERS)
        return -1;
    c->parameters = at == c->parameters ? at + 1 : c->parameters;
    strcpy(c->parameter[at].name, name);
    c->parameter[at].is_real = is_real;
    c->parameter[at].integer = integer;
    c->parameter[at].real = real;
    return 0;
}

void qoq_golden_case_free(struct qoq_golden_case *c)
{
    qoq_golden_tensors_free(&c->inputs);
    qoq_golden_tensors_free(&c->outputs);
    qoq_tensors_free(&c->bounds);
    memset(c, 0, sizeof *c);
}

void qoq_golden_canonical_nan(struct qoq_tensor *tensor)
{
    size_t count = qoq_tensor_elements(tensor);

    for (size_t i = 0; i < count && tensor->dtype == QOQ_F32; i++) {
        uint32_t *u = (uint32_t *)tensor->data + i;
        *u = (*u & UINT32_C(0x7FFFFFFF)) > UINT32_C(0x7F800000) ? UINT32_C(0x7FC00000) : *u;
    }
    for (size_t i = 0; i < count && tensor->dtype == QOQ_F16; i++) {
        uint16_t *u = (uint16_t *)tensor->data + i;
        *u = (uint16_t)((*u & 0x7FFF) > 0x7C00 ? 0x7E00 : *u);
    }
    for (size_t i = 0; i < count && tensor->dtype == QOQ_F64; i++) {
        uint64_t *u = (uint64_t *)tensor->data + i;
        *u = (*u & UINT64_C(0x7FFFFFFFFFFFFFFF)) > UINT64_C(0x7FF0000000000000)
                 ? UINT64_C(0x7FF8000000000000)
                 : *u;
    }
}

static size_t round_up(size_t n, size_t to)
{
    return (n + to - 1) / to * to;
}

/* Each size in [1, 2^24], so that products stay under 2^64; axes has a word for each dimension. */
static int sizes_ok(const struct qoq_golden_tensor *t)
{
    for (size_t i = 0; i < qoq_golden_layout_sizes(t->layout); i++) {
        if (t->logical[i] < 1 || t->logical[i] > ((size_t)1 << 24))
            return 0;
    }
    if (t->layout != QOQ_LAYOUT_ROWS)
        return t->tensor.dtype == QOQ_U8 && t->tensor.rank >= 1;
    int words = 0;
    for (const char *at = t->axes; *at != 0; at += *at == ' ') {
        words++;
        at += strcspn(at, " ");
    }
    return words == t->tensor.rank;
}

static int pages_fit(const struct qoq_golden_tensor *t)
{
    size_t bits = t->logical[0], p = t->logical[1], heads = t->logical[2], dim = t->logical[3];

    if ((bits != 4 && bits != 8) || dim % 2 != 0 || dim > 256 || p > 65536 || heads > 65536)
        return 0;
    return t->tensor.rank == 2 && t->tensor.dim[1] == p * heads * (dim * bits / 8 + 4);
}

int qoq_golden_layout_check(const struct qoq_golden_tensor *t)
{
    size_t bytes = qoq_tensor_bytes(&t->tensor), a = t->logical[0], b = t->logical[1];

    if ((unsigned)t->layout >= QOQ_LAYOUTS || !sizes_ok(t))
        return -1;
    switch (t->layout) {
    case QOQ_LAYOUT_NIBBLES:
        return bytes == a * ((b + 1) / 2) ? 0 : -1;
    case QOQ_LAYOUT_TILES:
        return bytes == round_up(a, 32) * round_up(b, 32) / 2 ? 0 : -1;
    case QOQ_LAYOUT_COLUMNS:
        return bytes == a * round_up(b, 32) ? 0 : -1;
    case QOQ_LAYOUT_PAGES:
        return pages_fit(t) ? 0 : -1;
    default:
        return 0;
    }
}
