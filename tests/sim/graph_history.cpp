// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/graph_history.hpp"

#include <algorithm>

namespace backplane::sim {

namespace {

session::HubOptions options_of(std::uint64_t seed) {
    session::HubOptions options;
    options.pid = 1;
    options.uid = 1000;
    if (seed % 3 == 0) {
        options.outbox_mark = 200;  // back-pressure after a few frames (decision 4)
    }
    return options;
}

}  // namespace

GraphHistory::GraphHistory(const Options& options)
    : world_(options, options_of(options.seed)),
      model_(options.forget_each),
      steps_(options.steps),
      clients_max_(options.crash_each != 0 ? 16 : 8),
      hurries_(options.crash_each != 0 || options.crash_at != 0) {}

Outcome run_graph_history(const Options& options) { return GraphHistory(options).run(); }

Outcome GraphHistory::run() {
    open();
    open();
    for (int i = 0; i < steps_ && world_.good(); ++i) {
        world_.tempt_fate();
        act();
        crash();
        world_.save_and_load();
        compare();
    }
    if (world_.good()) {
        quiet();
    }
    if (world_.good()) {
        finish();
    }
    world_.replay();
    return world_.outcome();
}

// ---- the network -----------------------------------------------------------------------------------------------------

void GraphHistory::open() {
    Client& client = clients_.emplace_back();
    client.uid = world_.chance.one_in(4) ? 0 : 1000;
    session::PeerFacts peer;
    peer.uid = client.uid;
    peer.pid = 100;
    peer.token = world_.fresh_token();
    client.index = client.socket = world_.hub.accept(peer);
    client.serial = model_.open(client.uid);
    await(client);
    wire::Hello hello;
    hello.client = "sim/1";
    std::string bytes;
    wire::encode(bytes, hello);
    send(client, bytes, Sent{1, [&client] {
                                 client.said_hello = true;
                                 client.due = Instant::never();
                             }});
    send(client, {}, Sent{1, [] {}});  // its first grant
}

/// Carries the model over what the hub has carried out in `steps` steps of the core.
void GraphHistory::account(Client& client, std::uint64_t steps, bool ended) {
    while (!client.gone && !client.pending.empty()) {
        const Sent next = client.pending.front();
        if (next.steps > steps || next.end_at > client.delivered_bytes) {
            break;
        }
        client.pending.pop_front();
        steps -= next.steps;
        next.carry_out();
        world_.say("session " + std::to_string(client.serial) + " " + next.what);
        if (next.ends) {
            client.gone = true;
        }
    }
    if (ended && !client.gone && steps == 1) {
        close(client, {});
        steps = 0;
    }
    if (steps != 0) {
        world_.fail("the hub made " + std::to_string(steps) + " steps more than was sent");
    }
}

void GraphHistory::close(Client& client, const std::string& why) {
    client.gone = true;
    model_.close(client.serial, why);
}

void GraphHistory::deliver(Client& client, std::size_t bytes) {
    if (client.socket == 0 || client.gone || !world_.hub.wants_read(client.socket)) {
        return;
    }
    const std::string part = client.to_daemon.substr(0, bytes);
    client.to_daemon.erase(0, part.size());
    client.delivered_bytes += part.size();
    const std::uint64_t before = world_.taken();
    world_.hub.receive(client.socket, std::as_bytes(std::span{part}));
    account(client, world_.taken() - before, false);
    take_moves();
}

void GraphHistory::read(Client& client, std::size_t bytes) {
    if (client.socket == 0) {
        return;
    }
    const std::string part{world_.hub.outbox(client.socket).substr(0, bytes)};
    world_.trace_bytes(part);
    client.from_daemon += part;
    const std::uint64_t before = world_.taken();
    world_.hub.wrote(client.socket, part.size());
    account(client, world_.taken() - before, false);
    parse(client);
}

/// The client's end is seen: what was read is carried out, the rest of the stream is lost (T-6).
void GraphHistory::end(Client& client) {
    if (client.away) {
        hang_up(client);
        return;
    }
    const std::uint64_t before = world_.taken();
    const bool gone = client.gone;
    world_.say("session " + std::to_string(client.serial) + " loses its connection");
    world_.hub.ended(client.socket);
    account(client, world_.taken() - before, !gone);
    if (!client.gone && !world_.is_dead()) {
        world_.fail("the end of a connection did not end its session");
    }
    client.lost = !client.gone;  // whoever ends its connection does not come back
    client.pending.clear();
    client.said_end = true;
    world_.hub.release(client.socket);
    client.socket = 0;
    client.index = client.gone ? 0 : client.index;
}

void GraphHistory::go_on() {
    const std::uint64_t before = world_.taken();
    world_.hub.go_on();
    if (world_.taken() != before) {
        model_.work();
    }
}

/// Whoever has not said hello in time is cut, and the session of who has not come back in time is over (T-10).
void GraphHistory::tick() {
    std::vector<Client*> late;
    for (Client& client : clients_) {
        if (client.index != 0 && !client.gone && client.due <= world_.now) {
            late.push_back(&client);
        }
    }
    std::sort(late.begin(), late.end(),
              [](const Client* a, const Client* b) { return a->due != b->due ? a->due < b->due : a->due_order < b->due_order; });
    const std::uint64_t before = world_.taken();
    world_.hub.feed(core::Event::of(core::EventKind::tick));
    std::uint64_t steps = world_.taken() - before;
    if (steps != 0) {
        model_.pass(world_.now);
    }
    for (std::size_t i = 0; i < late.size() && steps > 1; ++i, --steps) {
        Client& client = *late[i];
        const ErrorCode why = client.away ? ErrorCode::unreachable : ErrorCode::handshake_timeout;
        client.bye_expected = client.away ? ErrorCode::ok : why;
        client.said_end = true;
        client.pending.clear();
        close(client, std::string{error_name(why)});
        if (client.away) {
            hang_up(client);
            client.away = false;
            client.index = 0;
        }
    }
    if (steps > 1 || (!world_.is_dead() && !late.empty() && !late.back()->gone)) {
        world_.fail("of " + std::to_string(late.size()) + " late clients " + std::to_string(steps - 1) + " more or fewer were cut");
    }
}

// ---- comparison ------------------------------------------------------------------------------------------------------

void GraphHistory::compare() {
    for (Client& client : clients_) {
        if (client.gone || !world_.good()) {
            continue;
        }
        if (client.index == 0) {
            continue;
        }
        if (const std::string wrong = model_.compare(client.serial, world_.engine, client.index); !wrong.empty()) {
            world_.fail("session " + std::to_string(client.index) + ": " + wrong);
        }
    }
    if (world_.good() && world_.chance.one_in(8) && !world_.hub.wants_go_on()) {
        if (const std::string wrong = world_.engine.check(); !wrong.empty()) {
            world_.fail("check: " + wrong);
        }
        if (const std::string wrong = model_.compare_labels(world_.engine); !wrong.empty()) {
            world_.fail(wrong);
        }
        if (model_.live_count() != world_.engine.graph().device_count()) {
            world_.fail("live Devices: " + std::to_string(world_.engine.graph().device_count()) + "; should be " +
                        std::to_string(model_.live_count()));
        }
        if (model_.edge_count() != world_.engine.graph().link_count()) {
            world_.fail("links: " + std::to_string(world_.engine.graph().link_count()) + "; should be " +
                        std::to_string(model_.edge_count()));
        }
    }
}

/// Faults and cuts end: everything on the way arrives, is read and acknowledged.
void GraphHistory::quiet() {
    for (int round = 0; round < 400 && world_.good(); ++round) {
        bool moved = bring_back();
        for (Client& client : clients_) {
            crash();
            if (client.socket == 0) {
                continue;
            }
            if (!client.to_daemon.empty() && !client.gone && world_.hub.wants_read(client.socket)) {
                deliver(client, client.to_daemon.size());
                moved = true;
            }
            crash();
            if (client.socket != 0 && !world_.hub.outbox(client.socket).empty()) {
                read(client, 100'000);
                moved = true;
            }
            crash();
            if (client.told < client.received && client.greeted && !client.gone && !client.said_end) {
                send_ack(client);
                moved = true;
            }
        }
        if (world_.hub.wants_go_on()) {
            go_on();
            moved = true;
        }
        crash();
        compare();
        if (!moved) {
            return;
        }
    }
    world_.fail("the world does not come to rest");
}

void GraphHistory::finish() {
    world_.spare();
    for (Client& client : clients_) {
        if (client.socket == 0) {
            continue;
        }
        if (!client.gone) {
            const std::size_t items = model_.session(client.serial).items.size();
            if (client.received != items) {
                world_.fail("told " + std::to_string(client.received) + " of " + std::to_string(items) + " things");
            }
            if (client.acked < client.carried_out) {
                world_.fail("operations carried out and not acknowledged");
            }
            if (!client.asked.empty()) {
                world_.fail("a request was never answered");
            }
        } else if (client.bye_expected != ErrorCode::ok && !client.said_bye) {
            world_.fail("a session was cut without a word");
        }
        end(client);
    }
    while (world_.hub.wants_go_on()) {
        go_on();
    }
    if (world_.engine.graph().device_count() != 0 || world_.engine.graph().link_count() != 0) {
        world_.fail("something is left of sessions that are all gone");
    }
    if (const std::string wrong = world_.engine.check(); !wrong.empty()) {
        world_.fail("check: " + wrong);
    }
}

}  // namespace backplane::sim
