// SPDX-License-Identifier: Apache-2.0
/// What a session is owed: a list of nodes in the order of the core, freed as they are acknowledged (decisions 2, 3).
#include "daemon/core/graph_inline.hpp"

namespace backplane::core {

/// A node that was no edge: `about` is a slot, or a note's index for `lost`, `refusal` and `name_state`.
void Graph::owe_about(Step& step, Owed kind, SessionIndex session, std::uint32_t to, std::uint32_t about) {
    const std::uint32_t made = new_edge();
    Edge& node = edges_[made];
    node.watcher = to;
    node.to_generation = devices_[to].generation;
    node.target = about;
    node.owed = kind;
    node.hashed = 0;
    node.on_in = 0;
    node.on_out = 0;
    if (kind == Owed::notice || kind == Owed::ended || kind == Owed::shutdown || kind == Owed::start) {
        ++devices_[about].pins;
    }
    owe(step, session, made);
}

/// Keeps a refusal until it is acknowledged. A client that never acknowledges is cut before its refusals cost memory.
std::uint32_t Graph::note(Step& step, SessionIndex session, const RefusalNote& note) {
    std::uint32_t made = free_refusals_;
    if (made != nil) {
        free_refusals_ = refusals_[made].next_free;
        refusals_[made] = note;
    } else {
        made = static_cast<std::uint32_t>(refusals_.size());
        refusals_.push_back(note);
    }
    if (++sessions_[session].refusal_count >= limits_.refusals_per_session) {
        Effect& cut = step.effect(EffectKind::session_cut, "refusals_unacknowledged");
        cut.session = session;
        cut.code = ErrorCode::limit_reached;
    }
    return made;
}

void Graph::refuse(Step& step, const Event& event, ErrorCode code) {
    const RefusalNote refusal{event.number, event.device, event.other, code, static_cast<std::uint16_t>(event.kind), 0};
    owe_about(step, Owed::refusal, event.session, nil, note(step, event.session, refusal));
}

/// Frees a node that was acknowledged, or whose session is gone.
void Graph::release_owed(std::uint32_t number) {
    Edge& node = edges_[number];
    const std::uint32_t about = node.target;
    switch (node.owed) {
        case Owed::notice:
            detach_in(number);
            unpin(about);
            break;
        case Owed::shutdown:
            if (Device& to = devices_[node.watcher]; to.generation == node.to_generation && to.state == DeviceState::live) {
                to.life.shutdown_owed = 0;
            }
            unpin(about);
            break;
        case Owed::start:
        case Owed::ended: unpin(about); break;
        case Owed::lost:
        case Owed::refusal:
            refusals_[about].next_free = free_refusals_;
            free_refusals_ = about;
            break;
        case Owed::name_state:
            texts_.release(name_notes_[about].name);
            texts_.release(name_notes_[about].fault.text);
            name_notes_[about].next_free = free_name_notes_;
            free_name_notes_ = about;
            break;
        case Owed::nothing:
        case Owed::withdrawn: break;
    }
    free_edge(number);
}

bool Graph::acknowledge(SessionIndex number, std::uint64_t count) {
    SessionState& session = sessions_[number];
    if (count > session.owed_total) {
        return false;
    }
    std::uint32_t node = session.owed;
    const std::uint64_t fresh = count > session.taken ? count - session.taken : 0;
    // Most are notices to Devices that live, or that went before: no table grows here, and a byte that is written must not make the
    // compiler read the tables' places again.
    Edge* const edges = &edges_[0];
    Device* const devices = &devices_[0];
    for (std::uint64_t i = 0; i < fresh; ++i) {
        Edge& taken = edges[node];
        const std::uint32_t next = taken.owed_next;
        if (taken.owed == Owed::notice) [[likely]] {
            const std::uint32_t about = taken.target;
            if ((taken.on_in | taken.hashed) != 0) {
                detach_in(node);
            }
            if (Device& gone = devices[about]; --gone.pins == 0 && gone.state == DeviceState::dead) {
                close_id(about);
            }
            free_edge(node);
        } else {
            const Owed kind = taken.owed;
            session.refusal_count -= kind == Owed::refusal || kind == Owed::lost || kind == Owed::name_state ? 1U : 0U;
            release_owed(node);
        }
        node = next;
    }
    session.taken += fresh;
    session.owed = node;
    session.last_owed = node == nil ? nil : session.last_owed;
    return true;
}

void Graph::owe_shutdown(Step& step, DeviceId from, DeviceId to) {
    Device& receiver = devices_[to.slot()];
    if (receiver.life.shutdown_owed != 0 || receiver.owner == daemon_session) {
        return;  // one request that waits says as much as two (what is owed stays bounded, T-7)
    }
    receiver.life.shutdown_owed = 1;
    owe_about(step, Owed::shutdown, receiver.owner, to.slot(), from.slot());
}

OwedView Graph::owed_otherwise(const Edge& node) const {
    OwedView view;
    view.kind = node.owed;
    switch (node.owed) {
        case Owed::notice:
        case Owed::ended:
            view.to = DeviceId::make(node.to_generation, node.watcher);
            view.about = id_of(node.target);
            view.fault = fault_of(devices_[node.target]);
            break;
        case Owed::start:
        case Owed::shutdown:
            view.to = DeviceId::make(node.to_generation, node.watcher);
            view.about = id_of(node.target);
            break;
        case Owed::lost:
            view.to = refusals_[node.target].device;
            view.about = refusals_[node.target].other;
            view.fault.kind = FaultKind::unreachable;
            if (refusals_[node.target].code == ErrorCode::link_down) {  // it was known when it was linked
                if (const Device* gone = find(view.about); gone != nullptr) {
                    view.fault = fault_of(*gone);
                }
            }
            break;
        case Owed::refusal: view.refusal = &refusals_[node.target]; break;
        case Owed::name_state:
            view.name = &name_notes_[node.target];
            view.fault = view.name->fault;
            break;
        case Owed::nothing:
        case Owed::withdrawn: break;
    }
    return view;
}

/// Tells one watch what its name stands for now. The notes are charged like refusals: they wait for acknowledgement alike.
void Graph::owe_name_state(Step& step, const NameWatch& watch, bool up, DeviceId device, const FaultRecord& fault) {
    NameNote told{};
    told.device = device;
    told.incarnation = watch.incarnation;
    told.name = texts_.share(names_[watch.name].text);
    told.up = up ? 1 : 0;
    told.fault = fault;
    told.fault.text = texts_.share(fault.text);
    std::uint32_t made = free_name_notes_;
    if (made != nil) {
        free_name_notes_ = name_notes_[made].next_free;
        name_notes_[made] = told;
    } else {
        made = static_cast<std::uint32_t>(name_notes_.size());
        name_notes_.push_back(told);
    }
    if (++sessions_[watch.session].refusal_count >= limits_.refusals_per_session) {
        Effect& cut = step.effect(EffectKind::session_cut, "name_states_unacknowledged");
        cut.session = watch.session;
        cut.code = ErrorCode::limit_reached;
    }
    owe_about(step, Owed::name_state, watch.session, nil, made);
}

}  // namespace backplane::core
