/* SPDX-License-Identifier: Apache-2.0 */
/* Attention, layers and servers: known signs, sums, memory limits, monotonicity (C 6, 7, 8). */
#include "sim_case.h"

#include "sim/cost/inflight.h"

#include <math.h>

static double attention(const char *gpu, const char *kv, double length)
{
    struct qoq_sim_case it = load_case(gpu, NULL, kv, NULL);
    struct qoq_sim_heads heads = qoq_sim_heads_plain(32, 32, 128);
    struct qoq_sim_attention_cost cost;

    qoq_sim_attention_decode(&cost, &it.gpu, &it.kv, &it.cal, &heads, 64, length);
    return cost.seconds;
}

/* One conversion for each element is what makes the naive kernel lose on A100; nothing says so but
 * its counts. */
Test(sim_serving, naive_kv4_loses_on_a100_and_wins_on_l40s)
{
    cr_expect_gt(attention("a100-80g-sxm", "kv4-naive", 1536),
                 attention("a100-80g-sxm", "kv8", 1536));
    cr_expect_lt(attention("l40s", "kv4-naive", 1536), attention("l40s", "kv8", 1536));
    cr_expect_lt(attention("a100-80g-sxm", "kv4-qserve", 1536),
                 attention("a100-80g-sxm", "kv8", 1536));
}

/* DeepSeek-V2-Lite has one dense layer, which a shape counts as the others. */
Test(sim_serving, parameters_of_known_models)
{
    static const struct {
        const char *name;
        double billions;
    } known[] = {{"llama-2-7b", 6.74}, {"llama-2-13b", 13.0},      {"llama-2-70b", 69.0},
                 {"llama-3-8b", 8.03}, {"mixtral-8x7b", 46.7},     {"qwen1_5-72b", 72.3},
                 {"gpt3-175b", 175},   {"deepseek-v2-lite", 15.7}, {"yi-34b", 34.4}};

    for (size_t i = 0; i < COUNT(known); i++) {
        struct qoq_sim_case it = load_case(NULL, NULL, NULL, known[i].name);
        double billions =
            (qoq_sim_layer_parameters(&it.model) + qoq_sim_vocab_parameters(&it.model)) * 1e-9;
        cr_expect_lt(fabs(billions / known[i].billions - 1), 0.04, "%s: %g", known[i].name,
                     billions);
    }
}

/* The cells that the paper marks as out of memory, and neighbours that fit. */
Test(sim_serving, memory_limits)
{
    static const struct {
        const char *gpu, *scheme, *kv, *model;
        int fits;
    } cell[] = {
        {"a100-80g-sxm", "fp16", "kv16", "llama-2-70b", 0},
        {"a100-80g-sxm", "fp16", "kv16", "qwen1_5-72b", 0},
        {"a100-80g-sxm", "fp16", "kv16", "yi-34b", 1},
        {"a100-80g-sxm", "w8a8", "kv8", "qwen1_5-72b", 1},
        {"l40s", "fp16", "kv16", "llama-1-30b", 0},
        {"l40s", "w8a8", "kv8", "llama-2-70b", 0},
        {"l40s", "w4a16", "kv16", "qwen1_5-72b", 1},
        {"l40s", "w4a8-qserve-g128", "kv4-qserve", "qwen1_5-72b", 1},
    };

    for (size_t i = 0; i < COUNT(cell); i++) {
        struct qoq_sim_case it = load_case(cell[i].gpu, cell[i].scheme, cell[i].kv, cell[i].model);
        struct qoq_sim_serving out;
        it.work.batch = 0;
        cr_expect_eq(qoq_sim_serve(&out, &it) == QOQ_SIM_SERVES, cell[i].fits,
                     "%s %s on %s: batch %g", cell[i].model, cell[i].scheme, cell[i].gpu,
                     out.memory.batch);
    }
}

/* C 8.4: logits of all prompt tokens take memory where they outweigh the layers' buffers; a pool
 * that reserves more tokens than a request needs holds fewer requests. */
Test(sim_serving, what_a_software_stack_holds)
{
    struct qoq_sim_case it = load_case("a100-80g-sxm", "w4a8-qserve", "kv4-qserve", "llama-2-7b");
    struct qoq_sim_memory plain, logits, pool;

    qoq_sim_memory_budget(&plain, &it, 1024, 512);
    it.scheme.prompt_logits_bytes = 6;
    qoq_sim_memory_budget(&logits, &it, 1024, 512);
    cr_expect_eq(logits.act_token, 6 * it.model.vocab);
    cr_expect_lt(logits.batch, plain.batch);
    it.scheme.prompt_logits_bytes = 0;
    it.kv.reserved_tokens = 2048;
    qoq_sim_memory_budget(&pool, &it, 1024, 512);
    cr_expect_lt(pool.batch, plain.batch);
    it.kv.reserved_tokens = 1536;
    qoq_sim_memory_budget(&pool, &it, 1024, 512);
    cr_expect_eq(pool.batch, plain.batch);
}

