#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# make install DESTDIR=..., a program that is not ours built against the result through pkg-config, make uninstall.
. "$QOQ_SRCDIR/tests/tap.sh"
root=$scratch/root

cat > "$scratch/use.c" <<'TEXT'
#include <qoq.h>
int main(void)
{
    qoq_half x[2] = {0x3c00, 0xc100}; /* 1, -2.5 */
    int8_t q[2];
    float scale;
    int32_t sum;
    struct qoq_act act = {1, 2, q, &scale, &sum};
    return !(qoq_act_quantize(&act, x) == QOQ_OK && q[0] == 51 && q[1] == -127 && sum == -76);
}
TEXT
install_it() { make -C "$QOQ_BUILDDIR" -s install DESTDIR="$root"; }
build_against_it() {
    pc=$(find "$root" -name qoq.pc)
    flags=$(PKG_CONFIG_PATH=$(dirname "$pc") pkg-config --define-variable=prefix="$root$(sed -n 's/^prefix=//p' "$pc")" --cflags --libs qoq) &&
        ${QOQ_CC%% *} "$scratch/use.c" $flags -o "$scratch/use" &&
        LD_LIBRARY_PATH=$(dirname "$(find "$root" -name 'libqoq.so' | head -n 1)") "$scratch/use"
}
uninstall_it() {
    make -C "$QOQ_BUILDDIR" -s uninstall DESTDIR="$root" && left=$(find "$root" -type f -o -type l) && { [ -z "$left" ] || { echo "$left"; false; }; }
}

check "make install DESTDIR" install_it
check "a foreign program builds and runs against the installed library" build_against_it
check "make uninstall leaves nothing" uninstall_it
finish
