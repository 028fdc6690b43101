#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The program qoq-gpu, linked with the emulator in place of a GPU: rows, exit statuses, bad usage. And the real one, where it was built.
. "$QOQ_SRCDIR/tests/tap.sh"
gpu=$QOQ_BUILDDIR/tests/gpu/emulated
trouble() {
    "$@" > "$scratch/out" 2> "$scratch/err"
    [ $? -eq 2 ] && head -n 1 "$scratch/err" | grep -q '^qoq: gpu: ' && ! [ -s "$scratch/out" ]
}
without_gpu() {
    "$@" > "$scratch/out" 2> "$scratch/err"
    status=$?
    cat "$scratch/out" "$scratch/err"
    [ $status = 0 ] || { [ $status = 2 ] && [ "$(wc -l < "$scratch/err")" = 1 ] && grep -q 'no such GPU' "$scratch/err"; }
}

# A copy of a golden file with a wrong element in a case.
spoil() {
    "$QOQ_PYTHON" - "$QOQ_SRCDIR/data/golden/serving.h5" "$scratch/wrong.h5" << 'PYTHON'
import hashlib, shutil, sys
import h5py
shutil.copyfile(sys.argv[1], sys.argv[2])
with h5py.File(sys.argv[2], "r+") as file:
    r = file["embed.bits/outputs/r"]
    values = r[:]
    values[3, 5] += 1
    r[:] = values
    r.attrs["sha256"] = type(r.attrs["sha256"])(hashlib.sha256(values.tobytes()).hexdigest().encode())
PYTHON
}
# Exit 1, the row, and the line that shows it again, which does, by the program qoq and a qoq-gpu beside it.
wrong_output() {
    "$gpu" verify --golden "$scratch/wrong.h5" --random 0 > "$scratch/rows" 2> "$scratch/err"
    [ $? = 1 ] && grep -q '^golden embed  *3 cases  FAILED$' "$scratch/rows" && grep -q '^29 passed, 1 failed; ' "$scratch/rows" &&
        grep -q 'wrong.h5: embed.bits: r: 1 of 2211 differ, the first at m 3, k 5: ' "$scratch/err" || { cat "$scratch/rows" "$scratch/err"; return 1; }
    mkdir -p "$scratch/bin" && cp "$QOQ" "$scratch/bin/qoq" && cp "$gpu" "$scratch/bin/qoq-gpu" || return 1
    again=$(sed -n 's/^  again: qoq //p' "$scratch/err")
    # shellcheck disable=SC2086
    "$scratch/bin/qoq" $again > "$scratch/rows" 2> "$scratch/err"
    [ $? = 1 ] && grep -q '^embed.bits .* 1  DIFFERS$' "$scratch/rows" && grep -qx '0 passed, 1 failed, 0 skipped' "$scratch/rows" ||
        { cat "$scratch/rows" "$scratch/err"; return 1; }
}
# As many kernels as the emulator lists.
kernels=$("$QOQ_BUILDDIR/qoq-sim" run --list 2> /dev/null | sed 1d | wc -l)
every_kernel() {
    "$gpu" verify --no-golden --random 3 --seed 40 > "$scratch/rows" || { cat "$scratch/rows"; return 1; }
    [ "$kernels" -gt 15 ] && [ "$(grep -c '  OK$' "$scratch/rows")" = "$kernels" ] && grep -qx "$((3 * kernels)) passed, 0 failed" "$scratch/rows"
}
golden_then_kernels() {
    "$gpu" verify --random 1 > "$scratch/rows" || { cat "$scratch/rows"; return 1; }
    [ "$(grep -c '^golden .*  OK$' "$scratch/rows")" = 17 ] && [ "$(grep -c '  OK$' "$scratch/rows")" = $((17 + kernels)) ] && sed -n 2p "$scratch/rows" | grep -q '^golden ' &&
        grep -qx "$((82 + kernels)) passed, 0 failed; golden cases among them: 82 passed, 0 failed, 102 skipped" "$scratch/rows"
}
golden_of_one() {
    "$gpu" verify attention_decode_kv8 --random 0 > "$scratch/rows" && grep -q '^golden attention_decode .* OK$' "$scratch/rows" && [ "$(wc -l < "$scratch/rows")" = 3 ] || { cat "$scratch/rows"; return 1; }
}
# A file that cannot be read does not keep the rest from running.
no_file() {
    "$gpu" verify embed --golden "$scratch/none.h5" --random 2 > "$scratch/rows" 2> "$scratch/err"
    [ $? = 2 ] && [ "$(wc -l < "$scratch/err")" = 1 ] && grep -q '^qoq: .*/none.h5: ' "$scratch/err" && grep -q '^embed .* OK$' "$scratch/rows"
}

if [ "$QOQ_HAVE_EMULATOR" = yes ] && [ -x "$gpu" ]; then
    check "every kernel" every_kernel
    check "golden files, then kernels" golden_then_kernels
    check "golden cases of one kernel" golden_of_one
    check "golden cases, a row each" sh -c '"$1" golden --csv "$2" | grep -qx "rope_write.kv8,[0-9]*,0,ok"' - "$gpu" "$QOQ_DATADIR/golden/serving.h5"
    check "one golden case" sh -c '"$1" golden --case argmax.ties | grep -qx "1 passed, 0 failed, 0 skipped"' - "$gpu"
    check "one kernel and shape" sh -c '"$1" verify gemm_w8a8 --shape "--m 3 --n 5 --k 70 --bias 1" > "$2" && grep -q "gemm_w8a8 .* 1 cases  OK" "$2" && ! grep -q golden "$2"' - "$gpu" "$scratch/rows"
    if [ -n "$QOQ_PYTHON" ]; then
        check "a copy with a wrong golden output" spoil
        check "it is named, and how to see it again" wrong_output
    else
        skip "a wrong golden output" "no Python with NumPy and h5py"
    fi
    check "no such golden file: the rest runs" no_file
    check "no such kernel" trouble "$gpu" verify gemm_w3
    check "no command" trouble "$gpu"
    check "no such size" trouble "$gpu" verify --shape "--x 3"
    check "size out of range" trouble "$gpu" verify --shape "--m 0"
    check "golden files and none" trouble "$gpu" verify --golden x.h5 --no-golden
    check "--random is no number" trouble "$gpu" verify --random some
    check "golden: --device is no number" trouble "$gpu" golden --device one
    check "golden: no such case" sh -c '"$1" golden --case none > /dev/null 2> "$2"; [ $? = 2 ] && grep -qx "qoq: none: no such case" "$2"' - "$gpu" "$scratch/err"
    check "help in 80 columns" sh -c 'for command in "" verify golden; do "$1" $command --help; done | awk "length > 80 { print; bad = 1 } END { exit bad }"' - "$gpu"
else
    skip "qoq-gpu on the emulator" "no emulator"
fi
if [ -x "$QOQ_BUILDDIR/qoq-gpu" ]; then
    check "qoq gpu verify, or one line that there is no GPU" without_gpu "$QOQ_BUILDDIR/qoq-gpu" verify
    check "qoq golden check --on gpu, or that line" without_gpu "$QOQ" golden check --on gpu
else
    skip "qoq gpu verify on a GPU" "built without CUDA"
fi
finish
