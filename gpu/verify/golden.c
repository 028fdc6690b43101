/* SPDX-License-Identifier: Apache-2.0 */
/* Golden cases: which kernel computes which operator, and one case from beginning to end. */
#include "gpu/verify/golden.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "golden/compare.h"
#include "gpu/verify/cases.h"
#include "gpu/verify/golden_case.h"

/* Where a kernel is named by the bits of the cache: 4, then 8. */
static const struct {
    const char *op, *kernel[2];
    qoq_verify_golden_operator *run;
} operators[] = {
    {"act_quantize", {"act_quantize"}, qoq_verify_golden_act},
    {"rmsnorm_quantize", {"rmsnorm_quantize"}, qoq_verify_golden_norm_act},
    {"residual_rmsnorm_quantize", {"rmsnorm_quantize"}, qoq_verify_golden_residual_act},
    {"silu_mul_quantize", {"silu_mul_quantize"}, qoq_verify_golden_silu},
    {"residual_add", {"residual_add"}, qoq_verify_golden_residual},
    {"gemm_w8a8", {"gemm_w8a8"}, qoq_verify_golden_product},
    {"gemm_w4a8_channel", {"gemm_w4a8_channel"}, qoq_verify_golden_product},
    {"gemm_w4a8_group", {"gemm_w4a8_group"}, qoq_verify_golden_product},
    {"rope_write", {"rope_write"}, qoq_verify_golden_rope},
    {"attention_decode",
     {"attention_decode_kv4", "attention_decode_kv8"},
     qoq_verify_golden_decode},
    {"attention_split", {"attention_kv4", "attention_kv8"}, qoq_verify_golden_split},
    {"attention_prefill",
     {"attention_prefill_kv4", "attention_prefill_kv8"},
     qoq_verify_golden_prefill},
    {"embed", {"embed"}, qoq_verify_golden_embed},
    {"rmsnorm", {"rmsnorm"}, qoq_verify_golden_norm},
    {"residual_rmsnorm", {"rmsnorm"}, qoq_verify_golden_residual_norm},
    {"gemm_f16", {"gemm_f16"}, qoq_verify_golden_ordered},
    {"argmax", {"argmax"}, qoq_verify_golden_argmax},
};
enum { OPERATORS = sizeof operators / sizeof operators[0] };

/* The place of an operator in the table, or OPERATORS. */
static size_t find(const char *op)
{
    size_t i = 0;

    while (i < OPERATORS && strcmp(operators[i].op, op) != 0) {
        i++;
    }
    return i;
}

const char *qoq_verify_golden_kernel(const struct qoq_golden_case *c)
{
    const struct qoq_golden_parameter *bits = qoq_golden_parameter_find(c, "bits");
    size_t i = find(c->op);

    if (i == OPERATORS) {
        return NULL;
    }
    return operators[i].kernel[1] != NULL && bits != NULL && bits->integer == 8
               ? operators[i].kernel[1]
               : operators[i].kernel[0];
}

/* ---- What operators use ---- */

size_t qoq_verify_golden_size(const struct qoq_verify_golden_case *run, const char *name)
{
    return (size_t)qoq_golden_parameter_find(run->c, name)->integer;
}

float qoq_verify_golden_real(const struct qoq_verify_golden_case *run, const char *name)
{
    return (float)qoq_golden_parameter_find(run->c, name)->real;
}

/* An array with the contents of a tensor, under another name. */
static struct qoq_verify_array *copy_of(struct qoq_verify_golden_case *run, const char *name,
                                        const struct qoq_golden_tensor *t)
{
    struct qoq_verify_array *array =
        qoq_verify_new(&run->arrays, name, qoq_tensor_bytes(&t->tensor), 1);

    if (array != NULL) {
        memcpy(array->host, t->tensor.data, array->bytes);
        qoq_verify_send(&run->arrays, array);
    }
    return array;
}

void *qoq_verify_golden_input(struct qoq_verify_golden_case *run, const char *name)
{
    const struct qoq_golden_tensor *t = qoq_golden_tensors_find(&run->c->inputs, name);
    struct qoq_verify_array *array = t == NULL ? NULL : copy_of(run, name, t);

    return array == NULL ? NULL : array->device;
}

/* The output of that name; notes that there is none. */
static const struct qoq_golden_tensor *wanted(struct qoq_verify_golden_case *run, const char *name)
{
    const struct qoq_golden_tensor *t = qoq_golden_tensors_find(&run->c->outputs, name);

    if (t == NULL) {
        qoq_verify_note(&run->arrays, QOQ_ERR_FORMAT, name);
    }
    return t;
}

