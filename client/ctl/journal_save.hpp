// SPDX-License-Identifier: Apache-2.0
/// `journal save`: a consistent copy of a living daemon's journal.
///
/// To this tool the journal is bytes. It is appended to and nothing else, and what the daemon says it has written is whole: so many
/// bytes of it from the front are a journal of that moment. Only a compaction is in the way: it puts another file in the old one's
/// place. Therefore the file is opened before the daemon is asked and must still be the one at its path afterwards; then the answer
/// was about this file, whatever becomes of the path later.
#pragma once

#include "client/render/render.hpp"

#include <backplane/expected.hpp>
#include <backplane/values.hpp>

#include <functional>
#include <string>

namespace backplane::ctl {

/// `ask`: what the daemon says of itself now. `file` is made with mode 0600; one that is there is an error, or with `force` replaced,
/// at once and only by a whole copy. A journal that cannot be read is `not_permitted` or `system`.
[[nodiscard]] Expected<render::Saved> save_journal(const std::function<Expected<DaemonInfo>()>& ask, const std::string& file, bool force);

}  // namespace backplane::ctl
