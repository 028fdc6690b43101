/* SPDX-License-Identifier: Apache-2.0 */
/* Recipes: what is possible, and the settings of the methods (Q 1, 8). */
#include "model/model.h"
#include "qoq_quantize.h"

#include <math.h>
#include <string.h>

static int is_integer_grid(enum qoq_grid_kind kind)
{
    return kind <= QOQ_GRID_W4_GROUP;
}

enum qoq_precision qoq_recipe_precision(const struct qoq_recipe *recipe)
{
    switch (recipe->grid) {
    case QOQ_GRID_W8:
        return QOQ_W8A8KV8;
    case QOQ_GRID_W4_CHANNEL:
        return QOQ_W4A8KV4_CHANNEL;
    case QOQ_GRID_W4_GROUP:
        return QOQ_W4A8KV4_GROUP;
    default:
        return QOQ_FP32;
    }
}

struct qoq_simulation qoq_recipe_simulation(const struct qoq_recipe *recipe)
{
    struct qoq_simulation simulation = {0, 0, 0};

    if (!is_integer_grid(recipe->grid)) {
        simulation.act_bits = recipe->act_bits < 16 ? recipe->act_bits : 0;
        simulation.act_group = recipe->act_bits < 16 ? recipe->act_group : 0;
        simulation.kv_bits = recipe->kv_bits < 16 ? recipe->kv_bits : 0;
    }
    return simulation;
}

int qoq_recipe_needs_tokens(const struct qoq_recipe *recipe)
{
    return recipe->smooth_input != QOQ_INPUT_PLAIN || recipe->reorder ||
           recipe->smooth_attention != QOQ_SEARCH_OFF || recipe->smooth_output || recipe->clip ||
           recipe->gptq;
}

static int is_share(float x)
{
    return x >= 0 && x <= 1;
}

static const char *group_fault(const struct qoq_recipe *r)
{
    int whole_rows =
        r->grid == QOQ_GRID_W8 || r->grid == QOQ_GRID_W4_CHANNEL || r->grid == QOQ_GRID_NONE;

    if (whole_rows && r->group != 0) {
        return "group: this grid has one scale a row";
    }
    if (r->grid == QOQ_GRID_W4_GROUP && r->group == 0) {
        return "group: this grid needs a group size";
    }
    if (r->group % 32 != 0 || r->group > QOQ_MAX_CHANNELS) {
        return "group: not a multiple of 32 up to 131072";
    }
    return NULL;
}

static const char *bits_fault(const struct qoq_recipe *r)
{
    if (is_integer_grid(r->grid)) {
        if (r->act_bits != 8 || r->act_group != 0) {
            return "act_bits: integer grids take 8-bit activations with one scale a token";
        }
        return r->kv_bits != (r->grid == QOQ_GRID_W8 ? 8u : 4u)
                   ? "kv_bits: integer grids take 8 bits with W8 and 4 with W4"
                   : NULL;
    }
    if (r->act_bits != 4 && r->act_bits != 8 && r->act_bits != 16) {
        return "act_bits: not 4, 8 or 16";
    }
    if (r->act_group % 32 != 0 || r->act_group > QOQ_MAX_CHANNELS) {
        return "act_group: not a multiple of 32 up to 131072";
    }
    return r->kv_bits != 4 && r->kv_bits != 8 && r->kv_bits != 16 ? "kv_bits: not 4, 8 or 16"
                                                                  : NULL;
}

static const char *step_fault(const struct qoq_recipe *r)
{
    if ((unsigned)r->rotation > QOQ_ROTATION_RANDOM_SIGNS) {
        return "rotation: unknown";
    }
    if ((unsigned)r->smooth_attention > QOQ_SEARCH_GRID) {
        return "smooth_attention: unknown";
    }
    if ((unsigned)r->smooth_input > QOQ_INPUT_AWQ) {
        return "smooth_input: unknown";
    }
    if (r->smooth_input != QOQ_INPUT_PLAIN && r->rotation != QOQ_ROTATION_NONE) {
        return "smooth_input: needs the norm gains that rotation folds away";
    }
    if (!is_share(r->input_alpha) || !is_share(r->attention_alpha) || !is_share(r->output_alpha)) {
        return "alpha: not in 0 .. 1";
    }
    if (r->grid == QOQ_GRID_NONE && (r->clip || r->gptq)) {
        return "grid: clipping and GPTQ need one";
    }
    return r->gptq && !(r->damp > 0 && isfinite(r->damp)) ? "damp: not a positive number" : NULL;
}

enum qoq_status qoq_recipe_check(const struct qoq_recipe *recipe, const struct qoq_config *config,
                                 const char **reason)
{
    const char *shape, *fault, *none;

    if (recipe == NULL) {
        return QOQ_ERR_ARGUMENT;
    }
    fault = (unsigned)recipe->grid >= QOQ_GRID_KINDS ? "grid: unknown" : NULL;
    shape = fault == NULL ? group_fault(recipe) : NULL;
    fault = fault != NULL ? fault : bits_fault(recipe);
    fault = fault != NULL ? fault : step_fault(recipe);
    if (reason != NULL) {
        *reason = shape != NULL ? shape : fault;
    }
    if (shape != NULL || fault != NULL) {
        return shape != NULL ? QOQ_ERR_SHAPE : QOQ_ERR_ARGUMENT;
    }
    return config != NULL ? qoq_config_check(config, reason != NULL ? reason : &none) : QOQ_OK;
}

/* QoQ (Q 8.3): grouped weights get the channel order and no clipping, as published. */
static void set_qoq(struct qoq_recipe *r)
{
    int grouped = r->group != 0;

    r->rotation = QOQ_ROTATION_HADAMARD;
    r->reorder = grouped;
    r->smooth_attention = QOQ_SEARCH_FIXED;
    r->attention_alpha = 0.5f;
    r->smooth_output = 1;
    r->output_alpha = grouped ? 0.3f : 0.05f;
    r->clip = !grouped;
    r->gptq = 1;
}

enum qoq_status qoq_recipe_method(struct qoq_recipe *recipe, const char *method)
{
    struct qoq_recipe r = {.grid = recipe->grid,
                           .group = recipe->group,
                           .act_bits = recipe->act_bits,
                           .act_group = recipe->act_group,
                           .kv_bits = recipe->kv_bits,
                           .input_alpha = 0.85f,
                           .attention_alpha = 0.5f,
                           .output_alpha = 0.05f,
                           .damp = 0.01f};

    if (strcmp(method, "qoq") == 0) {
        set_qoq(&r);
    } else if (strcmp(method, "smoothquant") == 0) {
        r.smooth_input = QOQ_INPUT_SMOOTHQUANT;
    } else if (strcmp(method, "gptq") == 0) {
        r.gptq = 1;
    } else if (strcmp(method, "awq") == 0) {
        r.smooth_input = QOQ_INPUT_AWQ;
        r.clip = 1;
    } else if (strcmp(method, "quarot") == 0) {
        r.rotation = QOQ_ROTATION_HADAMARD;
        r.rotate_heads = r.clip = r.gptq = 1;
    } else if (strcmp(method, "atom") == 0) {
        r.reorder = r.clip = r.gptq = 1;
    } else if (strcmp(method, "rtn") != 0 && strcmp(method, "none") != 0) {
        return QOQ_ERR_ARGUMENT;
    }
    *recipe = r;
    return QOQ_OK;
}
