/* SPDX-License-Identifier: Apache-2.0 */
/* Golden cases: the generator, the registry, files, the committed set, rules. */
#include "data/file.h"
#include "data/golden_file.h"
#include "data/golden_manifest.h"
#include "golden/build.h"
#include "golden/cases.h"
#include "golden/compare.h"
#include "numerics/half.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* ---- Generator ---- */

/* The generator is SplitMix64; these are its published first values for seed 0. */
Test(golden, generator_known_values)
{
    cr_assert_eq(qoq_gen(0, 0), UINT64_C(0xE220A8397B1DCDAF));
    cr_assert_eq(qoq_gen(0, 1), UINT64_C(0x6E789E6AA1B965F4));
    cr_assert_eq(qoq_gen(0, 2), UINT64_C(0x06C45D188009454F));
}

Test(golden, integers_reach_both_ends_and_no_further)
{
    cr_assert_eq(qoq_gen_int(0, -127, 127), -127);
    cr_assert_eq(qoq_gen_int(UINT64_MAX, -127, 127), 127);
    cr_assert_eq(qoq_gen_int(UINT64_C(1) << 63, 0, 1), 1);
    cr_assert_eq(qoq_gen_int((UINT64_C(1) << 63) - 1, 0, 1), 0);
}

static void fill(float *x, size_t rows, size_t columns, enum qoq_recipe_kind kind, int a, int b)
{
    struct qoq_recipe recipe = {kind, a, b};

    cr_assert_eq(qoq_recipe_fill(x, QOQ_F32, rows, columns, recipe, 42), 0);
}

Test(golden, recipes_hold_what_they_promise)
{
    float x[8 * 40];
    size_t halves = 0;

    fill(x, 8, 40, QOQ_RECIPE_CONSTANT, -16, 0);
    for (size_t i = 0; i < 8 * 40; i++)
        cr_assert_eq(x[i], x[i / 40 * 40], "constant, element %zu", i);
    fill(x, 8, 40, QOQ_RECIPE_TIES, 254, 0);
    for (size_t i = 0; i < 8 * 40; i++) {
        cr_assert(fabsf(x[i]) <= 127.0f && x[i] * 2.0f == floorf(x[i] * 2.0f), "ties, element %zu",
                  i);
        halves += x[i] != floorf(x[i]);
    }
    cr_assert(halves > 100 && halves < 220, "%zu halves of 320", halves);
    fill(x, 8, 40, QOQ_RECIPE_CANCEL, -16, 0);
    for (size_t i = 0; i < 8 * 40; i += 2)
        cr_assert_eq(x[i], -x[i + 1], "cancel, element %zu", i);
    fill(x, 8, 40, QOQ_RECIPE_MIXED, -16, 254);
    for (size_t i = 0; i < 40; i++)
        cr_assert(x[40 + i] == 0 && fabsf(x[80 + i]) < 0x1p-14f && fabsf(x[i]) <= 2.0f,
                  "mixed, column %zu", i);
}

/* Every row of `ties` reaches both limits, so that its scale is exact. */
Test(golden, ties_reach_their_limits)
{
    float x[64 * 6];

    fill(x, 64, 6, QOQ_RECIPE_TIES, 15, 0);
    for (size_t r = 0; r < 64; r++) {
        float lo = 0, hi = 0;
        for (size_t c = 0; c < 6; c++) {
            lo = fminf(lo, x[r * 6 + c]);
            hi = fmaxf(hi, x[r * 6 + c]);
        }
        cr_assert(lo == -7.5f && hi == 7.5f, "row %zu: %g to %g", r, (double)lo, (double)hi);
    }
}

Test(golden, recipe_names)
{
    char text[64];

    for (int i = 0; i < QOQ_RECIPES; i++)
        cr_assert_eq(qoq_recipe_find(qoq_recipe_name((enum qoq_recipe_kind)i)), i);
    cr_assert_eq(qoq_recipe_find("nothing"), -1);
    qoq_recipe_text(text, sizeof text, (struct qoq_recipe){QOQ_RECIPE_UNIFORM, -127, 127});
    cr_assert_str_eq(text, "uniform -127 127");
    qoq_recipe_text(text, sizeof text, (struct qoq_recipe){QOQ_RECIPE_BITS, 5, 6});
    cr_assert_str_eq(text, "bits");
}

