// SPDX-License-Identifier: Apache-2.0
/// The ported cases over a LocalBus.
#include "tests/ported/world.hpp"

#include <backplane/testing/local_bus.hpp>

#include <memory>

namespace backplane::ported {

namespace {

class LocalWorld final : public World {
  public:
    Client connect() override { return bus_.connect(); }

  private:
    backplane::testing::LocalBus bus_;
};

}  // namespace

std::unique_ptr<World> make_world() { return std::make_unique<LocalWorld>(); }

}  // namespace backplane::ported
