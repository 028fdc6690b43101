/* SPDX-License-Identifier: Apache-2.0 */
/* The fields of GEMM and KV schemes: doc/cost-model.md 4. */
#include "sim/cost/scheme.h"

#include <math.h>

#define N QOQ_FIELD_NEED
#define M QOQ_FIELD_MAY
#define W QOQ_FIELD_WHOLE
#define CLASS(type, place, class, name)                                                            \
    {                                                                                              \
#place "." name, "", offsetof(struct type, place) + class * sizeof(double), 0, 1e4, 0, M,  \
            "lane-operations, see C 4.1"                                                           \
    }
#define MIX(type, place)                                                                           \
    CLASS(type, place, QOQ_SIM_LOP3, "lop3"), CLASS(type, place, QOQ_SIM_SHF, "shf"),              \
        CLASS(type, place, QOQ_SIM_PRMT, "prmt"), CLASS(type, place, QOQ_SIM_IADD, "iadd"),        \
        CLASS(type, place, QOQ_SIM_IMAD, "imad"), CLASS(type, place, QOQ_SIM_FFMA, "ffma"),        \
        CLASS(type, place, QOQ_SIM_HFMA2, "hfma2"), CLASS(type, place, QOQ_SIM_I2F, "i2f"),        \
        CLASS(type, place, QOQ_SIM_F2F, "f2f"), CLASS(type, place, QOQ_SIM_MUFU, "mufu"),          \
        CLASS(type, place, QOQ_SIM_SHFL, "shfl"), CLASS(type, place, QOQ_SIM_LDS, "lds")
#define F(name, unit, lo, hi, fallback, flags, meaning)                                            \
    {                                                                                              \
#name, unit, offsetof(struct qoq_sim_scheme, name), lo, hi, fallback, flags, meaning       \
    }

static const struct qoq_field scheme_fields[] = {
    F(stored_bits, "bit", 0, 64, 0, M, "bits of a weight in memory; 0: weight_bits"),
    F(weight_bits, "bit", 1, 64, 0, N, "stored bits of a weight"),
    F(weight_group, "", 0, 1 << 20, 0, M | W,
      "weights that share group parameters; 0: a whole channel"),
    F(weight_group_bytes, "B", 0, 64, 0, M, "parameters of one group"),
    F(act_bits, "bit", 1, 64, 0, N, "bits of an activation"),
    F(act_group, "", 0, 1 << 20, 0, M | W,
      "activations that share group parameters; 0: a whole row"),
    F(act_group_bytes, "B", 0, 64, 0, M, "parameters of one group"),
    F(out_bits, "bit", 1, 64, 16, M, "bits of an output element"),
    F(share_fp16, "", 0, 1, 0, M, "share of the multiply-adds on the binary16 tensor path"),
    F(share_int8, "", 0, 1, 0, M, "share on the INT8 path"),
    F(share_fp8, "", 0, 1, 0, M, "share on the FP8 path"),
    F(share_int4, "", 0, 1, 0, M, "share on the INT4 path"),
    F(share_w4a8, "", 0, 1, 0, M, "share on a mixed INT4 x INT8 unit"),
    F(mma_sync, "", 0, 1, 0, M | W, "1: built on mma.sync, which newer GPUs run below their peak"),
    F(library, "", 0, 1, 0, M | W,
      "1: as tuned as the vendor's library (eta_library), 0: eta_kernel"),
    F(acc_registers, "", 1, 8, 1, M | W, "registers of one output element in the main loop"),
    F(overlapped, "", 0, 1, 1, M | W,
      "1: CUDA-core work overlaps tensor work, 0: one after the other"),
    F(dequant_per_warp, "", 0, 1, 1, M | W,
      "1: every warp dequantizes its own fragments, 0: once per block"),
    F(tiles, "", 0, 2, 0, M | W,
      "set of tiles: 0 general search, 1 those of QServe, 2 the one of tile_m and so on"),
    F(tile_m, "", 0, 1024, 0, M | W, "rows of the one tile"),
    F(tile_n, "", 0, 1024, 0, M | W, "columns of the one tile"),
    F(tile_k, "", 0, 1024, 0, M | W, "depth of one iteration of the one tile"),
    F(tile_warp_m, "", 0, 1024, 0, M | W, "rows of a warp of the one tile"),
    F(tile_warp_n, "", 0, 1024, 0, M | W, "columns of a warp of the one tile"),
    F(tile_stages, "", 0, 16, 0, M | W, "buffers of the one tile"),
    F(sum_group, "", 0, 1 << 20, 0, M | W, "k elements between two partial sums; 0: none"),
    F(pre_kernels, "", 0, 100, 0, M,
      "kernels launched before the product, beyond the usual quantization"),
    F(pre_act_bytes, "B", 0, 1000, 0, M, "bytes those kernels move per activation"),
    F(pre_weight_bytes, "B", 0, 1000, 0, M, "bytes those kernels move per weight"),
    F(post_kernels, "", 0, 100, 0, M, "kernels launched after the product to finish it"),
    F(post_out_bytes, "B", 0, 1000, 0, M, "bytes those kernels move per output element"),
    F(fused_products, "", 0, 1, 1, M | W,
      "1: QKV is one product, and gate with up; 0: each by itself"),
    F(layer_kernels, "", 0, 10000, 0, M,
      "elementwise kernels of a layer, each launched; 0: the five fused ones, whatever the bytes"),
    F(layer_hidden_bytes, "B", 0, 10000, 0, M, "bytes those move per element of the residual"),
    F(layer_query_bytes, "B", 0, 10000, 0, M, "bytes those move per element of the query"),
    F(layer_cache_bytes, "B", 0, 10000, 0, M, "bytes those move per cached element"),
    F(layer_ffn_bytes, "B", 0, 10000, 0, M, "bytes those move per element of the inner width"),
    F(prompt_kernels, "", 0, 10000, 0, M,
      "kernels for each prompt of a pass and layer, beside those of the layer"),
    F(prompt_query_bytes, "B", 0, 10000, 0, M, "bytes those move per element of the query"),
    F(prompt_logits_bytes, "B", 0, 64, 0, M,
      "logits of every prompt token, per entry of the vocabulary; 0: of the last token only"),
    MIX(qoq_sim_scheme, weight),
    MIX(qoq_sim_scheme, act),
    MIX(qoq_sim_scheme, sum),
    MIX(qoq_sim_scheme, mac),
    MIX(qoq_sim_scheme, output),
    MIX(qoq_sim_scheme, thread),
    MIX(qoq_sim_scheme, pre),
};

