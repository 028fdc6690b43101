# SPDX-License-Identifier: Apache-2.0
# The suite. Criterion programs and shell tests both speak TAP, so that every single test and skip is counted.

TEST_EXTENSIONS = .sh
LOG_DRIVER = env AM_TAP_AWK='$(AWK)' $(SHELL) $(top_srcdir)/build-aux/tap-driver.sh
SH_LOG_DRIVER = $(LOG_DRIVER)
SH_LOG_COMPILER = $(SHELL)
AM_TESTS_ENVIRONMENT = \
	QOQ_DATADIR='$(abs_top_srcdir)/data'; QOQ_SRCDIR='$(abs_top_srcdir)'; QOQ_BUILDDIR='$(abs_top_builddir)'; \
	QOQ='$(abs_top_builddir)/qoq$(EXEEXT)'; QOQ_PYTHON='$(QOQ_PYTHON)'; QOQ_CC='$(CC)'; \
	QOQ_VERSION='$(PACKAGE_VERSION)'; QOQ_UNIT_TESTS='$(unit_tests)'; QOQ_EMULATOR_TESTS='$(emulator_tests)'; QOQ_HAVE_EMULATOR='$(have_emulator)'; QOQ_NVCC='$(NVCC)'; QOQ_MPFR_TESTS='$(mpfr_tests)'; \
	QOQ_HAVE_CRITERION='$(have_criterion)'; QOQ_HAVE_MPFR='$(have_mpfr)'; QOQ_DATA_CFLAGS='$(HDF5_CFLAGS) $(JANSSON_CFLAGS) $(UTF8PROC_CFLAGS)'; QOQ_OPENMP='$(OPENMP_CFLAGS)'; QOQ_CFLAGS='$(QOQ_CFLAGS)'; LC_ALL=C; \
	CRITERION_OUTPUTS=tap:-; CRITERION_JOBS=1; OMP_NUM_THREADS=2; OMP_WAIT_POLICY=passive; \
	export QOQ_NVCC QOQ_EMULATOR_TESTS QOQ_HAVE_EMULATOR QOQ_UNIT_TESTS QOQ_MPFR_TESTS QOQ_HAVE_CRITERION QOQ_HAVE_MPFR QOQ_CFLAGS QOQ_DATA_CFLAGS QOQ_DATADIR QOQ_SRCDIR QOQ_BUILDDIR QOQ QOQ_PYTHON QOQ_CC QOQ_VERSION QOQ_OPENMP LC_ALL \
		CRITERION_OUTPUTS CRITERION_JOBS OMP_NUM_THREADS OMP_WAIT_POLICY;

check_LTLIBRARIES =

# ---- lists ----
unit_tests = \
	tests/test_act \
	tests/test_architectures \
	tests/test_assumptions \
	tests/test_attention \
	tests/test_attention_accuracy \
	tests/test_attention_edges \
	tests/test_attention_error \
	tests/test_attention_f32 \
	tests/test_attention_fast \
	tests/test_awq \
	tests/test_calibration \
	tests/test_clip_attention \
	tests/test_clip_rows \
	tests/test_data \
	tests/test_error_stats \
	tests/test_export \
	tests/test_gemm \
	tests/test_gemm_ordered \
	tests/test_golden \
	tests/test_golden_diff \
	tests/test_gptq \
	tests/test_grid \
	tests/test_h5 \
	tests/test_hadamard \
	tests/test_hf_config \
	tests/test_import \
	tests/test_kv \
	tests/test_layout \
	tests/test_load_file \
	tests/test_load_hf \
	tests/test_load_hf_refusals \
	tests/test_model \
	tests/test_model_file \
	tests/test_norm \
	tests/test_products_fast \
	tests/test_qserve_attention \
	tests/test_qserve_linear \
	tests/test_quantizer \
	tests/test_query \
	tests/test_round \
	tests/test_safetensors \
	tests/test_sample \
	tests/test_session \
	tests/test_silu \
	tests/test_sim_description \
	tests/test_sim_gemm \
	tests/test_sim_serving \
	tests/test_status \
	tests/test_stories \
	tests/test_token_file \
	tests/test_tokenizer \
	tests/test_tokenizer_bytes \
	tests/test_transform \
	tests/test_weight \
	tests/test_weight_errors \
	tests/test_weight_range
