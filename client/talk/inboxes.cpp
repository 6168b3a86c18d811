// SPDX-License-Identifier: Apache-2.0
/// See inboxes.hpp.
#include "client/talk/inboxes.hpp"

#include <utility>

namespace backplane::talk {

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
