// SPDX-License-Identifier: Apache-2.0
/// One child as text by itself, in the form of an element of `children`: how it is given to a running daemon, and shown by it.
#pragma once

#include "daemon/core/spec.hpp"

#include <backplane/expected.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace backplane::config {

/// Reads one JSON object by the same table as whole files. `among`: the supervisor that the child is for, which decides about
/// defaults of its own limit, whether it may be significant (S-3), and by being dynamic that it needs no name; its
/// children are not looked at. `cpus` as with `read_settings`. One child is wanted: a name such as `web@1..8` is refused.
///
/// Links and requirements that lead beyond the child's own subtree are checked for their form only. What loads with a warning
/// is taken. The failure is `bad_spec`; its detail is the first problem as `LINE:COLUMN: key "KEY": TEXT [NAME]`, and where
/// there are more ` (and N more)` behind it. Takes any bytes.
[[nodiscard]] Expected<core::ChildSpec> read_child_text(std::string_view text, const core::SupervisorSpec& among, std::uint32_t cpus);

/// The way back: one line of ASCII that `read_child_text` reads as the same child, for every child that was read there or with
/// a whole file. It has what is not as by default, in the order of the table; both figures of an own limit wherever there is
/// one, and partitions as the template that makes them, or as plain children where none does. A text that is no UTF-8, which
/// none that was read is, has its bad bytes replaced.
[[nodiscard]] std::string child_text(const core::ChildSpec& child);

}  // namespace backplane::config
