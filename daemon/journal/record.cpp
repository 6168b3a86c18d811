// SPDX-License-Identifier: Apache-2.0
/// Events to bytes and back, and the sums over them.
#include "daemon/journal/record.hpp"

#include <cstring>

namespace backplane::journal {
namespace {

std::uint64_t word(const unsigned char* from) {
    std::uint64_t value = 0;
    std::memcpy(&value, from, sizeof value);
    return value;
}

}  // namespace

std::uint64_t checksum(const void* bytes, std::size_t size, std::uint64_t seed) {
    const auto* at = static_cast<const unsigned char*>(bytes);
    std::uint64_t sum = seed ^ fold(size ^ odd_a, odd_b);
    for (; size >= 16; at += 16, size -= 16) {
        sum = fold(word(at) ^ odd_a ^ sum, word(at + 8) ^ odd_b);
    }
    unsigned char rest[16] = {};
    if (size != 0) {  // an image that is not there has no address either
        std::memcpy(rest, at, size);
    }
    return fold(word(rest) ^ odd_b ^ sum, word(rest + 8) ^ odd_c);
}

std::uint32_t record_sum(const RecordHead& record, std::string_view text, std::uint64_t nonce, std::uint64_t place) {
    EventWords words{};
    std::memcpy(words.data(), record.event, sizeof record.event);
    std::uint64_t sum = plain_sum(record.size, record.at, words, nonce, place);
    if (!text.empty()) {
        sum = checksum(text.data(), text.size(), sum);
    }
    return short_sum(sum);
}

RecordHead make_record(Instant at, const core::Event& event, std::uint64_t nonce, std::uint64_t place) {
    RecordHead record;
    (void)write_head(reinterpret_cast<char*>(&record), at, event, nonce, place);
    return record;
}

// What words_of takes to be an event's bytes, and event_of copies back.
static_assert(offsetof(core::Event, text) == sizeof(RecordHead::event));
static_assert(offsetof(core::Event, session) == 4 && offsetof(core::Event, device) == 8 && offsetof(core::Event, other) == 16);
static_assert(offsetof(core::Event, argument) == 24 && offsetof(core::Event, child) == 28 && offsetof(core::Event, generation) == 32);
static_assert(offsetof(core::Event, extra) == 36 && offsetof(core::Event, number) == 40);

core::Event event_of(const RecordHead& record, std::string_view text) {
    core::Event event;
    std::memcpy(static_cast<void*>(&event), record.event, sizeof record.event);
    event.text = text;
    return event;
}

std::uint64_t head_sum(const Head& head) { return checksum(&head, offsetof(Head, sum), odd_c); }

}  // namespace backplane::journal
