#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Quantization with calibration from the command line: methods, interruption, reports, comparison of methods.
. "$QOQ_SRCDIR/tests/tap.sh"
model=$QOQ_SRCDIR/data/models/stories260K
text=$model/heldout.tokens.h5
cd "$scratch" || exit 1

quantize() { "$QOQ" quantize "$model" --calibration "$text" --sequences 24 --length 64 "$@" 2> err || { cat err; return 1; }; }
# refused TEXT COMMAND...: exit 2 and one line with that text.
refused() {
    wanted=$1; shift
    "$@" > out 2> err; status=$?
    cat err
    [ $status = 2 ] && grep -q -- "$wanted" err && [ "$(grep -c '^qoq: ' err)" = 1 ]
}
# perplexity FILE: over 40 sequences that calibration did not see.
perplexity() {
    "$QOQ" eval --sequences 40 "$@" --tokens "$text" --csv | awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == "perplexity") c = i } NR > 1 { print $c }'
}

methods() {
    quantize -o qoq.h5 && quantize -g 32 -o qoq-g32.h5 &&
        quantize -m rtn -o rtn.h5 && quantize -m rtn -g 32 -o rtn-g32.h5 &&
        quantize -m smoothquant -s w8a8kv8 -o smoothquant.h5 &&
        quantize -m gptq -s w4a16 -g 32 -o gptq.h5 && quantize -m awq -s w4a16 -g 32 -o awq.h5 &&
        quantize -m quarot -s w4a4kv4 -o quarot.h5 && quantize -m atom -s w4a4kv4 -g 32 -o atom.h5 &&
        quantize -s w16a8kv16 -m none -o a8.h5 && quantize --post-zero -g 32 -o post.h5
}
# Heads of 8 dimensions have no outlier channels: rotation and smoothing cost more than they bring there; ranges and feedback pay.
better_than_rounding() {
    quantize -n 48 -l 128 --steps clip,gptq -o steps.h5 && quantize -n 48 -l 128 -g 32 --steps gptq -o steps-g32.h5 &&
        set -- $(perplexity "$model" rtn.h5 steps.h5 rtn-g32.h5 steps-g32.h5 --sequences 400) && echo "FP32 $1, nearest $2, steps $3; group 32: nearest $4, steps $5" &&
        awk "BEGIN { exit !($1 < $5 && $5 < $4 && $1 < $3 && $3 < $2) }"
}
interrupted() {
    for attempt in 1 2 3 4 5; do
        rm -rf again.h5 again.h5.work
        "$QOQ" quantize "$model" --calibration "$text" --sequences 24 --length 64 -o again.h5 2> /dev/null & process=$!
        while kill -0 $process 2> /dev/null && ! [ -e again.h5.work/layer-00001.h5 ]; do :; done
        kill -9 $process 2> /dev/null; wait $process 2> /dev/null
        [ -e again.h5 ] || break
    done
    [ ! -e again.h5 ] && [ -e again.h5.work/layer-00001.h5 ]
}
# What a kill in the middle of a write leaves must go too.
resumed() { touch again.h5.work/layer-00004.h5.tmp.1.0; quantize -o again.h5 && grep -q 'going on after layer [1-5] of 5' err && cmp qoq.h5 again.h5 && [ ! -e again.h5.work ]; }
other_job() { mkdir -p other.h5.work && cp saved/* other.h5.work/ && refused "other.h5.work.*job.*another" "$QOQ" quantize "$model" --calibration "$text" --sequences 23 --length 64 -o other.h5; }
other_weights() {
    rm -rf changed other.h5.work; cp -r "$model" changed && mkdir other.h5.work && cp saved/* other.h5.work/ &&
        header=$(od -An -t u8 -N 8 changed/model.safetensors | tr -d ' ') &&
        printf '\001' | dd of=changed/model.safetensors bs=1 seek=$((8 + header + 512 * 64 * 4 + 1000)) conv=notrunc 2> /dev/null &&
        refused "other.h5.work.*made_from.*changed" "$QOQ" quantize changed --calibration "$text" --sequences 24 --length 64 -o other.h5
}
restarted() { quantize --restart -o other.h5 && cmp qoq.h5 other.h5; }
threads() { OMP_NUM_THREADS=1 quantize -g 32 -o one.h5 && OMP_NUM_THREADS=3 quantize -g 32 -o three.h5 && cmp one.h5 three.h5 && cmp one.h5 qoq-g32.h5; }
streamed_source() { quantize -s w16a16 -m none -o fp32.h5 && "$QOQ" quantize fp32.h5 --calibration "$text" --sequences 24 --length 64 -o from-file.h5 2> err &&
    [ "$(perplexity qoq.h5)" = "$(perplexity from-file.h5)" ]; }
reported() {
    quantize -g 32 --report report.csv -o r.h5 && awk -F, 'NR > 1 { n++; if (!($6 < $5 && $5 < $4)) { print; bad = 1 } } END { exit bad || n != 35 }' report.csv
}
# Rounding to nearest looks at no text, its report does: there the error is that of nearest, and the model is the same.
reported_rounding() {
    quantize -m rtn --report nearest.csv -o n.h5 && awk -F, 'NR > 1 { n++; if (!($6 == $5 && 0 < $5 && $5 < $4)) { print; bad = 1 } } END { exit bad || n != 35 }' nearest.csv &&
        "$QOQ" quantize "$model" -o plain.h5 && cmp n.h5 plain.h5
}
divergence() {
    "$QOQ" eval a8.h5 qoq.h5 --reference "$model" --tokens "$text" --sequences 5 --csv > d.csv && cat d.csv &&
        awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) { if ($i == "divergence") k = i; if ($i == "agreement") a = i } }
            NR > 1 { kl[NR] = $k; agree[NR] = $a } END { exit !(kl[2] > 0 && kl[2] < 0.01 && kl[3] > kl[2] && agree[2] > 0.9 && agree[3] < agree[2]) }' d.csv
}
ablated() {
    "$QOQ" ablate "$model" -c "$text" -t "$text" --calibration-length 64 -g 32 -n 3 -o table --plot table/steps.svg > first &&
        [ "$(wc -l < table/steps.csv)" = 12 ] && grep -q '<svg' table/steps.svg &&
        "$QOQ" ablate "$model" -c "$text" -t "$text" --calibration-length 64 -g 32 -n 3 -o table > second && cmp first second &&
        "$QOQ" ablate "$model" -c "$text" -t "$text" --calibration-length 64 -g 32 -n 5 -o table > third && ! cmp -s first third &&
        [ "$(wc -l < table/gptq.nll.csv)" = 6 ]
}
ablated_file() { "$QOQ" ablate fp32.h5 -c "$text" -t "$text" -n 1 --only original -o from > one && grep -q '^original' from/steps.csv; }
table_refused() { printf 'name,label,scheme,group,steps,paper\na,A,w4a8kv4,,magic,\n' > t.csv && refused 't.csv.*steps.*magic' "$QOQ" ablate "$model" -c "$text" -t "$text" -T t.csv -o t; }

check "every method" methods
check "ranges and feedback beat rounding to nearest, per channel and per group" better_than_rounding
check "a run killed in the middle leaves work and no model" interrupted
cp -r again.h5.work saved
check "the next run goes on and gives the same file" resumed
check "work on another text or recipe is refused" other_job
check "work on other weights is refused" other_weights
rm -rf other.h5.work && mkdir other.h5.work && cp saved/* other.h5.work/
check "--restart begins anew" restarted
check "one and three threads: the same file" threads
check "a binary32 file of ours is a source too" streamed_source
check "--report: feedback lowers the error of every linear layer" reported
check "--report measures rounding to nearest too" reported_rounding
check "eval --reference tells near from far" divergence
if command -v gnuplot > /dev/null; then check "ablate: table, figure, continuation" ablated; else skip "ablate" "no gnuplot"; fi
check "ablate takes a binary32 file" ablated_file
check "ablate refuses a step it does not know" table_refused
check "calibration is asked for" refused "calibration" "$QOQ" quantize "$model" -m qoq -o x.h5
check "a report asks for calibration" refused "calibration" "$QOQ" quantize "$model" -m rtn --report x.csv -o x.h5
check "an unknown method is refused" refused "magic" "$QOQ" quantize "$model" -m magic -o x.h5
check "an unknown step is refused" refused "rotat" "$QOQ" quantize "$model" --steps rotat -o x.h5
check "pieces longer than any sequence are refused" refused "no sequence has 400" "$QOQ" quantize "$model" -c "$text" -l 400 -o x.h5
finish
