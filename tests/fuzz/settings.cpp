// SPDX-License-Identifier: Apache-2.0
/// The configuration's reader: any bytes give settings or problems that can be shown on one line each.
#include "config/settings.hpp"
#include "tests/fuzz/target.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace backplane;
    const config::Reading reading = config::read_settings(fuzz::as_text(data, size), "fuzz.json");
    fuzz::hold(reading.errors.size() <= config::problems_max && reading.warnings.size() <= config::problems_max, "problems are bounded");
    for (const config::Problem& problem : reading.errors) {
        const std::string text = config::problem_text(problem);
        fuzz::hold(problem.line >= 1 && problem.column >= 1, "a problem has a place");
        fuzz::hold(text.find('\n') == std::string::npos && text.find('\x1b') == std::string::npos,
                   "a problem is one line that can be shown");
    }
    if (reading.ok()) {
        const std::string flat = core::encode_spec(reading.settings.root);
        const auto again = core::decode_spec(flat);
        fuzz::hold(again.has_value() && core::encode_spec(*again) == flat, "checked settings enter the core as they are");
    }
    return 0;
}
