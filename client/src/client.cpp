// SPDX-License-Identifier: Apache-2.0
/// Client: its making, its end, its moving of things and its Devices. The calls stand in client_calls.cpp.
#include "client/src/client_state.hpp"
#include "client/src/socket.hpp"
#include "client/src/socket_connection.hpp"

#include <backplane/client.hpp>

#include <utility>

namespace backplane {

namespace {

using client_detail::Connection;
using client_detail::Descriptor;
using client_detail::now;
using client_detail::SocketConnection;

/// Who comes, and what it has to come back by.
client_detail::Approach approach(ConnectOptions&& options, std::string path, talk::Comeback comeback = {}) {
    comeback.allowed = options.resume && !path.empty();
    return {client_detail::presentable(std::move(options.name)), std::move(path), std::move(comeback)};
}

}  // namespace

Client::Client(std::unique_ptr<State> state) : state_(std::move(state)) {}
Client::Client(Client&& other) noexcept = default;

Client& Client::operator=(Client&& other) noexcept {
    if (this != &other) {
        const Client old{std::move(*this)};  // ends its conversation
        state_ = std::move(other.state_);
    }
    return *this;
}

Client::~Client() {
    if (state_ && !state_->connection->is_same_process()) {
        // A forked child: the thread is the parent's, and what is left here is memory and copies of descriptors.
        static_cast<void>(new std::jthread{std::move(state_->thread)});
    } else if (state_) {
        stop_thread();
        state_->posts->close();
        state_->connection->waiters().cancel_spawned();
        state_->connection->close();
    }
}

Expected<std::string> Client::default_path() { return client_detail::default_socket_path(); }

Expected<Client> Client::connect(ConnectOptions options) {
    const Instant deadline = now() + options.within.length;
    if (options.path.empty()) {
        auto path = default_path();
        if (!path) {
            return unexpected(path.error());
        }
        options.path = std::move(*path);
    }
    auto socket = client_detail::connect_socket(options.path, deadline);
    if (!socket) {
        return unexpected(socket.error());
    }
    std::string path = client_detail::lasting_path(options.path);
    return State::client(SocketConnection::open(std::move(*socket), approach(std::move(options), std::move(path)), deadline));
}

Expected<Client> Client::adopt(ConnectOptions options) {
    const Instant deadline = now() + options.within.length;
    auto inherited = client_detail::take_inheritance();
    if (!inherited) {
        return unexpected(inherited.error());
    }
    talk::Comeback comeback{false, std::move(inherited->session), std::move(inherited->token)};
    auto client = State::client(SocketConnection::open(
        std::move(inherited->socket), approach(std::move(options), std::move(inherited->path), std::move(comeback)), deadline));
    if (client && !client->is_worker()) {
        return unexpected(ErrorCode::not_found, "the inherited socket is no worker's: the daemon named no Device");
    }
    return client;
}

Expected<Client> Client::from_environment(ConnectOptions options) {
    return client_detail::has_inherited_socket() ? adopt(std::move(options)) : connect(std::move(options));
}

Expected<Client> Client::over(int descriptor, ConnectOptions options) {
    const Instant deadline = now() + options.within.length;
    // Nothing says where its other end can be found again.
    return State::client(SocketConnection::open(Descriptor{descriptor}, approach(std::move(options), {}), deadline));
}

int Client::fd() const { return state_->connection->descriptor(); }

Expected<void> Client::dispatch() {
    if (auto fit = state_->connection->touchable(); !fit) {
        return fit;
    }
    auto done = state_->connection->dispatch();
    deliver_log();
    run_ready();
    return done;
}

Expected<void> Client::flush() {
    if (auto fit = state_->connection->usable(); !fit) {
        return fit;
    }
    state_->connection->flush();
    return {};
}

std::optional<ClientEvent> Client::try_event() {
    return state_->connection->touchable() ? state_->connection->talk().news().take() : std::nullopt;
}

Expected<ClientEvent> Client::next_event(Within within) {
    Connection& connection = *state_->connection;
    auto& news = connection.talk().news();
    if (auto waited = connection.wait_until([&news] { return !news.empty(); }, connection.now() + within.length); !waited) {
        return unexpected(waited.error());
    }
    return std::move(*news.take());
}

std::optional<std::pair<DeviceId, Message>> Client::try_message() {
    Connection& connection = *state_->connection;
    return connection.touchable() ? connection.talk().inboxes().take_any() : std::nullopt;
}

std::optional<Error> Client::ended() const {
    const Error* over = state_->connection->talk().over();
    return over != nullptr ? std::optional<Error>{*over} : std::nullopt;
}

bool Client::is_worker() const { return static_cast<bool>(state_->connection->talk().own_device()); }

Epoch Client::epoch() const { return state_->connection->talk().epoch(); }

Device& Client::device() {
    Device& self = state_->self;
    if (self.connection_) {
        return self;
    }
    if (is_worker()) {
        self = Device{state_->connection, state_->connection->talk().own_device(), true};
    } else if (auto opened = open_device()) {
        self = std::move(*opened);
    }
    return self;
}

Expected<Device> Client::open_device(DeviceOptions options) {
    Connection& connection = *state_->connection;
    if (auto fit = connection.usable(); !fit) {
        return unexpected(fit.error());
    }
    if (auto checked = talk::check_labels(options.labels); !checked) {
        return unexpected(checked.error());
    }
    if (auto interval = talk::heartbeat_interval(options.heartbeat); !interval) {
        return unexpected(interval.error());
    }
    talk::Conversation& talk = connection.talk();
    std::optional<DeviceId> id = talk.create(options.managed);
    if (!id) {
        // The ids are used up faster than the daemon grants them: the one case that waits.
        const auto granted = [&] { return (id = talk.create(options.managed)) || talk.ids_refused() != nullptr; };
        if (auto waited = connection.wait_until(granted, connection.now() + options.within.length); !waited) {
            return unexpected(waited.error());
        }
        if (!id) {
            return unexpected(*talk.ids_refused());
        }
    }
    if (!options.labels.empty()) {
        (void)talk.label(*id, std::move(options.labels));
    }
    if (options.heartbeat.ns > 0) {
        (void)talk.heartbeat(*id, options.heartbeat, connection.now());
    }
    connection.buffered();
    Device device{state_->connection, *id, false};
    if (!options.name.empty()) {
        if (auto named = register_name(options.name, device, options.within); !named) {
            return unexpected(named.error());  // and the Device goes, before anybody can have heard of it
        }
    }
    return device;
}

void Client::deliver_log() {
    if (!state_->on_log_event) {
        return;
    }
    while (const auto event = state_->connection->talk().news().take_log_event()) {
        state_->on_log_event(*event);
    }
}

}  // namespace backplane
