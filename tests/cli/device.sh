#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# generate and eval by the CUDA kernels: on the emulator, in the program for GPUs with the emulator in place of one, and on a GPU where there is one.
. "$QOQ_SRCDIR/tests/tap.sh"
model=$QOQ_SRCDIR/data/models/stories260K
gpu=$QOQ_BUILDDIR/tests/gpu/emulated
cd "$scratch" || exit 1

# trouble PATTERN COMMAND...: exit 2, nothing on stdout, a first line that matches.
trouble() {
    pattern=$1; shift
    "$@" > out 2> err
    [ $? -eq 2 ] && ! [ -s out ] && head -n 1 err | grep -Eq "^qoq: .*$pattern" && [ "$(wc -l < err)" -le 2 ]
}
quantizes() {
    "$QOQ" quantize "$model" --scheme w8a8kv8 -o 8.h5 && "$QOQ" quantize "$model" --scheme w4a8kv4 -o 4.h5 &&
        "$QOQ" quantize "$model" --scheme w4a8kv4 --group 32 -o g.h5
}
# The first words of a text: `qoq generate`, and by the kernels.
same_text() {
    file=$1; shift
    "$QOQ" generate "$file" --prompt "The dog" --length 6 --ids > want 2> /dev/null && "$@" generate "$file" --prompt "The dog" --length 6 --ids > have 2> err &&
        cat err && diff want have && grep -q 'tokens/s' err
}
same_draws() {
    "$QOQ" generate 4.h5 --length 6 --temperature 0.9 --top-k 9 --seed 3 > want 2> /dev/null &&
        "$@" generate 4.h5 --length 6 --temperature 0.9 --top-k 9 --seed 3 > have 2> err && diff want have
}
# A few short sequences, side by side and in pieces.
tokens() { "$QOQ" tokenize "$model" "$QOQ_SRCDIR/data/models/stories260K/heldout.txt" --length 9 -o all.h5; }
same_digest() {
    "$QOQ" eval g.h5 --tokens all.h5 --sequences 3 --digest > want && "$@" eval g.h5 --tokens all.h5 --sequences 3 --batch 2 --chunk 5 --page 4 --digest > have &&
        cat have && diff want have
}
same_nll() {
    "$QOQ" eval g.h5 --tokens all.h5 --sequences 2 --csv | cut -d , -f 1-10 > want && "$@" eval g.h5 --tokens all.h5 --sequences 2 --csv | cut -d , -f 1-10 > have &&
        diff want have
}
without_gpu() {
    "$QOQ_BUILDDIR/qoq-gpu" generate 4.h5 --prompt "The dog" --length 5 --check > out 2> err
    status=$?
    cat out err
    [ $status = 0 ] || { [ $status = 2 ] && [ "$(wc -l < err)" = 1 ] && grep -q 'no such GPU' err; }
}
narrow() { "$@" --help | awk 'length > 80 { print; bad = 1 } END { exit bad }'; }

check "quantize" quantizes
check "tokenize" tokens
if [ "$QOQ_HAVE_EMULATOR" = yes ] && [ -x "$gpu" ]; then
    check "qoq sim generate: W8A8KV8" same_text 8.h5 "$QOQ" sim
    check "qoq sim generate: per channel" same_text 4.h5 "$QOQ_BUILDDIR/qoq-sim"
    check "qoq sim generate: per group" same_text g.h5 "$QOQ" sim
    check "qoq sim generate: seeded draws" same_draws "$QOQ" sim
    check "qoq sim eval: digest of all logits" same_digest "$QOQ" sim
    check "qoq sim eval: likelihood" same_nll "$QOQ" sim
    check "qoq gpu generate, the emulator for a GPU" same_text g.h5 "$gpu"
    check "qoq gpu eval, the emulator for a GPU" same_digest "$gpu"
    check "without graphs, another schedule" sh -c '"$0" sim generate 4.h5 --length 3 --eager --schedule random --ids 2> /dev/null > have && "$0" generate 4.h5 --length 3 --ids 2> /dev/null | diff - have' "$QOQ"
    check "a check by the reference" sh -c '"$1" generate g.h5 --length 2 --check --eager > /dev/null' - "$gpu"
    check "fp32 has no integer path" trouble 'stories260K: precision: fp32' "$QOQ" sim generate "$model"
    check "eval: fp32 has no integer path" sh -c '"$1" eval "$2" --tokens all.h5 > /dev/null 2> err; [ $? = 2 ] && [ "$(wc -l < err)" = 1 ] && grep -q "precision: fp32" err' - "$gpu" "$model"
    check "no such schedule" trouble 'schedule: sideways' "$QOQ" sim generate 4.h5 --schedule sideways
    check "no such option" trouble 'unknown option' "$gpu" generate 4.h5 --schedule forward
    check "no such device" trouble 'device: x' "$gpu" eval 4.h5 --device x
    check "no model" trouble 'which model' "$gpu" generate
    for command in generate eval; do
        check "qoq gpu $command --help in 80 columns" narrow "$gpu" "$command"
        check "qoq sim $command --help in 80 columns" narrow "$QOQ" sim "$command"
    done
else
    skip "generate and eval by the kernels" "no emulator"
fi
if [ -x "$QOQ_BUILDDIR/qoq-gpu" ]; then
    check "qoq gpu generate, or one line that there is no GPU" without_gpu
else
    skip "qoq gpu generate on a GPU" "built without CUDA"
fi
finish
