/* SPDX-License-Identifier: Apache-2.0 */
/* Which kernels at which sizes. */
#include "gpu/bench/plan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GROUP = 128, PAGE = 64 };

int qoq_bench_read_sizes(struct qoq_bench_sizes *sizes, const char *text, size_t lo, size_t hi)
{
    char *end;

    for (sizes->count = 0; sizes->count < QOQ_BENCH_LIST; text = end + 1) {
        unsigned long long value;

        errno = 0;
        value = strtoull(text, &end, 10);
        if (errno != 0 || text[0] < '0' || text[0] > '9' || value < lo || value > hi) {
            return -1;
        }
        for (size_t i = 0; i < sizes->count; i++) {
            if (sizes->value[i] == value) {
                return -1;
            }
        }
        sizes->value[sizes->count++] = (size_t)value;
        if (*end == '\0') {
            return 0;
        }
        if (*end != ',') {
            return -1;
        }
    }
    return -1;
}

struct qoq_bench_sizes qoq_bench_powers(size_t lo, size_t hi, size_t factor)
{
    struct qoq_bench_sizes sizes = {0};

    for (size_t x = lo; x <= hi && sizes.count < QOQ_BENCH_LIST; x *= factor) {
        sizes.value[sizes.count++] = x;
    }
    return sizes;
}

enum qoq_status qoq_bench_check_model(const struct qoq_sim_model *model, const char *name,
                                      struct qoq_error *err)
{
    if (model->experts > 0 || model->latent_rank > 0 || model->gated == 0) {
        return qoq_fail(err, QOQ_ERR_UNSUPPORTED, "--model", name,
                        "only dense models with gated feed-forward parts and plain heads");
    }
    if (model->head_dim > 256 || (int)model->head_dim % 2 != 0 || model->hidden > 131072 ||
        model->ffn > 131072 || model->kv_heads > 65535 || model->q_heads > 65535 ||
        (int)model->q_heads % (int)model->kv_heads != 0) {
        return qoq_fail(err, QOQ_ERR_UNSUPPORTED, "--model", name,
                        "its sizes are beyond what the kernels take");
    }
    return QOQ_OK;
}

static int append(struct qoq_bench_plan *plan, const struct qoq_bench_kernel *kernel,
                  const struct qoq_bench_shape *shape)
{
    if (plan->count == plan->room) {
        size_t room = plan->room == 0 ? 256 : 2 * plan->room;
        struct qoq_bench_case *list = realloc(plan->list, room * sizeof *list);

        if (list == NULL) {
            return -1;
        }
        plan->list = list;
        plan->room = room;
    }
    plan->list[plan->count++] = (struct qoq_bench_case){kernel, *shape};
    return 0;
}

static int add_products(struct qoq_bench_plan *plan, const struct qoq_bench_kernel *kernel,
                        struct qoq_bench_shape shape, const struct qoq_sim_model *model,
                        const struct qoq_bench_sizes *rows)
{
    struct qoq_sim_layer_gemm gemm[QOQ_SIM_MAX_GEMMS];
    int count = qoq_sim_layer_gemms(gemm, model, 1, 1, 1), status = 0;

    shape.group = GROUP;
    for (int i = 0; i < count; i++) {
        shape.layer = gemm[i].name;
        shape.n = (size_t)gemm[i].n;
        shape.k = (size_t)gemm[i].k;
        for (size_t r = 0; r < rows->count && status == 0; r++) {
            shape.m = rows->value[r];
            status = append(plan, kernel, &shape);
        }
    }
    return status;
}

static int add_rows(struct qoq_bench_plan *plan, const struct qoq_bench_kernel *kernel,
                    struct qoq_bench_shape shape, const struct qoq_sim_model *model,
                    const struct qoq_bench_sizes *rows)
{
    static const char *const names[] = {"hidden", "heads", "ffn"};
    double width[] = {model->hidden, model->q_heads * model->head_dim, model->ffn};
    int status = 0;

    if (kernel->family == QOQ_BENCH_ENDS) {
        shape.layer = "vocabulary";
        shape.k = (size_t)model->hidden;
        shape.n = (size_t)model->vocab;
    } else if (kernel->family == QOQ_BENCH_ROWS) {
        shape.layer = names[kernel->variant];
        shape.k = (size_t)width[kernel->variant];
    } else {
        shape.layer = "heads";
    }
    for (size_t r = 0; r < rows->count && status == 0; r++) {
        shape.m = rows->value[r];
        if (kernel->family != QOQ_BENCH_ENDS || shape.m <= (size_t)kernel->variant) {
            status = append(plan, kernel, &shape);
        }
    }
    return status;
}

static int add_attention(struct qoq_bench_plan *plan, const struct qoq_bench_kernel *kernel,
                         struct qoq_bench_shape shape, const struct qoq_bench_sizes *batches,
                         const struct qoq_bench_sizes *contexts)
{
    int prefill = kernel->family == QOQ_BENCH_PREFILL, status = 0;
    size_t times = prefill ? 1 : batches->count;

    shape.layer = "attention";
    for (size_t b = 0; b < times; b++) {
        for (size_t c = 0; c < contexts->count && status == 0; c++) {
            shape.context = contexts->value[c];
            shape.m = prefill ? shape.context : batches->value[b];
            if (!prefill || shape.context <= QOQ_BENCH_LONGEST_PROMPT) {
                status = append(plan, kernel, &shape);
            }
        }
    }
    return status;
}

int qoq_bench_plan_add(struct qoq_bench_plan *plan, const struct qoq_bench_kernel *kernel,
                       const char *name, const struct qoq_sim_model *model,
                       const struct qoq_bench_sizes *rows, const struct qoq_bench_sizes *batches,
                       const struct qoq_bench_sizes *contexts)
{
    struct qoq_bench_shape shape = {.model = name};

    if (kernel->family == QOQ_BENCH_PRODUCT) {
        return add_products(plan, kernel, shape, model, rows);
    }
    if (kernel->family == QOQ_BENCH_ROWS || kernel->family == QOQ_BENCH_ENDS) {
        return add_rows(plan, kernel, shape, model, rows);
    }
    shape.q_heads = (size_t)model->q_heads;
    shape.kv_heads = (size_t)model->kv_heads;
    shape.head_dim = (size_t)model->head_dim;
    shape.page = PAGE;
    return kernel->family == QOQ_BENCH_TOKENS
               ? add_rows(plan, kernel, shape, model, rows)
               : add_attention(plan, kernel, shape, batches, contexts);
}

void qoq_bench_plan_free(struct qoq_bench_plan *plan)
{
    free(plan->list);
    memset(plan, 0, sizeof *plan);
}

void qoq_bench_describe(char *text, size_t room, const struct qoq_bench_case *it)
{
    const struct qoq_bench_shape *s = &it->shape;

    switch (it->kernel->family) {
    case QOQ_BENCH_PRODUCT:
    case QOQ_BENCH_ENDS:
        snprintf(text, room, "%s %zu x %zu x %zu", s->layer, s->m, s->n, s->k);
        break;
    case QOQ_BENCH_ROWS:
        snprintf(text, room, "%s %zu x %zu", s->layer, s->m, s->k);
        break;
    case QOQ_BENCH_TOKENS:
        snprintf(text, room, "%zu tokens", s->m);
        break;
    case QOQ_BENCH_DECODE:
        snprintf(text, room, "batch %zu, context %zu", s->m, s->context);
        break;
    default:
        snprintf(text, room, "prompt %zu", s->m);
    }
}
