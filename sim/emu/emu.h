/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The emulator as C sees it: a handle of gpu/qoq_cuda.h whose "device" is this CPU. Kernels started
 * on it are checked and counted (doc/emulator.md). Memory that kernels touch comes from
 * qoq_cuda_alloc on the same handle. qoq_cuda_message of the handle then names kernel, block, warp,
 * lane, file and line of what was wrong.
 * One kernel runs at a time in a process.
 */
#ifndef QOQ_SIM_EMU_EMU_H
#define QOQ_SIM_EMU_EMU_H

#include <stddef.h>
#include <stdint.h>

#include "gpu/qoq_cuda.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The order in which warps, lanes and blocks run. A warp runs until it must wait, but for the two
 * that say otherwise. */
enum qoq_emu_schedule {
    QOQ_EMU_FORWARD,
    QOQ_EMU_REVERSE,
    QOQ_EMU_STRIDED,
    QOQ_EMU_ROTATE,      /* the next warp after every collective */
    QOQ_EMU_RANDOM,      /* seeded: any warp, lane and block order, warps change at random */
    QOQ_EMU_FIRST_AHEAD, /* warp 0 runs whenever it can */
    QOQ_EMU_LAST_AHEAD,  /* the last warp runs whenever it can */
    QOQ_EMU_SCHEDULES
};

struct qoq_emu_options {
    enum qoq_emu_schedule schedule;
    uint64_t seed;       /* of QOQ_EMU_RANDOM */
    int early_copies;    /* 0: asynchronous copies land as late as the program allows; 1: at once */
    int multiprocessors; /* of the imagined GPU, which decides how work is divided; 0: 108 */
};

/* A name such as "forward" and back; -1 for an unknown name. */
const char *qoq_emu_schedule_name(enum qoq_emu_schedule schedule);
int qoq_emu_schedule_of(const char *name);

/* QOQ_ERR_MEMORY, QOQ_ERR_ARGUMENT. Ends with qoq_cuda_destroy. options may be NULL. */
QOQ_CHECKED enum qoq_status qoq_emu_create(struct qoq_cuda **handle,
                                           const struct qoq_emu_options *options);

/* What is counted. Instructions of a warp count once; arithmetic counts its active lanes. */
enum qoq_emu_count {
    QOQ_EMU_MMA_S8,           /* warps */
    QOQ_EMU_LOAD_MATRIX,      /* warps */
    QOQ_EMU_INTEGER_MULTIPLY, /* lanes: multiply-add, dot product */
    QOQ_EMU_INTEGER_ADD,      /* lanes: add, minimum, maximum */
    QOQ_EMU_LOGIC,            /* lanes */
    QOQ_EMU_SHIFT,            /* lanes: shift, permute */
    QOQ_EMU_FP32,             /* lanes: add, multiply, fused */
    QOQ_EMU_CONVERSION,       /* lanes */
    QOQ_EMU_SPECIAL,          /* lanes: divide, square root */
    QOQ_EMU_SHUFFLE,          /* warps */
    QOQ_EMU_VOTE,             /* warps */
    QOQ_EMU_SYNC_WARP,        /* warps */
    QOQ_EMU_BARRIER,          /* warps */
    QOQ_EMU_FENCE,            /* lanes */
    QOQ_EMU_ATOMIC,           /* lanes */
    QOQ_EMU_COPY_ASYNC,       /* warps: instructions */
    QOQ_EMU_SHARED_LOAD,      /* warps: instructions */
    QOQ_EMU_SHARED_STORE,     /* warps: instructions */
    QOQ_EMU_SHARED_WAVEFRONT, /* what those, load_matrix and copies take of the banks */
    QOQ_EMU_SHARED_IDEAL,     /* what they would take without bank conflicts */
    QOQ_EMU_GLOBAL_LOAD,      /* warps: instructions */
    QOQ_EMU_GLOBAL_STORE,     /* warps: instructions */
    QOQ_EMU_WGMMA_N8,         /* warps, four to an instruction: m64n8k32 */
    QOQ_EMU_WGMMA_N16,
    QOQ_EMU_WGMMA_N32,
    QOQ_EMU_WGMMA_N64,
    QOQ_EMU_WGMMA_N128,
    QOQ_EMU_WGMMA_N256,
    QOQ_EMU_MBARRIER_ARRIVE, /* lanes */
    QOQ_EMU_MBARRIER_WAIT,   /* warps */
    QOQ_EMU_BULK_COPY,       /* lanes */
    QOQ_EMU_BULK_BYTES,      /* what those bring, zeros included */
    QOQ_EMU_COUNTS
};
const char *qoq_emu_count_name(enum qoq_emu_count count);

enum { QOQ_EMU_MAX_ROLES = 4, QOQ_EMU_MAX_TENSORS = 24 };

/* One launch. */
struct qoq_emu_launch {
    const char *kernel;
    uint32_t grid[3], threads, shared_bytes;
    size_t roles; /* at least 1; a warp that names no role has role 0, "all" */
    const char *role[QOQ_EMU_MAX_ROLES];
    uint64_t count[QOQ_EMU_MAX_ROLES][QOQ_EMU_COUNTS];
    size_t tensors;
    const char *tensor[QOQ_EMU_MAX_TENSORS];
    uint64_t read_sectors[QOQ_EMU_MAX_TENSORS],
        written_sectors[QOQ_EMU_MAX_TENSORS]; /* of 32 bytes, as warps ask for them */
};

/* The launches since creation or the last qoq_emu_forget, in order. */
size_t qoq_emu_launches(const struct qoq_cuda *handle);
const struct qoq_emu_launch *qoq_emu_get_launch(const struct qoq_cuda *handle, size_t i);
void qoq_emu_forget(struct qoq_cuda *handle);

#ifdef __cplusplus
}
#endif
#endif
