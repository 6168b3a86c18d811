// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/world.hpp"

#include <utility>

namespace backplane::sim {

World::World(const Options& options, session::HubOptions hub_options)
    : chance(options.seed),
      hub(engine, hub_options),
      hub_options_(std::move(hub_options)),
      keep_(options.keep),
      crash_each_(options.crash_each),
      crash_at_(options.crash_at),
      crash_chance_(options.seed + 99),
      saves_(options.save_and_load),
      verbose_(options.verbose),
      save_chance_(options.seed + 77) {
    const bool crashes_sometime = crash_each_ != 0 || crash_at_ != 0;
    if (options.journal || crashes_sometime) {
        journal = std::make_unique<MemoryJournal>(engine, hub, MemoryJournal::Options{options.seed, keep_.empty(), options.journal});
        hub.record_to(journal.get());
    } else {
        hub.record_to(&tape);
    }
    hub.set_time(now, now.ns / 1000);
    hub.feed(core::Event::boot(Epoch{options.seed * 2 + 1}, options.seed, 1000));
}

void World::save_and_load() {
    if (!saves_ || !save_chance_.percent(10)) {
        return;
    }
    std::string image;
    engine.save(image);
    core::Engine fresh;
    if (const auto loaded = fresh.load(image); !loaded) {
        fail("a saved state was refused: " + loaded.error().text() + "; check says: " + engine.check());
        return;
    }
    std::string again;
    fresh.save(again);
    if (again != image) {
        fail("a loaded state is saved otherwise");
    }
    if (!engine.load(image)) {
        fail("a saved state was refused by an engine in use");
    }
}

// ---- crashes ---------------------------------------------------------------------------------------------------------

void World::tempt_fate() {
    if (!journal || journal->is_armed()) {
        return;
    }
    if (crash_at_ > journal->count()) {
        journal->die_after(crash_at_ - journal->count());
        crash_at_ = 0;
    } else if (crash_each_ != 0 && crash_chance_.one_in(crash_each_)) {
        journal->die_after(1 + crash_chance_.below(4));
    }
}

/// Both are made anew where they lie, so that whoever holds on to them holds the new daemon's.
void World::restart(Duration later) {
    ++crashes;
    std::destroy_at(&hub);
    std::destroy_at(&engine);
    std::construct_at(&engine);
    std::construct_at(&hub, engine, hub_options_);
    pass(later);
    if (const std::string refused = journal->replay(engine, hub); !refused.empty()) {
        fail("the journal is refused: " + refused);
    }
    if (const std::string broken = engine.check(); !broken.empty()) {
        fail("a replayed state is broken: " + broken);
    }
    journal->live_on();
    hub.record_to(journal.get());
    hub.feed(core::Event::of(core::EventKind::recovered));
    hub.restore();
    say("---- crash; the next daemon is up ----");
}

Outcome World::outcome() {
    if (journal && good() && !journal->is_dead()) {
        journal->compare_at_end();
    }
    if (journal && !journal->wrong().empty()) {
        fail(journal->wrong());
    }
    if (journal && !wrong.empty() && !keep_.empty() && !journal->write_file(keep_)) {
        wrong += "; and " + keep_ + " cannot be written";
    }
    return Outcome{wrong, trace, taken(), crashes};
}

}  // namespace backplane::sim
