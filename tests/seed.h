/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random inputs of the unit tests (generator of N 13.1). Every test starts from the same seed,
 * unless the environment variable QOQ_SEED gives another; failure messages end in SEED_FORMAT with
 * test_seed(), the line that reproduces them.
 */
#ifndef QOQ_TESTS_SEED_H
#define QOQ_TESTS_SEED_H

#include <inttypes.h>
#include <stdlib.h>

#include "numerics/gen.h"

#define SEED_FORMAT " [QOQ_SEED=%" PRIu64 "]"

static inline uint64_t test_seed(void)
{
    const char *text = getenv("QOQ_SEED");

    return text == NULL || *text == '\0' ? UINT64_C(20260501) : strtoull(text, NULL, 0);
}

/* A stream of 64-bit numbers; streams with different numbers differ. */
struct test_random {
    uint64_t state;
};

static inline uint64_t test_next(struct test_random *r)
{
    return qoq_gen_next(&r->state);
}

static inline struct test_random test_random(uint64_t stream)
{
    struct test_random r = {test_seed() ^ stream * UINT64_C(0xd1342543de82ef95)};

    (void)test_next(&r);
    return r;
}

/* An integer in [lo, hi]. */
static inline int64_t test_integer(struct test_random *r, int64_t lo, int64_t hi)
{
    return lo + (int64_t)((test_next(r) >> 32) * (uint64_t)(hi - lo + 1) >> 32);
}

/* A multiple of 2^-24 * scale in [-scale, scale). */
static inline float test_uniform(struct test_random *r, float scale)
{
    return (float)((int32_t)(test_next(r) >> 39) - (1 << 24)) * 0x1p-24f * scale;
}

#endif
