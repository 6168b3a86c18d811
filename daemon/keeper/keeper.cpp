// SPDX-License-Identifier: Apache-2.0
/// The life of a daemon as its keeper sees it:
///
///   state     meaning              what happens                            next
///   waiting   no daemon lives      the wait is over, or a stop request     starting
///   starting  it has not served    `serving`                               serving; the count of failed starts is 0
///                                  it exits, and none has ever served      the keeper ends with its code
///                                  it ends otherwise                       waiting; the keeper ends with 1 after failures_max
///   serving   it has served        it ends, however                        waiting, for nothing
///   leaving   `done`, at any time  it ends, however                        the keeper ends with its code, or 128 + signal
///
/// What keeps it small:
/// - What a daemon is to be told is state (a cursor, a count, a flag), never a queue: it stays until there is room, or a daemon.
/// - There is no table of children. The kernel has one: an ended child is looked at with WNOWAIT, told, and taken away when the daemon
///   says so. While no daemon lives none is taken away: no pid is used again, no status is lost.
/// - Whatever a dead daemon has said is received before its end is judged: the last word may have been `done`.
/// - It sleeps in poll(), without a timeout where nothing is due.
#include "daemon/keeper/keeper.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <ctime>

namespace backplane::keeper {
namespace {

constexpr int descriptor_min = 11;  // out of the way of what a daemon is given, control_descriptor above all
constexpr int messages_max = 4096;  // in one turn; more than a socket holds, but its other end may go on writing
constexpr std::uint64_t never = UINT64_MAX;

std::uint64_t now_ns() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000U + static_cast<std::uint64_t>(now.tv_nsec);
}

/// Takes a descriptor over: answers the same thing close-on-exec and out of the way. -1, and closed, where that cannot be.
int settle(int descriptor) {
    const int moved = fcntl(descriptor, F_DUPFD_CLOEXEC, descriptor_min);
    close_one(descriptor);
    return moved;
}

enum class State { waiting, starting, serving, leaving };

/// What belongs to one daemon, and begins anew with the next.
struct Daemon {
    pid_t pid = 0;            // 0: none lives
    int control = -1;         // -1: none lives, or it has closed its end
    bool full = false;        // there was no room for what it was to be told last
    std::size_t greeted = 0;  // 0: nothing; 1: welcome; then one for each place of the table; then all_held
    bool refuses = false;     // `refused` is to be said, of this key
    std::uint64_t refused_key = no_key;
    bool probes = false;  // `probe` is to be said
    bool aborted = false;
    pid_t reported = 0;  // the ended child that waits for its `reaped`
    std::uint64_t probe_at_ns = never;
    std::uint64_t answer_by_ns = never;
};

class Keeper {
  public:
    explicit Keeper(const KeeperPlan& plan) : plan_(plan), quarter_ns_(plan.watchdog_us * 250) {}

    int run() {
        if (!prepare()) {
            perror("backplaned: the keeper cannot hold its descriptors");
            return 1;
        }
        int code = -1;
        while (code < 0) {
            const std::uint64_t now = now_ns();
            if (state_ == State::waiting && (now >= start_at_ns_ || stop_)) {  // a stop request needs a daemon that does it
                start(now);
            }
            watch(now);
            tell();
            sleep(now);
            take_signals();
            take_messages();
            code = take_end_of_daemon();
        }
        return code;
    }

