// SPDX-License-Identifier: Apache-2.0
/// A hostile journal, read and replayed as a daemon does after a crash: what the reader takes and `can_happen` lets through must
/// be safe to step, whatever it says; and the daemon that comes of it serves.
///
/// The input's first byte: bit 0 leaves the checksums as they are (else they are repaired, so that damaged events get through), bit 1
/// takes the rest as the records themselves (else as changes of a small history's), the rest chooses the history.
#include "daemon/core/spec.hpp"
#include "daemon/journal/reader.hpp"
#include "daemon/session/hub.hpp"
#include "proto/wire/codec.hpp"
#include "tests/fuzz/patched.hpp"

#include <algorithm>
#include <cstring>
#include <vector>

namespace {

using namespace backplane;
using core::Event;
using core::EventKind;

constexpr std::uint64_t nonce = 0x5eed;
constexpr Instant now{1'000'000'000'000'000};

core::ChildSpec worker(std::string name) {
    core::ChildSpec spec;
    spec.name = std::move(name);
    spec.launch.exec = {"/usr/bin/worker"};
    spec.managed = true;
    return spec;
}

std::string small_tree() {
    core::SupervisorSpec root;
    root.children = {worker("db"), worker("web"), worker("sub")};
    root.children[1].links = {{"db", LinkMode::monitor}};
    root.children[1].readiness = core::Readiness::notify;
    root.children[2].is_supervisor = true;
    root.children[2].supervisor.emplace_back().children = {worker("w1")};
    return encode_spec(root);
}

void append(std::string& bytes, Instant at, const Event& event) {
    const journal::RecordHead record = journal::make_record(at, event, nonce, journal::head_bytes + bytes.size());
    bytes.append(reinterpret_cast<const char*>(&record), sizeof record).append(event.text);
    bytes.resize(journal::stride(bytes.size()));
}

/// The records of a run: what is fed, and what a willing machine answers.
std::string record(const std::vector<Event>& events) {
    core::Engine engine;
    std::string bytes;
    Instant at{1};
    for (const Event& fed : events) {
        std::vector<Event> next{fed};
        for (std::size_t i = 0; i < next.size() && i < 16; ++i) {
            const Event event = next[i];
            append(bytes, at, event);
            core::Effects out;
            engine.step(at, event, out);
            at.ns += 1'000'000;
            for (const core::Effect& effect : out.list) {
                if (effect.kind == core::EffectKind::go_on) {
                    next.push_back(Event::of(EventKind::go_on));
                } else if (effect.kind == core::EffectKind::spawn) {
                    next.push_back(Event::spawned(effect.child, effect.generation, 4000, 5));
                } else if (effect.kind == core::EffectKind::signal) {
                    next.push_back(Event::exited(effect.child, effect.generation, core::ExitHow::signalled, effect.argument));
                } else if (effect.kind == core::EffectKind::reap) {
                    next.push_back(Event::group_empty(effect.child, effect.generation));
                }
            }
        }
    }
    return bytes;
}

std::vector<std::string> make_histories() {
    static const std::string tree = small_tree();
    static const std::string limits = encode_limits(core::EngineLimits{});
    const DeviceId a = DeviceId::make(1, 64);
    const DeviceId b = DeviceId::make(1, 65);
    const Event boot = Event::boot(Epoch{0xabc}, 7, 0, limits);
    const Event open = Event::session_open(1, 0, 10, core::no_child, 0, core::Token{1, 2});
    const std::vector<Event> tasks{boot,
                                   open,
                                   Event::session_greeted(1),
                                   Event::grant(1, 2, 1),
                                   Event::create(1, a, false, 1),
                                   Event::create(1, b, true, 2),
                                   Event::link(1, a, b, LinkMode::peer, true, 3),
                                   Event::naming(EventKind::register_name, 1, "task", a, 4),
                                   Event::naming(EventKind::watch_name, 1, "task", DeviceId{}, 5),
                                   Event::manage(1, a, true, 6),
                                   Event::heartbeat(1, a, 1000, 7),
                                   Event::label(1, a, "app=shop\nenv=prod\n", 8),
                                   Event::shutdown_request(1, a, b, 7),
                                   Event::disconnect(1, b, FaultKind::error, 0, DeviceId{}, "why", 8),
                                   Event::subscribe(1, true),
                                   Event::session_ack(1, 1),
                                   Event::session_refused(Event::link(1, a, b, LinkMode::peer, true, 9)),
                                   Event::of(EventKind::recovered),
                                   Event::session_resumed(1, 11, 2, core::Token{3, 4}),
                                   Event::unlink(1, a, b, LinkMode::monitor, true, 10),
                                   Event::session_close(1, "gone"),
                                   Event::of(EventKind::terminate)};
    const std::vector<Event> workers{boot,
                                     Event::configure(tree),
                                     open,
                                     Event::session_greeted(1),
                                     Event::session_open(2, 0, 20, 2, 1, core::Token{5, 6}),
                                     Event::session_greeted(2),
                                     Event::ready(3, 1),
                                     Event::grant(1, 1, 1),
                                     Event::create(1, a, true, 1),
                                     Event::link(1, a, DeviceId::make(1, 2), LinkMode::peer, false, 2),
                                     Event::naming(EventKind::watch_name, 1, "db", DeviceId{}, 3),
                                     Event::exited(2, 1, core::ExitHow::dumped, 11),
                                     Event::of(EventKind::tick),
                                     Event::spawn_failed(2, 2, core::SpawnStep::exec, 2),
                                     Event::command(1, core::Verb::restart, 3, true, 4),
                                     Event::of(EventKind::recovered),
                                     Event::command(1, core::Verb::stop, 1, true, 5, true),
                                     Event::of(EventKind::terminate)};
    return {record(tasks), record(workers)};
}

/// Every record is made one that the reader takes.
void repair(std::string& records) {
    std::size_t at = 0;
    while (at + sizeof(journal::RecordHead) <= records.size()) {
        journal::RecordHead head;
        std::memcpy(static_cast<void*>(&head), records.data() + at, sizeof head);
        const std::size_t left = (records.size() - at) & ~std::size_t{7};
        if (head.size < sizeof head || journal::stride(head.size) > left) {
            head.size = sizeof head;
        }
        const std::string_view text = std::string_view{records}.substr(at + sizeof head, head.size - sizeof head);
        head.sum = journal::record_sum(head, text, nonce, journal::head_bytes + at);
        std::memcpy(records.data() + at, static_cast<const void*>(&head), sizeof head);
        at += journal::stride(head.size);
    }
}

std::string file_of(std::string_view records) {
    journal::Head head;
    head.magic = journal::head_magic;
    head.version = journal::format_version;
    head.nonce = nonce;
    head.image_sum = journal::checksum(nullptr, 0, nonce);
    head.sum = journal::head_sum(head);
    head.state = journal::HeadState::good;
    std::string bytes(journal::head_bytes, '\0');
    std::memcpy(bytes.data(), static_cast<const void*>(&head), sizeof head);
    return bytes.append(records);
}

void run_all(session::Hub& hub) {
    for (int slice = 0; slice < 1000 && hub.wants_go_on(); ++slice) {
        hub.go_on();
    }
    fuzz::hold(!hub.wants_go_on(), "work ends");
    std::vector<core::Effect> machine;
    hub.take_machine(machine);
}

/// The daemon takes over as its shell has it do: a client comes, is welcomed where the daemon does not stop, and goes.
void take_over(session::Hub& hub) {
    hub.feed(Event::of(EventKind::recovered));
    hub.restore();
    run_all(hub);
    const core::SessionIndex client = hub.accept(session::PeerFacts{0, 0, 5, core::no_child, 0, core::Token{8, 9}});
    std::string hello;
    wire::encode(hello, wire::Hello{1, 1, "fuzz/1", {}, {}});
    hub.receive(client, fuzz::as_bytes(hello));
    fuzz::hold(!hub.outbox(client).empty(), "a client is answered");
    hub.ended(client);
    run_all(hub);
    hub.release(client);
    hub.set_time(now + Duration::seconds(100'000), 1);
    hub.feed(Event::of(EventKind::tick));
    hub.feed(Event::of(EventKind::terminate));
    run_all(hub);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const std::vector<std::string> histories = make_histories();
    if (size == 0) {
        return 0;
    }
    const std::string_view rest = fuzz::as_text(data + 1, size - 1);
    std::string records = (data[0] & 2) != 0 ? std::string{rest} : fuzz::patched(histories[(data[0] >> 2) % histories.size()], rest);
    if ((data[0] & 1) == 0) {
        repair(records);
    }
    const std::string bytes = file_of(records);
    Expected<journal::Reader> reader = journal::Reader::open(bytes);
    fuzz::hold(reader.has_value(), "a right head is taken");
    core::Engine engine;
    session::Hub hub(engine, session::HubOptions{});
    hub.set_time(now, 1);
    journal::Entry entry;
    Instant last{};
    while (reader->next(entry)) {
        if (entry.at < last || entry.at > now || !engine.can_happen(entry.event)) {
            break;
        }
        last = entry.at;
        hub.replay(entry.at, entry.event);
    }
    fuzz::hold(reader->place() <= bytes.size(), "the reader stays within the file");
    if (engine.steps() == 0) {
        return 0;
    }
    fuzz::hold(engine.check().empty(), "the graph's invariants");
    // The image of such a state begins the next journal, and must be taken.
    std::string image;
    engine.save(image);
    core::Engine other;
    fuzz::hold(other.load(image).has_value(), "what was replayed is saved and loaded");
    take_over(hub);
    fuzz::hold(engine.check().empty(), "the graph's invariants after the take-over");
    return 0;
}
