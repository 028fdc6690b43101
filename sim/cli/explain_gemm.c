/* SPDX-License-Identifier: Apache-2.0 */
/* The derivation of a matrix product: doc/cost-model.md 5, with numbers. */
#include <config.h>

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "sim/cli/explain.h"

void qoq_sim_explain_line(const char *clause, const char *format, ...)
{
    va_list arguments;

    printf("  C %-5s", clause);
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
}

void qoq_sim_explain_mix(const char *clause, const char *heading, const struct qoq_sim_mix *mix,
                         const struct qoq_sim_gpu *gpu, double issue_share)
{
    double clocks[QOQ_SIM_PIPES];

    if (qoq_sim_mix_total(mix) <= 0) {
        return;
    }
    qoq_sim_pipe_clocks(clocks, mix, gpu, issue_share);
    qoq_sim_explain_line(clause, "%s: %.4g lane-operations", heading, qoq_sim_mix_total(mix));
    for (int p = 0; p < QOQ_SIM_ISSUE; p++) {
        if (clocks[p] <= 0) {
            continue;
        }
        printf("           %-5s", qoq_sim_pipe_name[p]);
        for (int c = 0; c < QOQ_SIM_CLASSES; c++) {
            if (mix->count[c] > 0 && (int)qoq_sim_class_pipe(gpu, (enum qoq_sim_class)c) == p) {
                printf(" + %.4g %s / %g", mix->count[c], qoq_sim_class_name[c], gpu->rate[c]);
            }
        }
        printf(" = %.4g clk\n", clocks[p]);
    }
    printf("           issue %.4g / (%g x eta_issue %g) = %.4g clk\n", qoq_sim_mix_total(mix),
           gpu->issue_lanes, issue_share, clocks[QOQ_SIM_ISSUE]);
}

static void explain_tensor(const struct qoq_sim_case *it)
{
    const struct {
        const char *name;
        double share, rate;
    } path[] = {
        {"FP16", it->scheme.share_fp16, it->gpu.tc_fp16},
        {"INT8", it->scheme.share_int8, it->gpu.tc_int8},
        {"FP8", it->scheme.share_fp8, it->gpu.tc_fp8},
        {"INT4", it->scheme.share_int4, it->gpu.tc_int4},
        {"INT4 x INT8", it->scheme.share_w4a8, it->gpu.tc_w4a8},
    };
    double reach = it->scheme.mma_sync != 0 ? it->gpu.tc_sync_share : 1;
    double eta = it->scheme.library != 0 ? it->cal.eta_library : it->cal.eta_kernel;

    for (size_t i = 0; i < sizeof path / sizeof path[0]; i++) {
        if (path[i].share > 0) {
            qoq_sim_explain_line("5.3",
                                 "%s tensor path: %g of the multiply-adds at %g MAC/clk/SM x %s %g "
                                 "x mma.sync share %g%s",
                                 path[i].name, path[i].share, path[i].rate,
                                 it->scheme.library != 0 ? "eta_library" : "eta_kernel", eta, reach,
                                 path[i].rate > 0 ? "" : " (absent: see C 4.4)");
        }
    }
}

