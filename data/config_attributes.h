/* SPDX-License-Identifier: Apache-2.0 */
/* The description of a model as attributes of the group "config" of a model file (doc/formats.md
 * 3). */
#ifndef QOQ_DATA_CONFIG_ATTRIBUTES_H
#define QOQ_DATA_CONFIG_ATTRIBUTES_H

#include "data/h5.h"
#include "qoq_model.h"

QOQ_CHECKED enum qoq_status qoq_config_put(struct qoq_h5 *file, const struct qoq_config *config,
                                           struct qoq_error *err);

/* Every attribute must exist; the same limits as those of a config.json. */
QOQ_CHECKED enum qoq_status qoq_config_get(struct qoq_config *out, struct qoq_h5 *file,
                                           struct qoq_error *err);

#endif