mpfr_tests = \
	tests/test_elementary \
	tests/test_half \
	tests/test_reduce \
	tests/test_rope
emulator_tests = \
	tests/test_bench \
	tests/test_decoder \
	tests/test_emulator \
	tests/test_golden_kernels \
	tests/test_kernels
shell_tests = \
	tests/bits.sh \
	tests/cpus.sh \
	tests/cli/broken.sh \
	tests/cli/counts.sh \
	tests/cli/device.sh \
	tests/cli/export.sh \
	tests/cli/fetch.sh \
	tests/cli/golden.sh \
	tests/cli/python.sh \
	tests/cli/quantize.sh \
	tests/cli/sim.sh \
	tests/cli/stories.sh \
	tests/cli/tokenize.sh \
	tests/cli/usage.sh \
	tests/gpu/bench.sh \
	tests/gpu/examples.sh \
	tests/gpu/first_run.sh \
	tests/gpu/limits.sh \
	tests/gpu/ptx.sh \
	tests/gpu/sass.sh \
	tests/gpu/verify.sh \
	tests/install.sh \
	tests/lint/format.sh \
	tests/lint/headers.sh \
	tests/lint/manual.sh \
	tests/lint/missing.sh \
	tests/lint/source.sh \
	tests/lint/symbols.sh \
	tests/lint/version.sh \
	tests/sanitize.sh \
	tests/valgrind.sh

test_ldadd = libqoq-bad.la libqoq-load.la libqoq-golden.la libqoq-data.la libqoq-core.la $(HDF5_LIBS) $(JANSSON_LIBS) $(UTF8PROC_LIBS) $(CRITERION_LIBS)
test_cflags = $(AM_CFLAGS) $(CRITERION_CFLAGS) $(HDF5_CFLAGS) $(JANSSON_CFLAGS) $(MPFR_CFLAGS)

if HAVE_EMULATOR
check_LTLIBRARIES += libqoq-cuda-emulated.la
endif
if HAVE_CRITERION
check_PROGRAMS += $(unit_tests)
TESTS += $(unit_tests)
if HAVE_MPFR
check_PROGRAMS += $(mpfr_tests)
TESTS += $(mpfr_tests)
endif
if HAVE_EMULATOR
check_PROGRAMS += $(emulator_tests) tests/gpu/emulated
check_LTLIBRARIES += libqoq-probe.la libqoq-peer.la
TESTS += $(emulator_tests)
endif
endif
TESTS += $(shell_tests)
EXTRA_DIST += $(shell_tests) tests/cpus/digests.c tests/tap.sh tests/exported-symbols.txt \
	tests/architectures tests/transformers.sh \
	tests/python/make_architectures.py \
	tests/python/check_rounding.py \
	tests/python/check_export.py \
	tests/python/check_golden.py \
	tests/python/golden/__init__.py \
	tests/python/golden/arithmetic.py \
	tests/python/golden/attention.py \
	tests/python/golden/cache.py \
	tests/python/golden/case.py \
	tests/python/golden/check.py \
	tests/python/golden/compare.py \
	tests/python/golden/elementary.py \
	tests/python/golden/generator.py \
	tests/python/golden/inputs.py \
	tests/python/golden/layouts.py \
	tests/python/golden/operators.py \
	tests/python/golden/pages.py \
	tests/python/golden/products.py \
	tests/python/golden/qserve_attention.py \
	tests/python/golden/qserve_linear.py \
	tests/python/golden/rope.py \
	tests/python/golden/rows.py \
	tests/python/golden/serving.py \
	tests/python/golden/weights.py \
	tests/python/checkpoints.py \
	tests/python/check_stories260k.py \
	tests/python/make_tokenizer_cases.py \
	tests/tokenizers/cases.txt \
	tests/tokenizers/gpt2.json \
	tests/tokenizers/llama3.json \
	tests/tokenizers/qwen2.json \
	tests/tokenizers/smollm2.json

