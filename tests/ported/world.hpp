// SPDX-License-Identifier: Apache-2.0
/// World: where the ported cases take place. Each program that compiles them says which it is: a LocalBus, or a real daemon.
#pragma once

#include <backplane/client.hpp>

#include <memory>

namespace backplane::ported {

/// Far beyond what anything here takes.
inline constexpr Duration plenty = Duration::seconds(60);

class World {
  public:
    World() = default;
    World(const World&) = delete;
    World& operator=(const World&) = delete;
    virtual ~World() = default;

    /// A Client as of a process of its own; the test fails if there is none.
    [[nodiscard]] virtual Client connect() = 0;
};

/// A fresh one.
[[nodiscard]] std::unique_ptr<World> make_world();

}  // namespace backplane::ported
