/* SPDX-License-Identifier: Apache-2.0 */
/* Loops that do nothing but read, copy or multiply. */
#ifndef QOQ_GPU_BENCH_LOOPS_H
#define QOQ_GPU_BENCH_LOOPS_H

#include "gpu/qoq_cuda.h"

#ifdef __cplusplus
extern "C" {
#endif

/* They are asynchronous, on the stream of the handle. bytes: a multiple of 16. sink: one word that
 * a loop would write to if it did not know better than the compiler. */
enum qoq_status qoq_bench_read_loop(struct qoq_cuda *handle, const void *from, size_t bytes,
                                    void *sink);
enum qoq_status qoq_bench_copy_loop(struct qoq_cuda *handle, void *to, const void *from,
                                    size_t bytes);
/* ops: what one launch computes; wide: INT8 by wgmma, where the GPU has it, not by mma.sync. */
enum qoq_status qoq_bench_tensor_loop(struct qoq_cuda *handle, int half_, void *sink, double *ops,
                                      int *wide);

#ifdef __cplusplus
}
#endif
#endif
