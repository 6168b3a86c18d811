// SPDX-License-Identifier: Apache-2.0
/// What a supervision tree is asked to be: the checked configuration as plain values, with the defaults of S-1 and S-2,
/// and its flat encoding, which is how a tree enters the core (`Event::configure`) and so the journal.
#pragma once

#include "daemon/core/types.hpp"

#include <backplane/expected.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace backplane::core {

enum class Strategy : std::uint8_t { one_for_one, rest_for_one, one_for_all, dynamic };
enum class RestartType : std::uint8_t { permanent, transient, temporary };
enum class ShutdownKind : std::uint8_t { timed, infinity, brutal_kill, no_wait };
enum class Readiness : std::uint8_t { exec, notify, probe, delay };
enum class OnGiveUp : std::uint8_t { shutdown, crash };
enum class AutoShutdown : std::uint8_t { never, any_significant, all_significant };
/// S-6: what a failed start of a child of the root leads to at boot.
enum class OnStartFailure : std::uint8_t { retry, stop };
/// S-46: whether the daemon stays when the root gave up.
enum class OnRootGiveUp : std::uint8_t { stay, exit };
/// `parallel` declares no order, so all start at once; `requires` still waits. Strategies of groups are an order all the same.
enum class StartOrder : std::uint8_t { list, parallel };
/// what follows when a child breaks its own limit.
enum class OnLimit : std::uint8_t { escalate, quarantine, stop_child };
/// P-4: `leader` leaves grandchildren alone, and a restart does not wait for them.
enum class KillMode : std::uint8_t { group, leader };

/// Rule X-1. `enabled = false` is `"none"`: pure OTP.
struct BackoffSpec {
    bool enabled = true;
    Duration initial = Duration::milliseconds(100);
    double factor = 2.0;
    Duration max = Duration::seconds(30);
    double jitter = 0.2;
    Duration reset_after = Duration::seconds(10);
};

/// A restart limit of one child's own, beside its supervisor's. The stricter one acts.
struct LimitSpec {
    bool enabled = false;
    std::uint32_t intensity = 5;
    Duration period = Duration::seconds(5);
    OnLimit on_limit = OnLimit::escalate;
    Duration cooldown = Duration::forever();  ///< quarantine: how long until it is released by itself
};

/// What an end means beyond the usual (F-5, X-7). Each list is ascending and holds no value twice.
struct ExitPolicy {
    std::vector<std::uint8_t> success_codes;     ///< as exit 0
    std::vector<std::uint8_t> shutdown_codes;    ///< a clean stop with a reason: class shutdown
    std::vector<std::uint8_t> no_restart_codes;  ///< never restarted, whatever `restart` says
    std::vector<std::uint8_t> force_restart_codes;
    std::vector<std::uint8_t> success_signals;
    std::vector<std::uint8_t> no_restart_signals;
    std::vector<std::uint8_t> force_restart_signals;

    [[nodiscard]] bool empty() const;
};

/// Where a worker's stdout or stderr goes. All but the first three lead through a pipe that the daemon reads, so that the last of it is
/// kept for `logs` and for the exit record.
enum class OutputKind : std::uint8_t {
    inherit,  ///< where the daemon's own goes
    null,
    file,     ///< the worker itself writes to the end of it
    relay,    ///< whole lines to where the daemon's own goes
    journal,  ///< the machine's journal, a record for each line
    rotated,  ///< a file that the daemon writes, and puts aside when it is full
};
inline constexpr std::uint64_t rotated_bytes_min = 4096;
struct OutputSpec {
    OutputKind kind = OutputKind::inherit;
    std::string path{};           ///< kinds file and rotated: absolute; created with mode 0640
    std::uint64_t max_bytes = 0;  ///< kind rotated: how long it becomes at most; at least `rotated_bytes_min`
    std::uint32_t keep = 0;       ///< kind rotated: how many older ones stay beside it

    [[nodiscard]] bool is_read() const { return kind >= OutputKind::relay; }
    friend bool operator==(const OutputSpec&, const OutputSpec&) = default;
};

