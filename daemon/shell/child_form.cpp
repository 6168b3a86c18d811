// SPDX-License-Identifier: Apache-2.0
/// Hands both ways on to the configuration's own.
#include "daemon/shell/child_form.hpp"

#include "config/child_text.hpp"

namespace backplane::shell {

Expected<core::ChildSpec> ConfiguredForm::read(std::string_view text, const core::SupervisorSpec& among) const {
    return config::read_child_text(text, among, cpus_);
}

std::string ConfiguredForm::write(const core::ChildSpec& child) const { return config::child_text(child); }

}  // namespace backplane::shell