  private:
    bool prepare() {
        prctl(PR_SET_CHILD_SUBREAPER, 1);
        // The whole table must fit; what the daemon and its workers were meant to have they get back.
        getrlimit(RLIMIT_NOFILE, &open_files_);
        const rlimit most{open_files_.rlim_max, open_files_.rlim_max};
        setrlimit(RLIMIT_NOFILE, &most);
        // An ignored SIGCHLD is inherited, and has the kernel take children away itself.
        signal(SIGCHLD, SIG_DFL);
        signal(SIGPIPE, SIG_IGN);
        sigset_t set;
        sigemptyset(&set);
        const int numbers[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR2, SIGCHLD};
        for (const int number : numbers) {
            sigaddset(&set, number);
        }
        sigprocmask(SIG_BLOCK, &set, nullptr);
        signals_ = settle(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
        const std::size_t size = plan_.notify == nullptr ? 0 : strlen(plan_.notify);
        if (size > 1 && size < sizeof notify_to_.sun_path) {
            notify_to_.sun_family = AF_UNIX;
            memcpy(notify_to_.sun_path, plan_.notify, size);
            notify_to_.sun_path[0] = plan_.notify[0] == '@' ? '\0' : plan_.notify[0];
            notify_to_size_ = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + size);
            notify_ = settle(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
        }
        bool all = signals_ >= 0 && hold(key_executable, plan_.executable);
        for (std::size_t n = 0; n < plan_.held_count; ++n) {
            all = hold(plan_.held[n].key, plan_.held[n].descriptor) && all;
        }
        return all;
    }

    void start(std::uint64_t now) {
        int ends[2] = {-1, -1};
        (void)socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends);
        Daemon next;
        next.control = settle(ends[0]);
        int other = settle(ends[1]);
        next.pid = next.control >= 0 && other >= 0 ? fork() : -1;
        if (next.pid == 0) {  // the signals stay blocked, since the daemon reads them from a descriptor too
            dup2(other, control_descriptor);
            setrlimit(RLIMIT_NOFILE, &open_files_);
            execveat(find(key_executable)->descriptor, "", plan_.arguments, plan_.environment, AT_EMPTY_PATH);
            _exit(127);
        }
        close_one(other);
        if (next.pid < 0) {
            // No daemon has failed: the machine is out of something, and workers may depend on a keeper that goes on trying.
            close_one(next.control);
            start_at_ns_ = now + 100'000'000;
            return;
        }
        if (quarter_ns_ != 0) {
            // At once: the manager has heard nothing since the daemon before this one hung, and its time is nearly over.
            next.probe_at_ns = now;
            next.answer_by_ns = now + 2 * quarter_ns_;
        }
        daemon_ = next;
        state_ = State::starting;
    }

    void watch(std::uint64_t now) {
        if (now >= daemon_.probe_at_ns) {
            ++probe_;
            daemon_.probes = true;
            daemon_.probe_at_ns = now + quarter_ns_;
        }
        if (now >= daemon_.answer_by_ns && now - daemon_.answer_by_ns > quarter_ns_) {
            daemon_.answer_by_ns = now + 2 * quarter_ns_;  // we have been asleep ourselves: that is not its fault
        } else if (now >= daemon_.answer_by_ns) {
            kill(daemon_.pid, daemon_.aborted ? SIGKILL : SIGABRT);
            daemon_.answer_by_ns = daemon_.aborted ? never : now + quarter_ns_;
            daemon_.aborted = true;
        }
    }

    void tell() {
        daemon_.full = false;
        const bool all = greet() && say(daemon_.refuses, {Kind::refused, 0, 0, 0, daemon_.refused_key}) &&
                         say(stop_, {Kind::stop, 0, 0, 0, stops_}) && say(hangup_, {Kind::signal, 0, 0, SIGHUP, 0}) &&
                         say(user_signal_, {Kind::signal, 0, 0, SIGUSR2, 0}) && say(daemon_.probes, {Kind::probe, 0, 0, 0, probe_});
        // Never the daemon's own end: the SIGCHLD that comes with it starts a turn that looks at it.
        siginfo_t info{};
        const bool found = all && daemon_.reported == 0 && waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
        if (found && info.si_pid != 0 && info.si_pid != daemon_.pid) {
            daemon_.reported = send({Kind::ended, info.si_pid, info.si_code, info.si_status, 0}) ? info.si_pid : 0;
        }
    }

