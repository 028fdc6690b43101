/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "cli/recipe_options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

static int is_width(unsigned bits)
{
    return bits == 4 || bits == 8 || bits == 16;
}

int qoq_recipe_set_scheme(struct qoq_recipe *recipe, const char *scheme, size_t group)
{
    unsigned w, a, kv = 16;
    int end = 0;

    if ((sscanf(scheme, "w%2ua%2ukv%2u%n", &w, &a, &kv, &end) != 3 || scheme[end] != '\0') &&
        (sscanf(scheme, "w%2ua%2u%n", &w, &a, &end) != 2 || scheme[end] != '\0')) {
        return -1;
    }
    if (!is_width(w) || !is_width(a) || !is_width(kv)) {
        return -1;
    }
    *recipe = (struct qoq_recipe){.group = group, .act_bits = a, .kv_bits = kv};
    if (w == 8) {
        recipe->grid = QOQ_GRID_W8;
        return a == 8 && kv == 8 && group == 0 ? 0 : -1;
    }
    if (w == 16) {
        recipe->grid = QOQ_GRID_NONE;
        return group == 0 ? 0 : -1;
    }
    if (a == 8 && kv == 4) {
        recipe->grid = group ? QOQ_GRID_W4_GROUP : QOQ_GRID_W4_CHANNEL;
    } else if (a == 4) {
        recipe->grid = QOQ_GRID_W4_SYMMETRIC;
        recipe->act_group = group;
    } else {
        recipe->grid = QOQ_GRID_W4_HALF;
    }
    return 0;
}

/* A number in [0, 1] in the whole of text. */
static int parse_share(float *out, const char *text)
{
    return qoq_cli_parse_float(out, text, 0, 1);
}

static int set_input(struct qoq_recipe *r, const char *value)
{
    if (value != NULL && strcmp(value, "awq") == 0) {
        r->smooth_input = QOQ_INPUT_AWQ;
        return 0;
    }
    r->smooth_input = QOQ_INPUT_SMOOTHQUANT;
    return value != NULL ? parse_share(&r->input_alpha, value) : 0;
}

static int set_attention(struct qoq_recipe *r, const char *value)
{
    if (value != NULL && strcmp(value, "search") == 0) {
        r->smooth_attention = QOQ_SEARCH_GRID;
        return 0;
    }
    r->smooth_attention = QOQ_SEARCH_FIXED;
    return value != NULL ? parse_share(&r->attention_alpha, value) : 0;
}

static int set_rotation(struct qoq_recipe *r, const char *value)
{
    r->rotation = value != NULL ? QOQ_ROTATION_RANDOM_SIGNS : QOQ_ROTATION_HADAMARD;
    return value != NULL && strcmp(value, "signs") != 0 ? -1 : 0;
}

static int set_output(struct qoq_recipe *r, const char *value)
{
    r->smooth_output = 1;
    return value != NULL ? parse_share(&r->output_alpha, value) : 0;
}

static int set_gptq(struct qoq_recipe *r, const char *value)
{
    r->gptq = 1;
    return value != NULL ? parse_share(&r->damp, value) : 0;
}

/* Steps without a value. */
static int set_plain(int *flag, const char *value)
{
    *flag = 1;
    return value != NULL ? -1 : 0;
}

static int set_step(struct qoq_recipe *r, const char *name, const char *value)
{
    return strcmp(name, "rotate") == 0             ? set_rotation(r, value)
           : strcmp(name, "rotate-heads") == 0     ? set_plain(&r->rotate_heads, value)
           : strcmp(name, "smooth-input") == 0     ? set_input(r, value)
           : strcmp(name, "reorder") == 0          ? set_plain(&r->reorder, value)
           : strcmp(name, "smooth-attention") == 0 ? set_attention(r, value)
           : strcmp(name, "smooth-output") == 0    ? set_output(r, value)
           : strcmp(name, "clip") == 0             ? set_plain(&r->clip, value)
           : strcmp(name, "gptq") == 0             ? set_gptq(r, value)
                                                   : -1;
}

const char *qoq_recipe_set_steps(struct qoq_recipe *recipe, const char *steps, size_t *length)
{
    char word[48];

    if (qoq_recipe_method(recipe, "none") != QOQ_OK) {
        return steps;
    }
    if (strcmp(steps, "none") == 0) {
        return NULL;
    }
    for (const char *at = steps;; at += *length + 1) {
        *length = strcspn(at, ",");
        if (*length == 0 || *length >= sizeof word) {
            return at;
        }
        memcpy(word, at, *length);
        word[*length] = '\0';
        char *value = strchr(word, '=');
        if (value != NULL) {
            *value++ = '\0';
        }
        if (set_step(recipe, word, value) != 0) {
            return at;
        }
        if (at[*length] == '\0') {
            return NULL;
        }
    }
}
