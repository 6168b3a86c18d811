// SPDX-License-Identifier: Apache-2.0
/// The listening socket: made under a lock, never in the place of something that is not ours, removed at the end.
#pragma once

#include "daemon/process/descriptor.hpp"
#include "daemon/shell/lock_file.hpp"

#include <backplane/expected.hpp>

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>

namespace backplane::shell {

enum class AcceptOutcome : std::uint8_t {
    taken,      ///< `socket` is a new connection
    none,       ///< nobody waits
    exhausted,  ///< no descriptor or memory for it: whoever waited first was turned away; stop accepting for a while
};

struct Accepted {
    AcceptOutcome outcome = AcceptOutcome::none;
    process::Descriptor socket;
};

/// Whose the socket is that lies at the path.
enum class Owner : std::uint8_t {
    daemon,   ///< made by one of ours, and removed at the end
    manager,  ///< lent by the service manager, which listened before us and does so after us: never removed
};

class Listener {
  public:
    /// Makes the folder where it is missing (0755 for root, else 0700), takes the lock, and listens at `path` with mode 0600.
    /// `holder`: the pid that the lock names. A socket of ours that a dead daemon left gives way. `system` names anything else that
    /// lies there and leaves it alone.
    [[nodiscard]] static Expected<std::unique_ptr<Listener>> open(const std::string& path, std::int32_t holder);
    /// Takes the lock, as `open` does, and uses a socket of the service manager's as it is. `system` where that does not listen at `path`.
    [[nodiscard]] static Expected<std::unique_ptr<Listener>> borrow(const std::string& path, process::Descriptor socket,
                                                                    std::int32_t holder);
    /// A socket that listens already and the lock that goes with it, as the keeper held them while there was no daemon. `system` where
    /// the socket is not what lies at `path`.
    [[nodiscard]] static Expected<std::unique_ptr<Listener>> take_over(const std::string& path, process::Descriptor socket,
                                                                       process::Descriptor lock, Owner owner);
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;
    /// Removes the socket, where it is ours and still there, then the lock.
    ~Listener();

    [[nodiscard]] const std::string& path() const { return path_; }
    /// Readable when somebody waits.
    [[nodiscard]] int fd() const { return fd_.get(); }
    [[nodiscard]] int lock_fd() const { return lock_.fd(); }
    [[nodiscard]] bool is_lent() const { return owner_ == Owner::manager; }
    /// Another descriptor of a socket that is lent; none where it is ours.
    [[nodiscard]] process::Descriptor copy_of_lent() const;
    /// The socket and the lock stay as they are, for whoever comes after this process.
    void let_go();
    /// Takes one waiting connection, closing on exec; never blocks.
    [[nodiscard]] Accepted accept();

  private:
    Listener(std::string path, LockFile lock) : path_(std::move(path)), lock_(std::move(lock)) {}
    [[nodiscard]] Expected<void> listen();
    [[nodiscard]] Expected<void> clear_place() const;
    [[nodiscard]] Expected<void> use(process::Descriptor socket);

    std::string path_;
    LockFile lock_;
    process::Descriptor fd_;
    process::Descriptor reserve_;  ///< given up for a moment to turn away whoever waits when there is no other
    dev_t device_ = 0;             ///< of the socket's inode, which alone we may remove
    ino_t inode_ = 0;
    Owner owner_ = Owner::daemon;
};

}  // namespace backplane::shell
