// SPDX-License-Identifier: Apache-2.0
/// The calls of a Client that ask the daemon and wait for its reply: each is one request and the kind of answer that
/// it must get.
#include "client/src/client_state.hpp"

#include <backplane/client.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <iterator>
#include <utility>

namespace backplane {

namespace {

using client_detail::Connection;
using wire::Call;
using wire::Request;

/// Asks, and takes the answer as the T that the call promises.
template <class T>
Expected<T> ask_for(Connection& connection, Request request, Instant deadline) {
    auto answer = connection.ask(std::move(request), deadline);
    if (!answer) {
        return unexpected(answer.error());
    }
    if (auto* value = std::get_if<T>(&*answer)) {
        return std::move(*value);
    }
    return unexpected(ErrorCode::malformed, "a reply of another call's shape");
}

/// For calls that answer nothing but that they succeeded.
Expected<void> ask_done(Connection& connection, Request request, Within within) {
    auto answer = connection.ask(std::move(request), connection.now() + within.length);
    return answer ? Expected<void>{} : unexpected(answer.error());
}

Request named(Call call, std::string_view name) {
    Request request;
    request.call = call;
    request.name = name;
    return request;
}

/// A question about one thing by its name, or by its line.
template <class T>
Expected<T> ask_about(Connection& connection, Call call, std::string_view name, Within within) {
    return ask_for<T>(connection, named(call, name), connection.now() + within.length);
}

template <class T>
Expected<T> ask_about(Connection& connection, Call call, const Line& line, Epoch epoch, Within within) {
    if (line.epoch() != epoch) {
        return unexpected(ErrorCode::not_found, line.text() + " is of another epoch");
    }
    Request request;
    request.call = call;
    request.device = line.id();
    return ask_for<T>(connection, std::move(request), connection.now() + within.length);
}

/// How long the daemon may let it wait for a supervisor's present step: no longer than its caller waits (S-58).
std::uint32_t within_ms(Within within) {
    const std::int64_t ms = within.length.is_forever() ? 0 : within.length.ns / 1'000'000;
    return static_cast<std::uint32_t>(std::clamp<std::int64_t>(ms, within.length.is_forever() ? 0 : 1, UINT32_MAX));
}

Expected<std::string> ask_to(Connection& connection, Call call, std::string_view name, WaitFor wait, Within within, bool now = false) {
    Request request = named(call, name);
    request.wait = wait == WaitFor::done;
    request.within_ms = within_ms(within);
    request.now = now;
    auto answer = ask_for<talk::Named>(connection, std::move(request), connection.now() + within.length);
    return answer ? Expected<std::string>{std::move(answer->name)} : unexpected(answer.error());
}

/// Page by page; `supervisor`: its children only, where it is not empty.
Expected<std::vector<DeviceRow>> list_pages(Connection& connection, std::string_view supervisor, Within within) {
    const Instant deadline = connection.now() + within.length;
    std::vector<DeviceRow> rows;
    std::string cursor;
    do {
        Request request = named(Call::list, supervisor);
        request.after = std::move(cursor);
        auto page = ask_for<talk::Page>(connection, std::move(request), deadline);
        if (!page) {
            return unexpected(page.error());
        }
        std::move(page->rows.begin(), page->rows.end(), std::back_inserter(rows));
        cursor = std::move(page->next);
    } while (!cursor.empty());
    return rows;
}

}  // namespace

Expected<void> Client::register_name(std::string_view name, const Device& device, Within within) {
    Request request = named(Call::register_name, name);
    request.device = device.id();
    return ask_done(*state_->connection, std::move(request), within);
}

Expected<void> Client::release_name(std::string_view name, Within within) {
    return ask_done(*state_->connection, named(Call::release_name, name), within);
}

Expected<Line> Client::lookup(std::string_view name, Within within) {
    auto found = ask_for<talk::Found>(*state_->connection, named(Call::lookup, name), state_->connection->now() + within.length);
    return found ? Expected<Line>{found->device} : unexpected(found.error());
}

Expected<void> Client::watch_name(std::string_view name, Within within) {
    return ask_done(*state_->connection, named(Call::watch_name, name), within);
}

Expected<void> Client::unwatch_name(std::string_view name, Within within) {
    return ask_done(*state_->connection, named(Call::unwatch_name, name), within);
}

Expected<std::vector<DeviceRow>> Client::list(Within within) { return list_pages(*state_->connection, {}, within); }

Expected<std::vector<DeviceRow>> Client::children(std::string_view supervisor, Within within) {
    return list_pages(*state_->connection, supervisor, within);
}

Expected<ChildCounts> Client::count_children(std::string_view supervisor, Within within) {
    const Instant deadline = state_->connection->now() + within.length;
    return ask_for<ChildCounts>(*state_->connection, named(Call::count_children, supervisor), deadline);
}

Expected<std::string> Client::child_spec(std::string_view name, Within within) {
    const Instant deadline = state_->connection->now() + within.length;
    auto spec = ask_for<talk::SpecText>(*state_->connection, named(Call::child_spec, name), deadline);
    return spec ? Expected<std::string>{std::move(spec->spec)} : unexpected(spec.error());
}

Expected<std::vector<ExitRecord>> Client::exits(std::string_view name, Within within) {
    const Instant deadline = state_->connection->now() + within.length;
    auto found = ask_for<talk::Exits>(*state_->connection, named(Call::exits, name), deadline);
    return found ? Expected<std::vector<ExitRecord>>{std::move(found->records)} : unexpected(found.error());
}

Expected<LogPage> Client::logs(std::string_view name, LogOptions options, Within within) {
    Request request = named(Call::logs, name);
    request.since = options.since;
    request.count = options.lines;
    request.wait = options.wait;
    return ask_for<LogPage>(*state_->connection, std::move(request), state_->connection->now() + within.length);
}

Expected<Description> Client::describe(std::string_view name, Within within) {
    return ask_about<Description>(*state_->connection, Call::describe, name, within);
}

Expected<Description> Client::describe(const Line& line, Within within) {
    return ask_about<Description>(*state_->connection, Call::describe, line, epoch(), within);
}

Expected<Why> Client::why(std::string_view name, Within within) { return ask_about<Why>(*state_->connection, Call::why, name, within); }

Expected<Why> Client::why(const Line& line, Within within) { return ask_about<Why>(*state_->connection, Call::why, line, epoch(), within); }

Expected<Impact> Client::impact(std::string_view name, Within within) {
    return ask_about<Impact>(*state_->connection, Call::impact, name, within);
}

Expected<Impact> Client::impact(const Line& line, Within within) {
    return ask_about<Impact>(*state_->connection, Call::impact, line, epoch(), within);
}

Expected<DaemonInfo> Client::daemon_info(Within within) {
    Request request;
    request.call = Call::daemon;
    return ask_for<DaemonInfo>(*state_->connection, std::move(request), state_->connection->now() + within.length);
}

Expected<Duration> Client::ping(Within within) {
    Connection& connection = *state_->connection;
    if (auto fit = connection.usable(); !fit) {
        return unexpected(fit.error());
    }
    const Instant begin = connection.now();
    const std::uint64_t nonce = connection.talk().ping();
    if (auto waited = connection.wait_until([&] { return connection.talk().ponged(nonce); }, begin + within.length); !waited) {
        return unexpected(waited.error());
    }
    return connection.now() - begin;
}

Expected<std::string> Client::start(std::string_view name, WaitFor wait, Within within) {
    return ask_to(*state_->connection, Call::start, name, wait, within);
}

Expected<std::string> Client::stop(std::string_view name, WaitFor wait, Within within) {
    return ask_to(*state_->connection, Call::stop, name, wait, within);
}

Expected<std::string> Client::restart(std::string_view name, WaitFor wait, Within within) {
    return ask_to(*state_->connection, Call::restart, name, wait, within);
}

Expected<std::string> Client::command(ChildVerb verb, std::string_view name, WaitFor wait, Within within) {
    static constexpr std::array calls{Call::start,   Call::start, Call::stop,          Call::restart, Call::enable,
                                      Call::disable, Call::hold,  Call::release_child, Call::reset,   Call::delete_child};
    const Call call = calls.at(static_cast<std::size_t>(verb));
    return ask_to(*state_->connection, call, name, wait, within, verb == ChildVerb::start_now);
}

namespace {

/// S-64. The hash is FNV-1a, which any client in any language has in four lines.
std::uint64_t partition_of(std::string_view key, std::uint64_t partitions) {
    const bool signed_key = key.size() > 1 && key.front() == '-';
    const std::string_view digits = key.substr(signed_key ? 1 : 0);
    std::uint64_t number = 0;
    const auto [end, wrong] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (wrong == std::errc{} && end == digits.data() + digits.size()) {
        return number % partitions;
    }
    std::uint64_t hash = 0xcbf29ce484222325ULL;
    for (const char byte : key) {
        hash = (hash ^ static_cast<unsigned char>(byte)) * 0x100000001b3ULL;
    }
    return hash % partitions;
}

}  // namespace

Expected<Line> Client::route(std::string_view supervisor, std::string_view key, Within within) {
    const Instant deadline = state_->connection->now() + within.length;
    auto about = ask_for<Description>(*state_->connection, named(Call::describe, supervisor), deadline);
    if (!about || about->row.kind != "supervisor") {
        return unexpected(!about && about.error().code != ErrorCode::not_found ? about.error()
                                                                               : Error{ErrorCode::no_supervisor, std::string{supervisor}});
    }
    if (about->partitions.value_or(0) == 0) {
        return unexpected(ErrorCode::not_supported, *about->row.name + " has no partitions");
    }
    const std::string number = std::to_string(partition_of(key, *about->partitions));
    const std::string name = *about->row.name == "/" ? number : *about->row.name + "/" + number;
    auto partition = ask_for<Description>(*state_->connection, named(Call::describe, name), deadline);
    if (!partition) {
        return unexpected(partition.error());
    }
    if (partition->row.state != "running" || !partition->row.line) {
        return unexpected(ErrorCode::link_down, name + " is " + partition->row.state);
    }
    return *partition->row.line;
}

Expected<std::vector<std::string>> Client::rolling_restart(std::string_view supervisor, Within within) {
    Connection& connection = *state_->connection;
    const Instant deadline = connection.now() + within.length;
    const auto left = [&] { return within.length.is_forever() ? Within::forever() : Within{deadline - connection.now()}; };
    auto rows = children(supervisor, left());
    if (!rows) {
        return unexpected(rows.error());
    }
    std::vector<std::string> restarted;
    for (const DeviceRow& row : *rows) {
        if (row.state != "running") {
            continue;
        }
        if (auto done = restart(*row.name, WaitFor::done, left()); !done) {
            return unexpected(done.error().code, *row.name + (done.error().detail.empty() ? "" : ": " + done.error().detail));
        }
        restarted.push_back(*row.name);
    }
    return restarted;
}

Expected<AddedChild> Client::start_child(std::string_view supervisor, const NewChild& child, WaitFor wait, Within within) {
    Request request = named(Call::start_child, supervisor);
    request.spec = child.spec;
    request.arguments = child.arguments;
    request.key = child.key;
    request.wait = wait == WaitFor::done;
    request.within_ms = within_ms(within);
    return ask_for<AddedChild>(*state_->connection, std::move(request), state_->connection->now() + within.length);
}

Expected<void> Client::ready(Within within) {
    Request request;
    request.call = Call::ready;
    return ask_done(*state_->connection, std::move(request), within);
}

Expected<void> Client::upgrade(Within within) {
    Request request;
    request.call = Call::upgrade;
    return ask_done(*state_->connection, std::move(request), within);
}

Expected<ReloadPlan> Client::reload(ReloadOptions options, Within within) {
    Request request;
    request.call = Call::reload;
    request.dry_run = options.dry_run;
    request.start_new = options.start_new;
    request.remove_missing = options.remove_missing;
    return ask_for<ReloadPlan>(*state_->connection, std::move(request), state_->connection->now() + within.length);
}

Expected<void> Client::detach(Within within) {
    Request request;
    request.call = Call::detach;
    return ask_done(*state_->connection, std::move(request), within);
}

Expected<void> Client::subscribe(SubscribeOptions options, OnLogEvent on_event, Within within) {
    Request request;
    request.call = Call::subscribe;
    request.since = options.since;
    request.graph = options.graph;
    request.follow = options.follow;
    auto done = ask_done(*state_->connection, std::move(request), within);
    if (done) {
        state_->on_log_event = std::move(on_event);
    }
    return done;
}

Expected<void> Client::unsubscribe(Within within) {
    Request request;
    request.call = Call::unsubscribe;
    return ask_done(*state_->connection, std::move(request), within);
}

}  // namespace backplane
