#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# qoq golden from the command line: cases of any shape, the committed set, damaged copies, someone's outputs, exit statuses.
. "$QOQ_SRCDIR/tests/tap.sh"
golden=$QOQ_SRCDIR/data/golden
cd "$scratch" || exit 1

# status WANTED COMMAND...: the exit status is WANTED; the output is kept in the file out.
status() {
    wanted=$1; shift
    "$@" > out 2>&1
    got=$?
    [ "$got" -eq "$wanted" ] || { cat out; echo "exit status $got instead of $wanted"; return 1; }
}
make_case() { "$QOQ" golden make --operator gemm_w4a8_group --set m=5 --set n=100 --set k=576 "$@"; }
same_twice() { make_case --seed 7 -o a.h5 && make_case --seed 7 -o b.h5 && cmp a.h5 b.h5; }
other_seed() { make_case --seed 8 -o c.h5 && ! cmp -s a.h5 c.h5; }
committed_again() { mkdir all && "$QOQ" golden make --all all > out && diff -r "$golden" all; }
digests_equal() { [ "$("$QOQ" golden check --digest all)" = "$(OMP_NUM_THREADS=1 "$QOQ" golden check --digest "$golden")" ]; }
manifest() { cd "$golden" && sha256sum -c MANIFEST; }
passes() { status 0 "$@" && tail -n 1 out | grep -q "^[1-9][0-9]* passed, 0 failed"; }
# One byte of the elements of the last dataset changes: its digest no longer fits.
damage() {
    size=$(wc -c < "$1")
    head -c $((size / 2)) "$1" > "$2"
    printf 'Q~' >> "$2"
    tail -c +$((size / 2 + 3)) "$1" >> "$2"
}
damaged_directory() {
    cp -r "$golden" bad && chmod -R u+w bad && damage "$golden/gemm.h5" bad/gemm.h5 && ! "$QOQ" golden check bad > out 2>&1 && grep -q "gemm.h5" out
}
says() { grep -q "$1" out || { cat out; return 1; }; }
differs() { status 1 "$QOQ" golden diff a.h5 c.h5 && says "first difference at m 0, n 0" && says "yours - ours:"; }
lists_all() { "$QOQ" golden list > out && says "^attention_decode$" && says "^qserve_attention$"; }

check "the same case twice is the same file" same_twice
check "another seed is another file" other_seed
check "a new case checks clean" passes "$QOQ" golden check a.h5
check "the committed files check clean" passes "$QOQ" golden check "$golden"
check "one case checks clean" sh -c '"$1" golden check "$2/kv.h5" --case kv_write.kv8 | grep -qx "1 passed, 0 failed, 0 skipped"' - "$QOQ" "$golden"
check "a case that is not there: exit 2" status 2 "$QOQ" golden check "$golden/kv.h5" -c kv_write.kv9
check "make --all writes the committed files" committed_again
check "the digest is that of the committed files, with one thread too" digests_equal
if command -v sha256sum > /dev/null; then check "sha256sum understands MANIFEST" manifest; else skip "sha256sum understands MANIFEST" "no sha256sum"; fi
check "a damaged directory is found" damaged_directory
check "a truncated file: exit 2" eval 'head -c 5000 a.h5 > t.h5; status 2 "$QOQ" golden check t.h5'
check "a missing MANIFEST: exit 2" eval 'mkdir empty; status 2 "$QOQ" golden check empty'
check "equal outputs: diff exits 0" passes "$QOQ" golden diff a.h5 b.h5 --require-all
check "different outputs: diff exits 1 and says where" differs
check "no output in common: exit 2" status 2 "$QOQ" golden diff "$golden/kv.h5" a.h5
check "a missing output with --require-all: exit 1" status 1 "$QOQ" golden diff "$golden/kv.h5" a.h5 --require-all
check "an unknown case: exit 2" status 2 "$QOQ" golden diff a.h5 b.h5 --case nothing
check "a file that does not exist: exit 2" status 2 "$QOQ" golden diff a.h5 nothing.h5
check "an unknown operator: exit 2" status 2 "$QOQ" golden make --operator nothing -o x.h5
check "a parameter out of range: exit 2" status 2 "$QOQ" golden make --operator gemm_w8a8 --set m=0 -o x.h5
check "inputs of an unknown kind: exit 2" status 2 "$QOQ" golden make --operator exp --inputs nothing -o x.h5
check "no part: exit 2" status 2 "$QOQ" golden
check "failures leave no file" eval '! ls | grep -q "^x.h5"'
check "list" lists_all
if [ -n "$QOQ_PYTHON" ]; then
    cat > mine.py << 'PYTHON'
import sys, h5py, numpy as np
golden, kind = sys.argv[1:]
with h5py.File(golden + "/gemm.h5") as ours, h5py.File("mine.h5", "w") as mine:
    case = ours["gemm_w4a8_group.wide"]
    y = case["outputs/y"][:]
    if kind == "epilogue":
        f = np.float32
        y = (case["outputs/acc"][:].astype(f) * case["inputs/s"][:].astype(f) * case["inputs/scale"][:][:, None]).astype(np.float16)
    mine["gemm_w4a8_group.wide/outputs/y"] = {"type": y.astype(np.float32), "shape": y[:2]}.get(kind, y)
PYTHON
    mine() { "$QOQ_PYTHON" mine.py "$golden" "$1" && status "$2" "$QOQ" golden diff "$golden/gemm.h5" mine.h5 && says "$3"; }
    check "h5py: right outputs" mine right 0 "equal"
    check "h5py: another epilogue is named" mine epilogue 1 "the epilogue is (acc \* s) \* scale"
    check "h5py: a wrong type is one line and exit 2" mine type 2 "mine.h5: gemm_w4a8_group.wide/outputs/y: has type f32, not f16"
    check "h5py: a wrong shape is one line and exit 2" mine shape 2 "has shape \[2, 64\], not \[130, 64\]"
else
    skip "h5py: outputs of someone else" "no Python with NumPy and h5py"
fi
finish
