// SPDX-License-Identifier: Apache-2.0
/// The wire samples of tests/vectors as the tests read them. Each file holds samples of one frame type: `hex` are the bytes
/// on the wire, `fields` what they say, `error` and `field` how a wrong one must be refused.
#pragma once

#include "proto/wire/codec.hpp"

#include <nlohmann/json.hpp>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

#ifndef BP_SOURCE_DIR
#define BP_SOURCE_DIR "."  // the build names the checkout; by itself this file is only read
#endif

namespace backplane::wire {

using nlohmann::json;

inline std::string read_text(const std::string& path_below_root) {
    const std::ifstream file(std::string{BP_SOURCE_DIR} + "/" + path_below_root, std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

inline json read_samples(const std::string& file) { return json::parse(read_text("tests/vectors/" + file)); }

inline std::string from_hex(const std::string& hex) {
    std::string bytes;
    for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
        bytes.push_back(static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16)));
    }
    return bytes;
}

inline std::string to_hex(std::string_view bytes) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string hex;
    for (const char c : bytes) {
        hex.push_back(digits[static_cast<unsigned char>(c) >> 4]);
        hex.push_back(digits[static_cast<unsigned char>(c) & 15]);
    }
    return hex;
}

inline Bytes as_bytes(std::string_view text) { return {reinterpret_cast<const std::byte*>(text.data()), text.size()}; }

/// `GENERATION.SLOT`, or null for no Device: how the samples of hot frames write ids, which JSON's numbers cannot hold.
inline json id_text(DeviceId id) {
    if (!id) {
        return nullptr;
    }
    const std::string line = line_text(Epoch{1}, id);
    return line.substr(line.find('.') + 1);
}

inline std::string_view kind_name(FaultKind kind) {
    constexpr std::string_view names[] = {"none", "drop", "error", "cascade", "exit", "signal", "timeout", "killed", "unreachable"};
    return names[static_cast<std::size_t>(kind)];
}

/// The epoch of all lines in the samples.
inline constexpr Epoch sample_epoch{0x9f3ac41d20b7e655};

/// The type behind a frame's name; a test fails before it gets here with a name that does not exist.
inline FrameType type_of(std::string_view name) {
    for (std::uint16_t number = 0; number < 0x200; ++number) {
        if (frame_name(static_cast<FrameType>(number)) == name) {
            return static_cast<FrameType>(number);
        }
    }
    std::abort();
}

}  // namespace backplane::wire
