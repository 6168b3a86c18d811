// SPDX-License-Identifier: Apache-2.0
/// What a Device does with a name instead of a line: the daemon is asked whose it is, and then it is linked. And the calls of a
/// Client between lines.
#include "client/src/client_state.hpp"

#include <backplane/client.hpp>
#include <backplane/device.hpp>

#include <utility>

namespace backplane {

namespace {

using client_detail::Connection;
using Shared = std::shared_ptr<Connection>;

/// Waits for the answer to a request, in a coroutine of the library.
class AnswerWait {
  public:
    AnswerWait(Connection& connection, wire::Request request)
        : connection_(connection), id_(connection.talk().request(std::move(request))) {
        connection_.flush();
    }
    AnswerWait(const AnswerWait&) = delete;
    AnswerWait& operator=(const AnswerWait&) = delete;
    ~AnswerWait() {
        connection_.waiters().leave(ticket_);
        connection_.talk().abandon(id_);
    }

    [[nodiscard]] bool await_ready() const { return connection_.talk().calls().is_answered(id_); }
    void await_suspend(std::coroutine_handle<> waiting) {
        ticket_ = connection_.waiters().park(waiting);
        connection_.talk().calls().wait(id_, ticket_);
    }
    [[nodiscard]] Expected<talk::Answer> await_resume() {
        auto answer = connection_.talk().answer(id_);
        return answer ? std::move(*answer) : unexpected(ErrorCode::closed, "the call has no answer");
    }

