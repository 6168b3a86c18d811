// SPDX-License-Identifier: Apache-2.0
/// See backplane/device.hpp. A Device is an id and a share of its Connection; all that is known of it stands there.
#include <backplane/device.hpp>

#include "client/src/connection.hpp"

#include <utility>

namespace backplane {

Device::Device(std::shared_ptr<client_detail::Connection> connection, DeviceId id, bool own)
    : connection_(std::move(connection)), id_(id), own_(own) {}

Device::Device(Device&& other) noexcept
    : connection_(std::move(other.connection_)), id_(std::exchange(other.id_, DeviceId{})), own_(std::exchange(other.own_, false)) {}

Device& Device::operator=(Device&& other) noexcept {
    if (this != &other) {
        let_go();
        connection_ = std::move(other.connection_);
        id_ = std::exchange(other.id_, DeviceId{});
        own_ = std::exchange(other.own_, false);
    }
    return *this;
}

Device::~Device() { let_go(); }

void Device::let_go() noexcept {
    if (!connection_ || !connection_->is_same_process()) {
        return;
    }
    auto& talk = connection_->talk();
    if (own_) {
        talk.forget(id_);
    } else {
        talk.release(id_);
        connection_->flush();
    }
    connection_.reset();
}

Device::operator bool() const { return connection_ && connection_->talk().inboxes().is_live(id_); }

Line Device::line() const { return connection_ ? Line{connection_->talk().epoch(), id_} : Line{}; }

Expected<void> Device::usable() const {
    if (!connection_) {
        return unexpected(ErrorCode::device_down, "no Device");
    }
    return connection_->usable();
}

Expected<void> Device::link(const Line& other, LinkMode mode) {
    if (auto fit = usable(); !fit) {
        return fit;
    }
    const auto operation = connection_->talk().link(id_, other, mode, talk::Ask::nothing);
    connection_->buffered();
    return operation ? Expected<void>{} : unexpected(operation.error());
}

Expected<void> Device::unlink(const Line& other, LinkMode mode) {
    if (auto fit = usable(); !fit) {
        return fit;
    }
    const auto operation = connection_->talk().unlink(id_, other, mode, talk::Ask::nothing);
    connection_->buffered();
    return operation ? Expected<void>{} : unexpected(operation.error());
}

LinkWait Device::link_async(const Line& other, LinkMode mode) {
    if (auto fit = usable(); !fit) {
        return {nullptr, unexpected(fit.error())};
    }
    return {connection_, connection_->talk().link(id_, other, mode, talk::Ask::acknowledgement)};
}

UnlinkWait Device::unlink_async(const Line& other, LinkMode mode) {
    if (auto fit = usable(); !fit) {
        return {nullptr, unexpected(fit.error())};
    }
    return {connection_, connection_->talk().unlink(id_, other, mode, talk::Ask::acknowledgement)};
}

Expected<void> Device::link_wait(const Line& other, LinkMode mode, Within within) {
    if (auto fit = usable(); !fit) {
        return fit;
    }
    const auto outcome =
        connection_->settle(connection_->talk().link(id_, other, mode, talk::Ask::acknowledgement), connection_->now() + within.length);
    return outcome ? Expected<void>{} : unexpected(outcome.error());
}

Expected<Unlinked> Device::unlink_wait(const Line& other, LinkMode mode, Within within) {
    if (auto fit = usable(); !fit) {
        return unexpected(fit.error());
    }
    const auto outcome =
        connection_->settle(connection_->talk().unlink(id_, other, mode, talk::Ask::acknowledgement), connection_->now() + within.length);
    if (!outcome) {
        return unexpected(outcome.error());
    }
    return Unlinked{outcome->was_down};
}

Expected<void> Device::request_shutdown(const Line& other) {
    if (auto fit = usable(); !fit) {
        return fit;
    }
    auto done = connection_->talk().request_shutdown(id_, other);
    connection_->flush();
    return done;
}

Expected<void> Device::heartbeat() {
    if (auto fit = usable(); !fit) {
        return fit;
    }
    auto done = connection_->talk().heartbeat(id_, connection_->now());
    connection_->flush();
    return done;
}

Expected<void> Device::heartbeat(Within interval) {
    if (auto fit = usable(); !fit) {
        return fit;
    }
    auto done = connection_->talk().heartbeat(id_, interval.length, connection_->now());
    connection_->flush();
    return done;
}

Expected<void> Device::set_labels(Labels labels) {
    if (auto fit = usable(); !fit) {
        return fit;
    }
    auto done = connection_->talk().label(id_, std::move(labels));
    connection_->buffered();
    return done;
}

void Device::disconnect() { disconnect(Fault{}); }

void Device::disconnect(Fault fault) {
    if (connection_ && connection_->is_same_process()) {
        connection_->talk().disconnect(id_, fault);
        connection_->flush();
    }
}

std::optional<Message> Device::try_receive() {
    if (!connection_ || !connection_->touchable()) {
        return std::nullopt;
    }
    return connection_->talk().inboxes().take(id_);
}

Expected<Message> Device::next(Within within) {
    if (!connection_) {
        return unexpected(ErrorCode::device_down, "no Device");
    }
    auto& inboxes = connection_->talk().inboxes();
    std::optional<Message> message;
    const auto arrived = [&] {
        message = inboxes.take(id_);
        return message.has_value() || !inboxes.is_live(id_);
    };
    auto waited = connection_->wait_until(arrived, connection_->now() + within.length);
    if (message) {
        return std::move(*message);
    }
    if (auto fit = usable(); !fit) {
        return unexpected(fit.error());
    }
    return waited ? unexpected(ErrorCode::device_down, "this Device is gone") : unexpected(waited.error());
}

MessageWait Device::next() { return {connection_, id_}; }

std::optional<DeviceEnd> Device::ended() const {
    const talk::Ending* ending = connection_ ? connection_->talk().inboxes().ending(id_) : nullptr;
    if (ending == nullptr) {
        return std::nullopt;
    }
    DeviceEnd end;
    end.by = ending->by;
    if (ending->fault.is_error()) {
        end.fault = ending->fault;
    }
    return end;
}

}  // namespace backplane
