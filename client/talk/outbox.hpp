// SPDX-License-Identifier: Apache-2.0
/// Outbox: the bytes on their way to the daemon, the count of operations among them, and what is kept for a resume.
///
/// Counted frames are numbered from 1 as PROTOCOL.md section 5.1 says. Each is kept until the daemon acknowledges it,
/// so that a resumed session can send again exactly what the daemon has not carried out. Between a lost stream and the
/// welcome on the next one the outbox is held: counted frames are numbered and kept, and none goes out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

namespace backplane::talk {

class Outbox {
  public:
    /// Appends one counted frame, which `write` encodes onto the string that it is given; answers its number.
    template <class Write>
    std::uint64_t add_counted(Write&& write) {
        const std::size_t at = kept_.size();
        write(kept_);
        kept_sizes_.push_back(static_cast<std::uint32_t>(kept_.size() - at));
        if (!held_) {
            bytes_.append(kept_, at);
        }
        return ++operations_;
    }

    /// Appends frames that do not count, also while the outbox is held: what may be said then, its owner knows.
    template <class Write>
    void add(Write&& write) {
        write(bytes_);
    }

    /// What is still to be written; valid until the next call that is not const.
    [[nodiscard]] std::string_view unsent() const { return std::string_view{bytes_}.substr(sent_); }
    /// The first `count` bytes of `unsent` are written.
    void sent(std::size_t count);

    /// The daemon has carried out all operations up to `count`. False if so many were never sent, or if it said more before.
    [[nodiscard]] bool acknowledge(std::uint64_t count);

    /// The stream is lost, and with it whatever was on its way. Held until `release`.
    void hold();
    /// Whether the daemon can have carried out exactly `received` operations: not fewer than it acknowledged, not more than there are.
    [[nodiscard]] bool can_have(std::uint64_t received) const { return received >= acknowledged_ && received <= operations_; }
    /// The session goes on: puts out again what is kept behind operation `received`, of which `can_have` must hold. What it had
    /// carried out stays kept until it says so in an acknowledgement.
    void release(std::uint64_t received);

    [[nodiscard]] std::uint64_t operations() const { return operations_; }
    [[nodiscard]] std::uint64_t acknowledged() const { return acknowledged_; }
    /// The frames behind the acknowledged ones, as a resume would send them again.
    [[nodiscard]] std::string_view kept() const { return std::string_view{kept_}.substr(kept_begin_); }

  private:
    std::string bytes_;
    std::size_t sent_ = 0;
    std::string kept_;
    std::size_t kept_begin_ = 0;
    std::deque<std::uint32_t> kept_sizes_;
    std::uint64_t operations_ = 0;
    std::uint64_t acknowledged_ = 0;
    bool held_ = false;
};

}  // namespace backplane::talk
