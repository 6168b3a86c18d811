// SPDX-License-Identifier: Apache-2.0
/// Construction and destruction, in an order that matters: the lock before the socket, the socket before the journal, the journal
/// before any worker, every worker gone before the lock.
#include "daemon/shell/daemon.hpp"

#include "daemon/process/features.hpp"
#include "daemon/process/host.hpp"
#include "daemon/process/spawn.hpp"
#include "daemon/session/hub.hpp"
#include "daemon/shell/child_form.hpp"
#include "daemon/shell/crash.hpp"
#include "daemon/shell/inherited.hpp"
#include "daemon/shell/keeper_link.hpp"
#include "daemon/shell/listener.hpp"
#include "daemon/shell/log.hpp"
#include "daemon/shell/loop.hpp"
#include "daemon/shell/notify.hpp"
#include "daemon/shell/orphans.hpp"
#include "daemon/shell/recorder.hpp"
#include "daemon/shell/recovery.hpp"
#include "daemon/shell/signals.hpp"
#include "daemon/shell/socket_path.hpp"

#include <backplane/version.hpp>

#include <sys/resource.h>
#include <unistd.h>

#include <cstdlib>
#include <utility>
#include <vector>

namespace backplane::shell {
namespace {

struct OpenFiles {
    std::uint64_t before = 0;  ///< the soft limit that we were given, which workers get again
    std::uint64_t now = 0;
};

/// A daemon with thousands of connections needs the whole of its hard limit; programs that use select() do not want it.
OpenFiles raise_open_files() {
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    OpenFiles files{limit.rlim_cur, limit.rlim_cur};
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) == 0) {
        files.now = limit.rlim_cur;
    }
    return files;
}

/// What this machine keeps the daemon from promising, in words that `status` shows (decision 21).
std::vector<std::string> weaker_guarantees(const process::KernelFeatures& features, const process::Host& host,
                                           const process::ControlGroups& control) {
    std::vector<std::string> weaker;
    if (!features.peer_pidfd) {
        weaker.emplace_back(
            "T-8: no SO_PEERPIDFD (Linux 6.5): a client whose child keeps its socket open is not seen dead before that child");
    }
    if (!host.is_subreaper()) {
        weaker.emplace_back("P-5: no child subreaper: a process that leaves its worker's group is not collected");
    }
    if (!control.is_open()) {
        weaker.emplace_back("X-11: workers have no cgroups, only process groups, which a process may leave: " + control.why_not());
    } else if (!control.has_values()) {
        weaker.emplace_back(
            "X-11: no values for workers' cgroups: the service manager would start no daemon beside workers that have them "
            "(DelegateSubgroup=backplaned.main lets it)");
    }
    return weaker;
}

process::HostOptions host_options(const OpenFiles& files, KeeperLink* keeper, process::ControlGroups& control) {
    process::HostOptions options;
    options.control = &control;
    options.open_files_soft = files.before;
    options.parent = keeper;
    options.die_with_daemon = keeper == nullptr;
    return options;
}

int fail(const Error& error) {
    log_error(error.text());
    return 1;
}

std::string variable(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? std::string{} : std::string{value};
}

/// The keeper has held socket and lock for us, or it is told to hold ours from now on.
Expected<std::unique_ptr<Listener>> open_listener(const std::string& path, KeeperLink* keeper, const std::optional<Handoff>& handoff) {
    if (handoff) {
        return Listener::take_over(path, process::Descriptor{handoff->listening}, process::Descriptor{handoff->lock},
                                   handoff->is_lent != 0 ? Owner::manager : Owner::daemon);
    }
    if (keeper == nullptr) {
        return Listener::open(path, getpid());
    }
    // A lent socket has a key of its own and stays under it as long as the keeper lives: so every daemon knows that it is lent.
    process::Descriptor lent = keeper->take_held(keeper::key_lent_socket);
    process::Descriptor socket = keeper->take_held(keeper::key_listening_socket);
    process::Descriptor lock = keeper->take_held(keeper::key_lock_file);
    if (lent && lock) {
        return Listener::take_over(path, std::move(lent), std::move(lock), Owner::manager);
    }
    if (lent) {
        Expected<std::unique_ptr<Listener>> listener = Listener::borrow(path, std::move(lent), keeper->pid());
        if (listener) {
            keeper->hold(keeper::key_lock_file, (*listener)->lock_fd());
        }
        return listener;
    }
    if (socket && lock) {
        return Listener::take_over(path, std::move(socket), std::move(lock), Owner::daemon);
    }
    Expected<std::unique_ptr<Listener>> listener = Listener::open(path, keeper->pid());
    if (listener) {
        keeper->hold(keeper::key_lock_file, (*listener)->lock_fd());
        keeper->hold(keeper::key_listening_socket, (*listener)->fd());
    }
    return listener;
}

/// Core and hub, which a replay may spoil and which then begin anew.
struct State {
    explicit State(const core::EngineLimits& limits, session::HubOptions options) : engine(limits), hub(engine, std::move(options)) {}
    core::Engine engine;
    session::Hub hub;
};

