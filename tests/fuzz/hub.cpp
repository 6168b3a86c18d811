// SPDX-License-Identifier: Apache-2.0
/// A hostile client against the whole session room and core: any bytes, cut anywhere, after a handshake or instead of one.
/// A witness on another connection keeps its Devices, its link and its notices (T-11, threats.md).
///
/// The input's first byte: bit 0 skips the handshake, bit 1 makes the hostile one a subscriber, the rest is how the bytes are cut.
#include "daemon/session/hub.hpp"
#include "proto/wire/codec.hpp"
#include "tests/fuzz/target.hpp"

#include <algorithm>

namespace {

using namespace backplane;
using session::Hub;

/// What a client has been told, read from its outbox as it is written.
class Client {
  public:
    Client(Hub& hub, std::uint64_t token) : hub_(hub) {
        session::PeerFacts peer;
        peer.token.high = token;
        index_ = hub.accept(peer);
    }
    [[nodiscard]] core::SessionIndex index() const { return index_; }

    void send(std::string_view bytes) { hub_.receive(index_, fuzz::as_bytes(bytes)); }

    /// Takes everything that is to be written; what the hub writes must be frames of the daemon.
    void drain() {
        for (int turn = 0; turn < 64 && !hub_.outbox(index_).empty(); ++turn) {
            heard_.append(hub_.outbox(index_));
            hub_.wrote(index_, hub_.outbox(index_).size());
        }
        wire::FrameResult result = wire::next_frame(fuzz::as_bytes(heard_));
        while (result.status == wire::FrameStatus::whole) {
            fuzz::hold(wire::is_from_daemon(result.frame.type), "the hub speaks the daemon's frames");
            if (result.frame.type == wire::FrameType::welcome) {
                const auto welcome = wire::decode_welcome(result.frame);
                fuzz::hold(welcome.has_value() && !welcome->grants.empty(), "a welcome brings grants");
                first_ = welcome->grants[0].first;
            }
            notices_ += result.frame.type == wire::FrameType::notice ? 1u : 0u;
            heard_.erase(0, result.size);
            result = wire::next_frame(fuzz::as_bytes(heard_));
        }
        fuzz::hold(heard_.empty(), "the hub writes whole frames");
    }

    [[nodiscard]] DeviceId first() const { return first_; }
    [[nodiscard]] std::uint64_t notices() const { return notices_; }

  private:
    Hub& hub_;
    core::SessionIndex index_ = 0;
    std::string heard_;
    DeviceId first_{};
    std::uint64_t notices_ = 0;
};

std::string hello() {
    std::string bytes;
    wire::encode(bytes, wire::Hello{1, 1, "fuzz/1", {}, {}});
    return bytes;
}

std::string subscribe() {
    wire::Request request;
    request.id = 1;
    request.call = wire::Call::subscribe;
    request.graph = true;
    std::string bytes;
    wire::encode(bytes, request);
    return bytes;
}

void run_all(Hub& hub) {
    for (int slice = 0; slice < 1000 && hub.wants_go_on(); ++slice) {
        hub.go_on();
    }
    fuzz::hold(!hub.wants_go_on(), "work ends");
    std::vector<core::Effect> machine;
    hub.take_machine(machine);
    std::vector<core::SessionIndex> dirty;
    hub.take_dirty(dirty);
}

void attack(Hub& hub, Client& hostile, std::uint8_t how, std::string_view bytes) {
    if ((how & 1) == 0) {
        hostile.send(hello());
    }
    if ((how & 2) != 0) {
        hostile.send(subscribe());
    }
    const std::size_t piece = (how >> 2) == 0 ? bytes.size() + 1 : static_cast<std::size_t>(how >> 2);
    while (!bytes.empty() && !hub.is_finished(hostile.index())) {
        hostile.send(bytes.substr(0, piece));
        bytes.remove_prefix(std::min(piece, bytes.size()));
        hostile.drain();
    }
}

/// The witness creates two Devices, links them, and drops one: whatever went on meanwhile, it hears of it exactly once.
void bear_witness(Hub& hub, Client& witness) {
    const DeviceId a = witness.first();
    const DeviceId b{a.value + 1};
    std::string bytes;
    wire::encode(bytes, wire::Create{a, false});
    wire::encode(bytes, wire::Create{b, false});
    wire::encode_link(bytes, wire::LinkOperation{a, b, LinkMode::monitor});
    wire::Disconnect end;
    end.id = b;
    end.fault = FaultKind::error;
    wire::encode(bytes, end);
    const std::uint64_t before = witness.notices();
    witness.send(bytes);
    run_all(hub);
    witness.drain();
    fuzz::hold(witness.notices() == before + 1, "the witness is told once (D-6)");
    fuzz::hold(!hub.is_finished(witness.index()), "nobody else notices (T-11)");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) {
        return 0;
    }
    core::Engine engine;
    session::HubOptions options;
    options.pid = 1;
    Hub hub(engine, options);
    hub.set_time(Instant{1'000'000}, 1);
    hub.feed(core::Event::boot(Epoch{0x9f3ac41d20b7e655}, 7, 0));
    Client witness(hub, 1);
    witness.send(hello());
    witness.drain();
    Client hostile(hub, 2);
    attack(hub, hostile, data[0], fuzz::as_text(data + 1, size - 1));
    run_all(hub);
    hub.set_time(Instant{2'001'000'000}, 2'000'001);  // what it promised by then comes due
    hub.feed(core::Event::of(core::EventKind::tick));
    run_all(hub);
    bear_witness(hub, witness);
    hostile.drain();
    if (!hub.is_finished(hostile.index())) {
        hub.ended(hostile.index());
    }
    run_all(hub);
    hub.release(hostile.index());
    fuzz::hold(engine.check().empty(), "the graph's invariants");
    return 0;
}