tests_test_act_SOURCES = tests/test_act.c
tests_test_act_CFLAGS = $(test_cflags)
tests_test_act_LDADD = $(test_ldadd)
tests_test_architectures_SOURCES = tests/test_architectures.c
tests_test_architectures_CFLAGS = $(test_cflags)
tests_test_architectures_LDADD = $(test_ldadd)
tests_test_assumptions_SOURCES = tests/test_assumptions.c
tests_test_assumptions_CFLAGS = $(test_cflags)
tests_test_assumptions_LDADD = $(test_ldadd)
tests_test_awq_SOURCES = tests/test_awq.c
tests_test_awq_CFLAGS = $(test_cflags)
tests_test_awq_LDADD = $(test_ldadd)
tests_test_clip_attention_SOURCES = tests/test_clip_attention.c
tests_test_clip_attention_CFLAGS = $(test_cflags)
tests_test_clip_attention_LDADD = $(test_ldadd)
tests_test_clip_rows_SOURCES = tests/test_clip_rows.c
tests_test_clip_rows_CFLAGS = $(test_cflags)
tests_test_clip_rows_LDADD = $(test_ldadd)
tests_test_attention_SOURCES = tests/test_attention.c
tests_test_attention_CFLAGS = $(test_cflags)
tests_test_attention_LDADD = $(test_ldadd)
tests_test_attention_edges_SOURCES = tests/test_attention_edges.c
tests_test_attention_edges_CFLAGS = $(test_cflags)
tests_test_attention_edges_LDADD = $(test_ldadd)
tests_test_attention_f32_SOURCES = tests/test_attention_f32.c
tests_test_attention_f32_CFLAGS = $(test_cflags)
tests_test_attention_f32_LDADD = $(test_ldadd)
tests_test_attention_accuracy_SOURCES = tests/test_attention_accuracy.c
tests_test_attention_accuracy_CFLAGS = $(test_cflags)
tests_test_attention_accuracy_LDADD = $(test_ldadd)
tests_test_attention_error_SOURCES = tests/test_attention_error.c
tests_test_attention_error_CFLAGS = $(test_cflags)
tests_test_attention_error_LDADD = $(test_ldadd)
tests_test_calibration_SOURCES = tests/test_calibration.c
tests_test_calibration_CFLAGS = $(test_cflags)
tests_test_calibration_LDADD = $(test_ldadd)
tests_test_attention_fast_SOURCES = tests/test_attention_fast.c
tests_test_attention_fast_CFLAGS = $(test_cflags)
tests_test_attention_fast_LDADD = $(test_ldadd)
tests_test_data_SOURCES = tests/test_data.c
tests_test_data_CFLAGS = $(test_cflags)
tests_test_data_LDADD = $(test_ldadd)
tests_test_error_stats_SOURCES = tests/test_error_stats.c
tests_test_error_stats_CFLAGS = $(test_cflags)
tests_test_error_stats_LDADD = $(test_ldadd)
tests_test_export_SOURCES = tests/test_export.c
tests_test_export_CFLAGS = $(test_cflags)
tests_test_export_LDADD = $(test_ldadd)
tests_test_gemm_SOURCES = tests/test_gemm.c
tests_test_gemm_CFLAGS = $(test_cflags)
tests_test_gemm_LDADD = $(test_ldadd)
tests_test_gemm_ordered_SOURCES = tests/test_gemm_ordered.c
tests_test_gemm_ordered_CFLAGS = $(test_cflags)
tests_test_gemm_ordered_LDADD = $(test_ldadd)
tests_test_golden_SOURCES = tests/test_golden.c
tests_test_golden_CFLAGS = $(test_cflags)
tests_test_golden_LDADD = $(test_ldadd)
tests_test_golden_diff_SOURCES = tests/test_golden_diff.c
tests_test_golden_diff_CFLAGS = $(test_cflags)
tests_test_golden_diff_LDADD = $(test_ldadd)
tests_test_gptq_SOURCES = tests/test_gptq.c
tests_test_gptq_CFLAGS = $(test_cflags)
tests_test_gptq_LDADD = $(test_ldadd)
tests_test_grid_SOURCES = tests/test_grid.c
tests_test_grid_CFLAGS = $(test_cflags)
tests_test_grid_LDADD = $(test_ldadd)
tests_test_h5_SOURCES = tests/test_h5.c
tests_test_h5_CFLAGS = $(test_cflags)
tests_test_h5_LDADD = $(test_ldadd)
tests_test_hadamard_SOURCES = tests/test_hadamard.c
tests_test_hadamard_CFLAGS = $(test_cflags)
tests_test_hadamard_LDADD = $(test_ldadd)
tests_test_hf_config_SOURCES = tests/test_hf_config.c
tests_test_hf_config_CFLAGS = $(test_cflags)
tests_test_hf_config_LDADD = $(test_ldadd)
tests_test_import_SOURCES = tests/test_import.c
tests_test_import_CFLAGS = $(test_cflags)
tests_test_import_LDADD = $(test_ldadd)
tests_test_kv_SOURCES = tests/test_kv.c
tests_test_kv_CFLAGS = $(test_cflags)
tests_test_kv_LDADD = $(test_ldadd)
tests_test_layout_SOURCES = tests/test_layout.c
tests_test_layout_CFLAGS = $(test_cflags)
tests_test_layout_LDADD = $(test_ldadd)
tests_test_load_file_SOURCES = tests/test_load_file.c
tests_test_load_file_CFLAGS = $(test_cflags)
tests_test_load_file_LDADD = $(test_ldadd)
tests_test_load_hf_SOURCES = tests/test_load_hf.c
tests_test_load_hf_CFLAGS = $(test_cflags)
tests_test_load_hf_LDADD = $(test_ldadd)
tests_test_load_hf_refusals_SOURCES = tests/test_load_hf_refusals.c
tests_test_load_hf_refusals_CFLAGS = $(test_cflags)
tests_test_load_hf_refusals_LDADD = $(test_ldadd)
tests_test_model_SOURCES = tests/test_model.c
tests_test_model_CFLAGS = $(test_cflags)
tests_test_model_LDADD = $(test_ldadd)
tests_test_model_file_SOURCES = tests/test_model_file.c
tests_test_model_file_CFLAGS = $(test_cflags)
tests_test_model_file_LDADD = $(test_ldadd)
tests_test_norm_SOURCES = tests/test_norm.c
tests_test_norm_CFLAGS = $(test_cflags)
tests_test_norm_LDADD = $(test_ldadd)
tests_test_products_fast_SOURCES = tests/test_products_fast.c
tests_test_products_fast_CFLAGS = $(test_cflags)
tests_test_products_fast_LDADD = $(test_ldadd)
tests_test_qserve_attention_SOURCES = tests/test_qserve_attention.c
tests_test_qserve_attention_CFLAGS = $(test_cflags)
tests_test_qserve_attention_LDADD = $(test_ldadd)
tests_test_qserve_linear_SOURCES = tests/test_qserve_linear.c
tests_test_qserve_linear_CFLAGS = $(test_cflags)
tests_test_qserve_linear_LDADD = $(test_ldadd)
tests_test_quantizer_SOURCES = tests/test_quantizer.c
tests_test_quantizer_CFLAGS = $(test_cflags)
tests_test_quantizer_LDADD = $(test_ldadd)
tests_test_query_SOURCES = tests/test_query.c
tests_test_query_CFLAGS = $(test_cflags)
tests_test_query_LDADD = $(test_ldadd)
tests_test_round_SOURCES = tests/test_round.c
tests_test_round_CFLAGS = $(test_cflags)
tests_test_round_LDADD = $(test_ldadd)
tests_test_safetensors_SOURCES = tests/test_safetensors.c
tests_test_safetensors_CFLAGS = $(test_cflags)
tests_test_safetensors_LDADD = $(test_ldadd)
tests_test_sample_SOURCES = tests/test_sample.c
tests_test_sample_CFLAGS = $(test_cflags)
tests_test_sample_LDADD = $(test_ldadd)
tests_test_session_SOURCES = tests/test_session.c
tests_test_session_CFLAGS = $(test_cflags)
tests_test_session_LDADD = $(test_ldadd)
tests_test_silu_SOURCES = tests/test_silu.c
tests_test_silu_CFLAGS = $(test_cflags)
tests_test_silu_LDADD = $(test_ldadd)
tests_test_sim_description_SOURCES = tests/test_sim_description.c
tests_test_sim_description_CFLAGS = $(test_cflags)
tests_test_sim_description_LDADD = libqoq-sim.la $(test_ldadd)
tests_test_sim_gemm_SOURCES = tests/test_sim_gemm.c
tests_test_sim_gemm_CFLAGS = $(test_cflags)
tests_test_sim_gemm_LDADD = libqoq-sim.la $(test_ldadd)
tests_test_sim_serving_SOURCES = tests/test_sim_serving.c
tests_test_sim_serving_CFLAGS = $(test_cflags)
tests_test_sim_serving_LDADD = libqoq-sim.la $(test_ldadd)
tests_test_status_SOURCES = tests/test_status.c
tests_test_status_CFLAGS = $(test_cflags)
tests_test_status_LDADD = $(test_ldadd)
tests_test_stories_SOURCES = tests/test_stories.c
tests_test_stories_CFLAGS = $(test_cflags)
tests_test_stories_LDADD = $(test_ldadd)
tests_test_token_file_SOURCES = tests/test_token_file.c
tests_test_token_file_CFLAGS = $(test_cflags)
tests_test_token_file_LDADD = $(test_ldadd)
tests_test_tokenizer_SOURCES = tests/test_tokenizer.c
tests_test_tokenizer_CFLAGS = $(test_cflags)
tests_test_tokenizer_LDADD = $(test_ldadd)
tests_test_transform_SOURCES = tests/test_transform.c
tests_test_transform_CFLAGS = $(test_cflags)
tests_test_transform_LDADD = $(test_ldadd)
tests_test_tokenizer_bytes_SOURCES = tests/test_tokenizer_bytes.c
tests_test_tokenizer_bytes_CFLAGS = $(test_cflags)
tests_test_tokenizer_bytes_LDADD = $(test_ldadd)
tests_test_weight_SOURCES = tests/test_weight.c
tests_test_weight_CFLAGS = $(test_cflags)
tests_test_weight_LDADD = $(test_ldadd)
tests_test_weight_errors_SOURCES = tests/test_weight_errors.c
tests_test_weight_errors_CFLAGS = $(test_cflags)
tests_test_weight_errors_LDADD = $(test_ldadd)
tests_test_weight_range_SOURCES = tests/test_weight_range.c
tests_test_weight_range_CFLAGS = $(test_cflags)
tests_test_weight_range_LDADD = $(test_ldadd)
tests_test_elementary_SOURCES = tests/test_elementary.c
tests_test_elementary_CFLAGS = $(test_cflags)
tests_test_elementary_LDADD = $(test_ldadd) $(MPFR_LIBS)
tests_test_half_SOURCES = tests/test_half.c
tests_test_half_CFLAGS = $(test_cflags)
tests_test_half_LDADD = $(test_ldadd) $(MPFR_LIBS)
tests_test_reduce_SOURCES = tests/test_reduce.c
tests_test_reduce_CFLAGS = $(test_cflags)
tests_test_reduce_LDADD = $(test_ldadd) $(MPFR_LIBS)
tests_test_rope_SOURCES = tests/test_rope.c
tests_test_rope_CFLAGS = $(test_cflags)
tests_test_rope_LDADD = $(test_ldadd) $(MPFR_LIBS)

