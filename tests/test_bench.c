/* SPDX-License-Identifier: Apache-2.0 */
/* The bench but for the GPU: statistics, plans, contents of arrays, tables. */
#include <config.h>

#include "sim_case.h"

#include <math.h>
#include <unistd.h>

#include "data/csv.h"
#include "gpu/bench/contents.h"
#include "gpu/bench/measure.h"
#include "gpu/bench/plan.h"
#include "gpu/bench/predict.h"
#include "gpu/bench/report.h"
#include "gpu/bench/run.h"
#include "gpu/bench/sets.h"
#include "numerics/half.h"

/* ---- Statistics ---- */

Test(bench, quartiles)
{
    double odd[] = {5, 1, 3, 2, 4}, even[] = {4, 1, 3, 2}, one[] = {7};
    struct qoq_bench_stats s = qoq_bench_stats(odd, 5);

    cr_assert(s.least == 1 && s.lower == 2 && s.median == 3 && s.upper == 4);
    cr_assert_float_eq(qoq_bench_spread(&s), 1.0 / 3, 1e-15);
    /* NumPy: quantile([1, 2, 3, 4], [0.25, 0.5, 0.75]) = 1.75, 2.5, 3.25 */
    s = qoq_bench_stats(even, 4);
    cr_assert(s.lower == 1.75 && s.median == 2.5 && s.upper == 3.25);
    s = qoq_bench_stats(one, 1);
    cr_assert(s.least == 7 && s.lower == 7 && s.median == 7 && s.upper == 7);
    cr_assert(qoq_bench_spread(&s) == 0);
}

Test(bench, samples_go_round_all_sets_and_keep_to_the_budget)
{
    size_t calls, samples;

    for (double seconds = 1e-7; seconds < 10; seconds *= 3.3) {
        for (size_t sets = 1; sets <= QOQ_BENCH_MAX_SETS; sets = 3 * sets + 1) {
            qoq_bench_plan_samples(&calls, &samples, seconds, sets, 0.1);
            cr_assert(calls >= sets && calls % sets == 0, "%g %zu", seconds, sets);
            cr_assert(calls <= QOQ_BENCH_MAX_SETS, "%g %zu", seconds, sets);
            cr_assert(samples >= 5 && samples <= 101, "%g %zu", seconds, sets);
            cr_assert(samples == 5 || seconds * (double)(calls * samples) <= 0.1 * (1 + 1e-9),
                      "%g %zu: %zu x %zu", seconds, sets, samples, calls);
        }
    }
    qoq_bench_plan_samples(&calls, &samples, 10e-6, 3, 0.1);
    cr_assert(calls == 102 && samples == 98, "%zu %zu", calls, samples);
}

Test(bench, sets_outgrow_the_cache_and_fit_the_memory)
{
    cr_assert_eq(qoq_bench_set_count(1000, 0, 50000, 1u << 30), 150);
    cr_assert_eq(qoq_bench_set_count(1u << 28, 0, 50000, 1u << 30), 2);
    cr_assert_eq(qoq_bench_set_count(1u << 28, 0, 50000, 1u << 28), 1);
    cr_assert_eq(qoq_bench_set_count(1u << 28, 1, 50000, 1u << 28), 0);
    cr_assert_eq(qoq_bench_set_count(1, 100, 50000, 99), 0);
    cr_assert_eq(qoq_bench_set_count(1, 0, 50000000, 1u << 30), QOQ_BENCH_MAX_SETS);
}

/* ---- Plans ---- */

Test(bench, sizes_are_read_strictly)
{
    static const char *const wrong[] = {"",  ",",   "1,",  "0",  "9",    "1,1",
                                        "a", "1 2", "1;2", "-1", "1,,2", "99999999999999999999"};
    struct qoq_bench_sizes sizes;

    cr_assert_eq(qoq_bench_read_sizes(&sizes, "8,1,3", 1, 8), 0);
    cr_assert(sizes.count == 3 && sizes.value[0] == 8 && sizes.value[2] == 3);
    for (size_t i = 0; i < COUNT(wrong); i++) {
        cr_assert_eq(qoq_bench_read_sizes(&sizes, wrong[i], 1, 8), -1, "%s", wrong[i]);
    }
    sizes = qoq_bench_powers(1, 8192, 2);
    cr_assert(sizes.count == 14 && sizes.value[13] == 8192);
    sizes = qoq_bench_powers(1, 256, 4);
    cr_assert(sizes.count == 5 && sizes.value[4] == 256);
}

