#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# No invalid access, no use of uninitialized values, no leak in the commands, by valgrind.
. "$QOQ_SRCDIR/tests/tap.sh"
model=$QOQ_SRCDIR/data/models/stories260K
if ! command -v valgrind > /dev/null; then
    skip "valgrind" "no valgrind"
    finish
fi
OMP_NUM_THREADS=1; export OMP_NUM_THREADS
clean() { valgrind -q --error-exitcode=9 --leak-check=full --errors-for-leak-kinds=definite "$QOQ" "$@"; }

check "quantize" clean quantize "$model" --group 32 -o "$scratch/model.h5"
check "eval" clean eval "$model" "$scratch/model.h5" --tokens "$model/heldout.tokens.h5" -n 2 --batch 2
check "generate" clean generate "$scratch/model.h5" --length 10 --temperature 1
check "inspect" clean inspect "$scratch/model.h5" --against "$model"
check "fuzz_files makes checkpoints" "$QOQ_BUILDDIR/tests/fuzz_files" --make "$scratch"
check "import" clean import "$scratch/checkpoint-g" -o "$scratch/g.h5"
check "export" clean export "$scratch/g.h5" --to qserve "$scratch/G" --any-group
check "golden make" clean golden make --operator gemm_w4a8_group -o "$scratch/case.h5"
check "golden check" clean golden check "$scratch/case.h5"
check "golden diff" clean golden diff "$scratch/case.h5" "$scratch/case.h5"
finish
