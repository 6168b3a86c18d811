// SPDX-License-Identifier: Apache-2.0
/// See descriptor.hpp.
#include "client/src/descriptor.hpp"

#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <climits>
#include <ctime>
#include <system_error>

namespace backplane::client_detail {

Descriptor::~Descriptor() {
    if (fd_ >= 0) {
        ::close(fd_);
    }
}

Instant now() {
    timespec time{};
    ::clock_gettime(CLOCK_MONOTONIC, &time);
    return Instant{static_cast<std::int64_t>(time.tv_sec) * 1'000'000'000 + time.tv_nsec};
}

int poll_timeout(Instant deadline) {
    if (deadline.is_never()) {
        return -1;
    }
    const std::int64_t left = std::max<std::int64_t>((deadline - now()).ns, 0);
    return static_cast<int>(std::min<std::int64_t>((left + 999'999) / 1'000'000, INT_MAX));
}

Error system_error(std::string_view call, std::string_view subject) {
    const int number = errno;
    Error error{ErrorCode::system, std::string{call}};
    if (!subject.empty()) {
        error.detail.append(" ").append(subject);
    }
    // generic_category().message is thread-safe, which strerror is not.
    error.detail.append(": ").append(std::generic_category().message(number));
    return error;
}

}  // namespace backplane::client_detail