    bool greet() {
        if (daemon_.greeted == 0 && send({Kind::welcome, getpid(), static_cast<std::int32_t>(stops_), protocol_version, ended_})) {
            daemon_.greeted = 1;
            stop_ = false;  // the welcome has told of it
        }
        for (; daemon_.greeted >= 1 && daemon_.greeted <= held_max; ++daemon_.greeted) {
            const HeldDescriptor& held = held_[daemon_.greeted - 1];
            if (held.key != no_key && !send({Kind::held, 0, 0, 0, held.key}, held.descriptor)) {
                return false;
            }
        }
        if (daemon_.greeted == held_max + 1 && send({Kind::all_held, 0, 0, 0, 0})) {
            ++daemon_.greeted;
        }
        return daemon_.greeted > held_max + 1;
    }

    /// Says it where `due` says so. True where that is done with.
    bool say(bool& due, const Message& message) {
        due = due && !send(message);
        return !due;
    }

    bool send(const Message& message, int descriptor = -1) {
        const Sent sent = send_message(daemon_.control, message, descriptor);
        daemon_.full = sent == Sent::full;
        return sent == Sent::yes;
    }

    void sleep(std::uint64_t now) {
        std::uint64_t due = daemon_.probe_at_ns < daemon_.answer_by_ns ? daemon_.probe_at_ns : daemon_.answer_by_ns;
        due = state_ == State::waiting ? start_at_ns_ : due;
        const std::uint64_t wait = due > now ? due - now : 0;
        const timespec timeout{static_cast<time_t>(wait / 1'000'000'000U), static_cast<long>(wait % 1'000'000'000U)};
        const int wanted = (daemon_.refuses ? 0 : POLLIN) | (daemon_.full ? POLLOUT : 0);
        pollfd on[2] = {{signals_, POLLIN, 0}, {daemon_.control, static_cast<short>(wanted), 0}};
        ppoll(on, 2, due == never ? nullptr : &timeout, nullptr);
    }

