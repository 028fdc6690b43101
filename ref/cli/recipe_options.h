/* SPDX-License-Identifier: Apache-2.0 */
/* Recipes from words: precisions ("w4a8kv4"), methods ("qoq"), lists of steps ("rotate,clip,gptq").
 */
#ifndef QOQ_CLI_RECIPE_OPTIONS_H
#define QOQ_CLI_RECIPE_OPTIONS_H

#include "qoq_quantize.h"

/* Grid and bits of a scheme wXaYkvZ (kvZ may be left out: 16) with that group; the rest of the
 * recipe is cleared. Returns 0, or -1 where there is no such scheme. */
int qoq_recipe_set_scheme(struct qoq_recipe *recipe, const char *scheme, size_t group);

/* Replaces the steps of a recipe by those of a comma-separated list: rotate[=signs], rotate-heads,
 * smooth-input[=ALPHA | =awq], reorder, smooth-attention[=ALPHA | =search], smooth-output[=ALPHA],
 * clip, gptq[=DAMP]; "none". Returns NULL, or the first word that is not understood (of *length
 * characters). */
const char *qoq_recipe_set_steps(struct qoq_recipe *recipe, const char *steps, size_t *length);

#endif