/// What was there before us, or a beginning. `recovered.journal` is a journal in either case.
Expected<Recovered> open_state(const std::string& path, const core::EngineLimits& limits, const session::HubOptions& options,
                               std::unique_ptr<State>& state, std::int32_t keeper, bool in_place) {
    state = std::make_unique<State>(limits, options);
    Recovered recovered = recover(path, state->engine, state->hub);
    if (recovered.journal && in_place) {
        return recovered;
    }
    if (recovered.journal) {
        log_warning("the daemon before this one crashed: its state is taken up from " + std::to_string(recovered.events) + " events" +
                    (recovered.was_torn ? "; the last one was not whole" : ""));
        return recovered;
    }
    if (!recovered.unusable.empty()) {
        log_error("the state of the daemon before this one is lost: " + recovered.unusable + "; this one begins empty");
        if (const std::size_t stopped = stop_orphans(keeper); stopped != 0) {
            log_error(std::to_string(stopped) + " workers of that daemon were stopped");
        }
        state = std::make_unique<State>(limits, options);
    }
    Expected<std::unique_ptr<journal::Journal>> made = journal::Journal::create(path, {});
    if (!made) {
        return unexpected(made.error());
    }
    Recovered begun;
    begun.journal = std::move(*made);
    return begun;
}

/// What goes with everything else at an ordinary end, and stays where another daemon is to come.
int end(LoopEnd ending, int exit_code, Listener& listener, journal::Journal& journal, KeeperLink* keeper) {
    if (ending != LoopEnd::stopped) {
        listener.let_go();
    } else {
        journal.remove();
    }
    if (keeper != nullptr && ending != LoopEnd::keeper_gone) {
        keeper->done();
    }
    log_info("stopped");
    return exit_code;
}

}  // namespace

Inherited prepare_process() {
    crash_without_memory();
    (void)process::ensure_standard_descriptors();
    return inherited();
}

DaemonEnd run_daemon(const config::Settings& settings, DaemonCall call) {
    KeeperLink* const keeper = call.keeper.get();
    open_log(settings.log_level, std::getenv("JOURNAL_STREAM") == nullptr);
    const Expected<std::string> path = choose_socket_path(path_hints(call.socket, settings.socket));
    if (!path) {
        return {.exit_code = fail(path.error())};
    }
    Expected<Signals> signals = Signals::open();
    if (!signals) {
        return {.exit_code = fail(signals.error())};
    }
    OpenFiles files = raise_open_files();
    files.before = call.handoff ? call.handoff->open_files_before : files.before;
    Expected<std::unique_ptr<Listener>> listener = open_listener(*path, keeper, call.handoff);
    if (!listener) {
        return {.exit_code = fail(listener.error())};
    }
    const Expected<std::string> journal_path = journal::Journal::choose_path(*path, variable("RUNTIME_DIRECTORY"));
    if (!journal_path) {
        return {.exit_code = fail(journal_path.error())};
    }
    Notify notify;
    notify.relay_by(keeper);
    process::ControlGroups control;
    const bool is_managed = !variable("INVOCATION_ID").empty();
    (void)control.open(process::find_control_place(), keeper ? keeper->pid() : 0, is_managed);
    process::Host host{host_options(files, keeper, control)};
    core::EngineLimits limits;
    limits.task_grace = settings.task_grace;
    limits.resume_grace = settings.resume_grace;
    session::HubOptions options;
    options.pid = getpid();
    options.uid = geteuid();
    options.weaker = weaker_guarantees(process::kernel_features(), host, control);
    options.containment = host.has_control_groups() ? "cgroup" : "group";
    options.journal = *journal_path;
    options.keeper_pid = keeper ? keeper->pid() : 0;
    options.daemon_restarts = keeper ? keeper->restarts() : 0;
    std::unique_ptr<State> state;
    Expected<Recovered> begun = open_state(*journal_path, limits, options, state, keeper ? keeper->pid() : 0, call.handoff.has_value());
    if (!begun) {
        return {.exit_code = fail(begun.error())};
    }
    const ConfiguredForm form{call.cpus};
    state->hub.set_form(&form);
    JournalRecorder recorder{*begun->journal};
    log_info("backplaned " + std::string{version_text} + " listens at " + *path);
    Loop loop{LoopParts{state->hub, host, **listener, *signals, notify, files.now, keeper, begun->journal.get(), &recorder, files.before,
                        call.words, call.configuration, call.config_path, call.cpus}};
    if (call.handoff && state->engine.steps() != 0) {
        if (!loop.take_over(*call.handoff)) {
            crash("the handoff does not fit the journal");
        }
    } else if (state->engine.steps() == 0) {
        loop.boot(core::encode_spec(settings.root), core::encode_limits(limits));
    } else {
        loop.recover();
    }
    const int exit_code = loop.run();
    if (loop.ending() == LoopEnd::stopped) {
        control.close(keeper ? keeper->pid() : 0);
    }
    const bool keeper_gone = loop.ending() == LoopEnd::keeper_gone;
    return {end(loop.ending(), exit_code, **listener, *begun->journal, keeper), keeper_gone,
            keeper_gone ? (*listener)->copy_of_lent() : process::Descriptor{}};
}

}  // namespace backplane::shell
