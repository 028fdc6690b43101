/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of tables about kernels. */
#include <config.h>

#include "sim/cli/kernels.h"

#include <stdio.h>

const struct qoq_sim_column qoq_sim_gemm_columns[QOQ_SIM_GEMM_COLUMNS] = {
    {"gpu", 4},         {"scheme", 4},     {"m", 9},        {"n", 9},
    {"k", 9},           {"time_us", 4},    {"tops", 4},     {"bound", 4},
    {"dequant_pct", 3}, {"tensor_pct", 3}, {"cuda_pct", 3}, {"smem_pct", 3},
    {"hbm_pct", 3},     {"l2_pct", 3},     {"waves", 4},    {"tile", 4},
};

const struct qoq_sim_column qoq_sim_attention_columns[QOQ_SIM_ATTENTION_COLUMNS] = {
    {"gpu", 4},       {"kv", 4},      {"batch", 9},      {"length", 9},
    {"q_heads", 6},   {"time_us", 4}, {"bound", 4},      {"cuda_us", 4},
    {"tensor_us", 4}, {"hbm_us", 4},  {"latency_us", 4},
};

const char *qoq_sim_case_gemm(struct qoq_sim_gemm_cost *cost, const struct qoq_sim_case *it)
{
    struct qoq_sim_gemm gemm;
    const char *reason = qoq_sim_unsupported(&it->gpu, &it->scheme);

    if (reason) {
        return reason;
    }
    qoq_sim_gemm_prepare(&gemm, &it->gpu, &it->scheme, &it->cal);
    if (qoq_sim_gemm_best(cost, &gemm, it->work.m, it->work.n, it->work.k) != 0) {
        return "no tile of the scheme fits the GPU's registers and shared memory";
    }
    return NULL;
}

void qoq_sim_case_attention(struct qoq_sim_attention_cost *cost, const struct qoq_sim_case *it,
                            int model)
{
    struct qoq_sim_heads heads =
        model ? qoq_sim_heads_of(&it->model, it->work.tp)
              : qoq_sim_heads_plain(it->work.q_heads, it->work.kv_heads, it->work.head_dim);

    qoq_sim_attention_decode(cost, &it->gpu, &it->kv, &it->cal, &heads, it->work.batch,
                             it->work.length);
}

double qoq_sim_gemm_busy(const struct qoq_sim_gemm_cost *cost, const struct qoq_sim_case *it,
                         double clocks)
{
    return 100 * cost->waves * cost->iterations * clocks / qoq_sim_tensor_hz(&it->gpu) /
           cost->seconds;
}

const char *qoq_sim_gemm_bound(const struct qoq_sim_gemm_cost *cost)
{
    static const char *const by_pipe[QOQ_SIM_PIPES] = {"CUDA cores: ALU",  "CUDA cores: FMA",
                                                       "CUDA cores: FP16", "CUDA cores: XU",
                                                       "CUDA cores: LSU",  "CUDA cores: issue"};

    return cost->bound == QOQ_SIM_BY_CUDA ? by_pipe[cost->pipe] : qoq_sim_bound_name[cost->bound];
}

const char *qoq_sim_attention_bound(const struct qoq_sim_attention_cost *cost)
{
    struct qoq_sim_gemm_cost same = {.bound = cost->bound, .pipe = cost->pipe};

    return qoq_sim_gemm_bound(&same);
}

void qoq_sim_gemm_row(struct qoq_sim_table *table, const struct qoq_sim_case *it,
                      const struct qoq_sim_gemm_cost *cost)
{
    char tile[64];

    snprintf(tile, sizeof tile, "%dx%dx%d/%d%s%.0d", cost->tile.cm, cost->tile.cn, cost->tile.ck,
             cost->tile.stages, cost->tile.split > 1 ? " split " : "",
             cost->tile.split > 1 ? cost->tile.split : 0);
    qoq_sim_table_text(table, it->gpu.head.name);
    qoq_sim_table_text(table, it->scheme.head.name);
    qoq_sim_table_number(table, it->work.m);
    qoq_sim_table_number(table, it->work.n);
    qoq_sim_table_number(table, it->work.k);
    qoq_sim_table_number(table, cost->seconds * 1e6);
    qoq_sim_table_number(table, 2 * it->work.m * it->work.n * it->work.k / cost->seconds * 1e-12);
    qoq_sim_table_text(table, qoq_sim_gemm_bound(cost));
    qoq_sim_table_number(table, 100 * cost->dequantization);
    qoq_sim_table_number(table, qoq_sim_gemm_busy(cost, it, cost->clk_mma));
    qoq_sim_table_number(table, qoq_sim_gemm_busy(cost, it, cost->clk_cuda));
    qoq_sim_table_number(table, qoq_sim_gemm_busy(cost, it, cost->clk_smem));
    qoq_sim_table_number(table, 100 * cost->hbm / cost->seconds);
    qoq_sim_table_number(table, 100 * cost->l2 / cost->seconds);
    qoq_sim_table_number(table, cost->waves);
    qoq_sim_table_text(table, tile);
}

void qoq_sim_attention_row(struct qoq_sim_table *table, const struct qoq_sim_case *it,
                           const struct qoq_sim_attention_cost *cost)
{
    qoq_sim_table_text(table, it->gpu.head.name);
    qoq_sim_table_text(table, it->kv.head.name);
    qoq_sim_table_number(table, it->work.batch);
    qoq_sim_table_number(table, it->work.length);
    qoq_sim_table_number(table, it->work.q_heads);
    qoq_sim_table_number(table, cost->seconds * 1e6);
    qoq_sim_table_text(table, qoq_sim_attention_bound(cost));
    qoq_sim_table_number(table, cost->cuda * 1e6);
    qoq_sim_table_number(table, cost->tensor * 1e6);
    qoq_sim_table_number(table, cost->hbm * 1e6);
    qoq_sim_table_number(table, cost->latency * 1e6);
}
