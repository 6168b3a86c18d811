// SPDX-License-Identifier: Apache-2.0
/// The naive model's heartbeats and labels.
#include "tests/sim/naive_graph.hpp"

#include <algorithm>

namespace backplane::sim {

void NaiveGraph::heartbeat(Serial session, Id id, std::uint32_t interval_ms, Instant now, std::uint64_t operation) {
    const auto found = devices_.find(id);
    if (found == devices_.end() || found->second.owner != session) {
        refuse(session, operation, id, 0, ErrorCode::not_owner);
    } else if (found->second.live) {
        found->second.due = interval_ms == 0 ? Instant::never() : now + Duration::milliseconds(interval_ms);
        found->second.due_order = ++due_order_;
    }
}

ErrorCode NaiveGraph::label(Serial session, Id id, const std::string& labels) {
    const auto found = devices_.find(id);
    if (found == devices_.end() || found->second.owner != session) {
        return ErrorCode::not_owner;
    }
    if (!found->second.live) {
        return ErrorCode::device_down;
    }
    found->second.labels = labels;
    return ErrorCode::ok;
}

/// Whose sign of life is due, in the order in which it was.
std::vector<Id> NaiveGraph::silent(Instant now) const {
    std::vector<std::pair<std::pair<Instant, std::uint64_t>, Id>> late;
    for (const auto& [id, device] : devices_) {
        if (device.live && device.due <= now) {
            late.push_back({{device.due, device.due_order}, id});
        }
    }
    std::sort(late.begin(), late.end());
    std::vector<Id> ids;
    for (const auto& [when, id] : late) {
        ids.push_back(id);
    }
    return ids;
}

/// F-1: a Device that is silent for too long goes with `timeout(watchdog)`. Who cannot be heard, or could not until just now, is given
/// the time that a session has to come back (T-10, T-12).
void NaiveGraph::pass(Instant now) {
    constexpr Duration grace = Duration::seconds(5);
    for (const Id id : silent(now)) {
        Device& device = devices_[id];
        const NaiveSession& owner = sessions_[device.owner];
        const Instant heard_by = owner.away ? now + grace : owner.returned.ns != 0 ? owner.returned + grace : Instant{};
        if (!device.live) {
            continue;  // it fell with one before it
        }
        device.due = now < heard_by ? heard_by : Instant::never();
        device.due_order = ++due_order_;
        if (now < heard_by || !owner.open) {
            continue;
        }
        NaiveFault fault;
        fault.kind = FaultKind::timeout;
        fault.argument = 3;
        end(id, fault);
        dying_.pop_back();
        tell_one(id);
        push_ended(id);
    }
    tell_all();
}

/// What came due while nobody was there is due a second later, in the same order.
void NaiveGraph::lose_all(Instant now) {
    for (NaiveSession& session : sessions_) {
        session.away = session.open;
    }
    for (const Id id : silent(now)) {
        devices_[id].due = now + Duration::seconds(1);
        devices_[id].due_order = ++due_order_;
    }
}

void NaiveGraph::come_back(Serial session, Instant now) {
    sessions_[session].away = false;
    sessions_[session].returned = now;
}

std::string NaiveGraph::compare_labels(const core::Engine& engine) const {
    for (const auto& [id, device] : devices_) {
        const std::string labels{engine.graph().labels_of(DeviceId{id})};
        if (labels != (device.live ? device.labels : std::string{})) {
            return "labels of " + std::to_string(id >> 32) + "." + std::to_string(id & 0xffffffff) + ": " + labels +
                   "; should be: " + device.labels;
        }
    }
    return {};
}

}  // namespace backplane::sim
