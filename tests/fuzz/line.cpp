// SPDX-License-Identifier: Apache-2.0
/// Lines: a text that is taken is the only text of that line (D-10).
#include "tests/fuzz/target.hpp"

#include <backplane/ids.hpp>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace backplane;
    const std::string_view text = fuzz::as_text(data, size);
    if (const auto parts = parse_line(text)) {
        fuzz::hold(line_text(parts->epoch, parts->id) == text, "a line has one text");
        fuzz::hold(parts->id.generation() != 0, "no line names generation 0");
    }
    return 0;
}
