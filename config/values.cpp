// SPDX-License-Identifier: Apache-2.0
/// The kinds of values that more than one key takes.
#include "config/values.hpp"

#include "config/words.hpp"

namespace backplane::config {

bool is_text(const Node& value) { return value.kind == NodeKind::string && value.text.find('\0') == std::string::npos; }

bool is_absolute(const Node& value) { return is_text(value) && value.text.starts_with('/'); }

bool take_duration(const Node& value, Duration& target) {
    const auto duration = value.kind == NodeKind::string ? parse_duration(value.text) : std::nullopt;
    if (duration) {
        target = *duration;
    }
    return duration.has_value();
}

bool take_real(const Node& value, double low, double high, double& target) {
    const bool number = value.kind == NodeKind::natural || value.kind == NodeKind::real;
    if (!number || value.real < low || value.real > high) {
        return false;
    }
    target = value.real;
    return true;
}

bool take_flag(const Node& value, bool& target) {
    target = value.flag;
    return value.kind == NodeKind::boolean;
}

bool take_output(const Node& value, const KeyInfo& info, core::OutputSpec& target) {
    if (take_word(value, info, target.kind)) {
        return true;
    }
    if (!is_absolute(value)) {
        return false;
    }
    target.kind = core::OutputKind::file;
    target.path = value.text;
    return true;
}

}  // namespace backplane::config
