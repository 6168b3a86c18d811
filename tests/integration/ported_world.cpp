// SPDX-License-Identifier: Apache-2.0
/// The ported cases over a real daemon.
#include "tests/integration/daemon.hpp"
#include "tests/ported/world.hpp"

#include <memory>

namespace backplane::ported {

namespace {

class RealWorld final : public World {
  public:
    Client connect() override { return daemon_.connect(); }

  private:
    integration::Daemon daemon_;
};

}  // namespace

std::unique_ptr<World> make_world() { return std::make_unique<RealWorld>(); }

}  // namespace backplane::ported
