// SPDX-License-Identifier: Apache-2.0
/// What an event costs with the journal on and off: the same events, recorded and stepped as the hub does it, into a real journal on
/// /dev/shm. `compacted`: with everything that keeps the file small, images included; `recorded`: without a compaction, the file
/// emptied beside the clock. tests/bench/run prints the difference a event and its verdict.
#include "daemon/core/engine.hpp"
#include "daemon/journal/journal.hpp"
#include "tests/bench/page_ids.hpp"

#include <benchmark/benchmark.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>

namespace {

using namespace backplane;
using namespace backplane::core;

constexpr SessionIndex client = 1;
constexpr std::uint64_t acknowledged_each = 64;
constexpr std::int64_t turns_each_look = 256;  ///< a tick's worth: so often the daemon asks whether to compact

enum class Keeping : std::uint8_t { off, recorded, compacted };

/// An engine and its journal, with one greeted session.
class Bench {
  public:
    explicit Bench(Keeping keeping) : keeping_(keeping) {
        if (keeping != Keeping::off) {
            std::string folder = "/dev/shm/bp-bench-XXXXXX";
            good_ = mkdtemp(folder.data()) != nullptr;
            folder_ = folder;
            make_journal();
        }
        step(Event::boot(Epoch{1}, 1, 0));
        step(Event::session_open(client, 0, 1, no_child, 0));
        step(Event::session_greeted(client));
        out_.clear();
        events_ = 0;
    }
    Bench(const Bench&) = delete;
    Bench& operator=(const Bench&) = delete;
    ~Bench() {
        if (journal_) {
            journal_->remove();
        }
        if (!folder_.empty()) {
            rmdir(folder_.c_str());
        }
    }

    void step(const Event& event) {
        ++events_;
        if (keeping_ != Keeping::off && !journal_->append(Instant{1}, event)) [[unlikely]] {
            good_ = false;
        }
        engine_.step(Instant{1}, event, out_);
    }
    DeviceId create() {
        const DeviceId id = ids_.next(engine_, client, [this](const Event& event) { step(event); });
        step(Event::create(client, id, false, ++operation_));
        return id;
    }
    void link(DeviceId from, DeviceId to) { step(Event::link(client, from, to, LinkMode::monitor, false, ++operation_)); }
    void disconnect(DeviceId id, FaultKind fault) { step(Event::disconnect(client, id, fault, 0, DeviceId{}, {}, ++operation_)); }
    void take_one() {
        if (++taken_ - acknowledged_ == acknowledged_each) {
            acknowledged_ = taken_;
            step(Event::session_ack(client, taken_));
        }
    }
    void forget_effects() { out_.clear(); }
    [[nodiscard]] bool wants_compaction() const { return journal_ && journal_->wants_compaction(); }
    void compact() {
        std::string image;
        engine_.save(image);
        good_ = journal_->compact(image).has_value() && good_;
    }
    [[nodiscard]] bool is_good() const { return good_ && engine_.graph().device_count() == 0; }
    [[nodiscard]] std::int64_t events() const { return events_; }

  private:
    void make_journal() {
        auto made = journal::Journal::create(folder_ + "/journal", {});
        good_ = made.has_value() && good_;
        if (made) {
            journal_ = std::move(*made);
        } else {
            std::abort();
        }
    }

    Keeping keeping_;
    bool good_ = true;
    std::string folder_;
    std::unique_ptr<journal::Journal> journal_;
    Engine engine_;
    Effects out_;
    bench::PageIds ids_;
    std::uint64_t operation_ = 0, taken_ = 0, acknowledged_ = 0;
    std::int64_t events_ = 0;
};

template <class Turn>
void measure(benchmark::State& state, Keeping keeping, const Turn& turn) {
    Bench bench(keeping);
    std::int64_t turns = 0;
    for (auto _ : state) {
        turn(bench);
        bench.forget_effects();
        if (++turns % turns_each_look == 0 && bench.wants_compaction()) [[unlikely]] {
            if (keeping == Keeping::recorded) {
                state.PauseTiming();
            }
            bench.compact();
            if (keeping == Keeping::recorded) {
                state.ResumeTiming();
            }
        }
    }
    state.SetItemsProcessed(bench.events());
    if (!bench.is_good()) {
        state.SkipWithError("the core or the journal did not do what is measured");
    }
}

void create_destroy(benchmark::State& state, Keeping keeping) {
    measure(state, keeping, [](Bench& bench) { bench.disconnect(bench.create(), FaultKind::none); });
}

void link_drop(benchmark::State& state, Keeping keeping) {
    measure(state, keeping, [](Bench& bench) {
        const DeviceId watcher = bench.create();
        const DeviceId target = bench.create();
        bench.link(watcher, target);
        bench.disconnect(target, FaultKind::error);
        bench.take_one();
        bench.disconnect(watcher, FaultKind::none);
    });
}

BENCHMARK_CAPTURE(create_destroy, off, Keeping::off);
BENCHMARK_CAPTURE(create_destroy, recorded, Keeping::recorded);
BENCHMARK_CAPTURE(create_destroy, compacted, Keeping::compacted);
BENCHMARK_CAPTURE(link_drop, off, Keeping::off);
BENCHMARK_CAPTURE(link_drop, recorded, Keeping::recorded);
BENCHMARK_CAPTURE(link_drop, compacted, Keeping::compacted);

}  // namespace

BENCHMARK_MAIN();
