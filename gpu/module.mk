# SPDX-License-Identifier: Apache-2.0
# Kernels and their launchers, and the cases that compare them with the reference. Without CUDA the same texts run on the emulator (sim/emu).

noinst_LTLIBRARIES += libqoq-verify.la libqoq-decoder.la

# A whole model over the C API, on a GPU or on the emulator.
libqoq_decoder_la_SOURCES = \
	gpu/decoder/create.c \
	gpu/decoder/decoder.h \
	gpu/decoder/graphs.c \
	gpu/decoder/layers.c \
	gpu/decoder/pages.c \
	gpu/decoder/parts.h \
	gpu/decoder/step.c \
	gpu/decoder/upload.c \
	gpu/decoder/work.c
libqoq_decoder_la_CFLAGS = $(AM_CFLAGS)

libqoq_verify_la_SOURCES = \
	gpu/verify/arrays.c \
	gpu/verify/arrays.h \
	gpu/verify/attention.c \
	gpu/verify/cache.c \
	gpu/verify/cache.h \
	gpu/verify/cases.h \
	gpu/verify/ends.c \
	gpu/verify/gemm.c \
	gpu/verify/golden.c \
	gpu/verify/golden.h \
	gpu/verify/golden_attention.c \
	gpu/verify/golden_case.h \
	gpu/verify/golden_products.c \
	gpu/verify/golden_rope.c \
	gpu/verify/golden_rows.c \
	gpu/verify/rope.c \
	gpu/verify/rows.c \
	gpu/verify/verify.c \
	gpu/verify/verify.h
libqoq_verify_la_CFLAGS = $(AM_CFLAGS)

# What the bench does, but for the device: gpu/bench/*.cu, or the emulator in tests.
noinst_LTLIBRARIES += libqoq-bench.la
libqoq_bench_la_SOURCES = \
	gpu/bench/cache.c \
	gpu/bench/ceilings.c \
	gpu/bench/ceilings.h \
	gpu/bench/contents.c \
	gpu/bench/contents.h \
	gpu/bench/device.h \
	gpu/bench/ends.c \
	gpu/bench/kernels.c \
	gpu/bench/kernels.h \
	gpu/bench/library.h \
	gpu/bench/loops.h \
	gpu/bench/measure.c \
	gpu/bench/measure.h \
	gpu/bench/operators.h \
	gpu/bench/peer.c \
	gpu/bench/peer.h \
	gpu/bench/plan.c \
	gpu/bench/plan.h \
	gpu/bench/predict.c \
	gpu/bench/predict.h \
	gpu/bench/products.c \
	gpu/bench/report.c \
	gpu/bench/report.h \
	gpu/bench/result.h \
	gpu/bench/rival.c \
	gpu/bench/rival.h \
	gpu/bench/rows.c \
	gpu/bench/run.c \
	gpu/bench/run.h \
	gpu/bench/sets.c \
	gpu/bench/sets.h \
	gpu/bench/stats.c \
	gpu/bench/stats.h \
	gpu/bench/tiles.c \
	gpu/bench/tiles.h
libqoq_bench_la_CFLAGS = $(AM_CFLAGS)

gpu_sources = \
	gpu/argmax.cuh \
	gpu/attention.cuh \
	gpu/attention_decode.cuh \
	gpu/attention_merge.cuh \
	gpu/attention_pair.cuh \
	gpu/attention_plan.cuh \
	gpu/attention_prefill.cuh \
	gpu/attention_query.cuh \
	gpu/attention_source.cuh \
	gpu/cache.cuh \
	gpu/embed.cuh \
	gpu/gemm.cuh \
	gpu/gemm_finish.cuh \
	gpu/gemm_join.cuh \
	gpu/gemm_load.cuh \
	gpu/gemm_maps.cuh \
	gpu/gemm_operand.cuh \
	gpu/gemm_params.cuh \
	gpu/gemm_plan.cuh \
	gpu/gemm_sm90.cuh \
	gpu/gemm_sm90_operand.cuh \
	gpu/gemm_sm90_tile.cuh \
	gpu/gemm_tiles.cuh \
	gpu/handle.cuh \
	gpu/kv.cuh \
	gpu/norm.cuh \
	gpu/ordered.cuh \
	gpu/prefill_load.cuh \
	gpu/prefill_logits.cuh \
	gpu/prefill_tile.cuh \
	gpu/prefill_values.cuh \
	gpu/prefill_weights.cuh \
	gpu/primitives/cuda.h \
	gpu/primitives/cuda_async.h \
	gpu/primitives/launch.h \
	gpu/primitives/launch_cuda.h \
	gpu/primitives/peak_cuda.h \
	gpu/primitives/primitives.h \
	gpu/reduce.cuh \
	gpu/rope_write.cuh \
	gpu/rows.cuh
