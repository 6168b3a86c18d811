// SPDX-License-Identifier: Apache-2.0
/// X-17 in whatever state a history has come to: somebody's death is rehearsed, and nothing of it may be left behind.
#pragma once

#include "daemon/core/engine.hpp"

#include <cstdint>
#include <string>

namespace backplane::sim {

/// Rehearses the death of one entry that the seed chooses. Answers what is wrong; empty: nothing is.
[[nodiscard]] std::string rehearse_somebody(const core::Engine& engine, Instant now, std::uint64_t seed);

}  // namespace backplane::sim
