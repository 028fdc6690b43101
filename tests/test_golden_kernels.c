/* SPDX-License-Identifier: Apache-2.0 */
/* Golden cases by the kernels, on the emulator: every kind of inputs of every operator that has a
 * kernel, in every schedule, and what is said about a wrong output or a lying input. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "golden/build.h"
#include "golden/cases.h"
#include "gpu/verify/golden.h"
#include "gpu/verify/verify.h"
#include "seed.h"
#include "sim/emu/emu.h"

static void make_case(struct qoq_golden_case *c, const char *op, const char *kind, const char *sets,
                      uint64_t seed)
{
    struct qoq_golden_standard standard = {"x.h5", op, "test", kind, sets, (int64_t)seed};
    struct qoq_error err = {QOQ_OK, ""};

    cr_assert_eq(qoq_golden_make_standard(c, &standard, &err), QOQ_OK, "%s %s %s: %s", op, kind,
                 sets, err.text);
}

static enum qoq_status run(struct qoq_verify_golden *result, const struct qoq_golden_case *c,
                           const struct qoq_emu_options *options, int bands)
{
    struct qoq_cuda *handle;

    cr_assert_eq(qoq_emu_create(&handle, options), QOQ_OK);
    enum qoq_status status = qoq_verify_golden_run(handle, result, c, bands);
    qoq_cuda_destroy(handle);
    return status;
}

static int has_kernel(const char *op)
{
    struct qoq_golden_case c = {.seed = 0};

    snprintf(c.op, sizeof c.op, "%s", op);
    return qoq_verify_golden_kernel(&c) != NULL;
}

/* ---- Cases ---- */

/* Beside the defaults of an operator; those that it does not take are passed over. */
static const char *const settings[] = {
    "",
    "m=3 k=77",
    "m=37 n=45 k=77 bias=1",
    "m=9 n=70 k=200 group=96 bias=1",
    "rows=13 m=9 k=131",
    "m=5 vocab=3 k=9",
    "bits=8",
    "bits=8 page=5 heads=3 q_heads=6 head_dim=34 tokens=23 sequences=3 first=9 norm=1",
    "page=3 heads=1 q_heads=5 head_dim=256 tokens=7 norm=1 eps=0",
    "bits=8 page=5 heads=2 q_heads=6 head_dim=34 context=139",
};

static int takes(const char *op, const char *kind, const char *sets)
{
    struct qoq_golden_standard standard = {"x.h5", op, "test", kind, sets, 1};
    struct qoq_golden_case c;
    int good = qoq_golden_make_standard(&c, &standard, NULL) == QOQ_OK;

    qoq_golden_case_free(&c);
    return good;
}

/* "m=3 k=77" as options of qoq golden make. */
static const char *options_of(const char *sets)
{
    static char text[300];
    size_t used = 0;

    text[0] = 0;
    for (size_t length; *sets != 0; sets += length + (sets[length] == ' ')) {
        length = strcspn(sets, " ");
        used += (size_t)snprintf(text + used, sizeof text - used, " --set %.*s", (int)length, sets);
    }
    return text;
}

static size_t every_setting(const char *op, const char *kind, uint64_t seed)
{
    size_t count = 0;

    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        struct qoq_verify_golden result;
        struct qoq_golden_case c;
        struct qoq_emu_options options = {(enum qoq_emu_schedule)((seed + i) % QOQ_EMU_SCHEDULES),
                                          seed, (int)(i % 2), 0};

        if (!takes(op, kind, settings[i]))
            continue;
        make_case(&c, op, kind, settings[i], seed + i);
        enum qoq_status status = run(&result, &c, &options, (int)(i % 2));
        cr_assert(status == QOQ_OK && result.elements > 0,
                  "%s\nqoq golden make --operator %s --inputs %s --seed %" PRIu64
                  "%s -o x.h5 && qoq sim golden x.h5 --schedule %s",
                  result.text, op, kind, seed + i, options_of(settings[i]),
                  qoq_emu_schedule_name(options.schedule));
        qoq_golden_case_free(&c);
        count++;
    }
    return count;
}

Test(golden_kernels, every_operator_kind_and_schedule)
{
    const struct qoq_golden_operator *op;
    uint64_t seed = test_seed() % 1000000;
    size_t operators = 0, cases = 0;
    char kind[24];

    for (size_t i = 0; (op = qoq_golden_operator_at(i)) != NULL; i++) {
        if (!has_kernel(op->name))
            continue;
        operators++;
        for (const char *at = op->kinds; *at != 0; at += strspn(at, " ")) {
            snprintf(kind, sizeof kind, "%.*s", (int)strcspn(at, " "), at);
            at += strcspn(at, " ");
            cases += every_setting(op->name, kind, seed++);
        }
    }
    cr_assert_eq(operators, 17);
    cr_assert(cases > 300, "%zu cases", cases);
}

