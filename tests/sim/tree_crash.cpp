// SPDX-License-Identifier: Apache-2.0
/// What a daemon that takes over after a crash would do to the machine as it stands: claim every process that there is, once, start
/// none beside it, and bring all of them to an end when it is told to stop (T-12, X-12). Tried beside the history, which goes on.
#include "tests/sim/tree_history.hpp"

#include <map>

namespace backplane::sim {

namespace {

using core::Effect;
using core::EffectKind;
using core::Event;
using State = Process::State;

/// The machine's truth, and its answers to the next daemon.
class Successor {
  public:
    Successor(const std::list<Process>& processes, Instant now) : engine_(), hub_(engine_, session::HubOptions{}), now_(now) {
        for (const Process& process : processes) {
            there_[process.child] = Life{process.generation, process.state, 0};
        }
    }

    std::string run(const MemoryJournal& journal) {
        hub_.set_time(now_, 1);
        if (const std::string refused = journal.replay(engine_, hub_); !refused.empty()) {
            return "the journal is refused: " + refused;
        }
        hub_.feed(Event::of(core::EventKind::recovered));
        hub_.restore();
        settle();
        for (const auto& [child, life] : there_) {
            if (life.claims != 1 && wrong_.empty()) {
                wrong_ = "process of entry " + std::to_string(child) + " is claimed " + std::to_string(life.claims) + " times";
            }
        }
        hub_.feed(Event::of(core::EventKind::terminate));
        for (int n = 0; n < 400 && wrong_.empty() && halts_ == 0; ++n) {
            settle();
            now_ = std::max(now_, std::min(hub_.next_deadline(), now_ + Duration::seconds(60)));
            hub_.set_time(now_, 1);
            hub_.feed(Event::of(core::EventKind::tick));
        }
        if (wrong_.empty() && (halts_ == 0 || !there_.empty())) {
            wrong_ = halts_ == 0 ? "it does not end" : "it ends and leaves a process";
        }
        return wrong_.empty() && !engine_.check().empty() ? engine_.check() : wrong_;
    }

  private:
    struct Life {
        std::uint32_t generation = 0;
        State state = State::asked;
        int claims = 0;
    };
    void settle() {
        std::vector<Effect> effects;
        do {
            for (hub_.take_machine(effects); !effects.empty() && wrong_.empty(); hub_.take_machine(effects)) {
                for (const Effect& effect : effects) {
                    answer(effect);
                }
            }
            if (hub_.wants_go_on()) {
                hub_.go_on();
            }
        } while (hub_.wants_go_on() || !effects.empty());
    }
    void answer(const Effect& effect) {
        const auto found = there_.find(effect.child);
        const bool is_it = found != there_.end() && found->second.generation == effect.generation;
        const std::string name = std::to_string(effect.child) + "." + std::to_string(effect.generation);
        switch (effect.kind) {
            case EffectKind::spawn:
                if (found != there_.end()) {
                    wrong_ = "started beside itself: " + name;
                }
                there_[effect.child] = Life{effect.generation, State::alive, 1};
                hub_.feed(Event::spawned(effect.child, effect.generation, 5));
                break;
            case EffectKind::spawn_or_find:
            case EffectKind::adopt:
            case EffectKind::adopt_dead: claim(effect, is_it ? &found->second : nullptr, name); break;
            case EffectKind::signal:
            case EffectKind::signal_group:
                if (!is_it) {
                    wrong_ = "a signal to nobody: " + name;
                } else if (found->second.state == State::alive) {
                    found->second.state = State::dead;
                    hub_.feed(Event::exited(effect.child, effect.generation, core::ExitHow::signalled, effect.argument));
                }
                break;
            case EffectKind::reap:
                if (!is_it || found->second.state == State::alive) {
                    wrong_ = "reaps what is not dead: " + name;
                }
                there_.erase(effect.child);
                hub_.feed(Event::group_empty(effect.child, effect.generation));
                break;
            case EffectKind::halt: ++halts_; break;
            default: break;
        }
    }
    /// A spawn may have happened before it could be said: then it is found, and else it happens now.
    void claim(const Effect& effect, Life* life, const std::string& name) {
        const bool is_dead = life != nullptr && (life->state == State::dead || life->state == State::lingering);
        if (life == nullptr || is_dead != (effect.kind == EffectKind::adopt_dead) ||
            (effect.kind == EffectKind::adopt && life->state != State::alive)) {
            wrong_ = "claims what is not so: " + name;
            return;
        }
        ++life->claims;
        if (effect.kind == EffectKind::spawn_or_find) {
            life->state = State::alive;
            hub_.feed(Event::spawned(effect.child, effect.generation, 5));
        }
    }

    core::Engine engine_;
    session::Hub hub_;
    Instant now_;
    std::map<core::ChildIndex, Life> there_;
    int halts_ = 0;
    std::string wrong_;
};

}  // namespace

void TreeHistory::imagine_crash() {
    if (!world_.good() || model_.halted() || !world_.crashes_now()) {
        return;
    }
    ++world_.crashes;
    if (const std::string wrong = Successor(machine_.processes, world_.now).run(*world_.journal); !wrong.empty()) {
        world_.fail("after a crash: " + wrong);
    }
}

}  // namespace backplane::sim
