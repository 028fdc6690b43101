dnl SPDX-License-Identifier: Apache-2.0
dnl QOQ_CUDA: --with-cuda[=DIR], --with-cuda-arch. Sets have_cuda, NVCC (found even where CUDA is off: tests of the kernels' register
dnl use want it), CUDA_ARCH, CUDA_GENCODE, CUDA_LIBS. An explicit wish that cannot be met is an error.
AC_DEFUN([QOQ_CUDA], [
AC_ARG_WITH([cuda],
    [AS_HELP_STRING([--with-cuda@<:@=DIR@:>@], [build libqoq-cuda and qoq-gpu with the CUDA toolkit in DIR (default: no)])],
    [], [with_cuda=no])
AC_ARG_WITH([cuda-arch],
    [AS_HELP_STRING([--with-cuda-arch=LIST], [architectures, such as 80,90 (default 80,86,89,90a,100,120); implies --with-cuda])],
    [AS_IF([test "x$with_cuda" = xno], [with_cuda=yes])], [with_cuda_arch=80,86,89,90a,100,120])
AC_ARG_VAR([NVCC], [CUDA compiler])
AC_ARG_VAR([NVCCFLAGS], [flags for it])
AS_CASE([$with_cuda],
    [no|yes], [AC_PATH_PROG([NVCC], [nvcc], [], [$PATH$PATH_SEPARATOR/usr/local/cuda/bin])],
    [AC_PATH_PROG([NVCC], [nvcc], [], [$with_cuda/bin])])
have_cuda=no
CUDA_GENCODE=
for arch in `AS_ECHO(["$with_cuda_arch"]) | tr , ' '`; do
    CUDA_GENCODE="$CUDA_GENCODE -gencode arch=compute_$arch,code=sm_$arch"
done
# Newer GPUs translate this themselves.
CUDA_GENCODE="$CUDA_GENCODE -gencode arch=compute_80,code=compute_80"
CUDA_ARCH=$with_cuda_arch
AS_IF([test "x$with_cuda" != xno],
    [AS_IF([test "x$NVCC" = x], [AC_MSG_ERROR([--with-cuda: no nvcc found; give the toolkit's directory])])
     AC_MSG_CHECKING([whether $NVCC compiles for $with_cuda_arch])
     echo '__global__ void f(int *x) { *x = 1; }' > conftest.cu
     AS_IF([$NVCC $NVCCFLAGS $CUDA_GENCODE -c conftest.cu -o conftest.o >conftest.log 2>&1],
         [AC_MSG_RESULT([yes])],
         [AC_MSG_RESULT([no])
          cat conftest.log >&2
          AC_MSG_ERROR([--with-cuda: $NVCC cannot compile for $with_cuda_arch])])
     rm -f conftest.*
     have_cuda=yes
     cuda_root=`dirname "$NVCC"`/..
     for dir in lib64 lib targets/x86_64-linux/lib targets/sbsa-linux/lib; do
         AS_IF([test -f "$cuda_root/$dir/libcudart_static.a"], [cuda_lib=$cuda_root/$dir])
     done
     AS_IF([test "x$cuda_lib" = x], [AC_MSG_ERROR([--with-cuda: no libcudart_static.a near $NVCC])])
     CUDA_LIBS="-L$cuda_lib -lcudart_static -lrt -lpthread -ldl -lstdc++"])
AC_SUBST([CUDA_GENCODE])
AC_SUBST([CUDA_ARCH])
AC_SUBST([CUDA_LIBS])
AM_CONDITIONAL([HAVE_CUDA], [test "x$have_cuda" = xyes])
])
