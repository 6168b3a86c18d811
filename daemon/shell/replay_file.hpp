// SPDX-License-Identifier: Apache-2.0
/// `backplaned --replay`: a journal's file, read and never touched, whoever's it is and whether or not its daemon lives.
#pragma once

#include "daemon/shell/replay.hpp"

namespace backplane::shell {

/// Prints the journal at `options.name` on standard output, what is wrong with it on standard error. The exit code: 0, or 1.
[[nodiscard]] int replay_file(const ReplayOptions& options);

}  // namespace backplane::shell
