// SPDX-License-Identifier: Apache-2.0
/// The questions of an incident: describe, why, impact.
#pragma once

#include "client/ctl/arguments.hpp"

#include <backplane/client.hpp>

#include <string>

namespace backplane::ctl {

/// The answer to `arguments.command`, as text or JSON. The name may be a line.
[[nodiscard]] Expected<std::string> diagnose(Client& client, const Arguments& arguments, Within within);

}  // namespace backplane::ctl
