#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The committed manual pages are what `make man` would write now (but for the date).
. "$QOQ_SRCDIR/tests/tap.sh"
if ! command -v help2man > /dev/null; then
    skip "manual pages are current" "no help2man"
    finish
fi
# The pages of qoq-gpu: the program over the emulator has the same texts as the real one.
gpu=
for candidate in "$QOQ_BUILDDIR/qoq-gpu" "$QOQ_BUILDDIR/tests/gpu/emulated"; do
    [ -n "$gpu" ] || ! [ -x "$candidate" ] || gpu=$candidate
done
[ -n "$gpu" ] || skip "manual pages of qoq-gpu are current" "neither CUDA nor the emulator is built"
current() {
    cp "$QOQ" "$scratch/qoq" && cp "$QOQ_BUILDDIR/qoq-sim" "$scratch/qoq-sim" && cd "$scratch" && sh "$QOQ_SRCDIR/doc/make-man" ./qoq "$scratch" $gpu || return 1
    for page in "$QOQ_SRCDIR"/doc/*.1; do
        case $page in */qoq-gpu*) [ -n "$gpu" ] || continue ;; esac
        sed /^.TH/d "$page" > want; sed /^.TH/d "$(basename "$page")" > have
        diff want have || return 1
    done
}
check "manual pages are current" current
finish
