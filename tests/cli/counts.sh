#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Counts of kernels: over grids of shapes, as CSV and HDF5, the same in every schedule, and equal to their closed forms.
. "$QOQ_SRCDIR/tests/tap.sh"
sim=$QOQ_BUILDDIR/qoq-sim
seed=${QOQ_TEST_SEED:-$(date +%j)}

if [ "$QOQ_HAVE_EMULATOR" != yes ]; then
    skip "counts of kernels" "no emulator"
    finish
fi
run() { "$sim" run "$@"; }
refused() {
    words=$1
    shift
    "$sim" run "$@" > "$scratch/out" 2> "$scratch/err"
    [ $? -eq 2 ] && head -n 1 "$scratch/err" | grep -q -- "$words" && ! [ -s "$scratch/out" ]
}
in_every_schedule() {
    for kernel in rmsnorm_quantize gemm_w4a8_group attention_kv4 rope_write; do
        run "$kernel" --m 1,5 --k 160 --n 40 --q-heads 4 --context 140 --splits 2 --schedule all -o "$scratch/all.h5" &&
            run "$kernel" --m 1,5 --k 160 --n 40 --q-heads 4 --context 140 --splits 2 --schedule random -o "$scratch/random.h5" && cmp "$scratch/all.h5" "$scratch/random.h5" || return 1
    done
}
read_again() {
    run gemm_w8a8 --m 1,16 --k 64:256:x2 -o "$scratch/a.h5"  && run gemm_w8a8 --m 1,16 --k 64:256:x2 -o "$scratch/a.csv" || return 1
    "$QOQ_PYTHON" - "$scratch" <<'END'
import csv, sys, h5py
with h5py.File(sys.argv[1] + "/a.h5") as f, open(sys.argv[1] + "/a.csv", newline="") as file:
    assert f.attrs["format"] == b"qoq-counts" and f.attrs["version"] == 1 and f.attrs["kernel"] == b"gemm_w8a8"
    names = {name: [text.decode() for text in f[name].attrs["names"]] for name in ("kernel", "role", "what", "tensor")}
    rows = list(csv.DictReader(file))
    assert len(rows) == len(f["count"]) > 100
    for i, row in enumerate(rows):
        assert all(row[name] == texts[f[name][i]] for name, texts in names.items()) and int(row["count"]) == f["count"][i]
        assert all(int(row[size]) == f["shapes"][size][f["shape"][i]] for size in f["shapes"])
    assert sorted({(row["m"], row["k"]) for row in rows}) == sorted((str(m), str(k)) for m in (1, 16) for k in (64, 128, 256))
END
}
# fitted_again KERNEL...: in the order of the table.
fitted_again() {
    "$QOQ_PYTHON" "$QOQ_DATADIR/counts/fit-forms" "$sim" "$@" > "$scratch/again.csv" 2> "$scratch/err" || return 1
    grep -E "^(kernel|$(echo "$@" | tr ' ' '|'))(_m[0-9]+)?," "$QOQ_DATADIR/counts/forms.csv" | diff - "$scratch/again.csv"
}

check "the same counts in every schedule" in_every_schedule
if [ -n "$QOQ_PYTHON" ]; then
    check "HDF5 read by h5py is the CSV" read_again
    for kernel in act_quantize rmsnorm_quantize silu_mul_quantize residual_add gemm_w8a8 gemm_w4a8_channel gemm_w4a8_group rope_write \
        attention_kv4 attention_kv8 attention_decode_kv4 attention_decode_kv8 attention_prefill_kv4 attention_prefill_kv8 embed rmsnorm gemm_f16 argmax; do
        check "closed forms of $kernel (seed $seed)" "$QOQ_PYTHON" "$QOQ_SRCDIR/tests/python/check_forms.py" "$sim" "$QOQ_DATADIR/counts" "$seed" "$kernel"
    done
    check "some closed forms, fitted again, are the committed ones" fitted_again act_quantize residual_add rope_write embed gemm_f16 argmax
else
    skip "HDF5 read by h5py; closed forms" "no Python with NumPy and h5py"
fi
check "closed forms are shown" sh -c '"$1" run --forms gemm_w4a8_channel | grep -q "^gemm_w4a8_channel_m16n128k128 .* mma_s8 .* stages"' - "$sim"
check "those of wgmma too" sh -c '"$1" run --forms gemm_w8a8 | grep -q "^gemm_w8a8_wgmma_m256n128k128 .* wgmma_n256 .* 32 \* stages"' - "$sim"
check "a list on the screen" sh -c '"$1" run residual_add --m 1,2 --k 10 --csv | grep -qx "residual_add,2,10,0,all,fp32,,20"' - "$sim"
check "no such form" refused 'none for such a kernel' --forms gemm_w3
check "a file of another kind" refused 'must end in .csv or .h5' residual_add -o counts.txt
check "counts of all kernels in one file" refused 'those of one kernel' all --random 2 -o "$scratch/x.h5"
check "a range that goes nowhere" refused 'range goes nowhere' residual_add --m 9:1:1
check "half a token" refused 'not a value it can have' residual_add --m 1.5
check "too many shapes" refused 'more than' residual_add --m 1:2000:1 --k 1:2000:1
finish
