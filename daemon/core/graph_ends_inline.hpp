// SPDX-License-Identifier: Apache-2.0
/// The hot half of an end, as graph_inline.hpp: who hears of it, and what becomes of the links of the one that goes.
#pragma once

#include "daemon/core/graph_inline.hpp"

namespace backplane::core {

/// Up to so many links of its own a Device lets go outside the queue.
inline constexpr std::uint32_t in_at_once = 64;

/// One edge of a Device that went: its watcher is told, falls, or lets the edge go.
[[gnu::always_inline]] inline void Graph::tell(Step& step, std::uint32_t number) {
    const std::uint32_t slot = edges_[number].watcher;
    const std::uint32_t about = edges_[number].target;
    const Device& watcher = devices_[slot];
    if (watcher.state != DeviceState::live) [[unlikely]] {
        remove_edge(number);  // D-7
        return;
    }
    if (step.graph_records) [[unlikely]] {
        Record& record = step.record(RecordKind::notice, {});
        record.device = id_of(about);
        record.other = id_of(slot);
        step.set_fault(record, fault_of(devices_[about]));
    }
    const bool managed = (watcher.traits & trait_managed) != 0;
    const bool silent = managed && watcher.child == no_child;
    if (silent || watcher.owner == daemon_session) {
        remove_edge(number);
    } else {
        owe_edge(step, number);
    }
    if (managed && devices_[about].fault_kind != FaultKind::none) {
        fall(step, slot, cascade_of(id_of(about)));
    }
}

/// Works on one dying Device within a budget of edges; answers how many were used. Its own links go first, so that
/// nobody is told by what is already gone.
[[gnu::always_inline]] inline std::uint32_t Graph::drain(Step& step, std::uint32_t slot, std::uint32_t budget) {
    std::uint32_t used = 0;
    Device& device = devices_[slot];  // no table of Devices grows while one is told of
    while (device.in != nil && used < budget) {
        lose_in(device.in);
        ++used;
    }
    while (device.out != nil && used < budget) {
        const std::uint32_t edge = device.out;
        if (const std::uint32_t next = edges_[edge].out_next; next != nil) {
            __builtin_prefetch(&devices_[edges_[next].watcher]);
        }
        tell(step, edge);
        ++used;
    }
    return used;
}

/// What it holds is released, its names first (D-11), then its second half becomes its exit record, then its links are worked off.
[[gnu::always_inline]] inline void Graph::end_live(Step& step, std::uint32_t slot, FaultKind kind, FaultKind root_kind,
                                                   const Device::Exit& exit) {
    Device& device = devices_[slot];
    if ((device.life.name | device.life.extra) != 0) [[unlikely]] {
        release_holdings(
            step, slot,
            FaultRecord{kind, root_kind, 0, exit.hops, exit.argument, exit.root_argument, exit.cascade, exit.root, exit.text, 0});
    }
    if (device.child == no_child) {  // processes and supervisors are found through their entries
        SessionState& owner = sessions_[device.owner];
        delist(owner, device.life);
        --owner.device_count;
    } else {
        --own_devices_;
    }
    device.state = DeviceState::dying;
    device.fault_kind = kind;
    device.root_kind = root_kind;
    device.exit = exit;
    if (step.graph_records) [[unlikely]] {
        Record& record = step.record(RecordKind::device_down, {});
        record.device = DeviceId::make(device.generation, slot);
        record.child = device.child;
        step.set_fault(record, fault_of(device));
    }
    end_rest(step, slot);
}

/// A watcher that goes lets one of its edges go; what is owed stays on its list until the session has taken it.
[[gnu::always_inline]] inline void Graph::lose_in(std::uint32_t edge) {
    detach_in(edge);
    if (edges_[edge].owed == Owed::nothing) {
        detach_out(edge);
        free_edge(edge);
    }
}

[[gnu::always_inline]] inline bool Graph::may_end(const Event& event) const {
    const std::uint32_t slot = event.device.slot();
    if (slot >= devices_.size()) [[unlikely]] {
        return false;
    }
    const Device& device = devices_[slot];
    return device.generation == event.device.generation() && device.owner == event.session && device.state == DeviceState::live &&
           (device.child | device.life.name | device.life.extra) == nil && device.life.in_count <= in_at_once &&
           event.fault != static_cast<std::uint8_t>(FaultKind::cascade);
}

[[gnu::always_inline]] inline bool Graph::may_leave(const Event& event) const {
    return devices_[event.device.slot()].out == nil && event.text.empty();
}

/// Its session has it no more and one operation behind it, and its second half becomes the exit record.
[[gnu::always_inline]] inline void Graph::be_gone(const Event& event, Device& device, SessionState& session) {
    delist(session, device.life);
    --session.device_count;
    ++session.operations;
    device.fault_kind = static_cast<FaultKind>(event.fault);
    device.exit = Device::Exit{DeviceId{}, DeviceId{}, event.argument, 0, 0, 0};
}

[[gnu::always_inline]] inline bool Graph::has_more_to_end(const Event& event) const {
    const Device& device = devices_[event.device.slot()];
    return device.in != nil || !event.text.empty() || device.life.out_count > slice_edges;
}

/// Its links that have become notices stay owed and are only taken off its side, which goes as a whole. Those that have not
/// are a matter of two sides, or of the index, and go the long way.
[[gnu::always_inline]] inline void Graph::leave(const Event& event) {
    Device& device = devices_[event.device.slot()];
    SessionState& session = sessions_[event.session];
    if (std::uint32_t number = device.in; number != nil) {
        std::uint32_t lost = 0;
        while (number != nil && edges_[number].owed != Owed::nothing && edges_[number].hashed == 0) {
            edges_[number].on_in = 0;
            number = edges_[number].in_next;
            edges_[number].in_previous = nil;  // of edge 0, which is nobody's, too: cheaper than to ask
            ++lost;
        }
        device.in = number;
        session.link_count -= lost;
        if (number != nil) {
            device.life.in_count -= lost;
            leave_linked(event);
            return;
        }
    }
    be_gone(event, device, session);
    finish(event.device.slot(), device);
}

inline void Graph::end_own(Step& step, const Event& event) {
    const TextIndex text = event.text.empty() ? TextIndex{0} : texts_.add(event.text);
    end_device(step, event.device,
               FaultRecord{static_cast<FaultKind>(event.fault), FaultKind::none, 0, 0, event.argument, 0, {}, {}, text, 0});
}

/// Gives those who hear of a dying Device their notice, up to the first who does more than hear.
[[gnu::always_inline]] inline void Graph::tell_plainly(Device& gone, std::uint32_t mark, Effects& out) {
    std::uint32_t number = gone.out;
    std::uint32_t told = 0;
    for (; number != nil; ++told) {
        Edge& edge = edges_[number];
        const Device& watcher = devices_[edge.watcher];
        SessionState& session = sessions_[watcher.owner];
        if (watcher.state != DeviceState::live || (watcher.traits & trait_managed) != 0 || watcher.owner == daemon_session ||
            session.open == 0 || watcher.life.in_count > walk_max) {
            break;
        }
        const std::uint32_t next = edge.out_next;
        if (next != nil) {
            __builtin_prefetch(&devices_[edges_[next].watcher]);
            edges_[next].out_previous = nil;
        }
        edge.on_out = 0;
        edge.owed = Owed::notice;
        edge.to_generation = watcher.generation;
        edge.owed_next = nil;
        if (session.last_owed != nil) {
            edges_[session.last_owed].owed_next = number;
        } else {
            session.owed = number;
        }
        session.last_owed = number;
        ++session.owed_total;
        if (session.ready_mark != mark) {
            session.ready_mark = mark;
            out.ready(watcher.owner);
        }
        number = next;
    }
    gone.pins += told;
    gone.out = number;
}

[[gnu::always_inline]] inline bool Graph::end_plainly(const Event& event, std::uint32_t mark, Effects& out) {
    Device& device = devices_[event.device.slot()];
    SessionState& session = sessions_[event.session];
    be_gone(event, device, session);
    device.state = DeviceState::dying;
    tell_plainly(device, mark, out);
    if (device.out == nil) [[likely]] {
        finish(event.device.slot(), device);
        return true;
    }
    return false;
}

/// As `end_plainly`, of which it is the case without a loop and without a call.
[[gnu::always_inline]] inline bool Graph::end_for_one(const Event& event, std::uint32_t mark, Effects& out) {
    Device& device = devices_[event.device.slot()];
    const std::uint32_t number = device.out;
    Edge& edge = edges_[number];
    if (device.in != nil || number == nil || edge.out_next != nil || !event.text.empty()) {
        return false;
    }
    const Device& watcher = devices_[edge.watcher];
    SessionState& told = sessions_[watcher.owner];
    if (watcher.state != DeviceState::live || (watcher.traits & trait_managed) != 0 || watcher.owner == daemon_session || told.open == 0 ||
        watcher.life.in_count > walk_max || !out.list.has_room()) [[unlikely]] {
        return false;
    }
    if (told.ready_mark != mark) {
        told.ready_mark = mark;
        out.ready(watcher.owner);
    }
    edge.to_generation = watcher.generation;
    edge.owed_next = nil;
    if (told.last_owed != nil) {
        edges_[told.last_owed].owed_next = number;
    } else {
        told.owed = number;
    }
    told.last_owed = number;
    ++told.owed_total;
    ++device.pins;
    device.out = nil;
    device.state = DeviceState::dead;
    be_gone(event, device, sessions_[event.session]);
    edge.owed = Owed::notice;
    edge.on_out = 0;
    return true;
}

/// The links of a dying Device are worked off: at once where nobody is inside the queue, else behind those who are.
inline void Graph::end_rest(Step& step, std::uint32_t slot) {
    Device& device = devices_[slot];
    if (!working_) [[likely]] {
        working_ = true;
        (void)drain(step, slot, slice_edges);
        working_ = false;
        if ((device.in | device.out) == nil) [[likely]] {
            finish(slot, device);
            return;
        }
    }
    queue_end(slot);
}

}  // namespace backplane::core
