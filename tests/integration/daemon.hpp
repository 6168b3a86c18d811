// SPDX-License-Identifier: Apache-2.0
/// Daemon: a real backplaned on a temporary socket, for one test; Run: a program that was run, and what it said.
///
/// The programs are looked for in $BP_BIN_DIR, else where the build put them. Everything lives in a fresh folder, which goes with
/// the fixture, as do the daemon and all that it started. Waiting is always for a condition, up to a generous deadline that
/// no right program comes near.
#pragma once

#include <backplane/backplane.hpp>

#include <sys/types.h>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace backplane::integration {

/// Far beyond what anything here takes, also under a sanitizer on a busy machine.
inline constexpr Duration plenty = Duration::seconds(60);

/// The path of a built program.
std::string program(const std::string& name);

/// What the random tests of this run begin with: $BP_SEED, else 1.
[[nodiscard]] std::uint64_t test_seed();

/// Asks `condition` again and again until it is true; false if it is not in time.
bool eventually(const std::function<bool()>& condition);

/// What a file holds; nothing where there is none yet.
[[nodiscard]] std::string read_file(const std::string& path);

/// The next message of a Device as text: `disconnected FAULT` or `shutdown`; or why there is none.
[[nodiscard]] std::string next_of(Device& device);

/// What a program that has ended said.
struct Run {
    int code = -1;  ///< its exit code, or 128 and the signal
    std::string out;
    std::string err;
};

/// A program that runs beside the test, its output into files of the daemon's folder. Killed with its owner.
class Process {
  public:
    Process() = default;
    Process(const std::vector<std::string>& words, const std::vector<std::string>& environment, const std::string& files);
    Process(Process&& other) noexcept;
    Process& operator=(Process&& other) noexcept;
    ~Process();

    [[nodiscard]] pid_t pid() const { return pid_; }
    void signal(int number) const;
    /// Waits for the end.
    Run wait();

  private:
    pid_t pid_ = -1;
    std::string files_;
};

class Daemon {
  public:
    /// `children`: the array of the root supervisor's children, as text; `@DIR@`, `@BIN@` are replaced. `flags`: further keys of the
    /// root supervisor, with a comma at the end.
    explicit Daemon(const std::string& children = "[]", const std::string& flags = "");
    Daemon(const Daemon&) = delete;
    Daemon& operator=(const Daemon&) = delete;
    /// Stops the daemon and expects that it leaves nothing; on a failed test its log is printed.
    ~Daemon();

    [[nodiscard]] const std::string& folder() const { return folder_; }
    [[nodiscard]] std::string socket() const { return folder_ + "/s"; }
    [[nodiscard]] pid_t pid() const { return daemon_.pid(); }

    /// A connection of its own; the test fails if there is none.
    [[nodiscard]] Client connect() const;

    /// Runs `backplanectl` with this daemon's socket to its end, or beside the test.
    [[nodiscard]] Run ctl(std::vector<std::string> words);
    [[nodiscard]] Process ctl_beside(std::vector<std::string> words);

    /// SIGTERM, and the end: its exit code.
    int stop();
    void signal(int number) const { daemon_.signal(number); }

    /// A child's row once `fits` is true of it; the test fails if that never is.
    DeviceRow await(const std::string& name, const std::function<bool(const DeviceRow&)>& fits);
    DeviceRow await_state(const std::string& name, const std::string& state);
    /// A child that runs again with another pid.
    DeviceRow await_restart(const DeviceRow& before);

  private:
    [[nodiscard]] std::vector<std::string> ctl_words(std::vector<std::string> words) const;

    std::string folder_;
    Process daemon_;
    int runs_ = 0;
};

}  // namespace backplane::integration
