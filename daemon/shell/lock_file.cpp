// SPDX-License-Identifier: Apache-2.0
/// flock on a file that may be removed by its holder, so whoever gets the lock looks whether it still has the path's file.
#include "daemon/shell/lock_file.hpp"
#include "daemon/shell/system_error.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace backplane::shell {
namespace {

/// A holder removes the file when it ends; so often another may do that between our open and our lock.
constexpr int attempts_max = 16;

std::string holder_of(int fd) {
    std::array<char, 24> text{};
    const ssize_t bytes = pread(fd, text.data(), text.size() - 1, 0);
    std::string pid;
    for (ssize_t i = 0; i < bytes && text[static_cast<std::size_t>(i)] >= '0' && text[static_cast<std::size_t>(i)] <= '9'; ++i) {
        pid.push_back(text[static_cast<std::size_t>(i)]);
    }
    return pid.empty() ? "another process" : "pid " + pid;
}

/// Empty, or why this descriptor is not a lock file of ours.
std::string objection(int fd) {
    struct stat info {};
    if (fstat(fd, &info) != 0) {
        return std::strerror(errno);
    }
    if (!S_ISREG(info.st_mode)) {
        return "it is not a file";
    }
    if (info.st_uid != geteuid() || info.st_nlink > 1) {
        return "it is not ours";
    }
    return {};
}

bool is_still_at(const std::string& path, int fd) {
    struct stat held {};
    struct stat there {};
    return fstat(fd, &held) == 0 && lstat(path.c_str(), &there) == 0 && held.st_ino == there.st_ino && held.st_dev == there.st_dev;
}

/// The pid that a person would look for: the keeper's, where there is one.
void write_holder(int fd, std::int32_t holder) {
    const std::string pid = std::to_string(holder) + "\n";
    (void)!ftruncate(fd, 0);
    (void)!pwrite(fd, pid.data(), pid.size(), 0);
}

}  // namespace

Expected<LockFile> LockFile::take(const std::string& path, std::int32_t holder) {
    for (int attempt = 0; attempt < attempts_max; ++attempt) {
        process::Descriptor fd{open(path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0600)};
        if (!fd) {
            return system_error(errno == ELOOP ? "lock file " + path + " is a symbolic link, which is not followed" : "lock file " + path,
                                errno);
        }
        if (const std::string why = objection(fd.get()); !why.empty()) {
            return unexpected(ErrorCode::system, "lock file " + path + ": " + why + "; it is left alone");
        }
        if (flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
            if (errno != EWOULDBLOCK) {
                return system_error("lock file " + path, errno);
            }
            if (is_still_at(path, fd.get())) {
                return unexpected(ErrorCode::already_running,
                                  holder_of(fd.get()) + " holds " + path + ": a daemon serves this socket already");
            }
            continue;
        }
        if (is_still_at(path, fd.get())) {
            write_holder(fd.get(), holder);
            return LockFile{path, std::move(fd)};
        }
    }
    return unexpected(ErrorCode::system, "lock file " + path + " is replaced again and again");
}

void LockFile::release() {
    if (fd_) {
        unlink(path_.c_str());
        fd_.reset();
    }
}

}  // namespace backplane::shell
