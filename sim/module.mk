# SPDX-License-Identifier: Apache-2.0
# libqoq-sim: the cost model. libqoq-emu: the emulator of gpu/'s kernels, where there is a C++17 compiler. qoq-sim: the program, also started as `qoq sim`, and the descriptions and tables it reads.

noinst_LTLIBRARIES += libqoq-sim.la
bin_PROGRAMS += qoq-sim

libqoq_sim_la_SOURCES = \
	sim/cost/attention.c \
	sim/cost/attention.h \
	sim/cost/calibration.c \
	sim/cost/calibration.h \
	sim/cost/case.c \
	sim/cost/case.h \
	sim/cost/gemm.c \
	sim/cost/gemm.h \
	sim/cost/gpu.c \
	sim/cost/gpu.h \
	sim/cost/inflight.c \
	sim/cost/inflight.h \
	sim/cost/layer.c \
	sim/cost/layer.h \
	sim/cost/model.c \
	sim/cost/model.h \
	sim/cost/roofline.c \
	sim/cost/roofline.h \
	sim/cost/scheme.c \
	sim/cost/scheme.h \
	sim/cost/serving.c \
	sim/cost/serving.h \
	sim/cost/tile.c \
	sim/cost/tile.h
libqoq_sim_la_CFLAGS = $(AM_CFLAGS)

if HAVE_EMULATOR
noinst_LTLIBRARIES += libqoq-emu.la
endif
libqoq_emu_la_SOURCES = \
	sim/emu/arithmetic.cc \
	sim/emu/arithmetic.hh \
	sim/emu/async.hh \
	sim/emu/buffers.cc \
	sim/emu/buffers.hh \
	sim/emu/bulk.cc \
	sim/emu/counters.cc \
	sim/emu/counters.hh \
	sim/emu/device.cc \
	sim/emu/emu.h \
	sim/emu/fiber.cc \
	sim/emu/fiber.hh \
	sim/emu/global.cc \
	sim/emu/graph.cc \
	sim/emu/kernels_attention.cc \
	sim/emu/kernels_ends.cc \
	sim/emu/kernels_prefill.cc \
	sim/emu/kernels_gemm.cc \
	sim/emu/kernels_rows.cc \
	sim/emu/launch.hh \
	sim/emu/machine.cc \
	sim/emu/machine.hh \
	sim/emu/mbarrier.cc \
	sim/emu/primitives.hh \
	sim/emu/primitives_async.hh \
	sim/emu/records.hh \
	sim/emu/schedule.cc \
	sim/emu/shared.cc \
	sim/emu/site.cc \
	sim/emu/site.hh \
	sim/emu/together.cc \
	sim/emu/wgmma.cc
# longjmp between stacks is what fibers do; fortified libraries take it for a mistake.
libqoq_emu_la_CXXFLAGS = $(AM_CXXFLAGS) -U_FORTIFY_SOURCE

qoq_sim_SOURCES = \
	ref/cli/cli.c \
	ref/cli/cli.h \
	ref/cli/data_directory.h \
	ref/cli/gnuplot.c \
	ref/cli/gnuplot.h \
	sim/cli/attention.c \
	sim/cli/axis.c \
	sim/cli/axis.h \
	sim/cli/calibrate.c \
	sim/cli/compare.c \
	sim/cli/emulated.c \
	sim/cli/emulated.h \
	sim/cli/eval.c \
	sim/cli/explain.c \
	sim/cli/explain.h \
	sim/cli/explain_gemm.c \
	sim/cli/explain_serving.c \
	sim/cli/gemm.c \
	sim/cli/generate.c \
	sim/cli/golden.c \
	sim/cli/help.h \
	sim/cli/kernels.c \
	sim/cli/kernels.h \
	sim/cli/layer.c \
	sim/cli/list.c \
	sim/cli/load.c \
	sim/cli/load.h \
	sim/cli/main.c \
	sim/cli/options.c \
	sim/cli/options.h \
	sim/cli/plot.c \
	sim/cli/plot.h \
	sim/cli/reproduce.c \
	sim/cli/reproduce.h \
	sim/cli/reproduce_ablation.c \
	sim/cli/reproduce_kernels.c \
	sim/cli/reproduce_throughput.c \
	sim/cli/roofline.c \
	sim/cli/run.c \
	sim/cli/run_cases.c \
	sim/cli/run_cases.h \
	sim/cli/run_counts.c \
	sim/cli/run_counts.h \
	sim/cli/run_counts_write.c \
	sim/cli/run_forms.c \
	sim/cli/run_forms.h \
	sim/cli/run_grid.c \
	sim/cli/run_grid.h \
	sim/cli/serve.c \
	sim/cli/sweep.c \
	sim/cli/table.c \
	sim/cli/table.h
qoq_sim_CPPFLAGS = $(AM_CPPFLAGS) -DQOQ_PKGDATADIR='"$(pkgdatadir)"'
qoq_sim_CFLAGS = $(AM_CFLAGS)
qoq_sim_LDADD = libqoq-sim.la libqoq-machine.la libqoq-load.la $(emulator_libs) libqoq-data.la libqoq-core.la $(HDF5_LIBS) $(JANSSON_LIBS) $(UTF8PROC_LIBS)
if HAVE_EMULATOR
qoq_sim_SOURCES += ref/cli/golden_walk.c ref/cli/golden_walk.h gpu/cli/device_machine.c gpu/cli/device_machine.h gpu/cli/golden_cases.c gpu/cli/golden_cases.h
emulator_libs = libqoq-decoder.la libqoq-verify.la libqoq-golden.la libqoq-emu.la $(CXX_LIBS)
else
emulator_libs =
endif

