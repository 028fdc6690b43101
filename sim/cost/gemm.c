/* SPDX-License-Identifier: Apache-2.0 */
/* The cost of a matrix product: doc/cost-model.md 5. */
#include "sim/cost/gemm.h"

#include <math.h>

const char *const qoq_sim_bound_name[QOQ_SIM_BOUNDS] = {
    "tensor cores", "CUDA cores",     "shared memory", "main memory",
    "L2 cache",     "memory latency", "fixed costs"};

/* C 4.4: two INT4 values become two INT8 values with a shift and two masks for eight of them. */
static void widen(struct qoq_sim_mix *mix)
{
    mix->count[QOQ_SIM_LOP3] += 0.25;
    mix->count[QOQ_SIM_SHF] += 0.125;
}

/* C 5.3: clocks of one multiply-add, spread over the tensor paths that the scheme uses. */
static double tensor_clocks(const struct qoq_sim_gpu *gpu, const struct qoq_sim_scheme *scheme,
                            const struct qoq_sim_calibration *cal)
{
    double reach = (scheme->mma_sync != 0 ? gpu->tc_sync_share : 1) *
                   (scheme->library != 0 ? cal->eta_library : cal->eta_kernel);
    double dp4a = 4 * gpu->rate[QOQ_SIM_IMAD] * cal->eta_issue;
    double int8 = gpu->tc_int8 > 0 ? gpu->tc_int8 * reach : dp4a;
    double int4 = gpu->tc_int4 > 0 ? gpu->tc_int4 * reach : int8;
    double clocks = 0;

    clocks += scheme->share_fp16 / (gpu->tc_fp16 * reach);
    clocks += scheme->share_int8 / int8;
    clocks += scheme->share_int4 / int4;
    clocks += scheme->share_fp8 > 0 ? scheme->share_fp8 / (gpu->tc_fp8 * reach) : 0;
    clocks += scheme->share_w4a8 > 0 ? scheme->share_w4a8 / (gpu->tc_w4a8 * reach) : 0;
    return clocks;
}

static double busiest(const struct qoq_sim_mix *mix, const struct qoq_sim_gpu *gpu,
                      double issue_share)
{
    double clocks[QOQ_SIM_PIPES];

    qoq_sim_pipe_clocks(clocks, mix, gpu, issue_share);
    return clocks[qoq_sim_busiest(clocks)];
}

void qoq_sim_gemm_prepare(struct qoq_sim_gemm *gemm, const struct qoq_sim_gpu *gpu,
                          const struct qoq_sim_scheme *scheme,
                          const struct qoq_sim_calibration *cal)
{
    struct qoq_sim_mix weight = scheme->weight, act = scheme->act;

    gemm->gpu = gpu;
    gemm->scheme = scheme;
    gemm->cal = cal;
    gemm->widened = scheme->share_int4 > 0 && gpu->tc_int4 <= 0;
    if (gemm->widened) {
        widen(&weight);
        widen(&act);
    }
    gemm->weight_bytes = qoq_sim_weight_bytes(scheme);
    gemm->act_bytes = qoq_sim_act_bytes(scheme);
    gemm->hz = qoq_sim_tensor_hz(gpu);
    gemm->bandwidth = qoq_sim_stream(gpu) * cal->eta_hbm;
    gemm->l2_bandwidth = gpu->l2_gbps * 1e9 * cal->eta_l2;
    gemm->mma_clocks = tensor_clocks(gpu, scheme, cal);
    qoq_sim_pipe_clocks(gemm->weight, &weight, gpu, cal->eta_issue);
    qoq_sim_pipe_clocks(gemm->act, &act, gpu, cal->eta_issue);
    qoq_sim_pipe_clocks(gemm->sum, &scheme->sum, gpu, cal->eta_issue);
    qoq_sim_pipe_clocks(gemm->mac, &scheme->mac, gpu, cal->eta_issue);
    qoq_sim_pipe_clocks(gemm->thread, &scheme->thread, gpu, cal->eta_issue);
    gemm->output = busiest(&scheme->output, gpu, cal->eta_issue);
    gemm->pre = busiest(&scheme->pre, gpu, cal->eta_issue);
    gemm->tiles = qoq_sim_tiles(gemm->tile, scheme);
    for (int i = 0; i < gemm->tiles; i++) {
        gemm->occupancy[i] = qoq_sim_tile_occupancy(&gemm->tile[i], scheme, gpu);
    }
}