/* ---- Registry ---- */

static void make_case(struct qoq_golden_case *c, const char *op, const char *kind, const char *sets)
{
    struct qoq_golden_standard standard = {"x.h5", op, "test", kind, sets, 5};
    struct qoq_error err = {QOQ_OK, ""};

    cr_assert_eq(qoq_golden_make_standard(c, &standard, &err), QOQ_OK, "%s %s %s: %s", op, kind,
                 sets, err.text);
}

/* Inputs and outputs equal, bit by bit. */
static int same_tensors(const struct qoq_golden_tensors *a, const struct qoq_golden_tensors *b)
{
    if (a->count != b->count)
        return 0;
    for (size_t i = 0; i < a->count; i++) {
        const struct qoq_golden_tensor *other = qoq_golden_tensors_find(b, a->item[i].tensor.name);
        if (other == NULL ||
            qoq_tensor_bytes(&a->item[i].tensor) != qoq_tensor_bytes(&other->tensor) ||
            memcmp(a->item[i].tensor.data, other->tensor.data, qoq_tensor_bytes(&other->tensor)) !=
                0)
            return 0;
    }
    return 1;
}

/* Every operator with every kind of inputs, twice. */
Test(golden, every_operator_and_kind_works_and_repeats)
{
    const struct qoq_golden_operator *op;
    struct qoq_golden_case a, b;
    char kind[24];

    for (size_t i = 0; (op = qoq_golden_operator_at(i)) != NULL; i++) {
        for (const char *at = op->kinds; *at != 0; at += strspn(at, " ")) {
            snprintf(kind, sizeof kind, "%.*s", (int)strcspn(at, " "), at);
            at += strcspn(at, " ");
            make_case(&a, op->name, kind, "");
            make_case(&b, op->name, kind, "");
            cr_assert(a.outputs.count > 0, "%s %s", op->name, kind);
            cr_assert(same_tensors(&a.inputs, &b.inputs) && same_tensors(&a.outputs, &b.outputs),
                      "%s %s", op->name, kind);
            qoq_golden_case_free(&a);
            qoq_golden_case_free(&b);
        }
    }
}

static const struct qoq_golden_tensor *output(const struct qoq_golden_case *c, size_t i)
{
    return &c->outputs.item[i];
}

/* Every tensor fits its layout, every rule can be read, every bound has its output. */
Test(golden, cases_are_well_formed)
{
    const struct qoq_golden_operator *op;
    struct qoq_golden_rule rule[QOQ_PARTS];

    for (size_t i = 0; (op = qoq_golden_operator_at(i)) != NULL; i++) {
        struct qoq_golden_case c;
        char kind[24];
        snprintf(kind, sizeof kind, "%.*s", (int)strcspn(op->kinds, " "), op->kinds);
        make_case(&c, op->name, kind, "");
        for (size_t j = 0; j < c.inputs.count; j++)
            cr_assert_eq(qoq_golden_layout_check(&c.inputs.item[j]), 0, "%s %s", op->name,
                         c.inputs.item[j].tensor.name);
        for (size_t j = 0; j < c.outputs.count; j++) {
            const struct qoq_golden_tensor *t = output(&c, j);
            cr_assert_eq(qoq_golden_layout_check(t), 0, "%s %s", op->name, t->tensor.name);
            cr_assert_eq(qoq_golden_rule_parse(rule, t->rule), 0, "%s %s: %s", op->name,
                         t->tensor.name, t->rule);
            cr_assert(strcmp(op->profile, "qoq") != 0 || strcmp(t->rule, "exact") == 0, "%s",
                      op->name);
            cr_assert_eq(rule[0].kind == QOQ_RULE_BOUND,
                         qoq_tensors_find(&c.bounds, t->tensor.name) != NULL, "%s", op->name);
        }
        qoq_golden_case_free(&c);
    }
}

static int has_operator(const char *op)
{
    for (const struct qoq_golden_standard *s = qoq_golden_standard_set; s->file != NULL; s++) {
        if (strcmp(s->op, op) == 0)
            return 1;
    }
    return 0;
}

