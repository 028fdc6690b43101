/* SPDX-License-Identifier: Apache-2.0 */
/* Small kernels for the tests of the emulator: some with a fault that it must name, some that show
 * what a primitive does. */
#ifndef QOQ_TESTS_EMU_PROBE_H
#define QOQ_TESTS_EMU_PROBE_H

#include "sim/emu/emu.h"

#ifdef __cplusplus
extern "C" {
#endif

struct probe_fault {
    const char *name;
    const char *says; /* a part of the message, or NULL: nothing is wrong with this one */
    enum qoq_status (*run)(struct qoq_cuda *handle);
};
extern const struct probe_fault probe_faults[]; /* ends with a NULL name */

/* d [16][8] = d + a [16][32] b [32][8], by load_matrix and mma_s8 or its kin: whether the bytes of
 * a and of b have a sign. */
enum qoq_status probe_mma(struct qoq_cuda *handle, int32_t *d, const int8_t *a, const int8_t *b,
                          int a_signed, int b_signed);

/* Registers [32 lanes][4] of load_matrix, or of load_matrix_transposed, of x [4][8][8]. */
enum qoq_status probe_matrix(struct qoq_cuda *handle, uint32_t *registers, const uint16_t *x,
                             int transposed);

/* out [i] = x [source[i]] of 32 lanes. */
enum qoq_status probe_shuffle(struct qoq_cuda *handle, uint32_t *out, const uint32_t *x,
                              const uint32_t *source);

/* 32 lanes load a word each from shared address 4 * stride * lane and from global element stride *
 * lane. */
enum qoq_status probe_stride(struct qoq_cuda *handle, uint32_t stride);

/* Instructions on their own. */
float probe_widen(uint16_t h);
uint16_t probe_narrow(float x);
int32_t probe_round(float x);
uint32_t probe_permute(uint32_t a, uint32_t b, uint32_t selector);
int32_t probe_dp2a_lo(uint32_t a, uint32_t b, int32_t c);
int32_t probe_dp2a_hi(uint32_t a, uint32_t b, int32_t c);

#ifdef __cplusplus
}
#endif
#endif
