/* SPDX-License-Identifier: Apache-2.0 */
/* The driver's management library, if this machine has it: version, clocks, temperature, power.
 * Read only; no setting is ever touched. */
#ifndef QOQ_GPU_BENCH_NVML_H
#define QOQ_GPU_BENCH_NVML_H

#include "gpu/bench/device.h"

#ifdef __cplusplus
extern "C" {
#endif

struct qoq_bench_nvml;

/* NULL where it is not there or does not know the GPU at this PCI address. */
struct qoq_bench_nvml *qoq_bench_nvml_open(const char *pci);
void qoq_bench_nvml_close(struct qoq_bench_nvml *nvml);

/* "" where unknown. */
void qoq_bench_nvml_driver(struct qoq_bench_nvml *nvml, char *text, unsigned room);
struct qoq_bench_clocks qoq_bench_nvml_clocks(struct qoq_bench_nvml *nvml);

#ifdef __cplusplus
}
#endif
#endif
