// SPDX-License-Identifier: Apache-2.0
/// The configuration's reader: any bytes give settings or problems that can be shown on one line each. Bytes that begin as
/// several files are read as such, and come back from being packed again. Children come back from being written, and the bytes
/// are also read as one child.
#include "config/settings.hpp"
#include "config/bundle.hpp"
#include "config/child_text.hpp"
#include "config/document.hpp"
#include "tests/fuzz/target.hpp"

#include <algorithm>

namespace {

using namespace backplane;

void hold_packing(const std::vector<config::SourceFile>& files) {
    const auto again = config::unpack_files(config::pack_files(files), files.front().name);
    const auto same = [](const config::SourceFile& a, const config::SourceFile& b) { return a.name == b.name && a.text == b.text; };
    fuzz::hold(again.has_value() && std::equal(files.begin(), files.end(), again->begin(), again->end(), same), "packed files come back");
}

constexpr std::uint32_t cpus = 3;

/// Comes back as it was. Instances and escapes can make more text than a document may have, so that is no matter.
void hold_writing(const core::ChildSpec& child, const core::SupervisorSpec& among) {
    const std::string text = config::child_text(child);
    const auto again = config::read_child_text(text, among, cpus);
    if (text.size() <= config::document_bytes_max) {
        fuzz::hold(again.has_value() && core::encode_child(*again) == core::encode_child(child), "a written child comes back");
    }
}

void hold_child(std::string_view text) {
    core::SupervisorSpec among;
    among.strategy = core::Strategy::dynamic;
    const auto child = config::read_child_text(text, among, cpus);
    if (child) {
        hold_writing(*child, among);
        return;
    }
    fuzz::hold(child.error().code == ErrorCode::bad_spec, "what is no child is refused as such");
    fuzz::hold(child.error().detail.find_first_of("\n\x1b") == std::string::npos, "a refusal is one line that can be shown");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    hold_child(fuzz::as_text(data, size));
    const auto files = config::unpack_files(fuzz::as_text(data, size), "fuzz.json");
    if (!files) {
        fuzz::hold(files.error().code == ErrorCode::config_invalid, "what was not packed is refused as such");
        return 0;
    }
    hold_packing(*files);
    const config::Reading reading = config::read_settings(*files, cpus);
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
        for (const core::ChildSpec& child : reading.settings.root.children) {
            hold_writing(child, reading.settings.root);
        }
    }
    return 0;
}
