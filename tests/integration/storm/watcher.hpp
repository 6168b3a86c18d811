// SPDX-License-Identifier: Apache-2.0
/// A client that follows the log and monitors each incarnation of each worker: ends and restarts are all there, in order, each
/// with the status that was ordered, and the notice says the same.
#pragma once

#include "tests/integration/storm/board.hpp"

#include <sys/types.h>
#include <string>

namespace backplane::storm {

/// Forked; answers its pid. It ends by itself when all is seen after the storm, or is not in time.
pid_t start_watcher(Board& board, const std::string& socket);

}  // namespace backplane::storm