# A shared object for qoq gpu bench --peer.
libqoq_peer_la_SOURCES = tests/gpu/peer.c
libqoq_peer_la_LDFLAGS = -module -avoid-version -shared -rpath $(abs_builddir)
libqoq_probe_la_SOURCES = tests/emu/faults.cc tests/emu/faults.hh tests/emu/faults_async.cc tests/emu/probe.cc tests/emu/probe.h tests/emu/probe_async.cc tests/emu/probe_array.hh
libqoq_probe_la_CXXFLAGS = $(AM_CXXFLAGS) -U_FORTIFY_SOURCE
emulator_ldadd = libqoq-probe.la libqoq-decoder.la libqoq-verify.la libqoq-emu.la $(test_ldadd) $(CXX_LIBS)
# libqoq-cuda with the emulator for a GPU, to be loaded at run time.
libqoq_cuda_emulated_la_SOURCES =
libqoq_cuda_emulated_la_LIBADD = libqoq-emu.la libqoq-core.la $(CXX_LIBS) -lm
libqoq_cuda_emulated_la_LDFLAGS = -module -avoid-version -no-undefined -rpath $(abs_builddir) $(OPENMP_CFLAGS)
# The program qoq-gpu with the emulator for a GPU.
tests_gpu_emulated_SOURCES = $(gpu_cli_sources) tests/gpu/bench_emulated.c
tests_gpu_emulated_CPPFLAGS = $(AM_CPPFLAGS) -DQOQ_PKGDATADIR='"$(pkgdatadir)"'
tests_gpu_emulated_CFLAGS = $(AM_CFLAGS)
tests_gpu_emulated_LDADD = $(gpu_device_callers) libqoq-emu.la $(gpu_program_libs) $(HDF5_LIBS) $(JANSSON_LIBS) $(UTF8PROC_LIBS) $(CXX_LIBS)
tests_test_bench_SOURCES = tests/test_bench.c tests/gpu/bench_emulated.c
tests_test_bench_CFLAGS = $(test_cflags)
tests_test_bench_LDADD = libqoq-bench.la libqoq-sim.la $(emulator_ldadd)
tests_test_decoder_SOURCES = tests/test_decoder.c
tests_test_decoder_CFLAGS = $(test_cflags)
tests_test_decoder_LDADD = $(emulator_ldadd)
tests_test_emulator_SOURCES = tests/test_emulator.c
tests_test_emulator_CFLAGS = $(test_cflags)
tests_test_emulator_LDADD = $(emulator_ldadd)
tests_test_golden_kernels_SOURCES = tests/test_golden_kernels.c
tests_test_golden_kernels_CFLAGS = $(test_cflags)
tests_test_golden_kernels_LDADD = $(emulator_ldadd)
tests_test_kernels_SOURCES = tests/test_kernels.c
tests_test_kernels_CFLAGS = $(test_cflags)
tests_test_kernels_LDADD = $(emulator_ldadd)

