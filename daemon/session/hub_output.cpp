// SPDX-License-Identifier: Apache-2.0
/// What children wrote, and how they ended: `logs` and `exits`. Both are answered from what is kept; a reader that waits for more
/// is answered when there is some, and never asked to come back.
#include "daemon/session/hub.hpp"
#include "daemon/session/texts.hpp"
#include "proto/wire/codec.hpp"

#include <algorithm>
#include <utility>

namespace backplane::session {
namespace {

/// Of a frame, for its header, its number and what holds the lines together.
constexpr std::size_t logs_overhead_bytes = 1'024;

std::string_view class_name(core::ExitClass exit_class) {
    switch (exit_class) {
        case core::ExitClass::normal: return "normal";
        case core::ExitClass::shutdown: return "shutdown";
        case core::ExitClass::abnormal: return "abnormal";
    }
    return "unknown";
}

std::string output_name(core::OutputKind kind) {
    switch (kind) {
        case core::OutputKind::inherit: return "inherit";
        case core::OutputKind::null: return "null";
        case core::OutputKind::file: return "file";
        case core::OutputKind::relay: return "relay";
        case core::OutputKind::journal: return "journal";
        case core::OutputKind::rotated: return "rotated";
    }
    return "unknown";
}

}  // namespace

wire::ExitRow Hub::exit_row(const core::ExitView& exit) const {
    const core::ExitNote& note = *exit.note;
    const Epoch epoch = engine_.graph().epoch();
    wire::ExitRow row;
    row.time_us = wall_us_of(note.at);
    row.uptime_ms = note.uptime.ns / 1'000'000;
    row.incarnation = note.generation;
    row.was_ready = note.was_ready != 0;
    row.exit_class = class_name(note.exit_class);
    row.last_words = exit.words;
    if (note.fault.is_error()) {
        row.fault = fault_text(fault_value(note.fault, engine_.texts()[note.fault.text]), epoch);
    }
    if (note.fault.kind == FaultKind::cascade && note.fault.root) {
        row.root = note.fault.root;
        row.root_fault = fault_text(root_fault_value(note.fault), epoch);
    }
    if (note.of_process != 0 && note.how == core::ExitHow::exited) {
        row.code = note.status;
    } else if (note.of_process != 0 && note.how != core::ExitHow::unknown) {
        row.signal = note.status;
        row.core = note.how == core::ExitHow::dumped;
    }
    return row;
}

void Hub::exits(core::SessionIndex session, const wire::Request& request) {
    const core::Supervision& tree = engine_.supervision();
    const core::ChildIndex child = tree.find(request.name);
    if (child == core::no_child) {
        refuse(session, request.id, ErrorCode::not_found, request.name);
        return;
    }
    wire::ExitRows exits;
    exits.name = tree.view(child, now_).path;
    exits.total = tree.exits_total(child);
    for (std::uint32_t back = 0; back < core::exits_kept; ++back) {
        if (const core::ExitView exit = tree.exit_of(child, back); exit.note != nullptr) {
            exits.rows.push_back(exit_row(exit));
        }
    }
    wire::Reply answer;
    answer.id = request.id;
    answer.body = std::move(exits);
    reply(session, std::move(answer));
}

wire::LogRows Hub::log_rows(core::ChildIndex child, std::optional<std::uint64_t> since, std::uint32_t count) const {
    const WorkerOutput::Range range = output_->lines_of(child);
    wire::LogRows logs;
    logs.name = engine_.supervision().view(child, now_).path;
    logs.dropped = output_->dropped_of(child);
    if (const Expected<core::LaunchSpec> launch = core::decode_launch(engine_.supervision().launch(child)); launch) {
        logs.stdout_to = output_name(launch->stdout_to.kind);
        logs.stderr_to = output_name(launch->stderr_to.kind);
    }
    std::uint64_t number = count != 0 && range.next - range.first > count ? range.next - count : range.first;
    if (since) {
        logs.anew = *since < range.origin || *since > range.next;
        logs.missed = !logs.anew && *since < range.first ? range.first - *since : 0;
        number = logs.anew ? range.first : std::max(*since, range.first);
    }
    std::size_t room = wire::frame_bytes_max - logs_overhead_bytes;
    for (; number < range.next; ++number) {
        WorkerOutput::OutputLine line = output_->line_of(child, number);
        wire::LogRow row{number, wall_us_of(line.at), line.generation, std::string{line.stream}, line.goes_on, std::move(line.text)};
        const std::size_t bytes = wire::row_bytes(row);
        if (bytes > room) {
            break;
        }
        room -= bytes;
        logs.rows.push_back(std::move(row));
    }
    logs.next = number;
    logs.end = range.next;
    return logs;
}

void Hub::logs(core::SessionIndex session, const wire::Request& request) {
    const core::Supervision& tree = engine_.supervision();
    const core::ChildIndex child = tree.find(request.name);
    if (child == core::no_child || output_ == nullptr || tree.view(child, now_).is_supervisor) {
        const bool is_known = child != core::no_child;
        refuse(session, request.id, is_known ? ErrorCode::not_supported : ErrorCode::not_found,
               is_known ? "nothing is kept of what it writes: " + request.name : request.name);
        return;
    }
    wire::LogRows found = log_rows(child, request.since, request.count);
    if (found.rows.empty() && request.wait && !found.anew) {
        waiting_logs_.push_back({session, request.id, child, std::move(found.name), found.next});
        return;
    }
    wire::Reply answer;
    answer.id = request.id;
    answer.body = std::move(found);
    reply(session, std::move(answer));
}

void Hub::output_came(core::ChildIndex child) {
    const core::Supervision& tree = engine_.supervision();
    const auto about = std::stable_partition(waiting_logs_.begin(), waiting_logs_.end(),
                                             [child](const WaitingLogs& waiting) { return waiting.child != child; });
    if (about == waiting_logs_.end()) {
        return;
    }
    std::vector<WaitingLogs> answered{std::make_move_iterator(about), std::make_move_iterator(waiting_logs_.end())};
    waiting_logs_.erase(about, waiting_logs_.end());
    for (WaitingLogs& waiting : answered) {
        wire::Reply answer;
        answer.id = waiting.id;
        if (!tree.contains(child) || tree.view(child, now_).path != waiting.name) {
            answer.error = Error{ErrorCode::not_found, waiting.name};
        } else {
            wire::LogRows found = log_rows(child, waiting.since, 0);
            if (found.rows.empty()) {
                waiting_logs_.push_back(std::move(waiting));
                continue;
            }
            answer.body = std::move(found);
        }
        reply(waiting.session, std::move(answer));
    }
}

void Hub::answer_waiting_logs() {
    for (const WaitingLogs& waiting : std::exchange(waiting_logs_, {})) {
        wire::Reply answer;
        answer.id = waiting.id;
        wire::LogRows nothing;
        nothing.name = waiting.name;
        nothing.next = waiting.since;
        nothing.end = waiting.since;
        answer.body = std::move(nothing);
        reply(waiting.session, std::move(answer));
    }
}

}  // namespace backplane::session
