#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The program qoq-sim: the reproduced tables are the committed ones, what-ifs move, bad input is one line and status 2.
. "$QOQ_SRCDIR/tests/tap.sh"
sim=${QOQ_SIM:-$QOQ_BUILDDIR/qoq-sim}

# Equal words; numbers within 0.2 %, for the last digits of other mathematics libraries. A difference is shown.
same_table() {
    "$sim" reproduce "$1" --csv > "$scratch/$1.csv" || return 1
    awk -F, -v OFS=, '
        function differs(a, b) {
            if (a == b) return 0
            if (a !~ /^[-+0-9.e]+$/ || b !~ /^[-+0-9.e]+$/) return 1
            d = a - b; s = (a < 0 ? -a : a); d = (d < 0 ? -d : d)
            return d > 0.002 * s + 0.05
        }
        NR == FNR { expected[NR] = $0; lines = NR; next }
        { n = split(expected[FNR], e, ","); bad = n != NF
          for (i = 1; i <= NF; i++) if (differs(e[i], $i)) bad = 1
          if (bad) { print "expected " expected[FNR]; print "got      " $0; worse = 1 } }
        END { exit worse || FNR != lines }' "$QOQ_DATADIR/paper/expected/$1.csv" "$scratch/$1.csv"
}
trouble() {
    "$@" > "$scratch/out" 2> "$scratch/err"
    [ $? -eq 2 ] && head -n 1 "$scratch/err" | grep -q '^qoq: ' && ! [ -s "$scratch/out" ]
}
says() { pattern=$1; shift; "$@" 2>&1 | grep -qE -- "$pattern"; }
number() { "$sim" "$@" --csv | awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == "time_us") c = i } NR == 2 { print $c }'; }
less() { awk -v a="$1" -v b="$2" 'BEGIN { exit !(a < b) }'; }

for table in roofline overhead attention ratios gemm ablation throughput-a100 throughput-l40s summary; do
    check "reproduce $table" same_table "$table"
done

# A scheme file beside the shipped ones, so that ../counts is found.
mkdir -p "$scratch/schemes" "$scratch/counts"
ln -s "$QOQ_DATADIR/counts/kernels.csv" "$scratch/counts/kernels.csv"
printf 'kernel,field,operations,per\ngood,weight.lop3,1,2\nzero,weight.lop3,1,0\nodd,weight.nothing,1,2\nbig,weight.lop3,1e9,2\n' > "$scratch/counts/mine.csv"
printf 'kernel,field,operations\ngood,weight.lop3,1\n' > "$scratch/counts/short.csv"
scheme_with() { # COUNTS VALUES
    printf '{"format": "qoq-scheme", "version": 1, "title": "t", "source": "s", "counts": %s, "values": {"weight_bits": 4, "act_bits": 8, "share_int8": 1%s}}\n' "$1" "$2" > "$scratch/schemes/mine.json"
}
# refused WORDS: the file just written is refused in one line with these words.
refused() {
    "$sim" gemm -s "$scratch/schemes/mine.json" > "$scratch/out" 2> "$scratch/err"
    [ $? -eq 2 ] && [ "$(wc -l < "$scratch/err")" -eq 1 ] && grep -q -- "$1" "$scratch/err"
}
scheme_with '{"table": "mine", "kernel": "good"}' ''
check "counts from a table of one's own" says '^weight.lop3 +0.5 ' "$sim" list scheme "$scratch/schemes/mine.json"
check "their source" says 'weight.lop3 .*counted .*good in counts/mine.csv' "$sim" list scheme "$scratch/schemes/mine.json"
scheme_with '{"table": "mine", "kernel": "none"}' ''; check "counts: no such kernel" refused 'counts.kernel.*none'
scheme_with '{"table": "none", "kernel": "good"}' ''; check "counts: no such table" refused 'none.csv'
scheme_with '{"table": "../mine", "kernel": "good"}' ''; check "counts: a path" refused 'counts.table'
scheme_with '{"table": "mine"}' ''; check "counts: no kernel named" refused 'counts.kernel'
scheme_with '{"table": "mine", "kernel": "good", "row": 1}' ''; check "counts: unknown member" refused 'counts.row'
scheme_with '"mine"' ''; check "counts: not an object" refused 'counts'
scheme_with '{"table": "short", "kernel": "good"}' ''; check "counts: missing column" refused 'short.csv.*per'
scheme_with '{"table": "mine", "kernel": "zero"}' ''; check "counts: over nothing" refused 'mine.csv'
scheme_with '{"table": "mine", "kernel": "odd"}' ''; check "counts: unknown field" refused 'weight.nothing'
scheme_with '{"table": "mine", "kernel": "big"}' ''; check "counts: out of range" refused 'weight.lop3'
scheme_with '{"table": "mine", "kernel": "good"}' ', "weight.lop3": 1'; check "counts: a value given twice" refused 'weight.lop3.*also counted'
scheme_with '{"table": "kernels", "kernel": "attention_kv4"}' ''; check "counts of a cache are not those of a product" refused 'element.lop3'
check "a tile that is none" trouble "$sim" gemm -s w4a4-atom --set scheme.tile_warp_m=48
check "a tile from the command line" says 'tile|48.32' "$sim" explain gemm -s w4a4-atom --set scheme.tile_m=96 --set scheme.tile_warp_m=48

