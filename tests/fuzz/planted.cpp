// SPDX-License-Identifier: Apache-2.0
/// A target with a planted bug, which a run must find: it shows that drivers and sanitizers see what they should.
#include "tests/fuzz/target.hpp"

#include <memory>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size >= 4 && data[0] == 'b' && data[1] == 'u' && data[2] == 'g' && data[3] == '!') {
        const auto one = std::make_unique<std::uint8_t[]>(size);
        volatile std::uint8_t* behind = one.get() + size;
        *behind = data[3];  // A sanitizer ends the process here,
        std::abort();       // and this one does it where there is none.
    }
    return 0;
}
