// SPDX-License-Identifier: Apache-2.0
/// Sessions, single Devices and names: what is not pages, links, owed lists or ends.
#include "daemon/core/graph_ends_inline.hpp"

namespace backplane::core {

Graph::Graph(Texts& texts, Deadlines& deadlines) : texts_(texts), deadlines_(deadlines), names_(texts) {
    // Index 0 of every table is nobody's; page 0 keeps slot numbers below 64 out of circulation.
    (void)pages_.grow();
    devices_.grow_by(page_slots);
    (void)edges_.grow();
    refusals_.emplace_back();
    name_notes_.emplace_back();
    extras_.emplace_back();
    sessions_[sessions_.grow()].open = 1;
}

SessionState& Graph::open_session(SessionIndex number, std::uint32_t uid, std::int32_t pid) {
    while (!sessions_.contains(number)) {
        (void)sessions_.grow();
    }
    SessionState& session = sessions_[number];
    const std::uint32_t generation = session.generation + 1;
    session = SessionState{};
    session.generation = generation;
    session.open = 1;
    session.uid = uid;
    session.pid = pid;
    return session;
}

void Graph::close_session(SessionIndex number, std::string_view why) {
    SessionState& session = sessions_[number];
    session.open = 0;
    session.closing = 1;
    session.why = texts_.add(why);
    while (session.watches != 0) {
        const std::uint32_t watch = session.watches;
        session.watches = names_.watch(watch).session_next;
        names_.remove_watch(watch);
    }
    session.watch_count = 0;
    session.work_next = nil;
    if (last_closing_ != nil) {
        sessions_[last_closing_].work_next = number;
    } else {
        closing_ = number;
    }
    last_closing_ = number;
    attention_ = true;
}

void Graph::conclude(Step& step, const Event& event, ErrorCode done) {
    if (done != ErrorCode::ok) {
        if (event.kind == EventKind::link && done == ErrorCode::link_down) {
            link_to_dead(step, event);
        } else {
            refuse(step, event, done);
        }
        return;
    }
    if (step.graph_records) {
        Record& record = step.record(event.kind == EventKind::link ? RecordKind::link : RecordKind::device_up, {});
        record.device = event.device;
        record.other = event.other;
        record.link_mode = event.mode;
    }
}

DeviceId Graph::create_own(Step& step, DeviceKind kind, ChildIndex child, bool managed, std::string_view name) {
    if (own_page_ == nil || own_next_ == page_slots) {
        own_page_ = take_page(daemon_session);
        own_next_ = 0;
        if (own_page_ == nil) {
            return DeviceId{};
        }
    }
    const std::uint32_t slot = own_page_ * page_slots + own_next_++;
    const std::uint32_t generation = pages_[own_page_].generation;
    const auto traits = static_cast<std::uint8_t>(static_cast<std::uint8_t>(kind) | (managed ? trait_managed : 0));
    forget_text(devices_[slot]);
    ++own_devices_;
    be_born(devices_[slot], generation, traits, daemon_session, child);
    const DeviceId id = DeviceId::make(generation, slot);
    if (step.graph_records) {
        Record& record = step.record(RecordKind::device_up, name);
        record.device = id;
        record.child = child;
    }
    if (!name.empty()) {
        give_name(step, name, id);
    }
    return id;
}

void Graph::disconnect(Step& step, const Event& event) {
    const Device* gone = find(event.device);
    if (gone != nullptr && gone->state != DeviceState::live && was_own(*gone, event)) {
        return;  // D-4: a second word changes nothing and is no mistake
    }
    Device* device = own(step, event);
    if (device == nullptr) {
        return;
    }
    const auto kind = static_cast<FaultKind>(event.fault);
    if (device->child != no_child || kind == FaultKind::cascade) [[unlikely]] {
        disconnect_with_care(step, event, *device);
        return;
    }
    end_own(step, event);
}

/// A process's program leaves, which is the supervision's business (T-9), or the fault is a cascade.
void Graph::disconnect_with_care(Step& step, const Event& event, const Device& device) {
    FaultRecord fault;
    fault.kind = static_cast<FaultKind>(event.fault);
    fault.argument = event.argument;
    if (fault.kind == FaultKind::cascade) {
        fault = cascade_of(event.other);  // root and hops are the core's knowledge, never the client's word (F-2, M-3)
    }
    fault.text = event.text.empty() ? TextIndex{0} : texts_.add(event.text);
    if (device.child == no_child) {
        end_device(step, event.device, fault);
        return;
    }
    left.push_back(Left{device.child, fault});
    attention_ = true;
}

std::uint64_t Graph::device_count() const {
    std::uint64_t count = own_devices_;
    for (SessionIndex s = 0; s < sessions_.size(); ++s) {
        count += sessions_[s].device_count;
    }
    return count;
}

std::uint64_t Graph::link_count() const {
    std::uint64_t count = 0;
    for (SessionIndex s = 0; s < sessions_.size(); ++s) {
        count += sessions_[s].link_count;
    }
    return count;
}

void Graph::manage(Step& step, const Event& event) {
    if (Device* device = own(step, event); device != nullptr) {
        device->traits = static_cast<std::uint8_t>((device->traits & ~trait_managed) | (event.flag != 0 ? trait_managed : 0));
        device->traits = static_cast<std::uint8_t>((device->traits & ~trait_by_program) | (event.flag != 0 ? trait_by_program : 0));
    }
}

/// M-2: anyone with a line may ask, where policy permits.
void Graph::shutdown_request(Step& step, const Event& event) {
    if (const ErrorCode wrong = check_ends(event); wrong != ErrorCode::ok) {
        refuse(step, event, wrong);
        return;
    }
    const Device* to = find(event.other);
    if (to == nullptr || to->state != DeviceState::live) {
        refuse(step, event, ErrorCode::link_down);
        return;
    }
    if (const ErrorCode wrong = may(event.session, Right::control, *to); wrong != ErrorCode::ok) {
        refuse(step, event, wrong);
        return;
    }
    if (to->owner == daemon_session) {
        asked.push_back(Asked{to->child, event.device});
        attention_ = true;
    } else {
        owe_shutdown(step, event.device, event.other);
    }
}

void Graph::set_owner(DeviceId id, SessionIndex session) {
    if (is_live(id)) {
        devices_[id.slot()].owner = session;
    }
}

void Graph::owe_start(Step& step, DeviceId id) {
    if (is_live(id)) {
        owe_about(step, Owed::start, devices_[id.slot()].owner, id.slot(), id.slot());
    }
}

void Graph::withdraw(Step& step, DeviceId id, const FaultRecord& fault) {
    if (is_live(id)) {
        end_and_tell(step, id.slot(), fault);
        return;
    }
    TextIndex unused = fault.text;
    texts_.release(unused);
}

// ---- names -----------------------------------------------------------------------------------------------------------

void Graph::give_name(Step& step, std::string_view name, DeviceId id) {
    const std::uint32_t entry = names_.obtain(name);
    Device& device = devices_[id.slot()];
    names_[entry].device = id;
    names_[entry].device_next = device.life.name;
    device.life.name = entry;
    for (std::uint32_t i = names_[entry].watches; i != 0; i = names_.watch(i).name_next) {
        ++names_.watch(i).incarnation;
        owe_name_state(step, names_.watch(i), true, id, FaultRecord{});
    }
}

/// D-11: a receiver that looks the name up cannot find the dead Device.
void Graph::release_names(Step& step, std::uint32_t slot, const FaultRecord& fault) {
    Device& device = devices_[slot];
    while (device.life.name != 0) {
        const std::uint32_t entry = device.life.name;
        device.life.name = names_[entry].device_next;
        lose_name(step, entry, fault);
    }
}

void Graph::lose_name(Step& step, std::uint32_t entry, const FaultRecord& fault) {
    const DeviceId was = names_[entry].device;
    const Device& device = devices_[was.slot()];
    if (device.child == no_child) {
        --sessions_[device.owner].name_count;
    }
    names_[entry].device = DeviceId{};
    names_[entry].device_next = 0;
    for (std::uint32_t i = names_[entry].watches; i != 0; i = names_.watch(i).name_next) {
        owe_name_state(step, names_.watch(i), false, was, fault);
    }
    names_.tidy(entry);
}

ErrorCode Graph::register_name(Step& step, SessionIndex session, std::string_view name, DeviceId id) {
    if (!is_valid_name(name)) {
        return ErrorCode::name_invalid;
    }
    const Device* device = find(id);
    if (device == nullptr || device->child != no_child || pages_[id.slot() / page_slots].owner != session) {
        return ErrorCode::not_owner;  // a process has its name from its entry (decision 15)
    }
    if (device->state != DeviceState::live) {
        return ErrorCode::device_down;
    }
    if (sessions_[session].name_count >= limits_.names_per_session) {
        return ErrorCode::limit_reached;
    }
    if (const std::uint32_t entry = names_.find(name); entry != 0 && (names_[entry].device || names_[entry].reserved_for != no_child)) {
        return names_[entry].device == id ? ErrorCode::ok : ErrorCode::name_taken;
    }
    ++sessions_[session].name_count;
    give_name(step, name, id);
    return ErrorCode::ok;
}

ErrorCode Graph::release_name(Step& step, SessionIndex session, std::string_view name) {
    const std::uint32_t entry = names_.find(name);
    if (entry == 0 || !names_[entry].device) {
        return ErrorCode::not_found;
    }
    const std::uint32_t slot = names_[entry].device.slot();
    Device& device = devices_[slot];
    if (device.owner != session || device.child != no_child) {
        return ErrorCode::not_permitted;
    }
    std::uint32_t* at = &device.life.name;
    while (*at != entry) {
        at = &names_[*at].device_next;
    }
    *at = names_[entry].device_next;
    lose_name(step, entry, FaultRecord{});
    return ErrorCode::ok;
}

ErrorCode Graph::watch_name(Step& step, SessionIndex number, std::string_view name) {
    if (!is_valid_name(name)) {
        return ErrorCode::name_invalid;
    }
    SessionState& session = sessions_[number];
    if (session.watch_count >= limits_.watches_per_session) {
        return ErrorCode::limit_reached;
    }
    const std::uint32_t entry = names_.obtain(name);
    if (names_.find_watch(entry, number) != 0) {
        return ErrorCode::ok;
    }
    session.watches = names_.add_watch(entry, number, session.watches);
    ++session.watch_count;
    NameWatch& watch = names_.watch(session.watches);
    const DeviceId now = names_[entry].device;
    watch.incarnation = now ? 1 : 0;
    owe_name_state(step, watch, static_cast<bool>(now), now, FaultRecord{});
    return ErrorCode::ok;
}

ErrorCode Graph::unwatch_name(SessionIndex number, std::string_view name) {
    const std::uint32_t entry = names_.find(name);
    const std::uint32_t watch = entry == 0 ? 0 : names_.find_watch(entry, number);
    if (watch == 0) {
        return ErrorCode::not_found;
    }
    SessionState& session = sessions_[number];
    if (session.watches == watch) {
        session.watches = names_.watch(watch).session_next;
    } else {
        std::uint32_t before = session.watches;
        while (names_.watch(before).session_next != watch) {
            before = names_.watch(before).session_next;
        }
        names_.watch(before).session_next = names_.watch(watch).session_next;
    }
    --session.watch_count;
    names_.remove_watch(watch);
    return ErrorCode::ok;
}

}  // namespace backplane::core