Test(golden, the_committed_set_covers_every_operator_and_repeats_no_name)
{
    const struct qoq_golden_operator *op;
    const struct qoq_golden_standard *s = qoq_golden_standard_set;

    for (size_t i = 0; (op = qoq_golden_operator_at(i)) != NULL; i++)
        cr_assert(has_operator(op->name), "%s", op->name);
    for (size_t i = 0; s[i].file != NULL; i++) {
        for (size_t j = 0; j < i; j++)
            cr_assert(strcmp(s[i].op, s[j].op) != 0 || strcmp(s[i].tag, s[j].tag) != 0, "%s.%s",
                      s[i].op, s[i].tag);
    }
}

/* What the program refuses, with the reason it must give. */
Test(golden, wrong_parameters_are_refused)
{
    static const struct {
        const char *op, *set, *reason;
    } wrong[] = {
        {"gemm_w4a8_group", "m=0", "between"},
        {"gemm_w4a8_group", "group=48", "steps"},
        {"gemm_w4a8_group", "q=3", "parameter"},
        {"gemm_w4a8_group", "m", "NAME=VALUE"},
        {"gemm_w4a8_group", "m=1.5", "number"},
        {"gemm_w4a8_group", "m=", "number"},
        {"rmsnorm", "eps=nan", "between"},
        {"kv_write", "bits=5", "steps"},
        {"kv_write", "head_dim=7", "steps"},
        {"rope_table", "theta=inf", "between"},
        {"gemm_w4a8_group", "k=999999999999999999999", "number"},
    };
    struct qoq_golden_case c;
    struct qoq_error err = {QOQ_OK, ""};

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        cr_assert_eq(qoq_golden_begin(&c, wrong[i].op, &err), QOQ_OK);
        cr_assert_neq(qoq_golden_assign(&c, wrong[i].set, &err), QOQ_OK, "%s", wrong[i].set);
        cr_assert(strstr(err.text, wrong[i].reason) != NULL, "%s: %s", wrong[i].set, err.text);
    }
    cr_assert_eq(qoq_golden_begin(&c, "no_such_operator", &err), QOQ_ERR_ARGUMENT);
}

/* Sizes that would not fit in memory, and sizes that do not fit together. */
Test(golden, impossible_cases_are_refused)
{
    static const char *const wrong[][3] = {
        {"gemm_w8a8", "m=1000000", "k=131072"},
        {"attention_decode", "heads=3", "q_heads=4"},
        {"attention_prefill", "context=5", "rows=6"},
        {"attention_decode", "context=1000000", "head_dim=256"},
    };

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct qoq_golden_case c;
        struct qoq_error err = {QOQ_OK, ""};
        cr_assert_eq(qoq_golden_begin(&c, wrong[i][0], &err), QOQ_OK);
        cr_assert_eq(qoq_golden_assign(&c, wrong[i][1], &err), QOQ_OK);
        cr_assert_eq(qoq_golden_assign(&c, wrong[i][2], &err), QOQ_OK);
        cr_assert_neq(qoq_golden_make_inputs(&c, &err), QOQ_OK, "%s %s %s", wrong[i][0],
                      wrong[i][1], wrong[i][2]);
        qoq_golden_case_free(&c);
    }
}

/* Page numbers, lengths and sums from a file are not trusted. */
Test(golden, operators_refuse_inputs_that_lie)
{
    static const struct {
        const char *op, *input;
        int32_t value;
    } lies[] = {
        {"attention_decode", "block_table", 99},
        {"attention_decode", "block_table", -1},
        {"attention_decode", "tokens", 100000},
        {"attention_decode", "tokens", 0},
        {"attention_split", "tokens", 3},
        {"gemm_w8a8", "sum", INT32_MAX},
        {"qserve_attention", "tokens", 1000},
        {"embed", "token", 32},
        {"embed", "token", -1},
        {"residual_rmsnorm", "row", 8},
        {"residual_rmsnorm", "row", -1},
        {"rope_write", "position", 4},
        {"rope_write", "position", -1},
        {"rope_write", "sequence", 2},
        {"rope_write", "block_table", 99},
        {"rope_write", "tokens", 17},
    };

    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        const struct qoq_golden_operator *op = qoq_golden_operator_find(lies[i].op);
        struct qoq_golden_case c;
        char kind[24];
        snprintf(kind, sizeof kind, "%.*s", (int)strcspn(op->kinds, " "), op->kinds);
        make_case(&c, lies[i].op, kind, "");
        qoq_golden_tensors_free(&c.outputs);
        qoq_tensors_free(&c.bounds);
        *(int32_t *)qoq_golden_in(&c, lies[i].input) = lies[i].value;
        cr_assert_neq(qoq_golden_run(&c, NULL), QOQ_OK, "%s %s = %d", lies[i].op, lies[i].input,
                      (int)lies[i].value);
        qoq_golden_case_free(&c);
    }
}

