/* SPDX-License-Identifier: Apache-2.0 */
/* One case from beginning to end. */
#include "gpu/bench/run.h"

#include <stdio.h>

#include "gpu/bench/rival.h"
#include "gpu/bench/sets.h"

struct run {
    struct qoq_cuda *handle;
    const struct qoq_bench_case *what;
    struct qoq_bench_sets sets;
};

static enum qoq_status call(void *work, size_t i)
{
    struct run *run = work;
    void *data[QOQ_BENCH_ARRAYS];

    qoq_bench_sets_get(&run->sets, i, data);
    return run->what->kernel->call(run->handle, &run->what->shape, run->what->kernel->variant, data,
                                   run->sets.scratch, run->sets.scratch_bytes);
}

/* Of what is free, so that the driver and others keep some. */
static size_t room_of(struct qoq_bench_device *device)
{
    return qoq_bench_free_bytes(device) / 10 * 9;
}

static struct qoq_bench_answer ask(struct qoq_bench_runner *runner, const struct qoq_bench_shape *s)
{
    struct qoq_bench_answer answer = {s->m, s->n, s->k, {0, 0}, {0, 0}};
    size_t room = room_of(runner->device);

    for (size_t i = 0; i < runner->answers; i++) {
        const struct qoq_bench_answer *known = &runner->answer[i];

        if (known->m == s->m && known->n == s->n && known->k == s->k) {
            return *known;
        }
    }
    answer.half_ =
        qoq_bench_rival(runner->library, runner->device, QOQ_BENCH_FP16, s, room, runner->budget);
    answer.int8 =
        qoq_bench_rival(runner->library, runner->device, QOQ_BENCH_INT8, s, room, runner->budget);
    if (runner->answers < QOQ_BENCH_ANSWERS) {
        runner->answer[runner->answers++] = answer;
    }
    return answer;
}

static void ask_rivals(struct qoq_bench_runner *runner, struct qoq_bench_result *r)
{
    struct qoq_bench_answer answer;

    if (runner->library != NULL && r->what->kernel->family == QOQ_BENCH_PRODUCT) {
        answer = ask(runner, &r->what->shape);
        r->half_ = answer.half_;
        r->int8 = answer.int8;
    }
}

static enum qoq_status fail(struct qoq_bench_result *r, struct qoq_cuda *handle,
                            enum qoq_status status)
{
    r->outcome = QOQ_BENCH_FAILED;
    snprintf(r->reason, sizeof r->reason, "%.150s",
             status == QOQ_ERR_DEVICE ? qoq_cuda_message(handle) : qoq_status_string(status));
    return status;
}

static enum qoq_status measure(struct qoq_bench_runner *runner, struct qoq_bench_result *r,
                               size_t scratch)
{
    const struct qoq_bench_kernel *kernel = r->what->kernel;
    struct qoq_bench_array list[QOQ_BENCH_ARRAYS];
    size_t arrays = kernel->arrays(list, &r->what->shape, kernel->variant);
    struct run run = {.handle = qoq_bench_handle(runner->device), .what = r->what};
    enum qoq_status status =
        qoq_bench_sets_make(&run.sets, runner->device, list, arrays, r->sets, scratch);

    if (status == QOQ_OK) {
        status =
            qoq_bench_measure(&r->measured, runner->device, call, &run, r->sets, runner->budget);
    }
    qoq_bench_sets_free(&run.sets);
    return status;
}

enum qoq_status qoq_bench_run_case(struct qoq_bench_runner *runner, struct qoq_bench_result *r)
{
    const struct qoq_bench_kernel *kernel = r->what->kernel;
    struct qoq_cuda *handle = qoq_bench_handle(runner->device);
    size_t room = room_of(runner->device), scratch = 0;
    enum qoq_status status = QOQ_OK;

    r->cost = kernel->cost(&r->what->shape, kernel->variant);
    if (kernel->scratch != NULL) {
        status = kernel->scratch(handle, &scratch, &r->what->shape, kernel->variant);
    }
    if (status != QOQ_OK) {
        fail(r, handle, status);
        return QOQ_OK;
    }
    r->bytes = qoq_bench_bytes(kernel, &r->what->shape) + scratch;
    r->sets =
        qoq_bench_set_count(r->bytes - scratch, scratch, qoq_bench_info(runner->device)->l2, room);
    if (r->sets == 0) {
        r->outcome = QOQ_BENCH_SKIPPED;
        snprintf(r->reason, sizeof r->reason, "needs %.1f GB, %.1f GB can be had",
                 (double)r->bytes * 1e-9, (double)room * 1e-9);
        return QOQ_OK;
    }
    status = measure(runner, r, scratch);
    if (status == QOQ_ERR_UNSUPPORTED) {
        r->outcome = QOQ_BENCH_SKIPPED;
        snprintf(r->reason, sizeof r->reason, "no such product");
        return QOQ_OK;
    }
    if (status != QOQ_OK) {
        fail(r, handle, status);
        return status == QOQ_ERR_DEVICE ? status : QOQ_OK;
    }
    r->outcome = QOQ_BENCH_MEASURED;
    ask_rivals(runner, r);
    return QOQ_OK;
}
