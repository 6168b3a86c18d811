// SPDX-License-Identifier: Apache-2.0
/// After a crash of the daemon (T-12, X-12): the state is what its last event left; what was to be done to the machine may have
/// been done, half done or not begun. Everything said here may be said twice without harm.
///
///   body       said again                                              then comes
///   spawning   spawn_or_find                                           spawned or spawn_failed, as after a spawn
///   alive      adopt; the signal that a stop had come to               exited, where it is gone: unknown (F-5)
///              its drain hook, which went with the daemon              drained
///   draining   adopt_dead, SIGKILL to the group (P-4), reap            group_empty
#include "daemon/core/exit_verdict.hpp"
#include "daemon/core/supervision.hpp"

namespace backplane::core {

void Supervision::recover(Step& step) {
    const auto say = [&](EffectKind kind, ChildIndex i, std::int32_t argument) {
        Effect& effect = step.effect(kind);
        effect.child = i;
        effect.generation = children_[i].generation;
        effect.argument = argument;
        effect.number = children_[i].started_at;
        effect.device = children_[i].device;
    };
    for (ChildIndex i = 1; i < children_.size(); ++i) {
        const Child& child = children_[i];
        const bool whole = child.kill_mode == KillMode::group;
        if (child.is_task != 0) {
            continue;  // its client comes back, or is gone (T-10); what it was asked is owed to its session
        }
        switch (child.body) {
            case Body::none: break;
            case Body::spawning: say(EffectKind::spawn_or_find, i, 0); break;
            case Body::alive:
                say(EffectKind::adopt, i, child.leader);
                if (child.life.stage == StopStage::hook) {
                    say(EffectKind::drain, i, 0);
                } else if (child.life.stage == StopStage::signalled && child.life.signalled == 0) {
                    say(EffectKind::signal, i, signal_abort);  // its watchdog's
                } else if (child.life.stage == StopStage::signalled) {
                    say(child.signal_group != 0 ? EffectKind::signal_group : EffectKind::signal, i, child.stop_signal);
                } else if (child.life.stage == StopStage::killed) {
                    say(whole ? EffectKind::signal_group : EffectKind::signal, i, signal_kill);
                }
                break;
            case Body::draining:
                say(EffectKind::adopt_dead, i, child.leader);
                if (whole) {
                    say(EffectKind::signal_group, i, signal_kill);
                }
                say(EffectKind::reap, i, whole ? 0 : 1);
                break;
        }
    }
}

}  // namespace backplane::core