noinst_HEADERS += tests/attention_inputs.h tests/attention_model.h tests/checkpoint_support.h tests/crc32.h tests/data_support.h tests/guard.h tests/hf_directory.h tests/kv_cache.h tests/layer_reference.h tests/layer_statistics.h tests/linear.h tests/load_support.h tests/model_reference.h tests/model_shapes.h tests/quantize_case.h tests/seed.h tests/sim_case.h tests/transform_subject.h tests/ulp.h tests/weight_support.h

# Every binary32 pattern of exp and exp2 against MPFR: minutes.
if HAVE_MPFR
EXTRA_PROGRAMS += tests/exhaustive_elementary
tests_exhaustive_elementary_SOURCES = tests/exhaustive_elementary.c
tests_exhaustive_elementary_CFLAGS = $(test_cflags)
tests_exhaustive_elementary_LDADD = libqoq-core.la $(MPFR_LIBS)
CLEANFILES += tests/exhaustive_elementary$(EXEEXT)

check-exhaustive: tests/exhaustive_elementary$(EXEEXT)
	tests/exhaustive_elementary$(EXEEXT)

endif

# Broken files, for the tests of data/ and as a program that writes them all.
check_LTLIBRARIES += libqoq-bad.la
libqoq_bad_la_SOURCES = tests/bad/bad.h tests/bad/bad_h5.c tests/bad/bad_text.c
libqoq_bad_la_CFLAGS = $(AM_CFLAGS) $(HDF5_CFLAGS)
check_PROGRAMS += tests/bad/make_bad
tests_bad_make_bad_SOURCES = tests/bad/make_bad.c
tests_bad_make_bad_LDADD = libqoq-bad.la libqoq-data.la libqoq-core.la $(HDF5_LIBS) $(JANSSON_LIBS) $(UTF8PROC_LIBS)

