// SPDX-License-Identifier: Apache-2.0
/// What depends on several keys at once: combinations that are refused, and defaults that another key decides.
#pragma once

#include "config/document.hpp"
#include "config/keys.hpp"
#include "config/reader.hpp"

#include "daemon/core/spec.hpp"

namespace backplane::config {

/// Whether the supervisor's children stand in a list, rather than being made out of a template.
[[nodiscard]] bool has_list(const core::SupervisorSpec& supervisor);

/// `node` is the object that `supervisor` was read from; `sound`: nothing in it was wrong so far. False: its children are not
/// those that the object says (bad_start_spec).
bool check_supervisor(Reader& reader, const Node& node, bool is_root, bool sound, const core::SupervisorSpec& supervisor);

/// The same for a child. Sets what the child takes from its kind (S-2) and from its supervisor.
void check_child(Reader& reader, const Node& node, const Surroundings& around, bool sound, core::ChildSpec& child);

}  // namespace backplane::config
