/* SPDX-License-Identifier: Apache-2.0 */
/* Cases through the registry: parameters, inputs, outputs, and checks of cases from files. */
#include "golden/cases.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct qoq_golden_parameter_spec *find_spec(const struct qoq_golden_operator *op,
                                                         const char *name)
{
    for (const struct qoq_golden_parameter_spec *p = op->parameters; p->name != NULL; p++) {
        if (strcmp(p->name, name) == 0)
            return p;
    }
    return NULL;
}

/* 1: `word` is one of the words of `list`, which are separated by spaces. */
static int has_word(const char *list, const char *word)
{
    size_t length = strlen(word);

    for (const char *at = list; length > 0 && (at = strstr(at, word)) != NULL; at++) {
        if ((at == list || at[-1] == ' ') && (at[length] == ' ' || at[length] == 0))
            return 1;
    }
    return 0;
}

static int in_range(const struct qoq_golden_parameter_spec *spec,
                    const struct qoq_golden_parameter *p)
{
    double value = p->is_real ? p->real : (double)p->integer;

    if (p->is_real != spec->is_real || !(value >= spec->lo && value <= spec->hi))
        return 0;
    return spec->is_real || spec->step == 0 || (p->integer - (int64_t)spec->lo) % spec->step == 0;
}

enum qoq_status qoq_golden_begin(struct qoq_golden_case *c, const char *name, struct qoq_error *err)
{
    const struct qoq_golden_operator *op = qoq_golden_operator_find(name);

    memset(c, 0, sizeof *c);
    if (op == NULL)
        return qoq_fail(err, QOQ_ERR_ARGUMENT, NULL, name,
                        "no such operator; see 'qoq golden list'");
    snprintf(c->op, sizeof c->op, "%s", op->name);
    snprintf(c->profile, sizeof c->profile, "%s", op->profile);
    snprintf(c->clauses, sizeof c->clauses, "%s", op->clauses);
    snprintf(c->description, sizeof c->description, "%s", op->description);
    snprintf(c->kind, sizeof c->kind, "%.*s", (int)strcspn(op->kinds, " "), op->kinds);
    snprintf(c->name, sizeof c->name, "%s", op->name);
    for (const struct qoq_golden_parameter_spec *p = op->parameters; p->name != NULL; p++) {
        if (qoq_golden_parameter_set(c, p->name, p->is_real, p->is_real ? 0 : (int64_t)p->value,
                                     p->is_real ? p->value : 0) != 0)
            return qoq_fail(err, QOQ_ERR_UNSUPPORTED, NULL, name, "too many parameters");
    }
    return QOQ_OK;
}

static enum qoq_status parse_value(struct qoq_golden_parameter *p, const char *text)
{
    char *end;

    errno = 0;
    if (p->is_real)
        p->real = strtod(text, &end);
    else
        p->integer = strtoll(text, &end, 10);
    return end == text || *end != 0 || (errno != 0 && !p->is_real) ? QOQ_ERR_ARGUMENT : QOQ_OK;
}

enum qoq_status qoq_golden_assign(struct qoq_golden_case *c, const char *text,
                                  struct qoq_error *err)
{
    const struct qoq_golden_operator *op = qoq_golden_operator_find(c->op);
    const struct qoq_golden_parameter_spec *spec;
    struct qoq_golden_parameter p = {"", 0, 0, 0};
    size_t length = strcspn(text, "=");

    if (length >= sizeof p.name || text[length] != '=')
        return qoq_fail(err, QOQ_ERR_ARGUMENT, NULL, text, "expected NAME=VALUE");
    memcpy(p.name, text, length);
    if (op == NULL || (spec = find_spec(op, p.name)) == NULL)
        return qoq_fail(err, QOQ_ERR_ARGUMENT, NULL, text, "%s has no such parameter", c->op);
    p.is_real = spec->is_real;
    if (parse_value(&p, text + length + 1) != QOQ_OK)
        return qoq_fail(err, QOQ_ERR_ARGUMENT, NULL, text, "not a number");
    if (!in_range(spec, &p))
        return qoq_fail(err, QOQ_ERR_RANGE, NULL, text, "must be between %.10g and %.10g%s",
                        spec->lo, spec->hi, spec->step != 0 ? ", in steps" : "");
    if (qoq_golden_parameter_set(c, p.name, p.is_real, p.integer, p.real) != 0)
        return qoq_fail(err, QOQ_ERR_UNSUPPORTED, NULL, text, "too many parameters");
    return QOQ_OK;
}

/* Operator, name, kind, seed and parameters are those that the registry knows. */
static enum qoq_status check_header(const struct qoq_golden_case *c,
                                    const struct qoq_golden_operator **op, struct qoq_error *err)
{
    size_t count = 0;

    *op = qoq_golden_operator_find(c->op);
    if (*op == NULL)
        return qoq_fail(err, QOQ_ERR_FORMAT, NULL, c->name, "no operator named %s", c->op);
    if (!qoq_golden_name_ok(c->name))
        return qoq_fail(err, QOQ_ERR_ARGUMENT, NULL, c->name,
                        "a case name has letters, digits, '_', '-', '.', at most 63");
    if (!has_word((*op)->kinds, c->kind))
        return qoq_fail(err, QOQ_ERR_ARGUMENT, NULL, c->name, "%s has no inputs '%s', only: %s",
                        c->op, c->kind, (*op)->kinds);
    if (c->seed < 0 || strcmp(c->profile, (*op)->profile) != 0)
        return qoq_fail(err, QOQ_ERR_FORMAT, NULL, c->name,
                        "seed or profile is not the operator's");
    for (const struct qoq_golden_parameter_spec *p = (*op)->parameters; p->name != NULL;
         p++, count++) {
        const struct qoq_golden_parameter *have = qoq_golden_parameter_find(c, p->name);
        if (have == NULL || !in_range(p, have))
            return qoq_fail(err, QOQ_ERR_RANGE, NULL, c->name,
                            "parameter %s is missing or outside %.10g to %.10g", p->name, p->lo,
                            p->hi);
    }
    if (count != c->parameters)
        return qoq_fail(err, QOQ_ERR_FORMAT, NULL, c->name, "has a parameter that %s lacks", c->op);
    return QOQ_OK;
}

