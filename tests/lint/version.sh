#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# One version everywhere it is written.
. "$QOQ_SRCDIR/tests/tap.sh"
cd "$QOQ_SRCDIR" || exit 1

program_version() { "$QOQ" --version | head -n 1 | grep -qx "qoq $QOQ_VERSION"; }
news_version() { grep -q "^$QOQ_VERSION" NEWS; }
numerics_version() {
    header=$(sed -n 's/^#define QOQ_NUMERICS_VERSION \([0-9]*\)$/\1/p' ref/qoq.h)
    document=$(sed -n 's/^Version \([0-9]*\)\..*/\1/p' doc/numerics.md)
    echo "header $header, document $document"
    [ -n "$header" ] && [ "$header" = "$document" ]
}
package_version() { grep -qx "Version: $QOQ_VERSION" "$QOQ_BUILDDIR/qoq.pc"; }

check "qoq --version" program_version
check "newest entry of NEWS" news_version
check "numerics version in qoq.h and doc/numerics.md" numerics_version
check "pkg-config file" package_version
finish
