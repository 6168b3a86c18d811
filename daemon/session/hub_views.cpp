// SPDX-License-Identifier: Apache-2.0
/// What readers are shown of the state: list, describe, daemon. Queries are answered at once, from views (S-58).
#include "daemon/session/hub.hpp"
#include "daemon/session/texts.hpp"
#include "proto/wire/codec.hpp"

#include <backplane/version.hpp>

#include <algorithm>
#include <charconv>

namespace backplane::session {

namespace {

/// Slots that one request for tasks looks at: a sparse table of millions must not hold up the loop.
constexpr std::uint32_t slots_per_request = 65'536;
/// Of a frame, for its header, its number, a cursor and what holds the rows together.
constexpr std::size_t list_overhead_bytes = 1'024;

std::string cursor(char kind, std::uint32_t place) { return std::string(1, kind) + std::to_string(place); }

std::string readiness_text(core::Readiness readiness) {
    switch (readiness) {
        case core::Readiness::exec: return "exec";
        case core::Readiness::notify: return "notify";
        case core::Readiness::probe: return "probe";
        case core::Readiness::delay: return "delay";
    }
    return "unknown";
}

bool read_cursor(std::string_view text, char& kind, std::uint32_t& place) {
    if (text.size() < 2 || (text[0] != 'c' && text[0] != 't')) {
        return false;
    }
    kind = text[0];
    const auto [end, wrong] = std::from_chars(text.data() + 1, text.data() + text.size(), place);
    return wrong == std::errc{} && end == text.data() + text.size();
}

}  // namespace

wire::Row Hub::child_row(core::ChildIndex child) const {
    const core::Supervision& tree = engine_.supervision();
    const core::ChildView view = tree.view(child, now_);
    wire::Row row;
    row.name = std::string{view.path};
    row.id = view.device ? std::optional{view.device} : std::nullopt;
    row.kind = kind_name(view);
    row.state = core::child_state_name(view.state);
    row.pid = view.pid != 0 ? std::optional<std::int64_t>{view.pid} : std::nullopt;
    row.restarts = view.restarts;
    if (view.supervisor != core::no_child) {
        row.supervisor = std::string{tree.view(view.supervisor, now_).path};
    }
    if (view.show_fault && view.last_fault.is_error()) {
        row.fault = fault_text(fault_value(view.last_fault, engine_.texts()[view.last_fault.text]), engine_.graph().epoch());
    }
    tell_waits(row, view, child);
    if (!view.next_start.is_never()) {
        row.next_start_ms = std::max<std::int64_t>(0, (view.next_start - now_).ns / 1'000'000);
    }
    if (view.is_supervisor) {
        row.strategy = std::string{core::strategy_name(view.strategy)};
        row.window_used = view.window_used;
        row.intensity = view.intensity;
    }
    row.labels = read_labels(engine_.graph().labels_of(view.device));
    return row;
}

wire::Row Hub::task_row(std::uint32_t slot) const {
    const core::Graph& graph = engine_.graph();
    wire::Row row;
    row.id = graph.id_of(slot);
    row.name = name_of(*row.id);
    row.kind = "task";
    row.state = "running";
    const core::SessionState& owner = graph.session(graph.device(slot).owner);
    row.pid = owner.pid != 0 ? std::optional<std::int64_t>{owner.pid} : std::nullopt;
    row.labels = read_labels(graph.labels_of(*row.id));
    return row;
}

std::optional<std::string> Hub::name_of(DeviceId device) const {
    const core::Graph& graph = engine_.graph();
    const core::Device* found = graph.find(device);
    if (found == nullptr) {
        return std::nullopt;
    }
    if (found->child != core::no_child && engine_.supervision().contains(found->child)) {
        return std::string{engine_.supervision().view(found->child, now_).path};
    }
    if (found->state == core::DeviceState::live && found->life.name != 0) {
        return std::string{graph.names().text(found->life.name)};
    }
    return std::nullopt;
}

/// False where the page is full. One row alone fits; if one out of a strange image does not, its reply is an error and no endless list.
bool Hub::add_row(wire::Listing& listing, ListRoom& room, wire::Row row) const {
    const std::size_t bytes = wire::row_bytes(row, engine_.graph().epoch());
    if (room.rows == 0 || (bytes > room.bytes && !listing.rows.empty())) {
        return false;
    }
    --room.rows;
    room.bytes -= std::min(bytes, room.bytes);
    listing.rows.push_back(std::move(row));
    return true;
}

/// Children in tree order from one on; answers where to go on, 0 at the end.
std::uint64_t Hub::list_children(wire::Listing& listing, core::ChildIndex from, ListRoom& room) const {
    core::ChildIndex child = from;
    while (child != core::no_child && add_row(listing, room, child_row(child))) {
        child = engine_.supervision().next_in_tree(child);
    }
    return child;
}

/// One supervisor's children, in start order (S-56).
void Hub::list_among(wire::Listing& listing, core::ChildIndex supervisor, core::ChildIndex from, ListRoom& room) const {
    const core::Supervision& tree = engine_.supervision();
    core::ChildIndex child = from;
    if (child != core::no_child && (!tree.contains(child) || tree.view(child, now_).supervisor != supervisor)) {
        return;  // it went between two pages
    }
    while (child != core::no_child && add_row(listing, room, child_row(child))) {
        child = tree.next_among(supervisor, child);
    }
    listing.next = child != core::no_child ? cursor('c', child) : std::string{};
}

void Hub::list_tasks(wire::Listing& listing, std::uint32_t from, ListRoom& room) const {
    const core::Graph& graph = engine_.graph();
    const std::uint32_t stop = std::min(graph.slots(), from + std::min(slots_per_request, UINT32_MAX - from));
    std::uint32_t slot = from;
    for (; slot < stop && room.rows != 0; ++slot) {
        const core::Device& device = graph.device(slot);
        if (device.state == core::DeviceState::live && device.child == core::no_child && !add_row(listing, room, task_row(slot))) {
            break;
        }
    }
    listing.next = slot < graph.slots() ? cursor('t', slot) : std::string{};
}

wire::Listing Hub::list(const wire::Request& request, Error& wrong) const {
    wire::Listing listing;
    ListRoom room{};
    room.bytes = wire::frame_bytes_max - list_overhead_bytes;
    room.rows = request.count == 0 ? wire::list_rows_max : std::min<std::size_t>(request.count, wire::list_rows_max);
    char kind = 'c';
    std::uint32_t place = engine_.supervision().root();
    core::ChildIndex supervisor = core::no_child;
    if (!request.name.empty()) {
        supervisor = engine_.supervision().find(request.name);
        if (supervisor == core::no_child || !engine_.supervision().view(supervisor, now_).is_supervisor) {
            wrong = Error{ErrorCode::no_supervisor, request.name};
            return listing;
        }
        place = engine_.supervision().next_among(supervisor, core::no_child);
    }
    if (!request.after.empty() && !read_cursor(request.after, kind, place)) {
        wrong = Error{ErrorCode::bad_request, "after: not a cursor of list"};
        return listing;
    }
    if (supervisor != core::no_child) {
        list_among(listing, supervisor, place, room);
        return listing;
    }
    if (kind == 'c') {
        // A child that went between two pages takes the rest of the tree's pages with it; tasks follow all the same.
        const bool known = place != core::no_child && engine_.supervision().contains(place);
        if (const std::uint64_t next = known ? list_children(listing, place, room) : 0; next != 0) {
            listing.next = cursor('c', static_cast<std::uint32_t>(next));
            return listing;
        }
        place = 0;
    }
    list_tasks(listing, place, room);
    return listing;
}

Expected<wire::Description> Hub::describe(const wire::Request& request) const {
    const core::Graph& graph = engine_.graph();
    const Expected<Target> target = find_target(request);
    if (!target) {
        return unexpected(target.error());
    }
    const core::ChildIndex child = target->child;
    DeviceId device = target->device;
    wire::Description description;
    if (child != core::no_child) {
        const core::ChildView view = engine_.supervision().view(child, now_);
        description.row = child_row(child);
        description.restart = std::string{core::restart_type_name(view.restart)};
        description.failures = view.failures;
        if (view.ended) {
            description.last_exit = view.last_fault.is_error()
                                        ? fault_text(fault_value(view.last_fault, engine_.texts()[view.last_fault.text]), graph.epoch())
                                        : std::string{view.last_class == core::ExitClass::shutdown ? "shutdown" : "normal"};
        }
        description.since_ms = (now_ - view.since).ns / 1'000'000;
        description.significant = view.is_significant;
        if (view.watchdog.ns > 0) {
            description.watchdog_ms = view.watchdog.ns / 1'000'000;
        }
        if (view.is_supervisor) {
            description.period_ms = view.period.ns / 1'000'000;
            description.auto_shutdown = std::string{core::auto_shutdown_name(view.auto_shutdown)};
            description.children = view.children;
            description.max_children = view.max_children != 0 ? std::optional<std::uint64_t>{view.max_children} : std::nullopt;
            description.partitions = view.partitions != 0 ? std::optional<std::uint64_t>{view.partitions} : std::nullopt;
        } else {
            description.readiness = readiness_text(view.readiness);
        }
        description.last_id = view.last_device ? std::optional{view.last_device} : std::nullopt;
        add_orders(description, child);
        device = view.device;
    } else if (const core::Device* found = graph.find(device); found != nullptr && found->state == core::DeviceState::live) {
        description.row = task_row(device.slot());
    } else {
        const core::FaultRecord fault = graph.fault_of(*found);
        description.row.id = device;
        description.row.kind = kind_name(*found);
        description.row.state = "down";
        if (fault.is_error()) {
            description.row.fault = fault_text(fault_value(fault, engine_.texts()[fault.text]), graph.epoch());
        }
        return description;
    }
    add_owner(description, device);
    add_links(description, device);
    return description;
}

/// The links of a live Device as it sees them. A pair linked both ways is one row, `peer`.
void Hub::add_links(wire::Description& description, DeviceId device) const {
    const core::Graph& graph = engine_.graph();
    if (!graph.is_live(device)) {
        return;
    }
    const core::Device& self = graph.device(device.slot());
    description.links_total = std::uint64_t{self.life.in_count} + self.life.out_count;
    const auto add = [&](std::uint32_t slot, LinkMode mode) {
        const DeviceId other = graph.id_of(slot);
        for (wire::LinkRow& row : description.links) {
            if (row.other == other) {
                row.mode = LinkMode::peer;
                --description.links_total;
                return;
            }
        }
        if (description.links.size() < wire::links_in_description_max) {
            description.links.push_back(wire::LinkRow{other, mode, name_of(other)});
        }
    };
    std::size_t walked = 0;
    for (std::uint32_t i = self.in; i != 0 && walked < wire::links_in_description_max; i = graph.edge(i).in_next, ++walked) {
        add(graph.edge(i).target, LinkMode::monitor);
    }
    walked = 0;
    for (std::uint32_t i = self.out; i != 0 && walked < wire::links_in_description_max; i = graph.edge(i).out_next, ++walked) {
        add(graph.edge(i).watcher, LinkMode::notify);
    }
}

wire::DaemonInfo Hub::daemon_info() const {
    wire::DaemonInfo info;
    info.pid = options_.pid;
    info.version = version_text;
    info.epoch = engine_.graph().epoch();
    info.devices = engine_.graph().device_count();
    info.links = engine_.graph().link_count();
    info.sessions = open_;
    info.uptime_ms = (now_ - started_).ns / 1'000'000;
    info.keeper_pid = options_.keeper_pid;
    info.daemon_restarts = options_.daemon_restarts;
    info.journal = options_.journal;
    info.journal_bytes = recorder_ == nullptr ? 0 : recorder_->bytes();
    for (std::size_t code = 1; code < refusals_.size(); ++code) {
        if (refusals_[code] != 0) {
            info.counters.emplace_back(error_name(static_cast<ErrorCode>(code)), refusals_[code]);
        }
    }
    info.weaker = options_.weaker;
    info.containment = options_.containment;
    return info;
}

std::string Hub::status_text() const {
    const core::Supervision& tree = engine_.supervision();
    std::size_t all = 0;
    std::size_t up = 0;
    for (core::ChildIndex child = tree.root(); child != core::no_child; child = tree.next_in_tree(child)) {
        const core::ChildView view = tree.view(child, now_);
        if (!view.is_supervisor) {
            ++all;
            up += view.state == core::ChildState::running ? 1U : 0U;
        }
    }
    return std::to_string(up) + " of " + std::to_string(all) + " children up";
}

}  // namespace backplane::session