void qoq_verify_golden_spoil(struct qoq_verify_golden_case *run, struct qoq_verify_array *array)
{
    if (run->arrays.status == QOQ_OK) {
        memset(array->host, 0xa5, array->bytes);
        qoq_verify_send(&run->arrays, array);
    }
}

struct qoq_verify_array *qoq_verify_golden_output(struct qoq_verify_golden_case *run,
                                                  const char *name)
{
    const struct qoq_golden_tensor *t = wanted(run, name);
    struct qoq_verify_array *array =
        t == NULL ? NULL : qoq_verify_new(&run->arrays, name, qoq_tensor_bytes(&t->tensor), 1);

    /* The emulator knows what was never written; a GPU may give memory that an earlier case had. */
    if (!qoq_cuda_is_emulated(run->arrays.handle)) {
        qoq_verify_golden_spoil(run, array);
    }
    return array;
}

struct qoq_verify_array *qoq_verify_golden_changed(struct qoq_verify_golden_case *run,
                                                   const char *name, const char *from)
{
    const struct qoq_golden_tensor *t = wanted(run, name);
    const struct qoq_golden_tensor *before = qoq_golden_tensors_find(&run->c->inputs, from);

    if (t == NULL || qoq_tensor_bytes(&t->tensor) != qoq_tensor_bytes(&before->tensor)) {
        qoq_verify_note(&run->arrays, QOQ_ERR_FORMAT, name);
        return NULL;
    }
    return copy_of(run, name, before);
}

/* The first difference, as one line. */
static void describe(struct qoq_verify_golden_case *run, const struct qoq_golden_tensor *t,
                     const void *have)
{
    struct qoq_golden_report report;
    char ours[64], theirs[64], choice[40] = "", place[160] = "";
    size_t used = 0;

    if (qoq_golden_compare(&report, t, NULL, have) != QOQ_OK || report.differing == 0) {
        snprintf(run->out->text, sizeof run->out->text, "%s: differs", t->tensor.name);
        return;
    }
    qoq_golden_element_text(ours, sizeof ours, t, &report.ours);
    qoq_golden_element_text(theirs, sizeof theirs, t, &report.theirs);
    for (int i = 0; i < report.where.axes && used < sizeof place; i++) {
        used += (size_t)snprintf(place + used, sizeof place - used, "%s%s %zu", i == 0 ? "" : ", ",
                                 report.where.axis[i].name, report.where.axis[i].at);
    }
    if (run->choice != NULL) {
        snprintf(choice, sizeof choice, " (%s %d)", run->choice, run->chosen);
    }
    snprintf(run->out->text, sizeof run->out->text,
             "%s%s: %zu of %zu differ, the first at %s: %s where the file has %s", t->tensor.name,
             choice, report.differing, report.elements, place, theirs, ours);
}

void qoq_verify_golden_compare(struct qoq_verify_golden_case *run,
                               const struct qoq_verify_array *array)
{
    void *have = qoq_verify_fetch(&run->arrays, array);

    if (run->arrays.status == QOQ_OK) {
        const struct qoq_golden_tensor *t = qoq_golden_tensors_find(&run->c->outputs, array->name);
        size_t differing = qoq_golden_count(t, t->tensor.data, have);

        if (differing != 0 && run->out->differing == 0) {
            describe(run, t, have);
        }
        run->out->elements += qoq_golden_elements(t);
        run->out->differing += differing;
    }
    free(have);
}

void qoq_verify_golden_note(struct qoq_verify_golden_case *run, enum qoq_status status)
{
    qoq_verify_note(&run->arrays, status, run->c->op);
}

enum qoq_status qoq_verify_golden_run(struct qoq_cuda *handle, struct qoq_verify_golden *out,
                                      const struct qoq_golden_case *c, int bands)
{
    struct qoq_verify_golden_case run = {.c = c, .out = out};
    size_t i = find(c->op);

    *out = (struct qoq_verify_golden){.elements = 0};
    if (i == OPERATORS) {
        return QOQ_ERR_UNSUPPORTED;
    }
    run.arrays.handle = handle;
    run.arrays.bands = bands || !qoq_cuda_is_emulated(handle);
    operators[i].run(&run);
    if (out->differing != 0) {
        qoq_verify_note(&run.arrays, QOQ_ERR_DIFFERS, c->op);
    }
    return qoq_verify_end(&run.arrays, out->text, sizeof out->text);
}
