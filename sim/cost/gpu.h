/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A GPU as the cost model sees it: rates per clock and streaming multiprocessor (SM), memories,
 * prices (C 3). Every rate of an instruction class counts lanes: one thread's instruction is one
 * lane-operation.
 */
#ifndef QOQ_SIM_GPU_H
#define QOQ_SIM_GPU_H

#include "data/field.h"

/* Instruction classes, in the order of struct qoq_sim_mix. C 3.2 */
enum qoq_sim_class {
    QOQ_SIM_LOP3,
    QOQ_SIM_SHF,
    QOQ_SIM_PRMT,
    QOQ_SIM_IADD, /* always on the ALU pipe */
    QOQ_SIM_IMAD,
    QOQ_SIM_FFMA,  /* FMA pipe */
    QOQ_SIM_HFMA2, /* two binary16 results a lane */
    QOQ_SIM_I2F,   /* INT32 to binary32: XU or ALU, by generation */
    QOQ_SIM_F2F,
    QOQ_SIM_MUFU, /* XU pipe */
    QOQ_SIM_SHFL,
    QOQ_SIM_LDS, /* LSU pipe */
    QOQ_SIM_CLASSES
};

/* Execution pipes; ISSUE is the cap on all classes together. */
enum qoq_sim_pipe {
    QOQ_SIM_ALU,
    QOQ_SIM_FMA,
    QOQ_SIM_FP16,
    QOQ_SIM_XU,
    QOQ_SIM_LSU,
    QOQ_SIM_ISSUE,
    QOQ_SIM_PIPES
};

/* Lane-operations by class. */
struct qoq_sim_mix {
    double count[QOQ_SIM_CLASSES];
};

struct qoq_sim_gpu {
    struct qoq_description head;
    double cc, sms, clk_boost_mhz, clk_tc_mhz, sustained_clock;
    double issue_lanes, rate[QOQ_SIM_CLASSES], i2f_on_alu, lds_bytes;
    double tc_fp16, tc_int8, tc_fp8, tc_int4, tc_fp4, tc_w4a8, tc_sync_share, group_mma_rows,
        cluster;
    double peak_fp32_tflops, peak_fp16_tflops, peak_int8_tops, peak_fp8_tflops, peak_int4_tops,
        peak_fp4_tflops;
    double smem_kb_sm, smem_kb_block, regs_k, max_warps, max_blocks;
    double l2_mb, l2_gbps, hbm_gb, hbm_usable_gib, hbm_gbps, hbm_stream_share, latency_ns;
    double tdp_w, price_usd, price_usd_hour, link_gbps;
};

extern const struct qoq_field_table qoq_sim_gpu_table;

/* Names of classes ("lop3") and pipes ("ALU"). */
extern const char *const qoq_sim_class_name[QOQ_SIM_CLASSES];
extern const char *const qoq_sim_pipe_name[QOQ_SIM_PIPES];

/* The pipe a class runs on. */
enum qoq_sim_pipe qoq_sim_class_pipe(const struct qoq_sim_gpu *gpu, enum qoq_sim_class class);

/* Clocks of one SM that each pipe needs for one unit of the mix; the issue pipe fills `issue_share`
 * of its slots. C 3.3 */
void qoq_sim_pipe_clocks(double clocks[QOQ_SIM_PIPES], const struct qoq_sim_mix *mix,
                         const struct qoq_sim_gpu *gpu, double issue_share);

/* The busiest of them. */
enum qoq_sim_pipe qoq_sim_busiest(const double clocks[QOQ_SIM_PIPES]);

/* SM clocks per second: in kernels that keep the tensor cores busy, and in the others. C 3.4 */
double qoq_sim_tensor_hz(const struct qoq_sim_gpu *gpu);
double qoq_sim_boost_hz(const struct qoq_sim_gpu *gpu);

/* Bytes per second of a read stream, from main memory. C 3.5 */
double qoq_sim_stream(const struct qoq_sim_gpu *gpu);

#endif
