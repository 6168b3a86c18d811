// SPDX-License-Identifier: Apache-2.0
/// The C face's Devices.
#include "client/src/c_handles.hpp"

using namespace backplane;
using namespace backplane::c_face;

namespace {

/// Gives the Device a handle, which its client keeps.
bp_device* keep(bp_client& client, Device&& opened) {
    auto handle = std::make_unique<bp_device>();
    handle->client = &client;
    handle->opened = std::move(opened);
    handle->device = &handle->opened;
    bp_device* const out = handle.get();
    client.devices.emplace(out->device->id().value, std::move(handle));
    return out;
}

/// The bits of a link; nothing for others than there are.
std::optional<LinkMode> mode_in(std::uint32_t mode) {
    return mode <= BP_LINK_PEER ? std::optional<LinkMode>{static_cast<LinkMode>(mode)} : std::nullopt;
}

/// A link operation: its line and mode are checked, then `act` is called.
template <class Act>
bp_status linking(bp_device* device, const bp_line* other, std::uint32_t mode, Act&& act) noexcept {
    return on(device, [&]() -> Expected<void> {
        const Line line = line_in(other);
        const auto known = mode_in(mode);
        if (!line || !known || *known == LinkMode::none) {
            return invalid("a link has a line and a mode");
        }
        return act(*device->device, line, *known);
    });
}

/// A link operation between two lines.
template <class Act>
bp_status joining(bp_client* client, const bp_line* from, const bp_line* to, std::uint32_t mode, Act&& act) noexcept {
    return on(client, [&]() -> Expected<void> {
        const auto known = mode_in(mode);
        if (!known || *known == LinkMode::none) {
            return invalid("a link has a mode");
        }
        return act(client->client, line_in(from), line_in(to), *known);
    });
}

/// The caller's labels; nothing where one is none.
std::optional<Labels> labels_in(const bp_label* labels, std::size_t count) {
    Labels all;
    if (labels == nullptr) {
        return count == 0 ? std::optional<Labels>{all} : std::nullopt;
    }
    const auto* at = reinterpret_cast<const unsigned char*>(labels);
    for (std::size_t i = 0; i < count; ++i) {
        const auto label = struct_in(reinterpret_cast<const bp_label*>(at));
        const auto key = label ? text_in(label->key, label->key_length) : std::nullopt;
        const auto value = label ? text_in(label->value, label->value_length) : std::nullopt;
        if (!key || !value) {
            return std::nullopt;
        }
        all.emplace_back(*key, *value);
        at += label->size;
    }
    return all;
}

/// Hands a message out.
Expected<void> hand_out(bp_client& client, Message&& received, bp_message* message) {
    show(client.message.emplace(ShownMessage{std::move(received)}));
    fill(message, client.message->shown);
    return {};
}

}  // namespace

bp_status bp_client_device(bp_client* client, bp_device** device) noexcept {
    return on(client, [&]() -> Expected<void> {
        if (device == nullptr) {
            return invalid("no place for the Device");
        }
        if (client->own == nullptr) {
            auto opened = client->client.open_device();
            if (!opened) {
                return unexpected(opened.error());
            }
            client->own = keep(*client, std::move(*opened));
        }
        *device = client->own;
        return {};
    });
}

bp_status bp_client_open_device(bp_client* client, const bp_device_options* options, bp_device** device) noexcept {
    return on(client, [&]() -> Expected<void> {
        const auto known = struct_in(options);
        if (device == nullptr || !known || (known->flags & ~std::uint32_t{BP_DEVICE_MANAGED}) != 0) {
            return invalid("no place for the Device, or its options");
        }
        const auto name = text_in(known->name, known->name_length);
        auto labels = labels_in(known->labels, known->label_count);
        if (!name || !labels) {
            return invalid("the Device's name or labels");
        }
        DeviceOptions chosen;
        chosen.name = *name;
        chosen.labels = std::move(*labels);
        chosen.heartbeat = Duration{known->heartbeat_ns};
        chosen.managed = (known->flags & BP_DEVICE_MANAGED) != 0;
        chosen.within = patience(known->timeout_ns);
        auto opened = client->client.open_device(std::move(chosen));
        if (!opened) {
            return unexpected(opened.error());
        }
        *device = keep(*client, std::move(*opened));
        return {};
    });
}

bp_status bp_device_close(bp_device* device) noexcept {
    return on(device, [device]() -> Expected<void> {
        if (device == device->client->own || device->device != &device->opened) {
            return invalid("it goes with its client, or with the attempt to start it");
        }
        device->client->devices.erase(device->device->id().value);
        return {};
    });
}

bp_status bp_device_set_user(bp_device* device, void* user) noexcept {
    return on(device, [&]() -> Expected<void> {
        device->user = user;
        return {};
    });
}

void* bp_device_user(const bp_device* device) noexcept { return device == nullptr ? nullptr : device->user; }
bp_client* bp_device_client(const bp_device* device) noexcept { return device == nullptr ? nullptr : device->client; }
uint64_t bp_device_id(const bp_device* device) noexcept { return device == nullptr ? 0 : device->device->id().value; }
int bp_device_is_alive(const bp_device* device) noexcept { return device != nullptr && *device->device ? 1 : 0; }

