#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The main loops of the products on wgmma in machine code: no more instructions than gpu/loops.csv says, from which doc/gpu.md derives what bounds them.
# Needs a disassembler (nvdisasm of the toolkit, or QOQ_NVDISASM). "sass.sh print" prints the table that it finds.
[ "${1-}" = print ] && QOQ_SRCDIR=${QOQ_SRCDIR:-.} QOQ_NVCC=${QOQ_NVCC:-nvcc} QOQ_PYTHON=${QOQ_PYTHON:-python3}
. "$QOQ_SRCDIR/tests/tap.sh"
disassembler=${QOQ_NVDISASM:-nvdisasm}
loops=$QOQ_SRCDIR/tests/python/sass_loops.py

disassemble() {
    "$QOQ_NVCC" -std=c++17 --fmad=false --ftz=false -I"$QOQ_SRCDIR/ref" -I"$QOQ_SRCDIR" -gencode arch=compute_90a,code=sm_90a -cubin \
        "$QOQ_SRCDIR/gpu/gemm.cu" -o "$scratch/gemm.cubin" && "$disassembler" -c "$scratch/gemm.cubin" > "$scratch/gemm.sass"
}
if [ -z "$QOQ_NVCC" ] || ! "$QOQ_NVCC" --version > /dev/null 2>&1; then
    skip "instructions of the main loops" "no nvcc"
elif ! "$disassembler" --version > /dev/null 2>&1; then
    skip "instructions of the main loops" "no disassembler"
elif ! "$QOQ_NVCC" --list-gpu-arch 2> /dev/null | grep -qx compute_90a && ! "$QOQ_NVCC" --list-gpu-arch 2> /dev/null | grep -qx compute_90; then
    skip "instructions of the main loops" "a toolkit without sm_90a"
elif [ "${1-}" = print ]; then
    disassemble && "$QOQ_PYTHON" "$loops" "$scratch/gemm.sass" gemm_wgmma
    exit
else
    check "the products disassemble" disassemble
    check "instructions of the main loops within gpu/loops.csv" "$QOQ_PYTHON" "$loops" "$scratch/gemm.sass" gemm_wgmma --limits "$QOQ_SRCDIR/gpu/loops.csv"
fi
finish