static enum qoq_status explain(enum qoq_status status, const struct qoq_golden_case *c,
                               struct qoq_error *err)
{
    if (status == QOQ_OK)
        return status;
    if (status == QOQ_ERR_MEMORY)
        return qoq_fail(err, status, NULL, c->name, "not enough memory, or a tensor above %zu MiB",
                        QOQ_GOLDEN_MAX_BYTES >> 20);
    return qoq_fail(err, status, NULL, c->name, "%s: %s", c->op, qoq_status_string(status));
}

enum qoq_status qoq_golden_make_inputs(struct qoq_golden_case *c, struct qoq_error *err)
{
    const struct qoq_golden_operator *op;
    enum qoq_status status = check_header(c, &op, err);

    return status == QOQ_OK ? explain(op->make(c), c, err) : status;
}

enum qoq_status qoq_golden_run(struct qoq_golden_case *c, struct qoq_error *err)
{
    const struct qoq_golden_operator *op = qoq_golden_operator_find(c->op);
    enum qoq_status status = op != NULL ? op->run(c) : QOQ_ERR_ARGUMENT;

    for (size_t i = 0; i < c->outputs.count; i++)
        qoq_golden_canonical_nan(&c->outputs.item[i].tensor);
    return explain(status, c, err);
}

/* Copies what identifies a case, without its tensors. */
static void copy_header(struct qoq_golden_case *to, const struct qoq_golden_case *from)
{
    *to = *from;
    to->streams = 0;
    memset(&to->inputs, 0, sizeof to->inputs);
    memset(&to->outputs, 0, sizeof to->outputs);
    memset(&to->bounds, 0, sizeof to->bounds);
}

static int same_shape(const struct qoq_golden_tensor *a, const struct qoq_golden_tensor *b)
{
    return a->tensor.dtype == b->tensor.dtype && a->tensor.rank == b->tensor.rank &&
           a->layout == b->layout && memcmp(a->logical, b->logical, sizeof a->logical) == 0 &&
           memcmp(a->tensor.dim, b->tensor.dim, (size_t)a->tensor.rank * sizeof a->tensor.dim[0]) ==
               0;
}

static enum qoq_status compare_inputs(int *same, const struct qoq_golden_case *made,
                                      const struct qoq_golden_case *c, struct qoq_error *err)
{
    *same = 1;
    if (made->inputs.count != c->inputs.count)
        return qoq_fail(err, QOQ_ERR_FORMAT, NULL, c->name, "has %zu inputs, %s needs %zu",
                        c->inputs.count, c->op, made->inputs.count);
    for (size_t i = 0; i < made->inputs.count; i++) {
        const struct qoq_golden_tensor *want = &made->inputs.item[i];
        const struct qoq_golden_tensor *have =
            qoq_golden_tensors_find(&c->inputs, want->tensor.name);
        if (have == NULL || !same_shape(have, want))
            return qoq_fail(err, QOQ_ERR_FORMAT, NULL, c->name,
                            "input %s is missing or has another type, shape or layout",
                            want->tensor.name);
        if (memcmp(have->tensor.data, want->tensor.data, qoq_tensor_bytes(&want->tensor)) != 0)
            *same = 0;
    }
    return QOQ_OK;
}

enum qoq_status qoq_golden_check_inputs(int *same, const struct qoq_golden_case *c,
                                        struct qoq_error *err)
{
    struct qoq_golden_case made;

    copy_header(&made, c);
    enum qoq_status status = qoq_golden_make_inputs(&made, err);
    if (status == QOQ_OK)
        status = compare_inputs(same, &made, c, err);
    qoq_golden_case_free(&made);
    return status;
}

enum qoq_status qoq_golden_recompute(struct qoq_golden_case *fresh, const struct qoq_golden_case *c,
                                     struct qoq_error *err)
{
    enum qoq_status status = QOQ_OK;

    copy_header(fresh, c);
    for (size_t i = 0; i < c->inputs.count && status == QOQ_OK; i++) {
        const struct qoq_golden_tensor *from = &c->inputs.item[i];
        struct qoq_golden_tensor *to =
            qoq_golden_tensors_new(&fresh->inputs, from->tensor.name, from->tensor.dtype,
                                   from->tensor.dim, from->tensor.rank);
        if (to == NULL) {
            status = explain(QOQ_ERR_MEMORY, c, err);
            break;
        }
        struct qoq_tensor tensor = to->tensor;
        *to = *from;
        to->tensor = tensor;
        memcpy(tensor.data, from->tensor.data, qoq_tensor_bytes(&tensor));
    }
    return status == QOQ_OK ? qoq_golden_run(fresh, err) : status;
}
