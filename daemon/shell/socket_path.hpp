// SPDX-License-Identifier: Apache-2.0
/// Where the daemon listens. The order is: `--socket`, the configuration's `socket`, `$BACKPLANE_SOCKET`,
/// `/run/backplane/backplane.sock` for root, `$XDG_RUNTIME_DIR/backplane/backplane.sock` for others; else an error.
#pragma once

#include <backplane/expected.hpp>

#include <cstddef>
#include <cstdint>
#include <string>

namespace backplane::shell {

/// The longest path that a Unix socket's address holds.
inline constexpr std::size_t socket_path_bytes_max = 107;

/// All that the rule looks at, so that it can be tried without a machine. Empty means not given.
struct PathHints {
    std::string argument;        ///< `--socket`
    std::string configured;      ///< the configuration's `socket`
    std::string environment;     ///< `$BACKPLANE_SOCKET`
    std::string runtime_folder;  ///< `$XDG_RUNTIME_DIR`
    std::string working_folder;  ///< a relative path is taken from here, for workers run elsewhere
    std::uint32_t uid = 0;       ///< the daemon's own
};

/// The absolute path to listen at; `usage` where no rule gives one, or it is too long or holds a NUL.
[[nodiscard]] Expected<std::string> choose_socket_path(const PathHints& hints);

/// The hints of this process, with what the command line and the configuration said.
[[nodiscard]] PathHints path_hints(const std::string& argument, const std::string& configured);

/// The folder that a path lies in: everything before the last slash, `/` for the root's own entries.
[[nodiscard]] std::string folder_of(const std::string& path);

}  // namespace backplane::shell
