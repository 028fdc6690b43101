/* SPDX-License-Identifier: Apache-2.0 */
/* The classic roofline, for the published figure and as a bound (C 9). */
#ifndef QOQ_SIM_ROOFLINE_H
#define QOQ_SIM_ROOFLINE_H

#include "sim/cost/scheme.h"

/* Peak of the scheme's tensor paths, operations per second at the data-sheet clock; 0 where it has
 * none. C 9.1 */
double qoq_sim_peak(const struct qoq_sim_gpu *gpu, const struct qoq_sim_scheme *scheme);

/* Attainable operations per second with m tokens: min(peak, 2 m bandwidth / bytes of a weight).
 * C 9.2 */
double qoq_sim_roof(const struct qoq_sim_gpu *gpu, const struct qoq_sim_scheme *scheme, double m);

/* Tokens at which the two roofs of a scheme meet. C 9.3 */
double qoq_sim_ridge(const struct qoq_sim_gpu *gpu, const struct qoq_sim_scheme *scheme);

/* Tokens above which `late` is faster than `early`: its memory roof meets early's peak. Infinite
 * where it never is. C 9.4 */
double qoq_sim_crossover(const struct qoq_sim_gpu *gpu, const struct qoq_sim_scheme *early,
                         const struct qoq_sim_scheme *late);

#endif
