/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Descriptions of GPUs, models, schemes and caches in JSON (doc/cost-model.md 2). A file is
 *
 *   {"format": "qoq-gpu", "version": 1, "title": "...", "source": "default source",
 *    "base": "a100-80g-sxm", "sources": {"sheet": "..."},
 *    "values": {"sms": {"value": 108, "source": "sheet", "uncertain": "why"}, "hbm_gb": 80}}
 *
 * "counts" (optional), {"table": "kernels", "kernel": "gemm_w4a8_group"}, names a kernel of a table
 * in ../counts whose rows (columns kernel, field, operations, per) are values too, operations /
 * per; a field has its value from one of the two. "base" (optional) names a file beside this one
 * whose values are the start; every value has a source, its own or the file's. Unknown members,
 * missing fields, values outside their range and fractions of whole fields are refused.
 */
#ifndef QOQ_DATA_DESCRIPTION_H
#define QOQ_DATA_DESCRIPTION_H

#include "data/error.h"
#include "data/field.h"

/* Fills *description (table->bytes long) from the file. It is reset first; on failure its contents
 * are unspecified. */
QOQ_CHECKED enum qoq_status qoq_description_load(void *description,
                                                 const struct qoq_field_table *table,
                                                 const char *path, struct qoq_error *err);

/* Copies a field's source into text, with its doubt in brackets where it has one; "" where the file
 * and its bases are silent. */
QOQ_CHECKED enum qoq_status qoq_description_source(char *text, size_t bytes,
                                                   const struct qoq_field_table *table,
                                                   const char *path, const char *field,
                                                   struct qoq_error *err);

#endif
