/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of linear layers are called in checkpoints, fused or not. */
#include "cli/checkpoint.h"

#include <stdio.h>
#include <string.h>

void qoq_checkpoint_fused(enum qoq_linear_id *first, int *count, enum qoq_linear_id id)
{
    *first = id <= QOQ_V ? QOQ_Q : id == QOQ_UP ? QOQ_GATE : id;
    *count = id <= QOQ_V ? 3 : id == QOQ_GATE || id == QOQ_UP ? 2 : 1;
}

const char *qoq_checkpoint_name(char name[QOQ_ARRAY_NAME], const struct qoq_array *array,
                                const char *prefix, const char *part, int fused)
{
    struct qoq_array weight = *array;
    enum qoq_linear_id first;
    int count;

    weight.kind = QOQ_ARRAY_WEIGHT;
    qoq_array_hf_name(name, &weight, prefix);
    size_t length = strlen(name) - strlen("weight");
    if (fused) {
        qoq_checkpoint_fused(&first, &count, array->linear);
        if (count == 1) {
            return NULL;
        }
        length -= strlen(qoq_linear_name(array->linear)) + 1;
        length += (size_t)snprintf(name + length, QOQ_ARRAY_NAME - length, "%s",
                                   count == 3 ? "qkv_proj." : "gate_up_proj.");
    }
    snprintf(name + length, QOQ_ARRAY_NAME - length, "%s", part);
    return name;
}