/* C 7.2: kernels for one prompt after the other. */
Test(sim_serving, work_for_each_prompt)
{
    struct qoq_sim_case it = load_case("a100-80g-sxm", "w8a8", "kv8", "llama-3-8b");
    struct qoq_sim_engine engine;

    cr_expect_null(qoq_sim_engine_prepare(&engine, &it));
    double plain = qoq_sim_prefill_seconds(&engine, 4, 1024);
    it.scheme.prompt_kernels = 10;
    double more = qoq_sim_prefill_seconds(&engine, 4, 1024);
    cr_expect_lt(fabs(more - plain - 4 * 10 * 32e-6 * it.cal.launch_us), 1e-9);
    it.scheme.prompt_query_bytes = 8;
    cr_expect_gt(qoq_sim_prefill_seconds(&engine, 4, 1024), more);
}

/* C 7.2, 8.2: separate products are the same multiply-adds; more launches are slower. */
Test(sim_serving, a_layer_in_more_kernels_is_slower)
{
    struct qoq_sim_case it = load_case("a100-80g-sxm", "w8a8", "kv8", "llama-3-8b");
    struct qoq_sim_layer_gemm fused[QOQ_SIM_MAX_GEMMS], apart[QOQ_SIM_MAX_GEMMS];
    struct qoq_sim_engine engine;
    struct qoq_sim_layer few, many;
    double a = 0, b = 0;

    int n = qoq_sim_layer_gemms(fused, &it.model, 1, 64, 1);
    for (int i = 0; i < n; i++)
        a += fused[i].count * fused[i].n * fused[i].k;
    n = qoq_sim_layer_gemms(apart, &it.model, 1, 64, 0);
    for (int i = 0; i < n; i++)
        b += apart[i].count * apart[i].n * apart[i].k;
    cr_expect_eq(a, b);
    cr_expect_null(qoq_sim_engine_prepare(&engine, &it));
    cr_expect_eq(qoq_sim_layer_cost(&few, &engine, 64), 0);
    it.scheme.layer_kernels = few.launches + 10;
    it.scheme.layer_hidden_bytes = few.elementwise_bytes / 64 / it.model.hidden;
    cr_expect_eq(qoq_sim_layer_cost(&many, &engine, 64), 0);
    cr_expect_lt(fabs(many.elementwise - few.elementwise - 10e-6 * it.cal.launch_us), 1e-12);
    it.scheme.fused_products = 0;
    cr_expect_eq(qoq_sim_layer_cost(&many, &engine, 64), 0);
    cr_expect_gt(many.gemm_seconds, few.gemm_seconds);
    it.scheme.post_kernels = 1;
    a = many.gemm_seconds;
    cr_expect_eq(qoq_sim_layer_cost(&many, &engine, 64), 0);
    cr_expect_lt(fabs(many.gemm_seconds - a - 7e-6 * it.cal.launch_us), 1e-12);
}

/* C 11.1 for servers with a given batch. */
Test(sim_serving, more_of_a_resource_is_never_slower, .timeout = 60)
{
    static const char *const resources[] = {
        "sms",  "clk_tc_mhz", "clk_boost_mhz", "issue_lanes", "iadd",     "lop3",      "i2f",
        "mufu", "tc_int8",    "tc_fp16",       "l2_gbps",     "hbm_gbps", "lds_bytes", "max_warps"};
    static const char *const models[] = {"llama-2-7b", "llama-3-70b", "mixtral-8x7b",
                                         "deepseek-v2-lite"};
    static const char *const caches[] = {"kv16",       "kv8",     "kv4-naive",
                                         "kv4-qserve", "kv4-qoq", "kv8-qoq"};
    uint64_t seed = 9;

    for (int round = 0; round < 12; round++) {
        struct qoq_sim_case it = load_case(some_gpus[next_random(&seed) % COUNT(some_gpus)],
                                           round % 2 ? "w4a8-qserve" : "w4a8-qserve-g128",
                                           caches[next_random(&seed) % COUNT(caches)],
                                           models[next_random(&seed) % COUNT(models)]);
        struct qoq_sim_serving before, after;
        it.work.batch = (double)(1 + next_random(&seed) % 200);
        it.work.output = 64;
        cr_assert_eq(qoq_sim_serve(&before, &it), QOQ_SIM_SERVES);
        for (size_t r = 0; r < COUNT(resources); r++) {
            struct qoq_sim_case more = it;
            if (scale_field(&more, "gpu", resources[r], 2)) {
                cr_assert_eq(qoq_sim_serve(&after, &more), QOQ_SIM_SERVES);
                cr_assert_leq(after.seconds, before.seconds * (1 + 1e-12),
                              "seed 9 round %d: twice %s on %s", round, resources[r],
                              it.gpu.head.name);
            }
        }
    }
}

