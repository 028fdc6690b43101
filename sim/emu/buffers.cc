// SPDX-License-Identifier: Apache-2.0
// Blocks of global memory with guard bands.
#include "sim/emu/buffers.hh"

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace qoq_emu
{

enum : size_t { BAND = 256 };
enum : uint8_t { BAND_BYTE = 0xb7, FRESH_BYTE = 0xa9 };

bool Buffer::is_intact() const
{
    const auto is_band = [](uint8_t byte) { return byte == BAND_BYTE; };

    return std::all_of(data - BAND, data, is_band) &&
           std::all_of(data + bytes, data + bytes + BAND, is_band);
}

Buffers::~Buffers()
{
    for (const auto &buffer : all_) {
        free(buffer->data - BAND);
    }
}

Buffer *Buffers::add(size_t bytes)
{
    auto buffer = std::make_unique<Buffer>();
    void *base;

    if (bytes > SIZE_MAX / 2) {
        return nullptr;
    }
    all_.reserve(all_.size() + 1);
    buffer->valid.assign(bytes, 0);
    if (posix_memalign(&base, BAND, bytes + 2 * BAND) != 0) {
        return nullptr;
    }
    memset(base, BAND_BYTE, bytes + 2 * BAND);
    buffer->data = static_cast<uint8_t *>(base) + BAND;
    buffer->bytes = bytes;
    buffer->address = next_address_;
    buffer->stored_launch = 0;
    memset(buffer->data, FRESH_BYTE, bytes);
    next_address_ += (bytes + 2 * BAND) / BAND * BAND;
    all_.push_back(std::move(buffer));
    return all_.back().get();
}

bool Buffers::remove(void *data)
{
    for (auto it = all_.begin(); it != all_.end(); ++it) {
        if ((*it)->data == data) {
            free((*it)->data - BAND);
            all_.erase(it);
            return true;
        }
    }
    return false;
}

Buffer *Buffers::find(const void *data) const
{
    const uint8_t *p = static_cast<const uint8_t *>(data);

    for (const auto &buffer : all_) {
        if (p >= buffer->data && p < buffer->data + std::max<size_t>(buffer->bytes, 1)) {
            return buffer.get();
        }
    }
    return nullptr;
}

bool Buffers::set_valid(const void *data, size_t bytes)
{
    Buffer *buffer = find(data);
    size_t offset = buffer == nullptr
                        ? 0
                        : static_cast<size_t>(static_cast<const uint8_t *>(data) - buffer->data);

    if (buffer == nullptr || bytes > buffer->bytes - offset) {
        return false;
    }
    std::fill_n(buffer->valid.begin() + static_cast<std::ptrdiff_t>(offset), bytes, uint8_t{1});
    return true;
}

} // namespace qoq_emu
