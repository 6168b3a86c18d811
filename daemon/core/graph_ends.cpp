// SPDX-License-Identifier: Apache-2.0
/// The end of Devices and sessions: a queue worked off in slices, each edge telling once (sections 1, 4 and 5 of the rules).
#include "daemon/core/graph_ends_inline.hpp"

namespace backplane::core {

namespace {
/// SessionState::closing: its Devices have been ended; the index is free once they are all worked off.
constexpr std::uint8_t closing_dropped = 2;
}  // namespace

FaultRecord Graph::fault_of(const Device& device) const {
    FaultRecord fault;
    if (device.state != DeviceState::dying && device.state != DeviceState::dead) {
        return fault;
    }
    fault.kind = device.fault_kind;
    fault.root_kind = device.root_kind;
    fault.hops = device.exit.hops;
    fault.argument = device.exit.argument;
    fault.root_argument = device.exit.root_argument;
    fault.cascade = device.exit.cascade;
    fault.root = device.exit.root;
    fault.text = device.exit.text;
    return fault;
}

FaultRecord Graph::cascade_of(DeviceId dead) const {
    FaultRecord cascade;
    cascade.kind = FaultKind::cascade;
    cascade.cascade = dead;
    cascade.root = dead;
    cascade.hops = 1;
    const Device* device = find(dead);
    if (device == nullptr) {
        cascade.root_kind = FaultKind::unreachable;
        return cascade;
    }
    const FaultRecord fault = fault_of(*device);
    if (fault.kind == FaultKind::cascade) {
        cascade.root = fault.root;
        cascade.root_kind = fault.root_kind;
        cascade.root_argument = fault.root_argument;
        cascade.hops = fault.hops + 1;
    } else {
        cascade.root_kind = fault.kind;
        cascade.root_argument = fault.argument;
    }
    return cascade;
}

void Graph::queue_dying(Queue& queue, std::uint32_t slot) {
    devices_[slot].work_next = nil;
    if (queue.last != nil) {
        devices_[queue.last].work_next = slot;
    } else {
        queue.first = slot;
    }
    queue.last = slot;
    attention_ = true;
}

void Graph::end_device(Step& step, DeviceId id, const FaultRecord& fault) {
    if (is_live(id)) {
        const Device::Exit exit{fault.cascade, fault.root, fault.argument, fault.root_argument, fault.hops, fault.text};
        end_live(step, id.slot(), fault.kind, fault.root_kind, exit);
        return;
    }
    TextIndex unused = fault.text;
    texts_.release(unused);
}

void Graph::let_go_of_all(const Device& watcher) {
    while (watcher.in != nil) {
        lose_in(watcher.in);
    }
}

/// As `leave`, whatever its links are.
void Graph::leave_linked(const Event& event) {
    Device& device = devices_[event.device.slot()];
    let_go_of_all(device);
    be_gone(event, device, sessions_[event.session]);
    finish(event.device.slot(), device);
}

/// Its turn comes: behind whoever is in the queue now, or with the backlog.
void Graph::queue_end(std::uint32_t slot) {
    if (devices_[slot].child == no_child) {
        ++sessions_[devices_[slot].owner].dying_count;
    }
    queue_dying(working_ ? fresh_ : backlog_, slot);
}

/// A managed Device heard of a fault (W-2, W-6): a task goes at once and its owner is told; a process is doomed.
void Graph::fall(Step& step, std::uint32_t slot, const FaultRecord& cascade) {
    const Device& device = devices_[slot];
    if (device.child != no_child) {
        doomed.push_back(Doomed{device.child, id_of(slot), cascade});
        attention_ = true;
        return;
    }
    end_and_tell(step, slot, cascade);
}

/// A task goes by the daemon's word, of which its owner is told.
void Graph::end_and_tell(Step& step, std::uint32_t slot, const FaultRecord& fault) {
    const SessionIndex owner = devices_[slot].owner;
    ++devices_[slot].pins;  // what is to be told keeps the exit record, and its id must be closed once only (decision 1)
    end_device(step, id_of(slot), fault);
    owe_about(step, Owed::ended, owner, slot, slot);
    unpin(slot);
}

/// The end of one that was queued: a session that is gone frees its index with the last of them.
void Graph::finish_queued(std::uint32_t slot) {
    Device& device = devices_[slot];
    finish(slot, device);
    if (device.child == no_child) {
        SessionState& session = sessions_[device.owner];
        if (--session.dying_count == 0 && session.closing == closing_dropped) {
            free_session(device.owner);
        }
    }
}

std::uint32_t Graph::work_queue(Step& step, Queue& queue, std::uint32_t budget) {
    std::uint32_t used = 0;
    while (queue.first != nil && used < budget) {
        const std::uint32_t slot = queue.first;
        used += drain(step, slot, budget - used) + 1;
        Device& device = devices_[slot];
        if (device.in != nil || device.out != nil) {
            break;
        }
        queue.first = device.work_next;
        if (queue.first == nil) {
            queue.last = nil;
        }
        finish_queued(slot);
    }
    return used;
}

/// Devices of sessions that are gone drop in creation order (D-3, T-6).
std::uint32_t Graph::drop_sessions(Step& step, std::uint32_t budget) {
    std::uint32_t used = 0;
    while (closing_ != nil && used < budget) {
        SessionState& session = sessions_[closing_];
        while (session.devices != nil && used < budget) {
            FaultRecord fault;
            fault.kind = FaultKind::drop;
            fault.text = texts_.share(session.why);
            end_device(step, id_of(session.devices), fault);
            ++used;
        }
        while (session.owed != nil && used < budget) {
            const std::uint32_t node = session.owed;
            session.owed = edges_[node].owed_next;
            release_owed(node);
            ++used;
        }
        if (session.devices != nil || session.owed != nil) {
            break;
        }
        const SessionIndex ended = closing_;
        closing_ = session.work_next;
        if (closing_ == nil) {
            last_closing_ = nil;
        }
        sessions_[ended].closing = closing_dropped;
        if (sessions_[ended].dying_count == 0) {
            free_session(ended);
        }
        ++used;
    }
    return used;
}

/// `fresh`: this step's own cause first, and what does not fit joins the backlog, so a small death never waits behind a
/// large one (M-4). Otherwise a slice of the backlog.
void Graph::work(Step& step, bool fresh) {
    working_ = true;
    if (fresh) {
        (void)work_queue(step, fresh_, slice_edges);
    } else {
        std::uint32_t used = drop_sessions(step, slice_edges);
        if (used < slice_edges) {
            used += work_queue(step, backlog_, slice_edges - used);
        }
        if (used < slice_edges) {
            (void)work_queue(step, fresh_, slice_edges - used);
        }
    }
    if (fresh_.first != nil) {
        if (backlog_.last != nil) {
            devices_[backlog_.last].work_next = fresh_.first;
        } else {
            backlog_.first = fresh_.first;
        }
        backlog_.last = fresh_.last;
        fresh_ = Queue{};
    }
    working_ = false;
}

void Graph::free_session(SessionIndex number) {
    SessionState& session = sessions_[number];
    burn_pages(number);
    session.last_owed = nil;
    session.taken = session.owed_total;
    session.closing = 0;
    session.uid = 0;
    texts_.release(session.why);
}

}  // namespace backplane::core
