// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/tree_machine.hpp"

namespace backplane::sim {

using core::ExitHow;

Process* TreeMachine::find(core::ChildIndex child, std::uint32_t generation) {
    for (Process& process : processes) {
        if (process.child == child && process.generation == generation) {
            return &process;
        }
    }
    return nullptr;
}

void TreeMachine::take(const std::vector<core::Effect>& effects) {
    for (const core::Effect& effect : effects) {
        const std::string name = std::to_string(effect.child) + "." + std::to_string(effect.generation);
        Process* const process = find(effect.child, effect.generation);
        switch (effect.kind) {
            case core::EffectKind::spawn: spawn(effect); break;
            case core::EffectKind::signal:
            case core::EffectKind::signal_group: {
                // A dead leader is there until it is reaped; what is reaped may be a stranger (P-2).
                const bool there =
                    process != nullptr && (process->state == Process::State::alive || process->state == Process::State::dead);
                if (!there) {
                    wrong = "a signal to nobody, or to a stranger: " + name;
                } else {
                    signal(*process, effect.argument);
                }
                break;
            }
            case core::EffectKind::drain:
                if (process == nullptr || process->state != Process::State::alive || process->draining) {
                    wrong = "a drain hook beside nobody, or a second one: " + name;
                } else {
                    process->draining = true;
                }
                break;
            case core::EffectKind::reap:
                if (process == nullptr || process->state != Process::State::dead) {
                    wrong = "reaps what is not dead, or is reaped: " + name;
                } else {
                    process->state = Process::State::lingering;
                }
                break;
            case core::EffectKind::halt:
                ++halts;
                if (!processes.empty()) {
                    wrong = "the daemon ends and leaves a process";
                }
                break;
            default: break;
        }
    }
}

/// Section 10, (1): nothing of an older one may be left, its grandchildren included (P-4).
void TreeMachine::spawn(const core::Effect& effect) {
    for (const Process& process : processes) {
        if (process.child == effect.child) {
            wrong = "two processes of entry " + std::to_string(effect.child);
        }
    }
    Process& made = processes.emplace_back();
    made.child = effect.child;
    made.generation = effect.generation;
    made.device = effect.device;
    if (naughty) {
        made.cannot_start = chance_.percent(8);
        made.never_ready = chance_.percent(15);
        made.grandchild = chance_.percent(20);
        made.on_term = static_cast<Process::OnTerm>(chance_.below(4));
        if (chance_.percent(12)) {
            crash(made);  // in its first instruction
        }
    }
}

void TreeMachine::end(Process& process, ExitHow how, std::int32_t status) {
    process.dying = true;
    process.how = how;
    process.status = status;
}

void TreeMachine::crash(Process& process) {
    switch (chance_.below(6)) {
        case 0: end(process, ExitHow::exited, 0); break;
        case 1: end(process, ExitHow::exited, static_cast<std::int32_t>(chance_.between(1, 3))); break;
        case 2: end(process, ExitHow::signalled, 9); break;
        case 3: end(process, ExitHow::signalled, 15); break;
        case 4: end(process, ExitHow::dumped, 11); break;
        default: end(process, ExitHow::unknown, 0); break;
    }
}

void TreeMachine::signal(Process& process, std::int32_t number) {
    process.draining = false;
    if (process.state != Process::State::alive || (process.dying && chance_.one_in(2))) {
        return;  // it was quicker, and keeps its own reason (S-38)
    }
    if (number == 9) {
        end(process, ExitHow::signalled, 9);
        return;
    }
    process.termed = true;
    switch (process.on_term) {
        case Process::OnTerm::dies: end(process, ExitHow::signalled, number); break;
        case Process::OnTerm::exits: end(process, ExitHow::exited, 0); break;
        case Process::OnTerm::fails: end(process, ExitHow::exited, 7); break;
        case Process::OnTerm::ignores: break;
    }
}

void TreeMachine::behave() {
    naughty = false;
    for (Process& process : processes) {
        process.on_term = Process::OnTerm::dies;
        process.never_ready = false;
        process.cannot_start = false;
        if (process.state == Process::State::asked) {
            process.dying = false;
        }
        if (process.termed && !process.dying) {
            end(process, ExitHow::signalled, 15);
        }
    }
}

}  // namespace backplane::sim
