// SPDX-License-Identifier: Apache-2.0
/// The parent side of a spawn: lays out all that the child needs, blocks signals, clones, and reads the child's answer.
#include "daemon/process/spawn.hpp"

#include "daemon/process/exec_orders.hpp"
#include "daemon/process/reap.hpp"
#include "daemon/process/spawn_child.hpp"

#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string_view>
#include <utility>
#include <vector>

namespace backplane::process {
namespace {

using core::SpawnStep;

/// Room for the child's few calls and its one directory buffer, below it one page that may not be touched.
constexpr std::size_t guard_bytes = 4096;
constexpr std::size_t stack_bytes = 64 * 1024;

/// Blocks every signal of this thread, glibc's own included, for the length of a spawn: a handler must not run in the
/// child, which shares our memory.
class BlockedSignals {
  public:
    BlockedSignals() {
        const std::uint64_t all = ~std::uint64_t{0};
        syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before_, sizeof all);
    }
    BlockedSignals(const BlockedSignals&) = delete;
    BlockedSignals& operator=(const BlockedSignals&) = delete;
    ~BlockedSignals() { syscall(SYS_rt_sigprocmask, SIG_SETMASK, &before_, nullptr, sizeof before_); }

  private:
    std::uint64_t before_ = 0;
};

/// The plan and all that it points to.
struct Layout {
    std::vector<std::string> environment;
    std::vector<std::string> candidates;
    std::vector<const char*> environment_pointers;
    std::vector<const char*> candidate_pointers;
    std::vector<const char*> argument_pointers;
    std::vector<std::string> orders;          ///< for the exec helper: the words in front of the environment
    std::vector<const char*> order_pointers;  ///< all of its words
    std::vector<const char*> helper_candidates;
    std::vector<const char*> nothing{nullptr};  ///< its environment
    std::vector<LimitPlan> limits;
    std::string oom_score;
    ChildPlan plan;
};

void point_at(const std::vector<std::string>& texts, std::vector<const char*>& pointers) {
    pointers.reserve(texts.size() + 1);
    for (const std::string& text : texts) {
        pointers.push_back(text.c_str());
    }
    pointers.push_back(nullptr);
}

bool holds_nul(std::string_view text) { return text.find('\0') != std::string_view::npos; }

/// What would reach the kernel cut short, or not at all.
bool is_sound(const core::LaunchSpec& launch) {
    if (launch.exec.empty() || launch.exec.front().empty()) {
        return false;
    }
    for (const std::string& argument : launch.exec) {
        if (holds_nul(argument)) {
            return false;
        }
    }
    return !holds_nul(launch.working_directory) && !holds_nul(launch.stdout_to.path) && !holds_nul(launch.stderr_to.path);
}

/// What is to be read by somebody is inherited where nobody reads.
OutputPlan plan_output(const core::OutputSpec& output, int descriptor) {
    OutputPlan plan;
    plan.descriptor = descriptor;
    plan.to_null = output.kind == core::OutputKind::null;
    plan.path = output.kind == core::OutputKind::file ? output.path.c_str() : nullptr;
    return plan;
}

/// The kernel's number for a resource as a configuration names it; -1: there is none of that name.
int resource_number(std::string_view name) {
    static constexpr std::array<std::pair<std::string_view, int>, 16> all{{{"as", RLIMIT_AS},
                                                                           {"core", RLIMIT_CORE},
                                                                           {"cpu", RLIMIT_CPU},
                                                                           {"data", RLIMIT_DATA},
                                                                           {"fsize", RLIMIT_FSIZE},
                                                                           {"locks", RLIMIT_LOCKS},
                                                                           {"memlock", RLIMIT_MEMLOCK},
                                                                           {"msgqueue", RLIMIT_MSGQUEUE},
                                                                           {"nice", RLIMIT_NICE},
                                                                           {"nofile", RLIMIT_NOFILE},
                                                                           {"nproc", RLIMIT_NPROC},
                                                                           {"rss", RLIMIT_RSS},
                                                                           {"rtprio", RLIMIT_RTPRIO},
                                                                           {"rttime", RLIMIT_RTTIME},
                                                                           {"sigpending", RLIMIT_SIGPENDING},
                                                                           {"stack", RLIMIT_STACK}}};
    for (const auto& [known, number] : all) {
        if (known == name) {
            return number;
        }
    }
    return -1;
}

/// False where a resource is unknown.
bool plan_share(const core::LaunchSpec& launch, Layout& layout) {
    static_assert(RLIM_INFINITY == core::no_limit);
    for (const core::ResourceLimit& limit : launch.limits) {
        const int resource = resource_number(limit.name);
        if (resource < 0) {
            return false;
        }
        layout.limits.push_back({resource, limit.soft, limit.hard});
    }
    ChildPlan& plan = layout.plan;
    plan.umask = launch.umask;
    plan.limits = layout.limits.data();
    plan.limits_count = static_cast<int>(layout.limits.size());
    plan.set_nice = launch.set_nice;
    plan.nice = launch.nice;
    if (launch.set_oom_score) {
        layout.oom_score = std::to_string(launch.oom_score);
        plan.oom_score = layout.oom_score.c_str();
    }
    return true;
}

void plan_child(const core::LaunchSpec& launch, const SpawnContext& context, Layout& layout) {
    point_at(layout.environment, layout.environment_pointers);
    point_at(layout.candidates, layout.candidate_pointers);
    point_at(launch.exec, layout.argument_pointers);
    ChildPlan& plan = layout.plan;
    plan.directory = launch.working_directory.empty() ? "/" : launch.working_directory.c_str();
    plan.candidates = layout.candidate_pointers.data();
    plan.arguments = layout.argument_pointers.data();
    plan.environment = layout.environment_pointers.data();
    plan.outputs[0] = plan_output(launch.stdout_to, context.outputs[0]);
    plan.outputs[1] = plan_output(launch.stderr_to, context.outputs[1]);
    plan.worker_socket = context.worker_socket;
    plan.parent = context.die_with_parent ? getpid() : 0;
    plan.has_close_range = context.features.close_range;
    plan.open_files_soft = context.open_files_soft;
}

std::string groups_text(const Credentials& credentials) {
    std::string text = credentials.keeps_groups ? "-" : "";
    for (const std::uint32_t group : credentials.groups) {
        text.append(text.empty() ? "" : ",").append(std::to_string(group));
    }
    return text;
}

/// Puts the exec helper in front of what is laid out already. See exec_orders.hpp for its words.
void plan_helper(const Credentials& credentials, const SpawnContext& context, Layout& layout) {
    ChildPlan& plan = layout.plan;
    layout.orders.resize(order_end);
    layout.orders[0] = "backplane-exec";
    layout.orders[order_report] = plan.report >= 0 ? std::to_string(report_descriptor) : "-";
    layout.orders[order_parent] = std::to_string(plan.parent);
    layout.orders[order_uid] = std::to_string(credentials.uid);
    layout.orders[order_gid] = std::to_string(credentials.gid);
    layout.orders[order_groups] = groups_text(credentials);
    layout.orders[order_capabilities] = std::to_string(credentials.capabilities);
    layout.orders[order_directory] = plan.directory;
    layout.orders[order_environment_count] = std::to_string(layout.environment.size());
    layout.orders[order_candidate_count] = std::to_string(layout.candidates.size());
    point_at(layout.orders, layout.order_pointers);
    for (const auto* words : {&layout.environment_pointers, &layout.candidate_pointers, &layout.argument_pointers}) {
        layout.order_pointers.pop_back();  // the null at the end of what came before
        layout.order_pointers.insert(layout.order_pointers.end(), words->begin(), words->end());
    }
    layout.helper_candidates = {context.helper.c_str(), nullptr};
    plan.is_helper = true;
    plan.directory = "/";
    plan.candidates = layout.helper_candidates.data();
    plan.arguments = layout.order_pointers.data();
    plan.environment = layout.nothing.data();
}

/// A pipe whose writing end lies above all that the child puts in place. False leaves errno.
bool open_report(Descriptor& reading, Descriptor& writing) {
    int ends[2] = {-1, -1};
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) {
        return false;
    }
    reading.reset(ends[0]);
    const Descriptor low{ends[1]};
    writing.reset(fcntl(low.get(), F_DUPFD_CLOEXEC, report_descriptor + 1));
    return static_cast<bool>(writing);
}

