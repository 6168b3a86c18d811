// SPDX-License-Identifier: Apache-2.0
/// Everything that holds in every state of the graph, checked by one walk over the whole: what the tests ask after each
/// step, and what an image must pass before anything follows its numbers. Indexes are known to be inside their tables.
#include "daemon/core/graph_inline.hpp"

#include <algorithm>
#include <string>
#include <vector>

namespace backplane::core {

namespace {

constexpr std::uint8_t on_free_list = 1;
constexpr std::uint8_t on_owed_list = 2;
constexpr std::uint8_t on_in_list = 4;
constexpr std::uint8_t on_out_list = 8;

/// Marks one more place; false where it was marked before, so every list ends.
bool mark(std::vector<std::uint8_t>& marks, std::uint32_t at, std::uint8_t bit) {
    if ((marks[at] & bit) != 0) {
        return false;
    }
    marks[at] = static_cast<std::uint8_t>(marks[at] | bit);
    return true;
}

std::string of(const char* what, std::uint32_t number, const char* wrong) {
    std::string text = what;
    text.append(" ").append(std::to_string(number)).append(": ").append(wrong);
    return text;
}

}  // namespace

/// What a walk has seen.
struct Graph::Marks {
    std::vector<std::uint8_t> edges, refusals, notes, devices, sessions, watches;
    std::vector<std::uint32_t> pins;
    std::vector<std::uint32_t> links, tasks, dying;  ///< by session
    std::uint64_t live = 0;
    std::uint64_t link_total = 0;
};

/// A Device's lists: linked both ways, counted while it lives, each edge where it says it is, each pair found.
std::string Graph::check_device(std::uint32_t slot, Marks& marks) const {
    const Device& device = devices_[slot];
    const bool lives = device.state == DeviceState::live;
    if (!lives && device.state != DeviceState::dying) {
        return (device.in | device.out) == nil ? std::string{} : of("device", slot, "is gone and has links");
    }
    std::uint32_t count = 0;
    std::uint32_t previous = nil;
    for (std::uint32_t i = device.out; i != nil; previous = i, i = edges_[i].out_next, ++count) {
        const Edge& edge = edges_[i];
        if (edge.target != slot || edge.out_previous != previous || edge.on_out == 0 || edge.owed != Owed::nothing ||
            !mark(marks.edges, i, on_out_list)) {
            return of("device", slot, "list of those who hear of it is broken");
        }
    }
    if (lives && (count != device.life.out_count || previous != device.life.out_tail)) {
        return of("device", slot, "count of those who hear of it is wrong");
    }
    count = 0;
    previous = nil;
    for (std::uint32_t i = device.in; i != nil; previous = i, i = edges_[i].in_next, ++count) {
        const Edge& edge = edges_[i];
        if (edge.watcher != slot || edge.in_previous != previous || edge.on_in == 0 || !mark(marks.edges, i, on_in_list)) {
            return of("device", slot, "list of those it hears of is broken");
        }
        const DeviceState target = devices_[edge.target].state;
        if (edge.owed == Owed::nothing && target != DeviceState::live && target != DeviceState::dying) {
            return of("device", slot, "hears of what is gone");
        }
    }
    if (lives && count != device.life.in_count) {
        return of("device", slot, "count of those it hears of is wrong");
    }
    for (std::uint32_t i = device.in; lives && i != nil; i = edges_[i].in_next) {
        if (find_edge(slot, edges_[i].target) != i) {
            return of("device", slot, "an edge is not found, or there are two for one pair");
        }
    }
    const SessionIndex payer = device.child == no_child ? device.owner : daemon_session;
    marks.links[payer] += count;
    marks.link_total += count;
    marks.live += lives ? 1 : 0;
    marks.tasks[device.owner] += lives && device.child == no_child ? 1U : 0U;
    marks.dying[device.owner] += !lives && device.child == no_child ? 1U : 0U;
    return {};
}

/// A session's lists: what it is owed, its Devices in both directions, its pages and its watches.
std::string Graph::check_session(SessionIndex number, Marks& marks) const {
    const SessionState& session = sessions_[number];
    std::uint64_t owed = 0;
    std::uint32_t last = nil;
    for (std::uint32_t i = session.owed; i != nil; last = i, i = edges_[i].owed_next, ++owed) {
        const Edge& node = edges_[i];
        if (node.owed == Owed::nothing || node.on_out != 0 || !mark(marks.edges, i, on_owed_list)) {
            return of("session", number, "owed list is broken");
        }
        if (node.owed == Owed::notice || node.owed == Owed::ended || node.owed == Owed::shutdown || node.owed == Owed::start) {
            ++marks.pins[node.target];
        }
        if (node.owed == Owed::notice && devices_[node.target].state != DeviceState::dying &&
            devices_[node.target].state != DeviceState::dead) {
            return of("session", number, "is owed a notice of one that is not gone");  // `owed` reads its exit record unasked
        }
        const bool refusal = node.owed == Owed::refusal || node.owed == Owed::lost;
        if ((refusal && !mark(marks.refusals, node.target, on_owed_list)) ||
            (node.owed == Owed::name_state && !mark(marks.notes, node.target, on_owed_list))) {
            return of("session", number, "two owed things share a note");
        }
    }
    if (last != session.last_owed || (session.closing == 0 && owed != session.owed_total - session.taken)) {
        return of("session", number, "count of what is owed is wrong");
    }
    std::uint32_t devices = 0;
    std::uint32_t before = nil;
    for (std::uint32_t slot = session.devices; slot != nil; before = slot, slot = devices_[slot].life.owner_next, ++devices) {
        const Device& device = devices_[slot];
        if (device.state != DeviceState::live || device.owner != number || device.child != no_child ||
            device.life.owner_previous != before || !mark(marks.devices, slot, on_in_list)) {
            return of("session", number, "list of devices is broken");
        }
    }
    if (before != session.last_device || devices != session.device_count || devices != marks.tasks[number]) {
        return of("session", number, "count of devices is wrong");
    }
    std::uint32_t watches = 0;
    for (std::uint32_t i = session.watches; i != 0; i = names_.watch(i).session_next, ++watches) {
        if (names_.watch(i).session != number || !mark(marks.watches, i, on_in_list)) {
            return of("session", number, "list of name watches is broken");
        }
    }
    if (session.closing == 0 && watches != session.watch_count) {
        return of("session", number, "count of name watches is wrong");
    }
    if (session.dying_count != marks.dying[number] || session.link_count != marks.links[number]) {
        return of("session", number, "count of links or of the dying is wrong");
    }
    const bool idle = session.open == 0 && session.closing == 0;
    const bool empty = (session.devices | session.owed | session.pages | session.watches | session.dying_count) == 0;
    return idle && !empty ? of("session", number, "is closed and has something") : std::string{};
}

/// Every edge is free, a link, or owed, and nothing else; the index holds exactly those that say so.
std::string Graph::check_edges(const Marks& marks) const {
    std::uint64_t hashed = 0;
    for (std::uint32_t i = 1; i < edges_.size(); ++i) {
        const Edge& edge = edges_[i];
        const bool in = (marks.edges[i] & on_in_list) != 0;
        const bool out = (marks.edges[i] & on_out_list) != 0;
        const bool owed = (marks.edges[i] & on_owed_list) != 0;
        const bool free = (marks.edges[i] & on_free_list) != 0;
        const bool whole = free ? !in && !out && !owed : owed ? !out : in && out;
        if (!whole || in != (edge.on_in != 0) || out != (edge.on_out != 0) || owed != (edge.owed != Owed::nothing)) {
            return of("edge", i, "is not where it says it is");
        }
        if (edge.hashed == 0) {
            continue;
        }
        ++hashed;
        if (!in || index_.find(EdgeIndex::key(edge.watcher, edge.target)) != i) {
            return of("edge", i, "is not in the index");
        }
    }
    if (hashed != index_.size()) {
        return "the index holds what no edge says";
    }
    return marks.link_total == link_count() ? std::string{} : std::string{"count of links is wrong"};
}

std::string Graph::check_free_lists(Marks& marks) const {
    for (std::uint32_t i = free_edges_; i != nil; i = edges_[i].owed_next) {
        if (edges_[i].hashed != 0 || !mark(marks.edges, i, on_free_list)) {
            return "list of free edges is broken";
        }
    }
    for (std::uint32_t i = free_refusals_; i != 0; i = refusals_[i].next_free) {
        if ((marks.refusals[i] & on_owed_list) != 0 || !mark(marks.refusals, i, on_free_list)) {
            return "list of free refusals is broken";
        }
    }
    for (std::uint32_t i = free_name_notes_; i != 0; i = name_notes_[i].next_free) {
        if ((marks.notes[i] & on_owed_list) != 0 || !mark(marks.notes, i, on_free_list)) {
            return "list of free name notes is broken";
        }
    }
    return {};
}

/// Whether an id of the slot's page still matters (see close_id).
bool Graph::is_open_id(std::uint32_t slot) const {
    const std::uint32_t number = slot / page_slots;
    const Page& page = pages_[number];
    const Device& device = devices_[slot];
    if (device.generation == page.generation) {
        return device.state != DeviceState::dead || device.pins != 0;
    }
    return page.owner != daemon_session || (number == own_page_ && slot % page_slots >= own_next_);
}

std::string Graph::check_pages() const {
    std::vector<std::uint8_t> seen(pages_.size(), 0);
    for (SessionIndex s = 1; s < sessions_.size(); ++s) {
        for (std::uint32_t i = sessions_[s].pages; i != nil; i = pages_[i].next) {
            if (pages_[i].owner != s || !mark(seen, i, on_in_list)) {
                return of("session", s, "list of pages is broken");
            }
        }
    }
    std::uint32_t resting = 0;
    std::uint32_t last = nil;
    for (std::uint32_t i = free_page_count_ == 0 ? nil : free_pages_; i != nil && resting < free_page_count_;
         last = i, i = pages_[i].next) {
        if (pages_[i].owner != daemon_session || pages_[i].open != 0 || !mark(seen, i, on_in_list)) {
            return "list of resting pages is broken";
        }
        ++resting;
    }
    if (resting != free_page_count_ || (resting != 0 && last != last_free_page_)) {
        return "count of resting pages is wrong";
    }
    for (std::uint32_t i = 1; i < pages_.size(); ++i) {
        std::uint32_t open = 0;
        for (std::uint32_t slot = i * page_slots; slot < (i + 1) * page_slots; ++slot) {
            open += is_open_id(slot) ? 1U : 0U;
        }
        if (open != pages_[i].open || (pages_[i].owner != daemon_session && (seen[i] & on_in_list) == 0)) {
            return of("page", i, "count of open ids is wrong, or it is on no list");
        }
    }
    return {};
}

/// The dying are queued once each, and so are the sessions that close.
std::string Graph::check_queues(Marks& marks) const {
    std::uint64_t queued = 0;
    for (const Queue& queue : {fresh_, backlog_}) {
        std::uint32_t last = nil;
        for (std::uint32_t slot = queue.first; slot != nil; last = slot, slot = devices_[slot].work_next, ++queued) {
            if (devices_[slot].state != DeviceState::dying || !mark(marks.devices, slot, on_out_list)) {
                return "queue of the dying is broken";
            }
        }
        if (last != queue.last) {
            return "queue of the dying has another end";
        }
    }
    for (std::uint32_t slot = 0; slot < devices_.size(); ++slot) {
        queued -= devices_[slot].state == DeviceState::dying ? 1U : 0U;
        if (slot >= page_slots && devices_[slot].pins != marks.pins[slot]) {
            return of("device", slot, "pins are wrong");
        }
        if (slot < page_slots && devices_[slot].state != DeviceState::unused) {
            return of("device", slot, "is nobody's");
        }
    }
    if (queued != 0) {
        return "one that is dying is in no queue";
    }
    SessionIndex last = daemon_session;
    for (SessionIndex s = closing_; s != daemon_session; last = s, s = sessions_[s].work_next) {
        if (sessions_[s].closing != 1 || sessions_[s].open != 0 || !mark(marks.sessions, s, on_in_list)) {
            return "queue of closing sessions is broken";
        }
    }
    for (SessionIndex s = 0; s < sessions_.size(); ++s) {
        const SessionState& session = sessions_[s];
        const bool listed = (marks.sessions[s] & on_in_list) != 0;
        if (listed != (session.closing == 1) || (session.closing == 2 && session.dying_count == 0) || session.closing > 2) {
            return of("session", s, "is closing and in no queue");
        }
    }
    return last == last_closing_ || closing_ == daemon_session ? std::string{} : std::string{"queue of closing sessions has another end"};
}

/// Names lead to live Devices that have them, and watches to the names that they are on.
std::string Graph::check_names(const Marks& marks) const {
    std::vector<std::uint8_t> seen(names_.size(), 0);
    std::vector<std::uint32_t> named(sessions_.size(), 0);
    for (std::uint32_t slot = page_slots; slot < devices_.size(); ++slot) {
        if (devices_[slot].state != DeviceState::live) {
            continue;
        }
        for (std::uint32_t i = devices_[slot].life.name; i != 0; i = names_[i].device_next) {
            if (names_[i].device != id_of(slot) || !mark(seen, i, on_in_list)) {
                return of("device", slot, "list of names is broken");
            }
            named[devices_[slot].owner] += devices_[slot].child == no_child ? 1U : 0U;
        }
    }
    std::vector<std::uint8_t> watched(names_.watches_size(), 0);
    for (std::uint32_t i = 1; i < names_.size(); ++i) {
        const NameEntry& entry = names_[i];
        if ((static_cast<bool>(entry.device)) != ((seen[i] & on_in_list) != 0) || (entry.text != 0 && names_.find(names_.text(i)) != i)) {
            return of("name", i, "is nobody's, or there are two");
        }
        for (std::uint32_t w = entry.watches; w != 0; w = names_.watch(w).name_next) {
            if (names_.watch(w).name != i || (marks.watches[w] & on_in_list) == 0 || !mark(watched, w, on_in_list)) {
                return of("name", i, "list of watches is broken");
            }
        }
    }
    for (std::uint32_t w = 1; w < names_.watches_size(); ++w) {
        if ((marks.watches[w] & on_in_list) != (watched[w] & on_in_list)) {
            return of("watch", w, "is on one list only");
        }
    }
    for (SessionIndex s = 0; s < sessions_.size(); ++s) {
        if (named[s] != sessions_[s].name_count) {
            return of("session", s, "count of names is wrong");
        }
    }
    return {};
}

std::string Graph::check() const {
    Marks marks;
    marks.edges.resize(edges_.size());
    marks.refusals.resize(refusals_.size());
    marks.notes.resize(name_notes_.size());
    marks.devices.resize(devices_.size());
    marks.sessions.resize(sessions_.size());
    marks.watches.resize(names_.watches_size());
    marks.pins.resize(devices_.size());
    marks.links.resize(sessions_.size());
    marks.tasks.resize(sessions_.size());
    marks.dying.resize(sessions_.size());
    std::string wrong;
    for (std::uint32_t slot = page_slots; wrong.empty() && slot < devices_.size(); ++slot) {
        wrong = check_device(slot, marks);
    }
    if (wrong.empty() && marks.live != device_count()) {
        wrong = "count of live devices is wrong";
    }
    for (SessionIndex s = 0; wrong.empty() && s < sessions_.size(); ++s) {
        wrong = check_session(s, marks);
    }
    wrong = wrong.empty() ? check_free_lists(marks) : wrong;
    wrong = wrong.empty() ? check_edges(marks) : wrong;
    wrong = wrong.empty() ? check_pages() : wrong;
    wrong = wrong.empty() ? check_queues(marks) : wrong;
    wrong = wrong.empty() ? check_names(marks) : wrong;
    return wrong.empty() ? check_extras() : wrong;
}

}  // namespace backplane::core