naive="gemm -s w4a8-naive -m 256 -n 12288"
# shellcheck disable=SC2086
{
check "four times the integer lanes and issue slots are faster" less "$(number $naive --set gpu.int32=4x --set gpu.issue_lanes=4x)" "$(number $naive)"
check "half the bandwidth is slower" less "$(number gemm -s fp16 -m 1)" "$(number gemm -s fp16 -m 1 --set gpu.hbm_gbps=0.5x)"
check "a GPU from a file" less "$(number $naive -g "$QOQ_DATADIR/gpus/what-if-a100-int32x4.json")" "$(number $naive)"
}
check "why Atom is slow, in words" says 'w4a4-atom takes .* XU' "$sim" explain gemm -s w4a4-atom,w8a8 -m 256 -n 12288
check "explain attention" says 'C 6.5 .*time' "$sim" explain attention --kv kv4-naive
check "explain serve" says 'tokens/s' "$sim" explain serve --model llama-3-8b
check "layer" says 'gate\+up' "$sim" layer --model mistral-7b
check "layer in prefill" says 'attention' "$sim" layer --model mistral-7b --prefill --batch 2
check "compare as a server" says 'out of memory' "$sim" compare --model llama-2-70b -s fp16,w4a8-qserve
check "roofline" says '^w8a8 ' "$sim" roofline
check "JSON" says '"time_us": [0-9.]+' "$sim" gemm --json
check "list" says 'a100-80g-sxm' "$sim" list
check "sources of fields" says 'sms .*data sheet' "$sim" list gpu l40s
check "sensitivity" says 'cal.eta_issue' "$sim" reproduce --sensitivity
check "every subcommand has --help" sh -c 'for c in gemm attention layer serve roofline sweep compare explain reproduce list; do "$1" $c --help | grep -q "^Usage: qoq sim $c" || exit 1; done' - "$sim"

# The constants in use are the fit, rounded: a search from them finds little.
fit_in_use() {
    "$sim" reproduce --calibrate --csv | awk -F, '/^"?sum of errors/ { print; good = $(NF - 1) < 1.05 * $NF } END { exit !good }'
}
check "the constants are the fit" fit_in_use
check "the fit takes no settings" trouble "$sim" reproduce --calibrate --set cal.eta_kernel=0.7

cd "$scratch" || exit 1
check "sweep to CSV" "$sim" sweep gemm --over work.m=1:64:x2 --over gpu.sms=64,108 --out sweep.csv
check "its rows" test "$(wc -l < sweep.csv)" -eq 15
check "sweep to HDF5" "$sim" sweep attention --over work.length=128:1024:128 --out sweep.h5
check "sweep gives the same with one thread" sh -c 'OMP_NUM_THREADS=1 "$1" sweep gemm --over work.m=1:1200:1 --out one.csv && OMP_NUM_THREADS=3 "$1" sweep gemm --over work.m=1:1200:1 --out three.csv && cmp one.csv three.csv' - "$sim"
printf 'arrival_s,input_tokens,output_tokens\n0,100,20\n0.5,300,10\n' > trace.csv
check "trace" says ',2,0,' "$sim" serve --trace trace.csv --csv
check "a random mix" says ',50,0,' "$sim" serve --requests 50 --rate 10 --input-most 2000 --csv
if command -v gnuplot > /dev/null; then
    check "a figure" "$sim" roofline --plot roofline.svg
    check "all figures" "$sim" reproduce --out .
    check "they are there" test -s throughput-a100.svg -a -s attention.svg
