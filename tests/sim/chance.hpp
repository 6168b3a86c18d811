// SPDX-License-Identifier: Apache-2.0
/// The simulator's one source of choices: a seed gives the same history on every machine and in every build.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>

namespace backplane::sim {

class Chance {
  public:
    /// Neighbouring seeds give unrelated histories: the state is mixed once before it is used.
    explicit Chance(std::uint64_t seed) : state_(seed) { state_ = next() ^ (seed << 32); }

    std::uint64_t next() {  // splitmix64
        std::uint64_t z = (state_ += 0x9e3779b97f4a7c15ULL);
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
        return z ^ (z >> 31);
    }
    /// 0 to `bound` - 1; `bound` is at least 1.
    std::uint64_t below(std::uint64_t bound) { return next() % bound; }
    /// `from` to `to`, both included.
    std::int64_t between(std::int64_t from, std::int64_t to) {
        return from + static_cast<std::int64_t>(below(static_cast<std::uint64_t>(to - from + 1)));
    }
    bool one_in(std::uint64_t n) { return below(n) == 0; }
    bool percent(std::uint64_t p) { return below(100) < p; }
    /// One element of a container that is not empty.
    template <class Container>
    auto& of(Container& items) {
        return items[static_cast<std::size_t>(below(std::size(items)))];
    }

  private:
    std::uint64_t state_;
};

}  // namespace backplane::sim
