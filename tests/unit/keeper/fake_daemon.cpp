// SPDX-License-Identifier: Apache-2.0
/// Two programs for the keeper's tests, which hold the other end of a socket, the wire (tests/unit/keeper/support.hpp):
///
///   bp_fake_daemon keep WIRE [exe=PATH] [held=KEY:FD] [watchdog=US] [notify=ADDRESS] [delay=US] -- STEP...
///   bp_fake_daemon daemon WIRE STEP...
///
/// The first runs a keeper over the second, and reports how much was allocated meanwhile. The second is a daemon that does the steps
/// and then what comes over the wire, one order a packet; it reports what it does and what the keeper says: "PID text". Everything
/// ends with the wire.
#include "daemon/keeper/keeper.hpp"
#include "daemon/keeper/message.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <ctime>
#include <map>
#include <sstream>
#include <string>
#include <vector>

namespace {
/// Every allocation of this process, where no sanitizer has the allocator.
long allocations = 0;
}  // namespace

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool counts_allocations = false;
#else
constexpr bool counts_allocations = true;
extern "C" {
void* __libc_malloc(std::size_t bytes);
void* __libc_calloc(std::size_t count, std::size_t bytes);
void* __libc_realloc(void* old, std::size_t bytes);
void* __libc_memalign(std::size_t alignment, std::size_t bytes);
__attribute__((visibility("default"))) void* malloc(std::size_t bytes) { return ++allocations, __libc_malloc(bytes); }
__attribute__((visibility("default"))) void* calloc(std::size_t count, std::size_t bytes) {
    return ++allocations, __libc_calloc(count, bytes);
}
__attribute__((visibility("default"))) void* realloc(void* old, std::size_t bytes) { return ++allocations, __libc_realloc(old, bytes); }
__attribute__((visibility("default"))) void* aligned_alloc(std::size_t alignment, std::size_t bytes) {
    return ++allocations, __libc_memalign(alignment, bytes);
}
}
#endif

