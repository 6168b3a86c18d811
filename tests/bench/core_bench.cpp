// SPDX-License-Identifier: Apache-2.0
/// What the core costs, event by event through Engine::step, as a session drives it: ids fetched page by page, notices
/// taken from the owed list as they come and acknowledged in batches (decisions 1, 3). tests/bench/run prints each
/// figure beside its floor of the same run (floors/graph_floor.cpp).
#include "daemon/core/engine.hpp"
#include "tests/bench/page_ids.hpp"

#include <benchmark/benchmark.h>

#include <cstdint>
#include <cstdlib>
#include <vector>

namespace {

using namespace backplane;
using namespace backplane::core;

constexpr SessionIndex client = 1;
constexpr std::uint64_t acknowledged_each = 64;  ///< the latest that PROTOCOL.md 5.2 allows

/// An engine with one greeted session, and the few things that the session room does between two events.
class Bench {
  public:
    Bench() {
        step(Event::boot(Epoch{1}, 1, 0));
        step(Event::session_open(client, 0, 1, no_child, 0));
        step(Event::session_greeted(client));
        finish();
    }

    void step(const Event& event) { engine_.step(Instant{1}, event, out_); }

    /// What a tick does once: work in slices until none is left, take what is new, acknowledge it in batches.
    void finish() {
        if (!out_.empty()) {
            carry_out();
        }
    }

    DeviceId create(bool managed = false) {
        const DeviceId id = ids_.next(engine_, client, [this](const Event& event) { step(event); });
        step(Event::create(client, id, managed, ++operation_));
        return id;
    }
    void link(DeviceId from, DeviceId to, LinkMode mode) { step(Event::link(client, from, to, mode, false, ++operation_)); }
    void unlink(DeviceId from, DeviceId to, LinkMode mode) { step(Event::unlink(client, from, to, mode, false, ++operation_)); }
    void disconnect(DeviceId id, FaultKind fault) { step(Event::disconnect(client, id, fault, 0, DeviceId{}, {}, ++operation_)); }
    void acknowledge() {
        if (taken_ != acknowledged_) {
            acknowledged_ = taken_;
            place_ = 0;
            step(Event::session_ack(client, taken_));
        }
    }
    [[nodiscard]] std::uint64_t taken() const { return taken_; }
    [[nodiscard]] std::uint64_t devices() const { return engine_.graph().device_count(); }

  private:
    [[gnu::noinline]] void carry_out() {
        bool left = true;
        while (left) {
            left = false;
            for (const Effect& effect : out_.list) {
                left = left || effect.kind == EffectKind::go_on;
                if (effect.kind == EffectKind::session_ready) {
                    take();
                }
            }
            out_.clear();
            if (left) {
                step(Event::of(EventKind::go_on));
            }
        }
    }

    /// Reads what is new on the owed list, as an encoder would, and acknowledges when a batch is full.
    void take() {
        const Graph& graph = engine_.graph();
        std::uint32_t at = place_ == 0 ? graph.first_owed(client) : graph.next_owed(place_);
        while (at != 0) {
            benchmark::DoNotOptimize(graph.owed(at));
            place_ = at;
            at = graph.next_owed(at);
            ++taken_;
        }
        if (taken_ - acknowledged_ >= acknowledged_each) {
            acknowledge();
        }
    }

