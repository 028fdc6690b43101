#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Second opinions that share no code with ref/: NumPy and h5py recompute golden tensors and the baseline model.
. "$QOQ_SRCDIR/tests/tap.sh"
if [ -z "$QOQ_PYTHON" ]; then
    skip "golden tensors recomputed by NumPy" "no Python with NumPy and h5py"
    skip "grids and rounding recomputed by NumPy" "no Python with NumPy and h5py"
    skip "perplexity of the FP32 model recomputed by NumPy" "no Python with NumPy and h5py"
    finish
fi
PYTHONDONTWRITEBYTECODE=1; export PYTHONDONTWRITEBYTECODE
model=$QOQ_SRCDIR/data/models/stories260K

same_nll() {
    ours=$("$QOQ" eval "$model" --tokens "$model/heldout.tokens.h5" --csv |
        awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == "nll") c = i } NR == 2 { print $c }')
    "$QOQ_PYTHON" "$QOQ_SRCDIR/tests/python/check_stories260k.py" "$model" --compare "$ours"
}
check "golden tensors recomputed by NumPy" "$QOQ_PYTHON" "$QOQ_SRCDIR/tests/python/check_golden.py" "$QOQ_SRCDIR/data/golden"
rounding() {
    "$QOQ_BUILDDIR/tests/dump_rounding" > "$scratch/rounding" || return 1
    "$QOQ_PYTHON" "$QOQ_SRCDIR/tests/python/check_rounding.py" < "$scratch/rounding"
}
check "grids and rounding recomputed by NumPy" rounding
check "mean NLL of the FP32 model: NumPy and qoq agree to 1e-5" same_nll
finish
