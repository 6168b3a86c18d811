// SPDX-License-Identifier: Apache-2.0
/// The files that a configuration is made of.
#pragma once

#include "config/settings.hpp"

#include <backplane/expected.hpp>

#include <string>
#include <vector>

namespace backplane::shell {

/// The file at `path`, and behind it those of `conf.d` beside it: regular files called `*.json`, or links to such, none whose
/// name begins with a dot, in the order of their names' bytes. Together they have at most 16 MiB. What cannot be read is
/// `config_invalid`, except a `conf.d` that is not there.
[[nodiscard]] Expected<std::vector<config::SourceFile>> read_config_files(const std::string& path);

}  // namespace backplane::shell
