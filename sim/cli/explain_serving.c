/* SPDX-License-Identifier: Apache-2.0 */
/* The derivations of decode attention and of a server: doc/cost-model.md 6 and 8, with numbers. */
#include <config.h>

#include <math.h>
#include <stdio.h>

#include "sim/cli/explain.h"

#define LINE qoq_sim_explain_line

const char *qoq_sim_explain_attention(struct qoq_sim_attention_cost *cost,
                                      const struct qoq_sim_case *it, int model)
{
    double stream = qoq_sim_stream(&it->gpu) * it->cal.eta_hbm, hz = qoq_sim_boost_hz(&it->gpu);
    double memory, compute;

    qoq_sim_case_attention(cost, it, model);
    printf("%s (%s) on %s, batch %g, length %g\n", it->kv.head.name, it->kv.head.title,
           it->gpu.head.name, it->work.batch, it->work.length);
    LINE("6.1", "work: %.4g elements dequantized and used; cache read: %.4g MB", cost->work,
         cost->bytes * 1e-6);
    qoq_sim_explain_mix("6.2", "each element", &it->kv.element, &it->gpu, it->cal.eta_issue);
    qoq_sim_explain_mix("6.2", "each key and head", &it->kv.key, &it->gpu, it->cal.eta_issue);
    LINE("6.2", "busiest: %s, %.4g clk an element", qoq_sim_pipe_name[cost->pipe],
         cost->clk_pipe[cost->pipe]);
    LINE("6.3", "%g blocks on %g SMs: the last wave stretches compute by %.3f", cost->blocks,
         it->gpu.sms, cost->imbalance);
    LINE("6.3", "CUDA cores = %.4g x %.4g clk x %.3f / (%g SMs x %.4g GHz) = %.4g us", cost->work,
         cost->clk_pipe[cost->pipe], cost->imbalance, it->gpu.sms, hz * 1e-9, cost->cuda * 1e6);
    LINE("6.4", "main memory = %.4g MB / %.4g GB/s = %.4g us; with the loads in flight %.4g us",
         cost->bytes * 1e-6, stream * 1e-9, cost->hbm * 1e6, cost->latency * 1e6);
    if (cost->tensor > 0) {
        LINE("6.5", "tensor cores = %.4g us", cost->tensor * 1e6);
    }
    memory = fmax(cost->hbm, cost->latency);
    compute = fmax(cost->cuda, cost->tensor);
    LINE("6.5", "time = floor %.3g + max(%.4g, %.4g) + (1 - %g) x min = %.4g us; bound by %s",
         cost->floor * 1e6, memory * 1e6, compute * 1e6, it->cal.attention_overlap,
         cost->seconds * 1e6, qoq_sim_attention_bound(cost));
    return NULL;
}

static void explain_memory(const struct qoq_sim_serving *out, const struct qoq_sim_case *it)
{
    const struct qoq_sim_memory *memory = &out->memory;

    LINE("8.4",
         "memory: (%.4g GB - weights %.4g GB) x (1 - reserve %g) = %.4g GB; %.4g KB of cache a "
         "token",
         memory->budget * 1e-9, memory->weights * 1e-9, it->cal.reserve, memory->usable * 1e-9,
         memory->cache_token * 1e-3);
    if (it->scheme.prompt_logits_bytes > 0) {
        LINE("8.4", "logits of every prompt token: %g x %g B", it->model.vocab,
             it->scheme.prompt_logits_bytes);
    }
    if (it->kv.reserved_tokens > it->work.input + it->work.output) {
        LINE("8.4", "a request reserves %g tokens of cache", it->kv.reserved_tokens);
    }
    LINE("8.4", "%.4g KB of activations a prompt token: %g requests of %g + %g tokens fit",
         memory->act_token * 1e-3, memory->batch, it->work.input, it->work.output);
}

static void explain_rates(const struct qoq_sim_serving *out, const struct qoq_sim_case *it)
{
    LINE("8.5", "prefill of %g x %g tokens: %.4g s", out->batch, it->work.input, out->prefill);
    LINE("8.5",
         "%g decode steps: products %.4g + attention %.4g + elementwise %.4g + head %.4g + host "
         "%.4g + exchange %.4g = %.4g s",
         it->work.output - 1, out->decode_gemm, out->decode_attention, out->decode_elementwise,
         out->decode_head, out->decode_host, out->decode_exchange, out->decode);
    LINE("8.5", "%g x %g tokens / (%.4g + %.4g) s = %.4g tokens/s", out->batch, it->work.output,
         out->prefill, out->decode, out->tokens_per_second);
    if (it->scheme.layer_kernels > 0 || it->scheme.post_kernels > 0) {
        LINE("7.2", "launches of a step: %g layers x (%g elementwise, and %g after each product)",
             it->model.layers, it->scheme.layer_kernels, it->scheme.post_kernels);
    }
    LINE("8.7", "energy at most %.4g J per million tokens (%g W)", out->joules_per_million,
         it->gpu.tdp_w * it->work.tp);
}

const char *qoq_sim_explain_serve(const struct qoq_sim_case *it)
{
    struct qoq_sim_serving out;
    enum qoq_sim_outcome outcome = qoq_sim_serve(&out, it);

    if (outcome == QOQ_SIM_CANNOT) {
        return out.reason;
    }
    printf("%s with %s, %s, on %s\n", it->model.head.title, it->scheme.head.name, it->kv.head.name,
           it->gpu.head.name);
    explain_memory(&out, it);
    if (outcome == QOQ_SIM_OUT_OF_MEMORY) {
        LINE("8.4", "out of memory");
        return NULL;
    }
    explain_rates(&out, it);
    return NULL;
}
