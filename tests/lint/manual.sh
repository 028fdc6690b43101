#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The committed manual pages are what `make man` would write now (but for the date).
. "$QOQ_SRCDIR/tests/tap.sh"
if ! command -v help2man > /dev/null; then
    skip "manual pages are current" "no help2man"
    finish
fi
current() {
    cp "$QOQ" "$scratch/qoq" && cp "$QOQ_BUILDDIR/qoq-sim" "$scratch/qoq-sim" && cd "$scratch" && sh "$QOQ_SRCDIR/doc/make-man" ./qoq "$scratch" || return 1
    for page in "$QOQ_SRCDIR"/doc/*.1; do
        sed /^.TH/d "$page" > want; sed /^.TH/d "$(basename "$page")" > have
        diff want have || return 1
    done
}
check "manual pages are current" current
finish
