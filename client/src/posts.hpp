// SPDX-License-Identifier: Apache-2.0
/// Posts: functions that other threads want run on a Client's thread. The one part of the library that threads share; a mutex guards
/// the list, and an event descriptor wakes the Client's loop.
#pragma once

#include "client/src/descriptor.hpp"
#include "client/src/fork_guard.hpp"

#include <backplane/expected.hpp>

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

namespace backplane {
class Client;
}

namespace backplane::client_detail {

class Posts {
  public:
    using Function = std::function<void(Client&)>;

    [[nodiscard]] static Expected<std::shared_ptr<Posts>> make();
    explicit Posts(Descriptor event) : event_(std::move(event)) {}

    /// From any thread. `closed` when the Client is, `wrong_process` in a forked child.
    Expected<void> post(Function function);
    /// Wakes whoever serves the Client, with nothing to run.
    void wake();

    // ---- for the Client's thread ----
    /// Readable while there is something to take.
    [[nodiscard]] int descriptor() const { return event_.get(); }
    [[nodiscard]] bool any() const { return woken_; }
    /// All that was posted, in order. No system call where nothing was.
    [[nodiscard]] std::vector<Function> take();
    /// Sleeps until something is posted, or `wake` is called.
    void wait() const;
    /// Nothing can be posted any more. What was and did not run is destroyed, outside the lock.
    void close();

  private:
    Descriptor event_;
    ForkGuard guard_;
    mutable std::mutex mutex_;
    std::vector<Function> functions_;
    std::atomic<bool> woken_ = false;  ///< set behind the descriptor's being readable, and taken back before it is read
    bool closed_ = false;
};

}  // namespace backplane::client_detail
