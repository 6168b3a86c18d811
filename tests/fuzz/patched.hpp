// SPDX-License-Identifier: Apache-2.0
/// Inputs for decoders of our own images: a built-in right image, damaged as the input says. The images are made by the
/// encoders of this very build, so the corpus does not age with the format.
#pragma once

#include "tests/fuzz/target.hpp"

#include <string>

namespace backplane::fuzz {

/// The input behind its first byte is a list of changes: u16 place, u8 kind, u8 value. Kinds: set, add, cut here, insert.
inline std::string patched(std::string image, std::string_view changes) {
    while (changes.size() >= 4 && !image.empty()) {
        const auto byte = [&changes](std::size_t i) { return static_cast<unsigned char>(changes[i]); };
        const std::size_t place = (byte(0) | static_cast<std::size_t>(byte(1)) << 8) % image.size();
        const char value = changes[3];
        switch (byte(2) % 8) {
            case 0: image.insert(place, 1, value); break;
            case 1: image.resize(place); break;
            case 2: image[place] = static_cast<char>(static_cast<unsigned char>(image[place]) + byte(3)); break;
            default: image[place] = value; break;
        }
        changes.remove_prefix(4);
    }
    return image;
}

}  // namespace backplane::fuzz
