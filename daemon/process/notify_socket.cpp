// SPDX-License-Identifier: Apache-2.0
/// Receiving what sd_notify sends. The sender is a worker, so every byte is a stranger's.
#include "daemon/process/notify_socket.hpp"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace backplane::process {
namespace {

/// The length of the UTF-8 character at the front, or 0 where there is no valid one.
std::size_t character_size(std::string_view text) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char first = byte(0);
    std::size_t size = 0;
    // The second byte's range excludes overlong forms, surrogates and what lies beyond U+10FFFF.
    unsigned char low = 0x80;
    unsigned char high = 0xBF;
    if (first < 0x80) {
        return 1;
    }
    if (first >= 0xC2 && first <= 0xDF) {
        size = 2;
    } else if (first >= 0xE0 && first <= 0xEF) {
        size = 3;
        low = first == 0xE0 ? 0xA0 : low;
        high = first == 0xED ? 0x9F : high;
    } else if (first >= 0xF0 && first <= 0xF4) {
        size = 4;
        low = first == 0xF0 ? 0x90 : low;
        high = first == 0xF4 ? 0x8F : high;
    } else {
        return 0;
    }
    if (text.size() < size || byte(1) < low || byte(1) > high) {
        return 0;
    }
    for (std::size_t i = 2; i < size; ++i) {
        if (byte(i) < 0x80 || byte(i) > 0xBF) {
            return 0;
        }
    }
    return size;
}

/// Whether one valid character is a control character: those of ASCII, delete, and U+0080 to U+009F.
bool is_control(std::string_view character) {
    const bool is_ascii = character.size() == 1;
    return is_ascii ? character < " " || character == "\x7F" : character >= "\xC2\x80" && character <= "\xC2\x9F";
}

/// Valid UTF-8 without control characters and within the bound; nothing where it is not UTF-8 at all.
std::optional<std::string> clean_status(std::string_view text) {
    std::string clean;
    bool is_full = false;
    while (!text.empty()) {
        const std::size_t size = character_size(text);
        if (size == 0) {
            return std::nullopt;
        }
        is_full = is_full || clean.size() + size > notify_status_bytes_max;
        if (!is_full) {
            clean.append(is_control(text.substr(0, size)) ? std::string_view{"?"} : text.substr(0, size));
        }
        text.remove_prefix(size);
    }
    return clean;
}

void take_line(std::string_view line, Notification& said) {
    constexpr std::string_view status = "STATUS=";
    if (line == "READY=1") {
        said.ready = true;
    } else if (line == "STOPPING=1") {
        said.stopping = true;
    } else if (line == "RELOADING=1") {
        said.reloading = true;
    } else if (line == "WATCHDOG=1") {
        said.watchdog = true;
    } else if (line == "WATCHDOG=trigger") {
        said.failing = true;
    } else if (line.starts_with(status)) {
        if (auto text = clean_status(line.substr(status.size()))) {
            said.status = std::move(text);
        }
    }
}

/// Removes a socket that nobody can be behind: the directory is ours, and so was whoever bound it. 0 or errno.
int remove_stale(const char* path) {
    struct stat found {};
    if (lstat(path, &found) != 0) {
        return errno == ENOENT ? 0 : errno;
    }
    if (!S_ISSOCK(found.st_mode)) {
        return EADDRINUSE;
    }
    return unlink(path) == 0 ? 0 : errno;
}

}  // namespace

bool parse_notification(std::string_view datagram, Notification& said) {
    if (datagram.find('\0') != std::string_view::npos) {
        return false;
    }
    while (!datagram.empty()) {
        const std::string_view line = datagram.substr(0, datagram.find('\n'));
        datagram.remove_prefix(line.size() < datagram.size() ? line.size() + 1 : line.size());
        take_line(line, said);
    }
    return true;
}

NotifySocket::NotifySocket(NotifySocket&& other) noexcept
    : fd_(std::move(other.fd_)), path_(std::exchange(other.path_, {})), dropped_(other.dropped_) {}

NotifySocket& NotifySocket::operator=(NotifySocket&& other) noexcept {
    if (this != &other) {
        close();
        fd_ = std::move(other.fd_);
        path_ = std::exchange(other.path_, {});
        dropped_ = other.dropped_;
    }
    return *this;
}

NotifySocket::~NotifySocket() { close(); }

int NotifySocket::open(const std::string& path) {
    close();
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) {
        return ENAMETOOLONG;
    }
    if (path.empty() || path.front() != '/' || path.find('\0') != std::string::npos) {
        return EINVAL;
    }
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    if (const int wrong = remove_stale(path.c_str()); wrong != 0) {
        return wrong;
    }
    Descriptor fd{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    if (!fd || ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        return errno;
    }
    fd_ = std::move(fd);
    path_ = path;
    if (chmod(path.c_str(), 0600) != 0) {
        const int wrong = errno;
        close();
        return wrong;
    }
    return 0;
}

bool NotifySocket::take_over(int fd, std::string path) {
    close();
    Descriptor taken{fd};
    sockaddr_un address{};
    socklen_t size = sizeof address;
    if (getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0 || address.sun_family != AF_UNIX || path != address.sun_path) {
        return false;
    }
    fd_ = std::move(taken);
    path_ = std::move(path);
    return true;
}

void NotifySocket::close() {
    if (fd_) {
        unlink(path_.c_str());
        fd_.reset();
        path_.clear();
    }
}

void NotifySocket::give_to(std::uint32_t uid) const {
    if (fd_ && uid != geteuid()) {
        (void)!lchown(path_.c_str(), uid, static_cast<gid_t>(-1));
    }
}

Notification NotifySocket::read(std::size_t datagrams_max) {
    Notification said;
    // One byte more than is allowed, so that a datagram that was cut can be told from one that just fits.
    std::array<char, notify_bytes_max + 1> buffer;
    for (std::size_t i = 0; fd_ && i < datagrams_max; ++i) {
        const ssize_t size = ::recv(fd_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT | MSG_PEEK);
        if (size < 0 && errno == EINTR) {
            continue;
        }
        if (size < 0) {
            break;
        }
        const auto length = static_cast<std::size_t>(size);
        if (length > notify_bytes_max || !parse_notification({buffer.data(), length}, said)) {
            ++dropped_;
        }
        if (said.ready) {
            break;
        }
        take_one();
    }
    return said;
}

void NotifySocket::take_ready() {
    if (fd_) {
        take_one();
    }
}

void NotifySocket::take_one() {
    char first = 0;
    while (::recv(fd_.get(), &first, sizeof first, MSG_DONTWAIT) < 0 && errno == EINTR) {
    }
}

}  // namespace backplane::process
