// SPDX-License-Identifier: Apache-2.0
/// The commands of backplanectl: what each asks of the library and which exit code its outcome has.
#pragma once

#include "client/ctl/arguments.hpp"

namespace backplane::ctl {

/// Carries the command out, with its output on stdout and its error on stderr (on stdout with --json). Answers the exit
/// code: 0 done, 1 failed, 2 usage, 3 not in the asked state, 4 no such device, 5 timed out, 6 not permitted, 7 daemon
/// unreachable. A reader of stdout that goes away ends it quietly with 0.
[[nodiscard]] int run(const Arguments& arguments);

}  // namespace backplane::ctl