/// How the host finds out that a program with readiness `probe` is ready: a command that succeeds, or an address that takes a
/// connection. Exactly one of the two.
struct ProbeSpec {
    std::vector<std::string> command;
    std::string connect;  ///< `HOST:PORT`, or an absolute path of a Unix socket
    Duration interval = Duration::milliseconds(500);
    Duration timeout = Duration::seconds(1);
};

/// A command that is run beside a program before it is told to stop, while it still does its work: takes it out of a balancer, lets its
/// queue run dry. The stop signal follows when the command has ended, however, and at the latest after `timeout`.
struct DrainSpec {
    std::vector<std::string> command;  ///< empty: there is none
    Duration timeout = Duration::seconds(10);
};

/// A resource limit: `nofile`, soft and hard; `no_limit` is infinity.
inline constexpr std::uint64_t no_limit = ~std::uint64_t{0};
struct ResourceLimit {
    std::string name;
    std::uint64_t soft = no_limit;
    std::uint64_t hard = no_limit;
};

/// Who a program is and how much of the machine it may have. Needs the exec helper where it is not empty (decision 18).
struct CredentialSpec {
    std::string user;                       ///< empty: the daemon's own
    std::string group;                      ///< empty: the user's
    std::vector<std::string> groups;        ///< supplementary; empty: those of the user
    std::vector<std::string> capabilities;  ///< `cap_net_bind_service`: kept beside the user

    [[nodiscard]] bool empty() const { return user.empty() && group.empty() && groups.empty() && capabilities.empty(); }
};

/// The files of a worker's cgroup (cgroup v2); zero: not written.
struct ControlSpec {
    std::uint64_t memory_max = 0;  ///< bytes
    std::uint64_t pids_max = 0;
    std::uint64_t cpu_weight = 0;  ///< 1 to 10000
};

/// What the process host needs to start one program. The core keeps it and never looks inside.
struct LaunchSpec {
    std::vector<std::string> exec;  ///< program and arguments; exec[0] absolute or a bare name looked up in the worker's PATH
    std::vector<std::pair<std::string, std::string>> environment;  ///< on top of the clean slate (PATH, HOME, LANG, USER ...)
    std::string working_directory;                                 ///< empty: "/"
    OutputSpec stdout_to;
    OutputSpec stderr_to{.kind = OutputKind::relay};
    CredentialSpec credentials;
    std::vector<ResourceLimit> limits;  ///< no name twice
    bool set_nice = false;
    std::int32_t nice = 0;  ///< -20 to 19
    std::uint32_t umask = 0022;
    bool set_oom_score = false;
    std::int32_t oom_score = 0;  ///< -1000 to 1000
    ControlSpec control;
    ProbeSpec probe;  ///< for readiness `probe` only
    DrainSpec drain;
};

/// Of all arguments of a task together: they go to its client in one frame, in which each byte may take six.
inline constexpr std::size_t task_arguments_bytes_max = 8192;
inline constexpr std::size_t starter_bytes_max = 255;  ///< as any name

/// A task of a client: what the client that offers a start function is asked to run (X-3, S-8). The core looks up who offers it.
struct TaskSpec {
    std::string starter;                 ///< the name under which the function is offered; empty: no task
    std::vector<std::string> arguments;  ///< handed to it as they are
};

/// A standing order (decision 14): laid whenever both ends are up.
struct StandingLink {
    std::string to;  ///< a sibling's name, or a path below the root
    LinkMode mode = LinkMode::monitor;
};

struct SupervisorSpec;

