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
	data/directory.c \
	data/directory.h \
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
	data/hf_config_write.c \
	data/json.c \
	data/json.h \
	data/model_file.c \
	data/model_file.h \
	data/safetensors.c \
	data/safetensors.h \
	data/safetensors_header.c \
	data/safetensors_internal.h \
	data/safetensors_read.c \
	data/safetensors_shards.c \
	data/safetensors_shards.h \
	data/safetensors_write.c \
	data/sha256.c \
	data/sha256.h \
	data/tensor.c \
	data/tensor.h \
	data/token_file.c \
	data/token_file.h \
	data/tokenizer.c \
	data/tokenizer.h \
	data/tokenizer_byte_level.c \
	data/tokenizer_bytes.c \
	data/tokenizer_bytes.h \
	data/tokenizer_encode.c \
	data/tokenizer_encode.h \
	data/tokenizer_internal.h \
	data/tokenizer_json.h \
	data/tokenizer_load.c \
	data/tokenizer_marks.c \
	data/tokenizer_merge.c \
	data/tokenizer_merge.h \
	data/tokenizer_pipeline.c \
	data/tokenizer_split.c \
	data/tokenizer_split.h \
	data/tokenizer_unicode.c \
	data/tokenizer_unicode.h \
	data/tokenizer_vocab.c
libqoq_data_la_CFLAGS = $(AM_CFLAGS) $(HDF5_CFLAGS) $(JANSSON_CFLAGS) $(UTF8PROC_CFLAGS)

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
	data/golden/serving.h5 \
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

importdir = $(pkgdatadir)/import
dist_import_SCRIPTS = data/import/convert-pt
# A language model to fetch, and the text that it is measured on.
EXTRA_DIST += \
	data/models/fetch-smollm2 \
	data/models/smollm2/gguf.py \
	data/models/smollm2/hugging_face.py \
	data/models/smollm2/wikitext.py \
	data/text/wikitext-2/README.md \
	data/text/wikitext-2/wiki.test.raw.xz \
	data/text/wikitext-2/wiki.valid.raw.xz
