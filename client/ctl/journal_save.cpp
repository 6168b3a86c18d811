// SPDX-License-Identifier: Apache-2.0
/// See journal_save.hpp.
#include "client/ctl/journal_save.hpp"

#include "client/ctl/output.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>
#include <vector>

namespace backplane::ctl {

namespace {

/// A daemon that compacts so often that none of these finds it at rest does not exist.
constexpr int attempts_max = 20;

Unexpected system_error(const std::string& what) {
    const ErrorCode code = errno == EACCES || errno == EPERM ? ErrorCode::not_permitted : ErrorCode::system;
    return unexpected(code, what + ": " + std::strerror(errno));
}

class OpenFile {
  public:
    explicit OpenFile(int descriptor = -1) : descriptor_(descriptor) {}
    OpenFile(OpenFile&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
    OpenFile& operator=(OpenFile&& other) noexcept {
        std::swap(descriptor_, other.descriptor_);
        return *this;
    }
    ~OpenFile() { static_cast<void>(close()); }

    [[nodiscard]] int get() const { return descriptor_; }
    explicit operator bool() const { return descriptor_ >= 0; }
    /// False where what was written may not have arrived.
    bool close() {
        const int descriptor = std::exchange(descriptor_, -1);
        return descriptor < 0 || ::close(descriptor) == 0;
    }

  private:
    int descriptor_;
};

/// The journal and how much of it is to be copied.
struct Source {
    OpenFile file;
    DaemonInfo daemon;
};

/// Whether the path still leads to the opened file.
bool is_at(const OpenFile& file, const std::string& path) {
    struct stat opened {};
    struct stat there {};
    return ::fstat(file.get(), &opened) == 0 && ::lstat(path.c_str(), &there) == 0 && opened.st_dev == there.st_dev &&
           opened.st_ino == there.st_ino;
}

Expected<Source> open_source(const std::function<Expected<DaemonInfo>()>& ask) {
    Expected<DaemonInfo> before = ask();
    for (int attempt = 0; before && attempt < attempts_max; ++attempt) {
        if (before->journal.empty() || before->journal_bytes == 0) {
            return unexpected(ErrorCode::not_supported, "the daemon keeps no journal");
        }
        OpenFile file{::open(before->journal.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY)};
        if (!file && errno != ENOENT) {
            return system_error(before->journal);
        }
        Expected<DaemonInfo> now = ask();
        if (file && now && now->journal == before->journal && is_at(file, now->journal)) {
            return Source{std::move(file), std::move(*now)};
        }
        before = std::move(now);
    }
    return before ? unexpected(ErrorCode::system, before->journal + ": cannot be found here, or is another one each time")
                  : unexpected(before.error());
}

Expected<void> copy(const Source& source, const OpenFile& to, const std::string& name) {
    std::vector<char> part(256 * 1024);
    for (std::uint64_t copied = 0; copied < source.daemon.journal_bytes;) {
        const std::uint64_t left = source.daemon.journal_bytes - copied;
        const std::size_t wanted = left < part.size() ? static_cast<std::size_t>(left) : part.size();
        const ssize_t count = ::pread(source.file.get(), part.data(), wanted, static_cast<off_t>(copied));
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count < 0) {
            return system_error(source.daemon.journal);
        }
        if (count == 0) {
            return unexpected(ErrorCode::system, source.daemon.journal + ": shorter than the daemon says");
        }
        if (write_all(to.get(), std::string_view{part.data(), static_cast<std::size_t>(count)}) != Written::all) {
            return system_error(name);
        }
        copied += static_cast<std::uint64_t>(count);
    }
    return {};
}

}  // namespace

Expected<render::Saved> save_journal(const std::function<Expected<DaemonInfo>()>& ask, const std::string& file, bool force) {
    Expected<Source> source = open_source(ask);
    if (!source) {
        return unexpected(source.error());
    }
    const std::string made = force ? file + ".new-" + std::to_string(::getpid()) : file;
    OpenFile to{::open(made.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600)};
    if (!to) {
        return errno == EEXIST && !force ? unexpected(ErrorCode::system, file + " is there already; --force replaces it")
                                         : system_error(made);
    }
    Expected<void> done = copy(*source, to, made);
    if (done && !to.close()) {
        done = system_error(made);
    }
    if (done && force && std::rename(made.c_str(), file.c_str()) != 0) {
        done = system_error(file);
    }
    if (!done) {
        ::unlink(made.c_str());
        return unexpected(done.error());
    }
    return render::Saved{file, source->daemon.journal, source->daemon.journal_bytes, source->daemon.epoch};
}

}  // namespace backplane::ctl
