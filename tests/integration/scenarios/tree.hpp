// SPDX-License-Identifier: Apache-2.0
/// Tree: the lines `sup`, `child`, `template` and `raw` of a scenario as a configuration of the daemon.
///
/// What a line does not say is such that a scenario depends on no clock: readiness `notify`, backoff `none`, and an hour for a start, a
/// stop and a period. A key that is not known here is handed on, for the daemon to judge.
#pragma once

#include "tests/integration/scenarios/scenario.hpp"

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace backplane::integration::scenarios {

/// A child as the configuration has it, of the words `child PATH [KEY VALUE]... [does BEHAVIOUR [then BEHAVIOUR]...]`.
[[nodiscard]] nlohmann::json child_of(const Words& words, const std::string& folder);

/// What a dynamic supervisor's child PATH is started with: the worker's words behind those of the template.
[[nodiscard]] std::vector<std::string> dynamic_arguments(const Words& words);

/// The whole configuration.
[[nodiscard]] nlohmann::json configuration_of(const std::vector<Line>& tree, const std::string& folder);

[[nodiscard]] bool is_dynamic(const std::vector<Line>& tree, const std::string& supervisor);

/// `s/x` → `s`, `x` → `/`; and what stands behind it.
[[nodiscard]] std::string parent_of(const std::string& path);
[[nodiscard]] std::string name_of(const std::string& path);

}  // namespace backplane::integration::scenarios
