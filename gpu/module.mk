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
	gpu/attention.cuh \
	gpu/attention_merge.cuh \
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
	gpu/reduce.cuh \
	gpu/rope_write.cuh \
	gpu/rows.cuh
cuda_sources = gpu/attention.cu gpu/device.cu gpu/gemm.cu gpu/rows.cu
EXTRA_DIST += $(gpu_sources) $(cuda_sources) gpu/cli/main.c gpu/limits.csv

if HAVE_CUDA
lib_LTLIBRARIES += libqoq-cuda.la
bin_PROGRAMS += qoq-gpu
cudaincludedir = $(includedir)/qoq/gpu
cudainclude_HEADERS = gpu/qoq_cuda.h
else
noinst_HEADERS += gpu/qoq_cuda.h
endif
libqoq_cuda_la_SOURCES = $(cuda_sources)
libqoq_cuda_la_LIBADD = libqoq.la $(CUDA_LIBS)
libqoq_cuda_la_LDFLAGS = -no-undefined -version-info $(QOQ_LIBTOOL_VERSION)

qoq_gpu_SOURCES = ref/cli/cli.c ref/cli/cli.h gpu/cli/main.c
qoq_gpu_CFLAGS = $(AM_CFLAGS)
qoq_gpu_LDADD = libqoq-verify.la libqoq-cuda.la libqoq-core.la

# Bits are promised: no contraction, no flushing, no approximate division. Two builds of a source are the same bytes.
NVCC_FLAGS = -std=c++17 --fmad=false --ftz=false --prec-div=true --prec-sqrt=true -Werror all-warnings -I$(top_srcdir)/ref -I$(top_srcdir)
AM_V_NVCC = $(am__v_NVCC_@AM_V@)
am__v_NVCC_ = $(am__v_NVCC_@AM_DEFAULT_V@)
am__v_NVCC_0 = @echo "  NVCC    " $@;
am__v_NVCC_1 =
SUFFIXES = .cu
.cu.lo:
	$(AM_V_NVCC)$(LIBTOOL) $(AM_V_lt) --tag=CC $(AM_LIBTOOLFLAGS) --mode=compile $(NVCC) $(NVCC_FLAGS) $(NVCCFLAGS) $(CUDA_GENCODE) \
		-objtemp -frandom-seed=$< -forward-unknown-to-host-compiler -fvisibility=hidden -MMD -MP -MF $*.cu.d -MT $@ -c -o $@ $<
-include gpu/*.cu.d
MOSTLYCLEANFILES += gpu/*.cu.d
