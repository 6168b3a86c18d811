// SPDX-License-Identifier: Apache-2.0
/// Output: writes whole lines to a descriptor at once, so that a follower sees each event as it happens.
#pragma once

#include <string_view>

namespace backplane::ctl {

enum class Written { all, reader_gone, failed };

/// Writes all of `text`. The program must ignore SIGPIPE.
[[nodiscard]] Written write_all(int descriptor, std::string_view text);

}  // namespace backplane::ctl