/* ---- Files ---- */

static char scratch[64];

static void make_scratch(void)
{
    snprintf(scratch, sizeof scratch, "/tmp/qoq-golden-%ld.h5", (long)getpid());
}

static void drop_scratch(void)
{
    unlink(scratch);
}

static void write_case(const struct qoq_golden_case *c)
{
    struct qoq_h5 *file = NULL;
    struct qoq_error err = {QOQ_OK, ""};

    cr_assert_eq(qoq_golden_file_create(&file, scratch, &err), QOQ_OK, "%s", err.text);
    cr_assert_eq(qoq_golden_file_add(file, c, &err), QOQ_OK, "%s", err.text);
    cr_assert_eq(qoq_h5_commit(&file, &err), QOQ_OK, "%s", err.text);
}

static enum qoq_status read_case(struct qoq_golden_case *c, const char *path, const char *name,
                                 struct qoq_error *err)
{
    struct qoq_h5 *file = NULL;
    enum qoq_status status = qoq_golden_file_open(&file, path, err);

    memset(c, 0, sizeof *c);
    if (status == QOQ_OK)
        status = qoq_golden_file_read(c, file, name, err);
    qoq_h5_close(&file);
    return status;
}

Test(golden, files_round_trip, .init = make_scratch, .fini = drop_scratch)
{
    static const char *const ops[] = {"gemm_w4a8_group", "attention_decode", "rope_table",
                                      "kv_write",        "qserve_rope",      "sincos"};

    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) {
        const struct qoq_golden_operator *op = qoq_golden_operator_find(ops[i]);
        struct qoq_golden_case c, again;
        struct qoq_error err = {QOQ_OK, ""};
        char kind[24];
        int same = 0;
        snprintf(kind, sizeof kind, "%.*s", (int)strcspn(op->kinds, " "), op->kinds);
        make_case(&c, ops[i], kind, "");
        write_case(&c);
        cr_assert_eq(read_case(&again, scratch, c.name, &err), QOQ_OK, "%s", err.text);
        cr_assert(same_tensors(&c.inputs, &again.inputs) &&
                      same_tensors(&c.outputs, &again.outputs),
                  "%s", ops[i]);
        cr_assert_eq(qoq_golden_check_inputs(&same, &again, &err), QOQ_OK, "%s", err.text);
        cr_assert(same && again.seed == c.seed && again.bounds.count == c.bounds.count);
        cr_assert_str_eq(output(&again, 0)->rule, output(&c, 0)->rule);
        qoq_golden_case_free(&c);
        qoq_golden_case_free(&again);
    }
}

/* Changing one byte of an input or output and writing it again: the check sees it. */
Test(golden, changed_values_are_seen, .init = make_scratch, .fini = drop_scratch)
{
    for (int which = 0; which < 2; which++) {
        struct qoq_golden_case c, again, fresh;
        struct qoq_error err = {QOQ_OK, ""};
        int same = 0;
        make_case(&c, "act_quantize", "bell", "m=2 k=64");
        const char *name = which == 0 ? "x" : "q";
        struct qoq_golden_tensor *t =
            qoq_golden_tensors_find(which == 0 ? &c.inputs : &c.outputs, name);
        ((uint8_t *)t->tensor.data)[5] ^= 4;
        write_case(&c);
        cr_assert_eq(read_case(&again, scratch, c.name, &err), QOQ_OK, "%s", err.text);
        cr_assert_eq(qoq_golden_check_inputs(&same, &again, &err), QOQ_OK, "%s", err.text);
        cr_assert_eq(same, which == 1);
        cr_assert_eq(qoq_golden_recompute(&fresh, &again, &err), QOQ_OK, "%s", err.text);
        cr_assert_eq(same_tensors(&fresh.outputs, &again.outputs), 0);
        qoq_golden_case_free(&c);
        qoq_golden_case_free(&again);
        qoq_golden_case_free(&fresh);
    }
}

/* A byte of the file flipped, at many places: never a crash; never a case that reads well but
 * differs. */
