#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Token files from texts: the one that ships, and WikiText-2 by every kind of byte-level tokenizer.
. "$QOQ_SRCDIR/tests/tap.sh"
model=$QOQ_SRCDIR/data/models/stories260K
cd "$scratch" || exit 1

# The sums of tokens and offsets are attributes, in plain letters inside the file.
sums() { tr -c '[:alnum:]' '\n' < "$1" | grep -Ex '[0-9a-f]{64}' | LC_ALL=C sort; }
shipped() {
    "$QOQ" tokenize "$model" "$model/heldout.txt" --lines --length 512 -o lines.tokens.h5 && sums "$model/heldout.tokens.h5" > want &&
        sums lines.tokens.h5 > have && [ "$(wc -l < want)" = 4 ] && diff want have
}
first() {
    "$QOQ" tokenize "$model" "$model/heldout.txt" --length 100 -n 3 -o cut.tokens.h5 && "$QOQ" inspect cut.tokens.h5 > out &&
        grep -q "^sequences  *3$" out && grep -q "^tokens  *300$" out &&
        "$QOQ" tokenize "$model" "$model/heldout.txt" --length 100 -n 3 --no-first -o other.tokens.h5 && ! cmp -s cut.tokens.h5 other.tokens.h5
}
# wikitext NAME SEQUENCES SHA256: what the library of the tokenizer's origin gives for the test split, in sequences of 2048.
wikitext() {
    "$QOQ" tokenize "$QOQ_SRCDIR/tests/tokenizers/$1.json" wiki.test.raw --wikitext -o "$1.tokens.h5" &&
        "$QOQ" inspect "$1.tokens.h5" | grep -q "^sequences  *$2$" && sums "$1.tokens.h5" | grep -qx "$3"
}
check "the shipped token file" shipped
check "cut into sequences, with and without a first token" first
if command -v xz > /dev/null; then
    xz -dc "$QOQ_SRCDIR/data/text/wikitext-2/wiki.test.raw.xz" > wiki.test.raw
    check "WikiText-2, GPT-2" wikitext gpt2 516 20d82a940f714e24e56bb796bb5ad8b8ae4af557a1549790ab32e432fdb9a3f1
    check "WikiText-2, SmolLM2" wikitext smollm2 517 743c8677c30fd8f98c8f505339c0d996d64e1ed50203531e2b712e1aa8d60bd9
    check "WikiText-2, Qwen2" wikitext qwen2 517 0528993aeb28cdae811e15ebacb51c09886876b7d01a648995f9bfbf90bbbca5
    check "WikiText-2, Llama-3" wikitext llama3 516 e733e38dd059947f7b244157c08896727288285862800bdacfccb7c03ad00e78
else
    skip "WikiText-2" "no xz"
fi
printf 'a\004' > byte
check "a byte without a token: status 2, one line" sh -c \
    '"$0" tokenize "$1" byte --lines -o x.h5 2> err; [ $? = 2 ] && [ "$(wc -l < err)" = 1 ] && grep -q "^qoq: byte: .*0x04" err && [ ! -e x.h5 ]' \
    "$QOQ" "$QOQ_SRCDIR/tests/tokenizers/smollm2.json"
finish
