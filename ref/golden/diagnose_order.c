/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Slices of an axis in another order: heads, rows or channels that a kernel wrote to each other's
 * places. Slices are told apart by a hash of their elements.
 */
#include "golden/diagnose.h"

#include <stdlib.h>

struct slice {
    uint64_t hash;
    size_t index;
};

static uint64_t add_hash(uint64_t hash, uint64_t bits)
{
    hash = (hash ^ bits) * UINT64_C(0xFF51AFD7ED558CCD);
    return hash ^ hash >> 32;
}

/* One hash for each index of axis a; elements come in the same order for every index. */
static void hash_slices(struct slice *slice, const struct qoq_golden_tensor *t, const void *data,
                        size_t extent, size_t inner)
{
    size_t elements = qoq_golden_elements(t);
    struct qoq_golden_element e;

    for (size_t i = 0; i < extent; i++) {
        slice[i].hash = 1;
        slice[i].index = i;
    }
    for (size_t i = 0; i < elements; i++) {
        size_t at = i / inner % extent;
        qoq_golden_element(&e, t, data, i);
        slice[at].hash = add_hash(slice[at].hash, e.value == e.value ? e.bits : UINT64_MAX);
    }
}

static int by_hash(const void *a, const void *b)
{
    const struct slice *x = a, *y = b;

    if (x->hash != y->hash)
        return x->hash < y->hash ? -1 : 1;
    return x->index < y->index ? -1 : x->index > y->index;
}

/* 1: theirs holds exactly our slices, all different, in another order; *index of theirs is our
 * *source. */
static int reordered(struct slice *ours, struct slice *theirs, size_t extent, size_t *index,
                     size_t *source)
{
    size_t moved = 0;

    qsort(ours, extent, sizeof *ours, by_hash);
    qsort(theirs, extent, sizeof *theirs, by_hash);
    *index = extent;
    *source = 0;
    for (size_t i = 0; i < extent; i++) {
        if (ours[i].hash != theirs[i].hash || (i > 0 && ours[i].hash == ours[i - 1].hash))
            return 0;
        if (ours[i].index == theirs[i].index)
            continue;
        moved++;
        if (theirs[i].index < *index) {
            *index = theirs[i].index;
            *source = ours[i].index;
        }
    }
    return moved > 0;
}

static int check_axis(struct qoq_golden_hints *hints, const struct qoq_golden_tensor *t,
                      const void *theirs, const char *name, size_t extent, size_t inner)
{
    struct slice *a = malloc(extent * sizeof *a), *b = malloc(extent * sizeof *b);
    size_t index, source;
    int found = 0;

    if (a != NULL && b != NULL) {
        hash_slices(a, t, t->tensor.data, extent, inner);
        hash_slices(b, t, theirs, extent, inner);
        found = reordered(a, b, extent, &index, &source);
    }
    if (found)
        qoq_golden_hint(hints, QOQ_HINT_PERMUTED,
                        "axis %s is in another order: index %zu of yours holds our index %zu", name,
                        index, source);
    free(a);
    free(b);
    return found;
}

int qoq_golden_diagnose_order(struct qoq_golden_hints *hints,
                              const struct qoq_golden_tensor *output, const void *theirs)
{
    struct qoq_golden_where w;
    size_t inner = qoq_golden_elements(output);
    int found = 0;

    if ((output->layout != QOQ_LAYOUT_ROWS && output->layout != QOQ_LAYOUT_NIBBLES) || inner == 0)
        return 0;
    qoq_golden_where(&w, output, 0);
    for (int a = 0; a < w.axes; a++) {
        inner /= w.axis[a].extent;
        if (w.axis[a].extent > 1)
            found |= check_axis(hints, output, theirs, w.axis[a].name, w.axis[a].extent, inner);
    }
    return found;
}
