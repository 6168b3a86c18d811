// SPDX-License-Identifier: Apache-2.0
/// Labels: what the owner of a Device says about it in `key=value` texts, for those who look at lists of Devices.
#pragma once

#include <backplane/expected.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace backplane {

/// Keys and values. A key begins with a letter or digit of ASCII, then also `_ . - /`; a value is UTF-8 without control
/// characters and may be empty. In lists they stand in the order of their keys.
using Labels = std::vector<std::pair<std::string, std::string>>;

inline constexpr std::size_t labels_per_device_max = 16;
inline constexpr std::size_t label_key_bytes_max = 63;
inline constexpr std::size_t label_value_bytes_max = 200;
inline constexpr std::size_t labels_bytes_max = 1024;  ///< all keys and values of one Device together

/// The one text that stands for these labels: a line `key=value` each, ended by a line feed, in the order of the keys. What may not
/// be labels gives an error of this `code` whose detail names the key, as in `labels.env: longer than 200 bytes`. That values are UTF-8
/// is for the caller to see to.
[[nodiscard]] Expected<std::string> labels_text(Labels labels, ErrorCode code);

/// Whether `labels_text` could have made this.
[[nodiscard]] bool is_labels_text(std::string_view text);

/// The labels in such a text. Lines that are none are left out.
[[nodiscard]] Labels read_labels(std::string_view text);

}  // namespace backplane