else
    skip "figures" "no gnuplot"
fi
check "no gnuplot is said" sh -c 'PATH=/nonexistent "$1" roofline --plot a.svg 2>&1 | grep -q "gnuplot"' - "$sim"

printf 'arrival_s,input_tokens,output_tokens\n5,100,20\n1,300,10\n' > backwards.csv
printf '{"format": "qoq-gpu", "version": 1, "title": "t", "source": "s", "base": "loop", "values": {}}' > loop.json
check "unknown command" trouble "$sim" frobnicate
check "unknown GPU" trouble "$sim" gemm --gpu nothing
check "unknown field" trouble "$sim" gemm --set gpu.nothing=1
check "unknown kind" trouble "$sim" gemm --set tpu.sms=1
check "field out of range" trouble "$sim" gemm --set gpu.sms=-1
check "fraction of a whole field" trouble "$sim" gemm --set gpu.sms=1.5
check "not a number" trouble "$sim" gemm -m many
check "not finite" trouble "$sim" gemm --set gpu.hbm_gbps=nan
check "scheme the GPU cannot run" trouble "$sim" gemm -s fp8
check "file of another kind" trouble "$sim" gemm -s "$QOQ_DATADIR/gpus/l40s.json"
check "base that leads to itself" trouble "$sim" gemm -g ./loop.json
check "sweep without axes" trouble "$sim" sweep gemm
check "sweep over too much" trouble "$sim" sweep gemm --over work.m=1:1000000:1 --over work.n=1:1000000:1
check "sweep to nowhere" trouble "$sim" sweep gemm --over work.m=1,2 --out /nonexistent/x.csv
check "trace that goes back" trouble "$sim" serve --trace backwards.csv
check "no such table" trouble "$sim" reproduce nothing
check "figure without a known suffix" trouble "$sim" roofline --plot x.gif

# Kernels on the emulator.
if [ "$QOQ_HAVE_EMULATOR" = yes ]; then
    check "the counts of the kernels are the committed ones" sh -c '"$1/counts/count-kernels" "$2" | cmp - "$1/counts/kernels.csv"' - "$QOQ_DATADIR" "$sim"
    check "the list of kernels" says 'gemm_w4a8_group' "$sim" run --list
    check "a product: equal" says 'gemm_w4a8_group .* equal' "$sim" run gemm_w4a8_group --m 3 --n 40 --k 200 --bias 1
    check "its counts" sh -c '"$1" run gemm_w8a8 --m 16 --n 128 --k 128 --csv | grep -qx "gemm_w8a8_m16n128k128,all,mma_s8,,64"' - "$sim"
    check "every schedule" sh -c '[ "$("$1" run act_quantize --m 2 --k 100 --schedule all --csv | grep -c ,equal)" = 14 ]' - "$sim"
    check "random shapes of every kernel" sh -c '[ "$("$1" run all --random 1 --seed 5 --csv | grep -c ,equal)" = "$("$1" run --list | sed 1d | grep -c .)" ]' - "$sim"
    check "golden cases by the kernels" sh -c '"$1" golden check --on emulator | tee "$2/golden" | grep -qx "82 passed, 0 failed, 102 skipped"' - "$QOQ" "$scratch"
    check "one golden case by the kernels" sh -c '"$1" golden check --on=emulator --case rope_write.kv4-norm | grep -qx "1 passed, 0 failed, 0 skipped"' - "$QOQ"
    check "golden cases in another order" says ' 0 failed,' "$sim" golden --schedule random "$QOQ_DATADIR/golden/gemm.h5"
    check "no such kernel" trouble "$sim" run gemm_w2
    check "no kernel" trouble "$sim" run
    check "no such schedule" trouble "$sim" run act_quantize --schedule sideways
    check "size out of range" trouble "$sim" run act_quantize --k 0
    check "golden: no such machine" trouble "$QOQ" golden check --on abacus
    check "golden: not a golden file" sh -c '"$1" golden README 2> "$2/err" > /dev/null; [ $? = 2 ] && grep -q "^qoq: README" "$2/err"' - "$sim" "$scratch"
else
    skip "kernels on the emulator" "no emulator"
fi
finish
