// SPDX-License-Identifier: Apache-2.0
/// Client::State: what a Client owns, and how one is made from a connection.
#pragma once

#include "client/src/connection.hpp"

#include <backplane/client.hpp>

#include <memory>
#include <utility>

namespace backplane {

struct Client::State {
    std::shared_ptr<client_detail::Connection> connection;
    Device self;              ///< `Client::device()`; empty until it is asked for
    OnLogEvent on_log_event;  ///< empty: log events go to `try_event`

    [[nodiscard]] static Expected<Client> client(Expected<std::shared_ptr<client_detail::Connection>> connection) {
        if (!connection) {
            return unexpected(connection.error());
        }
        auto state = std::make_unique<State>();
        state->connection = std::move(*connection);
        return Client{std::move(state)};
    }
};

}  // namespace backplane
