// SPDX-License-Identifier: Apache-2.0
/// The checks that need a whole tree: names unique and not too long as paths, links that lead somewhere, and the
/// combinations that load with a warning (S-3, S-40, S-43, decision 14).
#pragma once

#include "config/document.hpp"
#include "config/reader.hpp"

#include "daemon/core/spec.hpp"

#include <cstddef>

namespace backplane::config {

/// `node` is the object that `root` was read from. The reader's path must be the one that leads there.
/// Answers the number of children at all depths.
std::size_t check_tree(Reader& reader, const Node& node, const core::SupervisorSpec& root);

}  // namespace backplane::config
