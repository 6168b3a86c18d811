// SPDX-License-Identifier: Apache-2.0
/// The bytes of a journal: a head, the core's image, then one record for each event since.
///
///     offset   what
///     0        Head, one page; all but its last fields is fixed when the file is made
///     4096     the image (image_bytes of it), filled up to a multiple of 8
///     then     records, each on a multiple of 8; a record of size 0 is the end
///
/// A record is 64 bytes and the event's text. Its size is written last, so a writer that is killed leaves a whole record or none.
/// Numbers are in the machine's order: a journal lives on tmpfs and is read on the machine that wrote it, or on one like it.
#pragma once

#include "daemon/core/event.hpp"

#include <backplane/ids.hpp>

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace backplane::journal {

inline constexpr std::uint64_t head_magic = 0x3130'6c6e'7267'7062ULL;  // "bpgrnl01"
inline constexpr std::uint32_t format_version = 1;
inline constexpr std::size_t head_bytes = 4096;
inline constexpr std::size_t boot_id_bytes = 40;

/// What is being spawned, for whoever finds a child that nobody could write down any more: the kernel itself stores the pid
/// here before it lets the child run (CLONE_PARENT_SETTID).
struct SpawnSlot {
    std::uint32_t child = 0;
    std::uint32_t generation = 0;
    std::int32_t pid = 0;  ///< 0: no process was made for it (yet)
    std::uint32_t reserved = 0;
};

enum class HeadState : std::uint32_t {
    broken = 0,  ///< an event could not be written: what is here is not what was
    good = 1,
};

struct Head {
    std::uint64_t magic = 0;
    std::uint32_t version = 0;
    std::uint32_t reserved = 0;
    char boot_id[boot_id_bytes] = {};  ///< of the machine; zero-filled
    std::uint64_t nonce = 0;           ///< of this file; every checksum depends on it
    std::uint64_t image_bytes = 0;     ///< 0: the state began empty
    std::uint64_t image_sum = 0;
    std::int64_t wall_offset_us = 0;  ///< wall clock less monotonic clock when the file was made, for people
    std::uint64_t sum = 0;            ///< of all fields above
    // What changes while it is written.
    HeadState state = HeadState::broken;
    std::uint32_t reserved2 = 0;
    SpawnSlot slot;
};
static_assert(sizeof(Head) <= head_bytes);

/// An event as a record holds it.
struct RecordHead {
    std::uint32_t size = 0;  ///< of the record, its text included and what fills it up not; 0 is the end
    std::uint32_t sum = 0;   ///< of the rest and of the text
    Instant at{};
    unsigned char event[sizeof(core::Event) - sizeof(std::string_view)] = {};
};
static_assert(sizeof(RecordHead) == 64);

/// What a text may be at the most: a configuration is the longest.
inline constexpr std::size_t text_bytes_max = 64U << 20;

/// How far the next record begins behind one of `size` bytes.
[[nodiscard]] constexpr std::size_t stride(std::size_t size) { return (size + 7) & ~std::size_t{7}; }

/// An event but for its text, as six words in the machine's order.
using EventWords = std::array<std::uint64_t, sizeof(RecordHead::event) / sizeof(std::uint64_t)>;

/// A field by a load of its own: the compiler must not read it together with its neighbours.
[[nodiscard]] inline std::uint64_t read_alone(std::uint64_t field) {
    asm("" : "+r"(field));
    return field;
}

/// Field by field: an event is mostly recorded right after it was made, and a word that is read while the parts of it are still on
/// their way to the cache makes the processor wait for them (a store that cannot be forwarded: some fifteen cycles).
[[nodiscard]] inline EventWords words_of(const core::Event& event) {
    constexpr bool is_little = std::endian::native == std::endian::little;
    const auto half = [](std::uint64_t field, unsigned at) { return read_alone(field) << (is_little ? 32 * at : 32 - 32 * at); };
    const auto byte = [](std::uint64_t field, unsigned at) { return read_alone(field) << (is_little ? 8 * at : 56 - 8 * at); };
    return {byte(static_cast<std::uint8_t>(event.kind), 0) | byte(event.mode, 1) | byte(event.fault, 2) | byte(event.flag, 3) |
                half(event.session, 1),
            read_alone(event.device.value),
            read_alone(event.other.value),
            half(static_cast<std::uint32_t>(event.argument), 0) | half(event.child, 1),
            half(event.generation, 0) | half(event.extra, 1),
            read_alone(event.number)};
}

/// The two halves of a product: every bit of both factors reaches every bit of the result, mostly.
[[nodiscard]] inline std::uint64_t fold(std::uint64_t a, std::uint64_t b) {
    __extension__ using Wide = unsigned __int128;
    const Wide product = static_cast<Wide>(a) * b;
    return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64U);
}

