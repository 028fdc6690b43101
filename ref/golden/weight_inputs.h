/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Quantized weights as inputs of golden cases: plain and packed forms side by side (N 5), so that a
 * kernel can read either.
 */
#ifndef QOQ_GOLDEN_WEIGHT_INPUTS_H
#define QOQ_GOLDEN_WEIGHT_INPUTS_H

#include "golden/build.h"

/* Kinds of weights: "quantized" rounds a bell to nearest (N 4); "limits" holds any codes that N 4.4
 * allows, every eighth channel at the extreme; "overflow" and "subnormal" are limits with large and
 * with subnormal scales. */
#define QOQ_WEIGHT_KINDS "quantized limits overflow subnormal"

/* Adds code, s, z, s2 as the scheme has them, with packed forms tiled, s2_scales, s2_zeros, szeros.
 * *w points at the inputs. */
enum qoq_status qoq_golden_add_weight(struct qoq_weight *w, struct qoq_golden_case *c,
                                      enum qoq_scheme scheme);

/* *w points at the inputs of a case, whatever they hold. */
void qoq_golden_find_weight(struct qoq_weight *w, const struct qoq_golden_case *c,
                            enum qoq_scheme scheme);

#endif