namespace {

using namespace backplane::keeper;

int wire = -1;
bool answers_probes = true;
bool listens = true;
std::map<std::uint64_t, int> things;

void report(const std::string& text) {
    const std::string line = std::to_string(getpid()) + " " + text;
    (void)!send(wire, line.data(), line.size(), MSG_NOSIGNAL);
}

void say(Kind kind, std::int32_t pid = 0, std::uint64_t number = 0, int descriptor = -1, const std::string& text = {}) {
    const Message message{kind, pid, 0, 0, number};
    if (send_message(control_descriptor, message, descriptor, text.data(), text.size()) != Sent::yes) {
        report("unsent");
    }
}

/// A pipe with this process's pid in it, whose reading end is given to the keeper.
void hold_pipe(std::uint64_t key) {
    int ends[2] = {-1, -1};
    const std::string text = std::to_string(getpid());
    if (pipe2(ends, O_CLOEXEC) == 0 && write(ends[1], text.data(), text.size()) > 0) {
        say(Kind::hold, 0, key, ends[0]);
    }
    close(ends[0]);
    close(ends[1]);
}

void hold_file(std::uint64_t key, const std::string& path, int count) {
    const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    for (int n = 0; n < count; ++n) {
        pollfd room{control_descriptor, POLLOUT, 0};
        poll(&room, 1, 10'000);
        say(Kind::hold, 0, key + static_cast<std::uint64_t>(n), file);
    }
    close(file);
}

std::string read_held(std::uint64_t key) {
    char text[64] = {};
    const ssize_t bytes = read(things[key], text, sizeof text);
    return bytes < 0 ? "nothing" : std::string{text, static_cast<std::size_t>(bytes)};
}

/// A child that exits at once; with a parent of its own that does so before it, where it is to be an orphan.
void make_child(int code, bool is_orphan) {
    const pid_t child = fork();
    if (child == 0) {
        if (!is_orphan || fork() == 0) {
            _exit(code);
        }
        _exit(0);
    }
    if (is_orphan) {
        waitpid(child, nullptr, 0);
    } else {
        siginfo_t info{};
        waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT);
        report("child " + std::to_string(child));
    }
}

/// A child that lives until it is killed, or the wire ends.
void make_worker() {
    const pid_t child = fork();
    if (child == 0) {
        close(control_descriptor);
        pollfd end{wire, 0, 0};
        poll(&end, 1, -1);
        _exit(0);
    }
    report("worker " + std::to_string(child));
}

void send_malformed() {
    (void)!send(control_descriptor, "abc", 3, MSG_NOSIGNAL);
    say(Kind::serving, 0, 0, wire);          // a descriptor where none belongs
    say(static_cast<Kind>(99), 0, 0, wire);  // a kind that is not known
    say(Kind::hold, 0, key_first_free);      // without a descriptor
    say(Kind::hold, 0, no_key, wire);        // under no key: refused
    say(Kind::drop, 0, key_executable);      // what the keeper needs
    say(Kind::drop, 0, 4711);                // what is not there
    say(Kind::reaped, getpid());             // what has not ended
    say(Kind::alive, 0, 4711);               // what was not asked
}

void on_abort(int) {
    report("aborted");
    signal(SIGABRT, SIG_IGN);
}

void obey(const std::string& order) {
    std::istringstream words{order};
    std::string verb;
    std::uint64_t number = 0;
    std::string rest;
    words >> verb >> number >> std::ws;
    words.clear();
    std::getline(words, rest, '\0');
    const int small = static_cast<int>(number);
    const std::map<std::string, void (*)(std::uint64_t)> keyed{
        {"hold_pipe", hold_pipe},
        {"drop", [](std::uint64_t key) { say(Kind::drop, 0, key); }},
        {"read_held", [](std::uint64_t key) { report("read " + read_held(key)); }},
        {"accept", [](std::uint64_t key) { report(accept4(things[key], nullptr, nullptr, SOCK_CLOEXEC) >= 0 ? "accepted" : "no"); }},
        {"mute", [](std::uint64_t) { answers_probes = false; }},
        {"listen", [](std::uint64_t yes) { listens = yes != 0; }},
        {"close", [](std::uint64_t) { listens = close(control_descriptor) != 0; }},
        {"trap", [](std::uint64_t) { signal(SIGABRT, on_abort); }},
        {"malformed", [](std::uint64_t) { send_malformed(); }},
        {"serving", [](std::uint64_t) { say(Kind::serving); }},
        {"done", [](std::uint64_t) { say(Kind::done); }},
    };
    if (const auto found = keyed.find(verb); found != keyed.end()) {
        found->second(number);
    } else if (verb == "hold") {
        hold_file(number, rest, 1);
    } else if (verb == "fill") {
        hold_file(number, "/dev/null", std::stoi(rest));
    } else if (verb == "reaped") {
        say(Kind::reaped, small);
    } else if (verb == "notify") {
        say(Kind::notify, 0, 0, -1, rest);
    } else if (verb == "child" || verb == "orphan") {
        make_child(small, verb == "orphan");
    } else if (verb == "worker") {
        make_worker();
    } else if (verb == "exit") {
        _exit(small);
    } else if (verb == "kill") {
        raise(small);
    }
    report("ok " + order);
}

void hear(Incoming& in) {
    const char* const names[] = {"?", "welcome", "held", "all_held", "ended", "stop", "signal", "probe", "refused"};
    const auto kind = static_cast<std::uint32_t>(in.message.kind);
    std::ostringstream text;
    text << names[kind < std::size(names) ? kind : 0] << ' ' << in.message.pid << ' ' << in.message.how << ' ' << in.message.status << ' '
         << in.message.number;
    if (in.message.kind == Kind::probe && answers_probes) {
        return say(Kind::alive, 0, in.message.number);
    }
    if (in.message.kind == Kind::held) {
        things[in.message.number] = in.descriptor;
    }
    report(text.str());
}

int be_daemon(const std::vector<std::string>& steps) {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    report("up " + std::to_string(now.tv_sec * 1'000'000 + now.tv_nsec / 1000));
    for (const std::string& step : steps) {
        obey(step);
    }
    for (;;) {
        pollfd on[2] = {{listens ? control_descriptor : -1, POLLIN, 0}, {wire, POLLIN, 0}};
        poll(on, 2, -1);
        Incoming in;
        while (listens && receive_message(control_descriptor, in) == Received::message) {
            hear(in);
        }
        if (on[1].revents != 0) {
            char order[256];
            const ssize_t bytes = recv(wire, order, sizeof order, MSG_DONTWAIT);
            if (bytes == 0) {
                return 0;
            }
            if (bytes > 0) {
                obey({order, static_cast<std::size_t>(bytes)});
            }
        }
    }
}

int be_keeper(const char* wire_number, const std::vector<std::string>& options, std::vector<std::string> steps) {
    KeeperPlan plan;
    std::string executable = "/proc/self/exe";
    std::string notify;
    std::vector<HeldDescriptor> held;
    for (const std::string& option : options) {
        const std::string value = option.substr(option.find('=') + 1);
        if (option.starts_with("exe=")) {
            executable = value;
        } else if (option.starts_with("held=")) {
            held.push_back({std::stoull(value), std::stoi(value.substr(value.find(':') + 1))});
        } else if (option.starts_with("watchdog=")) {
            plan.watchdog_us = std::stoull(value);
        } else if (option.starts_with("notify=")) {
            notify = value;
        } else if (option.starts_with("delay=")) {
            plan.restart_delay_us = std::stoull(value);
        }
    }
    steps.insert(steps.begin(), {"bp_fake_daemon", "daemon", wire_number});
    std::vector<char*> arguments;
    std::transform(steps.begin(), steps.end(), std::back_inserter(arguments), [](std::string& step) { return step.data(); });
    arguments.push_back(nullptr);
    plan.executable = open(executable.c_str(), O_RDONLY | O_CLOEXEC);
    plan.arguments = arguments.data();
    plan.environment = environ;
    plan.held = held.data();
    plan.held_count = held.size();
    plan.notify = notify.empty() ? nullptr : notify.c_str();
    const long before = allocations;
    const int code = keep(plan);
    report(counts_allocations ? "allocations " + std::to_string(allocations - before) : "allocations uncounted");
    return code;
}

}  // namespace

int main(int argc, char** argv) {
    const std::vector<std::string> words{argv + std::min(argc, 3), argv + argc};
    if (argc < 3) {
        return 2;
    }
    wire = std::atoi(argv[2]);
    if (std::string{argv[1]} == "daemon") {
        rlimit files{};  // for all that may be held
        getrlimit(RLIMIT_NOFILE, &files);
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
        return be_daemon(words);
    }
    const auto split = std::find(words.begin(), words.end(), "--");
    return be_keeper(argv[2], {words.begin(), split}, {split == words.end() ? split : split + 1, words.end()});
}
