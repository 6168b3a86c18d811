// SPDX-License-Identifier: Apache-2.0
/// Connections from one program to the next, when the daemon is replaced in place: the sockets go on, so what has been read and not
/// carried out, and what is still to be written, goes along with them.
#include "daemon/core/image.hpp"
#include "daemon/session/hub.hpp"

namespace backplane::session {

namespace {

/// The numbers of a connection, in a row.
struct Numbers {
    std::uint32_t session = 0;
    std::uint32_t state = 0;
    std::uint64_t told = 0;
    std::uint64_t sent = 0;
    std::int64_t over_mark_since = 0;
    std::uint32_t gid = 0;
    std::uint32_t requests = 0;
    std::uint32_t subscription = 0;  ///< active 1, graph 2, lagging 4, ends 8
    std::uint32_t reserved = 0;
    std::uint64_t subscribe_request = 0;
    std::uint64_t subscription_told = 0;
    std::uint64_t lost_from = 0, lost_to = 0;
};

Numbers numbers_of(core::SessionIndex session, const Connection& connection) {
    const Subscription& wants = connection.subscription;
    Numbers numbers;
    numbers.session = session;
    numbers.state = static_cast<std::uint32_t>(connection.state);
    numbers.told = connection.told;
    numbers.sent = connection.sent;
    numbers.over_mark_since = connection.over_mark_since;
    numbers.gid = connection.peer.gid;
    numbers.requests = static_cast<std::uint32_t>(connection.requests.size());
    numbers.subscription = (wants.active ? 1U : 0U) | (wants.graph ? 2U : 0U) | (wants.lagging ? 4U : 0U) | (wants.ends ? 8U : 0U);
    numbers.subscribe_request = wants.request;
    numbers.subscription_told = wants.told;
    numbers.lost_from = wants.lost_from;
    numbers.lost_to = wants.lost_to;
    return numbers;
}

void take_numbers(const Numbers& numbers, Connection& connection) {
    connection.state = static_cast<ConnectionState>(numbers.state);
    connection.told = numbers.told;
    connection.sent = numbers.sent;
    connection.over_mark_since = numbers.over_mark_since;
    connection.peer.gid = numbers.gid;
    Subscription& wants = connection.subscription;
    wants.active = (numbers.subscription & 1U) != 0;
    wants.graph = (numbers.subscription & 2U) != 0;
    wants.lagging = (numbers.subscription & 4U) != 0;
    wants.ends = (numbers.subscription & 8U) != 0;
    wants.request = numbers.subscribe_request;
    wants.told = numbers.subscription_told;
    wants.lost_from = numbers.lost_from;
    wants.lost_to = numbers.lost_to;
}

/// The node behind which the next thing owed stands: as many as were sent and are not acknowledged.
std::uint32_t place_of(const core::Graph& graph, core::SessionIndex session, std::uint64_t sent) {
    std::uint32_t place = 0;
    for (std::uint64_t n = graph.session(session).taken; n < sent; ++n) {
        place = place == 0 ? graph.first_owed(session) : graph.next_owed(place);
    }
    return place;
}

}  // namespace

void Hub::save_connections(std::string& bytes) const {
    core::ImageWriter writer(bytes);
    writer.value(shell_request_.session);
    writer.value(static_cast<std::uint32_t>(shell_request_.call));
    writer.value(shell_request_.id);
    std::uint32_t count = 0;
    for (const auto& connection : connections_) {
        count += connection && (connection->state == ConnectionState::open || connection->state == ConnectionState::greeting) ? 1U : 0U;
    }
    writer.value(count);
    for (core::SessionIndex session = 1; session < connections_.size(); ++session) {
        if (!connections_[session]) {
            continue;
        }
        const Connection& connection = *connections_[session];
        if (connection.state != ConnectionState::open && connection.state != ConnectionState::greeting) {
            continue;
        }
        writer.value(numbers_of(session, connection));
        writer.text(connection.client);
        writer.text(connection.inbox);
        writer.text(outbox(session));
        for (const OpenRequest& request : connection.requests) {
            writer.value(request.id);
            writer.value(static_cast<std::uint32_t>(request.call));
            writer.text(request.name);
        }
    }
}

bool Hub::load_connections(std::string_view bytes, std::vector<core::SessionIndex>& sessions) {
    core::ImageReader reader(bytes);
    std::uint32_t call = 0;
    std::uint32_t count = 0;
    bool good = reader.value(shell_request_.session) && reader.value(call) && reader.value(shell_request_.id) && reader.value(count) &&
                call <= static_cast<std::uint32_t>(wire::call_last);
    shell_request_.call = static_cast<wire::Call>(call);
    shell_request_.is_taken = true;
    for (std::uint32_t i = 0; good && i < count; ++i) {
        Numbers numbers;
        good = reader.value(numbers) && numbers.session < connections_.size() && connections_[numbers.session] &&
               numbers.state <= static_cast<std::uint32_t>(ConnectionState::open) &&
               numbers.sent >= engine_.graph().session(numbers.session).taken &&
               numbers.sent <= engine_.graph().session(numbers.session).owed_total;
        if (!good) {
            break;
        }
        Connection& connection = at(numbers.session);
        take_numbers(numbers, connection);
        connection.operations = engine_.graph().session(numbers.session).operations;
        connection.sent_place = place_of(engine_.graph(), numbers.session, numbers.sent);
        good = reader.text(connection.client) && reader.text(connection.inbox) && reader.text(connection.outbox);
        for (std::uint32_t n = 0; good && n < numbers.requests; ++n) {
            OpenRequest request;
            good = reader.value(request.id) && reader.value(call) && reader.text(request.name) &&
                   call <= static_cast<std::uint32_t>(wire::call_last);
            request.call = static_cast<wire::Call>(call);
            connection.requests.push_back(std::move(request));
        }
        if (connection.subscription.active) {
            subscribers_.push_back(numbers.session);
        }
        if (connection.over_mark_since != 0) {
            pressed_.push_back(numbers.session);
        }
        mark_dirty(numbers.session);
        sessions.push_back(numbers.session);
    }
    return good && reader.at_end();
}

}  // namespace backplane::session
