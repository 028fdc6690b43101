#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Checkpoints of other programs from the command line: NumPy unpacks what is exported, models come back from every kind of directory,
# a wrong order of group parameters is found out, and what cannot be is refused in one line.
. "$QOQ_SRCDIR/tests/tap.sh"
stories=$QOQ_SRCDIR/data/models/stories260K
cd "$scratch" || exit 1
PYTHONDONTWRITEBYTECODE=1; export PYTHONDONTWRITEBYTECODE

# refused NAME PATTERN ARGUMENTS...: exit 2 and one line on stderr that begins with "qoq: " and matches; no output file.
refused() {
    name=$1; pattern=$2; shift 2
    "$QOQ" "$@" > out 2> err; status=$?
    if [ $status = 2 ] && [ "$(wc -l < err)" = 1 ] && grep -Eq "^qoq: .*$pattern" err && [ ! -e no.h5 ] && [ ! -e NO ]; then pass "$name"; else
        fail "$name"
        echo "# status $status"; sed 's/^/# /' out err
    fi
}
# differs PATTERN ARGUMENTS...: exit 1 and a line on stderr that matches; no output file.
differs() {
    pattern=$1; shift
    "$QOQ" "$@" > out 2> err; status=$?
    cat out err
    [ $status = 1 ] && grep -Eq "^qoq: .*$pattern" err && [ ! -e no.h5 ]
}

"$QOQ" quantize "$stories" -o ragged.h5 2> /dev/null && "$QOQ" quantize "$stories" --scheme w8a8kv8 -o w8.h5 2> /dev/null
refused "172 channels do not fit the tiles" "ragged.h5: gate_proj: 172 x 64" export ragged.h5 --to qserve NO
refused "8-bit weights are not exported" "w8.h5: precision: w8a8kv8" export w8.h5 --to qserve NO
refused "an original is not exported" "not quantized" export "$stories" --to qserve NO
refused "import: a directory without checkpoint" "holds neither packed" import "$stories" -o no.h5
refused "import: a directory that is not there" "nowhere" import nowhere -o no.h5

if [ -z "$QOQ_PYTHON" ]; then
    skip "checkpoints checked by NumPy" "no Python with NumPy and h5py"
    finish
fi
make() { "$QOQ_PYTHON" "$QOQ_SRCDIR/tests/python/checkpoints.py" "$@"; }
unpacked() { "$QOQ_PYTHON" "$QOQ_SRCDIR/tests/python/check_export.py" "$@"; }
# Every dataset equal but gains and biases, which binary16 rounds.
same_weights() {
    "$QOQ_PYTHON" - "$@" <<'PY'
import sys, h5py, numpy as np
a, b = (h5py.File(name) for name in sys.argv[1:3])
names = {f: [] for f in (a, b)}
for f in (a, b):
    f.visititems(lambda name, node: names[f].append(name) if isinstance(node, h5py.Dataset) else None)
assert names[a] == names[b] and len(names[a]) > 50
for name in names[a]:
    x, y = a[name][:], b[name][:]
    assert x.dtype == y.dtype and np.array_equal(x.astype("f2") if x.dtype == "f4" else x, y.astype("f2") if x.dtype == "f4" else y), name
assert dict(a["config"].attrs) == dict(b["config"].attrs)
assert a.attrs["precision"] == b.attrs["precision"] and a.attrs["group"] == b.attrs["group"]
PY
}
imports() { rm -f back.h5; "$QOQ" import "$@" -o back.h5; }

prepare() {
    make pad "$stories" S 192 && make random R 128 256 4 2 64 7 &&
        "$QOQ" quantize S -o s.h5 && "$QOQ" quantize S --group 32 -o s32.h5 && "$QOQ" quantize R --group 128 -o r.h5
}
exports() { "$QOQ" export s.h5 --to qserve S4 && "$QOQ" export s32.h5 --to qserve S32 --any-group --shard-size 40K && "$QOQ" export r.h5 --to qserve R128; }
check "models to export" prepare
check "export: per channel, groups of 32 in shards, groups of 128" exports
check "NumPy unpacks the model: per channel" unpacked s.h5 S4
check "NumPy unpacks the model: groups of 32, shards" unpacked s32.h5 S32
check "NumPy unpacks the model: groups of 128, biases" unpacked r.h5 R128
for pair in s:S4 s32:S32 r:R128; do
    check "import of ${pair#*:} gives ${pair%:*}.h5" sh -c "$(printf '"$0" import %s -o back.h5' "${pair#*:}")" "$QOQ"
    check "the same weights" same_weights "${pair%:*}.h5" back.h5
done
refused "groups of 32 need --any-group" "s32.h5: group: 32" export s32.h5 --to qserve NO
refused "a directory that exists" "S4: exists already" export s.h5 --to qserve S4
forced() { cp -R S4 F && "$QOQ" export s.h5 --to qserve F --force && diff -r S4 F; }
check "--force replaces a checkpoint by the same files" forced

# The order of group parameters.
cp -R R128 X && make swap X
refused "the other order leaves the range" "try --s2-order deepcompressor" import X -o no.h5
check "--against finds the other order" imports X --against R
check "the same weights" same_weights r.h5 back.h5
check "--s2-order deepcompressor" imports X --s2-order deepcompressor
check "the same weights" same_weights r.h5 back.h5
check "a wrong --s2-order against the original: exit 1" differs "the order is deepcompressor, not qserve" import X --against R --s2-order qserve -o no.h5
check "the right order against the original" imports R128 --against R --s2-order qserve
make random R2 128 256 4 2 64 8
check "another model as original: exit 1" differs "do not resemble" import R128 --against R2 -o no.h5
refused "an original of another shape" "S: config: not the shape" import R128 --against S -o no.h5

# Fake-quantized weights.
for kind in signed scaled; do
    for model in s s32 r; do
        case $model in r) config=R ;; *) config=S ;; esac
        make fake $model.h5 $config "F-$model-$kind" $kind
        check "import of fake-quantized $model, zeros $kind" imports "F-$model-$kind" --against $config
        [ $config = R ] || cp S/tokenizer.json "F-$model-$kind"
        [ $config = R ] || imports "F-$model-$kind" 2> /dev/null
        check "the same weights" same_weights $model.h5 back.h5
    done
done
make fake s.h5 S real4 real && make fake r.h5 R real128 real
refused "zeros between the codes, per channel" "no whole zero point times its scale.* up to 0.2[0-9]* of a step \([0-9]+ of 64 zeros\)" import real4 -o no.h5
refused "zeros between the codes, groups" "no whole zero point times its scale.* zeros\)" import real128 -o no.h5
refused "an order for weights that are not packed" "not packed" import F-r-signed --s2-order qserve -o no.h5

if "$QOQ_PYTHON" -c "import torch" 2> /dev/null; then
    converts() {
        make torch F-r-signed pt && "$QOQ_PYTHON" "$QOQ_SRCDIR/data/import/convert-pt" -o PT --config R pt.model.pt pt.scale.pt && imports PT
    }
    check "convert-pt: model.pt and scale.pt" converts
    check "the same weights" same_weights r.h5 back.h5
else
    skip "convert-pt: model.pt and scale.pt" "no PyTorch"
fi
finish
