#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Programs of gpu/examples, with the emulator for a GPU; and with libqoq-cuda, where it was built.
. "$QOQ_SRCDIR/tests/tap.sh"
emulated=$QOQ_BUILDDIR/.libs/libqoq-cuda-emulated.so
real=$QOQ_BUILDDIR/.libs/libqoq-cuda.so
PYTHONDONTWRITEBYTECODE=1; export PYTHONDONTWRITEBYTECODE

products() { "$QOQ_PYTHON" "$QOQ_SRCDIR/gpu/examples/golden_products.py" "$@"; }
all_agree() {
    products "$1" "$QOQ_DATADIR/golden/gemm.h5" > "$scratch/out" 2>&1
    status=$?
    cat "$scratch/out"
    [ $status = 0 ] && [ "$(grep -c 'every bit agrees$' "$scratch/out")" -ge 16 ]
}
agree_or_no_gpu() { all_agree "$1" || { [ "$(wc -l < "$scratch/out")" = 1 ] && grep -q '^qoq_cuda: status -9 ' "$scratch/out"; }; }
# A wrong expectation is noticed.
wrong_is_seen() {
    "$QOQ_PYTHON" - "$QOQ_DATADIR/golden/gemm.h5" "$scratch/wrong.h5" <<'TEXT' && ! products "$emulated" "$scratch/wrong.h5"
import shutil, sys, h5py
shutil.copyfile(sys.argv[1], sys.argv[2])
with h5py.File(sys.argv[2], "r+") as file:
    y = file["gemm_w4a8_group.ragged/outputs/y"]
    values = y[()]
    values.view("u2")[-1, -1] ^= 1
    y[...] = values
TEXT
}

if [ -z "$QOQ_PYTHON" ]; then
    skip "golden products by ctypes" "no Python with NumPy and h5py"
elif [ ! -e "$emulated" ]; then
    skip "golden products by ctypes" "no emulator, or no shared libraries"
else
    check "golden products by ctypes" all_agree "$emulated"
    check "a wrong bit is noticed" wrong_is_seen
fi
if [ -n "$QOQ_PYTHON" ] && [ -e "$real" ]; then
    check "golden products by ctypes on a GPU, or one line that there is none" agree_or_no_gpu "$real"
else
    skip "golden products by ctypes on a GPU" "built without CUDA"
fi
finish
