// SPDX-License-Identifier: Apache-2.0
/// Descriptor: an owned file descriptor, closed with its owner. Also the clock and errno's words, the library's other
/// small dealings with the system.
#pragma once

#include <backplane/error.hpp>
#include <backplane/ids.hpp>

#include <string_view>
#include <utility>

namespace backplane::client_detail {

class Descriptor {
  public:
    Descriptor() = default;
    explicit Descriptor(int fd) : fd_(fd) {}
    Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Descriptor& operator=(Descriptor&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    ~Descriptor();

    [[nodiscard]] int get() const { return fd_; }
    [[nodiscard]] explicit operator bool() const { return fd_ >= 0; }

  private:
    int fd_ = -1;
};

/// CLOCK_MONOTONIC.
[[nodiscard]] Instant now();

/// Milliseconds from now to `deadline` for poll, rounded up so that a wait never ends early: -1 for never, 0 if it is past.
[[nodiscard]] int poll_timeout(Instant deadline);

/// `system: CALL SUBJECT: words of errno`.
[[nodiscard]] Error system_error(std::string_view call, std::string_view subject = {});

}  // namespace backplane::client_detail
