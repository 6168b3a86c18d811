// SPDX-License-Identifier: Apache-2.0
/// Linking and unlinking (section 2 of the rules): one edge a pair, found in constant time at any degree.
#include "daemon/core/graph_inline.hpp"

namespace backplane::core {

std::uint32_t Graph::find_edge(std::uint32_t watcher, std::uint32_t target) const {
    const Device& hearing = devices_[watcher];
    if (hearing.state == DeviceState::live && hearing.life.in_count <= walk_max) {
        std::uint32_t i = hearing.in;
        while (i != nil && edges_[i].target != target) {
            i = edges_[i].in_next;
        }
        return i;
    }
    const Device& told_of = devices_[target];
    const bool few = told_of.state == DeviceState::live && told_of.life.out_count <= walk_max;
    if (few || told_of.state == DeviceState::dying) {  // a dying one no longer counts: its first eight are walked, too
        std::uint32_t i = told_of.out;
        for (std::uint32_t n = 0; i != nil && n < walk_max; ++n, i = edges_[i].out_next) {
            if (edges_[i].watcher == watcher) {
                return i;
            }
        }
        if (few) {
            return nil;
        }
    }
    return index_.find(EdgeIndex::key(watcher, target));
}

/// The watcher just came to have more than walk_max edges: what it shares with other crowded ends goes into the index.
void Graph::crowd_in(std::uint32_t watcher) {
    for (std::uint32_t i = devices_[watcher].in; i != nil; i = edges_[i].in_next) {
        Edge& edge = edges_[i];
        const Device& target = devices_[edge.target];
        const bool walkable = target.state == DeviceState::live && target.life.out_count <= walk_max;
        if (edge.hashed == 0 && !walkable) {
            index_.insert(EdgeIndex::key(watcher, edge.target), i);
            edge.hashed = 1;
        }
    }
}

void Graph::crowd_out(std::uint32_t target) {
    for (std::uint32_t i = devices_[target].out; i != nil; i = edges_[i].out_next) {
        Edge& edge = edges_[i];
        if (edge.hashed == 0 && devices_[edge.watcher].life.in_count > walk_max) {
            index_.insert(EdgeIndex::key(edge.watcher, target), i);
            edge.hashed = 1;
        }
    }
}

/// Keeps the index's promise when an edge brought an end over walk_max: pairs crowded on both sides are in it.
void Graph::index_crowded(std::uint32_t number, std::uint32_t in, std::uint32_t out) {
    Edge& edge = edges_[number];
    if (in == walk_max + 1) {
        crowd_in(edge.watcher);
    }
    if (out == walk_max + 1) {
        crowd_out(edge.target);
    }
    if (in > walk_max && out > walk_max && edge.hashed == 0) {
        index_.insert(EdgeIndex::key(edge.watcher, edge.target), number);
        edge.hashed = 1;
    }
}

void Graph::remove_edge(std::uint32_t edge) {
    detach_out(edge);
    detach_in(edge);
    free_edge(edge);
}

void Graph::add_edge(Step& step, DeviceId watcher, DeviceId target) {
    if (!is_live(watcher) || !is_live(target) || watcher == target) {
        return;
    }
    (void)attach(watcher.slot(), target.slot());  // the daemon's own orders are charged to nobody
    if (step.graph_records) {
        Record& record = step.record(RecordKind::link, {});
        record.device = watcher;
        record.other = target;
        record.link_mode = static_cast<std::uint8_t>(LinkMode::monitor);
    }
}

/// L-9: refused where an acknowledgement was asked for or only `notify` wanted; else the notice that a later death
/// would have produced, with the recorded fault.
void Graph::link_to_dead(Step& step, const Event& event) {
    if (event.flag != 0 || !has(static_cast<LinkMode>(event.mode), LinkMode::monitor)) {
        refuse(step, event, ErrorCode::link_down);
        return;
    }
    const std::uint32_t slot = event.device.slot();
    Device& from = devices_[slot];
    const Device* to = find(event.other);
    const bool known = to != nullptr && to->state != DeviceState::live;  // a live one it may not even observe is unknown (L-11)
    FaultRecord cascade = cascade_of(known ? event.other : DeviceId{});
    if (!known) {
        cascade.cascade = event.other;
        cascade.root = event.other;
    }
    const bool fatal = !known || to->fault_kind != FaultKind::none;
    if ((from.traits & trait_managed) != 0) {
        if (fatal) {
            fall(step, slot, cascade);
        }
        if (from.child == no_child) {
            return;
        }
    }
    if (from.owner == daemon_session) {
        return;  // a process whose program does not speak has nobody to tell
    }
    // Not pinned: its id may be closed and its page at rest, and what rests must not be opened again (decision 1). Charged
    // like a refusal, since no link bounds how often one may ask (T-7).
    const ErrorCode what = known ? ErrorCode::link_down : ErrorCode::unreachable;
    const std::uint32_t late = note(step, from.owner, RefusalNote{0, event.device, event.other, what, 0, 0});
    owe_about(step, Owed::lost, from.owner, slot, late);
}

/// Removes the edge of a pair. Where it has become a notice that is not yet acknowledged, the notice is taken back; true then.
bool Graph::take_away(std::uint32_t watcher, std::uint32_t target) {
    const std::uint32_t found = find_edge(watcher, target);
    if (found == nil) {
        return false;
    }
    Edge& edge = edges_[found];
    if (edge.owed == Owed::nothing) {
        remove_edge(found);
        return false;
    }
    detach_in(found);
    edge.owed = Owed::withdrawn;  // its place keeps the count right (decision 2)
    unpin(target);
    return true;
}

void Graph::unlink(Step& step, const Event& event) {
    if (const ErrorCode wrong = check_ends(event); wrong != ErrorCode::ok) {
        refuse(step, event, wrong);
        return;
    }
    const LinkMode mode = static_cast<LinkMode>(event.mode);
    const Device* to = find(event.other);
    if (to == nullptr) {
        return;  // L-3: no such edge, a silent success
    }
    bool taken_back = false;
    const std::uint32_t from = event.device.slot();
    if (has(mode, LinkMode::monitor)) {
        taken_back = take_away(from, event.other.slot());
    }
    if (has(mode, LinkMode::notify) && to->state == DeviceState::live) {
        (void)take_away(event.other.slot(), from);
    }
    if (taken_back && event.flag != 0) {
        refuse(step, event, ErrorCode::was_down);
    }
    if (step.graph_records) {
        Record& record = step.record(RecordKind::unlink, {});
        record.device = event.device;
        record.other = event.other;
        record.link_mode = event.mode;
    }
}

}  // namespace backplane::core
