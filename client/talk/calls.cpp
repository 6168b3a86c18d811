// SPDX-License-Identifier: Apache-2.0
/// See calls.hpp.
#include "client/talk/calls.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace backplane::talk {

std::optional<Line> to_line(const std::optional<DeviceId>& id, Epoch epoch) {
    return id ? std::optional<Line>{Line{epoch, *id}} : std::nullopt;
}

namespace {

/// A line for an id that may be zero, which stands for nobody.
Line line_or_none(DeviceId id, Epoch epoch) { return id ? Line{epoch, id} : Line{}; }

Page to_page(wire::Listing&& listing, Epoch epoch) {
    Page page;
    page.rows.reserve(listing.rows.size());
    for (wire::Row& row : listing.rows) {
        page.rows.push_back(to_row(std::move(row), epoch));
    }
    page.next = std::move(listing.next);
    return page;
}

Description to_description(wire::Description&& from, Epoch epoch) {
    Description out;
    out.row = to_row(std::move(from.row), epoch);
    out.last_exit = std::move(from.last_exit);
    out.failures = from.failures;
    out.next_start_ms = out.row.next_start_ms;
    out.restart = std::move(from.restart);
    out.strategy = out.row.strategy;
    out.window_used = out.row.window_used;
    out.intensity = out.row.intensity;
    out.period_ms = from.period_ms;
    out.since_ms = from.since_ms;
    out.watchdog_ms = from.watchdog_ms;
    out.significant = from.significant;
    out.auto_shutdown = std::move(from.auto_shutdown);
    out.children = from.children;
    out.max_children = from.max_children;
    out.partitions = from.partitions;
    out.links.reserve(from.links.size());
    for (wire::LinkRow& link : from.links) {
        out.links.push_back(LinkValue{Line{epoch, link.other}, link.mode, std::move(link.name)});
    }
    out.links_total = from.links_total;
    out.managed = from.managed;
    out.readiness = std::move(from.readiness);
    out.last_line = to_line(from.last_id, epoch);
    for (wire::OrderRow& order : from.orders) {
        out.orders.push_back(OrderValue{std::move(order.name), order.mode});
    }
    for (wire::OrderRow& order : from.ordered_by) {
        out.ordered_by.push_back(OrderValue{std::move(order.name), order.mode});
    }
    out.needs = std::move(from.needs);
    out.needed_by = std::move(from.needed_by);
    out.orders_total = from.orders_total;
    out.names = std::move(from.names);
    out.name_watches = from.name_watches;
    out.client = std::move(from.client);
    return out;
}

DaemonInfo to_info(wire::DaemonInfo&& from) {
    DaemonInfo out;
    out.pid = from.pid;
    out.version = std::move(from.version);
    out.epoch = from.epoch;
    out.devices = from.devices;
    out.links = from.links;
    out.sessions = from.sessions;
    out.uptime_ms = from.uptime_ms;
    out.keeper_pid = from.keeper_pid;
    out.daemon_restarts = from.daemon_restarts;
    out.journal_bytes = from.journal_bytes;
    out.journal = std::move(from.journal);
    out.containment = std::move(from.containment);
    out.counters = std::move(from.counters);
    out.weaker = std::move(from.weaker);
    return out;
}

Exits to_exits(wire::ExitRows&& from, Epoch epoch) {
    Exits out;
    for (wire::ExitRow& row : from.rows) {
        ExitRecord record;
        record.time_us = row.time_us;
        record.uptime_ms = row.uptime_ms;
        record.incarnation = row.incarnation;
        record.was_ready = row.was_ready;
        record.exit_class = std::move(row.exit_class);
        record.fault = std::move(row.fault);
        record.code = row.code;
        record.signal = row.signal;
        record.core = row.core;
        record.root = to_line(row.root, epoch);
        record.root_fault = std::move(row.root_fault);
        record.last_words = std::move(row.last_words);
        out.records.push_back(std::move(record));
    }
    return out;
}

LogPage to_log_page(wire::LogRows&& from) {
    LogPage out;
    out.name = std::move(from.name);
    for (wire::LogRow& row : from.rows) {
        out.lines.push_back({row.number, row.time_us, row.incarnation, std::move(row.stream), row.goes_on, std::move(row.text)});
    }
    out.next = from.next;
    out.end = from.end;
    out.missed = from.missed;
    out.anew = from.anew;
    out.dropped = from.dropped;
    out.stdout_to = std::move(from.stdout_to);
    out.stderr_to = std::move(from.stderr_to);
    return out;
}

}  // namespace

DeviceRow to_row(wire::Row&& row, Epoch epoch) {
    DeviceRow out;
    out.name = std::move(row.name);
    out.line = to_line(row.id, epoch);
    out.kind = std::move(row.kind);
    out.state = std::move(row.state);
    out.pid = row.pid;
    out.restarts = row.restarts;
    out.supervisor = std::move(row.supervisor);
    out.fault = std::move(row.fault);
    out.reason = std::move(row.reason);
    out.waits_for = std::move(row.waits_for);
    out.held = row.held;
    out.next_start_ms = row.next_start_ms;
    out.strategy = std::move(row.strategy);
    out.window_used = row.window_used;
    out.intensity = row.intensity;
    out.labels = std::move(row.labels);
    return out;
}

