// SPDX-License-Identifier: Apache-2.0
/// The scripted world's own works, and the proof that it notices what it is there to notice.
#include "tests/unit/core/supervision_world.hpp"

namespace backplane::core::world {

namespace {

std::string_view kind_name(RecordKind kind) {
    switch (kind) {
        case RecordKind::child_starting: return "child_starting";
        case RecordKind::child_ready: return "child_ready";
        case RecordKind::child_completed: return "child_completed";
        case RecordKind::child_blocked: return "child_blocked";
        case RecordKind::child_quarantined: return "child_quarantined";
        case RecordKind::child_released: return "child_released";
        case RecordKind::child_added: return "child_added";
        case RecordKind::child_draining: return "child_draining";
        case RecordKind::child_start_failed: return "child_start_failed";
        case RecordKind::child_stopping: return "child_stopping";
        case RecordKind::child_killing: return "child_killing";
        case RecordKind::child_down: return "child_down";
        case RecordKind::child_backoff: return "child_backoff";
        case RecordKind::child_removed: return "child_removed";
        case RecordKind::restart: return "restart";
        case RecordKind::sup_up: return "sup_up";
        case RecordKind::sup_giving_up: return "sup_giving_up";
        case RecordKind::sup_stopping: return "sup_stopping";
        case RecordKind::sup_down: return "sup_down";
        case RecordKind::shutdown_error: return "shutdown_error";
        case RecordKind::child_unkillable: return "child_unkillable";
        case RecordKind::alert: return "alert";
        default: return "other";
    }
}

std::string_view class_name(ExitClass exit_class) {
    switch (exit_class) {
        case ExitClass::normal: return "normal";
        case ExitClass::shutdown: return "shutdown";
        case ExitClass::abnormal: return "abnormal";
    }
    return "?";
}

}  // namespace

// ---- the engine's side -----------------------------------------------------------------------------------------------------

void World::feed(const Event& event) {
    Effects out;
    Effects other;
    steady_->step(now, event, out);
    restless_->step(now, event, other);
    note(out);
    const auto lines_of = [this](const Effects& effects) {
        std::vector<std::string> lines;
        for (const Record& record : effects.records) {
            lines.push_back(std::to_string(record.seq) + " " + line_of(effects, record));
        }
        for (const Effect& effect : effects.list) {
            lines.push_back(line_of(effects, effect));
        }
        return lines;
    };
    ASSERT_EQ(lines_of(out), lines_of(other));
    if (++fed_ % reload_every == 0) {
        reload();
    }
    for (const Effect& effect : out.list) {
        obey(effect);
    }
}

/// Decision 9: what is loaded is what was saved, and what was saved is the state of the one that went on.
void World::reload() {
    std::string image;
    std::string again;
    restless_->save(image);
    steady_->save(again);
    ASSERT_TRUE(image == again) << "the images differ";
    restless_ = std::make_unique<Engine>();
    ASSERT_TRUE(restless_->load(image)) << "its own image is refused";
    again.clear();
    restless_->save(again);
    ASSERT_TRUE(image == again) << "what was loaded is not what was saved";
    ASSERT_EQ(steady_->check(), "");
}

void World::answer_spawn(ChildIndex index, std::uint32_t generation) {
    const std::string path = path_of(index);
    if (spawn_fails.contains(path)) {
        queue_.push_back(Event::spawn_failed(index, generation, SpawnStep::exec, 2));
        return;
    }
    processes_[index] = generation;
    queue_.push_back(Event::spawned(index, generation, next_pid_++));
    if (dies_at_once.contains(path)) {
        end_now(index, ExitHow::exited, 1);
    }
}

void World::end_now(ChildIndex index, ExitHow how, std::int32_t status) {
    const auto found = processes_.find(index);
    if (found != processes_.end()) {
        queue_.push_back(Event::exited(index, found->second, how, status));
        processes_.erase(found);
        corpses_.insert(index);
    }
}

void World::obey(const Effect& effect) {
    switch (effect.kind) {
        case EffectKind::spawn_or_find:
        case EffectKind::adopt:
        case EffectKind::adopt_dead: break;  // only after a crash of the daemon, which this world does not have
        case EffectKind::spawn:
            ASSERT_FALSE(processes_.contains(effect.child)) << "two at once of " << path_of(effect.child);  // invariant 1
            ++starts_[path_of(effect.child)];
            if (spawn_held.contains(path_of(effect.child))) {
                held_spawns_[effect.child] = effect.generation;
            } else {
                answer_spawn(effect.child, effect.generation);
            }
            break;
        case EffectKind::signal: {
            // Until it is reaped its pid is its own (P-2), so a signal to one that has just died meets no stranger.
            ASSERT_TRUE(processes_.contains(effect.child) || corpses_.contains(effect.child)) << "a signal to a stranger";
            const Manners how = manners[path_of(effect.child)];
            if (effect.argument == kill_signal) {
                if (!unkillable.contains(path_of(effect.child))) {
                    end_now(effect.child, ExitHow::signalled, kill_signal);
                }
            } else if (how.on == Manners::On::dies) {
                end_now(effect.child, ExitHow::signalled, effect.argument);
            } else if (how.on == Manners::On::exits) {
                end_now(effect.child, ExitHow::exited, how.code);
            }
            break;
        }
        case EffectKind::signal_group:
            ASSERT_TRUE(processes_.contains(effect.child) || corpses_.contains(effect.child)) << "a signal to a stranger's group";
            if (effect.argument != kill_signal ? manners[path_of(effect.child)].on == Manners::On::dies
                                               : !unkillable.contains(path_of(effect.child))) {
                end_now(effect.child, ExitHow::signalled, effect.argument);
            }
            break;
        case EffectKind::drain:
            ASSERT_TRUE(processes_.contains(effect.child)) << "a hook beside nobody";
            if (!drain_held.contains(path_of(effect.child))) {
                queue_.push_back(Event::drained(effect.child, effect.generation));
            }
            break;
        case EffectKind::reap:
            ASSERT_FALSE(processes_.contains(effect.child)) << "reaped alive";
            corpses_.erase(effect.child);
            if (group_held.contains(path_of(effect.child))) {
                held_groups_[effect.child] = effect.generation;
            } else {
                queue_.push_back(Event::group_empty(effect.child, effect.generation));
            }
            break;
        case EffectKind::go_on: queue_.push_back(Event::of(EventKind::go_on)); break;
        case EffectKind::session_ready:
        case EffectKind::session_cut:
        case EffectKind::granted:
        case EffectKind::answer:
        case EffectKind::supervisor_state:
        case EffectKind::halt: break;
    }
}

// ---- lines -------------------------------------------------------------------------------------------------------------------

std::string World::text_of(const FaultRecord& record, std::string_view text) const {
    if (record.kind == FaultKind::cascade) {
        return "cascade(" + name_of(record.cascade) + ")";
    }
    Fault fault;
    fault.kind = record.kind;
    fault.argument = record.argument;
    fault.text = text;
    return fault_text(fault, Epoch{0xabc});
}

/// `child_down db signal(9) abnormal`, `restart db 1`, `child_stopping db 15`; others: kind and path.
std::string World::line_of(const Effects& out, const Record& record) const {
    std::string line{kind_name(record.kind)};
    line.append(" ").append(out.name_of(record));
    switch (record.kind) {
        case RecordKind::child_down:
        case RecordKind::child_start_failed:
        case RecordKind::sup_down:
        case RecordKind::shutdown_error:
            line.append(" ").append(text_of(record.fault, out.text_of(record))).append(" ").append(class_name(record.exit_class));
            break;
        case RecordKind::restart:
        case RecordKind::sup_giving_up:
        case RecordKind::child_stopping:
        case RecordKind::child_backoff: line.append(" ").append(std::to_string(record.number)); break;
        default: break;
    }
    return line;
}

/// `spawn db`, `signal db 15`, `signal_group db 9`, `reap db`, `answer 7 ok`.
std::string World::line_of(const Effects& out, const Effect& effect) const {
    const std::string path = effect.child != no_child ? path_of(effect.child) : "";
    switch (effect.kind) {
        case EffectKind::spawn: return "spawn " + path;
        case EffectKind::signal: return "signal " + path + " " + std::to_string(effect.argument);
        case EffectKind::signal_group: return "signal_group " + path + " " + std::to_string(effect.argument);
        case EffectKind::drain: return "drain " + path;
        case EffectKind::reap: return "reap " + path;
        case EffectKind::supervisor_state: return "root " + std::to_string(effect.argument);
        case EffectKind::halt: return effect.argument != 0 ? "halt " + std::to_string(effect.argument) : "halt";
        case EffectKind::session_ready: return "session_ready " + std::to_string(effect.session);
        case EffectKind::answer: {
            std::string line = "answer " + std::to_string(effect.number) + " " + std::string{error_name(effect.code)};
            const std::string_view text = out.text_of(effect);
            return text.empty() ? line : line.append(" ").append(text);
        }
        default: return "other";
    }
}

void World::note(const Effects& out) {
    for (const Record& record : out.records) {
        if (record.kind == RecordKind::child_starting) {
            devices_[record.device.value] = std::string{out.name_of(record)};
        }
        lines_.push_back(line_of(out, record));
        records_.push_back(record);
    }
    for (const Effect& effect : out.list) {
        if (effect.kind == EffectKind::spawn) {
            devices_[effect.device.value] = path_of(effect.child);
        }
        lines_.push_back(line_of(out, effect));
    }
}

}  // namespace backplane::core::world

namespace {

using namespace backplane::core;
using namespace backplane::core::world;

TEST(supervision_world, runs_a_tree_and_shows_what_it_does) {
    World w(team({worker("a")}));
    w.start();
    EXPECT_EQ(w.take({"child_starting", "spawn", "child_ready", "sup_up"}),
              (Lines{"child_starting a", "spawn a", "child_ready a", "sup_up /"}));
    EXPECT_EQ(w.alive_count(), 1U);
    EXPECT_EQ(w.starts("a"), 1);
}

}  // namespace
