#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The whole program under AddressSanitizer and UndefinedBehaviorSanitizer: golden tensors, every precision, wrong usage, and damaged
# files of every kind (seed: QOQ_SEED or 1).
. "$QOQ_SRCDIR/tests/tap.sh"
model=$QOQ_SRCDIR/data/models/stories260K
data_flags=$(pkg-config --cflags --libs hdf5-serial jansson libutf8proc 2>/dev/null || pkg-config --cflags --libs hdf5 jansson libutf8proc)
flags="-std=c99 -O1 -g -ffp-contract=off -fsanitize=address,undefined -fno-sanitize-recover=all -DHAVE_CONFIG_H -I$QOQ_BUILDDIR -Iref -I. -Itests"

build() {
    mkdir -p "$scratch/objects"
    (cd "$QOQ_SRCDIR" && { find ref data -name '*.c'; echo tests/fuzz_files.c; } | LC_ALL=C sort | xargs -P "$(nproc)" -I{} sh -c '
        exec gcc -c -o "$1/$(printf %s "$2" | tr / _).o" "$2" $3' sh "$scratch/objects" {} "$flags $data_flags") &&
        mv "$scratch/objects/tests_fuzz_files.c.o" "$scratch/fuzz.o" && mv "$scratch/objects/ref_cli_main.c.o" "$scratch/main.o" &&
        gcc -fsanitize=address,undefined -o "$scratch/qoq" "$scratch/main.o" "$scratch"/objects/*.o $data_flags -lm &&
        gcc -fsanitize=address,undefined -o "$scratch/fuzz_files" "$scratch/fuzz.o" "$scratch"/objects/*.o $data_flags -lm
}
precisions() {
    "$scratch/qoq" quantize "$model" --scheme w8a8kv8 -o "$scratch/w8.h5" && "$scratch/qoq" quantize "$model" -o "$scratch/w4.h5" &&
        "$scratch/qoq" quantize "$model" --group 32 -o "$scratch/w4g.h5" --verbose &&
        "$scratch/qoq" eval "$model" "$scratch"/w*.h5 --tokens "$model/heldout.tokens.h5" -n 3 --batch 2 --chunk 5 --page 7 &&
        "$scratch/qoq" generate "$scratch/w4g.h5" --prompt "One day" --length 20 --temperature 1 --top-k 9 &&
        "$scratch/qoq" inspect "$scratch/w4g.h5" --against "$model" && "$scratch/qoq" inspect "$model/heldout.tokens.h5" --datasets
}
architectures() {
    for one in "$QOQ_SRCDIR"/tests/architectures/*/; do
        "$scratch/qoq" quantize "$one" --group 32 -o "$scratch/tiny.h5" && "$scratch/qoq" inspect "$scratch/tiny.h5" --against "$one" &&
            "$scratch/qoq" eval "$one" "$scratch/tiny.h5" --tokens "$QOQ_SRCDIR/tests/architectures/tokens.h5" --chunk 9 || return 1
    done
}
checkpoints() {
    "$scratch/fuzz_files" --make "$scratch" && mkdir -p "$scratch/victims" && cp -R "$scratch"/checkpoint-? "$scratch/victims" &&
        "$scratch/qoq" import "$scratch/checkpoint-c" -o "$scratch/c.h5" && "$scratch/qoq" export "$scratch/c.h5" --to qserve "$scratch/C" &&
        "$scratch/qoq" import "$scratch/checkpoint-g" -o "$scratch/g.h5" &&
        "$scratch/qoq" export "$scratch/g.h5" --to qserve "$scratch/G" --any-group --shard-size 9K && "$scratch/qoq" import "$scratch/G" -o "$scratch/g2.h5" &&
        cmp "$scratch/checkpoint-c/model.safetensors" "$scratch/C/model.safetensors"
}
damaged() {
    "$scratch/fuzz_files" "$scratch/victims" "${QOQ_SEED:-1}" "${QOQ_FUZZ_ROUNDS:-1500}" "$model/heldout.tokens.h5" "$scratch/w4g.h5" "$scratch/w8.h5" \
        "$model/tokenizer.json" "$QOQ_SRCDIR"/tests/tokenizers/*.json "$model/config.json" "$model/model.safetensors" "$scratch/C/config.json" \
        "$scratch"/checkpoint-?/model.safetensors "$QOQ_SRCDIR"/data/golden/*.h5
}

if ! echo 'int main(void) { return 0; }' | gcc -fsanitize=address,undefined -x c - -o "$scratch/probe" 2> /dev/null; then
    skip "sanitized build" "gcc without sanitizers"
    finish
fi
check "sanitized build" build
check "golden tensors" "$scratch/qoq" golden check
check "every precision, every command" precisions
check "every architecture" architectures
check "checkpoints there and back" checkpoints
check "damaged files, ${QOQ_FUZZ_ROUNDS:-1500} rounds" damaged
finish
