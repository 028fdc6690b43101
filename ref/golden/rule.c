/* SPDX-License-Identifier: Apache-2.0 */
/* Comparison rules (N 14): "exact", "ulp16 U", "abs A", "abs bound", "code D rate R [mod B]". */
#include "golden/rule.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Skips `word` and one space; 0 if text does not begin with it. */
static int skip_word(const char **text, const char *word)
{
    size_t length = strlen(word);

    if (strncmp(*text, word, length) != 0 || ((*text)[length] != ' ' && (*text)[length] != 0))
        return 0;
    *text += length + ((*text)[length] == ' ');
    return 1;
}

static int skip_number(const char **text, double *value)
{
    char *end;

    *value = strtod(*text, &end);
    if (end == *text || !(*value >= 0) || isinf(*value) || (*end != 0 && *end != ' '))
        return 0;
    *text = end + (*end == ' ');
    return 1;
}

static int parse_code(struct qoq_golden_rule *rule, const char **text)
{
    double modulus = 0;

    rule->kind = QOQ_RULE_CODE;
    if (!skip_number(text, &rule->most) || !skip_word(text, "rate") ||
        !skip_number(text, &rule->rate))
        return 0;
    if (skip_word(text, "mod") && (!skip_number(text, &modulus) || modulus < 2 || modulus > 256))
        return 0;
    rule->modulus = (int)modulus;
    return 1;
}

static int parse_one(struct qoq_golden_rule *rule, const char *text)
{
    int good;

    memset(rule, 0, sizeof *rule);
    if (skip_word(&text, "exact"))
        good = 1;
    else if (skip_word(&text, "code"))
        good = parse_code(rule, &text);
    else if (skip_word(&text, "ulp16")) {
        rule->kind = QOQ_RULE_ULP16;
        good = skip_number(&text, &rule->most);
    } else if (skip_word(&text, "abs")) {
        rule->kind = skip_word(&text, "bound") ? QOQ_RULE_BOUND : QOQ_RULE_ABS;
        good = rule->kind == QOQ_RULE_BOUND || skip_number(&text, &rule->most);
    } else {
        good = 0;
    }
    return good && *text == 0 ? 0 : -1;
}

int qoq_golden_rule_parse(struct qoq_golden_rule rule[QOQ_PARTS], const char *text)
{
    static const char *const part[QOQ_PARTS] = {"codes: ", "scales: ", "zeros: "};
    char one[96];

    if (strchr(text, ':') == NULL) {
        if (parse_one(&rule[0], text) != 0)
            return -1;
        rule[1] = rule[2] = rule[0];
        return 0;
    }
    for (int i = 0; i < QOQ_PARTS; i++) {
        size_t length = strcspn(text, ";");
        if (strncmp(text, part[i], strlen(part[i])) != 0 || length >= sizeof one)
            return -1;
        memcpy(one, text + strlen(part[i]), length - strlen(part[i]));
        one[length - strlen(part[i])] = 0;
        if (parse_one(&rule[i], one) != 0)
            return -1;
        text += length + (text[length] == ';');
        text += *text == ' ';
    }
    return *text == 0 ? 0 : -1;
}

int qoq_golden_rule_allows(const struct qoq_golden_rule *rule,
                           const struct qoq_golden_element *ours,
                           const struct qoq_golden_element *theirs, double bound)
{
    double difference = fabs(ours->value - theirs->value);

    if (qoq_golden_same(ours, theirs))
        return 1;
    if (rule->kind == QOQ_RULE_EXACT || isnan(ours->value) || isnan(theirs->value))
        return 0;
    if (rule->kind == QOQ_RULE_ULP16)
        return (double)qoq_golden_steps(ours, theirs) <= rule->most;
    if (rule->kind == QOQ_RULE_CODE && rule->modulus > 0 && difference > rule->modulus / 2.0)
        difference = rule->modulus - difference;
    return difference <= (rule->kind == QOQ_RULE_BOUND ? bound : rule->most);
}