Test(golden, damaged_files_are_refused, .init = make_scratch, .fini = drop_scratch)
{
    struct qoq_golden_case c, again;
    struct qoq_error err = {QOQ_OK, ""};
    char *bytes = NULL;
    size_t size, refused = 0, tried = 0;

    make_case(&c, "gemm_w4a8_channel", "quantized", "m=2 n=32 k=32");
    write_case(&c);
    cr_assert_eq(qoq_file_read(&bytes, &size, scratch, 1 << 24, &err), QOQ_OK);
    for (size_t at = 3; at < size; at += 97, tried++) {
        FILE *file = fopen(scratch, "wb");
        cr_assert_not_null(file);
        bytes[at] ^= 0x55;
        cr_assert_eq(fwrite(bytes, 1, size, file), size);
        cr_assert_eq(fclose(file), 0);
        bytes[at] ^= 0x55;
        if (read_case(&again, scratch, c.name, &err) == QOQ_OK)
            cr_assert(same_tensors(&c.outputs, &again.outputs) &&
                          same_tensors(&c.inputs, &again.inputs),
                      "byte %zu", at);
        else
            refused++;
        qoq_golden_case_free(&again);
    }
    cr_assert(refused > tried / 4, "%zu of %zu refused", refused, tried);
    free(bytes);
    qoq_golden_case_free(&c);
}

/* ---- The committed files ---- */

static size_t check_committed(const char *path)
{
    struct qoq_h5 *file = NULL;
    struct qoq_h5_names names;
    struct qoq_error err = {QOQ_OK, ""};

    cr_assert_eq(qoq_golden_file_open(&file, path, &err), QOQ_OK, "%s", err.text);
    cr_assert_eq(qoq_golden_file_names(&names, file, &err), QOQ_OK, "%s", err.text);
    for (size_t i = 0; i < names.count; i++) {
        struct qoq_golden_case c, fresh;
        int same = 0;
        cr_assert_eq(qoq_golden_file_read(&c, file, names.name[i], &err), QOQ_OK, "%s", err.text);
        cr_assert_eq(qoq_golden_check_inputs(&same, &c, &err), QOQ_OK, "%s", err.text);
        cr_assert_eq(qoq_golden_recompute(&fresh, &c, &err), QOQ_OK, "%s", err.text);
        cr_expect(same, "%s: inputs are not the generator's", names.name[i]);
        cr_expect(same_tensors(&fresh.outputs, &c.outputs), "%s: outputs differ", names.name[i]);
        qoq_golden_case_free(&c);
        qoq_golden_case_free(&fresh);
    }
    size_t count = names.count;
    qoq_h5_names_free(&names);
    qoq_h5_close(&file);
    return count;
}

Test(golden, committed_files_check_clean)
{
    const char *data = getenv("QOQ_DATADIR");
    struct qoq_golden_manifest manifest;
    struct qoq_error err = {QOQ_OK, ""};
    char path[512];
    size_t bytes = 0, cases = 0;

    cr_assert_not_null(data, "QOQ_DATADIR is not set");
    snprintf(path, sizeof path, "%s/golden/MANIFEST", data);
    cr_assert_eq(qoq_golden_manifest_read(&manifest, path, &err), QOQ_OK, "%s", err.text);
    for (size_t i = 0; i < manifest.count; i++) {
        struct qoq_golden_entry found;
        snprintf(path, sizeof path, "%s/golden/%s", data, manifest.item[i].file);
        cr_assert_eq(qoq_golden_measure(&found, path, &err), QOQ_OK, "%s", err.text);
        cr_expect_str_eq(found.sha256, manifest.item[i].sha256, "%s", path);
        cr_expect_eq(check_committed(path), manifest.item[i].cases, "%s", path);
        bytes += found.bytes;
        cases += manifest.item[i].cases;
    }
    size_t standard = 0;
    while (qoq_golden_standard_set[standard].file != NULL)
        standard++;
    cr_assert_eq(cases, standard);
    cr_assert(bytes < (size_t)6 << 20, "the committed files have grown to %zu bytes", bytes);
}