Test(sim_serving, parts_add_up)
{
    struct qoq_sim_case it = load_case("a100-80g-sxm", "w4a8-qserve", "kv4-qserve", "llama-2-7b");
    struct qoq_sim_serving out;

    it.work.batch = 32;
    cr_assert_eq(qoq_sim_serve(&out, &it), QOQ_SIM_SERVES);
    cr_expect_float_eq(out.seconds, out.prefill + out.decode, 1e-9);
    cr_expect_float_eq(out.tokens_per_second, 32 * 512 / out.seconds, 1e-6);
    cr_expect_gt(out.decode_attention, 0);
    cr_expect_float_eq(out.joules_per_million, 400e6 / out.tokens_per_second, 1e-3);
}

Test(sim_serving, tensor_parallelism_needs_its_link)
{
    struct qoq_sim_case it = load_case("a100-80g-sxm", "w8a8", "kv8", "llama-2-70b");
    struct qoq_sim_serving one, four, slow;

    it.work.batch = 16;
    it.work.output = 32;
    cr_assert_eq(qoq_sim_serve(&one, &it), QOQ_SIM_SERVES);
    it.work.tp = 4;
    cr_assert_eq(qoq_sim_serve(&four, &it), QOQ_SIM_SERVES);
    it.gpu.link_gbps = 0;
    cr_assert_eq(qoq_sim_serve(&slow, &it), QOQ_SIM_SERVES);
    cr_expect_lt(four.seconds, one.seconds / 2);
    cr_expect_gt(slow.seconds, four.seconds);
    cr_expect_lt(four.memory.weights, one.memory.weights / 3.9);
}

/* All-reduces of the calibration layer: 402 MB and 197 KB between four A100 (data/paper,
 * LLMCompass). */
Test(sim_serving, all_reduce_of_the_calibration_layer)
{
    struct qoq_sim_case it = load_case("a100-80g-sxm", NULL, NULL, NULL);

    cr_expect_lt(
        fabs(qoq_sim_all_reduce(&it.gpu, &it.cal, 4, 8 * 2048 * 12288 * 2.0) / 2.8909e-3 - 1),
        0.05);
    cr_expect_lt(fabs(qoq_sim_all_reduce(&it.gpu, &it.cal, 4, 8 * 12288 * 2.0) / 26.04e-6 - 1),
                 0.05);
}

/* Every request that fits is served once, in order of time, and no earlier than it came. */
Test(sim_serving, in_flight_batching_serves_everybody, .timeout = 60)
{
    enum { REQUESTS = 300, MOST = 64 };
    static struct qoq_sim_request request[REQUESTS];
    static size_t active[MOST];
    static double step[MOST + 1], sorted[REQUESTS];
    const struct qoq_sim_inflight_scratch scratch = {active, step, sorted};
    struct qoq_sim_case it = load_case("l40s", "w4a8-qserve-g128", "kv4-qserve", "llama-2-7b");
    struct qoq_sim_inflight out;
    uint64_t seed = 10;
    double tokens = 0;

    it.work.max_batch = MOST;
    for (int i = 0; i < REQUESTS; i++) {
        request[i] = (struct qoq_sim_request){0.05 * i, (double)(1 + next_random(&seed) % 2000),
                                              (double)(1 + next_random(&seed) % 300), 0, 0};
        tokens += request[i].output;
    }
    request[17].input = 9e6;
    tokens -= request[17].output;
    cr_assert_null(qoq_sim_inflight(&out, request, REQUESTS, &it, &scratch));
    cr_expect_eq(out.refused, 1);
    cr_expect_eq(out.tokens, tokens);
    cr_expect_leq(out.batch_most, MOST);
    for (int i = 0; i < REQUESTS; i++) {
        if (i != 17) {
            cr_expect(request[i].first > request[i].arrival && request[i].last >= request[i].first,
                      "request %d", i);
        }
    }
}
