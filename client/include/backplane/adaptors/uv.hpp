// SPDX-License-Identifier: Apache-2.0
/// UvClient: a Client in a libuv loop. Optional and header-only: include it and link with libuv.
///
///     backplane::adaptors::UvClient serving{uv_default_loop(), client};
///     uv_run(uv_default_loop(), UV_RUN_DEFAULT);
#pragma once

#include <backplane/client.hpp>

#include <uv.h>

#include <functional>
#include <utility>

namespace backplane::adaptors {

/// Calls `client.dispatch()` whenever the loop finds that it has something to do: nothing else need be done for coroutines, posts,
/// timers and the way back after a crash of the daemon. Belongs to the loop's thread. The Client must outlive it and stay where it
/// is. While it lives it keeps the loop running, as any active handle does; when the connection is over it does not.
class UvClient {
  public:
    using After = std::function<void(Client&)>;

    /// `after`: called behind each dispatch, for those who look at messages and events themselves; may destroy this.
    UvClient(uv_loop_t* loop, Client& client, After after = {}) : inside_(new Inside{{}, &client, std::move(after), 0}) {
        inside_->poll.data = inside_;
        inside_->status = uv_poll_init(loop, &inside_->poll, client.fd());
        if (inside_->status == 0) {
            inside_->status = uv_poll_start(&inside_->poll, UV_READABLE, on_readable);
        } else {
            delete std::exchange(inside_, nullptr);  // a handle that was never one cannot be closed
        }
    }
    UvClient(const UvClient&) = delete;
    UvClient& operator=(const UvClient&) = delete;
    /// From here nothing is called any more. The loop frees the handle when it turns next.
    ~UvClient() {
        if (inside_ != nullptr) {
            inside_->client = nullptr;
            uv_close(reinterpret_cast<uv_handle_t*>(&inside_->poll),
                     [](uv_handle_t* handle) { delete static_cast<Inside*>(handle->data); });
        }
    }

    /// Whether the loop serves the Client; false if libuv could not watch its descriptor.
    [[nodiscard]] explicit operator bool() const { return inside_ != nullptr && inside_->status == 0; }

  private:
    /// Lives until the loop has closed the handle.
    struct Inside {
        uv_poll_t poll;
        Client* client;
        After after;
        int status;
    };

    static void on_readable(uv_poll_t* poll, int, int) noexcept {
        auto* inside = static_cast<Inside*>(poll->data);
        if (inside->client == nullptr) {
            return;
        }
        const bool goes_on = inside->client->dispatch().has_value();
        if (!goes_on) {
            uv_poll_stop(poll);
        }
        if (inside->client != nullptr && inside->after) {
            inside->after(*inside->client);
        }
    }

    Inside* inside_;
};

}  // namespace backplane::adaptors
