dnl SPDX-License-Identifier: Apache-2.0
dnl QOQ_CUDA: --with-cuda[=DIR], --with-cuda-arch. Sets have_cuda, NVCC (found even where CUDA is off: tests of the kernels' register
dnl use want it), cuda_version, have_cublaslt, CUDA_ARCH, CUDA_GENCODE, CUDA_LIBS. An explicit wish that cannot be met is an error;
dnl of the default architectures those are built that the toolkit knows: 12.0 to 12.7 lack the newest, 13 and later the oldest GPUs.
AC_DEFUN([QOQ_CUDA], [
AC_ARG_WITH([cuda],
    [AS_HELP_STRING([--with-cuda@<:@=DIR@:>@], [build libqoq-cuda and qoq-gpu with the CUDA toolkit (12 or newer) in DIR (default: no)])],
    [], [with_cuda=no])
AC_ARG_WITH([cuda-arch],
    [AS_HELP_STRING([--with-cuda-arch=LIST], [architectures, such as 80,90 (default those of 80,86,89,90a,100,120 that nvcc knows); implies --with-cuda])],
    [AS_IF([test "x$with_cuda" = xno], [with_cuda=yes])], [with_cuda_arch=])
AC_ARG_VAR([NVCC], [CUDA compiler])
AC_ARG_VAR([NVCCFLAGS], [flags for it])
AS_CASE([$with_cuda],
    [no|yes], [AC_PATH_PROG([NVCC], [nvcc], [], [$PATH$PATH_SEPARATOR/usr/local/cuda/bin])],
    [AC_PATH_PROG([NVCC], [nvcc], [], [$with_cuda/bin])])
have_cuda=no
have_cublaslt=no
cuda_version=
CUDA_GENCODE=
CUDA_ARCH=
AS_IF([test "x$with_cuda" != xno],
    [AS_IF([test "x$NVCC" = x], [AC_MSG_ERROR([--with-cuda: no nvcc found; give the toolkit's directory])])
     AC_MSG_CHECKING([version of $NVCC])
     cuda_version=`$NVCC --version 2>/dev/null | sed -n 's/.*release \(@<:@0-9@:>@*\.@<:@0-9@:>@*\).*/\1/p'`
     AC_MSG_RESULT([${cuda_version:-unknown}])
     AS_CASE([$cuda_version],
         [@<:@0-9@:>@.*|10.*|11.*], [AC_MSG_ERROR([--with-cuda: CUDA 12 or newer is required, $NVCC is $cuda_version])])
     CUDA_ARCH=$with_cuda_arch
     AS_IF([test "x$CUDA_ARCH" = x],
         [qoq_known=`$NVCC --list-gpu-arch 2>/dev/null`
          for arch in 80 86 89 90a 100 120; do
              AS_CASE([" "`echo $qoq_known`" "],
                  [*" compute_"`AS_ECHO([$arch]) | tr -d a`" "*], [CUDA_ARCH=${CUDA_ARCH:+$CUDA_ARCH,}$arch])
          done
          AS_IF([test "x$CUDA_ARCH" = x], [CUDA_ARCH=80])])
     for arch in `AS_ECHO(["$CUDA_ARCH"]) | tr , ' '`; do
         CUDA_GENCODE="$CUDA_GENCODE -gencode arch=compute_$arch,code=sm_$arch"
     done
     # Newer GPUs translate this themselves.
     CUDA_GENCODE="$CUDA_GENCODE -gencode arch=compute_80,code=compute_80"
     AC_MSG_CHECKING([whether $NVCC compiles for $CUDA_ARCH])
     echo '__global__ void f(int *x) { *x = 1; }' > conftest.cu
     AS_IF([$NVCC $NVCCFLAGS $CUDA_GENCODE -c conftest.cu -o conftest.o >conftest.log 2>&1],
         [AC_MSG_RESULT([yes])],
         [AC_MSG_RESULT([no])
          cat conftest.log >&2
          AC_MSG_ERROR([--with-cuda: $NVCC cannot compile for $CUDA_ARCH])])
     AC_MSG_CHECKING([whether $NVCC finds cublasLt.h])
     echo '#include <cublasLt.h>' > conftest.cu
     AS_IF([$NVCC $NVCCFLAGS -E conftest.cu -o conftest.i >conftest.log 2>&1], [have_cublaslt=yes])
     AC_MSG_RESULT([$have_cublaslt])
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