cuda_sources = gpu/attention.cu gpu/attention_prefill.cu gpu/device.cu gpu/ends.cu gpu/gemm.cu gpu/graph.cu gpu/rows.cu
bench_cuda_sources = gpu/bench/device.cu gpu/bench/library.cu gpu/bench/loops.cu
# The program, with what it takes from other rooms.
gpu_cli_sources = \
	ref/cli/cli.c \
	ref/cli/cli.h \
	ref/cli/data_directory.h \
	ref/cli/golden_walk.c \
	ref/cli/golden_walk.h \
	sim/cli/load.c \
	sim/cli/load.h \
	gpu/cli/bench.c \
	gpu/cli/bench.h \
	gpu/cli/bench_options.c \
	gpu/cli/commands.h \
	gpu/cli/device_machine.c \
	gpu/cli/device_machine.h \
	gpu/cli/eval.c \
	gpu/cli/generate.c \
	gpu/cli/golden.c \
	gpu/cli/golden_cases.c \
	gpu/cli/golden_cases.h \
	gpu/cli/gpu_machine.c \
	gpu/cli/gpu_machine.h \
	gpu/cli/main.c \
	gpu/cli/verify.c \
	gpu/cli/verify_golden.c \
	gpu/cli/verify_golden.h
# In the order of a static link: each before what it calls.
gpu_device_callers = libqoq-bench.la libqoq-decoder.la libqoq-verify.la
gpu_program_libs = libqoq-sim.la libqoq-machine.la libqoq-load.la libqoq-golden.la libqoq-data.la libqoq-core.la
EXTRA_DIST += $(gpu_sources) $(cuda_sources) $(bench_cuda_sources) gpu/bench/nvml.c gpu/bench/nvml.h \
	gpu/static/no_network.c gpu/first-run gpu/limits.csv gpu/loops.csv gpu/examples/golden_products.py

if HAVE_CUDA
lib_LTLIBRARIES += libqoq-cuda.la
noinst_LTLIBRARIES += libqoq-kernels.la libqoq-bench-cuda.la
bin_PROGRAMS += qoq-gpu
EXTRA_PROGRAMS += qoq-gpu-static
cudaincludedir = $(includedir)/qoq/gpu
cudainclude_HEADERS = gpu/qoq_cuda.h
pkgconfig_DATA += qoq-cuda.pc
else
noinst_HEADERS += gpu/qoq_cuda.h
endif
libqoq_kernels_la_SOURCES = $(cuda_sources)
libqoq_cuda_la_SOURCES =
libqoq_cuda_la_LIBADD = libqoq-kernels.la libqoq.la $(CUDA_LIBS)
libqoq_cuda_la_LDFLAGS = -no-undefined -version-info $(QOQ_LIBTOOL_VERSION)
libqoq_bench_cuda_la_SOURCES = $(bench_cuda_sources) gpu/bench/nvml.c gpu/bench/nvml.h
libqoq_bench_cuda_la_CFLAGS = $(AM_CFLAGS)

qoq_gpu_SOURCES = $(gpu_cli_sources)
qoq_gpu_CPPFLAGS = $(AM_CPPFLAGS) -DQOQ_PKGDATADIR='"$(pkgdatadir)"'
qoq_gpu_CFLAGS = $(AM_CFLAGS)
qoq_gpu_LDADD = $(gpu_device_callers) libqoq-bench-cuda.la libqoq-cuda.la $(gpu_program_libs) $(HDF5_LIBS) $(JANSSON_LIBS) $(UTF8PROC_LIBS) $(CUDA_LIBS)

# The same program for a machine that has nothing but a driver: needs the C library alone (gpu/first-run). What archives lack stays shared.
qoq_gpu_static_SOURCES = $(gpu_cli_sources) gpu/static/no_network.c
qoq_gpu_static_CPPFLAGS = $(qoq_gpu_CPPFLAGS)
qoq_gpu_static_CFLAGS = $(QOQ_CFLAGS)
qoq_gpu_static_LDFLAGS = -static-libgcc -Wl,--as-needed
qoq_gpu_static_LDADD = $(gpu_device_callers) libqoq-bench-cuda.la libqoq-kernels.la $(gpu_program_libs) $(STATIC_LIBS)
CLEANFILES += qoq-gpu-static$(EXEEXT)

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
-include gpu/*.cu.d gpu/bench/*.cu.d
MOSTLYCLEANFILES += gpu/*.cu.d gpu/bench/*.cu.d