    Engine engine_;
    Effects out_;
    bench::PageIds ids_;
    std::uint32_t place_ = 0;
    std::uint64_t operation_ = 0, taken_ = 0, acknowledged_ = 0;
};

void per_item(benchmark::State& state, std::int64_t items) { state.SetItemsProcessed(state.iterations() * items); }

/// A figure of something that did not happen would be worse than none.
void expect(benchmark::State& state, bool good) {
    if (!good) {
        state.SkipWithError("the core did not do what is measured");
    }
}

void create_destroy(benchmark::State& state) {
    Bench bench;
    for (auto _ : state) {
        bench.disconnect(bench.create(), FaultKind::none);
        bench.finish();
    }
    per_item(state, 1);
    expect(state, bench.devices() == 0);
}
BENCHMARK(create_destroy);

void link_drop(benchmark::State& state, LinkMode mode) {
    Bench bench;
    for (auto _ : state) {
        const DeviceId watcher = bench.create();
        const DeviceId target = bench.create();
        bench.link(watcher, target, mode);
        bench.disconnect(target, FaultKind::error);
        bench.finish();
        bench.disconnect(watcher, FaultKind::none);
        bench.finish();
    }
    per_item(state, 1);
    expect(state, bench.devices() == 0 && bench.taken() == static_cast<std::uint64_t>(state.iterations()));
}
void create2_link_drop_notice(benchmark::State& state) { link_drop(state, LinkMode::monitor); }
BENCHMARK(create2_link_drop_notice);
void create2_peer_drop_notice(benchmark::State& state) { link_drop(state, LinkMode::peer); }
BENCHMARK(create2_peer_drop_notice);

/// Between two Devices that have `others` links each: the cost must not know it (constant time at any degree).
void link_unlink(benchmark::State& state) {
    Bench bench;
    const DeviceId a = bench.create();
    const DeviceId b = bench.create();
    for (std::int64_t i = 0; i < state.range(0); ++i) {
        const DeviceId other = bench.create();
        bench.link(a, other, LinkMode::peer);
        bench.link(b, other, LinkMode::peer);
    }
    bench.finish();
    for (auto _ : state) {
        bench.link(a, b, LinkMode::monitor);
        bench.unlink(a, b, LinkMode::monitor);
        bench.finish();
    }
    per_item(state, 1);
}
BENCHMARK(link_unlink)->Arg(0)->Arg(7)->Arg(8)->Arg(100)->Arg(100'000);

std::vector<DeviceId> many(Bench& bench, std::int64_t count, bool managed) {
    std::vector<DeviceId> ids;
    for (std::int64_t i = 0; i < count; ++i) {
        ids.push_back(bench.create(managed));
        bench.finish();
    }
    return ids;
}

/// One hub with many watchers goes; the time a notice must not grow with their number (disconnect is linear).
void fan_out_notice(benchmark::State& state) {
    Bench bench;
    const std::vector<DeviceId> watchers = many(bench, state.range(0), false);
    for (auto _ : state) {
        state.PauseTiming();
        bench.acknowledge();
        bench.finish();
        const DeviceId hub = bench.create();
        for (const DeviceId watcher : watchers) {
            bench.link(watcher, hub, LinkMode::monitor);
        }
        bench.finish();
        state.ResumeTiming();
        bench.disconnect(hub, FaultKind::error);
        bench.finish();
    }
    per_item(state, state.range(0));
    expect(state, bench.taken() == static_cast<std::uint64_t>(state.iterations() * state.range(0)));
}
BENCHMARK(fan_out_notice)->Arg(1'000)->Arg(10'000)->Arg(100'000)->Arg(1'000'000);

void fan_out_link(benchmark::State& state) {
    Bench bench;
    const std::vector<DeviceId> watchers = many(bench, state.range(0), false);
    for (auto _ : state) {
        state.PauseTiming();
        const DeviceId hub = bench.create();
        bench.finish();
        state.ResumeTiming();
        for (const DeviceId watcher : watchers) {
            bench.link(watcher, hub, LinkMode::monitor);
        }
        state.PauseTiming();
        bench.disconnect(hub, FaultKind::none);
        bench.finish();
        bench.acknowledge();
        bench.finish();
        state.ResumeTiming();
    }
    per_item(state, state.range(0));
}
BENCHMARK(fan_out_link)->Arg(1'000)->Arg(10'000)->Arg(100'000)->Arg(1'000'000);

/// Each managed task monitors the one before it; the first one's fault takes them all down, without recursion (W-8).
void chain(benchmark::State& state) {
    Bench bench;
    for (auto _ : state) {
        state.PauseTiming();
        const std::vector<DeviceId> tasks = many(bench, state.range(0), true);
        for (std::size_t i = 1; i < tasks.size(); ++i) {
            bench.link(tasks[i], tasks[i - 1], LinkMode::monitor);
        }
        bench.finish();
        state.ResumeTiming();
        bench.disconnect(tasks.front(), FaultKind::error);
        bench.finish();
        state.PauseTiming();
        expect(state, bench.devices() == 0);
        bench.acknowledge();
        bench.finish();
        state.ResumeTiming();
    }
    per_item(state, state.range(0));
}
BENCHMARK(chain)->Arg(1'000)->Arg(100'000)->Arg(1'000'000);

/// What the acknowledgement of one notice costs, in batches of 64 among a hundred thousand.
void acknowledge_notices(benchmark::State& state) {
    constexpr std::int64_t count = 100'000;
    for (auto _ : state) {
        state.PauseTiming();
        Engine engine;
        Effects out;
        const auto step = [&](const Event& event) {
            engine.step(Instant{1}, event, out);
            out.clear();
        };
        step(Event::boot(Epoch{1}, 1, 0));
        step(Event::session_open(client, 0, 1, no_child, 0));
        step(Event::session_greeted(client));
        step(Event::grant(client, static_cast<std::uint32_t>(count / page_slots + 2), 1));
        const std::vector<DeviceId> pages = engine.graph().granted();
        const DeviceId hub = pages.back();
        step(Event::create(client, hub, false, 1));
        for (std::uint32_t i = 0; i < count; ++i) {
            const DeviceId first = pages[i / page_slots];
            const DeviceId id = DeviceId::make(first.generation(), first.slot() + i % page_slots);
            step(Event::create(client, id, false, 1));
            step(Event::link(client, id, hub, LinkMode::monitor, false, 1));
        }
        step(Event::disconnect(client, hub, FaultKind::error, 0, DeviceId{}, {}, 1));
        while (engine.graph().work_left()) {
            step(Event::of(EventKind::go_on));
        }
        state.ResumeTiming();
        for (std::uint64_t n = acknowledged_each; n <= count; n += acknowledged_each) {
            step(Event::session_ack(client, n));
        }
    }
    per_item(state, count);
}
BENCHMARK(acknowledge_notices);

}  // namespace

BENCHMARK_MAIN();
