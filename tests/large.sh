#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# make check-large: two layers of Llama-3-8B's shapes, vocabulary of 128256 included, with random weights go through calibration, QoQ and
# export within 12 GiB of address space (LIMIT, in KiB) and 12 GiB of disk. Not part of `make check`: tens of minutes.
#   usage: large.sh SOURCE QOQ [SCRATCH]
set -u
source=$1 qoq=$2
limit=${LIMIT:-12582912}
if [ $# -gt 2 ]; then
    dir=$3
    mkdir -p "$dir" || exit 1
else
    dir=$(mktemp -d) || exit 1
    trap 'rm -rf "$dir"' EXIT
fi
failed=0

# step TEXT COMMAND...: runs it under the limit.
step() {
    text=$1; shift
    if (ulimit -v "$limit" && "$@"); then
        echo "PASS: check-large: $text"
    else
        echo "FAIL: check-large: $text"
        failed=1
    fi
}

[ -s "$dir/tokens.h5" ] || "${QOQ_PYTHON:-python3}" "$source/tests/python/make_large.py" "$dir" 2 8 512 || exit 1
step "QoQ, groups of 128" "$qoq" quantize "$dir" -o "$dir/group.h5" -c "$dir/tokens.h5" -n 8 --restart -g 128 --report "$dir/group.csv"
# QoQ's range search over rows of 14336 channels (Q 6.2) takes hours and no memory of its own; what the others do is here.
step "per channel, searched SmoothAttention" "$qoq" quantize "$dir" -o "$dir/channel.h5" -c "$dir/tokens.h5" -n 8 --restart \
    --steps rotate=signs,smooth-attention=search,smooth-output,gptq --report "$dir/channel.csv"
step "export" "$qoq" export "$dir/group.h5" --to qserve "$dir/exported" --force
step "evaluation of all three" "$qoq" eval "$dir" "$dir/channel.h5" "$dir/group.h5" -t "$dir/tokens.h5" -n 1
exit $failed
