/* SPDX-License-Identifier: Apache-2.0 */
/* What the simulator expects of the kernels on a GPU that it knows. */
#include "gpu/bench/predict.h"

#include <math.h>

#include "sim/cost/attention.h"
#include "sim/cost/gemm.h"

static double product(const struct qoq_sim_case *it, const struct qoq_bench_shape *s)
{
    struct qoq_sim_gemm gemm;
    struct qoq_sim_gemm_cost cost;

    if (qoq_sim_unsupported(&it->gpu, &it->scheme) != NULL) {
        return NAN;
    }
    qoq_sim_gemm_prepare(&gemm, &it->gpu, &it->scheme, &it->cal);
    return qoq_sim_gemm_best(&cost, &gemm, (double)s->m, (double)s->n, (double)s->k) == 0
               ? cost.seconds
               : NAN;
}

static double attention(const struct qoq_sim_case *it, const struct qoq_bench_case *what)
{
    const struct qoq_bench_shape *s = &what->shape;
    struct qoq_sim_heads heads =
        qoq_sim_heads_plain((double)s->q_heads, (double)s->kv_heads, (double)s->head_dim);
    struct qoq_sim_attention_cost cost;

    if (what->kernel->family == QOQ_BENCH_PREFILL) {
        return qoq_sim_attention_prefill(&it->gpu, &it->kv, &it->cal, &heads, 1,
                                         (double)s->context);
    }
    qoq_sim_attention_decode(&cost, &it->gpu, &it->kv, &it->cal, &heads, (double)s->m,
                             (double)s->context);
    return cost.seconds;
}

double qoq_bench_predict(const struct qoq_sim_case *it, const struct qoq_bench_case *what)
{
    switch (what->kernel->family) {
    case QOQ_BENCH_PRODUCT:
        return product(it, &what->shape);
    case QOQ_BENCH_DECODE:
    case QOQ_BENCH_PREFILL:
        return attention(it, what);
    default:
        return what->kernel->cost(&what->shape, what->kernel->variant).bytes /
                   (qoq_sim_stream(&it->gpu) * it->cal.eta_elementwise) +
               1e-6 * it->cal.launch_us;
    }
}