const struct qoq_field_table qoq_sim_scheme_table = {"scheme", scheme_fields,
                                                     sizeof scheme_fields / sizeof scheme_fields[0],
                                                     sizeof(struct qoq_sim_scheme)};

#undef F
#define F(name, unit, lo, hi, fallback, flags, meaning)                                            \
    {                                                                                              \
#name, unit, offsetof(struct qoq_sim_kv, name), lo, hi, fallback, flags, meaning           \
    }

static const struct qoq_field kv_fields[] = {
    F(bits, "bit", 1, 64, 0, N, "bits of a cache element"),
    F(param_bytes, "B", 0, 256, 0, M, "scale and zero of one head of one token, K or V"),
    F(query_share, "", 1, 1024, 1, M, "query heads that use one dequantized element"),
    F(tensor, "", 0, 1, 0, M | W, "1: QK and PV on the binary16 tensor cores"),
    F(splits, "", 0, 1, 0, M | W, "1: the sequence is split over blocks when heads are few"),
    F(load_bytes, "B", 1, 128, 16, M, "bytes of one thread's load"),
    F(page_tokens, "", 1, 1 << 20, 64, M | W, "tokens of a page"),
    F(reserved_tokens, "", 0, 1 << 24, 0, M | W,
      "tokens reserved for a sequence, whatever it needs; 0: what it needs"),
    MIX(qoq_sim_kv, element),
    MIX(qoq_sim_kv, key),
    MIX(qoq_sim_kv, append),
};

const struct qoq_field_table qoq_sim_kv_table = {
    "kv", kv_fields, sizeof kv_fields / sizeof kv_fields[0], sizeof(struct qoq_sim_kv)};

static double with_group(double bits, double group, double group_bytes)
{
    return bits / 8 + (group > 0 ? group_bytes / group : 0);
}

double qoq_sim_weight_bytes(const struct qoq_sim_scheme *scheme)
{
    return with_group(scheme->weight_bits, scheme->weight_group, scheme->weight_group_bytes);
}

double qoq_sim_act_bytes(const struct qoq_sim_scheme *scheme)
{
    return with_group(scheme->act_bits, scheme->act_group, scheme->act_group_bytes);
}

double qoq_sim_mix_total(const struct qoq_sim_mix *mix)
{
    double sum = 0;

    for (int c = 0; c < QOQ_SIM_CLASSES; c++) {
        sum += mix->count[c];
    }
    return sum;
}

/* Of QOQ_SIM_TILES_ONE: whole warps of at least 8 x 8, at most 32 of them, and a pipeline. */
static int is_tile(const struct qoq_sim_scheme *s)
{
    return s->tile_k >= 16 && s->tile_stages >= 2 && s->tile_warp_m >= 8 && s->tile_warp_n >= 8 &&
           s->tile_m >= s->tile_warp_m && s->tile_n >= s->tile_warp_n &&
           fmod(s->tile_m, s->tile_warp_m) == 0 && fmod(s->tile_n, s->tile_warp_n) == 0 &&
           s->tile_m / s->tile_warp_m * (s->tile_n / s->tile_warp_n) <= 32;
}

const char *qoq_sim_unsupported(const struct qoq_sim_gpu *gpu, const struct qoq_sim_scheme *scheme)
{
    double shares = scheme->share_fp16 + scheme->share_int8 + scheme->share_fp8 +
                    scheme->share_int4 + scheme->share_w4a8;

    if (scheme->share_fp8 > 0 && gpu->tc_fp8 <= 0) {
        return "the GPU has no FP8 tensor path";
    }
    if (scheme->share_w4a8 > 0 && gpu->tc_w4a8 <= 0) {
        return "the GPU has no mixed INT4 x INT8 unit (gpu.tc_w4a8)";
    }
    if (scheme->tiles == QOQ_SIM_TILES_ONE && !is_tile(scheme)) {
        return "its tile_m, tile_n, tile_k, tile_warp_m, tile_warp_n and tile_stages are not a "
               "tile "
               "of 1 to 32 whole warps with 2 or more stages";
    }
    if (shares > 1 + 1e-9) {
        return "its shares of the tensor paths add up to more than 1";
    }
    if (fabs(shares - 1) > 1e-9 && qoq_sim_mix_total(&scheme->mac) <= 0) {
        return "its shares of the tensor paths add up to less than 1, and it has no instructions "
               "per multiply-add";
    }
    return NULL;
}
