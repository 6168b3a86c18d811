// SPDX-License-Identifier: Apache-2.0
/// Datagrams to the service manager. They are sent without waiting; one that finds no room is lost, as a status may be.
#include "daemon/shell/notify.hpp"

#include "daemon/shell/keeper_link.hpp"

#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace backplane::shell {
namespace {

std::string address_of_environment() {
    const char* value = std::getenv("NOTIFY_SOCKET");
    return value == nullptr ? std::string{} : std::string{value};
}

bool is_address(const std::string& text) {
    return text.size() > 1 && text.size() < sizeof(sockaddr_un::sun_path) && (text.front() == '/' || text.front() == '@');
}

}  // namespace

std::string status_line(std::string_view status) {
    std::string line{"STATUS="};
    line.append(status);
    std::replace_if(
        line.begin(), line.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, ' ');
    return line;
}

Notify::Notify() : Notify(address_of_environment()) {}

Notify::Notify(std::string address) : address_(std::move(address)) {
    if (is_address(address_)) {
        socket_.reset(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    }
}

void Notify::ready(std::string_view status) {
    last_ = status;
    send("READY=1\n" + status_line(status));
}

void Notify::status(std::string_view status) {
    if (is_wanted() && last_ != status) {
        last_ = status;
        send(status_line(status));
    }
}

void Notify::stopping() { send("STOPPING=1"); }

void Notify::send(const std::string& text) {
    if (!is_wanted()) {
        return;
    }
    if (keeper_ != nullptr) {
        keeper_->notify(text);
        return;
    }
    sockaddr_un to{};
    to.sun_family = AF_UNIX;
    std::memcpy(to.sun_path, address_.data(), address_.size());
    if (to.sun_path[0] == '@') {
        to.sun_path[0] = '\0';
    }
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address_.size());
    (void)sendto(socket_.get(), text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&to), size);
}

}  // namespace backplane::shell
