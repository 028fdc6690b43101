/* SPDX-License-Identifier: Apache-2.0 */
/* Tries the known mistakes of an operator on its case. */
#include "golden/mistakes.h"

#include "golden/diagnose.h"

#include <string.h>

static const struct qoq_golden_mistake *const families[] = {
    qoq_golden_mistakes_codes,    qoq_golden_mistakes_weight, qoq_golden_mistakes_products,
    qoq_golden_mistakes_operands, qoq_golden_mistakes_floats, qoq_golden_mistakes_cache,
    qoq_golden_mistakes_serving,
};

const struct qoq_golden_mistake *qoq_golden_mistake_at(size_t i)
{
    for (size_t f = 0; f < sizeof families / sizeof families[0]; f++) {
        for (const struct qoq_golden_mistake *m = families[f]; m->ops != NULL; m++) {
            if (i-- == 0)
                return m;
        }
    }
    return NULL;
}

int qoq_golden_mistake_fits(const struct qoq_golden_mistake *m, const char *op, const char *output)
{
    size_t length = strlen(op);

    if (strcmp(m->output, output) != 0)
        return 0;
    for (const char *at = m->ops; (at = strstr(at, op)) != NULL; at++) {
        if ((at == m->ops || at[-1] == ' ') && (at[length] == ' ' || at[length] == 0))
            return 1;
    }
    return 0;
}

/* Elements in which the output made with the mistake differs from theirs; `differing` if it cannot
 * be made. */
static size_t try_mistake(const struct qoq_golden_mistake *m, const struct qoq_golden_case *c,
                          const struct qoq_golden_tensor *output, size_t differing,
                          const void *theirs)
{
    struct qoq_golden_case wrong;
    size_t left = differing;

    if (qoq_golden_recompute(&wrong, c, NULL) == QOQ_OK && m->make(&wrong, m->variant) == QOQ_OK) {
        const struct qoq_golden_tensor *made = qoq_golden_tensors_find(&wrong.outputs, m->output);
        if (made != NULL && qoq_tensor_bytes(&made->tensor) == qoq_tensor_bytes(&output->tensor))
            left = qoq_golden_count(output, made->tensor.data, theirs);
    }
    qoq_golden_case_free(&wrong);
    return left;
}

int qoq_golden_diagnose_mistakes(struct qoq_golden_hints *hints, const struct qoq_golden_case *c,
                                 const struct qoq_golden_tensor *output, size_t differing,
                                 const void *theirs)
{
    const struct qoq_golden_mistake *m;
    size_t before = hints->count;

    for (size_t i = 0; (m = qoq_golden_mistake_at(i)) != NULL; i++) {
        if (!qoq_golden_mistake_fits(m, c->op, output->tensor.name))
            continue;
        size_t left = try_mistake(m, c, output, differing, theirs);
        if (qoq_golden_explains(left, differing))
            qoq_golden_hint(hints, QOQ_HINT_MISTAKE, "%s (explains %zu of %zu differences)",
                            m->text, differing - left, differing);
    }
    return hints->count > before;
}
