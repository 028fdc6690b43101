#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every public header compiles alone, as strict C99 and as C++98; every other header compiles alone as C99.
. "$QOQ_SRCDIR/tests/tap.sh"
cd "$QOQ_SRCDIR" || exit 1
cc=${QOQ_CC%% *}

for header in ref/qoq*.h gpu/qoq_cuda.h; do
    check "$header as C99" "$cc" -std=c99 -pedantic-errors -Wall -Wextra -Werror -Iref -I. -fsyntax-only -x c "$header"
    if command -v g++ >/dev/null; then
        check "$header as C++98" g++ -std=c++98 -pedantic-errors -Wno-long-long -Wall -Wextra -Werror -Iref -I. -fsyntax-only -x c++ "$header"
    else
        skip "$header as C++98" "no g++"
    fi
done
for header in ref/*/*.h data/*.h gpu/bench/*.h gpu/cli/*.h gpu/decoder/*.h gpu/verify/*.h sim/*/*.h; do
    check "$header alone" "$cc" -std=c99 -pedantic-errors -Wall -Wextra -Werror -Wno-unused-function -Iref -I. -I"$QOQ_BUILDDIR" \
        $QOQ_DATA_CFLAGS -fsyntax-only -x c "$header"
done
finish