static struct qoq_bench_plan plan_of(const char *kernel, const char *model, struct qoq_sim_case *it)
{
    struct qoq_bench_plan plan = {0};
    struct qoq_bench_sizes rows = {2, {1, 16}}, batches = {2, {1, 4}},
                           contexts = {3, {128, 8192, 16384}};

    *it = load_case(NULL, NULL, NULL, model);
    cr_assert_eq(qoq_bench_plan_add(&plan, qoq_bench_find(kernel), model, &it->model, &rows,
                                    &batches, &contexts),
                 0);
    return plan;
}

Test(bench, products_of_the_models)
{
    /* Public configurations: hidden, heads, inner width. */
    static const struct {
        const char *model;
        size_t n[4], k[4];
    } want[] = {
        {"llama-3-8b", {6144, 4096, 28672, 4096}, {4096, 4096, 4096, 14336}},
        {"llama-2-7b", {12288, 4096, 22016, 4096}, {4096, 4096, 4096, 11008}},
        {"llama-2-70b", {10240, 8192, 57344, 8192}, {8192, 8192, 8192, 28672}},
        {"qwen1_5-72b", {24576, 8192, 49152, 8192}, {8192, 8192, 8192, 24576}},
    };

    for (size_t i = 0; i < COUNT(want); i++) {
        struct qoq_sim_case it;
        struct qoq_bench_plan plan = plan_of("gemm_w4a8_group", want[i].model, &it);

        cr_assert_eq(plan.count, 8);
        for (size_t j = 0; j < 8; j++) {
            const struct qoq_bench_shape *s = &plan.list[j].shape;

            cr_assert(s->n == want[i].n[j / 2] && s->k == want[i].k[j / 2], "%s %s: %zu x %zu",
                      s->model, s->layer, s->n, s->k);
            cr_assert_eq(s->m, j % 2 == 0 ? 1 : 16);
        }
        qoq_bench_plan_free(&plan);
    }
}

Test(bench, attention_of_the_models)
{
    struct qoq_sim_case it;
    struct qoq_bench_plan plan = plan_of("attention_kv4", "llama-3-8b", &it);
    const struct qoq_bench_case *last = &plan.list[plan.count - 1];
    struct qoq_bench_cost cost = last->kernel->cost(&last->shape, 4);

    cr_assert_eq(plan.count, 6);
    cr_assert(last->shape.m == 4 && last->shape.context == 16384 && last->shape.kv_heads == 8);
    /* 8 heads of 64 + 4 bytes, keys and values; 32 query heads of 128 in binary32, out binary16. */
    cr_assert_float_eq(cost.bytes, 4 * (16384.0 * 2 * 8 * 68 + 32 * 128 * 6), 0);
    cr_assert_float_eq(cost.ops, 4.0 * 16384 * 32 * 128 * 4, 0);
    qoq_bench_plan_free(&plan);
    plan = plan_of("prefill_kv8", "llama-3-8b", &it);
    cr_assert_eq(plan.count, 2); /* not the longest */
    cr_assert(plan.list[1].shape.m == 8192 && plan.list[1].shape.context == 8192);
    qoq_bench_plan_free(&plan);
}

Test(bench, models_beyond_the_kernels_are_refused)
{
    struct qoq_sim_case it = load_case(NULL, NULL, NULL, "mixtral-8x7b");
    struct qoq_error err;

    cr_assert_eq(qoq_bench_check_model(&it.model, "mixtral-8x7b", &err), QOQ_ERR_UNSUPPORTED);
    it = load_case(NULL, NULL, NULL, "llama-3-8b");
    cr_assert_eq(qoq_bench_check_model(&it.model, "llama-3-8b", &err), QOQ_OK);
    it.model.head_dim = 512;
    cr_assert_eq(qoq_bench_check_model(&it.model, "llama-3-8b", &err), QOQ_ERR_UNSUPPORTED);
}

