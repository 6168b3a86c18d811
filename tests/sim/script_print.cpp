// SPDX-License-Identifier: Apache-2.0
/// What a script prints: effects, records and what sessions are owed, in words.
#include "tests/sim/script.hpp"

#include "daemon/session/event_log.hpp"

namespace backplane::sim {

using core::EffectKind;

std::string Script::child_name(core::ChildIndex child) const {
    return engine_->supervision().contains(child) ? std::string{engine_->supervision().view(child, now_).path}
                                                  : "?" + std::to_string(child);
}

/// A task by its script's name; a process or supervisor by its path, and which of its incarnations where it is not the present one.
std::string Script::name_of(DeviceId id) const {
    const auto found = names_.find(id.value);
    if (found != names_.end()) {
        return found->second;
    }
    const core::Device* device = engine_->graph().find(id);
    if (device != nullptr && device->child != core::no_child) {
        return child_name(device->child);
    }
    return id ? "unknown" : "nobody";
}

std::string Script::fault_words(const core::FaultRecord& fault, std::string_view text) const {
    static const char* const kinds[] = {"well", "drop", "error", "cascade", "exit", "signal", "timeout", "killed", "unreachable"};
    std::string words = kinds[static_cast<std::size_t>(fault.kind)];
    if (fault.kind == FaultKind::cascade) {
        words += "(" + name_of(fault.cascade) + ") root " + name_of(fault.root) + " " + kinds[static_cast<std::size_t>(fault.root_kind)] +
                 "(" + std::to_string(fault.root_argument) + ") hops " + std::to_string(fault.hops);
    } else if (fault.argument != 0) {
        words += "(" + std::to_string(fault.argument) + ")";
    }
    return text.empty() ? words : words + " \"" + std::string{text} + "\"";
}

void Script::print_record(const core::Record& record) {
    std::string line = "* " + std::string{session::record_name(record.kind)};
    const std::string_view name = out_.name_of(record);
    line += " " + (name.empty() ? name_of(record.device) : std::string{name});
    switch (record.kind) {
        case core::RecordKind::restart:
            line += " by " + child_name(record.supervisor) + ", window " + std::to_string(record.number) + ", cause " +
                    fault_words(record.fault, out_.text_of(record));
            break;
        case core::RecordKind::sup_giving_up: line += ", window " + std::to_string(record.number); break;
        case core::RecordKind::child_backoff: line += " " + std::to_string(record.number / 1'000'000) + "ms"; break;
        case core::RecordKind::child_blocked: line += " on " + child_name(record.supervisor); break;
        case core::RecordKind::child_stopping: line += " signal " + std::to_string(record.number); break;
        case core::RecordKind::child_down:
        case core::RecordKind::child_start_failed:
        case core::RecordKind::shutdown_error:
        case core::RecordKind::sup_down:
        case core::RecordKind::alert: {
            static const char* const classes[] = {"normal", "shutdown", "abnormal"};
            line += ": " + fault_words(record.fault, out_.text_of(record)) + ", " + classes[static_cast<std::size_t>(record.exit_class)];
            break;
        }
        default: break;
    }
    say(line);
}

void Script::print_effects() {
    for (const core::Record& record : out_.records) {
        print_record(record);
    }
    for (const core::Effect& effect : out_.list) {
        const std::string who = effect.child == core::no_child ? std::string{} : child_name(effect.child);
        const std::string text{out_.text_of(effect)};
        switch (effect.kind) {
            case EffectKind::spawn: say("spawn " + who); break;
            case EffectKind::spawn_or_find: say("spawn or find " + who); break;
            case EffectKind::adopt: say("adopt " + who + ", pid " + std::to_string(effect.argument)); break;
            case EffectKind::adopt_dead: say("adopt the dead " + who + ", pid " + std::to_string(effect.argument)); break;
            case EffectKind::signal: say("signal " + std::to_string(effect.argument) + " to " + who); break;
            case EffectKind::signal_group: say("signal " + std::to_string(effect.argument) + " to the group of " + who); break;
            case EffectKind::drain: say("drain " + who); break;
            case EffectKind::reap: say("reap " + who); break;
            case EffectKind::halt: say("halt " + std::to_string(effect.argument)); break;
            case EffectKind::go_on: say("go on"); break;
            case EffectKind::session_cut:
                say("cut session " + std::to_string(effect.session) + ": " + std::string{error_name(effect.code)} + " " + text);
                break;
            case EffectKind::answer:
                say("answer session " + std::to_string(effect.session) + ": " + std::string{error_name(effect.code)} +
                    (text.empty() ? "" : " " + text));
                break;
            case EffectKind::session_ready:
            case EffectKind::granted:
            case EffectKind::supervisor_state: break;
        }
    }
}

std::string Script::owed_words(const core::OwedView& owed) const {
    const auto fault = [&] { return fault_words(owed.fault, engine_->texts()[owed.fault.text]); };
    switch (owed.kind) {
        case core::Owed::notice:
        case core::Owed::lost: return name_of(owed.to) + " is told of " + name_of(owed.about) + ": " + fault();
        case core::Owed::ended: return name_of(owed.to) + " ended: " + fault();
        case core::Owed::start: return name_of(owed.to) + " is to be started";
        case core::Owed::shutdown: return name_of(owed.to) + " is asked by " + name_of(owed.about);
        case core::Owed::refusal:
            return "refused " + name_of(owed.refusal->device) + " " + name_of(owed.refusal->other) + ": " +
                   std::string{error_name(owed.refusal->code)};
        case core::Owed::name_state:
            return "name " + std::string{engine_->texts()[owed.name->name]} + (owed.name->up != 0 ? " up, " : " down, ") +
                   name_of(owed.name->device) + ", incarnation " + std::to_string(owed.name->incarnation) +
                   (owed.name->up != 0 ? "" : ": " + fault());
        case core::Owed::withdrawn:
        case core::Owed::nothing: break;
    }
    return "withdrawn";
}

/// What came onto the lists since it was last printed.
void Script::print_owed() {
    const core::Graph& graph = engine_->graph();
    for (core::SessionIndex s = 1; s < graph.session_slots(); ++s) {
        if (!graph.is_open(s)) {
            continue;
        }
        std::uint64_t number = graph.session(s).taken;
        for (std::uint32_t at = graph.first_owed(s); at != 0; at = graph.next_owed(at)) {
            if (++number > shown_[s]) {
                say(std::to_string(s) + ": " + owed_words(graph.owed(at)));
                shown_[s] = number;
            }
        }
    }
}

void Script::print_tree() {
    const core::Supervision& tree = engine_->supervision();
    for (core::ChildIndex child = tree.root(); child != core::no_child; child = tree.next_in_tree(child)) {
        const core::ChildView view = tree.view(child, now_);
        std::string line =
            std::string{view.path} + " " + std::string{core::child_state_name(view.state)} + ", restarts " + std::to_string(view.restarts);
        if (view.waits != core::Waits::nothing && view.waits != core::Waits::backoff && view.waits != core::Waits::draining) {
            line += ", waits: " + std::string{core::waits_name(view.waits)};
            line += view.waits_for != core::no_child ? " " + child_name(view.waits_for) : "";
        }
        if (view.show_fault) {
            line += ", last " + fault_words(view.last_fault, engine_->texts()[view.last_fault.text]);
        }
        say(line);
    }
}

}  // namespace backplane::sim