Spawned failed(SpawnStep step, int error_number) {
    Spawned spawned;
    spawned.step = step;
    spawned.error_number = error_number;
    return spawned;
}

/// Ends a child that must not stay and takes it away.
void abandon(std::int32_t pid) {
    kill(pid, SIGKILL);
    reap_ending(pid);
}

/// The kernel has one place for its word to the parent: the pid, where somebody may have to find the child without us; else a
/// pidfd, which otherwise costs one more call.
int clone_here(void* stack_top, Layout& layout, const SpawnContext& context, int& pidfd, int& clone_error) {
    const bool by_place = context.pid_place != nullptr;
    const int word = by_place ? CLONE_PARENT_SETTID : context.features.clone_pidfd ? CLONE_PIDFD : 0;
    const int flags = CLONE_VM | CLONE_VFORK | SIGCHLD | word;
    int* const place = by_place ? context.pid_place : &pidfd;
    layout.plan.cgroup = context.cgroup;
    const BlockedSignals blocked;
    const int pid = clone(run_child, stack_top, flags, &layout.plan, place);
    clone_error = errno;
    return pid;
}

/// Born in its cgroup: moving there later makes the kernel wait for every processor.
int clone_there(Layout& layout, const SpawnContext& context, int& pidfd, int& clone_error) {
    clone_args arguments{};
    arguments.flags = CLONE_VM | CLONE_VFORK | CLONE_PIDFD | CLONE_INTO_CGROUP;
    arguments.pidfd = reinterpret_cast<__u64>(&pidfd);
    arguments.exit_signal = SIGCHLD;
    arguments.cgroup = static_cast<__u64>(context.cgroup);
    if (context.pid_place != nullptr) {
        arguments.flags |= CLONE_PARENT_SETTID;
        arguments.parent_tid = reinterpret_cast<__u64>(context.pid_place);
    }
    const BlockedSignals blocked;
    const long pid = clone_into(&arguments, sizeof arguments, &layout.plan);
    clone_error = pid < 0 ? static_cast<int>(-pid) : 0;
    return static_cast<int>(pid);
}

