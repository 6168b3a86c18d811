// SPDX-License-Identifier: Apache-2.0
/// NOTIFY_SOCKET of one worker: a datagram socket with a path of its own (decision 20).
///
/// The address is the identity, so whoever writes to it speaks for that worker, a short-lived `systemd-notify` too.
/// Datagrams are read plainly: descriptors that come with one are closed by the kernel and never collected, which is
/// also what the barrier of sd_notify waits for.
#pragma once

#include "daemon/process/descriptor.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace backplane::process {

/// A longer datagram is dropped whole and counted.
inline constexpr std::size_t notify_bytes_max = 4096;
/// A longer STATUS is cut, at the border of a character.
inline constexpr std::size_t notify_status_bytes_max = 200;

/// What a worker said, gathered over one or more datagrams. MAINPID and everything unknown are ignored.
struct Notification {
    bool ready = false;                 ///< READY=1
    bool stopping = false;              ///< STOPPING=1
    bool reloading = false;             ///< RELOADING=1
    bool watchdog = false;              ///< WATCHDOG=1: it is alive
    bool failing = false;               ///< WATCHDOG=trigger: it asks to be taken for hung
    std::optional<std::string> status;  ///< the last STATUS=: valid UTF-8 without control characters

    [[nodiscard]] bool says_nothing() const { return !ready && !stopping && !reloading && !watchdog && !failing && !status; }
};

/// Adds one datagram to what was said so far. False, and nothing changed, where it holds a NUL byte.
bool parse_notification(std::string_view datagram, Notification& said);

class NotifySocket {
  public:
    NotifySocket() = default;
    NotifySocket(NotifySocket&& other) noexcept;
    NotifySocket& operator=(NotifySocket&& other) noexcept;
    NotifySocket(const NotifySocket&) = delete;
    NotifySocket& operator=(const NotifySocket&) = delete;
    /// Closes the socket and removes its path.
    ~NotifySocket();

    /// Binds `path`, for its owner only. A socket that lies there is a dead daemon's and gives way; anything else stays
    /// and is EADDRINUSE. A path over 107 bytes is ENAMETOOLONG. Answers 0 or the errno.
    [[nodiscard]] int open(const std::string& path);
    void close();
    /// A socket that is bound at `path` already, by a program before this one; it is ours from here on. False, and closed, where it
    /// is bound elsewhere: another incarnation's.
    [[nodiscard]] bool take_over(int fd, std::string path);

    /// Takes up to `datagrams_max` waiting datagrams; never blocks. One that says READY is the last that is looked at, and stays
    /// where it is until `take_ready`, so that a program that dies before it has passed the word on takes nothing with it.
    [[nodiscard]] Notification read(std::size_t datagrams_max);
    /// Takes away the datagram that said READY.
    void take_ready();

    /// Lets this user write to it too: its path belongs to them from here on. Whoever may not give it away needs not to either.
    void give_to(std::uint32_t uid) const;

    [[nodiscard]] bool is_open() const { return static_cast<bool>(fd_); }
    /// Becomes readable when the worker spoke. Owned by this object.
    [[nodiscard]] int fd() const { return fd_.get(); }
    [[nodiscard]] const std::string& path() const { return path_; }
    /// Datagrams dropped for their length or a NUL byte.
    [[nodiscard]] std::uint64_t dropped() const { return dropped_; }

  private:
    void take_one();

    Descriptor fd_;
    std::string path_;
    std::uint64_t dropped_ = 0;
};

}  // namespace backplane::process
