// SPDX-License-Identifier: Apache-2.0
/// A command line as a supervised child.
#pragma once

#include "client/ctl/arguments.hpp"

#include <backplane/expected.hpp>
#include <backplane/values.hpp>

#include <string>

namespace backplane::ctl {

/// The name that `run` gives where none is given: the program's, with what no name may have replaced. `attempt`: 1 for the first; later
/// ones have the number behind.
[[nodiscard]] std::string name_to_try(const Arguments& arguments, unsigned attempt);

/// The child of this name: the program as the caller's PATH finds it, in the caller's directory, with PATH, TZ and the locale of the
/// caller's environment and what `--env` adds. `not_found` for a command that there is not, `usage` for a variable that has no value.
[[nodiscard]] Expected<NewChild> make_run_child(const Arguments& arguments, const std::string& name);

}  // namespace backplane::ctl
