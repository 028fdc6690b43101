#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What configure did not find is counted: one skip for every test program that could not be built.
. "$QOQ_SRCDIR/tests/tap.sh"
check "the suite knows its programs" test -n "$QOQ_UNIT_TESTS"
for program in $QOQ_UNIT_TESTS $QOQ_MPFR_TESTS $QOQ_EMULATOR_TESTS; do
    [ "$QOQ_HAVE_CRITERION" = yes ] || skip "$program" "no Criterion (Debian: libcriterion-dev)"
done
for program in $QOQ_MPFR_TESTS; do
    [ "$QOQ_HAVE_CRITERION" != yes ] || [ "$QOQ_HAVE_MPFR" = yes ] || skip "$program" "no MPFR (Debian: libmpfr-dev)"
done
for program in $QOQ_EMULATOR_TESTS; do
    [ "$QOQ_HAVE_CRITERION" != yes ] || [ "$QOQ_HAVE_EMULATOR" = yes ] || skip "$program" "no emulator: the C++ compiler does not know C++17"
done
finish
