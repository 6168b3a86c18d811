// SPDX-License-Identifier: Apache-2.0
/// The checks that need a whole tree: names unique and not too long as paths, links and requirements that lead somewhere,
/// no requirement that can never be met, and the combinations that load with a warning (S-3, S-40, S-43, S-51, X-6,
/// decision 14).
#pragma once

#include "config/document.hpp"
#include "config/reader.hpp"

#include "daemon/core/spec.hpp"

#include <cstddef>
#include <string_view>
#include <vector>

namespace backplane::config {

/// An object with `children`, and where it stands.
struct Source {
    std::size_t file = 0;
    std::string_view key;  ///< that leads there from the root of its file; empty: it is that root
    const Node* object = nullptr;
    const Node* element = nullptr;  ///< instead of an object: the only child itself
};

/// `sources` are the objects that the children of `root` were read from, in this order.
/// Answers the number of children at all depths.
std::size_t check_tree(Reader& reader, const std::vector<Source>& sources, const core::SupervisorSpec& root);

/// The same for one child that is to stand among others which are not known: `around` has it as its only child. What it links
/// to and requires is sought among siblings below it only, and may stand elsewhere. Without a name it is a dynamic one.
void check_child_tree(Reader& reader, const Node& element, const core::SupervisorSpec& around);

}  // namespace backplane::config
