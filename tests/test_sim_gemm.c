/* SPDX-License-Identifier: Apache-2.0 */
/* The cost of products: identities, known facts, and more of any resource is never slower (C 5, 9).
 */
#include "sim_case.h"

#include "sim/cost/gemm.h"
#include "sim/cost/roofline.h"

#include <math.h>

static double seconds(const struct qoq_sim_case *it)
{
    struct qoq_sim_gemm gemm;
    struct qoq_sim_gemm_cost cost;

    cr_assert_null(qoq_sim_unsupported(&it->gpu, &it->scheme), "%s on %s", it->scheme.head.name,
                   it->gpu.head.name);
    qoq_sim_gemm_prepare(&gemm, &it->gpu, &it->scheme, &it->cal);
    cr_assert_eq(qoq_sim_gemm_best(&cost, &gemm, it->work.m, it->work.n, it->work.k), 0);
    return cost.seconds;
}

static struct qoq_sim_case some_case(uint64_t *seed)
{
    struct qoq_sim_case it =
        load_case(some_gpus[next_random(seed) % COUNT(some_gpus)],
                  some_schemes[next_random(seed) % COUNT(some_schemes)], NULL, NULL);

    it.work.m = (double)(1 + next_random(seed) % (1u << (next_random(seed) % 14)));
    it.work.n = (double)(1 + next_random(seed) % 20000);
    it.work.k = (double)(1 + next_random(seed) % 20000);
    return it;
}

/* C 11.1 */
Test(sim_gemm, more_of_a_resource_is_never_slower)
{
    static const char *const resources[] = {
        "sms",        "clk_tc_mhz", "clk_boost_mhz", "issue_lanes",   "lop3",      "shf",
        "prmt",       "iadd",       "imad",          "ffma",          "hfma2",     "i2f",
        "f2f",        "mufu",       "shfl",          "lds",           "lds_bytes", "tc_fp16",
        "tc_int8",    "tc_int4",    "smem_kb_sm",    "smem_kb_block", "regs_k",    "max_warps",
        "max_blocks", "l2_mb",      "l2_gbps",       "hbm_gbps"};
    uint64_t seed = 6;

    for (int round = 0; round < 120; round++) {
        struct qoq_sim_case it = some_case(&seed);
        double before = seconds(&it);
        for (size_t r = 0; r < COUNT(resources); r++) {
            struct qoq_sim_case more = it;
            if (scale_field(&more, "gpu", resources[r], 2)) {
                double after = seconds(&more);
                cr_assert_leq(after, before * (1 + 1e-12),
                              "seed 6 round %d: %s on %s, %g x %g x %g: twice %s, %g after %g",
                              round, it.scheme.head.name, it.gpu.head.name, it.work.m, it.work.n,
                              it.work.k, resources[r], after, before);
            }
        }
    }
}

/* C 11.2 */
Test(sim_gemm, more_work_is_never_faster)
{
    uint64_t seed = 7;

    for (int round = 0; round < 300; round++) {
        struct qoq_sim_case it = some_case(&seed);
        double before = seconds(&it), *size[] = {&it.work.m, &it.work.n, &it.work.k};
        *size[round % 3] += (double)(1 + next_random(&seed) % 300);
        double after = seconds(&it);
        cr_assert_geq(after, before * (1 - 1e-12),
                      "seed 7 round %d: %s on %s, now %g x %g x %g: %g after %g", round,
                      it.scheme.head.name, it.gpu.head.name, it.work.m, it.work.n, it.work.k, after,
                      before);
    }
}

/* No kernel beats the roofline at the data-sheet rates. */
Test(sim_gemm, stays_below_the_roofline)
{
    uint64_t seed = 8;

    for (int round = 0; round < 300; round++) {
        struct qoq_sim_case it = some_case(&seed);
        double operations = 2 * it.work.m * it.work.n * it.work.k;
        int emulated = (it.scheme.share_int4 > 0 && it.gpu.tc_int4 == 0) ||
                       (it.scheme.share_int8 > 0 && it.gpu.tc_int8 == 0) ||
                       it.scheme.share_fp16 + it.scheme.share_int8 + it.scheme.share_int4 == 0;
        if (!emulated) {
            cr_assert_leq(operations / seconds(&it), qoq_sim_roof(&it.gpu, &it.scheme, it.work.m),
                          "seed 8 round %d: %s on %s", round, it.scheme.head.name,
                          it.gpu.head.name);
        }
    }
}

