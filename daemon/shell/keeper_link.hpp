// SPDX-License-Identifier: Apache-2.0
/// The daemon's end of its keeper's socket: what the keeper holds and tells, and what it is told.
///
/// Nothing here waits but `open`, for what a new daemon is told first. What finds the socket full is said later, in order.
#pragma once

#include "daemon/keeper/message.hpp"
#include "daemon/process/descriptor.hpp"
#include "daemon/process/host.hpp"

#include <backplane/expected.hpp>

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace backplane::shell {

class KeeperLink final : public process::Parent {
  public:
    /// Takes the socket over, and all that is held. `unreachable` where the keeper says nothing sensible in time.
    [[nodiscard]] static Expected<std::unique_ptr<KeeperLink>> open(process::Descriptor control);

    /// The socket of the program before this one, which had taken the welcome.
    [[nodiscard]] static std::unique_ptr<KeeperLink> take_over(process::Descriptor control, std::int32_t pid, std::uint64_t restarts,
                                                               std::uint64_t stops);

    /// Readable when the keeper has something to say, or is gone.
    [[nodiscard]] int fd() const { return control_.get(); }
    /// Whether something waits for room: then the socket's writability is of interest.
    [[nodiscard]] bool has_unsent() const { return !unsent_.empty(); }

    [[nodiscard]] std::int32_t pid() const override { return pid_; }
    /// Daemons that ended before this one.
    [[nodiscard]] std::uint64_t restarts() const { return restarts_; }
    /// Stop requests so far.
    [[nodiscard]] std::uint64_t stops() const { return stops_; }
    /// What was held under this key since before us; empty where nothing was, or it was taken.
    [[nodiscard]] process::Descriptor take_held(std::uint64_t key);
    /// The keys from `first` on under which something is held since before us that nobody took.
    [[nodiscard]] std::vector<std::uint64_t> held_from(std::uint64_t first) const;
    /// Lets the keeper drop what it has held since before us under keys from `first` on and nobody took.
    void drop_untaken(std::uint64_t first);

    /// Sends what waits, and receives what is there, in order; stop requests only raise `stops`. `is_gone` says whether it was all.
    [[nodiscard]] std::vector<keeper::Message> receive();
    [[nodiscard]] bool is_gone() const { return is_gone_; }

    /// Keep this; the descriptor stays ours.
    void hold(std::uint64_t key, int descriptor);
    void drop(std::uint64_t key) { say({keeper::Kind::drop, 0, 0, 0, key}); }
    void serving() { say({keeper::Kind::serving}); }
    void done() { say({keeper::Kind::done}); }
    void alive(std::uint64_t probe) { say({keeper::Kind::alive, 0, 0, 0, probe}); }
    void notify(std::string_view text);
    void take_away(std::int32_t pid) override { say({keeper::Kind::reaped, pid}); }

  private:
    struct Unsent {
        keeper::Message message;
        process::Descriptor descriptor;
        std::string text;
    };
    explicit KeeperLink(process::Descriptor control) : control_(std::move(control)) {}
    [[nodiscard]] bool take_first(const keeper::Incoming& incoming, bool& is_all);
    void say(const keeper::Message& message, int descriptor = -1, std::string_view text = {});
    void send_waiting();

    process::Descriptor control_;
    std::map<std::uint64_t, process::Descriptor> held_;
    std::deque<Unsent> unsent_;
    std::int32_t pid_ = 0;
    std::uint64_t restarts_ = 0;
    std::uint64_t stops_ = 0;
    bool is_gone_ = false;
};

}  // namespace backplane::shell
