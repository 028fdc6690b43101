// SPDX-License-Identifier: Apache-2.0
// cuBLASLt by dlopen: its static archive is hundreds of megabytes, and a machine may not have it.
#include "gpu/bench/library.h"

#include <cstdio>
#include <cstring>
#include <new>

#if defined(__has_include)
#if __has_include(<cublasLt.h>)
#define QOQ_HAVE_CUBLASLT 1
#endif
#endif

#ifndef QOQ_HAVE_CUBLASLT

extern "C" struct qoq_bench_library *qoq_bench_library_open(struct qoq_bench_device *, char *text,
                                                            size_t room)
{
    snprintf(text, room, "not compared: built without its header, cublasLt.h");
    return nullptr;
}

extern "C" void qoq_bench_library_close(struct qoq_bench_library *)
{
}

extern "C" int qoq_bench_library_ask(struct qoq_bench_library *, enum qoq_bench_type, size_t,
                                     size_t, size_t)
{
    return 0;
}

extern "C" enum qoq_status qoq_bench_library_run(struct qoq_bench_library *, int, void *,
                                                 const void *, const void *)
{
    return QOQ_ERR_UNSUPPORTED;
}

#else

#include <cublasLt.h>
#include <dlfcn.h>

namespace
{

enum { ALGORITHMS = 8 };
constexpr size_t WORKSPACE = static_cast<size_t>(64) << 20;

} // namespace

// Functions of the library have the types of its header.
#define QOQ_FUNCTIONS(F)                                                                           \
    F(cublasLtCreate)                                                                              \
    F(cublasLtDestroy)                                                                             \
    F(cublasLtGetVersion)                                                                          \
    F(cublasLtMatmul)                                                                              \
    F(cublasLtMatmulAlgoGetHeuristic)                                                              \
    F(cublasLtMatmulDescCreate)                                                                    \
    F(cublasLtMatmulDescDestroy)                                                                   \
    F(cublasLtMatmulDescSetAttribute)                                                              \
    F(cublasLtMatmulPreferenceCreate)                                                              \
    F(cublasLtMatmulPreferenceDestroy)                                                             \
    F(cublasLtMatmulPreferenceSetAttribute)                                                        \
    F(cublasLtMatrixLayoutCreate)                                                                  \
    F(cublasLtMatrixLayoutDestroy)

struct qoq_bench_library {
    void *file;
    struct qoq_bench_device *device;
    cublasLtHandle_t handle;
    cublasLtMatmulDesc_t product;
    cublasLtMatrixLayout_t w, x, y;
    enum qoq_bench_type type;
    cublasLtMatmulHeuristicResult_t found[ALGORITHMS];
    void *workspace;
#define QOQ_MEMBER_OF(name) decltype(&::name) name;
    QOQ_FUNCTIONS(QOQ_MEMBER_OF)
#undef QOQ_MEMBER_OF
};