/* 1: the kernel uses instructions of a warp group, which read operands straight from shared memory.
 * C 5.5 */
static int uses_groups(const struct qoq_sim_gemm *gemm)
{
    return gemm->gpu->group_mma_rows > 0 && gemm->scheme->mma_sync == 0;
}

/* C 5.4: CUDA-core clocks of an iteration by pipe, in all and of partial sums; returns the busiest
 * of the rest without dequantization. */
static double cuda_clocks(struct qoq_sim_gemm_cost *cost, const struct qoq_sim_gemm *gemm)
{
    const struct qoq_sim_tile *t = &cost->tile;
    double a_copies = (double)t->cn / t->wn;
    double b_copies =
        gemm->scheme->dequant_per_warp != 0 && !uses_groups(gemm) ? (double)t->cm / t->wm : 1;
    double weights = (double)t->cn * t->ck * b_copies, acts = (double)t->cm * t->ck * a_copies;
    double macs = (double)t->cm * t->cn * t->ck, threads = 32.0 * cost->warps;
    double sums = gemm->scheme->sum_group > 0 ? macs / gemm->scheme->sum_group : 0;
    double without = 0, ahead = 0;

    cost->pipe = QOQ_SIM_ALU;
    cost->clk_sum = 0;
    for (int p = 0; p < QOQ_SIM_PIPES; p++) {
        double rest = macs * gemm->mac[p] + threads * gemm->thread[p];
        double dequantize = weights * gemm->weight[p] + acts * gemm->act[p];
        without = fmax(without, rest);
        ahead = fmax(ahead, rest + dequantize);
        cost->clk_sum = fmax(cost->clk_sum, sums * gemm->sum[p]);
        cost->clk_pipe[p] = rest + dequantize + sums * gemm->sum[p];
        if (cost->clk_pipe[p] > cost->clk_pipe[cost->pipe]) {
            cost->pipe = (enum qoq_sim_pipe)p;
        }
    }
    cost->clk_ahead = ahead;
    cost->clk_cuda = cost->clk_pipe[cost->pipe];
    return without;
}

/* C 5.5: clocks to write both operands once and read them as often as instructions need. */
static double smem_clocks(const struct qoq_sim_gemm *gemm, const struct qoq_sim_tile *t)
{
    double a = t->cm * gemm->act_bytes * t->ck, b = t->cn * gemm->weight_bytes * t->ck,
           rows = gemm->gpu->group_mma_rows;
    double a_reads = (double)t->cn / t->wn, b_reads = (double)t->cm / t->wm, bytes;

    if (uses_groups(gemm)) {
        double weights_in_registers = a * (1 + fmax(1, t->cn / rows)) + 2 * b;
        double from_memory = 2 * a + b * (1 + fmax(1, t->cm / rows));
        int dequantizes = gemm->scheme->weight_bits != gemm->scheme->act_bits;
        bytes = dequantizes ? weights_in_registers : fmin(weights_in_registers, from_memory);
    } else if (gemm->scheme->dequant_per_warp != 0) {
        bytes = a * (1 + a_reads) + b * (1 + b_reads);
    } else {
        bytes =
            a * (1 + a_reads) + 2 * b + t->cn * t->ck * gemm->scheme->act_bits / 8 * (1 + b_reads);
    }
    return bytes / gemm->gpu->lds_bytes;
}

/* C 5.6: what prepares operands runs ahead of the tensor cores; partial sums need their result and
 * are added by the caller. */
static double iteration(double mma, double ahead, double smem, double overlap)
{
    return fmax(fmax(mma, ahead), smem) + (1 - overlap) * fmin(mma, ahead);
}

