// SPDX-License-Identifier: Apache-2.0
/// Tasks that the daemon asks this client to run (PROTOCOL.md section 6.1).
#include "client/talk/conversation.hpp"
#include "proto/wire/codec.hpp"
#include "proto/wire/text.hpp"

#include <utility>

namespace backplane::talk {

Expected<void> Conversation::on_start_task(const wire::FrameView& frame) {
    auto start = wire::decode_start_task(frame);
    if (!start) {
        return unexpected(start.error());
    }
    inboxes_.open(start->device);
    tasks_.insert_or_assign(start->device.value, start->task);
    starts_.push_back(std::move(*start));
    arrivals_ += 1;
    return {};
}

std::optional<wire::StartTask> Conversation::take_start() {
    if (starts_.empty() || over_) {
        return std::nullopt;
    }
    std::optional<wire::StartTask> start{std::move(starts_.front())};
    starts_.pop_front();
    return start;
}

void Conversation::say_task(DeviceId id, std::string_view state, std::string_view why) {
    const auto task = tasks_.find(id.value);
    if (task == tasks_.end() || over_) {
        return;
    }
    wire::Request request;
    request.call = wire::Call::task;
    request.task = task->second;
    request.state = state;
    request.why = wire::cut_utf8(wire::repaired_utf8(why), wire::text_bytes_max);
    send_request(std::move(request), Waiting::nobody);
    if (state != "running") {
        tasks_.erase(task);
        forget(id);
    }
}

}  // namespace backplane::talk