    void take_signals() {
        signalfd_siginfo info;
        while (read(signals_, &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
            const bool stop = info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT;
            stops_ += stop ? 1U : 0U;
            stop_ = stop_ || stop;
            hangup_ = hangup_ || info.ssi_signo == SIGHUP;
            user_signal_ = user_signal_ || info.ssi_signo == SIGUSR2;
        }
    }

    void take_messages() {
        Incoming in;
        // There is room for one refusal that cannot be said yet: until it is, the next message stays where it is.
        for (int n = 0; n < messages_max && daemon_.control >= 0 && !(daemon_.refuses && daemon_.full); ++n) {
            const Received received = receive_message(daemon_.control, in);
            if (received == Received::message) {
                handle(in, in.message);
                close_one(in.descriptor);
            } else if (received == Received::closed) {
                close_one(daemon_.control);  // it is ending, or has become something else: its end will tell
            } else if (received == Received::nothing) {
                return;
            }
        }
    }

    void handle(Incoming& in, const Message& message) {
        HeldDescriptor* const held = message.number == no_key ? nullptr : find(message.number);
        if (message.kind == Kind::serving) {
            state_ = state_ == State::starting ? State::serving : state_;
            ever_served_ = true;
            failures_ = 0;
        } else if (message.kind == Kind::done) {
            state_ = State::leaving;
        } else if (message.kind == Kind::hold && in.descriptor >= 0) {
            daemon_.refuses = !hold(message.number, in.descriptor);
            daemon_.refused_key = message.number;
            say(daemon_.refuses, {Kind::refused, 0, 0, 0, message.number});
            in.descriptor = -1;
        } else if (message.kind == Kind::drop && held != nullptr && message.number != key_executable) {
            close_one(held->descriptor);
            held->key = no_key;
        } else if (message.kind == Kind::reaped && message.pid == daemon_.reported && daemon_.reported != 0) {
            // No other pid than the one that was told: it may be the daemon's own.
            waitid(P_PID, static_cast<id_t>(daemon_.reported), nullptr, WEXITED | WNOHANG);
            daemon_.reported = 0;
        } else if (message.kind == Kind::alive && message.number == probe_ && quarter_ns_ != 0 && !daemon_.aborted) {
            daemon_.answer_by_ns = now_ns() + 2 * quarter_ns_;
            notify("WATCHDOG=1", sizeof "WATCHDOG=1" - 1);
        } else if (message.kind == Kind::notify) {
            notify(in.text, in.text_bytes);
        }
    }

    /// The exit code of the keeper where it ends too, else -1.
    int take_end_of_daemon() {
        siginfo_t info{};
        if (daemon_.pid == 0 || waitid(P_PID, static_cast<id_t>(daemon_.pid), &info, WEXITED | WNOHANG) != 0 || info.si_pid == 0) {
            return -1;
        }
        daemon_.full = false;
        take_messages();
        close_one(daemon_.control);
        daemon_ = {};
        ++ended_;
        const bool has_exited = info.si_code == CLD_EXITED;
        if (state_ == State::leaving || (has_exited && !ever_served_)) {
            return has_exited ? info.si_status : 128 + info.si_status;
        }
        failures_ = state_ == State::serving ? 0 : failures_ + 1;
        if (failures_ == failures_max) {
            give_up(has_exited ? "with exit code" : "by signal", info.si_status);
            return 1;
        }
        state_ = State::waiting;
        start_at_ns_ = now_ns() + restart_wait_us(failures_, plan_.restart_delay_us) * 1000;
        return -1;
    }

    void give_up(const char* how, int status) const {
        char text[256];
        const int size = snprintf(text, sizeof text,
                                  "backplaned: the keeper gives up: %u daemons in a row ended before they served, the last one %s %d; "
                                  "workers, where there are any, run on without a daemon\n",
                                  failures_, how, status);
        pollfd room{STDERR_FILENO, POLLOUT, 0};
        if (poll(&room, 1, 100) == 1) {  // where nobody reads, it is not worth a keeper that hangs
            (void)!write(STDERR_FILENO, text, static_cast<std::size_t>(size));
        }
    }

    /// A free place has the key no_key.
    HeldDescriptor* find(std::uint64_t key) {
        for (std::size_t n = 0; n < held_end_; ++n) {
            if (held_[n].key == key) {
                return &held_[n];
            }
        }
        return key == no_key && held_end_ < held_max ? &held_[held_end_++] : nullptr;
    }

    /// Takes the descriptor over; false, and closed, where there is no room for it.
    bool hold(std::uint64_t key, int descriptor) {
        int settled = settle(descriptor);
        HeldDescriptor* place = settled < 0 || key == no_key ? nullptr : find(key);
        place = place == nullptr && settled >= 0 && key != no_key ? find(no_key) : place;
        if (place == nullptr) {
            close_one(settled);
            return false;
        }
        close_one(place->descriptor);
        *place = {key, settled};
        return true;
    }

    void notify(const char* text, std::size_t bytes) const {
        const auto* const to = reinterpret_cast<const sockaddr*>(&notify_to_);
        (void)sendto(notify_, text, bytes, MSG_DONTWAIT | MSG_NOSIGNAL, to, notify_to_size_);
    }

    const KeeperPlan& plan_;
    HeldDescriptor held_[held_max] = {};
    std::size_t held_end_ = 0;  // no place from here on has ever been used
    rlimit open_files_{};       // as we were given it
    int signals_ = -1;
    int notify_ = -1;
    sockaddr_un notify_to_{};
    socklen_t notify_to_size_ = 0;
    std::uint64_t quarter_ns_;  // of the watchdog's time; 0: no watchdog
    std::uint64_t probe_ = 0;   // the last one's number
    State state_ = State::waiting;
    Daemon daemon_;
    bool ever_served_ = false;
    std::uint32_t failures_ = 0;
    std::uint64_t ended_ = 0;
    std::uint64_t start_at_ns_ = 0;
    std::uint64_t stops_ = 0;
    bool stop_ = false, hangup_ = false, user_signal_ = false;  // wait to be said
};

}  // namespace

int keep(const KeeperPlan& plan) noexcept { return Keeper{plan}.run(); }

}  // namespace backplane::keeper