static void main_loop(struct qoq_sim_gemm_cost *cost, const struct qoq_sim_gemm *gemm)
{
    const struct qoq_sim_tile *t = &cost->tile;
    double overlap = gemm->scheme->overlapped != 0 ? gemm->cal->overlap : 0;
    double without = cuda_clocks(cost, gemm);

    cost->clk_mma = (double)t->cm * t->cn * t->ck * gemm->mma_clocks;
    cost->clk_smem = smem_clocks(gemm, t);
    cost->clk_iteration =
        iteration(cost->clk_mma, cost->clk_ahead, cost->clk_smem, overlap) + cost->clk_sum;
    cost->clk_without = iteration(cost->clk_mma, without, cost->clk_smem, overlap);
}

/* C 5.7: bytes from main memory when the blocks of a wave walk bands of columns, or of rows, that
 * stay in half the L2. */
static double hbm_bytes(const struct qoq_sim_gemm *gemm, const struct qoq_sim_tile *t, double m,
                        double n, double k)
{
    double half = gemm->gpu->l2_mb * 1048576 / 2;
    double act = m * k * gemm->act_bytes, weight = n * k * gemm->weight_bytes;
    double out = m * n * gemm->scheme->out_bits / 8;
    double columns = fmax(1, floor(half / (t->cn * k * gemm->weight_bytes)));
    double rows = fmax(1, floor(half / (t->cm * k * gemm->act_bytes)));
    double act_again = act <= half ? 1 : ceil(ceil(n / t->cn) / columns);
    double weight_again = weight <= half ? 1 : ceil(ceil(m / t->cm) / rows);

    return fmin(act * act_again + weight, act + weight * weight_again) + out;
}

static void choose_bound(struct qoq_sim_gemm_cost *cost)
{
    double slowest = fmax(fmax(cost->main, cost->hbm), fmax(cost->l2, cost->latency));
    double fixed = cost->seconds - slowest;

    if (fixed > slowest) {
        cost->bound = QOQ_SIM_BY_FIXED;
    } else if (slowest == cost->hbm) {
        cost->bound = QOQ_SIM_BY_HBM;
    } else if (slowest == cost->l2) {
        cost->bound = QOQ_SIM_BY_L2;
    } else if (slowest == cost->latency) {
        cost->bound = QOQ_SIM_BY_LATENCY;
    } else if (cost->clk_mma > cost->clk_cuda && cost->clk_mma >= cost->clk_smem) {
        cost->bound = QOQ_SIM_BY_TENSOR;
    } else {
        cost->bound = cost->clk_cuda >= cost->clk_smem ? QOQ_SIM_BY_CUDA : QOQ_SIM_BY_SMEM;
    }
}

/* C 5.7, 5.9: memory, output, split, and what runs before. */
static void around_the_loop(struct qoq_sim_gemm_cost *cost, const struct qoq_sim_gemm *gemm,
                            double m, double n, double k)
{
    const struct qoq_sim_tile *t = &cost->tile;
    const struct qoq_sim_scheme *s = gemm->scheme;
    double a = t->ck * t->cm * gemm->act_bytes, b = t->ck * t->cn * gemm->weight_bytes;
    double shared = uses_groups(gemm) ? (1 - 1 / gemm->gpu->cluster) * fmax(a, b) : 0;
    double latency = gemm->gpu->latency_ns * 1e-9, launch = gemm->cal->launch_us * 1e-6;

    cost->l2_bytes = cost->tiles * cost->iterations * (a + b - shared);
    cost->l2 = cost->l2_bytes / gemm->l2_bandwidth;
    cost->latency =
        ceil(cost->waves / cost->occupancy) * cost->iterations * latency / (t->stages - 1);
    cost->launch = launch;
    cost->prologue = latency;
    cost->output = cost->waves * t->cm * t->cn * gemm->output / gemm->hz;
    cost->split = t->split > 1 ? 8 * m * n * t->split / gemm->l2_bandwidth + launch / 2 : 0;
    cost->pre = s->pre_kernels * launch +
                (m * k * s->pre_act_bytes + n * k * s->pre_weight_bytes) / gemm->bandwidth +
                m * k * gemm->pre / (gemm->gpu->sms * gemm->hz);
    cost->post = s->post_kernels * launch + m * n * s->post_out_bytes / gemm->bandwidth;
}

