// SPDX-License-Identifier: Apache-2.0
/// The version of this release. A check compares it with the one in the root CMakeLists.txt.
#pragma once

#include <string_view>

namespace backplane {

inline constexpr int version_major = 0;
inline constexpr int version_minor = 1;
inline constexpr int version_patch = 0;
inline constexpr std::string_view version_text = "0.1.0";

}  // namespace backplane
