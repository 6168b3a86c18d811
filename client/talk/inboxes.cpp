// SPDX-License-Identifier: Apache-2.0
/// See inboxes.hpp.
#include "client/talk/inboxes.hpp"

#include <algorithm>
#include <utility>

namespace backplane::talk {

namespace {

constexpr std::size_t order_min = 1024;

}  // namespace

void Inboxes::close(DeviceId id) {
    if (const auto found = boxes_.find(id.value); found != boxes_.end()) {
        wakes_.wake(found->second.waiter);
        boxes_.erase(found);
    }
}

bool Inboxes::is_live(DeviceId id) const {
    const auto found = boxes_.find(id.value);
    return found != boxes_.end() && !found->second.ending;
}

const Ending* Inboxes::ending(DeviceId id) const {
    const auto found = boxes_.find(id.value);
    return found != boxes_.end() && found->second.ending ? &*found->second.ending : nullptr;
}

bool Inboxes::put(DeviceId to, Message message) {
    const auto found = boxes_.find(to.value);
    if (found == boxes_.end() || found->second.ending) {
        return false;
    }
    found->second.messages.push_back(std::move(message));
    wakes_.wake(found->second.waiter);
    if (trim_at_ != 0) {
        order_.push_back(to);
        if (order_.size() >= trim_at_) {
            trim_order();
        }
    }
    return true;
}

std::optional<Message> Inboxes::take(DeviceId id) {
    const auto found = boxes_.find(id.value);
    if (found == boxes_.end() || found->second.head == found->second.messages.size()) {
        return std::nullopt;
    }
    Box& box = found->second;
    std::optional<Message> message{std::move(box.messages[box.head])};
    box.head += 1;
    box.passed += trim_at_ != 0 ? 1U : 0U;
    if (box.head == box.messages.size()) {
        box.messages.clear();
        box.head = 0;
    }
    return message;
}

bool Inboxes::has_message(DeviceId id) const {
    const auto found = boxes_.find(id.value);
    return found != boxes_.end() && found->second.head != found->second.messages.size();
}

bool Inboxes::wait(DeviceId id, Ticket ticket) {
    const auto found = boxes_.find(id.value);
    if (found == boxes_.end() || found->second.waiter != 0) {
        return false;
    }
    found->second.waiter = ticket;
    return true;
}

void Inboxes::stop_waiting(DeviceId id, Ticket ticket) {
    const auto found = boxes_.find(id.value);
    if (found != boxes_.end() && found->second.waiter == ticket) {
        found->second.waiter = 0;
    }
}

std::optional<std::pair<DeviceId, Message>> Inboxes::take_any() {
    if (trim_at_ == 0) {
        begin_order();
    }
    while (!order_.empty()) {
        const DeviceId id = order_.front();
        order_.pop_front();
        const auto found = boxes_.find(id.value);
        if (found == boxes_.end()) {
            continue;
        }
        if (found->second.passed != 0) {
            found->second.passed -= 1;
            continue;
        }
        if (auto message = take(id)) {
            found->second.passed -= 1;  // its entry is this one, and gone
            return std::pair{id, std::move(*message)};
        }
    }
    return std::nullopt;
}

void Inboxes::begin_order() {
    for (const auto& [id, box] : boxes_) {
        order_.insert(order_.end(), box.messages.size() - box.head, DeviceId{id});
    }
    trim_at_ = std::max(order_min, 2 * order_.size());
}

void Inboxes::trim_order() {
    std::erase_if(order_, [this](DeviceId id) {
        const auto found = boxes_.find(id.value);
        if (found == boxes_.end() || found->second.passed == 0) {
            return found == boxes_.end();
        }
        found->second.passed -= 1;
        return true;
    });
    trim_at_ = std::max(order_min, 2 * order_.size());
}

bool Inboxes::take_back(DeviceId from, DeviceId about) {
    const auto found = boxes_.find(from.value);
    if (found == boxes_.end()) {
        return false;
    }
    Box& box = found->second;
    // What was delivered goes first, so that the head stands at 0 while messages are taken out of the middle.
    box.messages.erase(box.messages.begin(), box.messages.begin() + static_cast<std::ptrdiff_t>(box.head));
    box.head = 0;
    const auto removed = std::erase_if(box.messages, [about](const Message& message) {
        const auto* gone = std::get_if<Disconnected>(&message);
        return gone != nullptr && gone->device.id() == about;
    });
    box.passed += trim_at_ != 0 ? removed : 0U;
    return removed != 0;
}

void Inboxes::end(DeviceId id, Ending ending) {
    const auto found = boxes_.find(id.value);
    if (found == boxes_.end() || found->second.ending) {
        return;
    }
    Box& box = found->second;
    for (std::size_t i = box.head; i < box.messages.size() && !ending.by && !ending.fault.is_error(); ++i) {
        if (const auto* request = std::get_if<Shutdown>(&box.messages[i])) {
            ending.by = request->from;
        }
    }
    box.passed += trim_at_ != 0 ? box.messages.size() - box.head : 0U;
    box.messages = {};
    box.head = 0;
    box.ending = std::move(ending);
    wakes_.wake(box.waiter);
}

void Inboxes::end_all(const Fault& fault) {
    for (auto& [id, box] : boxes_) {
        if (!box.ending) {
            box.ending = Ending{fault, Line{}};
            wakes_.wake(box.waiter);
        }
    }
}

}  // namespace backplane::talk
