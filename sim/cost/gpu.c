/* SPDX-License-Identifier: Apache-2.0 */
/* The fields of a GPU and what follows from them: doc/cost-model.md 3. */
#include "sim/cost/gpu.h"

#define N QOQ_FIELD_NEED
#define W (QOQ_FIELD_NEED | QOQ_FIELD_WHOLE)
#define M QOQ_FIELD_MAY
#define F(name, unit, lo, hi, fallback, flags, meaning)                                            \
    {                                                                                              \
#name, unit, offsetof(struct qoq_sim_gpu, name), lo, hi, fallback, flags, meaning          \
    }
#define RATE(name, class, meaning)                                                                 \
    {                                                                                              \
#name, "lanes/clk/SM", offsetof(struct qoq_sim_gpu, rate) + class * sizeof(double), 1,     \
            1 << 16, 0, N, meaning                                                                 \
    }

static const struct qoq_field fields[] = {
    F(cc, "", 5, 99, 0, N, "compute capability, 8.0 for A100"),
    F(sms, "", 1, 100000, 0, W, "streaming multiprocessors"),
    F(clk_boost_mhz, "MHz", 100, 10000, 0, N, "clock of kernels without tensor work"),
    F(clk_tc_mhz, "MHz", 100, 10000, 0, N, "clock at which the tensor peak is quoted"),
    F(sustained_clock, "", 0.2, 1, 1, M,
      "share of clk_tc_mhz that the power limit leaves under tensor load"),
    F(issue_lanes, "lanes/clk/SM", 1, 1 << 16, 0, N, "cap on all non-tensor instructions together"),
    RATE(lop3, QOQ_SIM_LOP3, "logic"),
    RATE(shf, QOQ_SIM_SHF, "shifts"),
    RATE(prmt, QOQ_SIM_PRMT, "byte permutes"),
    RATE(iadd, QOQ_SIM_IADD, "INT32 add, compare, minimum"),
    RATE(imad, QOQ_SIM_IMAD, "INT32 multiply-add"),
    RATE(ffma, QOQ_SIM_FFMA, "binary32 add, multiply, multiply-add"),
    RATE(hfma2, QOQ_SIM_HFMA2, "packed binary16 operations, two results each"),
    RATE(i2f, QOQ_SIM_I2F, "INT32 to binary32"),
    RATE(f2f, QOQ_SIM_F2F, "binary16 to binary32"),
    RATE(mufu, QOQ_SIM_MUFU, "exp2, reciprocal, square root; the rate of the XU pipe"),
    RATE(shfl, QOQ_SIM_SHFL, "warp shuffles"),
    RATE(lds, QOQ_SIM_LDS, "load and store instructions"),
    F(i2f_on_alu, "", 0, 1, 0, W, "1: INT32 to binary32 runs on the ALU pipe (I2FP), 0: on XU"),
    F(lds_bytes, "B/clk/SM", 1, 1 << 16, 0, N, "shared-memory bytes"),
    F(tc_fp16, "MAC/clk/SM", 1, 1 << 20, 0, N, "dense binary16 tensor rate"),
    F(tc_int8, "MAC/clk/SM", 0, 1 << 20, 0, N, "dense INT8 tensor rate; 0: none, dp4a is used"),
    F(tc_fp8, "MAC/clk/SM", 0, 1 << 20, 0, N, "dense FP8 tensor rate; 0: none"),
    F(tc_int4, "MAC/clk/SM", 0, 1 << 20, 0, N, "dense INT4 tensor rate; 0: none, widened to INT8"),
    F(tc_fp4, "MAC/clk/SM", 0, 1 << 20, 0, M, "dense FP4 tensor rate; 0: none"),
    F(tc_w4a8, "MAC/clk/SM", 0, 1 << 20, 0, M,
      "mixed INT4 x INT8 rate of a hypothetical unit; 0: none"),
    F(tc_sync_share, "", 0.1, 1, 1, M, "share of the tensor peak that mma.sync can reach"),
    F(group_mma_rows, "", 0, 1024, 0, M | QOQ_FIELD_WHOLE,
      "rows of one warp-group tensor instruction that reads shared memory; 0: none"),
    F(cluster, "", 1, 64, 1, M | QOQ_FIELD_WHOLE, "blocks that one load from L2 can serve"),
    F(peak_fp32_tflops, "TFLOP/s", 0, 1e6, 0, M,
      "data sheet; checked against lanes and clock, not used"),
    F(peak_fp16_tflops, "TFLOP/s", 0, 1e6, 0, M, "data sheet, dense; checked, not used"),
    F(peak_int8_tops, "TOP/s", 0, 1e6, 0, M, "data sheet, dense; checked, not used"),
    F(peak_fp8_tflops, "TFLOP/s", 0, 1e6, 0, M, "data sheet, dense; checked, not used"),
    F(peak_int4_tops, "TOP/s", 0, 1e6, 0, M, "data sheet, dense; checked, not used"),
    F(peak_fp4_tflops, "TFLOP/s", 0, 1e6, 0, M, "data sheet, dense; checked, not used"),
    F(smem_kb_sm, "KiB", 1, 1 << 16, 0, N, "shared memory of an SM"),
    F(smem_kb_block, "KiB", 1, 1 << 16, 0, N, "shared memory a block may have"),
    F(regs_k, "Ki", 1, 1 << 16, 0, N, "32-bit registers of an SM, in thousands of 1024"),
    F(max_warps, "", 1, 4096, 0, W, "resident warps of an SM"),
    F(max_blocks, "", 1, 4096, 0, W, "resident blocks of an SM"),
    F(l2_mb, "MiB", 0.01, 1 << 20, 0, N, "second-level cache"),
    F(l2_gbps, "GB/s", 1, 1e7, 0, N, "second-level cache, reading"),
    F(hbm_gb, "GB", 0.1, 1e6, 0, N, "main memory as sold; not used"),
    F(hbm_usable_gib, "GiB", 0.1, 1e6, 0, N, "main memory that the driver reports"),
    F(hbm_gbps, "GB/s", 1, 1e7, 0, N, "main memory, data sheet"),
    F(hbm_stream_share, "", 0.1, 1, 0.92, M, "measured read stream over hbm_gbps"),
    F(latency_ns, "ns", 1, 1e6, 800, M, "main memory latency under load"),
    F(tdp_w, "W", 1, 1e5, 0, N, "board power limit"),
    F(price_usd, "USD", 0, 1e9, 0, M, "purchase price; 0: unknown"),
    F(price_usd_hour, "USD/h", 0, 1e6, 0, M, "rent; 0: unknown"),
    F(link_gbps, "GB/s", 0, 1e6, 0, N, "interconnect, both directions together; 0: PCIe only"),
};

