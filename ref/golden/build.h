/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the operators of the registry use to read parameters and inputs and to add tensors.
 * Functions that add return the elements, zero-filled, or NULL where memory is short.
 */
#ifndef QOQ_GOLDEN_BUILD_H
#define QOQ_GOLDEN_BUILD_H

#include "golden/generator.h"
#include "golden/operator.h"

/* Rank and dimensions of a tensor as two arguments: QOQ_SHAPE(m, k). */
#define QOQ_SHAPE(...)                                                                             \
    (int)(sizeof((size_t[]){__VA_ARGS__}) / sizeof(size_t)), (size_t[])                            \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }

/* A parameter of the case, which has it. */
size_t qoq_golden_size(const struct qoq_golden_case *c, const char *name);
double qoq_golden_real(const struct qoq_golden_case *c, const char *name);

/* 1: the case's kind of inputs is this word. */
int qoq_golden_kind_is(const struct qoq_golden_case *c, const char *word);

/* The recipe that the case's kind names, with the exponent of `bell` and the limit of `ties`; the
 * kind "sevenths" is `ties` with seven times the limit. */
struct qoq_recipe qoq_golden_recipe(const struct qoq_golden_case *c, int exponent, int ties);

/* Numbers 0 .. count - 1 in a seeded order (malloc; NULL: no memory). */
int32_t *qoq_golden_shuffled(size_t count, uint64_t seed);

/* Elements of an input or output, which exists. */
void *qoq_golden_in(const struct qoq_golden_case *c, const char *name);
void *qoq_golden_out(const struct qoq_golden_case *c, const char *name);

/* An input filled by a recipe; takes the next input number. */
void *qoq_golden_draw(struct qoq_golden_case *c, const char *name, enum qoq_dtype dtype,
                      const char *axes, struct qoq_recipe recipe, int rank, const size_t *dim);

/* Elements [rows][columns] (malloc) filled by a recipe that are no input themselves; takes the next
 * number. */
void *qoq_golden_draw_hidden(struct qoq_golden_case *c, enum qoq_dtype dtype,
                             struct qoq_recipe recipe, size_t rows, size_t columns);

/* An input that the operator computes from others or from hidden draws; `from` says how, in few
 * words. */
void *qoq_golden_derive(struct qoq_golden_case *c, const char *name, enum qoq_dtype dtype,
                        const char *axes, const char *from, int rank, const size_t *dim);

/* The same in a packed layout, bytes; sizes: the logical sizes of the layout. */
void *qoq_golden_derive_packed(struct qoq_golden_case *c, const char *name,
                               enum qoq_golden_layout layout, const size_t *sizes, const char *from,
                               int rank, const size_t *dim);

/* Outputs with their rule (N 14). */
void *qoq_golden_result(struct qoq_golden_case *c, const char *name, enum qoq_dtype dtype,
                        const char *axes, const char *rule, int rank, const size_t *dim);
void *qoq_golden_result_packed(struct qoq_golden_case *c, const char *name,
                               enum qoq_golden_layout layout, const size_t *sizes, const char *rule,
                               int rank, const size_t *dim);

/* Bounds, binary32, for the output of that name with rule "abs bound" (N 14.2). */
float *qoq_golden_bound(struct qoq_golden_case *c, const char *name, int rank, const size_t *dim);

#endif
