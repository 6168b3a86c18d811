// SPDX-License-Identifier: Apache-2.0
/// What `child start` is to add, out of the command line: a file, stdin, or a JSON array of arguments.
#pragma once

#include "client/ctl/arguments.hpp"

#include <backplane/expected.hpp>
#include <backplane/values.hpp>

namespace backplane::ctl {

/// `usage` where the arguments are no array of strings, `system` where the file cannot be read.
[[nodiscard]] Expected<NewChild> read_new_child(const Arguments& arguments);

}  // namespace backplane::ctl
