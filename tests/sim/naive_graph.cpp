// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/naive_graph.hpp"

#include <algorithm>

namespace backplane::sim {

namespace {

std::string hex(Id id) { return std::to_string(id >> 32) + "." + std::to_string(id & 0xffffffff); }

bool contains(const std::vector<Id>& list, Id id) { return std::find(list.begin(), list.end(), id) != list.end(); }

NaiveFault fault_of(const core::FaultRecord& record, const core::Engine& engine) {
    NaiveFault fault{record.kind,          record.root_kind,     record.hops,       record.argument,
                     record.root_argument, record.cascade.value, record.root.value, {}};
    fault.text = std::string{engine.texts()[record.text]};
    return fault;
}

}  // namespace

bool naive_name_is_valid(const std::string& name) {
    if (name.empty() || name.size() > 255 || name.back() == '/') {
        return false;
    }
    std::size_t at = 0;
    while (at <= name.size()) {
        const std::size_t slash = std::min(name.find('/', at), name.size());
        const std::string element = name.substr(at, slash - at);
        if (element.empty() || element == "." || element == ".." ||
            element.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._@:+-") != std::string::npos) {
            return false;
        }
        at = slash + 1;
    }
    return true;
}

std::string NaiveFault::words() const {
    std::string all = "fault " + std::to_string(static_cast<int>(kind)) + "(" + std::to_string(argument) + ")";
    if (kind == FaultKind::cascade) {
        all += " cascade " + hex(cascade) + " root " + hex(root) + " " + std::to_string(static_cast<int>(root_kind)) + "(" +
               std::to_string(root_argument) + ") hops " + std::to_string(hops);
    }
    return text.empty() ? all : all + " '" + text + "'";
}

std::string NaiveItem::words() const {
    if (withdrawn) {
        return "withdrawn";
    }
    switch (kind) {
        case Kind::notice: return hex(to) + " told of " + hex(about) + ": " + fault.words();
        case Kind::ended: return hex(to) + " ended: " + fault.words();
        case Kind::shutdown: return hex(to) + " asked by " + hex(about);
        case Kind::refusal: return "refused " + std::to_string(operation) + ": " + std::string{error_name(code)};
        case Kind::name_state: break;
    }
    return "name " + name + (up ? " up " : " down ") + hex(about) + " " + std::to_string(incarnation) + " " + fault.words();
}

// ---- sessions --------------------------------------------------------------------------------------------------------

Serial NaiveGraph::open(std::uint32_t uid) {
    sessions_.emplace_back();
    sessions_.back().uid = uid;
    return static_cast<Serial>(sessions_.size() - 1);
}

void NaiveGraph::close(Serial session, const std::string& why) {
    sessions_[session].open = false;
    sessions_[session].why = why;
    sessions_[session].watches.clear();
    closed_.push_back(session);
}

/// T-6, D-3: all that a gone session held drops, in creation order; all ends are known before anyone is told (decision 22).
void NaiveGraph::work() {
    for (const Serial session : closed_) {
        NaiveFault drop;
        drop.kind = FaultKind::drop;
        drop.text = sessions_[session].why;
        for (const Id id : sessions_[session].devices) {
            end(id, drop);
        }
    }
    closed_.clear();
    tell_all();
}

bool NaiveGraph::grant(Serial session, Id first, std::uint32_t count) {
    bool fresh = true;
    for (Id id = first; id < first + count; ++id) {
        fresh = fresh && granted_.insert(id).second;
        sessions_[session].granted.insert(id);
    }
    return fresh;
}

void NaiveGraph::push(Serial session, NaiveItem item) {
    if (!sessions_[session].open) {
        return;  // D-7
    }
    ++pushed_;
    if (forget_each_ != 0 && item.kind == NaiveItem::Kind::notice && pushed_ % forget_each_ == 0) {
        return;
    }
    sessions_[session].items.push_back(std::move(item));
}

void NaiveGraph::refuse(Serial session, std::uint64_t operation, Id device, Id other, ErrorCode code, ErrorCode also, bool loose) {
    NaiveItem item;
    item.kind = NaiveItem::Kind::refusal;
    item.operation = operation;
    item.to = device;
    item.about = other;
    item.code = code;
    item.also = also;
    item.loose = loose;
    push(session, item);
}

// ---- Devices ---------------------------------------------------------------------------------------------------------

bool NaiveGraph::is_live(Id id) const {
    const auto found = devices_.find(id);
    return found != devices_.end() && found->second.live;
}

std::size_t NaiveGraph::live_count() const {
    return static_cast<std::size_t>(std::count_if(devices_.begin(), devices_.end(), [](const auto& entry) { return entry.second.live; }));
}

/// Live edges and notices that wait for their acknowledgement and whose watcher still lives: what is charged as links.
std::size_t NaiveGraph::edge_count() const {
    std::size_t count = 0;
    for (const auto& [id, device] : devices_) {
        count += device.tells.size();
    }
    for (const NaiveSession& session : sessions_) {
        for (std::size_t i = session.taken; session.open && i < session.items.size(); ++i) {
            const NaiveItem& item = session.items[i];
            count += item.kind == NaiveItem::Kind::notice && item.of_edge && !item.withdrawn && is_live(item.to) ? 1U : 0U;
        }
    }
    return count;
}

void NaiveGraph::create(Serial session, Id id, bool managed, std::uint64_t operation) {
    if (!sessions_[session].granted.contains(id)) {
        refuse(session, operation, id, 0, ErrorCode::not_owner);
        return;
    }
    if (devices_.contains(id)) {  // or the whole page is used up and no longer this session's
        refuse(session, operation, id, 0, ErrorCode::id_in_use, ErrorCode::not_owner);
        return;
    }
    Device device;
    device.owner = session;
    device.managed = managed;
    devices_[id] = device;
    all_.push_back(id);
    sessions_[session].devices.push_back(id);
}

/// Decision 24 and L-11: one's own, root, or the same user.
bool NaiveGraph::may(Serial session, const Device& device) const {
    return device.owner == session || sessions_[session].uid == 0 || sessions_[session].uid == sessions_[device.owner].uid;
}

bool NaiveGraph::check_ends(Serial session, Id from, Id to, std::uint64_t operation) {
    const auto found = devices_.find(from);
    if (found != devices_.end() && !found->second.live && !sessions_[found->second.owner].open) {
        refuse(session, operation, from, to, ErrorCode::not_owner, ErrorCode::ok, true);
        return false;
    }
    if (found == devices_.end() || !may(session, found->second)) {
        refuse(session, operation, from, to, ErrorCode::not_owner);
        return false;
    }
    if (from == to) {
        refuse(session, operation, from, to, ErrorCode::self_link);
        return false;
    }
    if (!found->second.live) {
        refuse(session, operation, from, to, ErrorCode::device_down);
        return false;
    }
    return true;
}

void NaiveGraph::link(Serial session, Id from, Id to, LinkMode mode, bool asked, std::uint64_t operation) {
    if (!check_ends(session, from, to, operation)) {
        return;
    }
    const auto target = devices_.find(to);
    const bool known = target != devices_.end() && (!target->second.live || may(session, target->second));
    if (!known || !target->second.live) {
        if (asked || !has(mode, LinkMode::monitor)) {
            refuse(session, operation, from, to, ErrorCode::link_down);
            return;
        }
        Device& watcher = devices_[from];
        NaiveFault fault;
        fault.kind = FaultKind::unreachable;
        if (known) {
            fault = target->second.fault;
        }
        if (watcher.managed) {
            if (fault.kind != FaultKind::none) {
                // Which comes first, its own end or the notices of it, is nobody's promise: they are to different Devices.
                end(from, cascade_of(to, known));
                dying_.pop_back();
                tell_one(from);
                push_ended(from);
                tell_all();
            }
            return;
        }
        NaiveItem item;
        item.to = from;
        item.about = to;
        item.fault = fault;
        push(watcher.owner, item);
        return;
    }
    if (has(mode, LinkMode::monitor) && !contains(target->second.tells, from)) {
        target->second.tells.push_back(from);
        linked_by_[{from, to}] = asked && devices_[from].owner == session ? operation : 0;
    }
    if (has(mode, LinkMode::notify) && !contains(devices_[from].tells, to)) {
        devices_[from].tells.push_back(to);
        linked_by_[{to, from}] = asked && target->second.owner == session ? operation : 0;
    }
}

/// T-5: a notice of an edge that is not yet acknowledged is taken back.
bool NaiveGraph::take_back(Id watcher, Id target, std::uint64_t operation) {
    NaiveSession& session = sessions_[devices_[watcher].owner];
    for (std::size_t i = session.taken; i < session.items.size(); ++i) {
        NaiveItem& item = session.items[i];
        if (item.kind == NaiveItem::Kind::notice && item.of_edge && !item.withdrawn && item.to == watcher && item.about == target) {
            item.withdrawn = true;
            item.withdrawn_by = operation;
            return true;
        }
    }
    return false;
}

void NaiveGraph::unlink(Serial session, Id from, Id to, LinkMode mode, bool asked, std::uint64_t operation) {
    if (!check_ends(session, from, to, operation)) {
        return;
    }
    bool was_down = false;
    if (has(mode, LinkMode::monitor) && devices_.contains(to)) {
        std::erase(devices_[to].tells, from);
        const bool own = devices_[from].owner == session;
        was_down = take_back(from, to, asked && own ? operation : 0);
    }
    if (has(mode, LinkMode::notify)) {
        std::erase(devices_[from].tells, to);
    }
    if (was_down && asked) {
        refuse(session, operation, from, to, ErrorCode::was_down);
    }
}

void NaiveGraph::disconnect(Serial session, Id id, NaiveFault fault, std::uint64_t operation) {
    const auto found = devices_.find(id);
    if (found == devices_.end() || found->second.owner != session) {
        // An end of what is down is no news, whoever's index it was (D-4).
        refuse(session, operation, id, fault.cascade, ErrorCode::not_owner);
        return;
    }
    if (!found->second.live) {
        return;  // D-4
    }
    if (fault.kind == FaultKind::cascade) {  // F-2, M-3: root and hops are not the client's word
        const std::string text = fault.text;
        fault = cascade_of(fault.cascade, devices_.contains(fault.cascade));
        fault.text = text;
    }
    end(id, fault);
    tell_all();
}

void NaiveGraph::shutdown(Serial session, Id from, Id to, std::uint64_t operation) {
    if (!check_ends(session, from, to, operation)) {
        return;
    }
    const auto target = devices_.find(to);
    if (target == devices_.end() || !target->second.live || !may(session, target->second)) {
        refuse(session, operation, from, to, ErrorCode::link_down);
        return;
    }
    NaiveSession& receiver = sessions_[target->second.owner];
    for (std::size_t i = receiver.taken; i < receiver.items.size(); ++i) {
        if (receiver.items[i].kind == NaiveItem::Kind::shutdown && receiver.items[i].to == to) {
            return;  // T-7: one that waits says as much as two
        }
    }
    NaiveItem item;
    item.kind = NaiveItem::Kind::shutdown;
    item.to = to;
    item.about = from;
    push(target->second.owner, item);
}

void NaiveGraph::manage(Serial session, Id id, bool on, std::uint64_t operation) {
    const auto found = devices_.find(id);
    if (found == devices_.end() || found->second.owner != session) {
        refuse(session, operation, id, 0, ErrorCode::not_owner);
    } else if (!found->second.live) {
        refuse(session, operation, id, 0, ErrorCode::device_down);
    } else {
        found->second.managed = on;
    }
}

// ---- ends ------------------------------------------------------------------------------------------------------------

NaiveFault NaiveGraph::cascade_of(Id id, bool known) const {
    NaiveFault cascade;
    cascade.kind = FaultKind::cascade;
    cascade.cascade = id;
    cascade.root = id;
    cascade.hops = 1;
    if (!known) {
        cascade.root_kind = FaultKind::unreachable;
        return cascade;
    }
    const NaiveFault& fault = devices_.at(id).fault;
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

void NaiveGraph::end(Id id, const NaiveFault& fault) {
    Device& device = devices_[id];
    if (!device.live) {
        return;
    }
    while (!device.names.empty()) {  // D-11: before the first notice
        const std::string name = device.names.back();
        device.names.pop_back();
        lose_name(name, fault);
    }
    device.live = false;
    device.fault = fault;
    dying_.push_back(id);
}

void NaiveGraph::push_ended(Id id) {
    NaiveItem item;
    item.kind = NaiveItem::Kind::ended;
    item.to = id;
    item.about = id;
    item.fault = devices_[id].fault;
    push(devices_[id].owner, item);
}

void NaiveGraph::tell_all() {
    while (!dying_.empty()) {
        const Id id = dying_.front();
        dying_.pop_front();
        tell_one(id);
    }
}

/// D-6, W-2, W-8: each edge tells once, in the order of edges; the managed fall and tell in their turn.
void NaiveGraph::tell_one(Id id) {
    for (auto& [other, device] : devices_) {  // L-12
        std::erase(device.tells, id);
    }
    const std::vector<Id> tells = devices_[id].tells;
    devices_[id].tells.clear();
    for (const Id to : tells) {
        const Device& watcher = devices_[to];
        if (!watcher.live) {
            continue;
        }
        if (watcher.managed) {
            if (devices_[id].fault.kind != FaultKind::none) {
                end(to, cascade_of(id, true));
                push_ended(to);
            }
            continue;
        }
        NaiveItem item;
        item.to = to;
        item.about = id;
        item.fault = devices_[id].fault;
        item.of_edge = true;
        item.linked_by = linked_by_[{to, id}];
        push(watcher.owner, item);
    }
}

// ---- names -----------------------------------------------------------------------------------------------------------

Id NaiveGraph::lookup(const std::string& name) const {
    const auto found = names_.find(name);
    return found == names_.end() ? 0 : found->second;
}

void NaiveGraph::lose_name(const std::string& name, const NaiveFault& fault) {
    NaiveItem item;
    item.kind = NaiveItem::Kind::name_state;
    item.name = name;
    item.about = names_[name];
    item.fault = fault;
    names_.erase(name);
    for (Serial s = 0; s < sessions_.size(); ++s) {
        if (const auto watch = sessions_[s].watches.find(name); watch != sessions_[s].watches.end()) {
            item.incarnation = watch->second;
            push(s, item);
        }
    }
}

ErrorCode NaiveGraph::register_name(Serial session, const std::string& name, Id id) {
    if (!naive_name_is_valid(name)) {
        return ErrorCode::name_invalid;
    }
    const auto found = devices_.find(id);
    if (found == devices_.end() || found->second.owner != session) {
        return ErrorCode::not_owner;
    }
    if (!found->second.live) {
        return ErrorCode::device_down;
    }
    if (const Id holder = lookup(name); holder != 0) {
        return holder == id ? ErrorCode::ok : ErrorCode::name_taken;
    }
    names_[name] = id;
    found->second.names.push_back(name);
    NaiveItem item;
    item.kind = NaiveItem::Kind::name_state;
    item.name = name;
    item.up = true;
    item.about = id;
    for (Serial s = 0; s < sessions_.size(); ++s) {
        if (const auto watch = sessions_[s].watches.find(name); watch != sessions_[s].watches.end()) {
            item.incarnation = ++watch->second;
            push(s, item);
        }
    }
    return ErrorCode::ok;
}

ErrorCode NaiveGraph::release_name(Serial session, const std::string& name) {
    const Id id = lookup(name);
    if (id == 0) {
        return ErrorCode::not_found;
    }
    Device& device = devices_[id];
    if (device.owner != session) {
        return ErrorCode::not_permitted;
    }
    std::erase(device.names, name);
    lose_name(name, NaiveFault{});
    return ErrorCode::ok;
}

ErrorCode NaiveGraph::watch_name(Serial session, const std::string& name) {
    if (!naive_name_is_valid(name)) {
        return ErrorCode::name_invalid;
    }
    if (sessions_[session].watches.contains(name)) {
        return ErrorCode::ok;
    }
    const Id id = lookup(name);
    sessions_[session].watches[name] = id != 0 ? 1 : 0;
    NaiveItem item;
    item.kind = NaiveItem::Kind::name_state;
    item.name = name;
    item.up = id != 0;
    item.about = id;
    item.incarnation = id != 0 ? 1 : 0;
    push(session, item);
    return ErrorCode::ok;
}

ErrorCode NaiveGraph::unwatch_name(Serial session, const std::string& name) {
    return sessions_[session].watches.erase(name) != 0 ? ErrorCode::ok : ErrorCode::not_found;
}

// ---- comparison ------------------------------------------------------------------------------------------------------

namespace {

/// The core's item in the model's words.
NaiveItem item_of(const core::OwedView& view, const core::Engine& engine) {
    NaiveItem item;
    item.to = view.to.value;
    item.about = view.about.value;
    switch (view.kind) {
        case core::Owed::notice:
        case core::Owed::lost: break;
        case core::Owed::ended: item.kind = NaiveItem::Kind::ended; break;
        case core::Owed::shutdown: item.kind = NaiveItem::Kind::shutdown; return item;
        case core::Owed::refusal:
            item.kind = NaiveItem::Kind::refusal;
            item.operation = view.refusal->operation;
            item.code = view.refusal->code;
            item.to = view.refusal->device.value;
            item.about = view.refusal->other.value;
            return item;
        case core::Owed::name_state:
            item.kind = NaiveItem::Kind::name_state;
            item.name = std::string{engine.texts()[view.name->name]};
            item.up = view.name->up != 0;
            item.about = view.name->device.value;
            item.incarnation = view.name->incarnation;
            break;
        case core::Owed::start:  // the graph's histories have no tasks of supervisors
        case core::Owed::withdrawn:
        case core::Owed::nothing: item.withdrawn = true; return item;
    }
    item.fault = fault_of(view.fault, engine);
    return item;
}

bool same(const NaiveItem& a, const NaiveItem& b) {
    if (a.withdrawn || b.withdrawn) {
        return a.withdrawn == b.withdrawn;
    }
    if (a.kind != b.kind || a.to != b.to || a.about != b.about) {
        return a.kind == b.kind && a.kind == NaiveItem::Kind::name_state && a.words() == b.words();
    }
    return a.kind == NaiveItem::Kind::refusal ? a.code == b.code && a.operation == b.operation
                                              : a.fault == b.fault && a.name == b.name && a.up == b.up && a.incarnation == b.incarnation;
}

}  // namespace

std::string NaiveGraph::compare(Serial serial, const core::Engine& engine, core::SessionIndex index) {
    NaiveSession& session = sessions_[serial];
    const core::Graph& graph = engine.graph();
    std::size_t i = session.taken;
    for (std::uint32_t at = graph.first_owed(index); at != 0; at = graph.next_owed(at), ++i) {
        const NaiveItem got = item_of(graph.owed(at), engine);
        if (i >= session.items.size()) {
            return "owed and should not be: " + got.words();
        }
        NaiveItem& item = session.items[i];
        const bool one_of_three =
            got.code == ErrorCode::not_owner || got.code == ErrorCode::device_down || got.code == ErrorCode::self_link;
        if ((item.also != ErrorCode::ok && got.code == item.also) || (item.loose && one_of_three)) {
            item.code = got.code;  // from here the only right one
            item.also = ErrorCode::ok;
            item.loose = false;
        }
        if (!same(got, item)) {
            return "owed: " + got.words() + "; should be: " + item.words();
        }
    }
    return i == session.items.size() ? std::string{} : "not owed and should be: " + session.items[i].words();
}

}  // namespace backplane::sim
