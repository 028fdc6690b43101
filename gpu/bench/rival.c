/* SPDX-License-Identifier: Apache-2.0 */
/* Times cuBLASLt on a product. */
#include "gpu/bench/rival.h"

#include "gpu/bench/sets.h"

struct race {
    struct qoq_bench_library *library;
    struct qoq_bench_sets sets;
    int algorithm;
};

enum { X, W, Y };

static enum qoq_status run(void *work, size_t i)
{
    struct race *race = work;
    void *data[QOQ_BENCH_ARRAYS];

    qoq_bench_sets_get(&race->sets, i, data);
    return qoq_bench_library_run(race->library, race->algorithm, data[Y], data[X], data[W]);
}

/* The fastest of all algorithms by a short look, then measured as everything else is. */
static double best_of(struct race *race, int algorithms, double budget)
{
    struct qoq_bench_measured measured;
    double best = 0;
    int winner = -1;

    for (race->algorithm = 0; race->algorithm < algorithms; race->algorithm++) {
        if (qoq_bench_measure(&measured, race->sets.device, run, race, race->sets.count, 0) ==
                QOQ_OK &&
            (winner < 0 || measured.seconds.median < best)) {
            best = measured.seconds.median;
            winner = race->algorithm;
        }
    }
    race->algorithm = winner;
    return winner >= 0 && qoq_bench_measure(&measured, race->sets.device, run, race,
                                            race->sets.count, budget) == QOQ_OK
               ? measured.seconds.median
               : 0;
}

struct qoq_bench_rival qoq_bench_rival(struct qoq_bench_library *library,
                                       struct qoq_bench_device *device, enum qoq_bench_type type,
                                       const struct qoq_bench_shape *s, size_t room, double budget)
{
    enum qoq_bench_content content = type == QOQ_BENCH_FP16 ? QOQ_BENCH_HALVES : QOQ_BENCH_BYTES;
    size_t in = type == QOQ_BENCH_FP16 ? 2 : 1, out = type == QOQ_BENCH_FP16 ? 2 : 4;
    struct qoq_bench_array list[] = {
        {.content = content, .bytes = in * s->m * s->k},
        {.content = content, .bytes = in * s->n * s->k},
        {.content = QOQ_BENCH_OUTPUT, .bytes = out * s->m * s->n},
    };
    size_t bytes = list[X].bytes + list[W].bytes + list[Y].bytes;
    size_t count = qoq_bench_set_count(bytes, 0, qoq_bench_info(device)->l2, room);
    struct qoq_bench_rival rival = {0, 0};
    struct race race = {.library = library};

    if (count == 0) {
        return rival;
    }
    rival.algorithms = qoq_bench_library_ask(library, type, s->m, s->n, s->k);
    if (rival.algorithms > 0) {
        if (qoq_bench_sets_make(&race.sets, device, list, 3, count, 0) == QOQ_OK) {
            rival.seconds = best_of(&race, rival.algorithms, budget);
        }
        qoq_bench_sets_free(&race.sets);
    }
    return rival;
}