Spawned clone_child(void* stack_top, Layout& layout, const SpawnContext& context) {
    int pidfd = -1;
    int clone_error = 0;
    const int pid = context.cgroup >= 0 && context.features.clone_into_cgroup ? clone_there(layout, context, pidfd, clone_error)
                                                                              : clone_here(stack_top, layout, context, pidfd, clone_error);
    if (pid < 0) {
        return failed(SpawnStep::clone, clone_error);
    }
    Spawned spawned;
    spawned.pidfd.reset(pidfd);
    if (layout.plan.error_number != 0) {
        reap_ending(pid);
        return failed(static_cast<SpawnStep>(layout.plan.step), layout.plan.error_number);
    }
    if (!spawned.pidfd) {
        spawned.pidfd = open_pidfd(pid);
        if (!spawned.pidfd) {
            const int open_error = errno;
            abandon(pid);
            return failed(SpawnStep::clone, open_error);
        }
    }
    spawned.pid = pid;
    return spawned;
}

}  // namespace

Spawner::Spawner() : identity_(own_identity()) {
    void* mapping = mmap(nullptr, guard_bytes + stack_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (mapping == MAP_FAILED) {
        return;
    }
    if (mprotect(mapping, guard_bytes, PROT_NONE) != 0) {
        munmap(mapping, guard_bytes + stack_bytes);
        return;
    }
    stack_ = mapping;
}

Spawner::~Spawner() {
    if (stack_ != nullptr) {
        munmap(stack_, guard_bytes + stack_bytes);
    }
}

Spawned Spawner::spawn(const core::LaunchSpec& launch, const SpawnContext& context) {
    if (!context.features.pidfd) {
        return failed(SpawnStep::unsupported, ENOSYS);
    }
    if (stack_ == nullptr) {
        return failed(SpawnStep::prepare, ENOMEM);
    }
    if (context.credentials == nullptr && !launch.credentials.empty()) {
        return failed(SpawnStep::prepare, EINVAL);  // nobody becomes more than was asked for because somebody forgot to ask
    }
    Layout layout;
    const Identity& identity = context.credentials == nullptr ? identity_ : context.credentials->identity;
    if (!is_sound(launch) || !build_environment(identity, launch.environment, context.addresses, layout.environment)) {
        return failed(SpawnStep::prepare, EINVAL);
    }
    layout.plan.pid_text = watchdog_pid_place(layout.environment);
    layout.candidates = program_candidates(launch.exec.front(), layout.environment);
    if (layout.candidates.empty()) {
        const bool is_relative = launch.exec.front().find('/') != std::string::npos;
        return is_relative ? failed(SpawnStep::prepare, EINVAL) : failed(SpawnStep::exec, ENOENT);
    }
    if (!plan_share(launch, layout)) {
        return failed(SpawnStep::limits, EINVAL);
    }
    plan_child(launch, context, layout);
    Descriptor reading;
    Descriptor writing;
    if (context.credentials != nullptr) {
        if (context.wants_report && !open_report(reading, writing)) {
            return failed(SpawnStep::prepare, errno);
        }
        layout.plan.report = writing.get();
        plan_helper(*context.credentials, context, layout);
    }
    Spawned spawned = clone_child(static_cast<char*>(stack_) + guard_bytes + stack_bytes, layout, context);
    if (spawned.pid != 0) {
        spawned.report = std::move(reading);
    }
    return spawned;
}

HelperAnswer read_report(int report) {
    ExecReport said;
    const ssize_t bytes = read(report, &said, sizeof said);
    if (bytes < 0 && (errno == EAGAIN || errno == EINTR)) {
        return {};
    }
    HelperAnswer answer;
    answer.is_known = true;
    if (bytes == sizeof said) {
        answer.step = static_cast<SpawnStep>(said.step);
        answer.error_number = said.error_number;
    }
    return answer;
}

std::string find_exec_helper() {
    std::array<char, 4096> buffer{};
    const ssize_t bytes = readlink("/proc/self/exe", buffer.data(), buffer.size());
    const std::string program{buffer.data(), bytes > 0 ? static_cast<std::size_t>(bytes) : 0};
    const std::size_t slash = program.rfind('/');
    if (slash == std::string::npos) {
        return {};
    }
    // Both are places where only whoever put the daemon there could put another helper.
    const std::string folder = program.substr(0, slash + 1);
    const std::string beside = folder + "backplane-exec";
    return access(beside.c_str(), X_OK) == 0 ? beside : folder + BP_EXEC_HELPER_FROM_BIN;
}

int ensure_standard_descriptors() {
    for (;;) {
        // The lowest free number is what open answers, so the first one beyond the three says that they are all open.
        const int fd = open("/dev/null", O_RDWR | O_NOCTTY | O_CLOEXEC);
        if (fd < 0) {
            return errno;
        }
        if (fd > STDERR_FILENO) {
            close(fd);
            return 0;
        }
        fcntl(fd, F_SETFD, 0);
    }
}

}  // namespace backplane::process
