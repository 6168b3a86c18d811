// SPDX-License-Identifier: Apache-2.0
/// Diagnoses as text and JSON: describe, why, impact. As render.hpp.
#pragma once

#include <backplane/diagnosis.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace backplane::render {

/// What `describe` has put together.
struct Details {
    Description about;
    std::optional<std::string> spec;         ///< as configuration, one JSON object
    std::optional<std::string> containment;  ///< of its processes
    std::optional<std::string> cgroup;       ///< where its process is, as the kernel tells
};

[[nodiscard]] std::string details_text(const Details& details);
[[nodiscard]] std::string details_json(const Details& details);
[[nodiscard]] std::string why_it_is_text(const Why& why);
[[nodiscard]] std::string why_it_is_json(const Why& why);
[[nodiscard]] std::string impact_text(const Impact& impact);
[[nodiscard]] std::string impact_json(const Impact& impact);

/// `350 ms`, `1.5 s`, `12 s`, `3 min 5 s`, `2 h 10 min`, `4 d 3 h`.
[[nodiscard]] std::string span_text(std::int64_t milliseconds);

}  // namespace backplane::render
