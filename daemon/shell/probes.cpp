// SPDX-License-Identifier: Apache-2.0
/// Tries by command and by connection. A try never waits: what it began is watched, and judged in a later tick.
#include "daemon/shell/probes.hpp"

#include "daemon/core/exit_verdict.hpp"
#include "daemon/shell/log.hpp"

#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <utility>

namespace backplane::shell {
namespace {

/// However short an interval is, it is one.
constexpr Duration interval_min = Duration::milliseconds(1);

struct Address {
    sockaddr_storage storage{};
    socklen_t length = 0;  ///< 0: it is none
};

Address unix_address(const std::string& path) {
    Address address;
    sockaddr_un un{};
    un.sun_family = AF_UNIX;
    if (path.size() < sizeof un.sun_path) {
        std::memcpy(un.sun_path, path.data(), path.size());
        std::memcpy(&address.storage, &un, sizeof un);
        address.length = sizeof un;
    }
    return address;
}

/// `HOST:PORT` with a numeric host, or `localhost`, which is either of the two that it may mean by turns. Never a lookup, which
/// would hold up the loop.
Address internet_address(const std::string& text, bool by_six) {
    Address address;
    const std::size_t colon = text.rfind(':');
    if (colon == std::string::npos) {
        return address;
    }
    std::uint16_t port = 0;
    const char* const end = text.data() + text.size();
    const auto [rest, wrong] = std::from_chars(text.data() + colon + 1, end, port);
    std::string host = text.substr(0, colon);
    if (wrong != std::errc{} || rest != end || port == 0) {
        return address;
    }
    if (host == "localhost") {
        host = by_six ? "::1" : "127.0.0.1";
    } else if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
        host = host.substr(1, host.size() - 2);
    }
    if (uv_ip4_addr(host.c_str(), port, reinterpret_cast<sockaddr_in*>(&address.storage)) == 0) {
        address.length = sizeof(sockaddr_in);
    } else if (uv_ip6_addr(host.c_str(), port, reinterpret_cast<sockaddr_in6*>(&address.storage)) == 0) {
        address.length = sizeof(sockaddr_in6);
    }
    return address;
}

}  // namespace

Probes::Probes(uv_loop_t* loop, process::Host& host) : loop_(loop), host_(host) {}

Probes::~Probes() { clear(); }

void Probes::begin(process::Incarnation worker, core::LaunchSpec launch, process::SpawnOptions options) {
    end(worker.child);
    auto probe = std::make_unique<Probe>();
    probe->worker = worker;
    probe->launch = std::move(launch);
    probe->launch.exec = probe->launch.probe.command;
    // What it says every half second belongs to nobody's output.
    probe->launch.stdout_to = {core::OutputKind::null, ""};
    probe->launch.stderr_to = {core::OutputKind::null, ""};
    // Of the worker's ways to the daemon it has the address only: it does not speak for the worker.
    probe->options.socket_path = std::move(options.socket_path);
    probes_.push_back(std::move(probe));
    is_touched_ = true;
}

void Probes::end(core::ChildIndex child) {
    std::erase_if(probes_, [&](const std::unique_ptr<Probe>& probe) {
        if (probe->worker.child != child) {
            return false;
        }
        stop_try(*probe);
        return true;
    });
}

void Probes::clear() {
    for (const auto& probe : probes_) {
        stop_try(*probe);
    }
    probes_.clear();
}

void Probes::halt() {
    for (const auto& probe : probes_) {
        if (probe->is_trying) {
            stop_try(*probe);
            probe->due = Instant{};
        }
    }
}

void Probes::stop_try(Probe& probe) {
    probe.watch.stop();
    if (probe.pid != 0) {
        host_.drop_aside(std::exchange(probe.pid, 0));
    }
    probe.socket.reset();
    probe.is_trying = false;
    probe.is_touched = false;
}

void Probes::on_ready(std::uint64_t token, unsigned) noexcept {
    for (const auto& probe : probes_) {
        if (probe->worker.child == token) {
            probe->is_touched = true;
            is_touched_ = true;
        }
    }
}

