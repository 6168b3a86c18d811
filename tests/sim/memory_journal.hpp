// SPDX-License-Identifier: Apache-2.0
/// The journal of a simulated daemon: the bytes of the real one's file, in memory. Beside it a shadow is led through what was
/// written, from the file's own records: after every event it must be the state that wrote them, byte for byte.
#pragma once

#include "daemon/journal/reader.hpp"
#include "daemon/session/hub.hpp"
#include "tests/sim/chance.hpp"

#include <cstdint>
#include <memory>
#include <string>

namespace backplane::sim {

class MemoryJournal final : public session::Recorder {
  public:
    struct Options {
        std::uint64_t seed = 1;
        bool compacts = true;  ///< at random points
        bool shadowed = true;  ///< compare after every event
    };
    /// Borrows the daemon whose events it takes.
    MemoryJournal(const core::Engine& engine, const session::Hub& hub, const Options& options);
    ~MemoryJournal() override;

    [[nodiscard]] bool record(Instant now, const core::Event& event) override;
    [[nodiscard]] std::uint64_t bytes() const override { return used_; }
    /// Events taken down, those before a compaction included.
    [[nodiscard]] std::uint64_t count() const { return count_; }

    /// The daemon dies after so many more events: none after them is taken down.
    void die_after(std::uint64_t events) { life_ = events; }
    void live_on() {
        life_ = immortal;
        asked_after_ = false;
    }
    [[nodiscard]] bool is_armed() const { return life_ != immortal; }
    [[nodiscard]] bool is_dead() const { return life_ == 0; }
    /// Whether it died in the midst of what it was doing, and so before anything of that was written to a socket.
    [[nodiscard]] bool died_within() const { return asked_after_; }

    /// What the next daemon does: image, then every record. Both must be fresh. Empty, or what is wrong.
    [[nodiscard]] std::string replay(core::Engine& engine, session::Hub& hub) const;
    /// Once more the shadow, and a replay from the beginning of the file.
    void compare_at_end();
    /// For who wants to look: a file that a daemon of this boot could take up.
    [[nodiscard]] bool write_file(const std::string& path) const;
    [[nodiscard]] const std::string& wrong() const { return wrong_; }

  private:
    struct Shadow;
    static constexpr std::uint64_t immortal = UINT64_MAX;
    void begin(std::string_view image);
    void append(Instant at, const core::Event& event);
    void fail(const std::string& what);
    void compare();

    const core::Engine& engine_;
    const session::Hub& hub_;
    Options options_;
    Chance chance_;
    std::string file_;  ///< zeros behind `used_`, like the real one's
    std::size_t used_ = 0;
    std::uint64_t nonce_ = 0;
    std::uint64_t count_ = 0, life_ = immortal;
    bool asked_after_ = false;
    std::unique_ptr<Shadow> shadow_;
    std::string wrong_;
};

}  // namespace backplane::sim
