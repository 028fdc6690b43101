# SPDX-License-Identifier: Apache-2.0
# Documents and manual pages. The pages are made from --help by `make man` and committed, so that building needs no help2man;
# tests/lint/manual.sh compares them with the program.

dist_doc_DATA = README.md NEWS doc/accuracy.md doc/numerics.md doc/formats.md doc/golden.md \
	doc/architecture.md doc/cost-model.md doc/emulator.md doc/gpu.md doc/quantization.md
dist_man1_MANS = doc/qoq.1 doc/qoq-quantize.1 doc/qoq-eval.1 doc/qoq-generate.1 doc/qoq-inspect.1 \
	doc/qoq-tokenize.1 doc/qoq-export.1 doc/qoq-import.1 doc/qoq-ablate.1 doc/qoq-golden.1 doc/qoq-gpu.1 doc/qoq-gpu-bench.1 doc/qoq-gpu-eval.1 doc/qoq-gpu-generate.1 doc/qoq-gpu-golden.1 doc/qoq-gpu-verify.1 doc/qoq-sim.1 doc/qoq-sim-run.1 doc/qoq-sim-golden.1 \
	doc/qoq-sim-generate.1 doc/qoq-sim-eval.1
EXTRA_DIST += doc/make-man doc/results/README.md doc/results/smollm2/methods.csv doc/results/smollm2/steps.csv doc/results/smollm2/steps.svg

# Where CUDA is not built, the program over the emulator gives the same texts.
if HAVE_CUDA
man_gpu = qoq-gpu$(EXEEXT)
else
if HAVE_EMULATOR
man_gpu = tests/gpu/emulated$(EXEEXT)
endif
endif

man: qoq$(EXEEXT) qoq-sim$(EXEEXT) $(man_gpu)
	HELP2MAN='$(HELP2MAN)' $(SHELL) $(srcdir)/doc/make-man ./qoq$(EXEEXT) $(srcdir)/doc $(man_gpu:%=./%)
