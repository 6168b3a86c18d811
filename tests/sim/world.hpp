// SPDX-License-Identifier: Apache-2.0
/// What all histories share: the hub and its core on a seeded clock, clients whose byte streams are cut anywhere, a trace
/// of everything that came out, and the first thing that was wrong.
#pragma once

#include "daemon/session/hub.hpp"
#include "tests/sim/chance.hpp"
#include "tests/sim/memory_journal.hpp"
#include "tests/sim/tape.hpp"

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>

namespace backplane::sim {

struct Options {
    std::uint64_t seed = 1;
    int steps = 150;
    bool save_and_load = false;     ///< replace the core by its saved and loaded state at random points
    bool verbose = false;           ///< say what happens, for the search of a failure's cause
    std::uint64_t forget_each = 0;  ///< the planted bug: each so many notices the model forgets one
    bool journal = false;           ///< every event goes through a journal, whose replay must be the same state
    std::uint64_t crash_each = 0;   ///< about each so many acts the daemon crashes and is restored from its journal; 0: never
    std::uint64_t crash_at = 0;     ///< it crashes once, behind this event; 0: never
    std::string keep = {};          ///< write the journal there when something was wrong
};

/// How a history ended.
struct Outcome {
    std::string wrong;        ///< empty: nothing was
    std::uint64_t trace = 0;  ///< of all bytes and effects that came out
    std::uint64_t steps = 0;  ///< of the core
    std::uint64_t crashes = 0;
};

/// Clients and tasks against the naive model of the graph.
[[nodiscard]] Outcome run_graph_history(const Options& options);
/// Supervised processes that behave in every bad way, and those who watch them.
[[nodiscard]] Outcome run_tree_history(const Options& options);
/// Every strategy and every verb against the naive model of supervision. One that fails is told as short as it goes.
[[nodiscard]] Outcome run_supervision_history(const Options& options);

class World {
  public:
    World(const Options& options, session::HubOptions hub_options);

    void fail(const std::string& what) {
        if (wrong.empty()) {
            wrong = what;
        }
    }
    void say(const std::string& what) const {
        if (verbose_) {
            std::printf("%10.3f ms  %s\n", static_cast<double>(now.ns) / 1e6, what.c_str());
        }
    }
    [[nodiscard]] bool good() const { return wrong.empty(); }
    void pass(Duration time) {
        now = now + time;
        hub.set_time(now, now.ns / 1000);
    }
    void trace_bytes(std::string_view bytes) {
        for (const char c : bytes) {
            trace = (trace ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
        }
    }
    void trace_number(std::uint64_t number) { trace = (trace ^ number) * 0x100000001b3ULL; }
    /// Decision 9: the state as bytes, loaded back, is the same state. Now and then, where the options say so.
    void save_and_load();
    /// What every history must stand at its end: its events, replayed.
    void replay() {
        if (good() && !saves_ && !journal) {
            wrong = tape.compare_replays();
        }
    }

    // ---- the journal and crashes -------------------------------------------------------------------------------------------
    /// Events that outlive a crash; without a journal, all.
    [[nodiscard]] std::uint64_t taken() const { return journal ? journal->count() : engine.steps(); }
    /// Lets a crash come up with the next events, now and then, where the options say so.
    void tempt_fate();
    /// For who does not let it die, and looks at what would come then.
    [[nodiscard]] bool crashes_now() { return journal && crash_each_ != 0 && crash_chance_.one_in(crash_each_); }
    /// It dies no more.
    void spare() {
        if (journal) {
            journal->live_on();
        }
    }
    [[nodiscard]] bool is_dead() const { return journal && journal->is_dead(); }
    /// A new daemon in the place of the dead one: replays the journal, takes the `recovered` event, and knows its sessions. It comes
    /// up `later` than the other died.
    void restart(Duration later);
    /// What a session is resumed with: never the same twice.
    [[nodiscard]] core::Token fresh_token() { return core::Token{++tokens_, ~tokens_}; }
    /// What a history leaves behind, once it is over.
    [[nodiscard]] Outcome outcome();

    Chance chance;
    Tape tape;
    core::Engine engine;
    session::Hub hub;
    Instant now{1'000'000};
    std::string wrong;
    std::uint64_t trace = 0xcbf29ce484222325ULL;
    std::unique_ptr<MemoryJournal> journal;
    std::uint64_t crashes = 0;

  private:
    session::HubOptions hub_options_;
    std::string keep_;
    std::uint64_t tokens_ = 0;
    std::uint64_t crash_each_, crash_at_;
    Chance crash_chance_;
    bool saves_;
    bool verbose_;
    Chance save_chance_;
};

}  // namespace backplane::sim
