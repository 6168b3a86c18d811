// SPDX-License-Identifier: Apache-2.0
/// The C face's questions of an incident: why, impact, exits, logs.
#include "client/src/c_handles.hpp"

namespace backplane::c_face {

namespace {

/// A list's handle; null where there is nothing.
template <class Handle, class Values>
const Handle* handle_of(Handle& handle, const Values& values) {
    handle.all = &values;
    return values.empty() ? nullptr : &handle;
}

bp_cause cause_out(const Cause& cause) {
    bp_cause out{};
    out.was_ready = static_cast<std::int32_t>(number_of(cause.was_ready));
    out.line = line_of(cause.line);
    point(out.because, out.because_length, cause.because);
    point_if(out.name, out.name_length, cause.name);
    point_if(out.kind, out.kind_length, cause.kind);
    point_if(out.state, out.state_length, cause.state);
    point_if(out.reason, out.reason_length, cause.reason);
    out.time_us = number_of(cause.time_us);
    out.age_ms = number_of(cause.age_ms);
    out.uptime_ms = number_of(cause.uptime_ms);
    out.window_count = number_of(cause.window_count);
    point_some(out.last_words, out.last_words_length, cause.last_words);
    return out;
}

bp_fate fate_out(const Impact::Fate& fate) {
    bp_fate out{};
    point(out.name, out.name_length, fate.name);
    point(out.was, out.was_length, fate.was);
    point(out.state, out.state_length, fate.state);
    point_if(out.reason, out.reason_length, fate.reason);
    point_if(out.waits_for, out.waits_for_length, fate.waits_for);
    out.after_ms = fate.after_ms;
    return out;
}

bp_exit exit_out(const ExitRecord& record) {
    bp_exit out{};
    out.size = sizeof(out);
    out.was_ready = record.was_ready ? 1 : 0;
    out.core = record.core ? 1 : 0;
    out.root = line_of(record.root);
    out.time_us = record.time_us;
    out.uptime_ms = record.uptime_ms;
    out.incarnation = record.incarnation;
    out.code = number_of(record.code);
    out.signal = number_of(record.signal);
    point(out.exit_class, out.exit_class_length, record.exit_class);
    point_if(out.fault, out.fault_length, record.fault);
    point_if(out.root_fault, out.root_fault_length, record.root_fault);
    point_some(out.last_words, out.last_words_length, record.last_words);
    return out;
}

bp_log_line log_line_out(const LogLine& line) {
    bp_log_line out{};
    out.size = sizeof(out);
    out.goes_on = line.goes_on ? 1 : 0;
    out.number = line.number;
    out.time_us = line.time_us;
    out.incarnation = line.incarnation;
    point(out.stream, out.stream_length, line.stream);
    point(out.text, out.text_length, line.text);
    return out;
}

bp_log_page page_out(const LogPage& page) {
    bp_log_page out{};
    out.anew = page.anew ? 1 : 0;
    out.next = page.next;
    out.end = page.end;
    out.missed = page.missed;
    out.dropped = page.dropped;
    point(out.name, out.name_length, page.name);
    point_some(out.stdout_to, out.stdout_to_length, page.stdout_to);
    point_some(out.stderr_to, out.stderr_to_length, page.stderr_to);
    return out;
}

Expected<LogOptions> options_in(const bp_logs_options* given) {
    const auto known = struct_in(given);
    if (!known || (known->flags & ~std::uint32_t{BP_LOGS_SINCE | BP_LOGS_WAIT}) != 0) {
        return invalid("the options of logs");
    }
    LogOptions options;
    if ((known->flags & BP_LOGS_SINCE) != 0) {
        options.since = known->since;
    }
    options.lines = known->lines;
    options.wait = (known->flags & BP_LOGS_WAIT) != 0;
    return options;
}

template <class Shown>
auto shown_of(const Shown& one) {
    return one.shown;
}

/// Hands the values to a function of the caller's until it has enough. They are nobody else's: it may ask again.
template <class Value, class Out, class OnOne>
void hand_each(bp_client& client, const std::vector<Value>& values, Out&& out, OnOne on_one, void* user) {
    const Calling calling{client.calling};
    for (const Value& value : values) {
        const auto shown = out(value);
        if (on_one(&shown, user) != 0) {
            break;
        }
    }
}

/// The one at an index of a list that may be none; `out` makes it.
template <class Values, class Out, class Make>
Expected<void> one_of(const Values* values, std::size_t index, Out* out, Make&& make) {
    if (!has_room(out)) {
        return invalid("no place for what is asked for");
    }
    if (values == nullptr || index >= values->size()) {
        return unexpected(ErrorCode::not_found);
    }
    fill(out, make((*values)[index]));
    return {};
}

}  // namespace

void show(ShownWhy& why) {
    const Why& all = why.value;
    why.row.value.row = all.row;
    show(why.row);
    why.row.shown.links = -1;
    bp_why& shown = why.shown;
    shown.size = sizeof(shown);
    shown.row = &why.row.shown;
    shown.ends = handle_of(why.ends, all.ends);
    shown.end_count = all.ends.size();
    shown.waits = handle_of(why.waits, all.waits);
    shown.wait_count = all.waits.size();
    point_if(shown.restart, shown.restart_length, all.restart);
    shown.failures = number_of(all.failures);
    shown.since_ms = number_of(all.since_ms);
    shown.restart_count = number_of(all.restart_count);
    shown.window_used = number_of(all.window_used);
    shown.window_intensity = number_of(all.window_intensity);
    shown.window_period_ms = number_of(all.window_period_ms);
}

void show(ShownTold& told) {
    const Impact::Told& one = told.value;
    for (const auto& [key, value] : one.labels) {
        told.labels.push_back({key, value});
    }
    bp_told& shown = told.shown;
    shown.size = sizeof(shown);
    shown.falls = one.falls ? 1 : 0;
    shown.line = line_out(one.line);
    shown.about = line_out(one.about);
    point_if(shown.name, shown.name_length, one.name);
    point_if(shown.about_name, shown.about_name_length, one.about_name);
    point(shown.kind, shown.kind_length, one.kind);
    point_if(shown.client, shown.client_length, one.client);
    point_if(shown.fault, shown.fault_length, one.fault);
    shown.after_ms = one.after_ms;
    shown.labels = handle_of(told.fields, told.labels);
    shown.label_count = told.labels.size();
}

void show(ShownImpact& impact) {
    Impact& all = impact.value;
    bp_impact_lists& lists = impact.lists;
    for (Impact::Told& one : all.told) {
        lists.told.push_back({std::move(one)});
    }
    for (LogEvent& one : all.events) {
        lists.events.push_back({std::move(one)});
    }
    lists.fates = std::move(all.fates);
    for (ShownTold& one : lists.told) {
        show(one);
    }
    for (ShownEvent& one : lists.events) {
        show(one);
    }
    bp_impact& shown = impact.shown;
    shown.size = sizeof(shown);
    shown.complete = all.complete ? 1 : 0;
    shown.line = line_of(all.line);
    point_if(shown.name, shown.name_length, all.name);
    point(shown.kind, shown.kind_length, all.kind);
    point(shown.fault, shown.fault_length, all.fault);
    shown.length_ms = all.length_ms;
    shown.ends = all.ends;
    shown.falls = all.falls;
    shown.starts = all.starts;
    shown.gives_up = all.gives_up;
    shown.lists = &lists;
    shown.told_count = lists.told.size();
    shown.event_count = lists.events.size();
    shown.fate_count = lists.fates.size();
    shown.told_total = all.told_total;
    shown.event_total = all.events_total;
    shown.fate_total = all.fates_total;
}

}  // namespace backplane::c_face

