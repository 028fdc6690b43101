/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Schemes: what a quantized matrix product and a quantized KV cache cost per element, by
 * instruction class, and where the instructions run (C 4). Plain numbers; a new scheme is a file,
 * not code.
 */
#ifndef QOQ_SIM_SCHEME_H
#define QOQ_SIM_SCHEME_H

#include "sim/cost/gpu.h"

/* Tile sets that a kernel may choose from. C 5.8 */
enum { QOQ_SIM_TILES_ALL = 0, QOQ_SIM_TILES_QSERVE = 1, QOQ_SIM_TILES_ONE = 2 };

struct qoq_sim_scheme {
    struct qoq_description head;
    double stored_bits; /* in memory; 0: as the product reads them */
    double weight_bits, weight_group, weight_group_bytes, act_bits, act_group, act_group_bytes,
        out_bits;
    double share_fp16, share_int8, share_fp8, share_int4,
        share_w4a8;  /* of the multiply-adds, by tensor path */
    double mma_sync; /* 1: cannot use warp-group instructions */
    double library;  /* 1: as tuned as the vendor's library */
    double acc_registers, overlapped, dequant_per_warp, tiles;
    double tile_m, tile_n, tile_k, tile_warp_m, tile_warp_n, tile_stages; /* of QOQ_SIM_TILES_ONE */
    double sum_group; /* k elements between two partial sums; 0: none */
    double pre_kernels, pre_act_bytes, pre_weight_bytes, post_kernels, post_out_bytes;
    double fused_products; /* 1: QKV is one product, and gate with up */
    double layer_kernels;  /* elementwise kernels of a layer; 0: the five fused ones of C 7.1 */
    double layer_hidden_bytes, layer_query_bytes, layer_cache_bytes, layer_ffn_bytes; /* C 7.2 */
    double prompt_kernels, prompt_query_bytes; /* of one prompt and layer, beside the above */
    double prompt_logits_bytes; /* of one token and entry of the vocabulary; 0: last token only */
    struct qoq_sim_mix weight, act, sum, mac, output, thread, pre;
};

struct qoq_sim_kv {
    struct qoq_description head;
    double bits, param_bytes; /* param_bytes: scale and zero of one head of one token, K or V */
    double query_share;       /* query heads that use one dequantized element */
    double tensor;            /* 1: QK and PV on the binary16 tensor cores */
    double splits;            /* 1: the sequence is split over blocks when heads are few */
    double load_bytes;        /* of one thread's load: sets the bytes in flight */
    double page_tokens;
    double reserved_tokens; /* least cache of a sequence, whatever it needs */
    struct qoq_sim_mix element, key, append;
};

extern const struct qoq_field_table qoq_sim_scheme_table;
extern const struct qoq_field_table qoq_sim_kv_table;

/* Bytes of one stored weight, and of one activation, parameters of the groups included. C 4.2 */
double qoq_sim_weight_bytes(const struct qoq_sim_scheme *scheme);
double qoq_sim_act_bytes(const struct qoq_sim_scheme *scheme);

/* Lane-operations of a mix over all classes. */
double qoq_sim_mix_total(const struct qoq_sim_mix *mix);

/* NULL where the GPU can run the scheme, or why it cannot. C 4.4 */
const char *qoq_sim_unsupported(const struct qoq_sim_gpu *gpu, const struct qoq_sim_scheme *scheme);

#endif
