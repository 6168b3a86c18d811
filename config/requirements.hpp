// SPDX-License-Identifier: Apache-2.0
/// Whether everything can start at all: who waits for whom, by `requires` and by the order that is implied (S-5, X-6).
///
/// Each child begins to start and is started; both wait. A child begins when the one before it in a list is started, when
/// its supervisor has begun, and when all that it requires are started. A supervisor is started when its children are. A
/// cycle in this waits for ever. Memory and time are linear in children and requirements (S-65), and nothing recurses.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace backplane::config {

class StartGraph {
  public:
    static constexpr std::uint32_t none = ~std::uint32_t{0};

    enum class Why : std::uint8_t {
        itself,    ///< is started when it has begun
        above,     ///< begins when its supervisor has begun
        below,     ///< is started when its child is
        before,    ///< begins when the sibling before it is started
        required,  ///< begins when what it requires is started
    };
    /// One step of a cycle: `child` waits for `other`.
    struct Step {
        std::uint32_t child = 0;
        std::uint32_t other = 0;
        Why why{};
        std::uint32_t requirement = 0;  ///< which of the child's requirements; `required` only
    };

    /// Adds the next child, whose number is the count of those before. `before`: the sibling that it waits for. `on_request`:
    /// its supervisor is started without it, as a dynamic one is without what its template makes.
    void add(std::uint32_t supervisor, std::uint32_t before, bool on_request);
    void require(std::uint32_t child, std::uint32_t other, std::uint32_t requirement);

    /// The first cycle that is found, beginning with a requirement, each step's `other` being the next one's `child`; steps
    /// within one child are left out. Nothing where there is none.
    [[nodiscard]] std::optional<std::vector<Step>> find_cycle() const;

  private:
    /// Both states of child n are nodes: it begins as 2n, and is started as 2n + 1.
    struct Wait {
        std::uint32_t from = 0;
        std::uint32_t to = 0;
        Why why{};
        std::uint32_t requirement = 0;
    };
    class Search;

    std::vector<Wait> waits_;
    std::uint32_t children_ = 0;
};

}  // namespace backplane::config
