#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Exit statuses and messages of the program: help, version, wrong usage, unreadable and unwritable files.
. "$QOQ_SRCDIR/tests/tap.sh"
model=$QOQ_SRCDIR/data/models/stories260K
cd "$scratch" || exit 1

# refused NAME PATTERN ARGUMENTS...: exit 2, nothing on stdout, a first line on stderr that begins with "qoq: " and matches.
refused() {
    name=$1; pattern=$2; shift 2
    "$QOQ" "$@" > out 2> err; status=$?
    if [ $status = 2 ] && [ ! -s out ] && head -n 1 err | grep -Eq "^qoq: .*$pattern" && [ "$(wc -l < err)" -le 2 ]; then pass "$name"; else
        fail "$name"
        echo "# status $status"; sed 's/^/# /' out err
    fi
}

commands='quantize eval ablate generate tokenize inspect export import golden'
for command in '' $commands; do
    check "qoq $command --help" sh -c '"$0" $1 --help | grep -q "^Usage: qoq"' "$QOQ" "$command"
done
check "help lines have at most 80 columns" sh -c \
    'for c in "" $1; do "$0" $c --help; done | awk "length > 80 { print; bad = 1 } END { exit bad }"' "$QOQ" "$commands"
check "qoq --version" sh -c '"$0" --version | head -n 1 | grep -Eq "^qoq [0-9]"' "$QOQ"
check "no arguments: status 2" sh -c '"$0" 2> /dev/null; [ $? = 2 ]' "$QOQ"

refused "unknown command" "nonsense: no such command" nonsense
refused "unknown option" "" eval --nonsense
refused "quantize without output" "" quantize "$model"
refused "quantize: unknown scheme" "scheme" quantize "$model" --scheme w3a3 -o x.h5
refused "quantize: group not a multiple of 32" "group" quantize "$model" --scheme w4a8kv4 --group 33 -o x.h5
refused "quantize: a model that is not there" "nowhere" quantize nowhere -o x.h5
refused "quantize: output directory that is not there" "no/such" quantize "$model" -o no/such/x.h5
refused "eval without tokens" "tokens" eval "$model"
refused "eval: token file that is not there" "nowhere" eval "$model" --tokens nowhere.h5
refused "eval: a text file as tokens" "README" eval "$model" --tokens "$model/README.md"
refused "generate: temperature out of range" "temperature" generate "$model" --temperature -1
refused "generate: a directory without a model" "config.json" generate "$scratch"
refused "tokenize without output" "output" tokenize "$model" "$model/heldout.txt"
refused "tokenize: a text that is not there" "nowhere.txt" tokenize "$model" nowhere.txt -o x.h5
refused "tokenize: a tokenizer that is not there" "tokenizer.json" tokenize "$scratch" "$model/heldout.txt" -o x.h5
refused "tokenize: a text shorter than a sequence" "config.json: length: .* only" tokenize "$model" "$model/config.json" -o x.h5
refused "inspect: a text file" "README" inspect "$model/README.md"
refused "export: a format that is not there" "to: gguf" export x.h5 --to gguf d
refused "export without format" "--to qserve" export x.h5 d
refused "export: a shard size of nothing" "shard-size" export x.h5 --to qserve d --shard-size 0K
refused "import without output" "output" import "$model"
refused "import: an order that is not there" "s2-order" import "$model" -o x.h5 --s2-order awq
refused "import: zeros that are not there" "zeros" import "$model" -o x.h5 --zeros none
refused "golden: unknown action" "" golden nonsense
refused "golden diff: a file that is not there" "nowhere" golden diff nowhere.h5 nowhere.h5
check "no output file is left behind" sh -c '[ -z "$(ls "$0" | grep -v -e ^out$ -e ^err$)" ]' "$scratch"
check "a full disk is noticed" sh -c '"$0" --help > /dev/full 2> /dev/null; [ $? = 2 ]' "$QOQ"
finish
