// SPDX-License-Identifier: Apache-2.0
/// The core's words as the public face's values.
#pragma once

#include "daemon/core/graph.hpp"
#include "daemon/core/supervision.hpp"
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

/// The `kind` of PROTOCOL.md section 6 that an entry shows, whether it has a Device or not.
[[nodiscard]] inline std::string_view kind_name(const core::ChildView& view) {
    return view.is_supervisor ? "supervisor" : view.is_task ? "task" : "process";
}

/// That of a Device, live or down: by its entry in the tree if it has one, else it is a client's task.
[[nodiscard]] inline std::string_view kind_name(const core::Device& device) {
    switch (static_cast<core::DeviceKind>(device.traits & 3U)) {
        case core::DeviceKind::process: return "process";
        case core::DeviceKind::supervisor: return "supervisor";
        case core::DeviceKind::task:
        case core::DeviceKind::internal: break;
    }
    return "task";
}

/// The root's own fault of a cascade.
[[nodiscard]] inline Fault root_fault_value(const core::FaultRecord& record) {
    Fault fault;
    fault.kind = record.root_kind;
    fault.argument = record.root_argument;
    return fault;
}

}  // namespace backplane::session
