// SPDX-License-Identifier: Apache-2.0
/// What an event and an image out of a file may say (threats: both are read as hostile), and the limits that `boot` carries.
#include "daemon/core/engine.hpp"
#include "daemon/core/image.hpp"
#include "daemon/core/names.hpp"

#include <backplane/labels.hpp>

namespace backplane::core {

namespace {

/// A configuration is written by people.
constexpr std::size_t tree_bytes_max = 64U << 20;
constexpr std::size_t text_bytes_max = 255;
constexpr std::uint32_t pages_at_once_max = 256;

bool is_length(Duration length) { return length.ns >= 0; }

}  // namespace

std::string encode_limits(const EngineLimits& limits) {
    std::string bytes;
    ImageWriter writer(bytes);
    for (const Duration length : {limits.handshake, limits.task_grace, limits.resume_grace}) {
        writer.value(length);
    }
    const GraphLimits& graph = limits.graph;
    for (const std::uint32_t bound :
         {graph.devices_per_session, graph.links_per_session, graph.names_per_session, graph.watches_per_session,
          graph.refusals_per_session, graph.label_bytes_per_session, graph.slots, limits.starts_at_once}) {
        writer.value(bound);
    }
    return bytes;
}

bool decode_limits(std::string_view bytes, EngineLimits& limits) {
    ImageReader reader(bytes);
    EngineLimits read;
    GraphLimits& graph = read.graph;
    bool good = true;
    for (Duration* length : {&read.handshake, &read.task_grace, &read.resume_grace}) {
        good = good && reader.value(*length) && is_length(*length);
    }
    for (std::uint32_t* bound : {&graph.devices_per_session, &graph.links_per_session, &graph.names_per_session, &graph.watches_per_session,
                                 &graph.refusals_per_session, &graph.label_bytes_per_session, &graph.slots, &read.starts_at_once}) {
        good = good && reader.value(*bound);
    }
    if (!good || !reader.at_end() || read.starts_at_once == 0) {
        return false;
    }
    limits = read;
    return true;
}

bool Engine::can_happen(const Event& event) const {
    const auto is_open = [&] { return event.session != daemon_session && graph_.is_open(event.session); };
    const auto is_client = [&] { return is_open() && graph_.session(event.session).greeted != 0; };
    const auto may_act = [&] { return is_client() && event.text.size() <= text_bytes_max; };
    switch (event.kind) {
        case EventKind::boot: return steps_ == 0 && event.session == daemon_session;
        case EventKind::tick:
        case EventKind::late:
        case EventKind::go_on:
        case EventKind::recovered:
        case EventKind::terminate: return event.session == daemon_session;
        case EventKind::configure: return event.session == daemon_session && event.text.size() <= tree_bytes_max;
        case EventKind::session_open: {
            const SessionIndex s = event.session;
            const bool is_free =
                s == graph_.session_slots() || (s < graph_.session_slots() && !graph_.is_open(s) && graph_.session(s).closing == 0);
            return s != daemon_session && is_free && (event.child == no_child || supervision_.contains(event.child));
        }
        case EventKind::session_greeted: return is_open() && graph_.session(event.session).greeted == 0;
        case EventKind::session_resumed:
            return is_open() && event.flag <= 1 && event.number >= graph_.session(event.session).taken &&
                   event.number <= graph_.session(event.session).owed_total;
        case EventKind::session_close: return is_open() && event.text.size() <= text_bytes_max;
        case EventKind::session_refused:
        case EventKind::session_ack:
        case EventKind::session_asked:
        case EventKind::create:
        case EventKind::manage:
        case EventKind::shutdown_request:
        case EventKind::register_name:
        case EventKind::release_name:
        case EventKind::watch_name:
        case EventKind::unwatch_name: return may_act();
        case EventKind::subscribe: return may_act() && event.flag <= 1;
        case EventKind::heartbeat: return may_act() && event.extra <= heartbeat_ms_max;
        case EventKind::label: return is_client() && is_labels_text(event.text);
        case EventKind::grant: return may_act() && event.extra <= pages_at_once_max;
        case EventKind::link:
        case EventKind::unlink: return may_act() && event.mode >= 1 && event.mode <= 3;
        case EventKind::disconnect: return may_act() && event.fault <= fault_kind_max;
        case EventKind::command: return may_act() && event.mode <= static_cast<std::uint8_t>(verb_last);
        case EventKind::add_child: return is_client() && event.text.size() <= tree_bytes_max;
        case EventKind::task_said:
            return is_client() && event.mode <= static_cast<std::uint8_t>(task_word_last) && event.text.size() <= text_bytes_max;
        case EventKind::reload: return event.session == daemon_session && event.text.size() <= tree_bytes_max;
        case EventKind::spawned:
        case EventKind::exiting:
        case EventKind::alive:
        case EventKind::drained:
        case EventKind::group_empty: return event.session == daemon_session;
        case EventKind::spawn_failed: return event.session == daemon_session && event.mode <= static_cast<std::uint8_t>(SpawnStep::cgroup);
        case EventKind::ready: return event.session == daemon_session || may_act();
        case EventKind::exited:
            return event.session == daemon_session && event.mode <= static_cast<std::uint8_t>(ExitHow::unknown) &&
                   event.text.size() <= last_words_bytes_max;
    }
    return false;
}

/// What one part says of another: deadlines of sessions and children, children of Devices, who watches the graph.
bool Engine::parts_agree() const {
    bool good = urgency_ >= -1 && urgency_ <= 2;
    std::uint64_t watchers = 0;
    for (SessionIndex s = 0; good && s < graph_.session_slots(); ++s) {
        const SessionState& session = graph_.session(s);
        watchers += session.wants_graph;
        good = session.wants_graph <= 1 && session.away <= 1 && session.unconfirmed <= 1 &&
               (session.open == 0 || s == daemon_session || s < tokens_.size());
    }
    for (std::uint32_t slot = 0; good && slot < graph_.slots(); ++slot) {
        const Device& device = graph_.device(slot);
        good = device.state != DeviceState::live || device.child == no_child || supervision_.contains(device.child);
    }
    std::uint64_t heartbeats = 0;
    deadlines_.each([&](const Due& due) {
        if (due.kind == DeadlineKind::heartbeat) {
            ++heartbeats;
            good = good && graph_.is_heartbeat_of(due);
            return;
        }
        const bool of_session = due.kind == DeadlineKind::handshake || due.kind == DeadlineKind::resume_grace;
        if (due.kind == DeadlineKind::postponed) {
            good = good && supervision_.is_postponed(due.owner);
            return;
        }
        const bool of_nobody = due.kind == DeadlineKind::task_grace || due.kind == DeadlineKind::token;
        good = good && (of_nobody || (of_session ? graph_.is_open(due.owner) : supervision_.contains(due.owner)));
    });
    return good && watchers == graph_watchers_ && heartbeats == graph_.heartbeat_count();
}

}  // namespace backplane::core