  private:
    Connection& connection_;
    std::uint64_t id_;
    talk::Ticket ticket_ = 0;
};

wire::Request lookup_of(std::string_view name) {
    wire::Request request;
    request.call = wire::Call::lookup;
    request.name = name;
    return request;
}

Expected<Line> line_of(const Expected<talk::Answer>& answer) {
    if (!answer) {
        return unexpected(answer.error());
    }
    const auto* found = std::get_if<talk::Found>(&*answer);
    return found != nullptr ? Expected<Line>{found->device} : unexpected(ErrorCode::malformed, "a reply of another call's shape");
}

Task<Expected<Line>> find(Shared connection, std::string name) {
    if (auto fit = connection->usable(); !fit) {
        co_return unexpected(fit.error());
    }
    co_return line_of(co_await AnswerWait{*connection, lookup_of(name)});
}

Task<Expected<void>> find_and_link(Shared connection, DeviceId from, std::string name, LinkMode mode) {
    auto line = co_await find(connection, std::move(name));
    if (!line) {
        co_return unexpected(line.error());
    }
    co_return co_await LinkWait{connection, connection->talk().link(from, *line, mode, talk::Ask::acknowledgement)};
}

Task<Expected<Unlinked>> find_and_unlink(Shared connection, DeviceId from, std::string name, LinkMode mode) {
    auto line = co_await find(connection, std::move(name));
    if (!line && line.error().code == ErrorCode::not_found) {
        co_return Unlinked{};
    }
    if (!line) {
        co_return unexpected(line.error());
    }
    co_return co_await UnlinkWait{connection, connection->talk().unlink(from, *line, mode, talk::Ask::acknowledgement)};
}

/// Nobody waits for this one: what fails is told as an event.
Task<> link_found(Shared connection, DeviceId from, std::string name, LinkMode mode, bool lays) {
    const Line device{connection->talk().epoch(), from};
    const auto line = co_await find(connection, std::move(name));
    if (!line) {
        if (lays || line.error().code != ErrorCode::not_found) {
            connection->talk().refuse(Refused{line.error(), lays ? "link" : "unlink", device, Line{}});
        }
        co_return;
    }
    const auto done = lays ? connection->talk().link(from, *line, mode, talk::Ask::nothing)
                           : connection->talk().unlink(from, *line, mode, talk::Ask::nothing);
    if (!done) {
        connection->talk().refuse(Refused{done.error(), lays ? "link" : "unlink", device, *line});
    }
}

}  // namespace

// ---- Devices, by name ----

Expected<void> Device::link(std::string_view name, LinkMode mode) {
    if (auto fit = usable(); !fit) {
        return fit;
    }
    connection_->waiters().spawn(link_found(connection_, id_, std::string{name}, mode, true));
    return {};
}

Expected<void> Device::unlink(std::string_view name, LinkMode mode) {
    if (auto fit = usable(); !fit) {
        return fit;
    }
    connection_->waiters().spawn(link_found(connection_, id_, std::string{name}, mode, false));
    return {};
}

Expected<void> Device::link_wait(std::string_view name, LinkMode mode, Within within) {
    if (auto fit = usable(); !fit) {
        return fit;
    }
    const Instant deadline = connection_->now() + within.length;
    const auto line = line_of(connection_->ask(lookup_of(name), deadline));
    if (!line) {
        return unexpected(line.error());
    }
    auto outcome = connection_->settle(connection_->talk().link(id_, *line, mode, talk::Ask::acknowledgement), deadline);
    return outcome ? Expected<void>{} : unexpected(outcome.error());
}

Expected<Unlinked> Device::unlink_wait(std::string_view name, LinkMode mode, Within within) {
    if (auto fit = usable(); !fit) {
        return unexpected(fit.error());
    }
    const Instant deadline = connection_->now() + within.length;
    const auto line = line_of(connection_->ask(lookup_of(name), deadline));
    if (!line && line.error().code == ErrorCode::not_found) {
        return Unlinked{};
    }
    if (!line) {
        return unexpected(line.error());
    }
    auto outcome = connection_->settle(connection_->talk().unlink(id_, *line, mode, talk::Ask::acknowledgement), deadline);
    return outcome ? Expected<Unlinked>{Unlinked{outcome->was_down}} : unexpected(outcome.error());
}

Task<Expected<void>> Device::link_async(std::string name, LinkMode mode) {
    if (auto fit = usable(); !fit) {
        co_return unexpected(fit.error());
    }
    co_return co_await find_and_link(connection_, id_, std::move(name), mode);
}

Task<Expected<Unlinked>> Device::unlink_async(std::string name, LinkMode mode) {
    if (auto fit = usable(); !fit) {
        co_return unexpected(fit.error());
    }
    co_return co_await find_and_unlink(connection_, id_, std::move(name), mode);
}

Expected<void> Device::ready(Within within) {
    if (auto fit = usable(); !fit) {
        return fit;
    }
    if (!own_) {
        return unexpected(ErrorCode::not_owner, "only a supervised worker's own Device is ready or not");
    }
    wire::Request request;
    request.call = wire::Call::ready;
    auto answer = connection_->ask(std::move(request), connection_->now() + within.length);
    return answer ? Expected<void>{} : unexpected(answer.error());
}

// ---- Clients, between lines ----

Task<Expected<Line>> Client::lookup_async(std::string name) { return find(state_->connection, std::move(name)); }

Expected<void> Client::link(const Line& from, const Line& to, LinkMode mode) {
    Connection& connection = *state_->connection;
    if (auto fit = connection.usable(); !fit) {
        return fit;
    }
    const auto operation = connection.talk().link_lines(from, to, mode, talk::Ask::nothing);
    connection.buffered();
    return operation ? Expected<void>{} : unexpected(operation.error());
}

Expected<void> Client::link_wait(const Line& from, const Line& to, LinkMode mode, Within within) {
    Connection& connection = *state_->connection;
    if (auto fit = connection.usable(); !fit) {
        return fit;
    }
    auto outcome =
        connection.settle(connection.talk().link_lines(from, to, mode, talk::Ask::acknowledgement), connection.now() + within.length);
    return outcome ? Expected<void>{} : unexpected(outcome.error());
}

LinkWait Client::link_async(const Line& from, const Line& to, LinkMode mode) {
    if (auto fit = state_->connection->usable(); !fit) {
        return {nullptr, unexpected(fit.error())};
    }
    return {state_->connection, state_->connection->talk().link_lines(from, to, mode, talk::Ask::acknowledgement)};
}

Expected<void> Client::unlink(const Line& from, const Line& to, LinkMode mode) {
    Connection& connection = *state_->connection;
    if (auto fit = connection.usable(); !fit) {
        return fit;
    }
    const auto operation = connection.talk().unlink_lines(from, to, mode, talk::Ask::nothing);
    connection.buffered();
    return operation ? Expected<void>{} : unexpected(operation.error());
}

Expected<void> Client::unlink_wait(const Line& from, const Line& to, LinkMode mode, Within within) {
    Connection& connection = *state_->connection;
    if (auto fit = connection.usable(); !fit) {
        return fit;
    }
    auto outcome =
        connection.settle(connection.talk().unlink_lines(from, to, mode, talk::Ask::acknowledgement), connection.now() + within.length);
    return outcome ? Expected<void>{} : unexpected(outcome.error());
}

Expected<void> Client::request_shutdown(const Line& other) {
    Connection& connection = *state_->connection;
    if (auto fit = connection.usable(); !fit) {
        return fit;
    }
    auto done = connection.talk().request_shutdown(DeviceId{}, other);
    connection.flush();
    return done;
}

}  // namespace backplane
