# SPDX-License-Identifier: Apache-2.0
# libqoq-data: every file format, and the data that ships.

noinst_LTLIBRARIES += libqoq-data.la

libqoq_data_la_SOURCES = \
	data/config_attributes.c \
	data/config_attributes.h \
	data/csv.c \
	data/csv.h \
	data/description.c \
	data/description.h \
	data/endian.h \
	data/error.c \
	data/error.h \
	data/field.c \
	data/field.h \
	data/file.c \
	data/file.h \
	data/golden_case.c \
	data/golden_case.h \
	data/golden_file.c \
	data/golden_file.h \
	data/golden_manifest.c \
	data/golden_manifest.h \
	data/h5.c \
	data/h5.h \
	data/h5_attribute.c \
	data/h5_check.c \
	data/h5_check.h \
	data/h5_check_internal.h \
	data/h5_check_message.c \
	data/h5_dataset.c \
	data/h5_internal.h \
	data/hf_config.c \
	data/hf_config.h \
	data/json.c \
	data/json.h \
	data/model_file.c \
	data/model_file.h \
	data/safetensors.c \
	data/safetensors.h \
	data/safetensors_header.c \
	data/safetensors_internal.h \
	data/safetensors_read.c \
	data/safetensors_write.c \
	data/sha256.c \
	data/sha256.h \
	data/tensor.c \
	data/tensor.h \
	data/token_file.c \
	data/token_file.h \
	data/tokenizer.c \
	data/tokenizer.h \
	data/tokenizer_encode.c \
	data/tokenizer_internal.h \
	data/tokenizer_json.h \
	data/tokenizer_load.c \
	data/tokenizer_pipeline.c \
	data/tokenizer_vocab.c
libqoq_data_la_CFLAGS = $(AM_CFLAGS) $(HDF5_CFLAGS) $(JANSSON_CFLAGS)

goldendir = $(pkgdatadir)/golden
dist_golden_DATA = \
	data/golden/MANIFEST \
	data/golden/activation.h5 \
	data/golden/attention.h5 \
	data/golden/gemm.h5 \
	data/golden/kv.h5 \
	data/golden/numerics.h5 \
	data/golden/qserve.h5 \
	data/golden/rope.h5 \
	data/golden/weight.h5

storiesdir = $(pkgdatadir)/models/stories260K
dist_stories_DATA = \
	data/models/stories260K/LICENSE \
	data/models/stories260K/README.md \
	data/models/stories260K/config.json \
	data/models/stories260K/convert.py \
	data/models/stories260K/heldout.tokens.h5 \
	data/models/stories260K/heldout.txt \
	data/models/stories260K/model.safetensors \
	data/models/stories260K/tokenizer.json

EXTRA_DIST += \
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
	data/gpus/what-if-h100-small-l2.json \
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
	data/models/yi-34b.shape.json \
	data/paper/elementwise_a100.csv \
	data/paper/expected/attention.csv \
	data/paper/expected/gemm.csv \
	data/paper/expected/overhead.csv \
	data/paper/expected/ratios.csv \
	data/paper/expected/roofline.csv \
	data/paper/expected/summary.csv \
	data/paper/expected/throughput-a100.csv \
	data/paper/expected/throughput-l40s.csv \
	data/paper/gemm_a100.csv \
	data/paper/kv4_attention.csv \
	data/paper/overhead.csv \
	data/paper/qserve_kernel_configs.csv \
	data/paper/ratios.csv \
	data/paper/roofline.csv \
	data/paper/throughput.csv \
	data/schemes/fp16.json \
	data/schemes/fp8.json \
	data/schemes/kv16.json \
	data/schemes/kv4-naive.json \
	data/schemes/kv4-qoq.json \
	data/schemes/kv4-qserve.json \
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
	data/schemes/w4a8-qoq-g128.json \
	data/schemes/w4a8-qoq.json \
	data/schemes/w4a8-qserve-g128-paper.json \
	data/schemes/w4a8-qserve-g128.json \
	data/schemes/w4a8-qserve.json \
	data/schemes/w8a8.json
