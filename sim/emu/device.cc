// SPDX-License-Identifier: Apache-2.0
// Handles and memory of gpu/qoq_cuda.h on the emulator.
#include <cstring>
#include <new>

#include "sim/emu/launch.hh"

extern "C" enum qoq_status qoq_emu_create(struct qoq_cuda **handle,
                                          const struct qoq_emu_options *options)
{
    const struct qoq_emu_options plain = {QOQ_EMU_FORWARD, 0, 0, 0};
    const struct qoq_emu_options &chosen = options == nullptr ? plain : *options;

    if (handle == nullptr || chosen.schedule < 0 || chosen.schedule >= QOQ_EMU_SCHEDULES) {
        return QOQ_ERR_ARGUMENT;
    }
    *handle = new (std::nothrow) qoq_cuda(chosen);
    if (*handle == nullptr) {
        return QOQ_ERR_MEMORY;
    }
    (*handle)->sms = chosen.multiprocessors > 0 ? chosen.multiprocessors : (*handle)->sms;
    return QOQ_OK;
}

extern "C" enum qoq_status qoq_cuda_create(struct qoq_cuda **handle, int, void *)
{
    return qoq_emu_create(handle, nullptr);
}

extern "C" void qoq_cuda_destroy(struct qoq_cuda *handle)
{
    delete handle;
}

extern "C" enum qoq_status qoq_cuda_sync(struct qoq_cuda *handle)
{
    return handle == nullptr ? QOQ_ERR_ARGUMENT : qoq::refuse_in_capture(handle);
}

extern "C" const char *qoq_cuda_message(const struct qoq_cuda *handle)
{
    return handle == nullptr ? "" : handle->machine.message.c_str();
}

extern "C" enum qoq_status qoq_cuda_alloc(struct qoq_cuda *handle, void **data, size_t bytes)
{
    if (handle == nullptr || data == nullptr) {
        return QOQ_ERR_ARGUMENT;
    }
    if (qoq::refuse_in_capture(handle) != QOQ_OK) {
        return QOQ_ERR_DEVICE;
    }
    *data = nullptr;
    try {
        qoq_emu::Buffer *buffer = handle->machine.buffers.add(bytes);

        *data = buffer == nullptr ? nullptr : buffer->data;
    } catch (const std::bad_alloc &) {
        return QOQ_ERR_MEMORY;
    }
    return *data == nullptr ? QOQ_ERR_MEMORY : QOQ_OK;
}

extern "C" void qoq_cuda_free(struct qoq_cuda *handle, void *data)
{
    if (handle != nullptr && data != nullptr) {
        handle->machine.buffers.remove(data);
    }
}

extern "C" enum qoq_status qoq_cuda_upload(struct qoq_cuda *handle, void *to, const void *from,
                                           size_t bytes)
{
    if (handle == nullptr || to == nullptr || from == nullptr ||
        !handle->machine.buffers.set_valid(to, bytes)) {
        return QOQ_ERR_ARGUMENT;
    }
    if (qoq::refuse_in_capture(handle) != QOQ_OK) {
        return QOQ_ERR_DEVICE;
    }
    memcpy(to, from, bytes);
    return QOQ_OK;
}

extern "C" enum qoq_status qoq_cuda_download(struct qoq_cuda *handle, void *to, const void *from,
                                             size_t bytes)
{
    const qoq_emu::Buffer *buffer =
        handle == nullptr ? nullptr : handle->machine.buffers.find(from);

    if (to == nullptr || buffer == nullptr) {
        return QOQ_ERR_ARGUMENT;
    }
    if (qoq::refuse_in_capture(handle) != QOQ_OK) {
        return QOQ_ERR_DEVICE;
    }
    size_t offset = static_cast<size_t>(static_cast<const uint8_t *>(from) - buffer->data);
    if (bytes > buffer->bytes - offset || !buffer->is_intact()) {
        return QOQ_ERR_ARGUMENT;
    }
    memcpy(to, from, bytes);
    return QOQ_OK;
}

extern "C" enum qoq_status qoq_cuda_zero(struct qoq_cuda *handle, void *data, size_t bytes)
{
    if (handle == nullptr || data == nullptr || !handle->machine.buffers.set_valid(data, bytes)) {
        return QOQ_ERR_ARGUMENT;
    }
    if (qoq::refuse_in_capture(handle) != QOQ_OK) {
        return QOQ_ERR_DEVICE;
    }
    memset(data, 0, bytes);
    return QOQ_OK;
}

extern "C" size_t qoq_emu_launches(const struct qoq_cuda *handle)
{
    return handle->machine.launches.size();
}

extern "C" const struct qoq_emu_launch *qoq_emu_get_launch(const struct qoq_cuda *handle, size_t i)
{
    return handle->machine.launches[i].get();
}

extern "C" void qoq_emu_forget(struct qoq_cuda *handle)
{
    handle->machine.launches.clear();
}

extern "C" int qoq_cuda_is_emulated(const struct qoq_cuda *)
{
    return 1;
}
