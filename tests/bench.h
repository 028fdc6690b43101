/* SPDX-License-Identifier: Apache-2.0 */
/* What the benchmarks of `make bench` share: memory, numbers, and the best of several runs. */
#ifndef QOQ_TESTS_BENCH_H
#define QOQ_TESTS_BENCH_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static inline double bench_seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Zeros; ends the program where memory is short. */
static inline void *bench_array(size_t bytes)
{
    void *memory = calloc(1, bytes);

    if (memory == NULL) {
        fputs("bench: not enough memory\n", stderr);
        exit(2);
    }
    return memory;
}

/* The next number of [-1, 1) from *state, which begins as 1. */
static inline float bench_number(uint32_t *state)
{
    *state = *state * 1664525 + 1013904223;
    return (float)(int32_t)(*state >> 8) * 0x1p-23f - 1.0f;
}

/* Seconds of the fastest of `runs` runs. */
static inline double bench_best(int runs, void (*run)(void *what), void *what)
{
    double least = 1e30;

    for (int i = 0; i < runs; i++) {
        double began = bench_seconds(), took;

        run(what);
        took = bench_seconds() - began;
        least = took < least ? took : least;
    }
    return least;
}

#endif
