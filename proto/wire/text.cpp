// SPDX-License-Identifier: Apache-2.0
/// The scanner behind the UTF-8 rules.
#include "proto/wire/text.hpp"

#include <cstdint>

namespace backplane::wire {
namespace {

/// The length of the character at the front of `text`, which is not empty; 0 if it is not one. The second byte's range
/// depends on the first (Unicode, table 3-7): that is what keeps out surrogates and over-long forms.
std::size_t character_bytes(std::string_view text) {
    const auto at = [&text](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
    const std::uint8_t first = at(0);
    if (first < 0x80) {
        return 1;
    }
    if (first < 0xc2 || first > 0xf4) {
        return 0;
    }
    const std::size_t size = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if (text.size() < size) {
        return 0;
    }
    const std::uint8_t low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    const std::uint8_t high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    if (at(1) < low || at(1) > high) {
        return 0;
    }
    for (std::size_t i = 2; i < size; ++i) {
        if (at(i) < 0x80 || at(i) > 0xbf) {
            return 0;
        }
    }
    return size;
}

}  // namespace

std::size_t valid_utf8_prefix(std::string_view text) {
    std::size_t done = 0;
    while (done < text.size()) {
        const std::size_t size = character_bytes(text.substr(done));
        if (size == 0) {
            break;
        }
        done += size;
    }
    return done;
}

std::string repaired_utf8(std::string_view text) {
    std::string all;
    all.reserve(text.size());
    while (!text.empty()) {
        const std::size_t good = valid_utf8_prefix(text);
        all.append(text.substr(0, good));
        text.remove_prefix(good);
        if (!text.empty()) {
            all.push_back('?');
            text.remove_prefix(1);
        }
    }
    return all;
}

std::string_view cut_utf8(std::string_view text, std::size_t bytes_max) {
    return text.substr(0, valid_utf8_prefix(text.substr(0, bytes_max)));
}

}  // namespace backplane::wire