Test(golden, manifests_that_lie_are_refused, .init = make_scratch, .fini = drop_scratch)
{
    static const char *const wrong[] = {
        "",
        "# Golden files\n",
        "# Golden files of qoq; see doc/golden.md. 'sha256sum -c MANIFEST' checks the digests.\n",
        "# Golden files of qoq; see doc/golden.md. 'sha256sum -c MANIFEST' checks the digests.\n# "
        "bytes 1, cases 1\n",
        "# Golden files of qoq; see doc/golden.md. 'sha256sum -c MANIFEST' checks the digests.\n# "
        "bytes 1, cases 1, numerics 1\n"
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef  ../x.h5\n",
        "# Golden files of qoq; see doc/golden.md. 'sha256sum -c MANIFEST' checks the digests.\n# "
        "bytes 1, cases 1, numerics 1\n"
        "0123  x.h5\n",
    };

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct qoq_golden_manifest manifest;
        struct qoq_error err = {QOQ_OK, ""};
        FILE *file = fopen(scratch, "wb");
        cr_assert_not_null(file);
        fputs(wrong[i], file);
        fclose(file);
        cr_assert_neq(qoq_golden_manifest_read(&manifest, scratch, &err), QOQ_OK, "manifest %zu",
                      i);
    }
}

/* ---- Rules ---- */

Test(golden, rules)
{
    static const char *const good[] = {"exact",
                                       "ulp16 2",
                                       "abs 0.001",
                                       "abs 0x1p-10",
                                       "abs bound",
                                       "code 1 rate 0.01",
                                       "code 1 rate 0.01 mod 16",
                                       "codes: code 1 rate 0.01; scales: exact; zeros: ulp16 1"};
    static const char *const bad[] = {"",
                                      "exactly",
                                      "ulp16",
                                      "ulp16 -1",
                                      "abs",
                                      "abs x",
                                      "code 1",
                                      "code 1 rate",
                                      "exact 1",
                                      "code 1 rate 0.1 mod 1",
                                      "codes: exact; scales: exact",
                                      "abs inf",
                                      "scales: exact"};
    struct qoq_golden_rule rule[QOQ_PARTS];

    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        cr_assert_eq(qoq_golden_rule_parse(rule, good[i]), 0, "%s", good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        cr_assert_eq(qoq_golden_rule_parse(rule, bad[i]), -1, "'%s'", bad[i]);
}

static int allows(const char *text, enum qoq_dtype dtype, uint16_t ours, uint16_t theirs)
{
    struct qoq_golden_rule rule[QOQ_PARTS];
    int half = dtype == QOQ_F16;
    struct qoq_golden_element a = {QOQ_PART_CODE, dtype, ours,
                                   half ? (double)qoq_half_to_float(ours) : ours};
    struct qoq_golden_element b = {QOQ_PART_CODE, dtype, theirs,
                                   half ? (double)qoq_half_to_float(theirs) : theirs};

    cr_assert_eq(qoq_golden_rule_parse(rule, text), 0, "%s", text);
    return qoq_golden_rule_allows(&rule[0], &a, &b, 0.5);
}

Test(golden, rules_allow_what_they_say)
{
    cr_assert(allows("exact", QOQ_F16, 0x7E00, 0xFE01), "two NaNs");
    cr_assert_not(allows("exact", QOQ_F16, 0x0000, 0x8000), "signs of zeros");
    cr_assert(allows("ulp16 1", QOQ_F16, 0x3C00, 0x3BFF));
    cr_assert_not(allows("ulp16 1", QOQ_F16, 0x3C00, 0x3BFE));
    cr_assert(allows("ulp16 2", QOQ_F16, 0x0001, 0x8001), "across zero");
    cr_assert_not(allows("ulp16 2", QOQ_F16, 0x3C00, 0x7E00), "NaN for a number");
    cr_assert(allows("abs 0.25", QOQ_F16, 0x3C00, 0x3D00));
    cr_assert_not(allows("abs 0.2", QOQ_F16, 0x3C00, 0x3D00));
    cr_assert(allows("abs bound", QOQ_F16, 0x3C00, 0x3E00));
    cr_assert_not(allows("abs bound", QOQ_F16, 0x3C00, 0x3E01));
    cr_assert(allows("code 1 rate 0.1", QOQ_U8, 7, 8));
    cr_assert_not(allows("code 1 rate 0.1", QOQ_U8, 15, 0));
    cr_assert(allows("code 1 rate 0.1 mod 16", QOQ_U8, 15, 0), "a wrapped code");
}
