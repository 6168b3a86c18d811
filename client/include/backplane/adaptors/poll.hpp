// SPDX-License-Identifier: Apache-2.0
/// PollLoop: Clients and other descriptors in one plain poll(2) loop, for programs that have no loop of their own. Optional and
/// header-only.
///
///     backplane::adaptors::PollLoop loop;
///     loop.serve(client);
///     loop.watch(STDIN_FILENO, POLLIN, [&](short) { loop.stop(); });
///     loop.run();
#pragma once

#include <backplane/client.hpp>

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

namespace backplane::adaptors {

/// Belongs to one thread. Clients must outlive it and stay where they are.
class PollLoop {
  public:
    /// Dispatches the Client whenever it has something to do, and calls `after` then. It is left out when its connection is over.
    void serve(Client& client, std::function<void(Client&)> after = {}) {
        const int fd = client.fd();
        watch(fd, POLLIN, [this, fd, &client, after = std::move(after)](short) {
            if (!client.dispatch()) {
                forget(fd);
            }
            if (after) {
                after(client);
            }
        });
    }

    /// Calls `ready` with what poll found, whenever it finds one of `events`, an error or the end. Replaces what was there for `fd`.
    void watch(int fd, short events, std::function<void(short)> ready) {
        forget(fd);
        watched_.push_back({fd, events, std::make_shared<std::function<void(short)>>(std::move(ready))});
    }

    /// May be called from anywhere within the loop; nothing is called for `fd` any more.
    void forget(int fd) {
        std::erase_if(watched_, [fd](const Watched& watched) { return watched.fd == fd; });
    }

    /// One turn: waits for the first of what is watched, at most `within`, and calls whoever is ready. False if nobody was.
    Expected<bool> turn(Within within = Within::forever()) {
        std::vector<pollfd> found;
        for (const Watched& watched : watched_) {
            found.push_back({watched.fd, watched.events, 0});
        }
        if (::poll(found.data(), found.size(), milliseconds(within)) < 0) {
            return errno == EINTR ? Expected<bool>{false} : unexpected(ErrorCode::system, "poll");
        }
        bool any = false;
        for (const pollfd& one : found) {
            // Looked for anew each time: whoever was called before may have changed what is watched.
            const auto at = std::find_if(watched_.begin(), watched_.end(), [&](const Watched& watched) { return watched.fd == one.fd; });
            if (one.revents != 0 && at != watched_.end()) {
                any = true;
                const auto ready = at->ready;
                (*ready)(one.revents);
            }
        }
        return any;
    }

    /// Turns until `stop` is called or nothing is watched any more.
    Expected<void> run() {
        stopped_ = false;
        while (!stopped_ && !watched_.empty()) {
            if (auto turned = turn(); !turned) {
                return unexpected(turned.error());
            }
        }
        return {};
    }
    void stop() { stopped_ = true; }

  private:
    struct Watched {
        int fd;
        short events;
        std::shared_ptr<std::function<void(short)>> ready;
    };

    /// Rounded up, so that a wait never ends early; what poll cannot count is for ever.
    static int milliseconds(Within within) {
        const std::int64_t ms = within.length.ns / 1'000'000 + (within.length.ns % 1'000'000 > 0 ? 1 : 0);
        return within.length.is_forever() || ms > 1'000'000'000 ? -1 : static_cast<int>(std::max<std::int64_t>(ms, 0));
    }

    std::vector<Watched> watched_;
    bool stopped_ = false;
};

}  // namespace backplane::adaptors
