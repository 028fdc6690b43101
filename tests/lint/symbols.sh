#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# libqoq exports the reviewed list tests/exported-symbols.txt and nothing else, and needs neither HDF5 nor C++.
. "$QOQ_SRCDIR/tests/tap.sh"
library=$QOQ_BUILDDIR/.libs/libqoq.so

same_symbols() {
    nm -D --defined-only "$library" | awk '$2 ~ /[TDBR]/ { print $3 }' | LC_ALL=C sort > "$scratch/actual"
    diff "$QOQ_SRCDIR/tests/exported-symbols.txt" "$scratch/actual"
}
few_libraries() {
    ! readelf -d "$library" | grep NEEDED | grep -E 'hdf5|jansson|utf8proc|stdc\+\+|cuda'
}

if [ -f "$library" ]; then
    check "exported symbols are the reviewed ones" same_symbols
    check "libqoq needs only libc, libm, OpenMP" few_libraries
else
    skip "exported symbols" "no shared library in this build"
fi
finish