inline constexpr std::uint64_t odd_a = 0x9e37'79b9'7f4a'7c15ULL;
inline constexpr std::uint64_t odd_b = 0xd6e8'feb8'6659'fd93ULL;
inline constexpr std::uint64_t odd_c = 0xa076'1d64'78bd'642fULL;

/// A fast checksum against accidents and edits, not against an attacker who knows it (the file's owner alone may write it).
[[nodiscard]] std::uint64_t checksum(const void* bytes, std::size_t size, std::uint64_t seed);

/// The record of an event; `place`, its offset in the file, goes into the sum, so that a record moved elsewhere is none.
[[nodiscard]] RecordHead make_record(Instant at, const core::Event& event, std::uint64_t nonce, std::uint64_t place);
/// Of a record without a text: independent products, so that the processor works on all at once.
[[nodiscard]] inline std::uint64_t plain_sum(std::uint32_t size, Instant at, const EventWords& words, std::uint64_t nonce,
                                             std::uint64_t place) {
    const std::uint64_t seed = fold(nonce ^ place, odd_a ^ size);
    const std::uint64_t first = fold(static_cast<std::uint64_t>(at.ns) ^ odd_a ^ seed, words[0] ^ odd_b);
    const std::uint64_t second = fold(words[1] ^ odd_b ^ seed, words[2] ^ odd_c);
    const std::uint64_t third = fold(words[3] ^ odd_c ^ seed, words[4] ^ odd_a);
    return fold(first ^ odd_c, second ^ third ^ words[5]);
}
[[nodiscard]] inline std::uint32_t short_sum(std::uint64_t sum) { return static_cast<std::uint32_t>(sum ^ sum >> 32U); }
[[nodiscard]] std::uint32_t record_sum(const RecordHead& record, std::string_view text, std::uint64_t nonce, std::uint64_t place);
/// Writes all of an event's record but its text, its size last, and answers that: a writer that is killed leaves a whole one or none.
inline std::uint32_t write_head(char* to, Instant at, const core::Event& event, std::uint64_t nonce, std::uint64_t place) {
    const EventWords words = words_of(event);
    const auto size = static_cast<std::uint32_t>(sizeof(RecordHead) + event.text.size());
    std::uint64_t sum = plain_sum(size, at, words, nonce, place);
    if (!event.text.empty()) [[unlikely]] {
        sum = checksum(event.text.data(), event.text.size(), sum);
    }
    const std::uint32_t checked = short_sum(sum);
    std::memcpy(to + offsetof(RecordHead, sum), &checked, sizeof checked);
    std::memcpy(to + offsetof(RecordHead, at), &at.ns, sizeof at.ns);
    for (std::size_t i = 0; i < words.size(); ++i) {
        const std::uint64_t word = read_alone(words[i]);  // nor gathered on the stack first, for the same reason
        std::memcpy(to + offsetof(RecordHead, event) + i * sizeof word, &word, sizeof word);
    }
    // Not moved before the rest by the compiler: this process may be killed between any two stores.
    std::atomic_signal_fence(std::memory_order_seq_cst);
    std::memcpy(to, &size, sizeof size);
    return size;
}

/// The event of a record whose sum is right; its text is borrowed.
[[nodiscard]] core::Event event_of(const RecordHead& record, std::string_view text);
[[nodiscard]] std::uint64_t head_sum(const Head& head);

}  // namespace backplane::journal
