// SPDX-License-Identifier: Apache-2.0
/// The functions of the graph's hot path, for its own files and the engine only: a step is made of a dozen of them, and
/// a call costs as much as what most of them do.
#pragma once

#include "daemon/core/event.hpp"
#include "daemon/core/graph.hpp"

namespace backplane::core {

/// Up to this many edges a list is walked; pairs with more on both sides are in the index.
inline constexpr std::uint32_t walk_max = 8;
/// A session makes its ids in order, and a page that rested is no longer at hand: so many slots ahead it is called for.
inline constexpr std::uint32_t create_ahead = 4;

/// A newborn becomes the last of its session's Devices.
inline void Graph::enlist(SessionState& session, std::uint32_t slot, Device& device) {
    device.life.owner_previous = session.last_device;
    if (session.last_device != nil) {
        devices_[session.last_device].life.owner_next = slot;
    } else {
        session.devices = slot;
    }
    session.last_device = slot;
}

inline void Graph::delist(SessionState& session, const Device::Life& life) {
    if (life.owner_previous != nil) {
        devices_[life.owner_previous].life.owner_next = life.owner_next;
    } else {
        session.devices = life.owner_next;
    }
    if (life.owner_next != nil) {
        devices_[life.owner_next].life.owner_previous = life.owner_previous;
    } else {
        session.last_device = life.owner_previous;
    }
}

/// One id of a page less that can still matter; the last one sends the page to rest.
inline void Graph::close_id(std::uint32_t slot) {
    const std::uint32_t number = slot / page_slots;
    if (--pages_[number].open == 0) [[unlikely]] {
        rest_page(number);
    }
}

inline void Graph::unpin(std::uint32_t slot) {
    Device& device = devices_[slot];
    if (--device.pins == 0 && device.state == DeviceState::dead) {
        close_id(slot);
    }
}

inline void Graph::finish(std::uint32_t slot, Device& device) {
    device.state = DeviceState::dead;
    if (device.pins == 0) {
        close_id(slot);
    }
}

/// Whoever lay in the slot before is forgotten with its text.
inline void Graph::forget_text(Device& device) {
    if (device.state == DeviceState::dead && device.exit.text != 0) [[unlikely]] {
        texts_.release(device.exit.text);
    }
}

/// Makes the slot a live Device.
inline void Graph::be_born(Device& device, std::uint32_t generation, std::uint8_t traits, SessionIndex owner, ChildIndex child) {
    device.generation = generation;
    device.state = DeviceState::live;
    device.traits = traits;
    device.fault_kind = FaultKind::none;
    device.root_kind = FaultKind::none;
    device.owner = owner;
    device.pins = 0;
    device.out = nil;
    device.in = nil;
    device.child = child;
    device.work_next = nil;
    device.life = Device::Life{};
}

[[gnu::always_inline]] inline ErrorCode Graph::check_create(const Event& event) const {
    const std::uint32_t slot = event.device.slot();
    const std::uint32_t generation = event.device.generation();
    const std::uint32_t number = slot / page_slots;
    if (number >= pages_.size() || pages_[number].generation != generation || pages_[number].owner != event.session) [[unlikely]] {
        return ErrorCode::not_owner;
    }
    if (devices_[slot].generation == generation) [[unlikely]] {
        return ErrorCode::id_in_use;
    }
    return sessions_[event.session].device_count < limits_.devices_per_session ? ErrorCode::ok : ErrorCode::limit_reached;
}

[[gnu::always_inline]] inline SessionState& Graph::be_created(const Event& event) {
    const std::uint32_t slot = event.device.slot();
    Device& device = devices_[slot];
    SessionState& session = sessions_[event.session];
    ++session.device_count;
    be_born(device, event.device.generation(), event.flag != 0 ? trait_managed : std::uint8_t{0}, event.session, no_child);
    enlist(session, slot, device);
    return session;
}

inline ErrorCode Graph::create(const Event& event) {
    if (const ErrorCode wrong = check_create(event); wrong != ErrorCode::ok) {
        return wrong;
    }
    forget_text(devices_[event.device.slot()]);
    (void)be_created(event);
    return ErrorCode::ok;
}

[[gnu::always_inline]] inline bool Graph::create_at_once(const Event& event) {
    if (check_create(event) != ErrorCode::ok) [[unlikely]] {
        return false;
    }
    const Device& before = devices_[event.device.slot()];
    if (before.state == DeviceState::dead && before.exit.text != 0) [[unlikely]] {
        return false;
    }
    __builtin_prefetch(&before + create_ahead);
    ++be_created(event).operations;
    return true;
}

/// Whether a Device that is gone was this session's. Its owner's index may be another's by now, but that one's pages are not.
inline bool Graph::was_own(const Device& gone, const Event& event) const {
    return gone.owner == event.session && (gone.child != no_child || pages_[event.device.slot() / page_slots].owner == event.session);
}

/// The live Device of that session, or none with the refusal already noted.
inline Device* Graph::own(Step& step, const Event& event) {
    const std::uint32_t slot = event.device.slot();
    if (slot < devices_.size()) {
        Device& device = devices_[slot];
        if (device.generation == event.device.generation() && device.owner == event.session) {
            if (device.state == DeviceState::live) [[likely]] {
                return &device;
            }
            if (device.state != DeviceState::unused && was_own(device, event)) {
                refuse(step, event, ErrorCode::device_down);
                return nullptr;
            }
        }
    }
    refuse(step, event, ErrorCode::not_owner);
    return nullptr;
}

inline std::uint32_t Graph::new_edge() {
    const std::uint32_t made = free_edges_;
    if (made != nil) [[likely]] {
        free_edges_ = edges_[made].owed_next;
        return made;
    }
    return edges_.grow();
}

inline void Graph::free_edge(std::uint32_t edge) {
    Edge& freed = edges_[edge];
    freed.owed = Owed::nothing;
    freed.on_in = 0;
    freed.on_out = 0;
    freed.owed_next = free_edges_;
    free_edges_ = edge;
}

/// Whom a link of this watcher is charged to: its session, or for processes the daemon.
inline SessionState& Graph::charged(const Device& watcher) { return sessions_[watcher.child == no_child ? watcher.owner : daemon_session]; }

inline void Graph::detach_out(std::uint32_t number) {
    Edge& edge = edges_[number];
    if (edge.on_out == 0) {
        return;
    }
    edge.on_out = 0;
    Device& target = devices_[edge.target];
    if (edge.out_previous != nil) {
        edges_[edge.out_previous].out_next = edge.out_next;
    } else {
        target.out = edge.out_next;
    }
    if (edge.out_next != nil) {
        edges_[edge.out_next].out_previous = edge.out_previous;
    }
    if (target.state == DeviceState::live) {
        if (edge.out_next == nil) {
            target.life.out_tail = edge.out_previous;
        }
        --target.life.out_count;
    }
}

inline void Graph::detach_in(std::uint32_t number) {
    Edge& edge = edges_[number];
    if (edge.hashed != 0) [[unlikely]] {
        index_.erase(EdgeIndex::key(edge.watcher, edge.target));
        edge.hashed = 0;
    }
    if (edge.on_in == 0) {
        return;
    }
    edge.on_in = 0;
    Device& watcher = devices_[edge.watcher];
    if (edge.in_previous != nil) {
        edges_[edge.in_previous].in_next = edge.in_next;
    } else {
        watcher.in = edge.in_next;
    }
    if (edge.in_next != nil) {
        edges_[edge.in_next].in_previous = edge.in_previous;
    }
    if (watcher.state == DeviceState::live) {
        --watcher.life.in_count;
    }
    --charged(watcher).link_count;
}

/// Puts a node on a session's list and says so once a step. A session that is gone is owed nothing (D-7).
[[gnu::always_inline]] inline void Graph::owe(Step& step, SessionIndex number, std::uint32_t node) {
    SessionState& session = sessions_[number];
    if (session.open == 0) [[unlikely]] {
        release_owed(node);
        return;
    }
    edges_[node].owed_next = nil;
    if (session.last_owed != nil) {
        edges_[session.last_owed].owed_next = node;
    } else {
        session.owed = node;
    }
    session.last_owed = node;
    ++session.owed_total;
    if (session.ready_mark != step.mark) {
        session.ready_mark = step.mark;
        step.effect(EffectKind::session_ready).session = number;
    }
}

/// The target of the edge is gone: the edge becomes the notice.
[[gnu::always_inline]] inline void Graph::owe_edge(Step& step, std::uint32_t number) {
    Edge& edge = edges_[number];
    detach_out(number);
    const Device& watcher = devices_[edge.watcher];
    ++devices_[edge.target].pins;
    edge.owed = Owed::notice;
    edge.to_generation = watcher.generation;
    if (edge.hashed == 0 && watcher.life.in_count > walk_max) {
        // From here only the watcher's side leads to it, and that is too long to walk.
        index_.insert(EdgeIndex::key(edge.watcher, edge.target), number);
        edge.hashed = 1;
    }
    owe(step, watcher.owner, number);
}

inline ErrorCode Graph::may(SessionIndex session, Right /*right*/, const Device& device) const {
    if (device.owner == session) [[likely]] {
        return ErrorCode::ok;
    }
    // Until there is a policy a user may do to his own what he could do by a signal anyway, and root to all (L-11).
    const std::uint32_t asking = sessions_[session].uid;
    if (asking == 0 || asking == sessions_[device.owner].uid) {
        return ErrorCode::ok;
    }
    return ErrorCode::link_down;  // whoever may not even observe it learns no more than of an unknown id (L-11)
}

/// The rules of L-5, L-7 and L-11 for the end that links, before anything is changed.
[[gnu::always_inline]] inline ErrorCode Graph::check_ends(const Event& event) const {
    const Device* from = find(event.device);
    if (from == nullptr || may(event.session, Right::control, *from) != ErrorCode::ok) [[unlikely]] {
        return ErrorCode::not_owner;
    }
    if (event.device == event.other) [[unlikely]] {
        return ErrorCode::self_link;
    }
    return from->state == DeviceState::live ? ErrorCode::ok : ErrorCode::device_down;
}

/// Lays the edge target => watcher, which is not there yet, between two live Devices.
[[gnu::always_inline]] inline void Graph::lay_edge(std::uint32_t watcher, Device& hearing, std::uint32_t target, Device& told_of,
                                                   SessionState& payer) {
    const std::uint32_t made = new_edge();
    Edge& edge = edges_[made];
    edge.watcher = watcher;
    edge.target = target;
    edge.owed = Owed::nothing;
    edge.hashed = 0;
    edge.on_in = 1;
    edge.on_out = 1;
    edge.out_next = nil;
    edge.out_previous = told_of.life.out_tail;
    if (told_of.life.out_tail != nil) {
        edges_[told_of.life.out_tail].out_next = made;
    } else {
        told_of.out = made;
    }
    told_of.life.out_tail = made;
    edge.in_previous = nil;
    edge.in_next = hearing.in;
    if (hearing.in != nil) {
        edges_[hearing.in].in_previous = made;
    }
    hearing.in = made;
    ++payer.link_count;
    const std::uint32_t in = ++hearing.life.in_count;
    const std::uint32_t out = ++told_of.life.out_count;
    if (in > walk_max || out > walk_max) [[unlikely]] {
        index_crowded(made, in, out);
    }
}

/// Nothing changes where the edge lies already (L-2).
inline ErrorCode Graph::attach(std::uint32_t watcher, std::uint32_t target) {
    Device& hearing = devices_[watcher];
    Device& told_of = devices_[target];
    const bool none = hearing.in == nil || told_of.out == nil;
    if (!none && find_edge(watcher, target) != nil) {
        return ErrorCode::ok;
    }
    SessionState& payer = charged(hearing);
    if (hearing.child == no_child && payer.link_count >= limits_.links_per_session) [[unlikely]] {
        return ErrorCode::limit_reached;
    }
    lay_edge(watcher, hearing, target, told_of, payer);
    return ErrorCode::ok;
}

/// A session lets one of its tasks hear of another, and one of the two has no such link yet, so that there is nothing to search.
[[gnu::always_inline]] inline bool Graph::link_at_once(const Event& event) {
    const std::uint32_t watcher = event.device.slot();
    const std::uint32_t target = event.other.slot();
    if (watcher >= devices_.size() || target >= devices_.size()) [[unlikely]] {
        return false;
    }
    Device& hearing = devices_[watcher];
    Device& told_of = devices_[target];
    if (hearing.generation != event.device.generation() || hearing.owner != event.session || hearing.state != DeviceState::live ||
        hearing.child != no_child) [[unlikely]] {
        return false;
    }
    if (told_of.generation != event.other.generation() || told_of.owner != event.session || told_of.state != DeviceState::live ||
        watcher == target) [[unlikely]] {
        return false;
    }
    SessionState& payer = sessions_[event.session];
    if (event.mode != static_cast<std::uint8_t>(LinkMode::monitor) || (hearing.in != nil && told_of.out != nil) ||
        payer.link_count >= limits_.links_per_session || (free_edges_ == nil && !edges_.has_room())) {
        return false;
    }
    lay_edge(watcher, hearing, target, told_of, payer);
    ++payer.operations;
    return true;
}

/// A session has taken the next thing that it is owed, which is a notice in no index, and the id that it told of does not bring its
/// page to rest.
[[gnu::always_inline]] inline bool Graph::acknowledge_one(const Event& event) {
    SessionState& session = sessions_[event.session];
    const std::uint32_t number = session.owed;
    if (number == nil || event.number != session.taken + 1 || session.unconfirmed != 0) [[unlikely]] {
        return false;
    }
    const Edge& notice = edges_[number];
    const std::uint32_t about = notice.target;
    if (notice.owed != Owed::notice || notice.hashed != 0 || pages_[about / page_slots].open <= 1) [[unlikely]] {
        return false;
    }
    const std::uint32_t next = notice.owed_next;
    session.owed = next;
    if (next == nil) {
        session.last_owed = nil;
    }
    ++session.taken;
    detach_in(number);
    if (Device& gone = devices_[about]; --gone.pins == 0 && gone.state == DeviceState::dead) {
        --pages_[about / page_slots].open;
    }
    free_edge(number);
    return true;
}

inline ErrorCode Graph::link(const Event& event) {
    if (const ErrorCode wrong = check_ends(event); wrong != ErrorCode::ok) [[unlikely]] {
        return wrong;
    }
    const LinkMode mode = static_cast<LinkMode>(event.mode);
    const Device* to = find(event.other);
    if (to == nullptr || to->state != DeviceState::live) [[unlikely]] {
        return ErrorCode::link_down;
    }
    const Right right = has(mode, LinkMode::notify) ? Right::link : Right::observe;
    if (const ErrorCode wrong = may(event.session, right, *to); wrong != ErrorCode::ok) [[unlikely]] {
        return wrong;
    }
    ErrorCode done = ErrorCode::ok;
    const std::uint32_t before = charged(devices_[event.device.slot()]).link_count;
    if (has(mode, LinkMode::monitor)) {
        done = attach(event.device.slot(), event.other.slot());
    }
    if (done == ErrorCode::ok && has(mode, LinkMode::notify)) {
        done = attach(event.other.slot(), event.device.slot());
    }
    if (done != ErrorCode::ok && charged(devices_[event.device.slot()]).link_count != before) [[unlikely]] {
        remove_edge(find_edge(event.device.slot(), event.other.slot()));  // an error changes nothing, also of a peer link (L-7)
    }
    return done;
}

}  // namespace backplane::core