/* The bytes that a product must move, counted by hand: 4096 x 4096, 16 rows. */
Test(bench, bytes_of_a_product)
{
    struct qoq_bench_shape s = {.m = 16, .n = 4096, .k = 4096, .group = 128};
    double rows = 16 * (4096 + 8 + 2 * 4096), scales = 2 * 4096, weights = 4096.0 * 4096;

    cr_assert_float_eq(qoq_bench_find("gemm_w8a8")->cost(&s, QOQ_W8).bytes, weights + scales + rows,
                       0);
    cr_assert_float_eq(qoq_bench_find("gemm_w4a8_channel")->cost(&s, QOQ_W4_CHANNEL).bytes,
                       weights / 2 + scales + 4096 + rows, 0);
    cr_assert_float_eq(qoq_bench_find("gemm_w4a8_group")->cost(&s, QOQ_W4_GROUP).bytes,
                       weights / 2 + scales + 2 * 32 * 4096 + rows, 0);
    cr_assert_float_eq(qoq_bench_find("gemm_w8a8")->cost(&s, QOQ_W8).ops, 2 * 16 * weights, 0);
}

/* ---- Contents ---- */

Test(bench, group_parameters_are_admitted)
{
    struct qoq_bench_array scale = {.content = QOQ_BENCH_GROUP_SCALE, .bytes = 1 << 16},
                           zero = {.content = QOQ_BENCH_GROUP_ZERO, .bytes = 1 << 16};
    size_t bytes;
    uint8_t *s2 = qoq_bench_contents(&scale, &bytes), *minus = qoq_bench_contents(&zero, &bytes);
    int seen = 0;

    cr_assert(s2 != NULL && minus != NULL && bytes == 1 << 16);
    for (size_t i = 0; i < bytes; i++) {
        int z = (256 - minus[i]) % 256 / s2[i];

        cr_assert(s2[i] >= 1 && s2[i] <= 8 && z <= 15 && (256 - minus[i]) % 256 == z * s2[i]);
        cr_assert((15 - z) * s2[i] <= 127 && -z * s2[i] >= -128);
        seen |= 1 << z;
    }
    cr_assert_eq(seen, 0xffff);
    free(s2);
    free(minus);
}

Test(bench, pages_hold_numbers)
{
    struct qoq_kv_layout layout = {4, 64, 2, 32};
    struct qoq_bench_array array = {
        .content = QOQ_BENCH_PAGES, .bytes = 100 * qoq_kv_page_bytes(&layout), .layout = layout};
    float v[64], sum = 0;
    size_t bytes;
    uint8_t *page = qoq_bench_contents(&array, &bytes);

    cr_assert(page != NULL && bytes < array.bytes && bytes % qoq_kv_page_bytes(&layout) == 0);
    cr_assert_eq(qoq_kv_read(v, page + bytes - qoq_kv_page_bytes(&layout), &layout, 63), QOQ_OK);
    for (size_t i = 0; i < 64; i++) {
        cr_assert(fabsf(v[i]) < 3);
        sum += fabsf(v[i]);
    }
    cr_assert_gt(sum, 10);
    free(page);
}

Test(bench, tables_are_permutations)
{
    struct qoq_bench_array array = {.content = QOQ_BENCH_SHUFFLED, .bytes = 4 * 1000};
    size_t bytes, moved = 0;
    int32_t *table = qoq_bench_contents(&array, &bytes);
    char seen[1000] = {0};

    cr_assert(table != NULL && bytes == array.bytes);
    for (int32_t i = 0; i < 1000; i++) {
        cr_assert(table[i] >= 0 && table[i] < 1000 && !seen[table[i]]);
        seen[table[i]] = 1;
        moved += table[i] != i;
    }
    cr_assert_gt(moved, 900);
    free(table);
}

/* ---- Tables ---- */

static struct qoq_bench_result result_of(const struct qoq_bench_case *what)
{
    struct qoq_bench_result r = {.what = what, .outcome = QOQ_BENCH_MEASURED, .predicted = NAN};

    r.cost = what->kernel->cost(&what->shape, what->kernel->variant);
    r.measured.seconds = (struct qoq_bench_stats){9e-6, 9.5e-6, 10e-6, 11e-6};
    r.measured.calls = 200;
    r.measured.samples = 50;
    r.sets = 20;
    r.half_.seconds = 30e-6;
    r.int8.seconds = 20e-6;
    return r;
}