/* C 9.4: the published crossover with the published bandwidth. */
Test(sim_gemm, crossover_at_78)
{
    struct qoq_sim_case early = load_case("a100-80g-sxm", "w4a16", NULL, NULL),
                        late = load_case("a100-80g-sxm", "w8a8", NULL, NULL);

    early.gpu.hbm_gbps = 2000;
    cr_expect_float_eq(qoq_sim_crossover(&early.gpu, &early.scheme, &late.scheme), 78, 0.02 * 78);
    cr_expect_float_eq(qoq_sim_ridge(&early.gpu, &late.scheme), 156, 0.02 * 156);
}

/* C 5.2: QServe's large tile holds one block of eight warps on A100 by its registers. */
Test(sim_gemm, occupancy_of_a_known_tile)
{
    struct qoq_sim_case it = load_case("a100-80g-sxm", "w4a8-qserve", NULL, NULL);
    const struct qoq_sim_tile tile = {128, 128, 64, 64, 32, 64, 3, 1};

    cr_expect_eq(qoq_sim_tile_warps(&tile), 8);
    cr_expect_float_eq(qoq_sim_tile_smem(&tile, &it.scheme), 3 * (128 * 64 + 128 * 64 / 2), 1e-9);
    cr_expect_eq(qoq_sim_tile_occupancy(&tile, &it.scheme, &it.gpu), 1);
}

/* C 5.1: time steps up when one tile more needs another wave. */
Test(sim_gemm, waves)
{
    struct qoq_sim_case it = load_case("a100-80g-sxm", "w4a8-qserve", NULL, NULL);
    const struct qoq_sim_tile tile = {128, 128, 64, 64, 32, 64, 3, 1};
    struct qoq_sim_gemm gemm;
    struct qoq_sim_gemm_cost cost;

    qoq_sim_gemm_prepare(&gemm, &it.gpu, &it.scheme, &it.cal);
    qoq_sim_gemm_with(&cost, &gemm, 128, 108 * 128, 4096, &tile, 1);
    cr_expect_eq(cost.waves, 1);
    double one = cost.main;
    qoq_sim_gemm_with(&cost, &gemm, 128, 108 * 128 + 1, 4096, &tile, 1);
    cr_expect_eq(cost.waves, 2);
    cr_expect_float_eq(cost.main, 2 * one, 0.05 * one);
}

/* The conversion of partial sums is what hurts Atom on A100 and not on a GPU that converts on its
 * ALU pipe. */
Test(sim_gemm, atom_collapses_on_a100_alone)
{
    for (int ada = 0; ada < 2; ada++) {
        const char *gpu = ada ? "rtx4090" : "a100-80g-sxm";
        struct qoq_sim_case atom = load_case(gpu, "w4a4-atom", NULL, NULL),
                            w8a8 = load_case(gpu, "w8a8", NULL, NULL);
        atom.work.m = w8a8.work.m = 256;
        atom.work.n = w8a8.work.n = 12288;
        cr_expect_eq(seconds(&atom) < seconds(&w8a8), ada, "%s: Atom %g, W8A8 %g", gpu,
                     seconds(&atom), seconds(&w8a8));
    }
}

/* What-ifs move the way the derivation says. */
Test(sim_gemm, hypothetical_gpus)
{
    struct qoq_sim_case it = load_case("a100-80g-sxm", "w4a8-naive", NULL, NULL),
                        changed = load_case("what-if-a100-int32x4", "w4a8-naive", NULL, NULL);
    it.work.m = changed.work.m = 256;
    it.work.n = changed.work.n = 12288;
    cr_expect_lt(seconds(&changed), 0.9 * seconds(&it),
                 "integer lanes bind the naive dequantization");
    it = load_case("b200", "w8a8", NULL, NULL);
    changed = load_case("what-if-b200-half-int8", "w8a8", NULL, NULL);
    it.work.m = it.work.n = it.work.k = changed.work.m = changed.work.n = changed.work.k = 16384;
    cr_expect_gt(seconds(&changed), 1.5 * seconds(&it), "tensor cores bind a large W8A8 product");
    it = load_case("a100-80g-sxm", "w4a4-quarot", NULL, NULL);
    changed = load_case("what-if-a100-no-int4", "w4a4-quarot", NULL, NULL);
    it.work.m = it.work.n = changed.work.m = changed.work.n = 8192;
    cr_expect_gt(seconds(&changed), 1.3 * seconds(&it), "INT4 without tensor cores runs as INT8");
    changed = load_case("what-if-a100-mixed-unit", "w4a8-mixpe", NULL, NULL);
    cr_expect_null(qoq_sim_unsupported(&changed.gpu, &changed.scheme));
    cr_expect_not_null(qoq_sim_unsupported(&it.gpu, &changed.scheme));
}
