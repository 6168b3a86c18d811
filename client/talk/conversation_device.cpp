// SPDX-License-Identifier: Apache-2.0
/// What a Device says of itself: signs of life, and labels. See conversation.hpp.
#include "client/talk/conversation.hpp"

#include "proto/wire/codec.hpp"
#include "proto/wire/text.hpp"

#include <algorithm>
#include <utility>

namespace backplane::talk {

Expected<void> check_labels(const Labels& labels) {
    for (const auto& [key, value] : labels) {
        if (!wire::is_utf8(value)) {
            return unexpected(ErrorCode::invalid_argument, "labels." + key + ": not UTF-8");
        }
    }
    const Expected<std::string> text = labels_text(labels, ErrorCode::invalid_argument);
    return text ? Expected<void>{} : unexpected(text.error());
}

/// What every word of a Device about itself needs.
Expected<void> Conversation::check_live(DeviceId id) const {
    if (over_) {
        return unexpected(*over_);
    }
    return inboxes_.is_live(id) ? Expected<void>{} : unexpected(ErrorCode::device_down, "this Device is gone");
}

void Conversation::send_heartbeat(DeviceId id, std::uint32_t interval_ms) {
    outbox_.add_counted([&](std::string& out) { wire::encode(out, wire::Heartbeat{id, interval_ms}); });
}

Expected<void> Conversation::heartbeat(DeviceId id, Duration interval, Instant now) {
    if (auto live = check_live(id); !live) {
        return live;
    }
    const Expected<std::uint32_t> interval_ms = heartbeat_interval(interval);
    if (!interval_ms) {
        return unexpected(interval_ms.error());
    }
    heartbeats_.set(id, *interval_ms, now);
    send_heartbeat(id, *interval_ms);
    return {};
}

Expected<void> Conversation::heartbeat(DeviceId id, Instant now) {
    if (auto live = check_live(id); !live) {
        return live;
    }
    const std::optional<std::uint32_t> interval_ms = heartbeats_.beat(id, now);
    if (!interval_ms) {
        return unexpected(ErrorCode::invalid_argument, "heartbeat: this Device has no interval");
    }
    if (*interval_ms != 0) {
        send_heartbeat(id, *interval_ms);
    }
    return {};
}

Expected<void> Conversation::label(DeviceId id, Labels labels) {
    if (auto live = check_live(id); !live) {
        return live;
    }
    if (auto checked = check_labels(labels); !checked) {
        return checked;
    }
    std::sort(labels.begin(), labels.end());
    wire::Request request;
    request.call = wire::Call::label;
    request.device = id;
    request.labels = std::move(labels);
    send_request(std::move(request), Waiting::library);
    return {};
}

/// Nobody waits for the answer, so a refusal is news, unless the Device went meanwhile, which its end says.
void Conversation::on_labelled(const Calls::Open& call, const Error& refusal) {
    if (refusal.code != ErrorCode::ok && refusal.code != ErrorCode::device_down) {
        tell(Refused{refusal, "label", Line{epoch_, call.request.device}, Line{}});
    }
}

}  // namespace backplane::talk
