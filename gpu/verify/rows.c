/* SPDX-License-Identifier: Apache-2.0 */
/* Row kernels against the reference. */
#include "gpu/verify/cases.h"

#include <stdlib.h>

/* The activations of a case: the reference writes to the host's copies, the kernel to the device's.
 */
struct act_arrays {
    struct qoq_verify_array *q, *scale, *sum;
    struct qoq_act host;
    struct qoq_cuda_act device;
};

static void act_new(struct act_arrays *a, struct qoq_verify_arrays *arrays,
                    const struct qoq_verify_shape *s)
{
    a->q = qoq_verify_new(arrays, "codes", s->m * s->k, 1);
    a->scale = qoq_verify_new(arrays, "scales", s->m, sizeof(float));
    a->sum = qoq_verify_new(arrays, "sums", s->m, sizeof(int32_t));
    if (arrays->status == QOQ_OK) {
        a->host = (struct qoq_act){s->m, s->k, a->q->host, a->scale->host, a->sum->host};
        a->device =
            (struct qoq_cuda_act){s->m, s->k, s->k, a->q->device, a->scale->device, a->sum->device};
    }
}

static enum qoq_status act_finish(struct act_arrays *a, struct qoq_verify_arrays *arrays,
                                  const struct qoq_verify_shape *s, char *text, size_t room)
{
    enum qoq_status status;

    qoq_verify_compare(arrays, a->q, QOQ_I8, s->k, text, room);
    qoq_verify_compare(arrays, a->scale, QOQ_F32, 1, text, room);
    qoq_verify_compare(arrays, a->sum, QOQ_I32, 1, text, room);
    status = qoq_verify_end(arrays, text, room);
    return status;
}

enum qoq_status qoq_verify_act_quantize(struct qoq_cuda *handle,
                                        const struct qoq_verify_kernel *kernel,
                                        const struct qoq_verify_shape *s, uint64_t seed, char *text,
                                        size_t room)
{
    struct qoq_verify_arrays arrays;
    struct act_arrays a;
    struct qoq_verify_array *x;

    (void)kernel;
    qoq_verify_begin(&arrays, handle, s);
    x = qoq_verify_new(&arrays, "x", s->m * s->k, sizeof(qoq_half));
    act_new(&a, &arrays, s);
    if (arrays.status == QOQ_OK) {
        qoq_verify_fill_halves(x->host, s->m, s->k, seed, 1);
        qoq_verify_send(&arrays, x);
        qoq_verify_note(&arrays, qoq_act_quantize(&a.host, x->host), "the reference");
        qoq_verify_note(&arrays, qoq_cuda_act_quantize(handle, &a.device, x->device), "kernel");
    }
    return act_finish(&a, &arrays, s, text, room);
}

enum qoq_status qoq_verify_rmsnorm(struct qoq_cuda *handle, const struct qoq_verify_kernel *kernel,
                                   const struct qoq_verify_shape *s, uint64_t seed, char *text,
                                   size_t room)
{
    /* 0: rows of zeros become NaN. */
    const float eps = seed % 3 == 0 ? 0.0f : seed % 3 == 1 ? 1e-5f : 0x1p-20f;
    struct qoq_verify_arrays arrays;
    struct act_arrays a;
    struct qoq_verify_array *r, *o, *gamma;

    (void)kernel;
    qoq_verify_begin(&arrays, handle, s);
    r = qoq_verify_new(&arrays, "r", s->m * s->k, sizeof(float));
    o = qoq_verify_new(&arrays, "o", s->m * s->k, sizeof(qoq_half));
    gamma = qoq_verify_new(&arrays, "gamma", s->k, sizeof(float));
    act_new(&a, &arrays, s);
    if (arrays.status == QOQ_OK) {
        qoq_verify_fill_floats(r->host, s->m, s->k, seed, 1);
        for (size_t i = 0; eps == 0.0f && i < s->k; i++) {
            ((float *)r->host)[i] *= 0x1p-90f; /* squares vanish: infinities */
        }
        qoq_verify_fill_halves(o->host, s->m, s->k, seed + 8 * 3 * 32, 0);
        qoq_verify_fill_bell(gamma->host, s->k, seed + 2, 1.0f);
        qoq_verify_send(&arrays, r);
        qoq_verify_send(&arrays, o);
        qoq_verify_send(&arrays, gamma);
        if (s->bias) {
            qoq_verify_note(&arrays, qoq_residual_add(r->host, o->host, s->m * s->k),
                            "the reference");
        }
        qoq_verify_note(&arrays, qoq_rmsnorm_quantize(&a.host, r->host, gamma->host, eps),
                        "the reference");
        qoq_verify_note(&arrays,
                        qoq_cuda_rmsnorm_quantize(handle, &a.device, r->device,
                                                  s->bias ? o->device : NULL, gamma->device, eps),
                        "kernel");
        qoq_verify_compare(&arrays, r, QOQ_F32, s->k, text, room);
    }
    return act_finish(&a, &arrays, s, text, room);
}