/* ---- What is committed ---- */

/* Whether a committed case is computed by the kernel. */
static int is_covered(const char *kernel)
{
    int covered = 0;

    for (const struct qoq_golden_standard *s = qoq_golden_standard_set; s->file != NULL; s++) {
        struct qoq_golden_case c;

        if (covered || !has_kernel(s->op))
            continue;
        cr_assert_eq(qoq_golden_make_standard(&c, s, NULL), QOQ_OK);
        covered = strcmp(qoq_verify_golden_kernel(&c), kernel) == 0;
        qoq_golden_case_free(&c);
    }
    return covered;
}

Test(golden_kernels, no_kernel_without_a_golden_case)
{
    for (const struct qoq_verify_kernel *k = qoq_verify_kernels; k->name != NULL; k++)
        cr_expect(is_covered(k->name), "%s", k->name);
}

/* ---- What is said ---- */

Test(golden_kernels, a_wrong_output_is_named)
{
    static const struct {
        const char *op, *output, *says;
        size_t byte;
    } wrong[] = {
        {"embed", "r", "r: 1 of 1024 differ, the first at m 1, k 2: ", 4 * 258},
        {"rope_write", "v_pool", "v_pool: 1 of ", 9},
        {"rope_write", "query", "query: 1 of 2048 differ, the first at t 1, h 0, d 3: ", 4 * 259},
        {"gemm_w8a8", "y", "y: 1 of ", 2},
        {"attention_decode", "out",
         "out: 1 of 128 differ, the first at sequence 0, h 1, d 1: ", 2 * 65},
        {"argmax", "token", "token: 1 of 4 differ, the first at m 3: ", 12},
    };

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        const struct qoq_golden_operator *op = qoq_golden_operator_find(wrong[i].op);
        struct qoq_verify_golden result;
        struct qoq_golden_case c;
        char kind[24];

        snprintf(kind, sizeof kind, "%.*s", (int)strcspn(op->kinds, " "), op->kinds);
        make_case(&c, op->name, kind, "", 3);
        ((uint8_t *)qoq_golden_out(&c, wrong[i].output))[wrong[i].byte] ^= 1;
        cr_expect_eq(run(&result, &c, NULL, 0), QOQ_ERR_DIFFERS);
        cr_expect(result.differing > 0, "%s", op->name);
        cr_expect(strncmp(result.text, wrong[i].says, strlen(wrong[i].says)) == 0, "%s",
                  result.text);
        cr_expect(strstr(result.text, "where the file has") != NULL, "%s", result.text);
        qoq_golden_case_free(&c);
    }
}

/* A kernel believes indices: they are looked at before. */
Test(golden_kernels, lies_do_not_reach_a_kernel)
{
    static const struct {
        const char *op, *input;
        int32_t value;
    } lies[] = {
        {"attention_decode", "block_table", 99},
        {"attention_decode", "tokens", 0},
        {"attention_decode", "tokens", 201},
        {"attention_prefill", "block_table", -1},
        {"attention_prefill", "tokens", 7},
        {"attention_split", "tokens", 201},
        {"embed", "token", 32},
        {"embed", "token", -1},
        {"residual_rmsnorm", "row", 8},
        {"rope_write", "block_table", 99},
        {"rope_write", "position", 4},
        {"rope_write", "position", -1},
        {"rope_write", "sequence", 2},
        {"rope_write", "tokens", 1000},
    };

    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        struct qoq_verify_golden result;
        struct qoq_golden_case c;

        make_case(&c, lies[i].op, "bell", "", 3);
        *(int32_t *)qoq_golden_in(&c, lies[i].input) = lies[i].value;
        cr_expect_eq(run(&result, &c, NULL, 0), QOQ_ERR_RANGE, "%s %s = %d", lies[i].op,
                     lies[i].input, (int)lies[i].value);
        cr_expect(strstr(result.text, lies[i].input) != NULL, "%s", result.text);
        qoq_golden_case_free(&c);
    }
}

Test(golden_kernels, what_no_kernel_computes_is_skipped)
{
    struct qoq_verify_golden result;
    struct qoq_golden_case c;

    make_case(&c, "kv_read", "bell", "", 3);
    cr_expect_null(qoq_verify_golden_kernel(&c));
    cr_expect_eq(run(&result, &c, NULL, 0), QOQ_ERR_UNSUPPORTED);
    qoq_golden_case_free(&c);
    make_case(&c, "attention_split", "bell", "context=2049 head_dim=2", 3);
    cr_expect_eq(run(&result, &c, NULL, 0), QOQ_ERR_UNSUPPORTED);
    qoq_golden_case_free(&c);
}
