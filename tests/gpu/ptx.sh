#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The counts of the emulator against what the PTX of the same kernels executes, run by tests/python/check_ptx.py; no GPU needed.
. "$QOQ_SRCDIR/tests/tap.sh"
name="counts of the emulator within data/counts/ptx-margins.csv of the PTX"

if [ -z "$QOQ_NVCC" ] || ! "$QOQ_NVCC" --version > /dev/null 2>&1; then
    skip "$name" "no nvcc"
elif [ "$QOQ_HAVE_EMULATOR" != yes ]; then
    skip "$name" "no emulator"
elif ! "$QOQ_PYTHON" -c 'import numpy' 2> /dev/null; then
    skip "$name" "no NumPy"
else
    check_ptx="$QOQ_SRCDIR/tests/python/check_ptx.py"
    ptx() {
        mkdir "$scratch/$1" && units=$("$QOQ_PYTHON" "$check_ptx" --units) || return 1
        for unit in $units; do
            "$QOQ_NVCC" -std=c++17 --fmad=false --ftz=false -I"$QOQ_SRCDIR/ref" -I"$QOQ_SRCDIR" -arch="compute_$1" -ptx "$QOQ_SRCDIR/gpu/$unit.cu" -o "$scratch/$1/$unit.ptx" || return 1
        done
    }
    for arch in 80 90a; do
        check "PTX for sm_$arch" ptx $arch
        check "$name (sm_$arch)" "$QOQ_PYTHON" "$check_ptx" "$QOQ_BUILDDIR/qoq-sim" "$scratch/$arch" "$QOQ_DATADIR/counts/ptx-margins.csv"
    done
fi
finish
