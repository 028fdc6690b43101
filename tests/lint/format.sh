#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The C sources are formatted as .clang-format says (`make format`).
. "$QOQ_SRCDIR/tests/tap.sh"
cd "$QOQ_SRCDIR" || exit 1
if ! clang-format --version 2> /dev/null | grep -q 'version 14\.' || [ ! -f .clang-format ]; then
    skip "formatted sources" "no clang-format 14"
    finish
fi
check "formatted sources" sh -c 'find ref data gpu sim tests -name "*.[ch]" -o -name "*.cc" -o -name "*.hh" -o -name "*.cu" -o -name "*.cuh" | xargs clang-format --dry-run -Werror'
finish
