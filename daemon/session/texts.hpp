// SPDX-License-Identifier: Apache-2.0
/// The core's words as the public face's values.
#pragma once

#include "daemon/core/graph.hpp"
#include "daemon/core/types.hpp"

#include <backplane/link.hpp>

#include <string>
#include <string_view>

namespace backplane::session {

[[nodiscard]] inline Fault fault_value(const core::FaultRecord& record, std::string_view text) {
    Fault fault;
    fault.kind = record.kind;
    fault.root_kind = record.root_kind;
    fault.hops = record.hops;
    fault.argument = record.argument;
    fault.root_argument = record.root_argument;
    fault.cascade = record.cascade;
    fault.root = record.root;
    fault.text = text;
    return fault;
}

/// The root's own fault of a cascade.
[[nodiscard]] inline Fault root_fault_value(const core::FaultRecord& record) {
    Fault fault;
    fault.kind = record.root_kind;
    fault.argument = record.root_argument;
    return fault;
}

}  // namespace backplane::session
