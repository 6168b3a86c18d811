// SPDX-License-Identifier: Apache-2.0
/// What every fuzz target shares. A target is one file that defines LLVMFuzzerTestOneInput; it links libFuzzer under clang,
/// or driver.cpp under any compiler. It ends the process when a promise is broken and says nothing otherwise.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace backplane::fuzz {

/// Ends the process with a word about the promise that does not hold for this input.
inline void hold(bool promise, const char* otherwise) {
    if (!promise) {
        std::fprintf(stderr, "broken promise: %s\n", otherwise);
        std::abort();
    }
}

inline std::string_view as_text(const std::uint8_t* data, std::size_t size) { return {reinterpret_cast<const char*>(data), size}; }

inline std::span<const std::byte> as_bytes(std::string_view text) { return {reinterpret_cast<const std::byte*>(text.data()), text.size()}; }

}  // namespace backplane::fuzz
