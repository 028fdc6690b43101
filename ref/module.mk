# SPDX-License-Identifier: Apache-2.0
# libqoq and the program qoq. Tests link the convenience libraries and so see hidden symbols.

lib_LTLIBRARIES += libqoq.la
noinst_LTLIBRARIES += libqoq-core.la libqoq-golden.la libqoq-load.la libqoq-machine.la
bin_PROGRAMS += qoq

qoqincludedir = $(includedir)/qoq
qoqinclude_HEADERS = ref/qoq.h ref/qoq_model.h ref/qoq_quantize.h ref/qoq_qserve.h

libqoq_core_la_SOURCES = \
	ref/model/arrays.c \
	ref/model/arrays.h \
	ref/model/cache.c \
	ref/model/config.c \
	ref/model/create.c \
	ref/model/layer_baseline.c \
	ref/model/layer_quantized.c \
	ref/model/model.h \
	ref/model/narrow.c \
	ref/model/precision.c \
	ref/model/random.c \
	ref/model/sample.c \
	ref/model/score.c \
	ref/model/session.c \
	ref/model/session.h \
	ref/model/simulate.c \
	ref/model/simulate.h \
	ref/model/step.c \
	ref/model/step.h \
	ref/model/workspace.c \
	ref/numerics/assumptions.h \
	ref/numerics/bits.h \
	ref/numerics/elementary.h \
	ref/numerics/exp_all.c \
	ref/numerics/exp_all.h \
	ref/numerics/gen.h \
	ref/numerics/half.c \
	ref/numerics/half.h \
	ref/numerics/reduce.c \
	ref/numerics/reduce_avx2.c \
	ref/numerics/reduce.h \
	ref/numerics/round.h \
	ref/numerics/target.h \
	ref/numerics/vector_avx2.h \
	ref/ops/accumulate.c \
	ref/ops/accumulate.h \
	ref/ops/accumulate_avx2.c \
	ref/ops/act.c \
	ref/ops/act_fused.c \
	ref/ops/act_fused.h \
	ref/ops/act_row.h \
	ref/ops/attention.c \
	ref/ops/attention.h \
	ref/ops/attention_avx2.c \
	ref/ops/attention_f32.c \
	ref/ops/attention_f32.h \
	ref/ops/attention_f32_avx2.c \
	ref/ops/attention_split.c \
	ref/ops/error_stats.c \
	ref/ops/gemm.c \
	ref/ops/gemm_ordered.c \
	ref/ops/gemm_ordered.h \
	ref/ops/gemm_ordered_avx2.c \
	ref/ops/head.h \
	ref/ops/kv.c \
	ref/ops/kv_page.c \
	ref/ops/kv_page.h \
	ref/ops/layout.c \
	ref/ops/layout_groups.c \
	ref/ops/norm.c \
	ref/ops/qserve_act.c \
	ref/ops/qserve_attention.c \
	ref/ops/qserve_elementary.h \
	ref/ops/qserve_gemm.c \
	ref/ops/qserve_kv.c \
	ref/ops/qserve_kv.h \
	ref/ops/qserve_norm.c \
	ref/ops/qserve_reduce.c \
	ref/ops/qserve_reduce.h \
	ref/ops/qserve_rope.c \
	ref/ops/qserve_silu.c \
	ref/ops/query.c \
	ref/ops/rope.c \
	ref/ops/shape.h \
	ref/ops/silu.c \
	ref/ops/weight.c \
	ref/ops/weight_channel.c \
	ref/ops/weight_check.c \
	ref/ops/weight_group.c \
	ref/ops/weight_row.h \
	ref/ops/weight_w8.c \
	ref/quantize/attention_factors.c \
	ref/quantize/attention_factors.h \
	ref/quantize/attention_search.c \
	ref/quantize/balance.c \
	ref/quantize/calibrate_layer.c \
	ref/quantize/calibration.c \
	ref/quantize/calibration.h \
	ref/quantize/cholesky.c \
	ref/quantize/cholesky.h \
	ref/quantize/cholesky_avx2.c \
	ref/quantize/cholesky_invert.c \
	ref/quantize/cholesky_path.h \
	ref/quantize/cholesky_plain.c \
	ref/quantize/clip_attention.c \
	ref/quantize/clip_rows.c \
	ref/quantize/factors.c \
	ref/quantize/factors.h \
	ref/quantize/fold.c \
	ref/quantize/galois.c \
	ref/quantize/galois.h \
	ref/quantize/gptq.c \
	ref/quantize/gptq.h \
	ref/quantize/gptq_factor.c \
	ref/quantize/gptq_round.c \
	ref/quantize/gram.c \
	ref/quantize/gram.h \
	ref/quantize/grid.c \
	ref/quantize/grid.h \
	ref/quantize/grid_fit.c \
	ref/quantize/grid_round.c \
	ref/quantize/grid_row.h \
	ref/quantize/grid_store.c \
	ref/quantize/hadamard.c \
	ref/quantize/layer_round.c \
	ref/quantize/layer_steps.c \
	ref/quantize/linear_stats.c \
	ref/quantize/one_layer.c \
	ref/quantize/one_layer.h \
	ref/quantize/output_error.c \
	ref/quantize/paley.c \
	ref/quantize/paley.h \
	ref/quantize/probe.c \
	ref/quantize/quadratic.c \
	ref/quantize/quadratic.h \
	ref/quantize/quantize_model.c \
	ref/quantize/quantizer.c \
	ref/quantize/quantizer.h \
	ref/quantize/recipe.c \
	ref/quantize/reorder.c \
	ref/quantize/rotate.c \
	ref/quantize/rotate_heads.c \
	ref/quantize/smooth_attention.c \
	ref/quantize/smooth_awq.c \
	ref/quantize/smooth_input.c \
	ref/quantize/smooth_output.c \
	ref/quantize/transform.h \
	ref/status.c

