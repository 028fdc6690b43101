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
damaged() {
    mkdir -p "$scratch/victims"
    "$scratch/fuzz_files" "$scratch/victims" "${QOQ_SEED:-1}" "${QOQ_FUZZ_ROUNDS:-1500}" "$model/heldout.tokens.h5" "$scratch/w4g.h5" "$scratch/w8.h5" \
        "$model/tokenizer.json" "$QOQ_SRCDIR"/tests/tokenizers/*.json "$model/config.json" "$model/model.safetensors" "$QOQ_SRCDIR"/data/golden/*.h5
}

if ! echo 'int main(void) { return 0; }' | gcc -fsanitize=address,undefined -x c - -o "$scratch/probe" 2> /dev/null; then
    skip "sanitized build" "gcc without sanitizers"
    finish
fi
check "sanitized build" build
check "golden tensors" "$scratch/qoq" golden check
check "every precision, every command" precisions
check "damaged files, ${QOQ_FUZZ_ROUNDS:-1500} rounds" damaged
finish