const std::vector<process::Incarnation>& Probes::run(Instant now) {
    ready_.clear();
    if (probes_.empty()) {
        is_touched_ = false;
        return ready_;
    }
    is_touched_ = false;
    std::size_t commands = 0;
    std::erase_if(probes_, [&](const std::unique_ptr<Probe>& probe) { return step(*probe, now, commands); });
    return ready_;
}

/// True where the worker is ready, and so told.
bool Probes::step(Probe& probe, Instant now, std::size_t& commands) {
    Try result = Try::runs;
    if (probe.is_trying) {
        result = look(probe, now);
    } else if (probe.due <= now) {
        if (!probe.launch.exec.empty() && commands++ >= probes_per_tick_max) {
            is_touched_ = true;
            return false;
        }
        result = begin_try(probe, now);
    }
    if (result == Try::runs) {
        return false;
    }
    stop_try(probe);
    if (result == Try::succeeded) {
        ready_.push_back(probe.worker);
        return true;
    }
    probe.due = std::max(now, probe.begun + std::max(probe.launch.probe.interval, interval_min));
    return false;
}

Probes::Try Probes::begin_try(Probe& probe, Instant now) {
    probe.begun = now;
    probe.is_trying = true;
    ++probe.tries;
    return probe.launch.exec.empty() ? begin_connect(probe) : begin_command(probe);
}

Probes::Try Probes::begin_command(Probe& probe) {
    const process::SpawnOutcome outcome = host_.spawn_aside(probe.worker.child, probe.launch, probe.options);
    if (!outcome.started) {
        say_why(probe, core::spawn_failure_text(outcome.step, outcome.error_number));
        return Try::failed;
    }
    probe.pid = outcome.pid;
    // Where it cannot be watched its timeout looks after it.
    (void)probe.watch.start(loop_, outcome.pidfd, watch_readable, *this, probe.worker.child);
    return Try::runs;
}

Probes::Try Probes::begin_connect(Probe& probe) {
    const std::string& where = probe.launch.probe.connect;
    const bool is_path = where.starts_with('/');
    const Address address = is_path ? unix_address(where) : internet_address(where, probe.tries % 2 == 0);
    if (address.length == 0) {
        say_why(probe, where + " is no address that can be asked");
        return Try::failed;
    }
    probe.socket.reset(::socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!probe.socket) {
        return Try::failed;
    }
    if (::connect(probe.socket.get(), reinterpret_cast<const sockaddr*>(&address.storage), address.length) == 0) {
        return Try::succeeded;
    }
    const bool is_on_its_way =
        errno == EINPROGRESS && probe.watch.start(loop_, probe.socket.get(), watch_writable, *this, probe.worker.child) == 0;
    return is_on_its_way ? Try::runs : Try::failed;
}

Probes::Try Probes::look(Probe& probe, Instant now) {
    const bool is_late = probe.begun + probe.launch.probe.timeout <= now;
    if (probe.pid != 0) {
        if (!probe.is_touched && !is_late) {
            return Try::runs;
        }
        probe.watch.stop();  // what it watches is closed with the end
        if (const auto ended = host_.take_aside(probe.pid)) {
            probe.pid = 0;
            return ended->how == core::ExitHow::exited && ended->status == 0 ? Try::succeeded : Try::failed;
        }
        return Try::failed;
    }
    if (probe.is_touched) {
        int wrong = 0;
        socklen_t length = sizeof wrong;
        const bool is_told = getsockopt(probe.socket.get(), SOL_SOCKET, SO_ERROR, &wrong, &length) == 0;
        return is_told && wrong == 0 ? Try::succeeded : Try::failed;
    }
    return is_late ? Try::failed : Try::runs;
}

Instant Probes::next() const {
    Instant next = Instant::never();
    for (const auto& probe : probes_) {
        next = std::min(next, probe->is_trying ? probe->begun + probe->launch.probe.timeout : probe->due);
    }
    return next;
}

/// Once for each worker: the same would be true of every try.
void Probes::say_why(Probe& probe, const std::string& why) {
    if (!std::exchange(probe.said_why, true)) {
        log_warning("a probe cannot be made: " + why);
    }
}

}  // namespace backplane::shell
