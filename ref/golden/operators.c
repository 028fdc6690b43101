/* SPDX-License-Identifier: Apache-2.0 */
/* All families of the registry as one list. */
#include "golden/operator.h"

#include <string.h>

static const struct qoq_golden_operator *const families[] = {
    qoq_golden_numerics,     qoq_golden_activation,  qoq_golden_weight,
    qoq_golden_layout,       qoq_golden_gemm,        qoq_golden_rope,
    qoq_golden_kv,           qoq_golden_attention,   qoq_golden_serving,
    qoq_golden_rope_write,   qoq_golden_qserve_rows, qoq_golden_qserve_products,
    qoq_golden_qserve_cache,
};

const struct qoq_golden_operator *qoq_golden_operator_at(size_t i)
{
    for (size_t f = 0; f < sizeof families / sizeof families[0]; f++) {
        for (const struct qoq_golden_operator *op = families[f]; op->name != NULL; op++) {
            if (i-- == 0)
                return op;
        }
    }
    return NULL;
}

const struct qoq_golden_operator *qoq_golden_operator_find(const char *name)
{
    const struct qoq_golden_operator *op;

    for (size_t i = 0; (op = qoq_golden_operator_at(i)) != NULL; i++) {
        if (strcmp(op->name, name) == 0)
            return op;
    }
    return NULL;
}