using namespace backplane;
using namespace backplane::c_face;

bp_status bp_client_why(bp_client* client, const char* name, size_t name_length, int64_t timeout_ns, bp_why* why) noexcept {
    return with_name(client, name, name_length, [&](Client& to, std::string_view given) {
        return answer(client->why, why, [&] { return to.why(given, within(timeout_ns)); });
    });
}

bp_status bp_client_why_line(bp_client* client, const bp_line* line, int64_t timeout_ns, bp_why* why) noexcept {
    return with_line(client, line, [&](Client& to, const Line& given) {
        return answer(client->why, why, [&] { return to.why(given, within(timeout_ns)); });
    });
}

bp_status bp_causes_get(const bp_causes* causes, size_t index, bp_cause* cause) noexcept {
    return alone([&] { return one_of(causes == nullptr ? nullptr : causes->all, index, cause, cause_out); });
}

bp_status bp_client_impact(bp_client* client, const char* name, size_t name_length, int64_t timeout_ns, bp_impact* impact) noexcept {
    return with_name(client, name, name_length, [&](Client& to, std::string_view given) {
        return answer(client->impact, impact, [&] { return to.impact(given, within(timeout_ns)); });
    });
}

bp_status bp_client_impact_line(bp_client* client, const bp_line* line, int64_t timeout_ns, bp_impact* impact) noexcept {
    return with_line(client, line, [&](Client& to, const Line& given) {
        return answer(client->impact, impact, [&] { return to.impact(given, within(timeout_ns)); });
    });
}

bp_status bp_impact_told(const bp_impact_lists* lists, size_t index, bp_told* told) noexcept {
    return alone([&] { return one_of(lists == nullptr ? nullptr : &lists->told, index, told, shown_of<ShownTold>); });
}

bp_status bp_impact_event(const bp_impact_lists* lists, size_t index, bp_event* event) noexcept {
    return alone([&] { return one_of(lists == nullptr ? nullptr : &lists->events, index, event, shown_of<ShownEvent>); });
}

bp_status bp_impact_fate(const bp_impact_lists* lists, size_t index, bp_fate* fate) noexcept {
    return alone([&] { return one_of(lists == nullptr ? nullptr : &lists->fates, index, fate, fate_out); });
}

bp_status bp_client_exits(bp_client* client, const char* name, size_t name_length, int64_t timeout_ns, bp_on_exit on_exit,
                          void* user) noexcept {
    return with_name(client, name, name_length, [&](Client& to, std::string_view given) -> Expected<void> {
        if (on_exit == nullptr) {
            return invalid("no function for the exits");
        }
        const auto exits = to.exits(given, within(timeout_ns));
        if (!exits) {
            return unexpected(exits.error());
        }
        hand_each(*client, *exits, exit_out, on_exit, user);
        return {};
    });
}

bp_status bp_client_logs(bp_client* client, const char* name, size_t name_length, const bp_logs_options* options, int64_t timeout_ns,
                         bp_on_log_line on_line, void* user, bp_log_page* page) noexcept {
    return with_name(client, name, name_length, [&](Client& to, std::string_view given) -> Expected<void> {
        if (on_line == nullptr || (page != nullptr && !has_room(page))) {
            return invalid("no function for the lines, or no place for the page");
        }
        const auto chosen = options_in(options);
        auto found = chosen ? to.logs(given, *chosen, within(timeout_ns)) : unexpected(chosen.error());
        if (!found) {
            return unexpected(found.error());
        }
        hand_each(*client, found->lines, log_line_out, on_line, user);
        if (page != nullptr) {
            fill(page, page_out(client->page.emplace(std::move(*found))));
        }
        return {};
    });
}
