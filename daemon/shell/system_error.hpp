// SPDX-License-Identifier: Apache-2.0
/// What the system refused, in its own words.
#pragma once

#include <backplane/expected.hpp>

#include <cerrno>
#include <cstring>
#include <string>

namespace backplane::shell {

/// `WHAT: No such file or directory`, as an error of kind `system`.
[[nodiscard]] inline Unexpected system_error(const std::string& what, int error_number = errno) {
    return unexpected(ErrorCode::system, what + ": " + std::strerror(error_number));
}

}  // namespace backplane::shell
