// SPDX-License-Identifier: Apache-2.0
/// The seam through which a hub reads and writes children as text. Their keys are the configuration's, which this room does not know.
#pragma once

#include "daemon/core/spec.hpp"

#include <backplane/expected.hpp>

#include <string>
#include <string_view>

namespace backplane::session {

class ChildForm {
  public:
    virtual ~ChildForm() = default;

    /// One child, in the form of an element of `children`. `among`: its supervisor's own part, of which it takes defaults; its `children`
    /// are not looked at. A dynamic supervisor's may be without a name. `bad_spec` with place and key of the first thing that is wrong.
    [[nodiscard]] virtual Expected<core::ChildSpec> read(std::string_view text, const core::SupervisorSpec& among) const = 0;
    /// The same child as text that `read` takes: one JSON object, with what differs from the defaults.
    [[nodiscard]] virtual std::string write(const core::ChildSpec& child) const = 0;
};

}  // namespace backplane::session
