// SPDX-License-Identifier: Apache-2.0
/// BareDaemon: a backplaned for tests of the daemon's own beginnings and ends, which the fixture of daemon.hpp takes for
/// granted: it need not start, may be killed, and runs with limits and variables of the test's choice.
#pragma once

#include "tests/integration/daemon.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace backplane::integration {

/// The pids of all processes whose environment names this daemon's socket: its workers and what they started.
[[nodiscard]] std::vector<pid_t> workers_of(const std::string& socket);
/// Entries of /proc/PID/fd.
[[nodiscard]] std::size_t open_descriptors(pid_t pid);
/// The letter of /proc/PID/stat: `Z` for a zombie; `-` where there is no such process.
[[nodiscard]] char process_state(pid_t pid);
/// Direct children, zombies included.
[[nodiscard]] std::vector<pid_t> children_of(pid_t pid);

/// Writes `late.py`, a worker that makes `up` in its folder, waits there for `go`, says READY=1, and makes `said`. `at_first`: what it does
/// before all that.
void write_late_worker(const std::string& folder, std::string_view at_first = {});

class BareDaemon {
  public:
    /// `children`: the list of the root supervisor, in JSON without its brackets; `@DIR@` stands for the folder. After a crash of the
    /// daemon sessions have a minute to come back, where `set_settings` does not say otherwise.
    explicit BareDaemon(std::string children = {});
    BareDaemon(const BareDaemon&) = delete;
    BareDaemon& operator=(const BareDaemon&) = delete;
    /// Ends it, and removes the folder.
    ~BareDaemon();

    /// A variable `NAME=VALUE` of the daemon's environment; before `start`.
    void set_environment(std::string variable) { environment_.push_back(std::move(variable)); }
    /// Hard and soft RLIMIT_NOFILE of the daemon; before `start`.
    void set_open_files(std::size_t limit) { open_files_ = limit; }

    /// Keys of the configuration beside the supervisor, in JSON with a comma behind each; before `start`.
    void set_settings(const std::string& settings);

    /// Another file than the built one; before `start`.
    void set_program(std::string path) { program_ = std::move(path); }

    /// Starts it and waits for nothing.
    void begin();
    /// Starts it and waits until it answers. False, and the test has failed, where it does not.
    [[nodiscard]] bool start();
    /// Runs a further backplaned to its end.
    [[nodiscard]] Run run(std::vector<std::string> words) const;
    /// The same with this one's configuration and socket, or another socket.
    [[nodiscard]] Run run_beside(const std::string& socket = {}) const;

    [[nodiscard]] Client connect() const;
    /// Waits until `name` is in `state` with another pid than `not_pid`; answers its row.
    [[nodiscard]] DeviceRow wait_for(Client& client, std::string_view name, std::string_view state, std::int64_t not_pid = -1) const;

    /// To the keeper, which is what was started.
    void signal(int number) const { daemon_.signal(number); }
    /// The daemon that serves now; 0 where none does.
    [[nodiscard]] pid_t daemon_pid() const;
    /// SIGKILL to the daemon that serves now; false where none does.
    [[nodiscard]] bool kill_daemon() const;
    /// SIGKILL to keeper and daemon, until neither is there. Workers, socket and journal stay.
    void kill_service();
    [[nodiscard]] bool has_ended() const;
    /// Waits for its end: the exit code, or 128 + the signal.
    [[nodiscard]] int wait_end();
    /// SIGTERM and `wait_end`.
    [[nodiscard]] int stop();

    [[nodiscard]] pid_t pid() const { return daemon_.pid(); }
    [[nodiscard]] const std::string& folder() const { return folder_; }
    [[nodiscard]] std::string socket() const { return folder_ + "/s"; }
    [[nodiscard]] std::string config() const { return folder_ + "/config.json"; }
    /// What it has written to stderr so far.
    [[nodiscard]] std::string log() const { return read_file(folder_ + "/daemon.err"); }
    /// Whether `part` comes into the log in time.
    [[nodiscard]] bool logs(std::string_view part) const;

  private:
    std::string folder_;
    std::string children_;
    std::string program_;
    std::vector<std::string> environment_;
    std::size_t open_files_ = 0;
    Process daemon_;
};

}  // namespace backplane::integration
