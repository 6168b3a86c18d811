// SPDX-License-Identifier: Apache-2.0
/// See posts.hpp.
#include "client/src/posts.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <cstdint>
#include <utility>

namespace backplane::client_detail {

Expected<std::shared_ptr<Posts>> Posts::make() {
    Descriptor event{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    if (!event) {
        return unexpected(system_error("eventfd"));
    }
    return std::make_shared<Posts>(std::move(event));
}

Expected<void> Posts::post(Function function) {
    if (!guard_.is_same_process()) {
        return unexpected(ErrorCode::wrong_process, "this connection belongs to the process that opened it");
    }
    {
        const std::lock_guard lock{mutex_};
        if (closed_) {
            return unexpected(ErrorCode::closed, "the client is closed");
        }
        functions_.push_back(std::move(function));
    }
    wake();
    return {};
}

void Posts::wake() {
    const std::uint64_t one = 1;
    // Full means that it is readable, which is all that is wanted.
    static_cast<void>(::write(event_.get(), &one, sizeof(one)) == sizeof(one));
    woken_ = true;
}

std::vector<Posts::Function> Posts::take() {
    if (!woken_.exchange(false)) {
        return {};
    }
    // Read before the list is taken: whoever posts in between makes it readable again.
    std::uint64_t count = 0;
    static_cast<void>(::read(event_.get(), &count, sizeof(count)) == sizeof(count));
    const std::lock_guard lock{mutex_};
    return std::exchange(functions_, {});
}

void Posts::wait() const {
    pollfd watched{event_.get(), POLLIN, 0};
    static_cast<void>(::poll(&watched, 1, -1));
}

void Posts::close() {
    std::vector<Function> dropped;
    const std::lock_guard lock{mutex_};
    closed_ = true;
    dropped.swap(functions_);
}

}  // namespace backplane::client_detail
