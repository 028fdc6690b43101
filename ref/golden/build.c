/* SPDX-License-Identifier: Apache-2.0 */
/* Parameters, inputs, outputs and bounds of a case under construction. */
#include "golden/build.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

size_t qoq_golden_size(const struct qoq_golden_case *c, const char *name)
{
    const struct qoq_golden_parameter *p = qoq_golden_parameter_find(c, name);

    return p != NULL ? (size_t)p->integer : 0;
}

double qoq_golden_real(const struct qoq_golden_case *c, const char *name)
{
    const struct qoq_golden_parameter *p = qoq_golden_parameter_find(c, name);

    return p != NULL ? p->real : 0;
}

int qoq_golden_kind_is(const struct qoq_golden_case *c, const char *word)
{
    return strcmp(c->kind, word) == 0;
}

struct qoq_recipe qoq_golden_recipe(const struct qoq_golden_case *c, int exponent, int ties)
{
    int kind = qoq_recipe_find(c->kind);
    struct qoq_recipe recipe = {QOQ_RECIPE_BELL, exponent, 0};

    /* The limit times seven makes a scale of 7, whose reciprocal is far from exact. */
    if (qoq_golden_kind_is(c, "sevenths"))
        return (struct qoq_recipe){QOQ_RECIPE_TIES, 7 * ties, 0};
    if (kind >= 0)
        recipe.kind = (enum qoq_recipe_kind)kind;
    if (recipe.kind == QOQ_RECIPE_MIXED)
        recipe.b = ties;
    if (recipe.kind == QOQ_RECIPE_TIES)
        recipe.a = ties;
    return recipe;
}

int32_t *qoq_golden_shuffled(size_t count, uint64_t seed)
{
    int32_t *order = malloc(count * sizeof *order);

    for (size_t i = 0; i < count && order != NULL; i++) {
        size_t j = (size_t)qoq_gen_int(qoq_gen(seed, i), 0, (int64_t)i);
        order[i] = order[j];
        order[j] = (int32_t)i;
    }
    return order;
}

void *qoq_golden_in(const struct qoq_golden_case *c, const char *name)
{
    const struct qoq_golden_tensor *t = qoq_golden_tensors_find(&c->inputs, name);

    return t != NULL ? t->tensor.data : NULL;
}

void *qoq_golden_out(const struct qoq_golden_case *c, const char *name)
{
    const struct qoq_golden_tensor *t = qoq_golden_tensors_find(&c->outputs, name);

    return t != NULL ? t->tensor.data : NULL;
}

static struct qoq_golden_tensor *add(struct qoq_golden_tensors *list, const char *name,
                                     enum qoq_dtype dtype, const char *axes, int rank,
                                     const size_t *dim)
{
    struct qoq_golden_tensor *t = qoq_golden_tensors_new(list, name, dtype, dim, rank);

    if (t != NULL)
        snprintf(t->axes, sizeof t->axes, "%s", axes);
    return t;
}

static struct qoq_golden_tensor *add_packed(struct qoq_golden_tensors *list, const char *name,
                                            enum qoq_golden_layout layout, const size_t *sizes,
                                            int rank, const size_t *dim)
{
    struct qoq_golden_tensor *t = qoq_golden_tensors_new(list, name, QOQ_U8, dim, rank);

    if (t != NULL) {
        t->layout = layout;
        for (size_t i = 0; i < qoq_golden_layout_sizes(layout); i++)
            t->logical[i] = sizes[i];
    }
    return t;
}

static uint64_t next_seed(struct qoq_golden_case *c)
{
    return qoq_gen((uint64_t)c->seed, (uint64_t)c->streams++);
}

void *qoq_golden_draw(struct qoq_golden_case *c, const char *name, enum qoq_dtype dtype,
                      const char *axes, struct qoq_recipe recipe, int rank, const size_t *dim)
{
    struct qoq_golden_tensor *t = add(&c->inputs, name, dtype, axes, rank, dim);
    size_t columns = dim[rank - 1];

    if (t == NULL)
        return NULL;
    t->stream = c->streams;
    qoq_recipe_text(t->generator, sizeof t->generator, recipe);
    if (qoq_recipe_fill(t->tensor.data, dtype, qoq_tensor_elements(&t->tensor) / columns, columns,
                        recipe, next_seed(c)) != 0)
        return NULL;
    return t->tensor.data;
}

void *qoq_golden_draw_hidden(struct qoq_golden_case *c, enum qoq_dtype dtype,
                             struct qoq_recipe recipe, size_t rows, size_t columns)
{
    size_t size = qoq_dtype_size(dtype);
    void *data = NULL;

    if (columns <= QOQ_GOLDEN_MAX_BYTES / size && rows <= QOQ_GOLDEN_MAX_BYTES / size / columns)
        data = malloc(rows * columns * size);
    if (data != NULL && qoq_recipe_fill(data, dtype, rows, columns, recipe, next_seed(c)) != 0) {
        free(data);
        return NULL;
    }
    return data;
}

void *qoq_golden_derive(struct qoq_golden_case *c, const char *name, enum qoq_dtype dtype,
                        const char *axes, const char *from, int rank, const size_t *dim)
{
    struct qoq_golden_tensor *t = add(&c->inputs, name, dtype, axes, rank, dim);

    if (t == NULL)
        return NULL;
    snprintf(t->generator, sizeof t->generator, "derived: %s", from);
    return t->tensor.data;
}

void *qoq_golden_derive_packed(struct qoq_golden_case *c, const char *name,
                               enum qoq_golden_layout layout, const size_t *sizes, const char *from,
                               int rank, const size_t *dim)
{
    struct qoq_golden_tensor *t = add_packed(&c->inputs, name, layout, sizes, rank, dim);

    if (t == NULL)
        return NULL;
    snprintf(t->generator, sizeof t->generator, "derived: %s", from);
    return t->tensor.data;
}

void *qoq_golden_result(struct qoq_golden_case *c, const char *name, enum qoq_dtype dtype,
                        const char *axes, const char *rule, int rank, const size_t *dim)
{
    struct qoq_golden_tensor *t = add(&c->outputs, name, dtype, axes, rank, dim);

    if (t == NULL)
        return NULL;
    snprintf(t->rule, sizeof t->rule, "%s", rule);
    return t->tensor.data;
}

void *qoq_golden_result_packed(struct qoq_golden_case *c, const char *name,
                               enum qoq_golden_layout layout, const size_t *sizes, const char *rule,
                               int rank, const size_t *dim)
{
    struct qoq_golden_tensor *t = add_packed(&c->outputs, name, layout, sizes, rank, dim);

    if (t == NULL)
        return NULL;
    snprintf(t->rule, sizeof t->rule, "%s", rule);
    return t->tensor.data;
}

float *qoq_golden_bound(struct qoq_golden_case *c, const char *name, int rank, const size_t *dim)
{
    struct qoq_tensor bound;

    if (qoq_tensor_create(&bound, name, QOQ_F32, dim, rank, NULL) != QOQ_OK)
        return NULL;
    float *data = bound.data;
    if (qoq_tensors_add(&c->bounds, &bound, NULL) != QOQ_OK) {
        qoq_tensor_free(&bound);
        return NULL;
    }
    return data;
}