const struct qoq_field_table qoq_sim_gpu_table = {"gpu", fields, sizeof fields / sizeof fields[0],
                                                  sizeof(struct qoq_sim_gpu)};

const char *const qoq_sim_class_name[QOQ_SIM_CLASSES] = {
    "lop3", "shf", "prmt", "iadd", "imad", "ffma", "hfma2", "i2f", "f2f", "mufu", "shfl", "lds"};
const char *const qoq_sim_pipe_name[QOQ_SIM_PIPES] = {"ALU", "FMA", "FP16", "XU", "LSU", "issue"};

enum qoq_sim_pipe qoq_sim_class_pipe(const struct qoq_sim_gpu *gpu, enum qoq_sim_class class)
{
    switch (class) {
    case QOQ_SIM_IMAD:
    case QOQ_SIM_FFMA:
        return QOQ_SIM_FMA;
    case QOQ_SIM_HFMA2:
        return QOQ_SIM_FP16;
    case QOQ_SIM_I2F:
        return gpu->i2f_on_alu != 0 ? QOQ_SIM_ALU : QOQ_SIM_XU;
    case QOQ_SIM_F2F:
    case QOQ_SIM_MUFU:
        return QOQ_SIM_XU;
    case QOQ_SIM_SHFL:
    case QOQ_SIM_LDS:
        return QOQ_SIM_LSU;
    default:
        return QOQ_SIM_ALU;
    }
}

void qoq_sim_pipe_clocks(double clocks[QOQ_SIM_PIPES], const struct qoq_sim_mix *mix,
                         const struct qoq_sim_gpu *gpu, double issue_share)
{
    for (int p = 0; p < QOQ_SIM_PIPES; p++) {
        clocks[p] = 0;
    }
    for (int c = 0; c < QOQ_SIM_CLASSES; c++) {
        clocks[qoq_sim_class_pipe(gpu, (enum qoq_sim_class)c)] += mix->count[c] / gpu->rate[c];
        clocks[QOQ_SIM_ISSUE] += mix->count[c] / (gpu->issue_lanes * issue_share);
    }
}

enum qoq_sim_pipe qoq_sim_busiest(const double clocks[QOQ_SIM_PIPES])
{
    int best = 0;

    for (int p = 1; p < QOQ_SIM_PIPES; p++) {
        if (clocks[p] > clocks[best]) {
            best = p;
        }
    }
    return (enum qoq_sim_pipe)best;
}

double qoq_sim_tensor_hz(const struct qoq_sim_gpu *gpu)
{
    return gpu->clk_tc_mhz * gpu->sustained_clock * 1e6;
}

double qoq_sim_boost_hz(const struct qoq_sim_gpu *gpu)
{
    return gpu->clk_boost_mhz * 1e6;
}

double qoq_sim_stream(const struct qoq_sim_gpu *gpu)
{
    return gpu->hbm_gbps * gpu->hbm_stream_share * 1e9;
}
