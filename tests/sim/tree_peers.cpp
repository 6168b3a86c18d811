// SPDX-License-Identifier: Apache-2.0
/// What clients and the programs of processes do.
#include "tests/sim/tree_history.hpp"

namespace backplane::sim {

namespace {

constexpr std::size_t clients_max = 4;

Fault random_fault(Chance& chance) {
    constexpr FaultKind kinds[] = {FaultKind::none, FaultKind::none, FaultKind::error, FaultKind::exit, FaultKind::drop};
    Fault fault;
    fault.kind = chance.of(kinds);
    fault.argument = fault.kind == FaultKind::exit ? static_cast<std::int32_t>(chance.between(1, 255)) : 0;
    fault.text = chance.one_in(3) ? "so long" : "";
    return fault;
}

std::string disconnect_frame(DeviceId id, const Fault& fault) {
    std::string bytes;
    wire::encode(bytes, wire::Disconnect{id, fault.kind, fault.argument, fault.cascade, fault.text});
    return bytes;
}

}  // namespace

// ---- connections -------------------------------------------------------------------------------------------------------------

Peer& TreeHistory::connect(ChildIndex worker, std::uint32_t generation) {
    Peer& peer = peers_.emplace_back();
    peer.number = static_cast<std::uint32_t>(peers_.size() - 1);
    peer.worker = worker;
    peer.generation = generation;
    session::PeerFacts facts;
    facts.uid = 1000;
    facts.pid = 100;
    facts.worker = worker;
    facts.generation = generation;
    step(
        "accept", worker, [&] { peer.index = world_.hub.accept(facts); }, [] {});
    return peer;
}

void TreeHistory::send(Peer& peer, const char* what, const std::string& bytes, const std::function<void()>& input) {
    step(
        what, peer.worker, [&] { world_.hub.receive(peer.index, std::as_bytes(std::span{bytes})); }, input);
}

void TreeHistory::greet(Peer& peer) {
    wire::Hello hello;
    hello.client = "sim/1";
    std::string bytes;
    wire::encode(bytes, hello);
    peer.may_be_cut = model_.terminating();
    peer.greeted = !peer.may_be_cut;
    send(peer, "hello", bytes, [&] {
        if (peer.worker != 0 && peer.greeted) {
            model_.adopted(peer.worker, peer.generation, peer.number);
        }
    });
    if (world_.good() && world_.hub.is_finished(peer.index)) {
        release(peer);
    }
}

/// The model's part of a connection's end. Its tasks drop with the next slice.
void TreeHistory::close(Peer& peer, bool said_bye) {
    model_.forget_peer(peer.number);
    dropping_.push_back(peer.number);
    if (peer.worker != 0 && peer.greeted) {
        model_.socket_ended(peer.worker, peer.generation, said_bye);
    }
    peer.greeted = false;
}

void TreeHistory::release(Peer& peer) {
    if (world_.good()) {
        world_.hub.release(peer.index);
    }
    peer.index = 0;
    if (Process* process = machine_.find(peer.worker, peer.generation)) {
        process->peer = 0;
    }
}

void TreeHistory::end(Peer& peer) {
    step(
        "connection ends", peer.worker, [&] { world_.hub.ended(peer.index); }, [&] { close(peer, false); });
    release(peer);
}

void TreeHistory::say_bye(Peer& peer) {
    std::string bytes;
    wire::encode(bytes, wire::Bye{});
    send(peer, "bye", bytes, [&] { close(peer, true); });
    release(peer);
}

void TreeHistory::acknowledge(Peer& peer) {
    std::string bytes;
    peer.acknowledged = peer.received;
    peer.shutdown_waits = false;
    wire::encode(bytes, wire::Ack{peer.acknowledged});
    send(peer, "ack", bytes, [] {});
}

void TreeHistory::request(Peer& peer, wire::Request request, const std::function<void(std::uint64_t)>& input) {
    request.id = peer.next_request++;
    peer.asked[request.id] = request.call;
    std::string bytes;
    wire::encode(bytes, request);
    send(peer, wire::call_name(request.call).data(), bytes, [&] { input(request.id); });
}

// ---- clients -----------------------------------------------------------------------------------------------------------------

void TreeHistory::client_acts() {
    std::vector<Peer*> clients;
    for (Peer& peer : peers_) {
        if (peer.index != 0 && peer.worker == 0) {
            clients.push_back(&peer);
        }
    }
    if (clients.size() < clients_max && (clients.empty() || world_.chance.one_in(8))) {
        greet(connect(0, 0));
        return;
    }
    operate(*world_.chance.of(clients));
}

void TreeHistory::operate(Peer& peer) {
    Chance& chance = world_.chance;
    std::vector<DeviceId> own;
    for (const Task& task : model_.tasks()) {
        if (task.peer == peer.number) {
            own.push_back(task.id);
        }
    }
    const std::uint64_t what = chance.below(100);
    if (what < 24) {
        command(peer);
    } else if (what < 32) {
        watch(peer);
    } else if (what < 38) {
        if (peer.acknowledged < peer.received) {
            acknowledge(peer);
        }
    } else if (what < 39) {
        end(peer);
    } else if (what < 40) {
        say_bye(peer);
    } else if (what < 44 && !peer.subscribed) {
        wire::Request subscribe;
        subscribe.call = wire::Call::subscribe;
        subscribe.graph = chance.one_in(2);
        peer.subscribed = true;
        peer.last_seq = seen_seq_;
        request(peer, subscribe, [&](std::uint64_t id) { model_.answers.push_back(OwedAnswer{peer.number, id, ErrorCode::ok, {}}); });
    } else if (own.empty() || (own.size() < 3 && what < 52)) {
        if (!peer.ids.empty()) {
            const DeviceId id = peer.ids.back();
            peer.ids.pop_back();
            std::string bytes;
            wire::encode(bytes, wire::Create{id, false});
            send(peer, "create", bytes, [&] { model_.create(peer.number, id); });
        }
    } else {
        operate_on(peer, chance.of(own));
    }
}

/// Links, requests and the end of one of its tasks.
void TreeHistory::operate_on(Peer& peer, DeviceId task) {
    Chance& chance = world_.chance;
    const ChildIndex child = any_entry();
    const DeviceId other = entry(child).device ? entry(child).device : entry(child).last_device;
    std::string bytes;
    const std::uint64_t what = chance.below(100);
    if (what < 6) {
        end_task(task);
    } else if (what < 75) {
        for (std::uint64_t n = 2 + chance.below(4); n > 0; --n) {
            link(peer, task, any_entry());
        }
    } else if (what < 88 && other) {
        const auto mode = static_cast<LinkMode>(chance.between(1, 3));
        wire::encode_unlink(bytes, wire::LinkOperation{task, other, mode});
        send(peer, "unlink", bytes, [&] { model_.unlink(task, other, mode); });
    } else if (model_.is_live(other)) {
        const Process* process = machine_.find(child, entry(child).generation);
        if (process != nullptr && process->peer != 0 && peers_[process->peer].shutdown_waits) {
            return;
        }
        wire::encode_shutdown(bytes, wire::Shutdown{task, other});
        send(peer, "shutdown request", bytes, [&] { model_.shutdown_request(task, child); });
    }
}

/// Mostly it watches what lives. The other direction makes a managed process depend on the task, and what is dead already
/// is told of at once (L-9).
void TreeHistory::link(Peer& peer, DeviceId task, ChildIndex child) {
    Chance& chance = world_.chance;
    const Entry& e = entry(child);
    const DeviceId other = e.device ? e.device : chance.one_in(4) ? e.last_device : DeviceId{};
    if (!other) {
        return;
    }
    const LinkMode mode = chance.one_in(4) ? static_cast<LinkMode>(chance.between(2, 3)) : LinkMode::monitor;
    std::string bytes;
    wire::encode_link(bytes, wire::LinkOperation{task, other, mode});
    send(peer, "link", bytes, [&] { model_.link(peer.number, task, other, mode); });
}

void TreeHistory::end_task(DeviceId task) {
    for (const Task& one : model_.tasks()) {
        if (one.id == task) {
            const Fault fault = random_fault(world_.chance);
            send(peers_[one.peer], "disconnect", disconnect_frame(task, fault), [&] { model_.end_task(task, fault); });
            return;
        }
    }
}

void TreeHistory::command(Peer& peer) {
    constexpr wire::Call calls[] = {wire::Call::start, wire::Call::stop, wire::Call::restart};
    const std::uint64_t which = world_.chance.below(3);
    // A tree that is down is started again: a history that stands still shows nothing.
    const bool all_down = entry(1).state == ChildState::down && !model_.terminating();
    const ChildIndex child = world_.chance.one_in(all_down ? 2 : 20) ? 1 : any_entry();
    wire::Request wanted;
    wanted.call = calls[which];
    wanted.name = entry(child).path;
    wanted.wait = !world_.chance.one_in(3);
    world_.say("peer " + std::to_string(peer.number) + " request " + std::to_string(peer.next_request) + " about " + wanted.name);
    request(peer, wanted, [&](std::uint64_t id) { model_.command(peer.number, static_cast<core::Verb>(which), child, wanted.wait, id); });
}

void TreeHistory::watch(Peer& peer) {
    const ChildIndex child = any_entry();
    const Entry& e = entry(child);
    if (child == 1 || peer.watches.contains(e.path)) {
        return;
    }
    wire::Request wanted;
    wanted.call = wire::Call::watch_name;
    wanted.name = e.path;
    peer.watches[e.path] = Peer::Watch{child, e.name_ups - (model_.is_live(e.device) ? 1U : 0U), {}};
    request(peer, wanted, [&](std::uint64_t id) { model_.answers.push_back(OwedAnswer{peer.number, id, ErrorCode::ok, {}}); });
}

// ---- programs ----------------------------------------------------------------------------------------------------------------

/// A program speaks on the socket that it inherited, or closes it (T-9).
void TreeHistory::program_acts() {
    std::vector<Process*> speaking;
    for (Process& process : machine_.processes) {
        if (process.state == Process::State::alive && process.peer != 0) {
            speaking.push_back(&process);
        }
    }
    if (speaking.empty()) {
        return;
    }
    Chance& chance = world_.chance;
    Process& process = *chance.of(speaking);
    Peer& peer = peers_[process.peer];
    const ChildIndex child = process.child;
    const std::uint32_t generation = process.generation;
    if (!peer.greeted) {
        chance.one_in(12) ? end(peer) : greet(peer);
        return;
    }
    std::string bytes;
    const std::uint64_t what = chance.below(100);
    if (what < 25) {
        wire::Request ready;
        ready.call = wire::Call::ready;
        process.said_ready = true;
        request(peer, ready, [&](std::uint64_t id) {
            model_.ready(child, generation);
            model_.answers.push_back(OwedAnswer{peer.number, id, ErrorCode::ok, {}});
        });
    } else if (what < 45) {
        const DeviceId other = entry(any_entry()).device;
        if (model_.is_live(other) && model_.is_live(peer.device) && other != peer.device) {
            wire::encode_link(bytes, wire::LinkOperation{peer.device, other, LinkMode::monitor});
            send(peer, "link of a program", bytes, [&] { model_.link(peer.number, peer.device, other, LinkMode::monitor); });
        }
    } else if (what < 60) {
        const bool on = chance.one_in(2);
        if (model_.is_live(peer.device)) {
            wire::encode(bytes, wire::Manage{peer.device, on});
            send(peer, "manage", bytes, [&] { model_.manage(child, generation, on); });
        }
    } else if (what < 75) {
        Fault fault = random_fault(chance);
        if (chance.one_in(4)) {  // of something that nobody has heard of
            fault = Fault{};
            fault.kind = FaultKind::cascade;
            fault.cascade = fault.root = DeviceId::make(7, 1U << 20U);
            fault.root_kind = FaultKind::unreachable;
            fault.hops = 1;
        }
        send(peer, "goodbye", disconnect_frame(peer.device, fault), [&] { model_.said_goodbye(child, generation, fault); });
    } else if (what < 80) {
        if (peer.acknowledged < peer.received) {
            acknowledge(peer);
        }
    } else if (what < 90) {
        say_bye(peer);
    } else {
        end(peer);
    }
}

}  // namespace backplane::sim
