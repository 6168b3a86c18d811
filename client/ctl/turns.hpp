// SPDX-License-Identifier: Apache-2.0
/// What concerns a supervisor's children in their order: the partition of a key (S-64), and restarts one after the other.
#pragma once

#include "client/ctl/arguments.hpp"

#include <backplane/client.hpp>

#include <string>

namespace backplane::ctl {

/// Each that was restarted on a line of its own.
[[nodiscard]] Expected<std::string> restart_in_turn(Client& client, const std::string& supervisor, const Arguments& arguments,
                                                    Within within);
/// The partition and its line.
[[nodiscard]] Expected<std::string> route_to(Client& client, const std::string& supervisor, const Arguments& arguments, Within within);

}  // namespace backplane::ctl