Test(bench, rows_of_the_file_are_read_back)
{
    static const struct qoq_bench_ceilings ceilings = {4e12, 4e12, 1e15, 5e14, 1};
    struct qoq_sim_case it;
    struct qoq_bench_plan plan = plan_of("gemm_w4a8_channel", "llama-3-8b", &it);
    struct qoq_bench_result r = result_of(&plan.list[0]), skipped = result_of(&plan.list[1]);
    char path[] = "/tmp/qoq-bench-XXXXXX";
    FILE *file = fdopen(mkstemp(path), "w");
    struct qoq_error err;
    struct qoq_csv csv;
    size_t column;
    double value;

    cr_assert_not_null(file);
    skipped.outcome = QOQ_BENCH_SKIPPED;
    memset(&skipped.measured, 0, sizeof skipped.measured);
    snprintf(skipped.reason, sizeof skipped.reason, "needs 5.0 GB, \"1.0\" GB can be had");
    qoq_bench_csv_columns(file);
    qoq_bench_csv_row(file, &r, &ceilings);
    qoq_bench_csv_row(file, &skipped, &ceilings);
    fclose(file);
    cr_assert_eq(qoq_csv_read(&csv, path, &err), QOQ_OK, "%s", err.text);
    cr_assert_eq(csv.rows, 2);
    cr_assert_eq(qoq_csv_column(&column, &csv, "time_us", &err), QOQ_OK);
    cr_assert_eq(qoq_csv_number(&value, &csv, 0, column, 0, 1e9, 0, &err), QOQ_OK);
    cr_assert_float_eq(value, 10, 1e-9);
    cr_assert_str_eq(qoq_csv_text(&csv, 1, column), "");
    cr_assert_eq(qoq_csv_column(&column, &csv, "read_share", &err), QOQ_OK);
    cr_assert_eq(qoq_csv_number(&value, &csv, 0, column, 0, 1, 0, &err), QOQ_OK);
    cr_assert_float_eq(value, r.cost.bytes / 10e-6 / 4e12, 1e-5);
    cr_assert_eq(qoq_csv_column(&column, &csv, "reason", &err), QOQ_OK);
    cr_assert_str_eq(qoq_csv_text(&csv, 1, column), skipped.reason);
    qoq_csv_free(&csv);
    unlink(path);
    qoq_bench_plan_free(&plan);
}

Test(bench, the_higher_tensor_ceiling_counts)
{
    struct qoq_bench_ceilings low = {0, 0, 1e10, 0, 0}, high = {0, 0, 1e15, 0, 0};
    struct qoq_sim_case it;
    struct qoq_bench_plan plan = plan_of("gemm_w8a8", "llama-3-8b", &it);
    struct qoq_bench_result r = result_of(&plan.list[0]);

    cr_assert_float_eq(qoq_bench_tensor_share(&r, &low), 2, 1e-12); /* twice cuBLASLt */
    cr_assert_float_eq(qoq_bench_tensor_share(&r, &high), r.cost.ops / 10e-6 / 1e15, 1e-12);
    cr_assert(isnan(qoq_bench_bandwidth_share(&r, &low)));
    qoq_bench_plan_free(&plan);
}

/* ---- On the emulator ---- */

/* Every kernel runs with the arrays that its list says, every access checked. */
Test(bench, every_kernel_runs_with_its_arrays)
{
    struct qoq_bench_runner *runner = calloc(1, sizeof *runner);
    struct qoq_sim_model tiny = {.layers = 1,
                                 .hidden = 64,
                                 .q_heads = 4,
                                 .kv_heads = 2,
                                 .head_dim = 32,
                                 .ffn = 96,
                                 .vocab = 10,
                                 .gated = 1};
    struct qoq_bench_sizes rows = {1, {5}}, batches = {1, {2}}, contexts = {2, {1, 70}};
    struct qoq_bench_plan plan = {0};

    cr_assert_not_null(runner);
    cr_assert_eq(qoq_bench_open(&runner->device, 0), QOQ_OK);
    for (const struct qoq_bench_kernel *k = qoq_bench_kernels; k->name != NULL; k++) {
        cr_assert_eq(qoq_bench_plan_add(&plan, k, "tiny", &tiny, &rows, &batches, &contexts), 0);
    }
    cr_assert_geq(plan.count, 12);
    for (size_t i = 0; i < plan.count; i++) {
        struct qoq_bench_result r = {.what = &plan.list[i]};
        enum qoq_status status = qoq_bench_run_case(runner, &r);

        cr_assert(status == QOQ_OK && r.outcome == QOQ_BENCH_MEASURED, "%s: %s",
                  r.what->kernel->name, r.reason);
        cr_assert(r.measured.seconds.median > 0 && r.sets >= 2);
    }
    qoq_bench_close(runner->device);
    qoq_bench_plan_free(&plan);
    free(runner);
}
