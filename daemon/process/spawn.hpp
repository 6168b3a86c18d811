// SPDX-License-Identifier: Apache-2.0
/// Starting one program: everything is laid out in the parent, then a child that shares our memory executes it (decision 17).
///
/// glibc's clone(CLONE_VM | CLONE_VFORK | CLONE_PIDFD) costs the same whatever the daemon's size, and lets the child report
/// its failure by writing step and errno where the parent can read them. Such a child never changes uid (decision 18).
#pragma once

#include "daemon/core/event.hpp"
#include "daemon/core/spec.hpp"
#include "daemon/process/credentials.hpp"
#include "daemon/process/descriptor.hpp"
#include "daemon/process/environment.hpp"
#include "daemon/process/features.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

namespace backplane::process {

/// Where the exec helper is: beside the running program, or where it is installed in relation to it. Empty where neither can be told.
[[nodiscard]] std::string find_exec_helper();

/// What a spawn needs beside the LaunchSpec.
struct SpawnContext {
    WorkerAddresses addresses;           ///< what the environment says of the daemon
    int worker_socket = -1;              ///< borrowed; becomes descriptor 3; -1: none
    std::array<int, 2> outputs{-1, -1};  ///< borrowed; become stdout and stderr; -1: as the LaunchSpec says
    bool die_with_parent = true;         ///< SIGKILL when the spawning thread ends
    std::uint64_t open_files_soft = 0;   ///< soft RLIMIT_NOFILE; 0: as ours
    KernelFeatures features = kernel_features();
    /// What the LaunchSpec's credentials mean, of `Spawner::resolve`. Borrowed; null where it has none.
    const Credentials* credentials = nullptr;
    int cgroup = -1;           ///< borrowed: directory of the cgroup that it runs in; -1: ours
    std::string helper;        ///< the exec helper's path, for a LaunchSpec with credentials
    bool wants_report = true;  ///< the helper's answer is of interest; else its failure is exit code 127
    /// Where the kernel itself stores the child's pid before the child runs, so that whoever looks there after our death finds it;
    /// null: nowhere.
    std::int32_t* pid_place = nullptr;
};

/// A started process, or where and why it failed.
struct Spawned {
    std::int32_t pid = 0;  ///< 0: it failed, and nothing is left of it
    Descriptor pidfd;
    /// Where the exec helper answers, or closes its end because the program was executed; none: it has been executed. See read_report.
    Descriptor report;
    core::SpawnStep step = core::SpawnStep::prepare;
    int error_number = 0;
};

/// Owns the stack that the children run on until they execute. One thread uses a Spawner at a time.
class Spawner {
  public:
    Spawner();
    Spawner(const Spawner&) = delete;
    Spawner& operator=(const Spawner&) = delete;
    ~Spawner();

    /// Returns when the child has executed its program, or has failed and is reaped.
    [[nodiscard]] Credentials resolve(const core::CredentialSpec& spec) const { return resolve_credentials(spec, identity_); }
    [[nodiscard]] Spawned spawn(const core::LaunchSpec& launch, const SpawnContext& context);

  private:
    Identity identity_;
    void* stack_ = nullptr;  ///< the mapping, its lowest page a guard; null where it could not be had
};

/// What became of a program behind the exec helper. Never blocks.
struct HelperAnswer {
    bool is_known = false;
    core::SpawnStep step = core::SpawnStep::helper;  ///< where it failed
    int error_number = 0;                            ///< 0: the program was executed
};
[[nodiscard]] HelperAnswer read_report(int report);

/// Opens /dev/null on each of the descriptors 0 to 2 that is closed, lest a socket of the daemon should land there and
/// be handed to workers as their output. Call first thing in main. Answers 0 or errno.
[[nodiscard]] int ensure_standard_descriptors();

}  // namespace backplane::process