/* What a tile costs whatever its split. */
static void begin_tile(struct qoq_sim_gemm_cost *cost, const struct qoq_sim_gemm *gemm, double m,
                       double n, double k, const struct qoq_sim_tile *tile, int occupancy)
{
    cost->tile = *tile;
    cost->occupancy = occupancy;
    cost->warps = qoq_sim_tile_warps(tile);
    cost->hbm_bytes = hbm_bytes(gemm, tile, m, n, k);
    cost->hbm = cost->hbm_bytes / gemm->bandwidth;
    main_loop(cost, gemm);
}

/* The rest, for cost->tile.split. */
static void finish_tile(struct qoq_sim_gemm_cost *cost, const struct qoq_sim_gemm *gemm, double m,
                        double n, double k)
{
    const struct qoq_sim_tile *t = &cost->tile;

    cost->tiles = ceil(m / t->cm) * ceil(n / t->cn) * t->split;
    cost->waves = ceil(cost->tiles / gemm->gpu->sms);
    cost->iterations = ceil(k / ((double)t->split * t->ck));
    cost->clk_sync = gemm->cal->sync_clk / fmin(cost->occupancy, cost->waves);
    cost->main = cost->waves * cost->iterations * (cost->clk_iteration + cost->clk_sync) / gemm->hz;
    around_the_loop(cost, gemm, m, n, k);
    cost->seconds = fmax(fmax(cost->main, cost->hbm), fmax(cost->l2, cost->latency)) +
                    cost->launch + cost->prologue + cost->output + cost->split + cost->pre +
                    cost->post;
}

/* What the breakdown says, once the tile is chosen. */
static void judge(struct qoq_sim_gemm_cost *cost)
{
    cost->dequantization =
        1 - (cost->clk_without + cost->clk_sync) / (cost->clk_iteration + cost->clk_sync);
    choose_bound(cost);
}

void qoq_sim_gemm_with(struct qoq_sim_gemm_cost *cost, const struct qoq_sim_gemm *gemm, double m,
                       double n, double k, const struct qoq_sim_tile *tile, int occupancy)
{
    begin_tile(cost, gemm, m, n, k, tile, occupancy);
    finish_tile(cost, gemm, m, n, k);
    judge(cost);
}

/* Seconds that no split of a begun tile can go below: its own work spread evenly over all SMs. */
static double least_seconds(const struct qoq_sim_gemm_cost *cost, const struct qoq_sim_gemm *gemm,
                            double m, double n, double k)
{
    const struct qoq_sim_tile *t = &cost->tile;
    double iterations = ceil(m / t->cm) * ceil(n / t->cn) * k / t->ck;

    return fmax(cost->hbm, iterations * cost->clk_iteration / (gemm->gpu->sms * gemm->hz));
}

int qoq_sim_gemm_best(struct qoq_sim_gemm_cost *cost, const struct qoq_sim_gemm *gemm, double m,
                      double n, double k)
{
    struct qoq_sim_gemm_cost trial;
    int found = -1, splits = gemm->scheme->tiles != QOQ_SIM_TILES_ALL ? 1 : 8;

    for (int i = 0; i < gemm->tiles; i++) {
        if (gemm->occupancy[i] == 0) {
            continue;
        }
        begin_tile(&trial, gemm, m, n, k, &gemm->tile[i], gemm->occupancy[i]);
        if (found == 0 && least_seconds(&trial, gemm, m, n, k) >= cost->seconds) {
            continue;
        }
        for (trial.tile.split = 1; trial.tile.split <= splits; trial.tile.split *= 2) {
            finish_tile(&trial, gemm, m, n, k);
            if (found != 0 || trial.seconds < cost->seconds) {
                *cost = trial;
                found = 0;
            }
        }
    }
    if (found == 0) {
        judge(cost);
    }
    return found;
}
