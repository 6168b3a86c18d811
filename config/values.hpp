// SPDX-License-Identifier: Apache-2.0
/// Taking one value over from the document. Each function answers false, and leaves the target as it was or unused, where
/// the value is not of the right kind or out of range; the reader then reports it from the row of the table.
#pragma once

#include "config/document.hpp"
#include "config/keys.hpp"

#include "daemon/core/spec.hpp"

#include <cstddef>
#include <cstdint>

namespace backplane::config {

/// A string without NUL: texts go to exec and open, where a NUL would end them silently.
[[nodiscard]] bool is_text(const Node& value);
/// A text that begins with a slash.
[[nodiscard]] bool is_absolute(const Node& value);

[[nodiscard]] bool take_duration(const Node& value, Duration& target);
/// Any number from `low` to `high`, both included.
[[nodiscard]] bool take_real(const Node& value, double low, double high, double& target);
[[nodiscard]] bool take_flag(const Node& value, bool& target);
/// One of the row's words, or the absolute path of a file.
[[nodiscard]] bool take_output(const Node& value, const KeyInfo& info, core::OutputSpec& target);

/// One of the row's words, which stand in the order of their enumerators; `first` is the first word's enumerator.
template <class E>
[[nodiscard]] bool take_word(const Node& value, const KeyInfo& info, E& target, std::uint8_t first = 0) {
    for (std::size_t i = 0; value.kind == NodeKind::string && i < info.words.size(); ++i) {
        if (info.words[i] == value.text) {
            target = static_cast<E>(i + first);
            return true;
        }
    }
    return false;
}

}  // namespace backplane::config
