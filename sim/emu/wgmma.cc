// SPDX-License-Identifier: Apache-2.0
// wgmma m64nNk32 on int8. The four warps of a warpgroup own 16 rows each and share nothing but the
// operand in shared memory, so each warp computes for itself; that all four called the same is
// checked besides.
#include "sim/emu/machine.hh"
#include "sim/emu/records.hh"

#include <cstring>

namespace qoq_emu
{

namespace
{

// A matrix of rows of 32 bytes in shared memory, as its descriptor says (PTX: matrix descriptor).
struct Operand {
    uint32_t start, leading, stride, mode;

    explicit Operand(uint64_t descriptor)
        : start((descriptor & 0x3fff) << 4), leading((descriptor >> 16 & 0x3fff) << 4),
          stride((descriptor >> 32 & 0x3fff) << 4), mode(descriptor >> 62)
    {
    }
    // Bytes after which the pattern of a row of core matrices comes again: 128, 64, 32, or 0.
    uint32_t span() const
    {
        return mode == 0 ? 0 : 256 >> mode;
    }
    // Of 16 bytes: row `row`, half 0 or 1 of the 32.
    uint32_t address(uint32_t row, uint32_t half) const
    {
        if (mode == 0) {
            return start + row / 8 * stride + row % 8 * 16 + half * leading;
        }
        uint32_t linear = start + row / 8 * stride + row % 8 * span() + half * 16;
        return linear ^ ((linear >> 7 & (span() / 16 - 1)) << 4);
    }
};

const char *wrong(uint64_t descriptor)
{
    const Operand operand(descriptor);

    if ((descriptor & UINT64_C(0x3ff1c000c000c000)) != 0) {
        return "bits are set that mean nothing";
    }
    if ((descriptor >> 49 & 7) != 0) {
        return "a base offset other than 0";
    }
    if (operand.span() != 0 && (operand.start & (8 * operand.span() - 1) & 0x380) != 0) {
        return "a swizzled matrix that does not begin with its pattern";
    }
    return nullptr;
}

void widen(int16_t *to, const uint8_t *from, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        to[i] = static_cast<int8_t>(from[i]);
    }
}

qoq_emu_count count_of(uint32_t n)
{
    switch (n) {
    case 8:
        return QOQ_EMU_WGMMA_N8;
    case 16:
        return QOQ_EMU_WGMMA_N16;
    case 32:
        return QOQ_EMU_WGMMA_N32;
    case 64:
        return QOQ_EMU_WGMMA_N64;
    case 128:
        return QOQ_EMU_WGMMA_N128;
    default:
        return QOQ_EMU_WGMMA_N256;
    }
}

// Passes over the banks for the core matrices of `rows` rows: eight chunks of 16 bytes each.
uint32_t passes(const Operand &operand, uint32_t first, uint32_t rows)
{
    uint32_t total = 0;

    for (uint32_t matrix = 0; matrix < rows / 4; matrix++) {
        uint32_t bank[8] = {0}, most = 0;

        for (uint32_t row = 0; row < 8; row++) {
            uint32_t address = operand.address(first + matrix / 2 * 8 + row, matrix % 2);
            most = std::max(most, ++bank[address / 16 % 8]);
        }
        total += most;
    }
    return total;
}

} // namespace

// 16 bytes that the asynchronous proxy reads for this warp.
void Machine::check_chunk(uint32_t address, Site at)
{
    check_shared(SEVERAL, address, 16, false, at);
    for (size_t word = address / 4; word < address / 4 + 4; word++) {
        uint64_t record = write_[word];
        uint32_t warp = record >> 8 & 255;

        if (warp < MAX_WARPS && !is_fenced(SEVERAL, warp, record & 255, write_sequence_[word])) {
            fail(at,
                 "shared address %u: warp %u lane %u wrote it without a fence_async before the "
                 "barrier",
                 address, warp, static_cast<uint32_t>(record & 255));
        }
    }
}

