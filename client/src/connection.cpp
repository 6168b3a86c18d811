// SPDX-License-Identifier: Apache-2.0
/// See connection.hpp: what is the same whichever way the bytes go.
#include "client/src/connection.hpp"

#include <backplane/version.hpp>

#include <algorithm>
#include <optional>
#include <utility>

namespace backplane::client_detail {

std::string presentable(std::string name) {
    for (char& c : name) {
        const auto byte = static_cast<unsigned char>(c);
        c = byte < 0x20 || byte == 0x7f ? '?' : c;
    }
    name.resize(std::min<std::size_t>(name.size(), 200));
    return name.empty() ? std::string{"libbackplane/"} + std::string{version_text} : name;
}

Expected<void> Connection::touchable() const {
    if (!is_same_process()) {
        return unexpected(ErrorCode::wrong_process, "this connection belongs to the process that opened it");
    }
    const std::thread::id owner = owner_;
    if (owner != std::thread::id{} && owner != std::this_thread::get_id()) {
        return unexpected(ErrorCode::wrong_thread, "this connection belongs to the thread that serves it: post to it");
    }
    return {};
}

Expected<void> Connection::usable() const {
    if (auto fit = touchable(); !fit) {
        return fit;
    }
    if (const Error* over = talk_.over()) {
        return unexpected(*over);
    }
    return {};
}

Expected<talk::Answer> Connection::ask(wire::Request request, Instant deadline) {
    if (auto fit = usable(); !fit) {
        return unexpected(fit.error());
    }
    const std::uint64_t id = talk_.request(std::move(request));
    std::optional<Expected<talk::Answer>> answer;
    const auto answered = [&] {
        answer = talk_.answer(id);
        return answer.has_value();
    };
    if (auto waited = wait_until(answered, deadline); !waited) {
        talk_.abandon(id);
        return unexpected(waited.error());
    }
    return std::move(*answer);
}

Expected<talk::Settled> Connection::settle(const Expected<std::uint64_t>& operation, Instant deadline) {
    if (!operation) {
        return unexpected(operation.error());
    }
    if (*operation == 0) {
        return talk::Settled{};
    }
    std::optional<Expected<talk::Settled>> outcome;
    const auto settled = [&] {
        outcome = talk_.settled(*operation);
        return outcome.has_value();
    };
    if (auto waited = wait_until(settled, deadline); !waited) {
        talk_.stop_waiting(*operation);
        return unexpected(waited.error());
    }
    return std::move(*outcome);
}

}  // namespace backplane::client_detail