struct ChildSpec {
    std::string name;
    bool is_supervisor = false;
    RestartType restart = RestartType::permanent;
    ShutdownKind shutdown_kind = ShutdownKind::timed;
    Duration shutdown = Duration::seconds(5);  ///< timed only
    Duration start_timeout = Duration::seconds(5);
    Readiness readiness = Readiness::exec;
    Duration ready_delay{};  ///< readiness `delay` only: alive for so long is ready
    bool managed = false;
    bool significant = false;
    bool retain = false;   ///< temporary only: never on its own exit, but again in group restarts (S-17)
    bool oneshot = false;  ///< started when it has exited with success (decision 36)
    BackoffSpec backoff;
    LimitSpec limit;
    Duration watchdog{};            ///< the longest silence once it is ready (X-5); zero: none is asked for
    std::int32_t stop_signal = 15;  ///< SIGTERM
    bool signal_group = false;      ///< the stop signal goes to the whole group (P-3)
    KillMode kill_mode = KillMode::group;
    Duration kill_after = Duration::seconds(5);  ///< shutdown `no_wait`: from the stop signal to SIGKILL
    ExitPolicy exits;
    std::vector<StandingLink> links;
    std::vector<std::string> requires_up;    ///< siblings' names, or paths below the root (X-6)
    LaunchSpec launch;                       ///< processes
    TaskSpec task;                           ///< tasks of a client
    std::vector<SupervisorSpec> supervisor;  ///< supervisors: exactly one

    [[nodiscard]] bool is_task() const { return !task.starter.empty(); }
};

struct SupervisorSpec {
    Strategy strategy = Strategy::one_for_one;
    std::uint32_t intensity = 5;
    Duration period = Duration::seconds(5);
    OnGiveUp on_give_up = OnGiveUp::shutdown;
    AutoShutdown auto_shutdown = AutoShutdown::never;
    OnStartFailure on_start_failure = OnStartFailure::retry;  ///< the root only
    OnRootGiveUp on_root_give_up = OnRootGiveUp::stay;        ///< the root only
    StartOrder start_order = StartOrder::list;
    std::uint32_t restart_burst = 0;                ///< the root only: so many restarts at once (X-19); zero: no bound
    Duration restart_every = Duration::seconds(1);  ///< the root only: how often one more is allowed
    std::uint32_t max_children = 0;                 ///< dynamic only; zero: no bound
    std::uint32_t partitions = 0;                   ///< a partition supervisor has so many children, named by their number (S-64)
    std::vector<ChildSpec> template_child;          ///< dynamic: exactly one, without a name (S-4)
    std::vector<ChildSpec> children;
};

/// The first byte of what is encoded here; another one is refused.
inline constexpr std::uint8_t spec_form_version = 4;

[[nodiscard]] std::string encode_spec(const SupervisorSpec& tree);
/// Reads hostile bytes: any error is `corrupt_image` naming the field; nesting is bounded at 64.
[[nodiscard]] Expected<SupervisorSpec> decode_spec(std::string_view bytes);

/// One child by itself, as a management call brings it.
[[nodiscard]] std::string encode_child(const ChildSpec& child);
/// As `decode_spec`. `is_template`: it has no name.
[[nodiscard]] Expected<ChildSpec> decode_child(std::string_view bytes, bool is_template);

/// What `start_child` brings: a whole child, or for a dynamic supervisor the arguments that its template gets more (decision 31).
struct NewChild {
    std::string key;                     ///< dynamic: its name; empty: the next number
    std::vector<std::string> arguments;  ///< behind those of the template
    std::vector<ChildSpec> spec;         ///< at most one; a dynamic supervisor's may be without a name
};
[[nodiscard]] std::string encode_new_child(const NewChild& added);
[[nodiscard]] Expected<NewChild> decode_new_child(std::string_view bytes);

[[nodiscard]] std::string encode_exits(const ExitPolicy& exits);
[[nodiscard]] Expected<ExitPolicy> decode_exits(std::string_view bytes);

[[nodiscard]] std::string encode_launch(const LaunchSpec& launch);
[[nodiscard]] Expected<LaunchSpec> decode_launch(std::string_view bytes);

[[nodiscard]] std::string encode_task(const TaskSpec& task);
[[nodiscard]] Expected<TaskSpec> decode_task(std::string_view bytes);
/// Whether it may be one: a name of 1 to 255 bytes, and arguments within their bound.
[[nodiscard]] bool is_sound_task(const TaskSpec& task);

[[nodiscard]] std::string_view strategy_name(Strategy strategy);
[[nodiscard]] std::string_view restart_type_name(RestartType type);
[[nodiscard]] std::string_view auto_shutdown_name(AutoShutdown when);

}  // namespace backplane::core
