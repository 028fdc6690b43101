/* SPDX-License-Identifier: Apache-2.0 */
/* The published tables, predicted: parts of `qoq sim reproduce`. */
#ifndef QOQ_SIM_CLI_REPRODUCE_H
#define QOQ_SIM_CLI_REPRODUCE_H

#include "data/csv.h"
#include "sim/cli/options.h"

/* A field scaled in every case, for sensitivities; target.count 0: none. The result stays within
 * the field's bounds. */
struct qoq_sim_nudge {
    struct qoq_sim_target target;
    double factor;
};

/* What the tables amount to. Errors are mean absolute errors in percent; NAN where not computed. */
struct qoq_sim_headlines {
    double crossover, gemm_error, attention_error, attention_worst;
    double qserve_error[2], qserve_bias[2]; /* A100, L40S; bias: mean of predicted over published */
    double baseline_error[2];               /* TensorRT-LLM rows */
    double prototype_error[2];              /* rows of research prototypes: Atom, QuaRot */
    double order_right, order_pairs;        /* all systems */
    double server_right, server_pairs;      /* TensorRT-LLM and QServe alone */
    double naive_over_kv8[2], atom_over_w8a8[2]; /* speeds; A100 and L40S, A100 and RTX 4090 */
    double overhead_least, overhead_most;
};

struct qoq_sim_reproduction {
    const struct qoq_sim_options *options;
    struct qoq_sim_nudge nudge;
    struct qoq_sim_headlines headlines;
};

/* Loads a case; NULL keeps what the options name. Returns -1, or an exit status after a message. */
int qoq_sim_reproduce_case(struct qoq_sim_case *it, const struct qoq_sim_reproduction *r,
                           const char *gpu, const char *scheme, const char *kv, const char *model);

/* Opens a published table, data/paper/NAME.csv, and finds columns by name. Returns -1, or an exit
 * status after a message. */
enum { QOQ_SIM_MAX_PAPER_COLUMNS = 8 };
int qoq_sim_paper(struct qoq_csv *csv, size_t *column, const char *name, const char *const *columns,
                  size_t count);

/* A published number; *status gets an exit status where it is none. */
double qoq_sim_paper_number(const struct qoq_csv *csv, size_t row, size_t column, int *status);

/* Each begins and fills one table, and its headlines. They return -1, or an exit status after a
 * message. */
int qoq_sim_reproduce_roofline(struct qoq_sim_table *table, struct qoq_sim_reproduction *r);
int qoq_sim_reproduce_overhead(struct qoq_sim_table *table, struct qoq_sim_reproduction *r);
int qoq_sim_reproduce_attention(struct qoq_sim_table *table, struct qoq_sim_reproduction *r);
int qoq_sim_reproduce_ratios(struct qoq_sim_table *table, struct qoq_sim_reproduction *r);
int qoq_sim_reproduce_gemm(struct qoq_sim_table *table, struct qoq_sim_reproduction *r);
int qoq_sim_reproduce_ablation(struct qoq_sim_table *table, struct qoq_sim_reproduction *r);
int qoq_sim_reproduce_a100(struct qoq_sim_table *table, struct qoq_sim_reproduction *r);
int qoq_sim_reproduce_l40s(struct qoq_sim_table *table, struct qoq_sim_reproduction *r);

/* Only QServe's rows on A100, which the fit may see. */
int qoq_sim_reproduce_qserve_a100(struct qoq_sim_table *table, struct qoq_sim_reproduction *r);

/* Prints what a fit of the constants gives beside the values in use; returns the exit status. */
int qoq_sim_calibrate(const struct qoq_sim_options *options);

#endif
