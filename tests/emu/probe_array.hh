// SPDX-License-Identifier: Apache-2.0
// Arrays of the small kernels.
#ifndef QOQ_TESTS_EMU_PROBE_ARRAY_HH
#define QOQ_TESTS_EMU_PROBE_ARRAY_HH

#include "gpu/handle.cuh"
#include "gpu/primitives/primitives.h"

namespace probe
{

// Device copy of a host array; freed by its owner's end.
template <class T> struct device_array {
    qoq_cuda *handle;
    T *data;
    size_t count;

    device_array(qoq_cuda *h, size_t n, const T *host) : handle(h), data(nullptr), count(n)
    {
        void *p;

        if (qoq_cuda_alloc(h, &p, n * sizeof(T)) == QOQ_OK) {
            data = static_cast<T *>(p);
        }
        if (host != nullptr && qoq_cuda_upload(h, data, host, n * sizeof(T)) != QOQ_OK) {
            abort();
        }
    }
    ~device_array()
    {
        qoq_cuda_free(handle, data);
    }
    enum qoq_status read(T *host, enum qoq_status status) const
    {
        return status == QOQ_OK ? qoq_cuda_download(handle, host, data, count * sizeof(T)) : status;
    }
};

} // namespace probe

#endif
