// SPDX-License-Identifier: Apache-2.0
/// The files of a configuration as one text, which is how they go from daemon to daemon. A lone file is its own text, so that
/// a daemon of an earlier version understands it.
///
/// Several: the line `\0backplane-files 1`, then for each the line `NAME_BYTES TEXT_BYTES`, the name, the text and an end of
/// line. JSON holds no NUL, so nothing that can be read begins like this.
#pragma once

#include "config/settings.hpp"

#include <backplane/expected.hpp>

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace backplane::config {

[[nodiscard]] std::string pack_files(std::span<const SourceFile> files);

/// Takes any bytes, at least one file. `name` is that of a lone one. A text that begins as several and goes on otherwise is
/// `config_invalid`, and so is one of more than its bytes could hold.
[[nodiscard]] Expected<std::vector<SourceFile>> unpack_files(std::string_view packed, std::string_view name);

}  // namespace backplane::config
