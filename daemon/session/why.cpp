// SPDX-License-Identifier: Apache-2.0
/// See why.hpp.
///
///   how it ended                     what stands behind that                 found in
///   cascade                          the neighbour that it depended on       the exit record, the dead Device
///   a supervisor gave up             the child that broke the limit          the supervisor's offender
///   a supervisor's child failed      the child that did not start            the same
///   stopped by its group's restart   the member that crashed                 the log: `restart` of its supervisor
///   stopped by its supervisor        why that went down                      the log: `sup_stopping`
///   anything else                    nothing: it is the root
#include "daemon/session/why.hpp"

#include "daemon/session/texts.hpp"

#include <algorithm>
#include <utility>

namespace backplane::session {

namespace {

/// A chain is as long as its reader's patience; hops of a cascade tell how long it is in truth.
constexpr std::size_t causes_max = 16;
/// Of each one's last words, so that two chains fit a frame whatever is in them. `exits` tells all that are kept.
constexpr std::size_t words_bytes_max = 256;

/// The end of them, from the beginning of a line where there is one.
std::string last_words_of(std::string_view words) {
    if (words.size() <= words_bytes_max) {
        return std::string{words};
    }
    words.remove_prefix(words.size() - words_bytes_max);
    if (const std::size_t line = words.find('\n'); line + 1 < words.size()) {
        words.remove_prefix(line + 1);
    }
    while (!words.empty() && (static_cast<unsigned char>(words.front()) & 0xc0U) == 0x80U) {
        words.remove_prefix(1);  // the rest of a character
    }
    return std::string{words};
}

template <class T>
const T* field(const wire::Event& event, std::string_view key) {
    for (const wire::Event::Field& one : event.fields) {
        if (one.key == key) {
            return std::get_if<T>(&one.value);
        }
    }
    return nullptr;
}

std::string text_field(const wire::Event& event, std::string_view key) {
    const std::string* text = field<std::string>(event, key);
    return text != nullptr ? *text : std::string{};
}

bool is_end(const wire::Event& event) {
    return event.event == "child_down" || event.event == "child_start_failed" || event.event == "child_completed" ||
           event.event == "sup_down";
}

bool is_start(const wire::Event& event) { return event.event == "child_starting"; }

bool is_ready(const wire::Event& event) { return event.event == "child_ready" || event.event == "sup_up"; }

}  // namespace

// ---- small questions -----------------------------------------------------------------------------------------------------------

std::string Inquest::path_of(core::ChildIndex child) const {
    const core::Supervision& tree = engine_.supervision();
    return tree.contains(child) ? std::string{tree.view(child, now_).path} : std::string{};
}

std::string Inquest::text_of(const core::FaultRecord& fault, core::ExitClass exit_class) const {
    if (fault.is_error()) {
        return fault_text(fault_value(fault, engine_.texts()[fault.text]), engine_.graph().epoch());
    }
    return exit_class == core::ExitClass::shutdown ? "shutdown" : "normal";
}

/// Of a Device that is gone: by the log, else by its entry where that still is the one.
std::string Inquest::name_of(DeviceId id) const {
    for (Place event = events_.rbegin(); event != events_.rend(); ++event) {
        if (event->id == id && event->name) {
            return *event->name;
        }
    }
    const core::Device* device = engine_.graph().find(id);
    const core::Supervision& tree = engine_.supervision();
    if (device == nullptr || !tree.contains(device->child)) {
        return {};
    }
    const core::ChildView view = tree.view(device->child, now_);
    return view.device == id || view.last_device == id ? std::string{view.path} : std::string{};
}

const wire::Event* Inquest::event_of_end(std::string_view name, DeviceId id) const {
    const auto found = std::find_if(events_.rbegin(), events_.rend(),
                                    [&](const wire::Event& event) { return is_end(event) && (id ? event.id == id : event.name == name); });
    return found == events_.rend() ? nullptr : &*found;
}

Inquest::End Inquest::end_of(core::ChildIndex child) const {
    const core::ChildView view = engine_.supervision().view(child, now_);
    End end;
    end.name = view.path;
    end.id = view.last_device;
    end.child = child;
    end.fault = view.last_fault;
    end.reason = text_of(view.last_fault, view.last_class);
    end.asked = view.last_class == core::ExitClass::shutdown;
    return end;
}

/// Of a Device of which there may be no more than a line in the log, or nothing.
Inquest::End Inquest::end_of(DeviceId id) const {
    const core::Supervision& tree = engine_.supervision();
    End end;
    end.id = id;
    end.name = name_of(id);
    if (const core::ChildIndex child = end.name.empty() ? core::no_child : tree.find(end.name); child != core::no_child) {
        end.child = child;
        if (tree.view(child, now_).last_device == id) {
            return end_of(child);
        }
    }
    const wire::Event* logged = event_of_end(end.name, id);
    if (const core::Device* device = engine_.graph().find(id); device != nullptr && device->state != core::DeviceState::live) {
        end.fault = engine_.graph().fault_of(*device);
        end.reason = text_of(*end.fault, core::ExitClass::normal);
    }
    if (logged != nullptr) {
        end.reason = text_field(*logged, "reason");
        end.asked = end.reason == "shutdown";
    }
    return end;
}

/// Of whom an event tells that it crashed: `restart`, `sup_giving_up`.
Inquest::End Inquest::end_at(const wire::Event& event, std::string_view key) const {
    if (event.id && event_of_end({}, *event.id) != nullptr) {
        return end_of(*event.id);
    }
    End end;
    end.name = event.name.value_or("");
    end.id = event.id.value_or(DeviceId{});
    end.child = engine_.supervision().find(end.name);
    end.reason = text_field(event, key);
    return end;
}

void Inquest::tell_time(wire::Cause& cause, std::int64_t time_us) const {
    cause.time_us = time_us;
    cause.age_ms = std::max<std::int64_t>(0, (wall_us_ - time_us) / 1'000);
}

/// When it ended, how long it had run and whether it was ready, as far as the log reaches back.
void Inquest::tell_times(wire::Cause& cause) const {
    const DeviceId id = cause.id.value_or(DeviceId{});
    const wire::Event* ended = id ? event_of_end({}, id) : nullptr;
    if (ended == nullptr) {
        return;
    }
    tell_time(cause, ended->time_us);
    for (const wire::Event& event : events_) {
        if (event.id != id) {
            continue;
        }
        if (is_start(event)) {
            cause.was_ready = false;
        } else if (is_ready(event)) {
            cause.was_ready = true;
            cause.uptime_ms = std::max<std::int64_t>(0, (ended->time_us - event.time_us) / 1'000);
        }
    }
}

wire::Cause Inquest::cause(std::string_view because, const End& end) const {
    const core::Supervision& tree = engine_.supervision();
    wire::Cause made;
    made.because = because;
    made.name = end.name.empty() ? std::nullopt : std::optional{end.name};
    made.id = end.id ? std::optional{end.id} : std::nullopt;
    made.reason = end.reason.empty() ? std::nullopt : std::optional{end.reason};
    if (tree.contains(end.child)) {
        const core::ChildView view = tree.view(end.child, now_);
        made.kind = kind_name(view);
        made.state = std::string{core::child_state_name(view.state)};
    } else if (const core::Device* device = engine_.graph().find(end.id); device != nullptr) {
        made.kind = kind_name(*device);
    }
    tell_times(made);
    tell_exit(made, end);
    return made;
}

/// What its exit record knows beyond the log: its last words, and the times of what the log has forgotten.
void Inquest::tell_exit(wire::Cause& cause, const End& end) const {
    const core::Supervision& tree = engine_.supervision();
    for (std::uint32_t back = 0; tree.contains(end.child) && back < core::exits_kept; ++back) {
        const core::ExitView exit = tree.exit_of(end.child, back);
        if (exit.note == nullptr || (end.id && exit.note->device != end.id)) {
            continue;
        }
        cause.last_words = last_words_of(exit.words);
        if (!cause.time_us) {
            tell_time(cause, wall_us_ - (now_ - exit.note->at).ns / 1'000);
            cause.was_ready = exit.note->was_ready != 0;
            cause.uptime_ms = exit.note->was_ready != 0 ? std::optional{exit.note->uptime.ns / 1'000'000} : std::nullopt;
        }
        return;
    }
}

// ---- from one end to what stands behind it ---------------------------------------------------------------------------------------

void Inquest::follow(std::vector<wire::Cause>& chain, End end) const {
    while (chain.size() < causes_max && step_back(chain, end)) {
    }
}

bool Inquest::step_back(std::vector<wire::Cause>& chain, End& end) const {
    if (end.fault && end.fault->kind == FaultKind::cascade) {
        return to_neighbour(chain, end);
    }
    const bool is_team = engine_.supervision().contains(end.child) && engine_.supervision().view(end.child, now_).is_supervisor;
    if (is_team && end.fault && end.fault->kind == FaultKind::error) {
        return to_offender(chain, end);
    }
    return end.asked && to_stopper(chain, end);
}

/// F-2: the immediate neighbour, and where that is forgotten the root.
bool Inquest::to_neighbour(std::vector<wire::Cause>& chain, End& end) const {
    const core::FaultRecord cascade = *end.fault;
    End next = end_of(cascade.cascade);
    const bool known = next.fault.has_value() || !next.reason.empty();
    if (!known && cascade.root == cascade.cascade) {
        core::FaultRecord root;
        root.kind = cascade.root_kind;
        root.argument = cascade.root_argument;
        next.fault = root;
        next.reason = text_of(root, core::ExitClass::abnormal);
    }
    chain.push_back(cause("depended_on", next));
    if (!known && cascade.root != cascade.cascade) {
        core::FaultRecord root;
        root.kind = cascade.root_kind;
        root.argument = cascade.root_argument;
        End last = end_of(cascade.root);
        last.fault = root;
        last.reason = last.reason.empty() ? text_of(root, core::ExitClass::abnormal) : last.reason;
        chain.push_back(cause("root", last));
        return false;
    }
    end = std::move(next);
    return known;
}

/// Whose failure it was that a supervisor gave up, or could not start. The log tells it of any incarnation, the entry of the last one.
bool Inquest::to_offender(std::vector<wire::Cause>& chain, End& end) const {
    const core::Supervision& tree = engine_.supervision();
    const bool gave_up = end.fault->argument == static_cast<std::int32_t>(ErrorDetail::gave_up);
    const auto told = std::find_if(events_.rbegin(), events_.rend(),
                                   [&](const wire::Event& event) { return event.event == "sup_giving_up" && event.id == end.id; });
    End next;
    if (told != events_.rend()) {
        const std::string child = text_field(*told, "child");
        const auto down = std::find_if(told, events_.rend(), [&](const wire::Event& one) { return is_end(one) && one.name == child; });
        if (down != events_.rend() && down->id) {
            next = end_of(*down->id);
        } else {
            next.name = child;
            next.reason = text_field(*told, "cause");
        }
    } else if (const core::ChildIndex offender = tree.view(end.child, now_).offender; tree.contains(offender)) {
        next = end_of(offender);
    } else {
        return false;
    }
    wire::Cause made = cause(gave_up ? "gave_up" : "start_failed", next);
    if (told != events_.rend()) {
        const std::int64_t* count = field<std::int64_t>(*told, "window_count");
        made.window_count = count != nullptr ? std::optional{static_cast<std::uint64_t>(*count)} : std::nullopt;
    }
    chain.push_back(std::move(made));
    end = std::move(next);
    return true;
}

/// Whether the crash of one child has its supervisor stop another (S-19).
bool Inquest::stops_with(core::ChildIndex supervisor, std::string_view crashed, core::ChildIndex child) const {
    const core::Supervision& tree = engine_.supervision();
    const core::Strategy strategy = tree.view(supervisor, now_).strategy;
    if (strategy != core::Strategy::rest_for_one && strategy != core::Strategy::one_for_all) {
        return false;
    }
    const bool all = strategy == core::Strategy::one_for_all;
    bool is_behind = all;
    for (core::ChildIndex i = tree.next_among(supervisor, core::no_child); i != core::no_child && i != child;
         i = tree.next_among(supervisor, i)) {
        is_behind = is_behind || tree.view(i, now_).path == crashed;
    }
    return is_behind && tree.view(child, now_).path != crashed;
}

/// It was stopped. Between its start and its end the log tells of its group's restart, or of its supervisor's own end; where it tells of
/// neither, somebody asked for it.
bool Inquest::to_stopper(std::vector<wire::Cause>& chain, End& end) const {
    const core::Supervision& tree = engine_.supervision();
    const core::ChildIndex above = tree.contains(end.child) ? tree.view(end.child, now_).supervisor : core::no_child;
    const wire::Event* ended = event_of_end(end.name, end.id);
    if (ended == nullptr || above == core::no_child) {
        return false;
    }
    const std::string supervisor = path_of(above);
    auto event = std::find_if(events_.rbegin(), events_.rend(), [&](const wire::Event& one) { return one.seq == ended->seq; });
    for (; event != events_.rend(); ++event) {
        const bool born = event->id == end.id && (is_start(*event) || is_ready(*event));
        if (born) {
            break;
        }
        if (event->event == "restart" && event->name && text_field(*event, "supervisor") == supervisor &&
            stops_with(above, *event->name, end.child)) {
            End next = end_at(*event, "cause");
            chain.push_back(cause("group", next));
            end = std::move(next);
            return true;
        }
        if (event->event == "sup_stopping" && event->name == supervisor) {
            const core::ChildView view = tree.view(above, now_);
            End next;
            next.name = supervisor;
            next.child = above;
            next.id = event->id.value_or(DeviceId{});
            if (view.last_device == next.id) {
                next = end_of(above);
            } else if (const wire::Event* down = event_of_end({}, next.id); down != nullptr) {
                next = end_of(next.id);
            } else {
                next.asked = true;  // it is still going down
            }
            chain.push_back(cause("supervisor", next));
            end = std::move(next);
            return true;
        }
    }
    if (event != events_.rend()) {
        chain.push_back(wire::Cause{});
        chain.back().because = "asked";
    }
    return false;
}

// ---- the questions ----------------------------------------------------------------------------------------------------------------

std::vector<wire::Cause> Inquest::ends_of(core::ChildIndex child) const {
    std::vector<wire::Cause> chain;
    if (engine_.supervision().view(child, now_).ended) {
        End end = end_of(child);
        chain.push_back(cause("ended", end));
        follow(chain, std::move(end));
    }
    return chain;
}

std::vector<wire::Cause> Inquest::ends_of(DeviceId device) const {
    std::vector<wire::Cause> chain;
    End end = end_of(device);
    if (end.fault || !end.reason.empty()) {
        chain.push_back(cause("ended", end));
        follow(chain, std::move(end));
    }
    return chain;
}

std::vector<wire::Cause> Inquest::waits_of(core::ChildIndex child) const {
    const core::Supervision& tree = engine_.supervision();
    std::vector<wire::Cause> chain;
    core::ChildView view = tree.view(child, now_);
    while (tree.contains(view.waits_for) && chain.size() < causes_max) {
        const bool blocked = view.waits == core::Waits::blocked;
        const core::ChildIndex on = view.waits_for;
        view = tree.view(on, now_);
        End end;
        end.name = view.path;
        end.child = on;
        if (view.ended) {
            end = end_of(on);
        }
        chain.push_back(cause(blocked ? "requires" : "group", end));
        if (!tree.contains(view.waits_for)) {
            follow(chain, std::move(end));
            break;
        }
    }
    return chain;
}

void Inquest::tell_restart(core::ChildIndex child, wire::Why& why) const {
    const core::ChildView view = engine_.supervision().view(child, now_);
    for (Place event = events_.rbegin(); event != events_.rend(); ++event) {
        if (event->event == "restart" && event->name == view.path && event->id == view.last_device) {
            const std::int64_t* count = field<std::int64_t>(*event, "window_count");
            why.restart_count = count != nullptr ? std::optional{static_cast<std::uint64_t>(*count)} : std::nullopt;
            return;
        }
    }
}

}  // namespace backplane::session