bp_status bp_device_line(const bp_device* device, bp_line* line) noexcept {
    return alone([&]() -> Expected<void> {
        if (device == nullptr || !has_room(line)) {
            return invalid("no Device, or no place for the line");
        }
        fill(line, line_out(device->device->line()));
        return {};
    });
}

bp_status bp_device_link(bp_device* device, const bp_line* other, uint32_t mode) noexcept {
    return linking(device, other, mode, [](Device& from, const Line& to, LinkMode bits) { return from.link(to, bits); });
}

bp_status bp_device_link_wait(bp_device* device, const bp_line* other, uint32_t mode, int64_t timeout_ns) noexcept {
    return linking(device, other, mode,
                   [&](Device& from, const Line& to, LinkMode bits) { return from.link_wait(to, bits, within(timeout_ns)); });
}

bp_status bp_device_unlink(bp_device* device, const bp_line* other, uint32_t mode) noexcept {
    return linking(device, other, mode, [](Device& from, const Line& to, LinkMode bits) { return from.unlink(to, bits); });
}

bp_status bp_device_unlink_wait(bp_device* device, const bp_line* other, uint32_t mode, int64_t timeout_ns, uint32_t* was_down) noexcept {
    return linking(device, other, mode, [&](Device& from, const Line& to, LinkMode bits) -> Expected<void> {
        const auto unlinked = from.unlink_wait(to, bits, within(timeout_ns));
        if (!unlinked) {
            return unexpected(unlinked.error());
        }
        if (was_down != nullptr) {
            *was_down = unlinked->was_down ? 1 : 0;
        }
        return {};
    });
}

bp_status bp_client_link(bp_client* client, const bp_line* from, const bp_line* to, uint32_t mode) noexcept {
    return joining(client, from, to, mode, [](Client& by, const Line& a, const Line& b, LinkMode bits) { return by.link(a, b, bits); });
}

bp_status bp_client_link_wait(bp_client* client, const bp_line* from, const bp_line* to, uint32_t mode, int64_t timeout_ns) noexcept {
    return joining(client, from, to, mode,
                   [&](Client& by, const Line& a, const Line& b, LinkMode bits) { return by.link_wait(a, b, bits, within(timeout_ns)); });
}

bp_status bp_client_unlink(bp_client* client, const bp_line* from, const bp_line* to, uint32_t mode) noexcept {
    return joining(client, from, to, mode, [](Client& by, const Line& a, const Line& b, LinkMode bits) { return by.unlink(a, b, bits); });
}

bp_status bp_client_unlink_wait(bp_client* client, const bp_line* from, const bp_line* to, uint32_t mode, int64_t timeout_ns) noexcept {
    return joining(client, from, to, mode,
                   [&](Client& by, const Line& a, const Line& b, LinkMode bits) { return by.unlink_wait(a, b, bits, within(timeout_ns)); });
}

bp_status bp_device_heartbeat(bp_device* device) noexcept {
    return on(device, [device] { return device->device->heartbeat(); });
}

bp_status bp_device_set_heartbeat(bp_device* device, int64_t interval_ns) noexcept {
    return on(device, [&] { return device->device->heartbeat(Within{Duration{interval_ns}}); });
}

bp_status bp_device_set_labels(bp_device* device, const bp_label* labels, size_t count) noexcept {
    return on(device, [&]() -> Expected<void> {
        auto all = labels_in(labels, count);
        return all ? device->device->set_labels(std::move(*all)) : invalid("a label is a key and a value");
    });
}

bp_status bp_device_request_shutdown(bp_device* device, const bp_line* other) noexcept {
    return on(device, [&]() { return device->device->request_shutdown(line_in(other)); });
}

bp_status bp_device_disconnect(bp_device* device, const bp_fault* fault) noexcept {
    return on(device, [&]() -> Expected<void> {
        auto why = fault_in(fault);
        if (!why) {
            return invalid("no fault");
        }
        device->device->disconnect(std::move(*why));
        return {};
    });
}

bp_status bp_device_try_receive(bp_device* device, bp_message* message) noexcept {
    return on(device, [&]() -> Expected<void> {
        if (!has_room(message)) {
            return invalid("no place for the message");
        }
        if (auto received = device->device->try_receive()) {
            return hand_out(*device->client, std::move(*received), message);
        }
        if (auto over = device->client->client.ended()) {
            return unexpected(std::move(*over));
        }
        return *device->device ? unexpected(ErrorCode::timeout) : unexpected(ErrorCode::device_down, "this Device is gone");
    });
}

bp_status bp_device_next(bp_device* device, int64_t timeout_ns, bp_message* message) noexcept {
    return on(device, [&]() -> Expected<void> {
        if (!has_room(message)) {
            return invalid("no place for the message");
        }
        auto received = device->device->next(within(timeout_ns));
        return received ? hand_out(*device->client, std::move(*received), message) : unexpected(received.error());
    });
}

bp_status bp_device_ended(bp_device* device, bp_end* end) noexcept {
    return on(device, [&]() -> Expected<void> {
        if (!has_room(end)) {
            return invalid("no place for the end");
        }
        auto ended = device->device->ended();
        if (!ended) {
            return unexpected(ErrorCode::not_found);
        }
        bp_client& client = *device->client;
        show(client.end.emplace(ShownEnd{std::move(*ended)}), client.client.epoch());
        fill(end, client.end->shown);
        return {};
    });
}
