// SPDX-License-Identifier: Apache-2.0
// Global memory: blocks with a guard band on either side, and what is known about every byte.
#ifndef QOQ_SIM_EMU_BUFFERS_HH
#define QOQ_SIM_EMU_BUFFERS_HH

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace qoq_emu
{

// Who stored a byte last, in the launch that runs.
struct Stored {
    uint64_t time; // of the warp; 0: not in this launch
    uint32_t block, stamp;
    uint16_t site;
    uint8_t warp, lane;
};

struct Buffer {
    uint8_t *data;
    size_t bytes;
    uint64_t address; // on the imagined device: a multiple of 256
    std::vector<uint8_t> valid;
    mutable std::vector<Stored> stored; // empty until a kernel stores to it
    uint64_t stored_launch;             // the launch that `stored` speaks of

    // Whether the bands around the block are as they were made.
    bool is_intact() const;
};

class Buffers
{
  public:
    ~Buffers();

    // A new block filled with a pattern, not valid for reading. NULL or std::bad_alloc where
    // memory is short.
    Buffer *add(size_t bytes);
    bool remove(void *data);

    // The buffer that holds `data`, or NULL.
    Buffer *find(const void *data) const;

    // Host side: [data, data + bytes) inside one buffer becomes valid. False where it is not.
    bool set_valid(const void *data, size_t bytes);

    // Number of the launch under way.
    uint64_t launch = 0;

  private:
    std::vector<std::unique_ptr<Buffer>> all_;
    uint64_t next_address_ = 1 << 20;
};

} // namespace qoq_emu

#endif
