// SPDX-License-Identifier: Apache-2.0
/// Children as text in the configuration's form, for the hub.
#pragma once

#include "daemon/session/child_form.hpp"

#include <cstdint>

namespace backplane::shell {

class ConfiguredForm final : public session::ChildForm {
  public:
    /// `cpus`: what `"partitions": "cpus"` stands for, at least 1.
    explicit ConfiguredForm(std::uint32_t cpus) : cpus_(cpus) {}

    [[nodiscard]] Expected<core::ChildSpec> read(std::string_view text, const core::SupervisorSpec& among) const override;
    [[nodiscard]] std::string write(const core::ChildSpec& child) const override;

  private:
    std::uint32_t cpus_;
};

}  // namespace backplane::shell