# Inputs and results of the rounding, for NumPy.
check_PROGRAMS += tests/dump_rounding
tests_dump_rounding_SOURCES = tests/dump_rounding.c
tests_dump_rounding_LDADD = libqoq-core.la

# Damaged files against every reader; tests/sanitize.sh runs it under the sanitizers.
check_PROGRAMS += tests/fuzz_files
tests_fuzz_files_SOURCES = tests/fuzz_files.c
tests_fuzz_files_LDADD = libqoq-load.la libqoq-golden.la libqoq-data.la libqoq-core.la $(HDF5_LIBS) $(JANSSON_LIBS) $(UTF8PROC_LIBS)

# Speed of the matrix products, of attention and of the rounding on this machine.
EXTRA_PROGRAMS += tests/bench_products tests/bench_attention tests/bench_rounding
tests_bench_products_SOURCES = tests/bench.h tests/bench_products.c
tests_bench_products_LDADD = libqoq-core.la
tests_bench_attention_SOURCES = tests/bench.h tests/bench_attention.c
tests_bench_attention_LDADD = libqoq-core.la
tests_bench_rounding_SOURCES = tests/bench_rounding.c
tests_bench_rounding_LDADD = libqoq-core.la
CLEANFILES += tests/bench_products$(EXEEXT) tests/bench_attention$(EXEEXT) tests/bench_rounding$(EXEEXT)

