#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The promise on other CPUs: builds libqoq and the golden cases with cross compilers, runs tests/cpus/digests.c under user-mode QEMU, and
# compares every digest with this machine's. Little and big endian, 64 and 32 bits. `make check-cpus` takes all, the suite two.
. "$QOQ_SRCDIR/tests/tap.sh"

# name, compiler, QEMU, and a flag that configure would find
cpus='aarch64  aarch64-linux-gnu-gcc     qemu-aarch64  -O2
s390x          s390x-linux-gnu-gcc       qemu-s390x    -fexcess-precision=fast
ppc64le        powerpc64le-linux-gnu-gcc qemu-ppc64le  -O2
riscv64        riscv64-linux-gnu-gcc     qemu-riscv64  -O2
arm            arm-linux-gnueabihf-gcc   qemu-arm      -O2'
[ -n "${QOQ_FULL-}" ] || cpus=$(echo "$cpus" | head -n 2)

# build DIRECTORY COMPILER FLAGS...: what touches no file, and the program of digests. A warning of a compiler that configure did not see is no error.
build() {
    directory=$1; shift
    mkdir -p "$directory"
    (cd "$QOQ_SRCDIR" && ls ref/*.c ref/numerics/*.c ref/ops/*.c ref/quantize/*.c ref/model/*.c ref/golden/*.c data/sha256.c data/golden_case.c data/tensor.c \
        data/error.c tests/cpus/digests.c | xargs -P "$(nproc)" -I{} sh -c '
        out=$1/$(printf %s "$2" | tr / _).o; file=$2; shift 2
        exec "$@" -c -o "$out" "$file"' sh "$directory" {} "$@" -DHAVE_CONFIG_H -I"$QOQ_BUILDDIR" -Iref -I.) &&
        "$@" -o "$directory/digests" "$directory"/*.o -lm
}
# shellcheck disable=SC2086
build_here() { build "$scratch/here" ${QOQ_CC%% *} -O2 $QOQ_CFLAGS -Wno-error -Wno-unknown-pragmas; }
run_here() { "$scratch/here/digests" > "$scratch/wanted" && [ "$(grep -c ' golden ' "$scratch/wanted")" -gt 100 ]; }

# agrees NAME COMPILER QEMU FLAG
agrees() {
    build "$scratch/$1" "$2" -static -std=c99 -ffp-contract=off -O2 "$4" -w &&
        "$3" "$scratch/$1/digests" > "$scratch/found" && diff "$scratch/wanted" "$scratch/found"
}

check "digests of this machine" build_here
check "every golden case and model gives one" run_here
echo "$cpus" > "$scratch/cpus"
while read -r name compiler qemu flag; do
    if command -v "$compiler" > /dev/null && command -v "$qemu" > /dev/null; then
        check "$name: every golden output, every logit" agrees "$name" "$compiler" "$qemu" "$flag"
    else
        skip "$name" "no $compiler, or no $qemu"
    fi
done < "$scratch/cpus"
finish
