/* SPDX-License-Identifier: Apache-2.0 */
/* The cost of serving: doc/cost-model.md 8. */
#include "sim/cost/serving.h"

#include <math.h>
#include <string.h>

/* C 8.4: the driver's context and the framework's libraries on each GPU. */
#define CONTEXT_BYTES 0.6e9

static double weight_bytes(const struct qoq_sim_case *it)
{
    struct qoq_sim_scheme stored = it->scheme;

    if (stored.stored_bits > 0) {
        stored.weight_bits = stored.stored_bits;
    }
    return (qoq_sim_layer_parameters(&it->model) * qoq_sim_weight_bytes(&stored) +
            2 * qoq_sim_vocab_parameters(&it->model)) /
           it->work.tp;
}

/* C 8.4: buffers of an unchunked prefill pass: both halves of the gated product, its quantized
 * result, QKV, residual stream; or, when those are gone, the logits of all prompt tokens. */
static double act_token_bytes(const struct qoq_sim_case *it)
{
    const struct qoq_sim_model *model = &it->model;
    double tp = it->work.tp, act = qoq_sim_act_bytes(&it->scheme);
    double ffn = (model->experts > 0 ? model->ffn * model->experts_per_token + model->shared_ffn
                                     : model->ffn) /
                 tp;
    double qkv = (model->q_heads * model->head_dim + qoq_sim_cache_elements(model)) / tp;

    double logits = it->scheme.prompt_logits_bytes * model->vocab / tp;

    return fmax(4 * ffn + act * ffn + 2 * qkv + 6 * model->hidden, logits);
}

void qoq_sim_memory_budget(struct qoq_sim_memory *memory, const struct qoq_sim_case *it,
                           double input, double output)
{
    const struct qoq_sim_kv *kv = &it->kv;
    double heads = qoq_sim_cache_heads(&it->model), elements = qoq_sim_cache_elements(&it->model);
    double pages = fmax(ceil((input + output) / kv->page_tokens) + 1,
                        ceil(kv->reserved_tokens / kv->page_tokens));

    memory->weights = weight_bytes(it);
    memory->budget = it->gpu.hbm_usable_gib * 1073741824 - CONTEXT_BYTES;
    memory->usable = fmax(0, memory->budget - memory->weights) * (1 - it->cal.reserve);
    memory->cache_token =
        it->model.layers * (elements * kv->bits / 8 + heads * kv->param_bytes) / it->work.tp;
    memory->act_token = act_token_bytes(it);
    double sequence = pages * kv->page_tokens * memory->cache_token,
           passes = it->work.prefill_tokens;
    if (passes > 0) {
        memory->batch =
            floor((memory->usable - fmin(passes, input) * memory->act_token) / sequence);
    } else {
        memory->batch = floor(memory->usable / (sequence + input * memory->act_token));
    }
    memory->batch = fmax(0, memory->batch);
}

/* C 7.2: what the software does for one prompt after the other, in a layer. */
static double prompt_by_prompt(const struct qoq_sim_case *it, double sequences, double input)
{
    const struct qoq_sim_scheme *s = &it->scheme;
    double q = it->model.q_heads * it->model.head_dim / it->work.tp;

    return sequences * (s->prompt_kernels * it->cal.launch_us * 1e-6 +
                        input * q * s->prompt_query_bytes /
                            (qoq_sim_stream(&it->gpu) * it->cal.eta_elementwise));
}

double qoq_sim_prefill_seconds(const struct qoq_sim_engine *engine, double sequences, double input)
{
    const struct qoq_sim_case *it = engine->it;
    struct qoq_sim_layer layer;

    if (qoq_sim_layer_cost(&layer, engine, sequences * input) != 0) {
        return INFINITY;
    }
    double attention =
        qoq_sim_attention_prefill(&it->gpu, &it->kv, &it->cal, &engine->heads, sequences, input);
    double heads = it->scheme.prompt_logits_bytes > 0 ? sequences * input : sequences;
    return it->model.layers * (layer.gemm_seconds + layer.elementwise + layer.exchange + attention +
                               prompt_by_prompt(it, sequences, input)) +
           qoq_sim_head_seconds(engine, heads) + it->cal.step_us * 1e-6;
}

