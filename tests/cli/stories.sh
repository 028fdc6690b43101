#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The real model from the command line: the known text, every precision, seeded sampling, the same file twice.
. "$QOQ_SRCDIR/tests/tap.sh"
model=$QOQ_SRCDIR/data/models/stories260K
cd "$scratch" || exit 1

# What the model's original program writes from an empty prompt in 200 steps at temperature 0 (its own test).
cat > expected <<'TEXT'
Once upon a time, there was a little girl named Lily. She loved to play outside in the park. One day, she saw a big, red ball. She wanted to play with it, but it was too high.
Lily's mom said, "Lily, let's go to the park." Lily was sad and didn't know what to do. She said, "I want to play with your ball, but I can't find it."
Lily was sad and didn't know what to do. She said, "I'm sorry, Lily. I didn't know what to do."
Lily didn't want to help her mom, so she
TEXT
known_text() { "$QOQ" generate "$model" --length 200 > text 2> /dev/null && diff expected text; }
quantizes() { "$QOQ" quantize "$model" "$@"; }
twice() {
    "$QOQ" quantize "$model" --scheme w4a8kv4 --group 32 -o again.h5 && cmp w4a8kv4-g32.h5 again.h5
}
ordered() {
    "$QOQ" eval "$model" w8a8kv8.h5 w4a8kv4-g32.h5 w4a8kv4.h5 --tokens "$model/heldout.tokens.h5" --sequences 60 --csv > table.csv &&
        cat table.csv && awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == "perplexity") c = i } NR > 1 { p[NR] = $c }
            END { exit !(c && p[2] < p[3] * 1.001 && p[3] < p[4] && p[4] < p[5]) }' table.csv
}
seeded() {
    for seed in 1 1 2; do "$QOQ" generate w4a8kv4-g32.h5 --prompt "The dog" --length 40 --temperature 0.9 --top-k 40 --seed $seed 2> /dev/null; echo "--"; done |
        awk 'BEGIN { RS = "--\n" } { t[NR] = $0 } END { exit !(t[1] == t[2] && t[1] != t[3] && t[1] ~ /^The dog/) }'
}
inspects() { for file in "$@"; do "$QOQ" inspect "$file" > out || return 1; [ -s out ] || return 1; done; }

check "greedy text of the FP32 model is the known one" known_text
check "quantize w8a8kv8" quantizes --scheme w8a8kv8 -o w8a8kv8.h5
check "quantize w4a8kv4 per channel" quantizes --scheme w4a8kv4 -o w4a8kv4.h5
check "quantize w4a8kv4 per group" quantizes --scheme w4a8kv4 --group 32 -o w4a8kv4-g32.h5
check "the same input gives the same file" twice
check "perplexity: FP32 <= W8A8KV8 < W4A8KV4 group 32 < per channel" ordered
check "sampling is reproducible by its seed" seeded
check "inspect: model directory, model, tokens, golden" inspects "$model" w4a8kv4.h5 w4a8kv4-g32.h5 "$model/heldout.tokens.h5" "$QOQ_SRCDIR"/data/golden/*.h5
finish
