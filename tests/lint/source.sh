#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Rules of the house that a grep can check: doc/architecture.md.
. "$QOQ_SRCDIR/tests/tap.sh"
cd "$QOQ_SRCDIR" || exit 1

none() { ! grep -nE "$@"; }
sources() { find ref data gpu sim tests \( -name '*.[ch]' -o -name '*.cc' -o -name '*.hh' -o -name '*.cu' -o -name '*.cuh' \) 2>/dev/null | LC_ALL=C sort; }

licence_lines() {
    missing=$(for file in $(find ref data gpu sim tests build-aux/demo build-aux/demo-smollm2 bootstrap gpu/first-run \( -name '*.[ch]' -o -name '*.cc' -o -name '*.hh' -o -name '*.cu' -o -name '*.cuh' -o -name '*.sh' -o -name '*.py' -o -name '*.mk' \
        -o -name bootstrap -o -name 'demo*' -o -name 'fetch-*' -o -name first-run \) 2>/dev/null); do head -n 3 "$file" | grep -q SPDX-License-Identifier || echo "$file"; done)
    [ -z "$missing" ] || { echo "$missing"; return 1; }
}
function_lengths() {
    # A function starts at "{" in column 1 and ends at "}" in column 1.
    for file in $(sources); do
        awk -v file="$file" '/^\};/ { start = 0 } /^\{/ { start = NR } /^\}/ && start { if (NR - start > 80) { print file ":" start ": " NR - start " lines"; bad = 1 } start = 0 } END { exit bad }' \
            "$file" || return 1
    done
}

check "licence line in every source file" licence_lines
check "no function over 80 lines" function_lengths
check "hdf5.h only in data/" none -r '#include *[<"]hdf5' ref gpu sim --include='*.[ch]'
check "jansson.h only in data/" none -r '#include *[<"]jansson' ref gpu sim --include='*.[ch]'
check "utf8proc.h only in data/" none -r '#include *[<"]utf8proc' ref gpu sim --include='*.[ch]'
check "libqoq touches no file" none -r '#include *<(stdio|unistd|fcntl)\.h>' ref/numerics ref/ops ref/quantize ref/model --include='*.[ch]'
check "numerics includes nothing above it" none -r '#include "(ops|quantize|model|golden|cli|data)/' ref/numerics
check "ops include nothing above them" none -r '#include "(quantize|model|golden|cli|data)/' ref/ops
check "quantize and model include nothing above them" none -r '#include "(golden|cli|data)/' ref/quantize ref/model
check "data knows no operators" none -r '#include "(ops|quantize|model|cli)/' data --include='*.[ch]'
check "kernels share with ref only qoq.h and the elementary functions" none -r '#include "(ops|quantize|model|golden|cli|data|sim)/|#include "numerics/(half|round|reduce)' \
    gpu --include='*.cuh' --include='*.cu' --include='*cuda.h'
check "the emulator's arithmetic is its own" none -r '#include "(numerics/(half|round|reduce)|ops/)' sim/emu
check "the machine only through gpu/primitives" none -rE '\basm\b|threadIdx|blockIdx|__sync|__shfl|__ldg|<<<|cuda_runtime' gpu --include='*.cuh' --include='*.cu'
check "no unfinished marks" none -rw 'TODO|FIXME|XXX' ref data gpu sim tests doc --include='*.[ch]' --include='*.cc' --include='*.hh' --include='*.cu' --include='*.cuh' --include='*.md' --include='*.py'
check "rounding to integer only in numerics/round.h" none -r '\b(l?lrintf?|rintf?|nearbyintf?|l?lroundf?|roundf?) *\(' ref/ops ref/quantize ref/model --include='*.c'
finish
