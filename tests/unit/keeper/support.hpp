// SPDX-License-Identifier: Apache-2.0
/// A keeper in a process of its own over a daemon that does what the test says (fake_daemon.cpp). Waits have a condition and a
/// deadline. Whatever a test started ends with its wire.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <deque>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>
#include <vector>

namespace backplane::keeper::testing {

/// How long a test waits for something certain before it gives up.
inline constexpr int patience_ms = 10000;

/// Asks again and again until the answer is yes; false when patience is over.
inline bool eventually(const std::function<bool()>& is_so) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(patience_ms);
    while (!is_so()) {
        if (std::chrono::steady_clock::now() > end) {
            return false;
        }
        poll(nullptr, 0, 1);
    }
    return true;
}

inline std::string text_of(const std::string& path) {
    // Not by an iterator: the file of a process that ends between open and read answers an error, which that would throw.
    std::ostringstream text;
    text << std::ifstream{path}.rdbuf();
    return text.str();
}

/// The value of `field:` in the status of a process.
inline std::string status_of(int pid, const std::string& field) {
    std::istringstream lines{text_of("/proc/" + std::to_string(pid) + "/status")};
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with(field + ":")) {
            return line.substr(line.find_first_not_of(" \t", field.size() + 1));
        }
    }
    return "";
}

inline bool is_zombie(int pid) { return status_of(pid, "State").starts_with("Z"); }
inline bool is_gone(int pid) { return kill(pid, 0) != 0 && errno == ESRCH; }

/// A pid that never came must not hit this process's group.
inline void hit(int pid, int number) { EXPECT_TRUE(pid > 1 && kill(pid, number) == 0) << "no process " << pid; }

