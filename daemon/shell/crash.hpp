// SPDX-License-Identifier: Apache-2.0
/// Ending as a crash would, where nothing better can be done: nobody is told anything and nothing is taken away, so that the daemon that
/// the keeper starts next takes all of it up (T-10). An end in good order would end the workers too.
#pragma once

#include <string_view>

namespace backplane::shell {

[[noreturn]] void crash(std::string_view why);

/// From here on an allocation that finds no memory is a crash (threats.md), whoever makes it: C++ or libuv. An exception would unwind,
/// and what is unwound ends in good order. Call before anything of libuv is used.
void crash_without_memory();

}  // namespace backplane::shell