# What the program reads at run time.
simgpusdir = $(pkgdatadir)/gpus
simschemesdir = $(pkgdatadir)/schemes
simcountsdir = $(pkgdatadir)/counts
simmodelsdir = $(pkgdatadir)/models
simpaperdir = $(pkgdatadir)/paper
dist_simgpus_DATA = \
	data/gpus/a10.json \
	data/gpus/a100-40g-sxm.json \
	data/gpus/a100-80g-sxm.json \
	data/gpus/a10g.json \
	data/gpus/b200.json \
	data/gpus/h100-sxm.json \
	data/gpus/h20.json \
	data/gpus/h200-sxm.json \
	data/gpus/h800-sxm.json \
	data/gpus/l4.json \
	data/gpus/l40s.json \
	data/gpus/rtx-a6000.json \
	data/gpus/rtx3090.json \
	data/gpus/rtx4090.json \
	data/gpus/rtx6000-ada.json \
	data/gpus/v100-sxm2-32g.json \
	data/gpus/what-if-a100-int32x4.json \
	data/gpus/what-if-a100-mixed-unit.json \
	data/gpus/what-if-a100-no-int4.json \
	data/gpus/what-if-b200-half-int8.json \
	data/gpus/what-if-h100-small-l2.json
dist_simschemes_DATA = \
	data/schemes/fp16.json \
	data/schemes/fp8.json \
	data/schemes/kv16.json \
	data/schemes/kv4-atom.json \
	data/schemes/kv4-naive.json \
	data/schemes/kv4-qoq.json \
	data/schemes/kv4-qserve.json \
	data/schemes/kv8-qoq.json \
	data/schemes/kv8.json \
	data/schemes/w4-lut.json \
	data/schemes/w4a16-marlin.json \
	data/schemes/w4a16.json \
	data/schemes/w4a4-atom.json \
	data/schemes/w4a4-comet.json \
	data/schemes/w4a4-quarot.json \
	data/schemes/w4a8-dgq.json \
	data/schemes/w4a8-liquid.json \
	data/schemes/w4a8-mixllm.json \
	data/schemes/w4a8-mixpe.json \
	data/schemes/w4a8-naive.json \
	data/schemes/w4a8-qoq-g128-wgmma.json \
	data/schemes/w4a8-qoq-g128.json \
	data/schemes/w4a8-qoq-wgmma.json \
	data/schemes/w4a8-qoq.json \
	data/schemes/w4a8-qserve-g128-paper.json \
	data/schemes/w4a8-qserve-g128.json \
	data/schemes/w4a8-qserve.json \
	data/schemes/w8a8-qoq-wgmma.json \
	data/schemes/w8a8-qoq.json \
	data/schemes/w8a8.json
dist_simcounts_DATA = data/counts/forms.csv data/counts/kernels.csv
dist_simmodels_DATA = \
	data/models/deepseek-v2-lite.shape.json \
	data/models/gpt3-175b.shape.json \
	data/models/llama-1-13b.shape.json \
	data/models/llama-1-30b.shape.json \
	data/models/llama-1-65b.shape.json \
	data/models/llama-1-7b.shape.json \
	data/models/llama-2-13b.shape.json \
	data/models/llama-2-70b.shape.json \
	data/models/llama-2-7b.shape.json \
	data/models/llama-3-70b.shape.json \
	data/models/llama-3-8b.shape.json \
	data/models/mistral-7b.shape.json \
	data/models/mixtral-8x7b.shape.json \
	data/models/qwen1_5-72b.shape.json \
	data/models/qwen2_5-72b.shape.json \
	data/models/qwen2_5-7b.shape.json \
	data/models/yi-34b.shape.json
dist_simpaper_DATA = \
	data/paper/ablation.csv \
	data/paper/accuracy_methods.csv \
	data/paper/accuracy_steps.csv \
	data/paper/elementwise_a100.csv \
	data/paper/gemm_a100.csv \
	data/paper/kv4_attention.csv \
	data/paper/overhead.csv \
	data/paper/qserve_kernel_configs.csv \
	data/paper/ratios.csv \
	data/paper/roofline.csv \
	data/paper/throughput.csv
EXTRA_DIST += \
	data/counts/count-kernels \
	data/counts/fit-forms \
	data/counts/fitting.py \
	data/counts/forms.py \
	data/counts/plans.py \
	data/counts/plans_attention.py \
	data/counts/plans_decode.py \
	data/counts/plans_prefill.py \
	data/counts/plans_products.py \
	data/counts/plans_shared.py \
	data/counts/ptx-margins.csv \
	data/paper/expected/ablation.csv \
	data/paper/expected/attention.csv \
	data/paper/expected/gemm.csv \
	data/paper/expected/overhead.csv \
	data/paper/expected/ratios.csv \
	data/paper/expected/roofline.csv \
	data/paper/expected/summary.csv \
	data/paper/expected/throughput-a100.csv \
	data/paper/expected/throughput-l40s.csv