inline std::size_t descriptors_of(int pid) {
    const std::filesystem::directory_iterator all{"/proc/" + std::to_string(pid) + "/fd"};
    return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

inline std::string folder_of_programs() { return std::filesystem::read_symlink("/proc/self/exe").parent_path().string() + "/"; }

/// What the fake daemon, or at the very end the keeper, has reported.
struct Report {
    int pid = 0;
    std::string text;

    /// The word of that number, as a number.
    [[nodiscard]] std::int64_t number(int word) const {
        std::istringstream words{text};
        std::string found;
        for (int n = 0; n <= word; ++n) {
            words >> found;
        }
        return std::stoll("0" + found);
    }
};

class KeeperTest : public ::testing::Test {
  protected:
    struct Surroundings {
        bool ignores_children = false;  ///< SIGCHLD is ignored when the keeper starts
        bool own_pids = false;          ///< the keeper is pid 1 of a new namespace
    };

    ~KeeperTest() override {
        if (keeper_ > 0) {
            kill(keeper_, SIGKILL);
        }
        if (child_ > 0) {
            waitpid(child_, nullptr, 0);
        }
        close(wire_);
        close(errors_);
    }

    /// False, with errno, where the surroundings are not to be had.
    bool start(const std::vector<std::string>& options, const std::vector<std::string>& steps = {}) { return start(options, steps, {}); }
    bool start(const std::vector<std::string>& options, const std::vector<std::string>& steps, Surroundings around) {
        int ends[2] = {-1, -1};
        int errors[2] = {-1, -1};
        int pids[2] = {-1, -1};
        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0 || pipe2(errors, O_CLOEXEC) != 0 ||
            pipe2(pids, O_CLOEXEC) != 0) {
            return false;
        }
        wire_ = ends[0];
        errors_ = errors[0];
        fcntl(errors_, F_SETFL, O_NONBLOCK);
        std::vector<std::string> words{folder_of_programs() + "bp_fake_daemon", "keep", std::to_string(ends[1])};
        words.insert(words.end(), options.begin(), options.end());
        words.emplace_back("--");
        words.insert(words.end(), steps.begin(), steps.end());
        child_ = fork();
        if (child_ == 0) {
            fcntl(ends[1], F_SETFD, 0);
            dup2(errors[1], STDERR_FILENO);
            become_keeper(words, around, pids[1]);
        }
        close(ends[1]);
        close(errors[1]);
        close(pids[1]);
        int answer = 0;
        const bool told = read(pids[0], &answer, sizeof answer) == sizeof answer;
        close(pids[0]);
        keeper_ = around.own_pids ? answer : child_;
        errno = told && answer < 0 ? -answer : 0;
        return !around.own_pids || (told && answer > 0);
    }

    /// What is reported next; an empty one, and a failure, where nothing comes.
    Report next() {
        Report report;
        if (!passed_.empty()) {
            report = passed_.front();
            passed_.pop_front();
        } else if (!receive(report)) {
            ADD_FAILURE() << "nothing is reported; the keeper wrote: " << written();
        }
        return report;
    }

    /// Leaves out what begins otherwise.
    Report next(const std::string& beginning) {
        const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(patience_ms_);
        while (std::chrono::steady_clock::now() < end) {
            Report report = next();
            if (report.pid == 0 || report.text.starts_with(beginning)) {
                return report;
            }
        }
        ADD_FAILURE() << "nothing is reported that begins with " << beginning;
        return {};
    }

    /// Waits for the next daemon to be up and greeted, and answers its pid.
    int next_daemon() {
        welcome_ = next("welcome");
        held_.clear();
        for (Report report = next(); report.text.starts_with("held"); report = next()) {
            held_.push_back(report.number(4));
        }
        return welcome_.pid;
    }

    int serving_daemon() {
        const int pid = next_daemon();
        order("serving");
        return pid;
    }

    /// For what ends the daemon.
    void last_order(const std::string& text) const { (void)!send(wire_, text.data(), text.size(), MSG_NOSIGNAL); }

    void order(const std::string& text) {
        last_order(text);
        for (Report report; receive(report);) {
            if (report.text == "ok " + text) {
                return;
            }
            passed_.push_back(report);
        }
        ADD_FAILURE() << "not done: " << text;
    }

    /// The exit code of the keeper; -1, and a failure, where it does not end.
    int keeper_ends() {
        siginfo_t info{};
        if (!eventually([&] { return waitid(P_PID, static_cast<id_t>(child_), &info, WEXITED | WNOHANG) == 0 && info.si_pid != 0; })) {
            ADD_FAILURE() << "the keeper does not end";
            return -1;
        }
        child_ = 0;
        keeper_ = 0;
        return info.si_code == CLD_EXITED ? info.si_status : -info.si_status;
    }

    /// What was written to stderr since the last time.
    [[nodiscard]] std::string written() const {
        char text[4096];
        const ssize_t bytes = read(errors_, text, sizeof text);
        return bytes > 0 ? std::string{text, static_cast<std::size_t>(bytes)} : "";
    }

    /// Sends it, and waits until the keeper has taken it in, so that the next of the same number is another.
    void signal_keeper(int number) const {
        hit(keeper_, number);
        EXPECT_TRUE(eventually([this] { return status_of(keeper_, "ShdPnd") == "0000000000000000"; }));
    }

    pid_t keeper_ = 0;  ///< as seen from here
    Report welcome_;    ///< of the last next_daemon()
    std::vector<std::int64_t> held_;

  private:
    bool receive(Report& into) {
        pollfd on{wire_, POLLIN, 0};
        char text[512];
        if (poll(&on, 1, patience_ms_) != 1) {
            patience_ms_ = 10;  // the test has failed; it need not take long
            return false;
        }
        const ssize_t bytes = recv(wire_, text, sizeof text, 0);
        if (bytes <= 0) {
            return false;
        }
        std::istringstream words{std::string{text, static_cast<std::size_t>(bytes)}};
        words >> into.pid >> std::ws;
        std::getline(words, into.text, '\0');
        return true;
    }

    /// In the child. `told` hears the pid that the keeper has outside of its namespace, or -errno.
    [[noreturn]] static void become_keeper(std::vector<std::string>& words, Surroundings around, int told) {
        std::vector<char*> arguments;
        for (std::string& word : words) {
            arguments.push_back(word.data());
        }
        arguments.push_back(nullptr);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        signal(SIGCHLD, around.ignores_children ? SIG_IGN : SIG_DFL);
        if (around.own_pids) {
            if (unshare(CLONE_NEWPID | (geteuid() == 0 ? 0 : CLONE_NEWUSER)) != 0) {
                const int answer = -errno;
                (void)!write(told, &answer, sizeof answer);
                _exit(1);
            }
            if (const pid_t inner = fork(); inner != 0) {
                (void)!write(told, &inner, sizeof inner);
                int status = 0;
                waitpid(inner, &status, 0);
                _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 255);
            }
        }
        execv(arguments[0], arguments.data());
        _exit(126);
    }

    pid_t child_ = 0;  // the keeper, or the process that waits for it
    int wire_ = -1;
    int patience_ms_ = patience_ms;
    int errors_ = -1;
    std::deque<Report> passed_;  // came while an order was waited for
};

/// A service manager's socket, at an abstract address or a path.
class Manager {
  public:
    explicit Manager(const std::string& address) : socket_(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
        sockaddr_un name{};
        name.sun_family = AF_UNIX;
        std::memcpy(name.sun_path, address.data(), address.size());
        name.sun_path[0] = address[0] == '@' ? '\0' : address[0];
        const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address.size());
        EXPECT_EQ(bind(socket_, reinterpret_cast<const sockaddr*>(&name), size), 0) << std::strerror(errno);
    }
    Manager(const Manager&) = delete;
    Manager& operator=(const Manager&) = delete;
    ~Manager() { close(socket_); }

    /// The next datagram; an empty text where none comes in time.
    [[nodiscard]] std::string next(int timeout_ms = patience_ms) const {
        pollfd on{socket_, POLLIN, 0};
        char text[1024];
        const ssize_t bytes = poll(&on, 1, timeout_ms) == 1 ? recv(socket_, text, sizeof text, 0) : 0;
        return bytes > 0 ? std::string{text, static_cast<std::size_t>(bytes)} : "";
    }

  private:
    int socket_;
};

}  // namespace backplane::keeper::testing
