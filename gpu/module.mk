# SPDX-License-Identifier: Apache-2.0
# Kernels and their launchers, and the cases that compare them with the reference. Without CUDA the same texts run on the emulator (sim/emu).

noinst_LTLIBRARIES += libqoq-verify.la

libqoq_verify_la_SOURCES = \
	gpu/verify/arrays.c \
	gpu/verify/arrays.h \
	gpu/verify/cache.c \
	gpu/verify/cases.h \
	gpu/verify/gemm.c \
	gpu/verify/rows.c \
	gpu/verify/verify.c \
	gpu/verify/verify.h
libqoq_verify_la_CFLAGS = $(AM_CFLAGS)

gpu_sources = \
	gpu/attention.cu \
	gpu/attention.cuh \
	gpu/attention_merge.cuh \
	gpu/gemm.cu \
	gpu/gemm.cuh \
	gpu/gemm_load.cuh \
	gpu/gemm_operand.cuh \
	gpu/gemm_params.cuh \
	gpu/handle.cuh \
	gpu/kv.cuh \
	gpu/primitives/cuda.h \
	gpu/primitives/launch.h \
	gpu/primitives/launch_cuda.h \
	gpu/primitives/primitives.h \
	gpu/qoq_cuda.h \
	gpu/reduce.cuh \
	gpu/rope_write.cuh \
	gpu/rows.cu \
	gpu/rows.cuh
EXTRA_DIST += $(gpu_sources)
