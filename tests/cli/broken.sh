#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every file of the corpus of broken files, through the program: exit 2 and one line on stderr that names the file.
. "$QOQ_SRCDIR/tests/tap.sh"
model=$QOQ_SRCDIR/data/models/stories260K
mkdir "$scratch/bad"
"$QOQ_BUILDDIR/tests/bad/make_bad" "$scratch/bad" ||
    fail "making the corpus"

# refused KIND FILE COMMAND...: one proper refusal.
refused() {
    kind=$1; file=$2; shift 2
    "$@" > /dev/null 2> "$scratch/err"; status=$?
    if [ $status != 2 ] || [ "$(wc -l < "$scratch/err")" != 1 ] || ! grep -q '^qoq: ..*: ..*' "$scratch/err"; then
        echo "# $kind/$file: status $status: $(head -c 300 "$scratch/err")"
        return 1
    fi
}

# directory_with NAME BROKEN: a model directory whose file NAME is the broken one.
directory_with() {
    rm -rf "$scratch/d"; mkdir "$scratch/d"
    for good in config.json model.safetensors tokenizer.json; do cp "$model/$good" "$scratch/d/$good"; done
    rm "$scratch/d/$1"
    if [ -d "$2" ]; then cp "$2"/* "$scratch/d/"; else cp "$2" "$scratch/d/$1"; fi
}

try() {
    case $1 in
    config) directory_with config.json "$2"; refused "$1" "$2" "$QOQ" inspect "$scratch/d" ;;
    safetensors) directory_with model.safetensors "$2"; refused "$1" "$2" "$QOQ" inspect "$scratch/d" ;;
    tokenizer) directory_with tokenizer.json "$2"; refused "$1" "$2" "$QOQ" generate "$scratch/d" --length 1 --prompt x ;;
    *) refused "$1" "$2" "$QOQ" inspect "$2" ;;
    esac
}

for kind in config safetensors tokenizer tokens model; do
    count=0; bad=0
    for file in "$scratch/bad/$kind"/*; do
        count=$((count + 1))
        try $kind "$file" || bad=$((bad + 1))
    done
    if [ $bad = 0 ] && [ $count -gt 5 ]; then pass "$kind: $count broken files refused"; else fail "$kind: $bad of $count broken files"; fi
done
finish
