// SPDX-License-Identifier: Apache-2.0
/// Reading the kernel's clocks and its random source.
#include "daemon/shell/clock.hpp"

#include <sys/random.h>

#include <cerrno>
#include <ctime>

namespace backplane::shell {
namespace {

constexpr std::int64_t ns_per_second = 1'000'000'000;
constexpr std::int64_t ns_per_ms = 1'000'000;

timespec read(clockid_t which) {
    timespec t{};
    clock_gettime(which, &t);
    return t;
}

}  // namespace

Moment read_clock() {
    const timespec mono = read(CLOCK_MONOTONIC);
    const timespec wall = read(CLOCK_REALTIME);
    return {Instant{mono.tv_sec * ns_per_second + mono.tv_nsec}, wall.tv_sec * 1'000'000 + wall.tv_nsec / 1'000};
}

std::uint64_t random_bits() {
    std::uint64_t bits = 0;
    // So few bytes come whole or not at all; only a signal can interrupt the wait for the first entropy after boot.
    while (getrandom(&bits, sizeof bits, 0) != static_cast<ssize_t>(sizeof bits) && errno == EINTR) {
    }
    return bits;
}

std::int64_t milliseconds_until(Instant deadline, Instant now) {
    if (deadline.is_never()) {
        return -1;
    }
    if (deadline <= now) {
        return 0;
    }
    const std::int64_t left = (deadline - now).ns;
    return left / ns_per_ms + (left % ns_per_ms != 0 ? 1 : 0);
}

}  // namespace backplane::shell
