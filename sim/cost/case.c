/* SPDX-License-Identifier: Apache-2.0 */
/* One question to the model: doc/cost-model.md 1.3. */
#include "sim/cost/case.h"

#include <string.h>

#define W QOQ_FIELD_WHOLE
#define F(name, lo, hi, fallback, flags, meaning)                                                  \
    {                                                                                              \
#name, "", offsetof(struct qoq_sim_work, name), lo, hi, fallback, flags, meaning           \
    }

static const struct qoq_field fields[] = {
    F(m, 1, 1e9, 16, W, "rows of a product: tokens"),
    F(n, 1, 1e9, 4096, W, "output channels"),
    F(k, 1, 1e9, 4096, W, "input channels"),
    F(batch, 0, 1e7, 64, W, "sequences; 0 when serving: the largest that fits"),
    F(length, 1, 1e9, 1024, W, "cached tokens of a sequence"),
    F(q_heads, 1, 1e6, 32, W, "query heads"),
    F(kv_heads, 1, 1e6, 32, W, "key and value heads"),
    F(head_dim, 1, 1e6, 128, W, "width of a head"),
    F(input, 1, 1e7, 1024, W, "prompt tokens of a request"),
    F(output, 1, 1e7, 512, W, "generated tokens of a request"),
    F(max_batch, 1, 1e7, 256, W, "largest batch that the server forms by itself"),
    F(tp, 1, 1024, 1, W, "GPUs that share every layer"),
    F(prefill_tokens, 0, 1e9, 0, W, "largest number of prompt tokens in one pass; 0: whole batch"),
    F(requests, 0, 1e6, 0, W, "requests of a random mix; 0: equal requests in one batch"),
    F(rate, 0, 1e6, 0, QOQ_FIELD_MAY, "requests a second of the mix; 0: all at once"),
    F(input_most, 0, 1e7, 0, W, "longest prompt of the mix; 0: all are input tokens"),
    F(output_most, 0, 1e7, 0, W, "longest answer of the mix; 0: all are output tokens"),
    F(seed, 0, 1e9, 1, W, "of the mix"),
};

const struct qoq_field_table qoq_sim_work_table = {"work", fields, sizeof fields / sizeof fields[0],
                                                   sizeof(struct qoq_sim_work)};

static int named(const char *kind, size_t length, const struct qoq_field_table *table)
{
    return strlen(table->kind) == length && strncmp(kind, table->kind, length) == 0;
}

void *qoq_sim_case_part(struct qoq_sim_case *it, const char *kind, size_t kind_length,
                        const struct qoq_field_table **table)
{
    struct {
        const struct qoq_field_table *table;
        void *part;
    } parts[] = {
        {&qoq_sim_gpu_table, &it->gpu},   {&qoq_sim_scheme_table, &it->scheme},
        {&qoq_sim_kv_table, &it->kv},     {&qoq_sim_model_table, &it->model},
        {&qoq_sim_work_table, &it->work}, {&qoq_sim_calibration_table, &it->cal},
    };

    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (named(kind, kind_length, parts[i].table)) {
            *table = parts[i].table;
            return parts[i].part;
        }
    }
    return NULL;
}

void qoq_sim_case_reset(struct qoq_sim_case *it)
{
    const struct qoq_field_table *table;
    static const char *const kinds[] = {"gpu", "scheme", "kv", "model", "work", "cal"};

    memset(it, 0, sizeof *it);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        void *part = qoq_sim_case_part(it, kinds[i], strlen(kinds[i]), &table);
        memset(part, 0, table->bytes);
        for (size_t f = 0; f < table->count; f++) {
            memcpy((char *)part + table->field[f].offset, &table->field[f].fallback,
                   sizeof(double));
        }
    }
    it->head = it->scheme;
}
