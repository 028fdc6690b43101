/* SPDX-License-Identifier: Apache-2.0 */
/* In-flight batching: doc/cost-model.md 8.8. */
#include "sim/cost/inflight.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* The next number in [0, 1) of a 64-bit linear congruential sequence. */
static double uniform(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (double)(*state >> 11) / 9007199254740992.0;
}

static double spread(double least, double most, uint64_t *state)
{
    double u = uniform(state);

    return most > least ? floor(least + u * (most - least + 1)) : least;
}

void qoq_sim_request_mix(struct qoq_sim_request *request, const struct qoq_sim_work *work)
{
    uint64_t state = (uint64_t)work->seed;
    double now = 0;

    uniform(&state);
    for (size_t i = 0; i < (size_t)work->requests; i++) {
        request[i].arrival = now;
        request[i].input = spread(work->input, work->input_most, &state);
        request[i].output = spread(work->output, work->output_most, &state);
        double gap = -log(1 - uniform(&state));
        now += work->rate > 0 ? gap / work->rate : 0;
    }
}

struct state {
    const struct qoq_sim_case *it;
    struct qoq_sim_engine engine;
    struct qoq_sim_memory memory;
    struct qoq_sim_request *request;
    const struct qoq_sim_inflight_scratch *scratch;
    size_t count, next, active;
    double now, cache_free, cached_tokens, steps, step_batches;
};

/* Cache bytes a request needs until its end. */
static double needs(const struct state *s, const struct qoq_sim_request *r)
{
    double page = s->it->kv.page_tokens;
    double tokens = fmax(r->input + r->output, s->it->kv.reserved_tokens);

    return ceil(tokens / page) * page * s->memory.cache_token;
}

static double cache_budget(const struct state *s)
{
    double pass = s->it->work.prefill_tokens > 0 ? s->it->work.prefill_tokens : 8192;

    return s->memory.usable - pass * s->memory.act_token;
}

/* Admits what has arrived and fits, as one prefill pass; returns its seconds, 0 where nobody came
 * in. */
static double admit(struct state *s)
{
    double limit = s->it->work.prefill_tokens > 0 ? s->it->work.prefill_tokens : 8192;
    double tokens = 0, squares = 0, sequences = 0;

    while (s->next < s->count && s->active < (size_t)s->it->work.max_batch) {
        struct qoq_sim_request *r = &s->request[s->next];
        if (r->arrival > s->now || needs(s, r) > s->cache_free ||
            (tokens > 0 && tokens + r->input > limit)) {
            break;
        }
        s->cache_free -= needs(s, r);
        s->scratch->active[s->active++] = s->next++;
        s->cached_tokens += r->input;
        tokens += r->input;
        squares += r->input * r->input;
        sequences++;
    }
    /* A pass over unequal prompts costs what equal ones of the quadratic mean length would (C 8.8).
     */
    return sequences > 0
               ? qoq_sim_prefill_seconds(&s->engine, tokens * tokens / squares, squares / tokens)
               : 0;
}

/* Everything of a decode step but attention, remembered by batch. */
static double step_base(struct state *s)
{
    double *known = &s->scratch->step[s->active];
    struct qoq_sim_layer layer;

    if (*known < 0) {
        if (qoq_sim_layer_cost(&layer, &s->engine, (double)s->active) != 0) {
            return INFINITY;
        }
        *known = s->it->model.layers * (layer.gemm_seconds + layer.elementwise + layer.exchange) +
                 qoq_sim_head_seconds(&s->engine, (double)s->active) + s->it->cal.step_us * 1e-6;
    }
    return *known;
}

static double decode(struct state *s)
{
    struct qoq_sim_attention_cost attention;
    double batch = (double)s->active;

    qoq_sim_attention_decode(&attention, &s->it->gpu, &s->it->kv, &s->it->cal, &s->engine.heads,
                             batch, s->cached_tokens / batch);
    s->steps++;
    s->step_batches += batch;
    return step_base(s) + s->it->model.layers * attention.seconds;
}

/* Gives one token to the newcomers of a prefill pass, or to every active request. Until a request
 * ends, `last` counts the tokens it still wants. */
static void give_tokens(struct state *s, int newcomers)
{
    for (size_t i = 0; i < s->active;) {
        struct qoq_sim_request *r = &s->request[s->scratch->active[i]];
        if (newcomers && !isnan(r->first)) {
            i++;
            continue;
        }
        if (isnan(r->first)) {
            r->first = s->now;
            r->last = r->output;
        }
        r->last -= 1;
        s->cached_tokens += 1;
        if (r->last >= 1) {
            i++;
            continue;
        }
        r->last = s->now;
        s->cached_tokens -= r->input + r->output;
        s->cache_free += needs(s, r);
        s->scratch->active[i] = s->scratch->active[--s->active];
    }
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static void summarize(struct qoq_sim_inflight *out, const struct state *s)
{
    size_t served = 0;
    double gaps = 0;

    for (size_t i = 0; i < s->count; i++) {
        const struct qoq_sim_request *r = &s->request[i];
        if (isnan(r->first)) {
            out->refused++;
            continue;
        }
        s->scratch->sorted[served++] = r->first - r->arrival;
        out->first_token_mean += r->first - r->arrival;
        out->tokens += r->output;
        gaps += r->output > 1 ? (r->last - r->first) / (r->output - 1) : 0;
        out->seconds = fmax(out->seconds, r->last - s->request[0].arrival);
    }
    if (served > 0) {
        qsort(s->scratch->sorted, served, sizeof(double), ascending);
        out->first_token_mean /= (double)served;
        out->first_token_p95 = s->scratch->sorted[(size_t)ceil(0.95 * (double)served) - 1];
        out->token_mean = gaps / (double)served;
        out->tokens_per_second = out->tokens / out->seconds;
        out->batch_mean = s->steps > 0 ? s->step_batches / s->steps : 1;
    }
}

static void play(struct qoq_sim_inflight *out, struct state *s)
{
    double whole = s->cache_free;

    while (s->next < s->count || s->active > 0) {
        if (s->next < s->count && needs(s, &s->request[s->next]) > whole) {
            s->next++;
            continue;
        }
        double prefill = admit(s);
        if (s->active == 0) {
            s->now = fmax(s->now, s->request[s->next].arrival);
            continue;
        }
        out->batch_most = fmax(out->batch_most, (double)s->active);
        s->now += prefill > 0 ? prefill : decode(s);
        give_tokens(s, prefill > 0);
    }
}

const char *qoq_sim_inflight(struct qoq_sim_inflight *out, struct qoq_sim_request *request,
                             size_t count, const struct qoq_sim_case *it,
                             const struct qoq_sim_inflight_scratch *scratch)
{
    struct state s = {.it = it, .request = request, .scratch = scratch, .count = count};
    const char *reason = qoq_sim_engine_prepare(&s.engine, it);

    memset(out, 0, sizeof *out);
    if (reason) {
        return reason;
    }
    for (size_t i = 0; i <= (size_t)it->work.max_batch; i++) {
        scratch->step[i] = -1;
    }
    for (size_t i = 0; i < count; i++) {
        request[i].first = request[i].last = NAN;
    }
    qoq_sim_memory_budget(&s.memory, it, 1, 1);
    s.cache_free = cache_budget(&s);
    play(out, &s);
    summarize(out, &s);
    return NULL;
}