bench: tests/bench_products$(EXEEXT) tests/bench_attention$(EXEEXT) tests/bench_rounding$(EXEEXT)
	tests/bench_products$(EXEEXT)
	tests/bench_attention$(EXEEXT)
	tests/bench_rounding$(EXEEXT)

# Tiny models of every architecture against PyTorch transformers, in a virtual environment made for it: gigabytes to fetch.
check-transformers:
	$(SHELL) $(srcdir)/tests/transformers.sh $(srcdir)

# Two layers of Llama-3-8B's shapes through the quantizer within 12 GiB: tens of minutes.
check-large: qoq$(EXEEXT)
	$(AM_V_at)$(AM_TESTS_ENVIRONMENT) $(SHELL) $(srcdir)/tests/large.sh $(srcdir) ./qoq$(EXEEXT) $(LARGE_DIR)
LARGE_DIR =
EXTRA_DIST += tests/large.sh tests/python/make_large.py

# The bit matrix alone: compilers, optimization levels, threads, chunkings.
check-bits: qoq$(EXEEXT)
	$(AM_V_at)$(AM_TESTS_ENVIRONMENT) $(SHELL) $(srcdir)/tests/bits.sh

# The same for CPUs of other architectures, emulated: minutes.
check-cpus:
	$(AM_V_at)$(AM_TESTS_ENVIRONMENT) QOQ_FULL=yes $(SHELL) $(srcdir)/tests/cpus.sh

# Hundreds of shapes of every kernel in every schedule, and the kernels through nvcc for every architecture: minutes to tens of minutes.
check-full: check qoq-sim$(EXEEXT)
	./qoq-sim$(EXEEXT) run all --random $(FULL_SHAPES) --schedule all --csv > full.csv
	awk -F, 'NR > 1 { n++ } END { print n " cases on the emulator, all equal" }' full.csv
	$(AM_V_at)$(AM_TESTS_ENVIRONMENT) QOQ_FULL=1 $(SHELL) $(srcdir)/tests/gpu/limits.sh
FULL_SHAPES = 40

# Barriers, waits, fences and predicates of the kernels weakened one at a time: the emulator must notice. Long: every shape for each survivor.
check-mutants: tests/gpu/emulated$(EXEEXT)
	$(QOQ_PYTHON) $(srcdir)/tests/python/mutate_kernels.py $(srcdir) . '$(CXX)' $(MUTANTS) \
		--link '$(LIBTOOL) --silent --tag=CXX --mode=link $(CXX) $(AM_LDFLAGS) $(LDFLAGS) $(tests_gpu_emulated_OBJECTS)' \
		--libraries '$(tests_gpu_emulated_LDADD) $(LIBS)'
MUTANTS =
CLEANFILES += full.csv
EXTRA_DIST += tests/python/check_forms.py tests/python/check_ptx.py tests/python/ptx_stages.py tests/python/mutants.csv tests/python/mutants.txt tests/python/mutate_kernels.py tests/python/mutations.py tests/python/sass_loops.py \
	tests/python/ptx/__init__.py tests/python/ptx/arithmetic.py tests/python/ptx/asynchronous.py tests/python/ptx/machine.py tests/python/ptx/memory.py \
	tests/python/ptx/move.py tests/python/ptx/tensor.py tests/python/ptx/text.py \
	tests/python/ptx_cases/__init__.py tests/python/ptx_cases/attention.py tests/python/ptx_cases/case.py tests/python/ptx_cases/decode.py tests/python/ptx_cases/ends.py \
	tests/python/ptx_cases/pages.py tests/python/ptx_cases/products.py tests/python/ptx_cases/reference.py tests/python/ptx_cases/rows.py
