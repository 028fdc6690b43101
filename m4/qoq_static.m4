dnl SPDX-License-Identifier: Apache-2.0
dnl QOQ_STATIC(VARIABLE, LIBS): LIBS with every -lNAME replaced by the archive libNAME.a where there is one, in a -L directory or where
dnl the compiler looks. What has no archive stays as it is; the C library is left alone.
AC_DEFUN([QOQ_STATIC], [
$1=
qoq_directories=
for qoq_word in $2; do
    AS_CASE([$qoq_word],
        [-L*], [qoq_directories="$qoq_directories `AS_ECHO(["$qoq_word"]) | sed s/^-L//`"
                $1="$[]$1 $qoq_word"],
        [-lm|-lrt|-ldl|-lpthread|-lc], [$1="$[]$1 $qoq_word"],
        [-l*], [qoq_name=`AS_ECHO(["$qoq_word"]) | sed s/^-l//`
                qoq_archive=
                for qoq_directory in $qoq_directories; do
                    AS_IF([test -f "$qoq_directory/lib$qoq_name.a"], [qoq_archive=$qoq_directory/lib$qoq_name.a])
                done
                AS_IF([test "x$qoq_archive" = x], [qoq_archive=`$CC -print-file-name=lib$qoq_name.a`])
                AS_CASE([$qoq_archive], [*/*], [], [qoq_archive=$qoq_word])
                $1="$[]$1 $qoq_archive"],
        [$1="$[]$1 $qoq_word"])
done
AC_SUBST([$1])
])
