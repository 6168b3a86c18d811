// SPDX-License-Identifier: Apache-2.0
/// Client::State: what a Client owns, and how one is made from a connection.
#pragma once

#include "client/src/connection.hpp"
#include "client/src/posts.hpp"

#include <backplane/client.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>

namespace backplane {

struct Client::State {
    std::shared_ptr<client_detail::Connection> connection;
    struct Offer {
        Device device;  ///< has the name
        std::string name;
        OnTaskStart start;
    };
    std::map<std::uint64_t, Offer> offers;  ///< by the Device's id
    Device self;                            ///< `Client::device()`; empty until it is asked for
    OnLogEvent on_log_event;                ///< empty: log events go to `try_event`
    std::shared_ptr<client_detail::Posts> posts;
    std::jthread thread;  ///< serves the connection, between `start_thread` and `stop_thread`

    [[nodiscard]] static Expected<Client> client(Expected<std::shared_ptr<client_detail::Connection>> connection) {
        if (!connection) {
            return unexpected(connection.error());
        }
        auto posts = client_detail::Posts::make();
        if (!posts) {
            return unexpected(posts.error());
        }
        if (auto watched = (*connection)->watch((*posts)->descriptor()); !watched) {
            return unexpected(watched.error());
        }
        return assemble(std::move(*connection), std::move(*posts));
    }
    [[nodiscard]] static Client assemble(std::shared_ptr<client_detail::Connection> connection,
                                         std::shared_ptr<client_detail::Posts> posts) {
        auto state = std::make_unique<State>();
        state->connection = std::move(connection);
        state->posts = std::move(posts);
        return Client{std::move(state)};
    }
};

}  // namespace backplane
