// SPDX-License-Identifier: Apache-2.0
/// A very small Redis client for the demo: one command at a time over a plain Unix socket, in RESP, the protocol that every
/// Redis speaks. It knows nothing of Backplane, as Redis does not.
#pragma once

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <cstring>
#include <initializer_list>
#include <string>
#include <string_view>

namespace demo {

class Redis {
  public:
    Redis() = default;
    Redis(const Redis&) = delete;
    Redis& operator=(const Redis&) = delete;
    ~Redis() { close(); }

    /// False while nobody listens there.
    [[nodiscard]] bool connect(const char* path) {
        close();
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
        fd_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        return ::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
    }

    /// Sends one command and gives the reply's bytes (`+OK`, `$2\r\n42`); empty if the connection has gone.
    [[nodiscard]] std::string command(std::initializer_list<std::string_view> words) {
        std::string request = "*" + std::to_string(words.size()) + "\r\n";
        for (const std::string_view word : words) {
            request.append("$").append(std::to_string(word.size())).append("\r\n").append(word).append("\r\n");
        }
        char reply[256];
        const bool sent = ::send(fd_, request.data(), request.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(request.size());
        const ssize_t count = sent ? ::recv(fd_, reply, sizeof(reply), 0) : -1;
        return count > 0 ? std::string(reply, static_cast<std::size_t>(count)) : std::string{};
    }

  private:
    void close() {
        if (fd_ >= 0) {
            ::close(fd_);
        }
        fd_ = -1;
    }

    int fd_ = -1;
};

}  // namespace demo
