// SPDX-License-Identifier: Apache-2.0
/// The daemon crashes at any event and is restored from its journal; clients take up their sessions as PROTOCOL.md 5.6 says, or do
/// not come back. The model goes on as if nothing had happened: it is what makes this exactly once.
#include "tests/sim/graph_history.hpp"

#include <algorithm>

namespace backplane::sim {

namespace {
constexpr Duration hello_time = Duration::seconds(5);  ///< the engine's own limits
constexpr Duration resume_time = Duration::seconds(5);
}  // namespace

void GraphHistory::await(Client& client) {
    client.due = world_.now + hello_time;
    client.due_order = ++due_order_;
}

/// Where it has died. Of what stood in the outboxes then some had been written: all, some or none. Nothing is written before a call
/// of the hub is over, so of one that it did not live through nothing has left.
void GraphHistory::crash() {
    if (!world_.is_dead() || !world_.good()) {
        return;
    }
    Chance& chance = world_.chance;
    for (Client& client : clients_) {
        if (client.socket == 0) {
            continue;
        }
        if (!world_.journal->died_within()) {
            const std::string_view out = world_.hub.outbox(client.socket);
            const std::uint64_t how_much = chance.below(3);
            client.from_daemon += out.substr(0, how_much == 0 ? 0 : how_much == 1 ? out.size() : chance.below(out.size() + 1));
            parse(client);
        }
        lose(client);
    }
    for (Client& client : clients_) {
        client.away = client.index != 0 && !client.gone;
        client.index = client.gone ? 0 : client.index;
    }
    world_.restart(Duration::milliseconds(chance.one_in(10) ? 6'000 : chance.between(0, 20)));
    model_.lose_all(world_.now);
    std::vector<Client*> away;
    for (Client& client : clients_) {
        if (client.away) {
            away.push_back(&client);
        }
    }
    std::sort(away.begin(), away.end(), [](const Client* a, const Client* b) { return a->index < b->index; });
    for (Client* const client : away) {
        if (!client->said_hello) {  // it had nothing, and begins anew
            close(*client, {});
            client->away = false;
            client->index = 0;
            continue;
        }
        client->due = world_.now + resume_time;
        client->due_order = ++due_order_;
    }
    if (world_.hub.away_count() !=
        static_cast<std::size_t>(std::count_if(clients_.begin(), clients_.end(), [](const Client& c) { return c.away; }))) {
        world_.fail("the restored daemon waits for " + std::to_string(world_.hub.away_count()) + " sessions; should be " +
                    std::to_string(away.size()));
    }
}

/// The client's side of the loss: half a frame is dropped, and what was not carried out is kept to be sent again.
void GraphHistory::lose(Client& client) {
    client.socket = 0;
    client.greeted = false;
    client.from_daemon.clear();
    client.to_daemon.clear();
    client.sent_bytes = client.delivered_bytes = 0;
    for (Sent& sent : client.pending) {
        if (sent.counted) {
            client.unsent.push_back(std::move(sent));
        }
    }
    client.pending.clear();
    if (client.gone) {
        client.unsent.clear();
        client.bye_expected = ErrorCode::ok;  // the word may have been lost
        return;
    }
    // `bye` is final, of either side; without a welcome there is nothing to come back to; and some clients die as well.
    const bool said_bye = client.said_end && client.bye_expected == ErrorCode::ok;
    client.lost = client.lost || said_bye || client.session.empty() || world_.chance.one_in(20);
    client.said_end = client.lost;  // what it did wrong got lost
    client.bye_expected = ErrorCode::ok;
    client.expected.clear();
}

void GraphHistory::come_back(Client& client) {
    session::PeerFacts peer;
    peer.uid = client.uid;
    peer.pid = 100;
    peer.token = world_.fresh_token();
    client.socket = world_.hub.accept(peer);
    world_.say("session " + std::to_string(client.serial) + " comes back, having received " + std::to_string(client.received));
    wire::Hello hello;
    hello.client = "sim/1";
    hello.resume = wire::Resume{client.session, client.token, client.received};
    std::string bytes;
    wire::encode(bytes, hello);
    send(client, bytes, Sent{1, [this, &client, received = client.received] {
                                 model_.acknowledge(client.serial, received);
                                 model_.come_back(client.serial, world_.now);
                                 client.owed_at_return = model_.session(client.serial).items.size();
                                 client.due = Instant::never();
                             }});
    send(client, {}, Sent{1, [] {}});  // the end of the session that the connection had until then
}

/// A connection that ends before its welcome: only another loss.
void GraphHistory::hang_up(Client& client) {
    if (client.socket == 0) {
        return;
    }
    world_.hub.ended(client.socket);
    world_.hub.release(client.socket);
    client.socket = 0;
    client.to_daemon.clear();
    client.from_daemon.clear();
    client.sent_bytes = client.delivered_bytes = 0;
    client.pending.clear();
}

void GraphHistory::take_moves() {
    std::vector<session::Move> moves;
    world_.hub.take_moves(moves);
    if (world_.is_dead() && world_.journal->died_within()) {
        return;
    }
    for (const session::Move& move : moves) {
        const auto found = std::find_if(clients_.begin(), clients_.end(), [&](const Client& client) { return client.socket == move.from; });
        if (found == clients_.end() || found->index != move.to) {
            world_.fail("a socket is moved to a session that is not its client's");
            return;
        }
        found->socket = move.to;
        found->away = false;
        world_.hub.release(move.from);
    }
}

/// PROTOCOL.md 5.6, step 3: acknowledge, send again what was not carried out, ask again what was and has no answer.
void GraphHistory::take_resumed(Client& client, const wire::Welcome& welcome) {
    if (!welcome.resumed || welcome.session != client.session) {
        world_.fail("a session is not taken up: " + std::string{error_name(welcome.resume_error)});
        return;
    }
    if (welcome.received != client.carried_out || welcome.token == client.token || !welcome.grants.empty()) {
        world_.fail("taken up behind operation " + std::to_string(welcome.received) + "; should be " + std::to_string(client.carried_out));
        return;
    }
    client.token = welcome.token;
    client.told = client.received;
    std::string bytes;
    wire::encode(bytes, wire::Ack{client.told});
    send(client, bytes, Sent{1, [this, serial = client.serial, count = client.told] { model_.acknowledge(serial, count); }});
    for (Sent& sent : std::exchange(client.unsent, {})) {
        const std::string again = sent.bytes;
        send(client, again, std::move(sent));
    }
    for (auto& [id, asked] : client.asked) {
        if (asked.operation > welcome.received) {
            continue;  // sent again just now
        }
        asked.operation = client.operations + 1;
        send_counted(client, asked.bytes, false, [&client, id = id](std::uint64_t) {
            const Asked& again = client.asked[id];
            client.expected[id] = {again.call, again.carry_out()};
        });
    }
}

/// Before a history ends whoever can come back does, and the others' time runs out. False where nobody is away.
bool GraphHistory::bring_back() {
    bool moved = false;
    bool waits = false;
    for (Client& client : clients_) {
        if (client.away && client.socket == 0 && !client.lost) {
            come_back(client);
            moved = true;
        }
        waits = waits || (client.away && !client.lost);
    }
    const bool any_lost = std::any_of(clients_.begin(), clients_.end(), [](const Client& client) { return client.away && client.lost; });
    if (!waits && any_lost) {
        world_.pass(resume_time);
        tick();
        moved = true;
    }
    return moved;
}

}  // namespace backplane::sim
