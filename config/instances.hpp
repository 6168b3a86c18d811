// SPDX-License-Identifier: Apache-2.0
/// One child written, many meant: `worker@1..8` and `partitions` (S-64). The core gets plain children.
#pragma once

#include "config/document.hpp"
#include "config/reader.hpp"

#include "daemon/core/spec.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace backplane::config {

/// Neither instances of one name nor partitions of one supervisor are more.
inline constexpr std::uint32_t instances_max = 10'000;

/// What `worker@1..8` says: `worker@`, 1 and 8.
struct Instances {
    std::string_view stem;  ///< with the `@`; a part of the text it was read from
    std::uint32_t first = 0;
    std::uint32_t count = 1;
};

/// Nothing where the name is no such pattern, or one that runs backwards or too far.
[[nodiscard]] std::optional<Instances> parse_instances(std::string_view name);

/// How many children an element of `children` stands for. Instances of a copy that was refused count as well.
[[nodiscard]] std::uint32_t copies_of(const Node& element);

/// Appends the child, or the instances that its name means, to the supervisor's children. A refusal is reported.
void append_instances(Reader& reader, const Node& element, core::ChildSpec child, core::SupervisorSpec& supervisor);

/// Makes `supervisor.partitions` children out of its template, which goes. A refusal is reported.
void make_partitions(Reader& reader, const Node& element, core::SupervisorSpec& supervisor);

/// The way back from children to the template that makes them; nothing where the supervisor has no partitions, or children
/// that no template makes.
[[nodiscard]] std::optional<core::SupervisorSpec> fold_partitions(const core::SupervisorSpec& supervisor);

}  // namespace backplane::config