static void explain_iteration(const struct qoq_sim_gemm_cost *cost, const struct qoq_sim_case *it)
{
    const struct qoq_sim_tile *t = &cost->tile;

    qoq_sim_explain_line("5.3", "tensor cores: %d x %d x %d MACs = %.0f clk", t->cm, t->cn, t->ck,
                         cost->clk_mma);
    qoq_sim_explain_mix("4.1", "each weight", &it->scheme.weight, &it->gpu, it->cal.eta_issue);
    qoq_sim_explain_mix("4.1", "each activation", &it->scheme.act, &it->gpu, it->cal.eta_issue);
    qoq_sim_explain_mix("4.1", "each partial sum", &it->scheme.sum, &it->gpu, it->cal.eta_issue);
    qoq_sim_explain_mix("4.1", "each multiply-add", &it->scheme.mac, &it->gpu, it->cal.eta_issue);
    qoq_sim_explain_mix("4.1", "each thread and iteration", &it->scheme.thread, &it->gpu,
                        it->cal.eta_issue);
    qoq_sim_explain_line(
        "5.4", "weights dequantized: %d x %d, by %g warp rows; partial sums: %g", t->cn, t->ck,
        it->scheme.dequant_per_warp != 0 &&
                (it->gpu.group_mma_rows <= 0 || it->scheme.mma_sync != 0)
            ? (double)t->cm / t->wm
            : 1.0,
        it->scheme.sum_group > 0 ? (double)t->cm * t->cn * t->ck / it->scheme.sum_group : 0.0);
    printf("           clocks by pipe:");
    for (int p = 0; p < QOQ_SIM_PIPES; p++) {
        printf(" %s %.0f", qoq_sim_pipe_name[p], cost->clk_pipe[p]);
    }
    printf("; the busiest, %s: %.0f clk\n", qoq_sim_pipe_name[cost->pipe], cost->clk_cuda);
    qoq_sim_explain_line(
        "5.5",
        "shared memory: operands once in, out as often as instructions need, %g B/clk = %.0f clk",
        it->gpu.lds_bytes, cost->clk_smem);
    qoq_sim_explain_line("5.6",
                         "before the MMA (operands) %.0f clk, overlapped with it; after it "
                         "(partial sums) %.0f clk, not overlapped",
                         cost->clk_ahead, cost->clk_sum);
    qoq_sim_explain_line("5.6",
                         "iteration = max(%.0f, %.0f, %.0f) + (1 - %g) x min(%.0f, %.0f) + %.0f + "
                         "barrier %.0f = %.0f clk",
                         cost->clk_mma, cost->clk_ahead, cost->clk_smem,
                         it->scheme.overlapped != 0 ? it->cal.overlap : 0.0, cost->clk_mma,
                         cost->clk_ahead, cost->clk_sum, cost->clk_sync,
                         cost->clk_iteration + cost->clk_sync);
    qoq_sim_explain_line(
        "5.6",
        "without dequantization and partial sums %.0f clk: they are %.0f %% of the main loop",
        cost->clk_without + cost->clk_sync, 100 * cost->dequantization);
}

static void explain_total(const struct qoq_sim_gemm_cost *cost, const struct qoq_sim_case *it)
{
    qoq_sim_explain_line("5.6",
                         "main loop = %g waves x %g iterations x %.0f clk / %.4g GHz = %.4g us",
                         cost->waves, cost->iterations, cost->clk_iteration + cost->clk_sync,
                         qoq_sim_tensor_hz(&it->gpu) * 1e-9, cost->main * 1e6);
    qoq_sim_explain_line(
        "5.7", "main memory = %.4g MB / (%g GB/s x stream share %g x eta_hbm %g) = %.4g us",
        cost->hbm_bytes * 1e-6, it->gpu.hbm_gbps, it->gpu.hbm_stream_share, it->cal.eta_hbm,
        cost->hbm * 1e6);
    qoq_sim_explain_line("5.7", "L2 = %.4g MB / (%g GB/s x eta_l2 %g) = %.4g us",
                         cost->l2_bytes * 1e-6, it->gpu.l2_gbps, it->cal.eta_l2, cost->l2 * 1e6);
    qoq_sim_explain_line(
        "5.7", "latency = %g rounds x %g iterations x %g ns / %d stages in flight = %.4g us",
        ceil(cost->waves / cost->occupancy), cost->iterations, it->gpu.latency_ns,
        cost->tile.stages - 1, cost->latency * 1e6);
    qoq_sim_explain_line(
        "5.9",
        "launch %.3g + prologue %.3g + output %.3g + split %.3g + kernels before %.3g and after "
        "%.3g us",
        cost->launch * 1e6, cost->prologue * 1e6, cost->output * 1e6, cost->split * 1e6,
        cost->pre * 1e6, cost->post * 1e6);
    qoq_sim_explain_line("5.9",
                         "time = max(main loop, main memory, L2, latency) + the rest = %.4g us = "
                         "%.4g TOP/s; bound by %s",
                         cost->seconds * 1e6,
                         2 * it->work.m * it->work.n * it->work.k / cost->seconds * 1e-12,
                         qoq_sim_gemm_bound(cost));
}

