// SPDX-License-Identifier: Apache-2.0
/// What the process itself is asked for: to be replaced in place, or to leave its workers to whoever comes next.
#include "daemon/shell/clock.hpp"
#include "daemon/shell/log.hpp"
#include "daemon/shell/loop.hpp"

#include <fcntl.h>

#include <utility>

namespace backplane::shell {

/// At the end of a tick, when everything that was read is carried out and nothing waits to be done to the machine.
void Loop::take_requests() {
    const session::ShellRequest asked = parts_.hub.take_shell_request();
    if (!asked.is_for_nobody() && asked.call == wire::Call::detach) {
        parts_.hub.answer_shell(ErrorCode::ok);
        tell();
        log_warning("detached: this daemon ends, its workers live on");
        ending_ = LoopEnd::detached;
        exit_code_ = exit_code_.value_or(0);
        return;
    }
    if (std::exchange(reload_wanted_, false) && !exit_code_) {
        reload({});
    }
    if (!asked.is_for_nobody() && asked.call == wire::Call::reload) {
        return reload(asked);
    }
    upgrade_wanted_ = upgrade_wanted_ || !asked.is_for_nobody();
    const bool is_quiet = workers_->is_settled() && (parts_.keeper == nullptr || !parts_.keeper->has_unsent());
    if (upgrade_wanted_ && is_quiet && !exit_code_ && outputs_->pause(now_)) {
        upgrade_wanted_ = false;
        upgrade();
    }
}

/// Returns where it was not done, and then nothing has changed.
void Loop::upgrade() {
    const auto refuse = [this](const Error& why) {
        outputs_->go_on();
        log_error("not upgraded: " + why.detail);
        parts_.hub.answer_shell(ErrorCode::not_supported, why.detail);
        tell();
    };
    if (parts_.journal == nullptr || parts_.journal->is_broken()) {
        return refuse(Error{ErrorCode::not_supported, "there is no journal that could carry the state over"});
    }
    const Expected<std::string> program = program_path();
    if (!program) {
        return refuse(program.error());
    }
    if (Expected<void> can = ask_program(*program); !can) {
        return refuse(can.error());
    }
    log_info("upgrading to " + *program);
    workers_->halt_asides();
    parts_.hub.answer_waiting_logs();
    refuse(replace_program(*program, parts_.words, hand_over()));
}

Handoff Loop::hand_over() const {
    Handoff handoff;
    handoff.configuration = parts_.configuration;
    parts_.hub.save_connections(handoff.connections);
    handoff.sockets = connections_->hand_over();
    handoff.workers = workers_->hand_over();
    handoff.outputs = outputs_->hand_over();
    handoff.lines = outputs_->save();
    handoff.listening = parts_.listener.fd();
    handoff.lock = parts_.listener.lock_fd();
    handoff.is_lent = parts_.listener.is_lent() ? 1 : 0;
    if (parts_.keeper != nullptr) {
        handoff.control = parts_.keeper->fd();
        handoff.keeper_pid = parts_.keeper->pid();
        handoff.keeper_restarts = parts_.keeper->restarts();
        handoff.keeper_stops = parts_.keeper->stops();
    }
    handoff.direct_stops = direct_stops_;
    handoff.open_files_before = parts_.open_files_before;
    return handoff;
}

bool Loop::take_over(const Handoff& handoff) {
    begin();
    parts_.hub.restore();
    std::vector<core::SessionIndex> sessions;
    if (!parts_.hub.load_connections(handoff.connections, sessions)) {
        return false;
    }
    for (const HandedSocket& socket : handoff.sockets) {
        connections_->take_over(socket);
    }
    for (const HandedWorker& worker : handoff.workers) {
        workers_->take_over(worker);
    }
    outputs_->take_over(handoff.outputs, handoff.lines);
    direct_stops_ = handoff.direct_stops;
    if (parts_.keeper != nullptr) {
        // From here on it is this program that a keeper starts again.
        const process::Descriptor program{open("/proc/self/exe", O_PATH | O_CLOEXEC)};
        parts_.keeper->hold(keeper::key_executable, program.get());
    }
    parts_.hub.feed(core::Event::of(core::EventKind::late));  // goes on with what was worked off in slices; nobody was heard meanwhile
    parts_.hub.answer_shell(ErrorCode::ok);
    return true;
}

}  // namespace backplane::shell
