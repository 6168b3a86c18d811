// SPDX-License-Identifier: Apache-2.0
/// Making, accepting from and removing the listening socket.
#include "daemon/shell/listener.hpp"

#include "daemon/shell/socket_path.hpp"
#include "daemon/shell/system_error.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace backplane::shell {
namespace {

std::string_view kind_of(mode_t mode) {
    switch (mode & S_IFMT) {
        case S_IFLNK: return "a symbolic link";
        case S_IFREG: return "a file";
        case S_IFDIR: return "a folder";
        case S_IFIFO: return "a pipe";
        case S_IFSOCK: return "a socket";
        default: return "a device";
    }
}

Expected<void> make_folder(const std::string& folder) {
    const mode_t mode = geteuid() == 0 ? 0755 : 0700;
    if (mkdir(folder.c_str(), mode) == 0) {
        chmod(folder.c_str(), mode);  // the umask may have taken bits away
        return {};
    }
    return errno == EEXIST ? Expected<void>{} : Expected<void>{system_error("folder " + folder, errno)};
}

process::Descriptor open_reserve() { return process::Descriptor{open("/dev/null", O_RDONLY | O_CLOEXEC)}; }

sockaddr_un address_of(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    return address;
}

/// The mask is the process's, so nothing else may make files meanwhile: the daemon has one thread.
int bind_private(int fd, const sockaddr_un& address) {
    const mode_t before = umask(0177);
    const int answer = bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ? 0 : errno;
    umask(before);
    return answer;
}

int option_of(int fd, int name) {
    int value = 0;
    socklen_t size = sizeof value;
    return getsockopt(fd, SOL_SOCKET, name, &value, &size) == 0 ? value : -1;
}

/// Where a socket listens for streams; empty where it does not, or not at a path.
std::string bound_path(int fd) {
    sockaddr_un bound{};  // one longer than the kernel fills: the path ends with a zero
    socklen_t size = sizeof bound - 1;
    const bool has_path = getsockname(fd, reinterpret_cast<sockaddr*>(&bound), &size) == 0 && bound.sun_family == AF_UNIX;
    return has_path && option_of(fd, SO_TYPE) == SOCK_STREAM && option_of(fd, SO_ACCEPTCONN) == 1 ? bound.sun_path : std::string{};
}

/// Whether somebody listens there. Under our lock that is no daemon: a service manager that did not lend us its socket, say.
bool is_in_use(const sockaddr_un& address) {
    const process::Descriptor fd{socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    return connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 || errno == EAGAIN;
}

}  // namespace

Expected<std::unique_ptr<Listener>> Listener::open(const std::string& path, std::int32_t holder) {
    if (Expected<void> made = make_folder(folder_of(path)); !made) {
        return unexpected(made.error());
    }
    Expected<LockFile> lock = LockFile::take(path + ".lock", holder);
    if (!lock) {
        return unexpected(lock.error());
    }
    std::unique_ptr<Listener> listener{new Listener{path, std::move(*lock)}};
    if (Expected<void> done = listener->listen(); !done) {
        return unexpected(done.error());
    }
    return listener;
}

Expected<std::unique_ptr<Listener>> Listener::borrow(const std::string& path, process::Descriptor socket, std::int32_t holder) {
    Expected<LockFile> lock = LockFile::take(path + ".lock", holder);
    if (!lock) {
        return unexpected(lock.error());
    }
    std::unique_ptr<Listener> listener{new Listener{path, std::move(*lock)}};
    listener->owner_ = Owner::manager;
    // What is set here belongs to the socket, so it goes for the daemons to come as well.
    fcntl(socket.get(), F_SETFL, fcntl(socket.get(), F_GETFL) | O_NONBLOCK);
    if (Expected<void> used = listener->use(std::move(socket)); !used) {
        return unexpected(used.error());
    }
    return listener;
}

Expected<std::unique_ptr<Listener>> Listener::take_over(const std::string& path, process::Descriptor socket, process::Descriptor lock,
                                                        Owner owner) {
    std::unique_ptr<Listener> listener{new Listener{path, LockFile::take_over(path + ".lock", std::move(lock))}};
    listener->owner_ = owner;
    if (Expected<void> used = listener->use(std::move(socket)); !used) {
        return unexpected(used.error());
    }
    return listener;
}

/// Nobody could reach us by a socket that has another name, or whose name was taken away.
Expected<void> Listener::use(process::Descriptor socket) {
    const std::string where = bound_path(socket.get());
    if (where != path_) {
        return unexpected(ErrorCode::system, "socket " + path_ + ": the one that was " + (is_lent() ? "given" : "kept") + " " +
                                                 (where.empty() ? "is no listening stream socket with a path" : "lies at " + where));
    }
    struct stat there {};
    if (lstat(path_.c_str(), &there) != 0 || !S_ISSOCK(there.st_mode)) {
        return unexpected(ErrorCode::system, "socket " + path_ + ": it does not lie there any more");
    }
    device_ = there.st_dev;
    inode_ = is_lent() ? 0 : there.st_ino;
    fd_ = std::move(socket);
    reserve_ = open_reserve();
    return {};
}

process::Descriptor Listener::copy_of_lent() const { return process::Descriptor{is_lent() ? fcntl(fd(), F_DUPFD_CLOEXEC, 0) : -1}; }

void Listener::let_go() {
    inode_ = 0;
    lock_.let_go();
}

/// Under the lock a socket of ours that lies there is nobody's. Whatever else lies there is somebody's.
Expected<void> Listener::clear_place() const {
    struct stat there {};
    if (lstat(path_.c_str(), &there) != 0) {
        return errno == ENOENT ? Expected<void>{} : Expected<void>{system_error("socket " + path_, errno)};
    }
    if (!S_ISSOCK(there.st_mode)) {
        return unexpected(ErrorCode::system,
                          "socket " + path_ + ": " + std::string{kind_of(there.st_mode)} + " lies there; it is left alone");
    }
    if (there.st_uid != geteuid()) {
        return unexpected(ErrorCode::system,
                          "socket " + path_ + ": a socket of uid " + std::to_string(there.st_uid) + " lies there; it is left alone");
    }
    if (is_in_use(address_of(path_))) {
        return unexpected(ErrorCode::already_running,
                          "socket " + path_ + ": another program listens there (a socket unit?); it is left alone");
    }
    return unlink(path_.c_str()) == 0 ? Expected<void>{} : Expected<void>{system_error("socket " + path_, errno)};
}

Expected<void> Listener::listen() {
    if (Expected<void> clear = clear_place(); !clear) {
        return clear;
    }
    process::Descriptor fd{socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    if (!fd) {
        return system_error("socket", errno);
    }
    if (const int wrong = bind_private(fd.get(), address_of(path_)); wrong != 0) {
        return system_error("socket " + path_, wrong);
    }
    struct stat made {};
    if (lstat(path_.c_str(), &made) == 0) {
        device_ = made.st_dev;
        inode_ = made.st_ino;
    }
    if (::listen(fd.get(), SOMAXCONN) != 0) {
        return system_error("socket " + path_, errno);
    }
    fd_ = std::move(fd);
    reserve_ = open_reserve();
    return {};
}

Listener::~Listener() {
    struct stat there {};
    if (inode_ != 0 && lstat(path_.c_str(), &there) == 0 && there.st_ino == inode_ && there.st_dev == device_) {
        unlink(path_.c_str());
    }
}

Accepted Listener::accept() {
    for (;;) {
        const int fd = accept4(fd_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd >= 0) {
            return {AcceptOutcome::taken, process::Descriptor{fd}};
        }
        if (errno == EINTR || errno == ECONNABORTED) {
            continue;
        }
        if (errno == EAGAIN) {
            return {};
        }
        // EMFILE, ENFILE, ENOBUFS, ENOMEM. Without the trick the socket stays readable and the loop would spin on it.
        reserve_.reset();
        process::Descriptor turned_away{accept4(fd_.get(), nullptr, nullptr, SOCK_CLOEXEC)};
        turned_away.reset();
        reserve_ = open_reserve();
        return {AcceptOutcome::exhausted, {}};
    }
}

}  // namespace backplane::shell