const char *qoq_sim_explain_gemm(struct qoq_sim_gemm_cost *cost, const struct qoq_sim_case *it)
{
    const char *reason = qoq_sim_case_gemm(cost, it);

    if (reason) {
        return reason;
    }
    const struct qoq_sim_tile *t = &cost->tile;
    printf("%s (%s) on %s, m %g, n %g, k %g\n", it->scheme.head.name, it->scheme.head.title,
           it->gpu.head.name, it->work.m, it->work.n, it->work.k);
    qoq_sim_explain_line("5.8",
                         "best tile %d x %d x %d, warps of %d x %d x %d, %d stages, split %d",
                         t->cm, t->cn, t->ck, t->wm, t->wn, t->wk, t->stages, t->split);
    qoq_sim_explain_line(
        "5.2", "%d warps, %.0f registers a thread, %.1f KiB shared memory: %d block(s) an SM",
        cost->warps, qoq_sim_tile_registers(t, &it->scheme),
        qoq_sim_tile_smem(t, &it->scheme) / 1024, cost->occupancy);
    qoq_sim_explain_line(
        "5.1", "tiles = ceil(%g/%d) x ceil(%g/%d) x %d = %g; waves = ceil(%g / %g SMs) = %g",
        it->work.m, t->cm, it->work.n, t->cn, t->split, cost->tiles, cost->tiles, it->gpu.sms,
        cost->waves);
    explain_tensor(it);
    explain_iteration(cost, it);
    explain_total(cost, it);
    return NULL;
}

/* One sentence on what a kernel waits for. */
static void say_bound(const struct qoq_sim_case *it, const struct qoq_sim_gemm_cost *cost)
{
    printf("%s takes %.4g us and is bound by %s", it->scheme.head.name, cost->seconds * 1e6,
           qoq_sim_gemm_bound(cost));
    switch (cost->bound) {
    case QOQ_SIM_BY_CUDA:
        printf(": in every main-loop iteration the %s pipe works %.0f clk, the tensor cores only "
               "%.0f; without dequantization"
               " and partial sums the iteration would take %.0f instead of %.0f clk",
               qoq_sim_pipe_name[cost->pipe], cost->clk_cuda, cost->clk_mma,
               cost->clk_without + cost->clk_sync, cost->clk_iteration + cost->clk_sync);
        break;
    case QOQ_SIM_BY_HBM:
        printf(": it reads and writes %.4g MB, which takes %.4g us, its main loop %.4g us",
               cost->hbm_bytes * 1e-6, cost->hbm * 1e6, cost->main * 1e6);
        break;
    case QOQ_SIM_BY_TENSOR:
        printf(": %.0f clk of multiply-adds in an iteration of %.0f", cost->clk_mma,
               cost->clk_iteration + cost->clk_sync);
        break;
    default:
        printf(": main loop %.4g us, main memory %.4g us", cost->main * 1e6, cost->hbm * 1e6);
        break;
    }
    printf(".\n");
}

void qoq_sim_explain_difference(const struct qoq_sim_case *slow,
                                const struct qoq_sim_gemm_cost *slow_cost,
                                const struct qoq_sim_case *fast,
                                const struct qoq_sim_gemm_cost *fast_cost)
{
    printf("\nWhy %s is %.2f times as slow as %s here\n", slow->scheme.head.name,
           slow_cost->seconds / fast_cost->seconds, fast->scheme.head.name);
    say_bound(slow, slow_cost);
    say_bound(fast, fast_cost);
    double saved = slow_cost->main * slow_cost->dequantization;
    if (slow_cost->bound == QOQ_SIM_BY_CUDA && saved > 0) {
        printf("Dequantization and partial sums cost %s %.4g us, %.0f %% of its main loop; the %s "
               "pipe runs ",
               slow->scheme.head.name, saved * 1e6, 100 * slow_cost->dequantization,
               qoq_sim_pipe_name[slow_cost->pipe]);
        printf("slowly next to tensor cores that do %.0f multiply-adds a clock. Try --set with a "
               "higher rate.\n",
               slow_cost->tile.cm * (double)slow_cost->tile.cn * slow_cost->tile.ck /
                   slow_cost->clk_mma);
    }
}
