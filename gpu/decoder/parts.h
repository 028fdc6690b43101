/* SPDX-License-Identifier: Apache-2.0 */
/* What a decoder is made of, for the files of this room. */
#ifndef QOQ_GPU_DECODER_PARTS_H
#define QOQ_GPU_DECODER_PARTS_H

#include "gpu/decoder/decoder.h"

/* Returns from the caller with the status of `call` unless it is QOQ_OK. */
#define QOQ_TRY(call)                                                                              \
    do {                                                                                           \
        enum qoq_status status_ = (call);                                                          \
        if (status_ != QOQ_OK) {                                                                   \
            return status_;                                                                        \
        }                                                                                          \
    } while (0)

/* Products of a layer: q, k and v are one, gate and up are one. */
enum qoq_decoder_product {
    QOQ_PRODUCT_QKV,
    QOQ_PRODUCT_OUT,
    QOQ_PRODUCT_GATE_UP,
    QOQ_PRODUCT_DOWN,
    QOQ_PRODUCTS
};

struct qoq_decoder_linear {
    struct qoq_cuda_weight w;
    float *bias; /* [n] or NULL */
};

struct qoq_decoder_layer {
    float *input_norm, *post_norm;
    float *q_norm, *k_norm; /* NULL without head norms */
    struct qoq_decoder_linear product[QOQ_PRODUCTS];
    uint8_t *k, *v; /* pools of pages */
};

/* Arrays of a pass, cut from one allocation; those of int32 are [rows], one behind the other. */
struct qoq_decoder_work {
    void *memory;
    size_t bytes;
    int32_t *input;    /* what the host sends: see qoq_decoder_pass */
    float *residual;   /* [rows][hidden] */
    int8_t *act;       /* [rows][widest pitch] */
    float *act_scale;  /* [rows] */
    int32_t *act_sum;  /* [rows] */
    qoq_half *qkv;     /* [rows][q, k and v channels] */
    float *query;      /* [rows][query channels] */
    qoq_half *mixed;   /* [rows][query channels] */
    qoq_half *out;     /* [rows][hidden] */
    qoq_half *gate_up; /* [rows][2 intermediate] */
    float *normed;     /* [head rows][hidden] */
    float *logits;     /* [head rows][vocab] */
    int32_t *choice;   /* [head rows] */
    void *gemm, *attention;
    size_t gemm_bytes, attention_bytes;
};

struct qoq_decoder_pages {
    size_t count, blocks_max; /* pages of the pool; of a full sequence */
    int32_t *free;            /* [count] a stack of those that no one holds */
    size_t frees;
    size_t *held;   /* [sequences] pages of each */
    int32_t *table; /* [sequences][blocks_max], of the host */
    int32_t *device;
};

enum qoq_decoder_want { QOQ_WANT_NOTHING, QOQ_WANT_LOGITS, QOQ_WANT_CHOICE };

/* Tokens that go through the layers together. The input of the device is arrays [rows]: of each row
 * its token, sequence, position and context; the rows whose logits are wanted; of each run of
 * consecutive tokens its sequence, its context, and [runs + 1] where it starts. */
enum qoq_decoder_input {
    QOQ_INPUT_TOKEN,
    QOQ_INPUT_SEQUENCE,
    QOQ_INPUT_POSITION,
    QOQ_INPUT_CONTEXT,
    QOQ_INPUT_WANTED,
    QOQ_INPUT_RUN_SEQUENCE,
    QOQ_INPUT_RUN_CONTEXT,
    QOQ_INPUT_RUN_START,
    QOQ_INPUTS
};
struct qoq_decoder_pass {
    int32_t *input; /* on the host */
    size_t rows, runs, wanted, max_context;
    enum qoq_decoder_want want;
};

/* Elements of the input of a pass. */
static inline size_t qoq_decoder_input_count(size_t rows)
{
    return QOQ_INPUTS * rows + 1;
}

struct qoq_decoder_graph {
    size_t rows, bucket;
    enum qoq_decoder_want want;
    struct qoq_cuda_graph *graph;
    uint64_t used;
};
enum { QOQ_DECODER_GRAPHS = 64 };

struct qoq_decoder {
    struct qoq_cuda *handle;
    struct qoq_config config;
    struct qoq_decoder_options options;
    struct qoq_kv_layout layout;
    size_t head_rows; /* rows whose logits are made at once */
    qoq_half *embed, *head;
    float *norm;
    float *sine, *cosine; /* [max_tokens][head_dim / 2] */
    struct qoq_decoder_layer *layer;
    struct qoq_decoder_work work;
    struct qoq_decoder_pages pages;
    size_t *length; /* [sequences] */
    /* Of the host, reached by the device. */
    int32_t *input;  /* of a pass of rows */
    float *logits;   /* [head rows][vocab] */
    int32_t *choice; /* [head rows] */
    struct qoq_decoder_graph graph[QOQ_DECODER_GRAPHS];
    size_t graphs;
    uint64_t clock, made;
    /* Every array on the device but the workspace, to be freed. */
    void **array;
    size_t arrays, arrays_max;
};

/* A new array of the device. */
QOQ_CHECKED enum qoq_status qoq_decoder_new(struct qoq_decoder *decoder, void **data, size_t bytes);

/* Channels. */
static inline size_t qoq_decoder_wide(const struct qoq_config *c)
{
    return c->heads * c->head_dim;
}

static inline size_t qoq_decoder_all_heads(const struct qoq_config *c)
{
    return c->heads + 2 * c->kv_heads;
}

static inline size_t qoq_decoder_pitch(size_t k)
{
    return (k + 15) / 16 * 16;
}

/* Sends embedding, head, gains and all layers; angles of all positions. */
QOQ_CHECKED enum qoq_status qoq_decoder_upload(struct qoq_decoder *decoder,
                                               const struct qoq_model *model);

/* Sizes and allocates the workspace; the weights are there. */
QOQ_CHECKED enum qoq_status qoq_decoder_work_create(struct qoq_decoder *decoder);

/* Pools, table, and the pages of a sequence. A reservation that fails changes nothing. */
QOQ_CHECKED enum qoq_status qoq_decoder_pages_create(struct qoq_decoder *decoder);
QOQ_CHECKED enum qoq_status qoq_decoder_reserve(struct qoq_decoder *decoder, size_t sequence,
                                                size_t tokens);
void qoq_decoder_trim(struct qoq_decoder *decoder, size_t sequence);

/* Asks for everything from the embedding to the last layer's output, which is still to be added to
 * the residual; for logits, or the choice, of wanted rows first .. first + count - 1. Neither
 * waits.
 */
QOQ_CHECKED enum qoq_status qoq_decoder_layers(struct qoq_decoder *decoder,
                                               const struct qoq_decoder_pass *pass);
QOQ_CHECKED enum qoq_status qoq_decoder_head(struct qoq_decoder *decoder,
                                             const struct qoq_decoder_pass *pass, size_t first,
                                             size_t count);

/* Both, for a pass of one token a sequence whose wanted rows fit at once, as a graph. */
QOQ_CHECKED enum qoq_status qoq_decoder_replay(struct qoq_decoder *decoder,
                                               const struct qoq_decoder_pass *pass);
void qoq_decoder_graphs_free(struct qoq_decoder *decoder);

#endif