libqoq_la_SOURCES =
libqoq_la_LIBADD = libqoq-core.la
libqoq_la_LDFLAGS = -no-undefined -version-info $(QOQ_LIBTOOL_VERSION) $(OPENMP_CFLAGS)

libqoq_golden_la_SOURCES = \
	ref/golden/build.c \
	ref/golden/build.h \
	ref/golden/cache_inputs.c \
	ref/golden/cache_inputs.h \
	ref/golden/cases.c \
	ref/golden/cases.h \
	ref/golden/compare.c \
	ref/golden/compare.h \
	ref/golden/diagnose.c \
	ref/golden/diagnose.h \
	ref/golden/diagnose_layout.c \
	ref/golden/diagnose_order.c \
	ref/golden/element.c \
	ref/golden/element.h \
	ref/golden/generator.c \
	ref/golden/generator.h \
	ref/golden/mistakes.c \
	ref/golden/mistakes.h \
	ref/golden/mistakes_cache.c \
	ref/golden/mistakes_codes.c \
	ref/golden/mistakes_floats.c \
	ref/golden/mistakes_operands.c \
	ref/golden/mistakes_products.c \
	ref/golden/mistakes_serving.c \
	ref/golden/mistakes_weight.c \
	ref/golden/op_activation.c \
	ref/golden/op_attention.c \
	ref/golden/op_gemm.c \
	ref/golden/op_kv.c \
	ref/golden/op_layout.c \
	ref/golden/op_numerics.c \
	ref/golden/op_qserve_cache.c \
	ref/golden/op_qserve_products.c \
	ref/golden/op_qserve_rows.c \
	ref/golden/op_rope.c \
	ref/golden/op_rope_write.c \
	ref/golden/op_serving.c \
	ref/golden/op_weight.c \
	ref/golden/operator.h \
	ref/golden/operators.c \
	ref/golden/rule.c \
	ref/golden/rule.h \
	ref/golden/standard.c \
	ref/golden/weight_inputs.c \
	ref/golden/weight_inputs.h

# Models from and into files.
libqoq_load_la_SOURCES = \
	ref/cli/array_name.c \
	ref/cli/array_name.h \
	ref/cli/calibration_text.c \
	ref/cli/calibration_text.h \
	ref/cli/checkpoint.h \
	ref/cli/checkpoint_fake.c \
	ref/cli/checkpoint_fits.c \
	ref/cli/checkpoint_load.c \
	ref/cli/checkpoint_name.c \
	ref/cli/checkpoint_order.c \
	ref/cli/checkpoint_packed.c \
	ref/cli/checkpoint_source.c \
	ref/cli/checkpoint_source.h \
	ref/cli/checkpoint_write.c \
	ref/cli/load.c \
	ref/cli/load.h \
	ref/cli/load_file.c \
	ref/cli/load_hf.c \
	ref/cli/source.c \
	ref/cli/source.h \
	ref/cli/store.c \
	ref/cli/store.h

# The commands that run models, on whatever machine a program has.
libqoq_machine_la_SOURCES = \
	ref/cli/divergence.c \
	ref/cli/divergence.h \
	ref/cli/eval.c \
	ref/cli/evaluate.c \
	ref/cli/evaluate.h \
	ref/cli/generate.c \
	ref/cli/machine.c \
	ref/cli/machine.h

qoq_SOURCES = \
	ref/cli/ablate.c \
	ref/cli/ablate_row.c \
	ref/cli/ablate_row.h \
	ref/cli/ablate_table.c \
	ref/cli/ablate_table.h \
	ref/cli/cli.c \
	ref/cli/cli.h \
	ref/cli/data_directory.h \
	ref/cli/export.c \
	ref/cli/gnuplot.c \
	ref/cli/gnuplot.h \
	ref/cli/golden.c \
	ref/cli/golden.h \
	ref/cli/golden_check.c \
	ref/cli/golden_diff.c \
	ref/cli/golden_make.c \
	ref/cli/golden_walk.c \
	ref/cli/golden_walk.h \
	ref/cli/import.c \
	ref/cli/inspect.c \
	ref/cli/main.c \
	ref/cli/partial.c \
	ref/cli/partial.h \
	ref/cli/quantize.c \
	ref/cli/quantize_job.c \
	ref/cli/quantize_job.h \
	ref/cli/quantize_report.c \
	ref/cli/quantize_report.h \
	ref/cli/recipe_options.c \
	ref/cli/recipe_options.h \
	ref/cli/report.c \
	ref/cli/report.h \
	ref/cli/tokenize.c
qoq_LDADD = libqoq-machine.la libqoq-load.la libqoq-golden.la libqoq-data.la libqoq-core.la $(HDF5_LIBS) $(JANSSON_LIBS) $(UTF8PROC_LIBS)
qoq_CFLAGS = $(AM_CFLAGS)
qoq_CPPFLAGS = $(AM_CPPFLAGS) -DQOQ_PKGDATADIR='"$(pkgdatadir)"'
