// SPDX-License-Identifier: Apache-2.0
/// See alarm.hpp.
#include "client/src/alarm.hpp"

#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <algorithm>
#include <utility>

namespace backplane::client_detail {

Expected<void> Alarm::prepare(const Descriptor& epoll) {
    if (timer_) {
        return {};
    }
    Descriptor timer{::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)};
    epoll_event interest{};
    interest.events = EPOLLIN;
    if (!timer || ::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, timer.get(), &interest) != 0) {
        return unexpected(system_error("timerfd"));
    }
    timer_ = std::move(timer);
    return {};
}

void Alarm::set(Instant at) {
    if (!timer_ || at == at_) {
        return;
    }
    itimerspec when{};  // zero: off
    if (!at.is_never()) {
        const std::int64_t ns = std::max<std::int64_t>(at.ns, 1);
        when.it_value.tv_sec = ns / 1'000'000'000;
        when.it_value.tv_nsec = ns % 1'000'000'000;
    }
    // Setting it takes a ring that was not read back, too.
    ::timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &when, nullptr);
    at_ = at;
}

}  // namespace backplane::client_detail
