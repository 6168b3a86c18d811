// SPDX-License-Identifier: Apache-2.0
/// Descriptors from outside.
#include "daemon/shell/inherited.hpp"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <string>

namespace backplane::shell {
namespace {

/// CLOSE_RANGE_CLOEXEC, which older headers do not have. A kernel without it refuses; the process host then closes one by one.
constexpr unsigned close_on_exec = 1U << 2U;
/// SD_LISTEN_FDS_START.
constexpr int first_given = 3;
constexpr std::array<const char*, 3> variables{"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"};

}  // namespace

std::uint64_t number_of(const char* variable) {
    const char* text = std::getenv(variable);
    std::uint64_t number = 0;
    if (text != nullptr) {
        std::from_chars(text, text + std::strlen(text), number);
    }
    return number;
}

Inherited inherited() {
    Inherited given;
    if (number_of("LISTEN_PID") == static_cast<std::uint64_t>(getpid())) {
        const std::uint64_t count = number_of("LISTEN_FDS");
        // Whatever the number says, it ends with the first that is not open.
        for (int fd = first_given; given.listening.size() < count && fcntl(fd, F_GETFD) >= 0; ++fd) {
            given.listening.emplace_back(fd);
        }
    }
    for (const char* variable : variables) {
        unsetenv(variable);
    }
    (void)syscall(SYS_close_range, 3U, ~0U, close_on_exec);
    return given;
}

void bequeath(int listening) {
    if (listening != first_given) {
        dup2(listening, first_given);
    }
    fcntl(first_given, F_SETFD, 0);
    setenv("LISTEN_PID", std::to_string(getpid()).c_str(), 1);
    setenv("LISTEN_FDS", "1", 1);
}

}  // namespace backplane::shell
