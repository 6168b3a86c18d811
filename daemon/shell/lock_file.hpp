// SPDX-License-Identifier: Apache-2.0
/// One daemon for each socket path: a lock beside it, `PATH.lock`, which holds the pid of its holder for people to read.
#pragma once

#include "daemon/process/descriptor.hpp"

#include <backplane/expected.hpp>

#include <cstdint>
#include <string>
#include <utility>

namespace backplane::shell {

/// Held as long as the object lives; the kernel lets go of it when the process dies. Move-only.
class LockFile {
  public:
    LockFile() = default;
    LockFile(LockFile&&) noexcept = default;
    LockFile& operator=(LockFile&&) noexcept = delete;
    ~LockFile() { release(); }

    /// `holder`: the pid that is written into it, for people.
    /// `already_running` naming the holder where another process has it; `system` where the file cannot be had, or where what
    /// lies there is not a file of ours: it is then neither followed nor touched.
    [[nodiscard]] static Expected<LockFile> take(const std::string& path, std::int32_t holder);
    /// A lock that is held already, by a descriptor that the keeper kept: it is the same one, whoever holds it.
    [[nodiscard]] static LockFile take_over(const std::string& path, process::Descriptor fd) { return LockFile{path, std::move(fd)}; }
    /// Removes the file and lets go.
    void release();
    /// The file stays, and the lock with whoever else has the descriptor.
    void let_go() { fd_.reset(); }
    [[nodiscard]] int fd() const { return fd_.get(); }

  private:
    LockFile(std::string path, process::Descriptor fd) : path_(std::move(path)), fd_(std::move(fd)) {}
    std::string path_;
    process::Descriptor fd_;
};

}  // namespace backplane::shell
