/* SPDX-License-Identifier: Apache-2.0 */
/* What the operators of golden.c share: a golden case on the device. */
#ifndef QOQ_GPU_VERIFY_GOLDEN_CASE_H
#define QOQ_GPU_VERIFY_GOLDEN_CASE_H

#include "gpu/verify/arrays.h"
#include "gpu/verify/golden.h"

struct qoq_verify_golden_case {
    struct qoq_verify_arrays arrays;
    const struct qoq_golden_case *c;
    struct qoq_verify_golden *out;
    const char *choice; /* what a kernel was made to choose, such as "tile"; NULL: nothing */
    int chosen;
};

/* Parameters. */
size_t qoq_verify_golden_size(const struct qoq_verify_golden_case *run, const char *name);
float qoq_verify_golden_real(const struct qoq_verify_golden_case *run, const char *name);

/* The device's copy of an input; NULL where the case has none. */
void *qoq_verify_golden_input(struct qoq_verify_golden_case *run, const char *name);

/* An array for an output of the case; it holds nothing that could pass for a result. */
struct qoq_verify_array *qoq_verify_golden_output(struct qoq_verify_golden_case *run,
                                                  const char *name);

/* Makes it so again, before another kernel computes the same output. */
void qoq_verify_golden_spoil(struct qoq_verify_golden_case *run, struct qoq_verify_array *array);

/* The same for an output that a kernel changes in place: it holds what the input `from` has. */
struct qoq_verify_array *qoq_verify_golden_changed(struct qoq_verify_golden_case *run,
                                                   const char *name, const char *from);

/* After a kernel: what it left against what the case demands. */
void qoq_verify_golden_compare(struct qoq_verify_golden_case *run,
                               const struct qoq_verify_array *array);

/* Notes what a call of the operator's kernel returned. */
void qoq_verify_golden_note(struct qoq_verify_golden_case *run, enum qoq_status status);

typedef void qoq_verify_golden_operator(struct qoq_verify_golden_case *run);

qoq_verify_golden_operator qoq_verify_golden_act, qoq_verify_golden_norm_act,
    qoq_verify_golden_residual_act, qoq_verify_golden_silu, qoq_verify_golden_residual,
    qoq_verify_golden_norm, qoq_verify_golden_residual_norm, qoq_verify_golden_embed,
    qoq_verify_golden_argmax, qoq_verify_golden_product, qoq_verify_golden_ordered,
    qoq_verify_golden_rope, qoq_verify_golden_decode, qoq_verify_golden_prefill,
    qoq_verify_golden_split;

#endif
