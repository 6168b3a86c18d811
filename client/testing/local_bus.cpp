// SPDX-License-Identifier: Apache-2.0
/// See backplane/testing/local_bus.hpp. All that happens, happens in bus.cpp.
#include <backplane/testing/local_bus.hpp>

#include "client/src/client_state.hpp"
#include "client/testing/bus.hpp"
#include "client/testing/local_connection.hpp"

#include <algorithm>
#include <utility>

namespace backplane::client_detail {

/// What the bus does with Clients that no program can do.
class LocalAccess {
  public:
    [[nodiscard]] static Client client(std::shared_ptr<Connection> connection) {
        auto client = Client::State::client(connection);
        if (client) {
            return std::move(*client);
        }
        connection->talk().give_up(client.error());  // for want of a descriptor: over from the beginning
        return Client::State::assemble(std::move(connection), std::make_shared<Posts>(Descriptor{}));
    }
    /// Its connection, if that is one of this bus.
    [[nodiscard]] static LocalConnection* connection(const Client& client, const LocalBusState& bus) {
        auto* local = client.state_ ? dynamic_cast<LocalConnection*>(client.state_->connection.get()) : nullptr;
        return local != nullptr && local->bus() == &bus ? local : nullptr;
    }
};

}  // namespace backplane::client_detail

namespace backplane::testing {

using client_detail::LocalAccess;
using client_detail::LocalBusState;
using client_detail::LocalConnection;

LocalBus::LocalBus(LocalBusOptions options) : state_(std::make_shared<LocalBusState>(options)) {}

LocalBus::~LocalBus() { state_->end(); }

Client LocalBus::connect(ConnectOptions options) {
    const std::string name = client_detail::presentable(std::move(options.name));
    return LocalAccess::client(std::make_shared<LocalConnection>(state_, name, options.resume));
}

Expected<void> LocalBus::configure(std::string_view json) { return state_->configure(json); }

Instant LocalBus::now() const { return state_->now(); }

void LocalBus::advance(Duration by) {
    const Instant target = state_->now() + std::max(by, Duration{});
    state_->carry();
    while (state_->fire_next(target)) {
    }
    if (!target.is_never()) {
        state_->set_now(std::max(target, state_->now()));  // an act may have waited for longer
    }
}

void LocalBus::after(Duration delay, std::function<void()> act) { state_->after(delay, std::move(act)); }

void LocalBus::kill(Client& client) {
    if (LocalConnection* connection = LocalAccess::connection(client, *state_)) {
        state_->kill(*connection);
    }
}

void LocalBus::crash(Duration away) { state_->crash(away); }

void LocalBus::stop() { state_->stop(); }

}  // namespace backplane::testing