enum qoq_status qoq_verify_silu(struct qoq_cuda *handle, const struct qoq_verify_kernel *kernel,
                                const struct qoq_verify_shape *s, uint64_t seed, char *text,
                                size_t room)
{
    struct qoq_verify_arrays arrays;
    struct act_arrays a;
    struct qoq_verify_array *both;
    qoq_half *gate, *up;

    (void)kernel;
    qoq_verify_begin(&arrays, handle, s);
    both = qoq_verify_new(&arrays, "gate and up", 2 * s->m * s->k, sizeof(qoq_half));
    act_new(&a, &arrays, s);
    gate = calloc(s->m * s->k, sizeof *gate);
    up = calloc(s->m * s->k, sizeof *up);
    if (gate == NULL || up == NULL) {
        qoq_verify_note(&arrays, QOQ_ERR_MEMORY, "the reference");
    }
    if (arrays.status == QOQ_OK) {
        qoq_half *rows = both->host, *device = both->device;

        qoq_verify_fill_halves(gate, s->m, s->k, seed, 1);
        qoq_verify_fill_halves(up, s->m, s->k, seed + 5 * 32, 0);
        for (size_t i = 0; i < s->m * s->k; i++) {
            rows[i / s->k * 2 * s->k + i % s->k] = gate[i];
            rows[i / s->k * 2 * s->k + s->k + i % s->k] = up[i];
        }
        qoq_verify_send(&arrays, both);
        qoq_verify_note(&arrays, qoq_silu_mul_quantize(&a.host, gate, up), "the reference");
        qoq_verify_note(
            &arrays, qoq_cuda_silu_mul_quantize(handle, &a.device, device, device + s->k, 2 * s->k),
            "kernel");
    }
    free(gate);
    free(up);
    return act_finish(&a, &arrays, s, text, room);
}

enum qoq_status qoq_verify_residual(struct qoq_cuda *handle, const struct qoq_verify_kernel *kernel,
                                    const struct qoq_verify_shape *s, uint64_t seed, char *text,
                                    size_t room)
{
    struct qoq_verify_arrays arrays;
    struct qoq_verify_array *r, *o;

    (void)kernel;
    qoq_verify_begin(&arrays, handle, s);
    r = qoq_verify_new(&arrays, "r", s->m * s->k, sizeof(float));
    o = qoq_verify_new(&arrays, "o", s->m * s->k, sizeof(qoq_half));
    if (arrays.status == QOQ_OK) {
        qoq_verify_fill_floats(r->host, s->m, s->k, seed, 1);
        qoq_verify_fill_halves(o->host, s->m, s->k, seed + 2 * 32, 1);
        qoq_verify_send(&arrays, r);
        qoq_verify_send(&arrays, o);
        qoq_verify_note(&arrays, qoq_residual_add(r->host, o->host, s->m * s->k), "the reference");
        qoq_verify_note(&arrays, qoq_cuda_residual_add(handle, r->device, o->device, s->m * s->k),
                        "kernel");
        qoq_verify_compare(&arrays, r, QOQ_F32, s->k, text, room);
    }
    return qoq_verify_end(&arrays, text, room);
}
