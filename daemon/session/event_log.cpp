// SPDX-License-Identifier: Apache-2.0
/// Records of the core to events of the wire.
#include "daemon/session/event_log.hpp"

#include "daemon/session/texts.hpp"

#include <algorithm>
#include <array>

namespace backplane::session {

namespace {

using core::RecordKind;

constexpr std::array<std::string_view, 28> record_names = {
    "device_up",         "device_down",        "link",           "unlink",         "notice",        "child_starting", "child_ready",
    "child_completed",   "child_start_failed", "child_stopping", "child_killing",  "child_down",    "child_backoff",  "child_blocked",
    "child_quarantined", "child_removed",      "restart",        "sup_up",         "sup_giving_up", "sup_stopping",   "sup_down",
    "shutdown_error",    "child_unkillable",   "alert",          "child_released", "child_added",   "reloaded",       "child_draining",
};
static_assert(record_names.size() == static_cast<std::size_t>(RecordKind::child_draining) + 1);

void add(wire::Event& event, std::string key, std::int64_t value) { event.fields.push_back({std::move(key), value}); }
void add(wire::Event& event, std::string key, std::string value) { event.fields.push_back({std::move(key), std::move(value)}); }
void add(wire::Event& event, std::string key, DeviceId value) { event.fields.push_back({std::move(key), value}); }

/// `reason` or `cause`: the fault's text, or the class of a clean end; a cascade with its root.
void add_reason(wire::Event& event, std::string key, const core::Record& record, const RecordContext& context) {
    const std::string_view text = context.effects.text_of(record);
    if (record.fault.is_error()) {
        add(event, std::move(key), fault_text(fault_value(record.fault, text), context.epoch));
    } else {
        add(event, std::move(key), std::string{record.exit_class == core::ExitClass::shutdown ? "shutdown" : "normal"});
    }
    if (record.fault.kind == FaultKind::cascade) {
        add(event, "root", record.fault.root);
        add(event, "root_fault", fault_text(root_fault_value(record.fault), context.epoch));
        add(event, "hops", static_cast<std::int64_t>(record.fault.hops));
    }
}

void add_fault(wire::Event& event, const core::Record& record, const RecordContext& context) {
    if (record.fault.is_error()) {
        add_reason(event, "fault", record, context);
    }
}

void add_fields(wire::Event& event, const core::Record& record, const RecordContext& context) {
    switch (record.kind) {
        case RecordKind::link:
        case RecordKind::unlink:
            add(event, "other", record.other);
            add(event, "mode", std::string{link_mode_name(static_cast<LinkMode>(record.link_mode))});
            break;
        case RecordKind::notice:
            add(event, "other", record.other);
            add_fault(event, record, context);
            break;
        case RecordKind::device_down: add_fault(event, record, context); break;
        case RecordKind::child_ready: add(event, "pid", record.number); break;
        case RecordKind::child_stopping:
            if (record.number != 0) {  // a task is asked by a message
                add(event, "signal", record.number);
            }
            break;
        case RecordKind::child_backoff: add(event, "delay_ms", record.number / 1'000'000); break;
        case RecordKind::child_blocked:
            if (context.supervision.contains(record.supervisor)) {
                add(event, "waits_for", std::string{context.supervision.view(record.supervisor, context.now).path});
            } else if (context.supervision.contains(record.child)) {
                add(event, "waits_for", context.supervision.task(record.child).starter);
            }
            break;
        case RecordKind::child_quarantined:
            add_reason(event, "reason", record, context);
            add(event, "window_count", record.number);
            break;
        case RecordKind::sup_giving_up:
            if (const std::string_view child = context.supervision.path(record.supervisor); !child.empty()) {
                add(event, "child", std::string{child});
            }
            add_reason(event, "cause", record, context);
            add(event, "window_count", record.number);
            break;
        case RecordKind::restart:
            if (context.supervision.contains(record.supervisor)) {
                add(event, "supervisor", std::string{context.supervision.view(record.supervisor, context.now).path});
            }
            add_reason(event, "cause", record, context);
            add(event, "window_count", record.number);
            break;
        case RecordKind::child_down:
        case RecordKind::child_start_failed:
        case RecordKind::shutdown_error:
        case RecordKind::sup_down:
        case RecordKind::alert: add_reason(event, "reason", record, context); break;
        default: break;
    }
}

}  // namespace

std::string_view record_name(RecordKind kind) { return record_names[static_cast<std::size_t>(kind)]; }

bool is_graph_record(RecordKind kind) { return kind <= RecordKind::notice; }

wire::Event event_of(const core::Record& record, const RecordContext& context) {
    wire::Event event;
    event.seq = record.seq;
    event.time_us = context.wall_us - (context.now - record.at).ns / 1000;
    event.event = record_name(record.kind);
    if (const std::string_view name = context.effects.name_of(record); !name.empty()) {
        event.name = std::string{name};
    }
    if (record.device) {
        event.id = record.device;
    }
    add_fields(event, record, context);
    return event;
}

void EventLog::append(wire::Event event) {
    if (ring_.size() == capacity_) {
        last_dropped_ = ring_.front().seq;
        ring_.pop_front();
    }
    ring_.push_back(std::move(event));
}

const wire::Event* EventLog::next(std::uint64_t after) const {
    const auto found =
        std::upper_bound(ring_.begin(), ring_.end(), after, [](std::uint64_t seq, const wire::Event& event) { return seq < event.seq; });
    return found == ring_.end() ? nullptr : &*found;
}

bool EventLog::gap(std::uint64_t after, std::uint64_t& from, std::uint64_t& to) const {
    if (last_dropped_ <= after) {
        return false;
    }
    from = after + 1;
    to = last_dropped_;
    return true;
}

}  // namespace backplane::session