namespace
{

template <class F> bool find(void *file, const char *name, F *function)
{
    *function = reinterpret_cast<F>(dlsym(file, name));
    return *function != nullptr;
}

bool load(struct qoq_bench_library *it, char *text, size_t room)
{
    char name[40];

    snprintf(name, sizeof name, "libcublasLt.so.%d", CUBLAS_VER_MAJOR);
    it->file = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    if (it->file == nullptr) {
        snprintf(text, room, "not compared: no %s on this machine (LD_LIBRARY_PATH finds it)",
                 name);
        return false;
    }
    bool all = true;
#define QOQ_FIND(name) all = find(it->file, #name, &it->name) && all;
    QOQ_FUNCTIONS(QOQ_FIND)
#undef QOQ_FIND
    if (!all) {
        snprintf(text, room, "not compared: %s lacks a function", name);
    }
    return all;
}

void forget(struct qoq_bench_library *it)
{
    if (it->product != nullptr) {
        it->cublasLtMatmulDescDestroy(it->product);
    }
    for (cublasLtMatrixLayout_t *layout : {&it->w, &it->x, &it->y}) {
        if (*layout != nullptr) {
            it->cublasLtMatrixLayoutDestroy(*layout);
        }
        *layout = nullptr;
    }
    it->product = nullptr;
}

// Its matrices are column major: w is [k][n] transposed, x [k][m], y [n][m].
bool describe(struct qoq_bench_library *it, size_t m, size_t n, size_t k)
{
    const bool half = it->type == QOQ_BENCH_FP16;
    const cudaDataType_t in = half ? CUDA_R_16F : CUDA_R_8I, out = half ? CUDA_R_16F : CUDA_R_32I;
    const cublasOperation_t transposed = CUBLAS_OP_T;
    const int64_t pitch = static_cast<int64_t>(k);

    return it->cublasLtMatmulDescCreate(&it->product,
                                        half ? CUBLAS_COMPUTE_32F : CUBLAS_COMPUTE_32I,
                                        half ? CUDA_R_32F : CUDA_R_32I) == CUBLAS_STATUS_SUCCESS &&
           it->cublasLtMatmulDescSetAttribute(it->product, CUBLASLT_MATMUL_DESC_TRANSA, &transposed,
                                              sizeof transposed) == CUBLAS_STATUS_SUCCESS &&
           it->cublasLtMatrixLayoutCreate(&it->w, in, k, n, pitch) == CUBLAS_STATUS_SUCCESS &&
           it->cublasLtMatrixLayoutCreate(&it->x, in, k, m, pitch) == CUBLAS_STATUS_SUCCESS &&
           it->cublasLtMatrixLayoutCreate(&it->y, out, n, m, static_cast<int64_t>(n)) ==
               CUBLAS_STATUS_SUCCESS;
}

int heuristics(struct qoq_bench_library *it)
{
    cublasLtMatmulPreference_t preference;
    const size_t workspace = WORKSPACE;
    int count = 0;

    if (it->cublasLtMatmulPreferenceCreate(&preference) != CUBLAS_STATUS_SUCCESS) {
        return 0;
    }
    if (it->cublasLtMatmulPreferenceSetAttribute(
            preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &workspace, sizeof workspace) !=
            CUBLAS_STATUS_SUCCESS ||
        it->cublasLtMatmulAlgoGetHeuristic(it->handle, it->product, it->w, it->x, it->y, it->y,
                                           preference, ALGORITHMS, it->found,
                                           &count) != CUBLAS_STATUS_SUCCESS) {
        count = 0;
    }
    it->cublasLtMatmulPreferenceDestroy(preference);
    return count;
}

} // namespace

extern "C" struct qoq_bench_library *qoq_bench_library_open(struct qoq_bench_device *device,
                                                            char *text, size_t room)
{
    struct qoq_bench_library *it = new (std::nothrow) qoq_bench_library();

    if (it == nullptr) {
        snprintf(text, room, "not compared: out of memory");
        return nullptr;
    }
    it->device = device;
    if (!load(it, text, room)) {
        qoq_bench_library_close(it);
        return nullptr;
    }
    if (it->cublasLtCreate(&it->handle) != CUBLAS_STATUS_SUCCESS ||
        qoq_cuda_alloc(qoq_bench_handle(device), &it->workspace, WORKSPACE) != QOQ_OK) {
        snprintf(text, room, "not compared: it does not start on this GPU");
        qoq_bench_library_close(it);
        return nullptr;
    }
    snprintf(text, room, "%zu, the fastest of up to %d algorithms of its heuristics",
             it->cublasLtGetVersion(), static_cast<int>(ALGORITHMS));
    return it;
}

extern "C" void qoq_bench_library_close(struct qoq_bench_library *it)
{
    if (it == nullptr) {
        return;
    }
    if (it->handle != nullptr) {
        forget(it);
        it->cublasLtDestroy(it->handle);
    }
    if (it->workspace != nullptr) {
        qoq_cuda_free(qoq_bench_handle(it->device), it->workspace);
    }
    if (it->file != nullptr) {
        dlclose(it->file);
    }
    delete it;
}

extern "C" int qoq_bench_library_ask(struct qoq_bench_library *it, enum qoq_bench_type type,
                                     size_t m, size_t n, size_t k)
{
    forget(it);
    it->type = type;
    return describe(it, m, n, k) ? heuristics(it) : 0;
}

extern "C" enum qoq_status qoq_bench_library_run(struct qoq_bench_library *it, int algorithm,
                                                 void *y, const void *x, const void *w)
{
    const float one_f = 1, zero_f = 0;
    const int32_t one_i = 1, zero_i = 0;
    const bool half = it->type == QOQ_BENCH_FP16;
    const void *alpha = half ? static_cast<const void *>(&one_f) : &one_i;
    const void *beta = half ? static_cast<const void *>(&zero_f) : &zero_i;

    return it->cublasLtMatmul(it->handle, it->product, alpha, w, it->w, x, it->x, beta, y, it->y, y,
                              it->y, &it->found[algorithm].algo, it->workspace, WORKSPACE,
                              static_cast<cudaStream_t>(qoq_bench_stream(it->device))) ==
                   CUBLAS_STATUS_SUCCESS
               ? QOQ_OK
               : QOQ_ERR_DEVICE;
}

#endif
