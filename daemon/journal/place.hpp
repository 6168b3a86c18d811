// SPDX-License-Identifier: Apache-2.0
/// What a journal must know of its machine.
#pragma once

#include <string>

namespace backplane::journal {

/// Of the running kernel, 36 characters; empty where the kernel does not tell.
[[nodiscard]] std::string boot_id();

}  // namespace backplane::journal
