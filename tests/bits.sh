#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The promise: builds the program with gcc and clang at -O0, -O2 and -O3 -march=native, runs it with 1, 2 and 5 threads, and shows one
# digest over all golden outputs and one over the logits of the real model on a real text, for every precision and however the text
# is fed: whole, in chunks of 1, 7 and 64, and as batched decode of sequences of different lengths.
# Part of `make check`; alone: `make check-bits`.
. "$QOQ_SRCDIR/tests/tap.sh"
model=$QOQ_SRCDIR/data/models/stories260K
tokens=$model/heldout.tokens.h5
tiny=$QOQ_SRCDIR/tests/architectures
# data_flags KIND: --cflags or --libs of what data/ needs.
data_flags() { pkg-config "$1" hdf5-serial jansson libutf8proc 2> /dev/null || pkg-config "$1" hdf5 jansson libutf8proc; }

# build_program DIRECTORY COMPILER FLAGS...: all of ref/ and data/ into DIRECTORY/qoq. A warning of a compiler that configure did not see is no error.
build_program() {
    directory=$1; shift
    mkdir -p "$directory"
    (cd "$QOQ_SRCDIR" && find ref data -name '*.c' | LC_ALL=C sort | xargs -P "$(nproc)" -I{} sh -c '
        out=$1/$(printf %s "$2" | tr / _).o; file=$2; shift 2
        exec "$@" -c -o "$out" "$file"' sh "$directory" {} "$@" $QOQ_CFLAGS -Wno-error $QOQ_OPENMP -DHAVE_CONFIG_H -I"$QOQ_BUILDDIR" -Iref -I. $(data_flags --cflags)) &&
        "$@" $QOQ_OPENMP -o "$directory/qoq" "$directory"/*.o $(data_flags --libs) -lm
}

# digests PROGRAM: with OMP_NUM_THREADS as it is, one line of the golden digest, one per precision of the logits digest, and one per model
# file that quantization with calibration makes.
digests() {
    "$1" golden check --digest || return 1
    logits "$1" || return 1
    quantized "$1"
}

# quantized PROGRAM: every step of the quantizer is in one of these.
quantized() {
    made=$scratch/made.$$; mkdir -p "$made"
    for steps in rotate=signs,smooth-attention=search,smooth-output,clip,gptq rotate,rotate-heads,reorder,smooth-attention,smooth-output=0.3,gptq smooth-input,reorder,clip smooth-input=awq,gptq; do
        "$1" quantize "$model" --group 32 --calibration "$tokens" --sequences 4 --length 48 --steps $steps --restart -o "$made/a.h5" 2> /dev/null &&
            "$1" quantize "$tiny/qwen3-biases" --calibration "$tiny/tokens.h5" --sequences 2 --length 16 --steps $steps --restart -o "$made/b.h5" 2> /dev/null || return 1
        sha256sum < "$made/a.h5"
        sha256sum < "$made/b.h5"
    done
}

# logits PROGRAM OPTIONS...: a digest of the real model and of a tiny Qwen3 (biases, head norms), in every precision.
logits() {
    program=$1; shift
    for one in "$model" "$scratch"/models/*.h5; do
        "$program" eval "$one" --tokens "$tokens" --sequences 12 --digest "$@" || return 1
    done
    for one in "$tiny/qwen3-biases" "$scratch"/tiny/*.h5; do
        "$program" eval "$one" --tokens "$tiny/tokens.h5" --digest "$@" || return 1
    done
}

# same NAME PROGRAM THREADS: the digests must equal the reference digests.
same() {
    if (OMP_NUM_THREADS=$3; export OMP_NUM_THREADS; digests "$2") > "$scratch/digests" 2> "$scratch/errors" && cmp -s "$scratch/digests" "$scratch/reference"; then
        pass "$1: $(head -n 1 "$scratch/digests" | cut -c 1-16), $(sed 1d "$scratch/digests" | sha256sum | cut -c 1-16)"
    else
        fail "$1"
        diff "$scratch/reference" "$scratch/digests" | sed 's/^/# /'
        sed 's/^/# /' "$scratch/errors"
    fi
}

# quantize MODEL DIRECTORY
quantize() {
    mkdir -p "$2" && "$QOQ" quantize "$1" --scheme w8a8kv8 -o "$2/w8.h5" && "$QOQ" quantize "$1" --scheme w4a8kv4 -o "$2/w4c.h5" &&
        "$QOQ" quantize "$1" --scheme w4a8kv4 --group 32 -o "$2/w4g.h5"
}
quantize "$model" "$scratch/models" && quantize "$tiny/qwen3-biases" "$scratch/tiny" || fail "quantizing the models"
digests "$QOQ" > "$scratch/reference" || fail "digests of this build"
cat "$scratch/reference" | sed 's/^/# /'

# fed NAME OPTIONS...: the logits of every precision must not depend on how the text is fed.
fed() {
    fed_name=$1; shift
    sed '1d; /-$/d' "$scratch/reference" > "$scratch/wanted"
    logits "$QOQ" "$@" > "$scratch/digests" 2> "$scratch/errors"
    if cmp -s "$scratch/wanted" "$scratch/digests"; then pass "logits fed $fed_name"; else
        fail "logits fed $fed_name"
        diff "$scratch/wanted" "$scratch/digests" | cat - "$scratch/errors" | sed 's/^/# /'
    fi
}
fed "whole (prefill)" --chunk 4096
fed "in chunks of 1 (decode)" --chunk 1
fed "in chunks of 7" --chunk 7
fed "in chunks of 64, pages of 16" --chunk 64 --page 16
fed "as batched decode of 12 sequences of different lengths" --chunk 1 --batch 12
fed "as batched chunks of 7, pages of 100" --chunk 7 --batch 5 --page 100

for compiler in gcc clang; do
    for level in -O0 -O2 "-O3 -march=native"; do
        name="$compiler $level"
        if ! command -v $compiler > /dev/null; then
            skip "$name" "no $compiler"
            continue
        fi
        directory=$scratch/$(printf %s "$name" | tr -d ' =')
        # shellcheck disable=SC2086
        if ! build_program "$directory" $compiler $level > "$scratch/log" 2>&1; then
            fail "$name builds"
            sed 's/^/# /' "$scratch/log" | head -n 20
            continue
        fi
        for threads in 1 2 5; do
            same "$name, $threads threads" "$directory/qoq" $threads
        done
    done
done
finish
