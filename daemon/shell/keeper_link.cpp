// SPDX-License-Identifier: Apache-2.0
/// Messages of message.hpp, one after the other.
#include "daemon/shell/keeper_link.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>

#include <algorithm>
#include <utility>

namespace backplane::shell {

using keeper::Kind;
using keeper::Message;

namespace {

/// A keeper says these things before it goes back to sleep.
constexpr int welcome_ms = 5000;

/// As many descriptors as the machine lets us have, until it goes: what a keeper holds may be more than the soft limit, which says what
/// workers are meant to get.
class ManyDescriptors {
  public:
    ManyDescriptors() {
        getrlimit(RLIMIT_NOFILE, &before_);
        const rlimit all{before_.rlim_max, before_.rlim_max};
        setrlimit(RLIMIT_NOFILE, &all);
    }
    ManyDescriptors(const ManyDescriptors&) = delete;
    ManyDescriptors& operator=(const ManyDescriptors&) = delete;
    ~ManyDescriptors() { setrlimit(RLIMIT_NOFILE, &before_); }

  private:
    rlimit before_{};
};

}  // namespace

Expected<std::unique_ptr<KeeperLink>> KeeperLink::open(process::Descriptor control) {
    fcntl(control.get(), F_SETFD, FD_CLOEXEC);
    std::unique_ptr<KeeperLink> link{new KeeperLink{std::move(control)}};
    const ManyDescriptors room;
    bool is_all = false;
    while (!is_all) {
        keeper::Incoming incoming;
        const keeper::Received received = keeper::receive_message(link->fd(), incoming);
        pollfd more{link->fd(), POLLIN, 0};
        if (received == keeper::Received::nothing && poll(&more, 1, welcome_ms) > 0) {
            continue;
        }
        if (received != keeper::Received::message || !link->take_first(incoming, is_all)) {
            return unexpected(ErrorCode::unreachable, "the keeper at descriptor 3 does not say what a keeper says");
        }
    }
    return link;
}

std::unique_ptr<KeeperLink> KeeperLink::take_over(process::Descriptor control, std::int32_t pid, std::uint64_t restarts,
                                                  std::uint64_t stops) {
    fcntl(control.get(), F_SETFD, FD_CLOEXEC);
    std::unique_ptr<KeeperLink> link{new KeeperLink{std::move(control)}};
    link->pid_ = pid;
    link->restarts_ = restarts;
    link->stops_ = stops;
    return link;
}

bool KeeperLink::take_first(const keeper::Incoming& incoming, bool& is_all) {
    const Message& message = incoming.message;
    process::Descriptor descriptor{incoming.descriptor};
    switch (message.kind) {
        case Kind::welcome:
            pid_ = message.pid;
            restarts_ = message.number;
            stops_ = static_cast<std::uint64_t>(message.how);
            return message.status == keeper::protocol_version;
        case Kind::held: held_[message.number] = std::move(descriptor); return true;
        case Kind::all_held: is_all = true; return pid_ != 0;
        default: return false;
    }
}

process::Descriptor KeeperLink::take_held(std::uint64_t key) {
    const auto found = held_.find(key);
    if (found == held_.end()) {
        return {};
    }
    process::Descriptor taken = std::move(found->second);
    held_.erase(found);
    return taken;
}

std::vector<std::uint64_t> KeeperLink::held_from(std::uint64_t first) const {
    std::vector<std::uint64_t> keys;
    for (auto held = held_.lower_bound(first); held != held_.end(); ++held) {
        keys.push_back(held->first);
    }
    return keys;
}

void KeeperLink::drop_untaken(std::uint64_t first) {
    const auto begin = held_.lower_bound(first);
    for (auto held = begin; held != held_.end(); ++held) {
        drop(held->first);
    }
    held_.erase(begin, held_.end());
}

std::vector<Message> KeeperLink::receive() {
    send_waiting();
    std::vector<Message> messages;
    for (;;) {
        keeper::Incoming incoming;
        switch (keeper::receive_message(fd(), incoming)) {
            case keeper::Received::nothing: return messages;
            case keeper::Received::closed: is_gone_ = true; return messages;
            case keeper::Received::malformed: break;
            case keeper::Received::message: {
                const process::Descriptor unwanted{incoming.descriptor};
                if (incoming.message.kind == Kind::stop) {
                    stops_ = std::max(stops_, incoming.message.number);
                } else {
                    messages.push_back(incoming.message);
                }
                break;
            }
        }
    }
}

void KeeperLink::hold(std::uint64_t key, int descriptor) {
    Message message{Kind::hold};
    message.number = key;
    say(message, descriptor);
}

void KeeperLink::notify(std::string_view text) {
    const std::string_view part = text.substr(0, keeper::text_bytes_max);
    say(Message{Kind::notify}, -1, part);
}

void KeeperLink::say(const Message& message, int descriptor, std::string_view text) {
    if (is_gone_) {
        return;
    }
    const bool first = unsent_.empty();
    if (first && keeper::send_message(fd(), message, descriptor, text.data(), text.size()) != keeper::Sent::full) {
        return;  // a keeper that is gone shows when something is received
    }
    process::Descriptor kept;
    if (descriptor >= 0) {
        kept.reset(fcntl(descriptor, F_DUPFD_CLOEXEC, 3));
    }
    unsent_.push_back(Unsent{message, std::move(kept), std::string{text}});
}

void KeeperLink::send_waiting() {
    while (!unsent_.empty()) {
        const Unsent& first = unsent_.front();
        if (keeper::send_message(fd(), first.message, first.descriptor.get(), first.text.data(), first.text.size()) == keeper::Sent::full) {
            return;
        }
        unsent_.pop_front();
    }
}

}  // namespace backplane::shell
