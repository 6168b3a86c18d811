// SPDX-License-Identifier: Apache-2.0
/// The libuv side of a watch.
#include "daemon/shell/watch.hpp"

namespace backplane::shell {

struct Watch::Handle {
    uv_poll_t poll{};
    Watcher* watcher = nullptr;
    std::uint64_t token = 0;
    unsigned events = 0;
};

namespace {

int to_uv(unsigned events) {
    return ((events & watch_readable) != 0 ? UV_READABLE : 0) | ((events & watch_writable) != 0 ? UV_WRITABLE : 0);
}

}  // namespace

void Watch::on_poll(uv_poll_t* poll, int status, int events) noexcept {
    Handle& handle = *static_cast<Handle*>(poll->data);
    unsigned seen = 0;
    if (status < 0) {  // libuv has stopped the handle: without that an error would be reported for ever
        handle.events = 0;
        seen = watch_broken;
    }
    seen |= (events & UV_READABLE) != 0 ? watch_readable : 0U;
    seen |= (events & UV_WRITABLE) != 0 ? watch_writable : 0U;
    handle.watcher->on_ready(handle.token, seen);
}

int Watch::start(uv_loop_t* loop, int fd, unsigned events, Watcher& watcher, std::uint64_t token) {
    stop();
    auto* handle = new Handle;
    if (const int wrong = uv_poll_init(loop, &handle->poll, fd); wrong != 0) {
        delete handle;
        return wrong;
    }
    handle->poll.data = handle;
    handle->watcher = &watcher;
    handle->token = token;
    handle_ = handle;
    change(events);
    return 0;
}

void Watch::change(unsigned events) {
    if (handle_ == nullptr || handle_->events == events) {
        return;
    }
    handle_->events = events;
    if (events == 0) {
        uv_poll_stop(&handle_->poll);
    } else {
        uv_poll_start(&handle_->poll, to_uv(events), &Watch::on_poll);
    }
}

void Watch::stop() {
    if (handle_ == nullptr) {
        return;
    }
    uv_close(reinterpret_cast<uv_handle_t*>(&handle_->poll), [](uv_handle_t* closed) { delete static_cast<Handle*>(closed->data); });
    handle_ = nullptr;
}

}  // namespace backplane::shell