void Machine::wgmma_check(const WgmmaIssue &issue)
{
    const WgmmaOperands &mine = issue.lane[0];
    std::vector<WgmmaCall> &calls = wgmma_call_[warp_->index / 4];
    uint64_t a = mine.a_state == nullptr ? mine.a_descriptor : 0;

    for (uint32_t i = 0; i < LANES; i++) {
        const WgmmaOperands &lane = issue.lane[i];
        uint64_t fences = warp_->lane[i].wgmma_fences;

        if (lane.a_descriptor != mine.a_descriptor || lane.b_descriptor != mine.b_descriptor) {
            fail(issue.at, "lane %u has another matrix descriptor", i);
        }
        if ((lane.d_state->pending == 0 && lane.d_state->touched == fences) ||
            (lane.a_state != nullptr && lane.a_state->touched == fences)) {
            fail(issue.at, "no wgmma_fence since the registers of lane %u were touched", i);
        }
    }
    for (uint64_t descriptor : {a, mine.b_descriptor}) {
        if (wrong(descriptor) != nullptr) {
            fail(issue.at, "matrix descriptor 0x%016llx: %s",
                 static_cast<unsigned long long>(descriptor), wrong(descriptor));
        }
    }
    if (warp_->wgmma_count == calls.size()) {
        calls.push_back({issue.at, a, mine.b_descriptor, mine.n});
    }
    const WgmmaCall &call = calls[warp_->wgmma_count++];
    if (!(call.at == issue.at) || call.a != a || call.b != mine.b_descriptor || call.n != mine.n) {
        fail(issue.at, "the warpgroup has parted: another of its warps issues %s:%d here",
             tail(call.at), call.at.line);
    }
}

// D is row r + 8 (j / 2 % 2), column 8 (j / 4) + 2 c + j % 2 in register j of lane 4 r + c; A is
// row r + 8 (i % 2), columns 16 (i / 2) + 4 c .. in register i.
void Machine::wgmma_compute(WgmmaIssue &issue)
{
    const WgmmaOperands &mine = issue.lane[0];
    static int16_t a[16][32], b[256][32];
    const Operand left(mine.a_descriptor), right(mine.b_descriptor);

    for (uint32_t i = 0; mine.a_state != nullptr && i < LANES; i++) {
        uint8_t bytes[16];

        memcpy(bytes, issue.a[i], 16);
        for (uint32_t j = 0; j < 4; j++) {
            widen(&a[i / 4 + 8 * (j % 2)][16 * (j / 2) + 4 * (i % 4)], bytes + 4 * j, 4);
        }
    }
    for (uint32_t i = 0; mine.a_state == nullptr && i < 32; i++) {
        uint32_t address = left.address(warp_->index % 4 * 16 + i / 2, i % 2);

        widen(&a[i / 2][i % 2 * 16], shared_.data() + address, 16);
    }
    for (uint32_t i = 0; i < 2 * mine.n; i++) {
        widen(&b[i / 2][i % 2 * 16], shared_.data() + right.address(i / 2, i % 2), 16);
    }
    issue.sums.resize(size_t{16} * mine.n);
    for (uint32_t column = 0; column < mine.n; column++) {
        for (uint32_t row = 0; row < 16; row++) {
            int32_t sum = 0;

            for (uint32_t k = 0; k < 32; k++) {
                sum += a[row][k] * b[column][k];
            }
            issue.sums[row * mine.n + column] = sum;
        }
    }
}

void Machine::wgmma_issue(void *const *operands)
{
    warp_->wgmmas.emplace_back();
    WgmmaIssue &issue = warp_->wgmmas.back();

    for (uint32_t i = 0; i < LANES; i++) {
        issue.lane[i] = *static_cast<const WgmmaOperands *>(operands[i]);
        if (issue.lane[i].a_state != nullptr) {
            memcpy(issue.a[i], issue.lane[i].a, sizeof issue.a[i]);
        }
    }
    issue.group = warp_->wgmma_groups;
    issue.at = lane_->at;
    const WgmmaOperands &mine = issue.lane[0];
    wgmma_check(issue);
    count(count_of(mine.n));

    const Operand left(mine.a_descriptor), right(mine.b_descriptor);
    for (uint32_t i = 0; i < 2 * mine.n; i++) {
        check_chunk(right.address(i / 2, i % 2), issue.at);
    }
    if (warp_->index % 4 == 0) {
        count(QOQ_EMU_SHARED_WAVEFRONT, passes(right, 0, mine.n));
        count(QOQ_EMU_SHARED_IDEAL, mine.n / 4);
    }
    if (mine.a_state == nullptr) {
        for (uint32_t i = 0; i < 32; i++) {
            check_chunk(left.address(warp_->index % 4 * 16 + i / 2, i % 2), issue.at);
        }
        count(QOQ_EMU_SHARED_WAVEFRONT, passes(left, warp_->index % 4 * 16, 16));
        count(QOQ_EMU_SHARED_IDEAL, 4);
    }
    for (const WgmmaOperands &lane : issue.lane) {
        lane.d_state->pending++;
        if (lane.a_state != nullptr) {
            lane.a_state->pending++;
        }
    }
    wgmma_pending_++;
    if (options.early_copies) {
        wgmma_compute(issue);
    }
}

