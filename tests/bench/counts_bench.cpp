// SPDX-License-Identifier: Apache-2.0
/// Fixed workloads whose instructions tests/bench/run counts under callgrind: the same number on every machine, so a
/// slower core or codec is seen where times would drown in noise.
///
/// usage: bp_bench_counts WORKLOAD ROUNDS | --list
#include "daemon/core/engine.hpp"
#include "proto/wire/codec.hpp"

#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace backplane;
using namespace backplane::core;

constexpr SessionIndex client = 1;
constexpr std::uint32_t fan = 100;

/// One session on an engine: creates, links, disconnects, takes and acknowledges what it is owed.
class Workbench {
  public:
    Workbench() {
        step(Event::boot(Epoch{1}, 1, 0));
        step(Event::session_open(client, 0, 1, no_child, 0));
        step(Event::session_greeted(client));
    }
    DeviceId create(bool managed = false) {
        if (next_ == ids_.size()) {
            refill();
        }
        const DeviceId id = ids_[next_++];
        step(Event::create(client, id, managed, 1));
        return id;
    }
    void link(DeviceId from, DeviceId to) { step(Event::link(client, from, to, LinkMode::monitor, false, 1)); }
    void disconnect(DeviceId id, FaultKind fault) { step(Event::disconnect(client, id, fault, 0, DeviceId{}, {}, 1)); }
    /// Works off what is queued and acknowledges all that was owed.
    void finish() {
        while (engine_.graph().work_left()) {
            step(Event::of(EventKind::go_on));
        }
        const std::uint64_t owed = engine_.graph().session(client).owed_total;
        if (owed != acknowledged_) {
            acknowledged_ = owed;
            step(Event::session_ack(client, owed));
        }
    }
    [[nodiscard]] const Engine& engine() const { return engine_; }

  private:
    void step(const Event& event) {
        engine_.step(Instant{1}, event, out_);
        out_.clear();
    }
    void refill() {
        step(Event::grant(client, 1, 1));
        ids_.clear();
        next_ = 0;
        for (const DeviceId first : engine_.graph().granted()) {
            for (std::uint32_t i = 0; i < page_slots; i++) {
                ids_.push_back(DeviceId::make(first.generation(), first.slot() + i));
            }
        }
    }

    Engine engine_;
    Effects out_;
    std::vector<DeviceId> ids_;
    std::size_t next_ = 0;
    std::uint64_t acknowledged_ = 0;
};

void create_destroy(int rounds) {
    Workbench bench;
    for (int i = 0; i < rounds; i++) {
        bench.disconnect(bench.create(), FaultKind::none);
        bench.finish();
    }
}

void link_notice(int rounds) {
    Workbench bench;
    for (int i = 0; i < rounds; i++) {
        const DeviceId watcher = bench.create();
        const DeviceId target = bench.create();
        bench.link(watcher, target);
        bench.disconnect(target, FaultKind::error);
        bench.finish();
        bench.disconnect(watcher, FaultKind::none);
        bench.finish();
    }
}

void fan_out(int rounds) {
    Workbench bench;
    std::vector<DeviceId> watchers(fan);
    for (DeviceId& watcher : watchers) {
        watcher = bench.create();
    }
    for (int i = 0; i < rounds; i++) {
        const DeviceId hub = bench.create();
        for (const DeviceId watcher : watchers) {
            bench.link(watcher, hub);
        }
        bench.disconnect(hub, FaultKind::error);
        bench.finish();
    }
}

void cascade(int rounds) {
    Workbench bench;
    for (int i = 0; i < rounds; i++) {
        const DeviceId first = bench.create(true);
        DeviceId before = first;
        for (std::uint32_t n = 1; n < fan; n++) {
            const DeviceId next = bench.create(true);
            bench.link(next, before);
            before = next;
        }
        bench.disconnect(first, FaultKind::error);
        bench.finish();
    }
}

wire::Bytes bytes_of(const std::string& text) { return {reinterpret_cast<const std::byte*>(text.data()), text.size()}; }

void codec_link(int rounds) {
    std::string out;
    for (int i = 0; i < rounds; i++) {
        out.clear();
        wire::encode_link(out, wire::LinkOperation{DeviceId::make(1, 1), DeviceId::make(1, 2), LinkMode::peer});
        wire::LinkOperation read;
        const char* wrong = nullptr;
        if (!wire::read(wire::next_frame(bytes_of(out)).frame, read, wrong)) {
            std::abort();
        }
    }
}

void codec_notice(int rounds) {
    wire::Notice notice;
    notice.to = DeviceId::make(1, 1);
    notice.about = DeviceId::make(1, 2);
    notice.fault = FaultKind::exit;
    notice.argument = 3;
    notice.text = "a few words";
    std::string out;
    for (int i = 0; i < rounds; i++) {
        out.clear();
        wire::encode_notice(out, notice);
        wire::Notice read;
        const char* wrong = nullptr;
        if (!wire::read(wire::next_frame(bytes_of(out)).frame, read, wrong)) {
            std::abort();
        }
    }
}

void codec_request(int rounds) {
    wire::Request request;
    request.id = 7;
    request.call = wire::Call::lookup;
    request.name = "jobs/mailer";
    std::string out;
    for (int i = 0; i < rounds; i++) {
        out.clear();
        wire::encode(out, request);
        std::uint64_t id = 0;
        if (!wire::decode_request(wire::next_frame(bytes_of(out)).frame, id)) {
            std::abort();
        }
    }
}

struct Workload {
    std::string_view name;
    void (*run)(int rounds);
};

constexpr std::array workloads{
    Workload{"create_destroy", create_destroy}, Workload{"link_notice", link_notice}, Workload{"fan_out_100", fan_out},
    Workload{"cascade_100", cascade},           Workload{"codec_link", codec_link},   Workload{"codec_notice", codec_notice},
    Workload{"codec_request", codec_request},
};

}  // namespace

int main(int count, char** words) {
    const std::string_view name = count > 1 ? words[1] : "";
    for (const Workload& workload : workloads) {
        if (name == "--list") {
            std::printf("%s\n", workload.name.data());
        } else if (name == workload.name && count > 2) {
            workload.run(std::atoi(words[2]));
            return 0;
        }
    }
    return name == "--list" ? 0 : 2;
}