double qoq_sim_decode_seconds(const struct qoq_sim_engine *engine,
                              const struct qoq_sim_layer *layer, double head_seconds, double batch,
                              double length)
{
    const struct qoq_sim_case *it = engine->it;
    struct qoq_sim_attention_cost attention;

    qoq_sim_attention_decode(&attention, &it->gpu, &it->kv, &it->cal, &engine->heads, batch,
                             length);
    return it->model.layers *
               (layer->gemm_seconds + layer->elementwise + layer->exchange + attention.seconds) +
           head_seconds + it->cal.step_us * 1e-6;
}

/* C 8.5: the whole batch in passes of at most work.prefill_tokens prompt tokens. */
static double prefill_batch(struct qoq_sim_serving *out, const struct qoq_sim_engine *engine)
{
    const struct qoq_sim_work *work = &engine->it->work;
    double pass = out->batch;

    if (work->prefill_tokens > 0) {
        pass = fmin(pass, fmax(1, floor(work->prefill_tokens / work->input)));
    }
    double full = floor(out->batch / pass), rest = out->batch - full * pass;
    double seconds = full * qoq_sim_prefill_seconds(engine, pass, work->input);
    return rest > 0 ? seconds + qoq_sim_prefill_seconds(engine, rest, work->input) : seconds;
}

static void decode_batch(struct qoq_sim_serving *out, const struct qoq_sim_engine *engine,
                         const struct qoq_sim_layer *layer)
{
    const struct qoq_sim_case *it = engine->it;
    double head = qoq_sim_head_seconds(engine, out->batch), steps = it->work.output - 1;

    out->decode = 0;
    for (double i = 1; i <= steps; i++) {
        out->decode += qoq_sim_decode_seconds(engine, layer, head, out->batch, it->work.input + i);
    }
    out->decode_gemm = steps * it->model.layers * layer->gemm_seconds;
    out->decode_elementwise = steps * it->model.layers * layer->elementwise;
    out->decode_exchange = steps * it->model.layers * layer->exchange;
    out->decode_head = steps * head;
    out->decode_host = steps * it->cal.step_us * 1e-6;
    out->decode_attention = out->decode - out->decode_gemm - out->decode_elementwise -
                            out->decode_exchange - out->decode_head - out->decode_host;
}

static void rates(struct qoq_sim_serving *out, const struct qoq_sim_case *it)
{
    double tokens = out->batch * it->work.output;

    out->seconds = out->prefill + out->decode;
    out->tokens_per_second = tokens / out->seconds;
    out->first_token = out->prefill;
    out->joules_per_million = 1e6 / out->tokens_per_second * it->gpu.tdp_w * it->work.tp;
    out->dollars_per_million =
        1e6 / out->tokens_per_second / 3600 * it->gpu.price_usd_hour * it->work.tp;
}

enum qoq_sim_outcome qoq_sim_serve(struct qoq_sim_serving *out, const struct qoq_sim_case *it)
{
    struct qoq_sim_engine engine;
    struct qoq_sim_layer layer;

    memset(out, 0, sizeof *out);
    out->reason = qoq_sim_engine_prepare(&engine, it);
    if (out->reason) {
        return QOQ_SIM_CANNOT;
    }
    qoq_sim_memory_budget(&out->memory, it, it->work.input, it->work.output);
    out->batch = it->work.batch > 0 ? it->work.batch : fmin(out->memory.batch, it->work.max_batch);
    if (out->batch < 1) {
        return QOQ_SIM_OUT_OF_MEMORY;
    }
    if (qoq_sim_layer_cost(&layer, &engine, out->batch) != 0) {
        out->reason = "no tile of the scheme fits the GPU's registers and shared memory";
        return QOQ_SIM_CANNOT;
    }
    out->prefill = prefill_batch(out, &engine);
    decode_batch(out, &engine, &layer);
    rates(out, it);
    return QOQ_SIM_SERVES;
}
