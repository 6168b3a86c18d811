// SPDX-License-Identifier: Apache-2.0
/// What the daemon tells its service manager, by the protocol of sd_notify(3), in our own few lines.
///
/// READY=1 is said when the daemon listens and has taken its configuration, not when the tree is up: a worker that is slow
/// to start must not keep the machine down at boot. How far the tree is stands in STATUS.
#pragma once

#include "daemon/process/descriptor.hpp"

#include <string>
#include <string_view>

namespace backplane::shell {

/// The text of a STATUS line: control characters, which would begin another line, become spaces.
[[nodiscard]] std::string status_line(std::string_view status);

class KeeperLink;

class Notify {
  public:
    /// Takes `$NOTIFY_SOCKET`: an absolute path, or an abstract name with `@` for its first byte. Unset: nothing is ever sent.
    Notify();
    /// The same for a given address; tests.
    explicit Notify(std::string address);

    /// The keeper is the service's main process, the only one that the manager listens to: it passes on what we say.
    void relay_by(KeeperLink* keeper) { keeper_ = keeper; }

    [[nodiscard]] bool is_wanted() const { return static_cast<bool>(socket_); }
    void ready(std::string_view status);
    /// Sends where the text differs from the last one.
    void status(std::string_view status);
    void stopping();

  private:
    void send(const std::string& text);

    std::string address_;
    process::Descriptor socket_;
    KeeperLink* keeper_ = nullptr;
    std::string last_;
};

}  // namespace backplane::shell
