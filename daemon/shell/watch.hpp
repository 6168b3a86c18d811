// SPDX-License-Identifier: Apache-2.0
/// uv_poll on one descriptor, with an owner. The callback only marks; the tick does the work (decision 22).
#pragma once

#include <uv.h>

#include <cstdint>

namespace backplane::shell {

/// What a watch may wait for and may report. `broken` is always reported: the kernel knows of an error or an end.
inline constexpr unsigned watch_readable = 1;
inline constexpr unsigned watch_writable = 2;
inline constexpr unsigned watch_broken = 4;

/// Whom a watch tells. `token` is what the owner gave to `start`.
class Watcher {
  public:
    virtual void on_ready(std::uint64_t token, unsigned events) noexcept = 0;

  protected:
    ~Watcher() = default;
};

/// The descriptor is borrowed and may be closed as soon as the watch is stopped. The libuv handle lives on until its loop has
/// closed it, so the loop must run once more after the last watch is gone.
class Watch {
  public:
    Watch() = default;
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;
    ~Watch() { stop(); }

    /// Begins to wait for `events` (0: for nothing yet). Answers 0 or a negative libuv error, and then watches nothing.
    [[nodiscard]] int start(uv_loop_t* loop, int fd, unsigned events, Watcher& watcher, std::uint64_t token);
    /// Waits for other events from now on. Costs nothing where they are the same.
    void change(unsigned events);
    void stop();
    [[nodiscard]] bool is_on() const { return handle_ != nullptr; }

  private:
    struct Handle;
    static void on_poll(uv_poll_t* poll, int status, int events) noexcept;
    Handle* handle_ = nullptr;
};

}  // namespace backplane::shell
