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

enum class Strategy : std::uint8_t { one_for_one };
enum class RestartType : std::uint8_t { permanent, transient, temporary };
enum class ShutdownKind : std::uint8_t { timed, infinity, brutal_kill };
enum class Readiness : std::uint8_t { exec, notify };
enum class OnGiveUp : std::uint8_t { shutdown, crash };

/// Rule X-1. `enabled = false` is `"none"`: pure OTP.
struct BackoffSpec {
    bool enabled = true;
    Duration initial = Duration::milliseconds(100);
    double factor = 2.0;
    Duration max = Duration::seconds(30);
    double jitter = 0.2;
    Duration reset_after = Duration::seconds(10);
};

/// Where a worker's stdout or stderr goes.
enum class OutputKind : std::uint8_t { inherit, null, file };
struct OutputSpec {
    OutputKind kind = OutputKind::inherit;
    std::string path;  ///< kind file: absolute, opened for appending, created with mode 0640
};

/// What the process host needs to start one program. The core keeps it and never looks inside.
struct LaunchSpec {
    std::vector<std::string> exec;  ///< program and arguments; exec[0] absolute or a bare name looked up in the worker's PATH
    std::vector<std::pair<std::string, std::string>> environment;  ///< on top of the clean slate (PATH, HOME, LANG, USER ...)
    std::string working_directory;                                 ///< empty: "/"
    OutputSpec stdout_to;
    OutputSpec stderr_to;
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
    bool managed = false;
    BackoffSpec backoff;
    std::vector<StandingLink> links;
    LaunchSpec launch;                       ///< processes
    std::vector<SupervisorSpec> supervisor;  ///< supervisors: exactly one
};

struct SupervisorSpec {
    Strategy strategy = Strategy::one_for_one;
    std::uint32_t intensity = 5;
    Duration period = Duration::seconds(5);
    OnGiveUp on_give_up = OnGiveUp::shutdown;
    std::vector<ChildSpec> children;
};

/// The first byte of what is encoded here; another one is refused.
inline constexpr std::uint8_t spec_form_version = 1;

[[nodiscard]] std::string encode_spec(const SupervisorSpec& tree);
/// Reads hostile bytes: any error is `corrupt_image` naming the field; nesting is bounded at 64.
[[nodiscard]] Expected<SupervisorSpec> decode_spec(std::string_view bytes);

[[nodiscard]] std::string encode_launch(const LaunchSpec& launch);
[[nodiscard]] Expected<LaunchSpec> decode_launch(std::string_view bytes);

[[nodiscard]] std::string_view strategy_name(Strategy strategy);
[[nodiscard]] std::string_view restart_type_name(RestartType type);

}  // namespace backplane::core
