// SPDX-License-Identifier: Apache-2.0
/// The daemon as one call: makes all parts, runs them, and leaves nothing behind.
#pragma once

#include "config/settings.hpp"
#include "daemon/process/descriptor.hpp"
#include "daemon/shell/handoff.hpp"
#include "daemon/shell/inherited.hpp"
#include "daemon/shell/keeper_link.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace backplane::shell {

/// Does what must be done before anything else in the process: whatever was inherited is taken or closed off, so that no
/// socket of the daemon's lands where a worker's output goes. Answers what a service manager gave.
[[nodiscard]] Inherited prepare_process();

/// How a daemon ended.
struct DaemonEnd {
    int exit_code = 0;
    /// The keeper died before it: workers, journal and sessions wait for the next daemon.
    bool keeper_gone = false;
    process::Descriptor lent_socket{};  ///< then also the service manager's, where it listened on that
};

/// How a daemon is called.
struct DaemonCall {
    std::string socket{};                  ///< the command line's, which wins over the settings'; may be empty
    std::unique_ptr<KeeperLink> keeper{};  ///< the parent that outlives it; without one workers die with the daemon (PDEATHSIG)
    std::optional<Handoff> handoff{};      ///< of the program that this one replaces in place
    std::vector<std::string> words{};      ///< the command line, for a program after this one
    std::string configuration{};           ///< its text, likewise
    std::string config_path{};             ///< where it was read, and is read again when it is to be
    std::uint32_t cpus = 1;
};

/// Runs until it is told to stop. Where a daemon before this one crashed, or was another program in this process, its state is taken
/// up, and the settings' tree is not looked at. The exit code is 0 after an ordinary stop, 1 where it could not begin; then nothing
/// was started.
[[nodiscard]] DaemonEnd run_daemon(const config::Settings& settings, DaemonCall call);

}  // namespace backplane::shell