Answer to_answer(wire::Reply&& reply, Epoch epoch) {
    if (auto* listing = std::get_if<wire::Listing>(&reply.body)) {
        return to_page(std::move(*listing), epoch);
    }
    if (auto* description = std::get_if<wire::Description>(&reply.body)) {
        return to_description(std::move(*description), epoch);
    }
    if (auto* found = std::get_if<wire::Found>(&reply.body)) {
        return Found{line_or_none(found->device, epoch), std::move(found->name)};
    }
    if (auto* named = std::get_if<wire::Named>(&reply.body)) {
        return Named{std::move(named->name)};
    }
    if (auto* info = std::get_if<wire::DaemonInfo>(&reply.body)) {
        return to_info(std::move(*info));
    }
    if (auto* added = std::get_if<wire::Added>(&reply.body)) {
        return AddedChild{std::move(added->name), std::move(added->key), to_line(added->device, epoch)};
    }
    if (auto* counts = std::get_if<wire::ChildCounts>(&reply.body)) {
        return ChildCounts{counts->specs, counts->active, counts->supervisors, counts->workers};
    }
    if (auto* plan = std::get_if<wire::Plan>(&reply.body)) {
        ReloadPlan out;
        out.warnings = std::move(plan->warnings);
        for (wire::PlannedChange& change : plan->changes) {
            out.changes.push_back({std::move(change.name), std::move(change.change), change.restart});
        }
        return out;
    }
    if (auto* impact = std::get_if<wire::Impact>(&reply.body)) {
        return to_impact(std::move(*impact), epoch);
    }
    if (auto* why = std::get_if<wire::Why>(&reply.body)) {
        return to_why(std::move(*why), epoch);
    }
    if (auto* exits = std::get_if<wire::ExitRows>(&reply.body)) {
        return to_exits(std::move(*exits), epoch);
    }
    if (auto* logs = std::get_if<wire::LogRows>(&reply.body)) {
        return to_log_page(std::move(*logs));
    }
    if (auto* spec = std::get_if<wire::SpecText>(&reply.body)) {
        return SpecText{std::move(spec->spec)};
    }
    return std::monostate{};
}

LogEvent to_log_event(wire::Event&& event, Epoch epoch) {
    LogEvent out;
    out.seq = event.seq;
    out.time_us = event.time_us;
    out.event = std::move(event.event);
    out.name = std::move(event.name);
    out.line = to_line(event.id, epoch);
    for (wire::Event::Field& field : event.fields) {
        LogEvent::Field copy{std::move(field.key), std::int64_t{0}};
        if (auto* number = std::get_if<std::int64_t>(&field.value)) {
            copy.value = *number;
        } else if (auto* text = std::get_if<std::string>(&field.value)) {
            copy.value = std::move(*text);
        } else {
            copy.value = Line{epoch, std::get<DeviceId>(field.value)};
        }
        out.fields.push_back(std::move(copy));
    }
    return out;
}

NameChange to_name_change(wire::NameState&& state, Epoch epoch) {
    NameChange out;
    out.name = std::move(state.name);
    out.up = state.up;
    out.device = line_or_none(state.device, epoch);
    out.incarnation = state.incarnation;
    out.fault = std::move(state.fault);
    return out;
}

Calls::Open& Calls::begin(wire::Request request, Waiting waiting) {
    Open& open = open_[++last_];
    open.request = std::move(request);
    open.request.id = last_;
    open.waiting = waiting;
    return open;
}

const Calls::Open* Calls::open_call(std::uint64_t id) const {
    const auto found = open_.find(id);
    return found == open_.end() || found->second.answer ? nullptr : &found->second;
}

bool Calls::has_open(wire::Call call) const {
    return std::any_of(open_.begin(), open_.end(),
                       [call](const auto& entry) { return entry.second.request.call == call && !entry.second.answer; });
}

void Calls::finish(std::uint64_t id, Expected<Answer> answer) {
    const auto found = open_.find(id);
    if (found == open_.end()) {
        return;
    }
    if (found->second.waiting != Waiting::user) {
        open_.erase(found);
    } else {
        found->second.answer = std::move(answer);
        wakes_.wake(found->second.waiter);
    }
}

std::optional<Expected<Answer>> Calls::take(std::uint64_t id) {
    const auto found = open_.find(id);
    if (found == open_.end() || !found->second.answer) {
        return std::nullopt;
    }
    std::optional<Expected<Answer>> answer{std::move(found->second.answer)};
    open_.erase(found);
    return answer;
}

bool Calls::is_answered(std::uint64_t id) const {
    const auto found = open_.find(id);
    return found != open_.end() && found->second.answer.has_value();
}

void Calls::wait(std::uint64_t id, Ticket ticket) {
    if (const auto found = open_.find(id); found != open_.end()) {
        found->second.waiter = ticket;
    }
}

void Calls::abandon(std::uint64_t id) {
    const auto found = open_.find(id);
    if (found == open_.end()) {
        return;
    }
    if (found->second.answer) {
        open_.erase(found);
    } else {
        found->second.waiting = Waiting::nobody;
    }
}

void Calls::fail_all(const Error& error) {
    for (auto at = open_.begin(); at != open_.end();) {
        if (at->second.waiting != Waiting::user) {
            at = open_.erase(at);
            continue;
        }
        if (!at->second.answer) {
            at->second.answer = Expected<Answer>{unexpected(error)};
            wakes_.wake(at->second.waiter);
        }
        at = std::next(at);
    }
}

}  // namespace backplane::talk