// The operands in shared memory were read at the latest now.
void Machine::wgmma_retire(WgmmaIssue &issue)
{
    const WgmmaOperands &mine = issue.lane[0];
    const Operand left(mine.a_descriptor), right(mine.b_descriptor);
    uint16_t site = site_number(issue.at);
    auto note = [&](uint32_t address) {
        for (size_t word = address / 4; word < address / 4 + 4; word++) {
            read_[warp_->index * words_ + word] = read_record(warp_->time, SEVERAL);
            read_site_[warp_->index * words_ + word] = site;
        }
    };

    if (issue.sums.empty()) {
        wgmma_compute(issue);
    }
    for (uint32_t i = 0; i < 2 * mine.n; i++) {
        note(right.address(i / 2, i % 2));
    }
    for (uint32_t i = 0; mine.a_state == nullptr && i < 32; i++) {
        note(left.address(warp_->index % 4 * 16 + i / 2, i % 2));
    }
    for (uint32_t i = 0; i < LANES; i++) {
        const WgmmaOperands &lane = issue.lane[i];

        for (uint32_t j = 0; j < mine.n / 2; j++) {
            uint32_t row = i / 4 + 8 * (j / 2 % 2), column = 8 * (j / 4) + 2 * (i % 4) + j % 2;

            lane.d[j] =
                static_cast<int32_t>(static_cast<uint32_t>(lane.d[j]) +
                                     static_cast<uint32_t>(issue.sums[row * mine.n + column]));
        }
        lane.d_state->pending--;
        if (lane.a_state != nullptr) {
            lane.a_state->pending--;
        }
    }
    wgmma_pending_--;
}

// Whether a matrix under way holds one of these bytes: it may still be read.
void Machine::check_pending(uint32_t address, uint32_t bytes, Site at)
{
    for (uint32_t w = 0; w < warps_; w++) {
        for (const WgmmaIssue &issue : warp_store_[w]->wgmmas) {
            const WgmmaOperands &mine = issue.lane[0];
            const Operand left(mine.a_descriptor), right(mine.b_descriptor);
            bool hit = false;
            auto holds = [&](uint32_t chunk) {
                return chunk < address + bytes && address < chunk + 16;
            };

            for (uint32_t i = 0; i < 2 * mine.n; i++) {
                hit = hit || holds(right.address(i / 2, i % 2));
            }
            for (uint32_t i = 0; mine.a_state == nullptr && i < 32; i++) {
                hit = hit || holds(left.address(w % 4 * 16 + i / 2, i % 2));
            }
            if (hit) {
                fail(at,
                     "shared address %u is written here, and the wgmma of warp %u at %s:%d may "
                     "still read it",
                     address, w, tail(issue.at), issue.at.line);
            }
        }
    }
}

void Machine::wgmma_fence()
{
    for (Lane &lane : warp_->lane) {
        lane.wgmma_fences++;
    }
}

void Machine::wgmma_commit()
{
    warp_->wgmma_groups++;
}

void Machine::wgmma_wait(uint32_t newest)
{
    std::vector<WgmmaIssue> &all = warp_->wgmmas;
    size_t done = 0;

    while (done < all.size() && all[done].group + newest < warp_->wgmma_groups) {
        wgmma_retire(all[done++]);
    }
    all.erase(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(done));
}

void Machine::set_registers(uint32_t registers, bool more)
{
    uint32_t now = warp_->registers;

    if (now == 0) {
        now = std::min<uint32_t>(65536 / kernel_.threads / 8 * 8, 255);
    }
    if (registers < 24 || registers > 256 || registers % 8 != 0) {
        fail(lane_->at, "%u registers: a multiple of 8 from 24 to 256 is wanted", registers);
    }
    if (more ? registers < now : registers > now) {
        fail(lane_->at, "from %u to %u registers by the wrong instruction", now, registers);
    }
    warp_->registers = registers;
}

} // namespace qoq_emu
