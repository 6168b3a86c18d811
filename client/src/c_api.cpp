// SPDX-License-Identifier: Apache-2.0
/// The C face's clients: making, moving, delivering and closing, and the one place where exceptions end. Calls that ask the
/// daemon stand in c_calls.cpp, Devices in c_device.cpp, values in c_values.cpp.
#include "client/src/c_handles.hpp"
#include "client/src/socket.hpp"

#include <backplane/version.hpp>

#include <new>

using namespace backplane;
using namespace backplane::c_face;

namespace backplane::c_face {

namespace {

Expected<void> called(Function function, void* work) noexcept {
    // What is said here fits into a string without memory.
    try {
        return function(work);
    } catch (const std::bad_alloc&) {
        return unexpected(ErrorCode::system, "out of memory");
    } catch (...) {
        return unexpected(ErrorCode::system, "an exception");
    }
}

/// The oldest message that has arrived for a Device of the caller's, and for which. Those of offers are nobody's.
std::optional<std::pair<bp_device*, Message>> take_message(bp_client& client) {
    take_starts(client);
    while (auto arrival = client.client.try_message()) {
        if (const auto found = client.devices.find(arrival->first.value); found != client.devices.end()) {
            return std::pair{found->second.get(), std::move(arrival->second)};
        }
    }
    return std::nullopt;
}

/// Hands what has arrived to the caller's functions; how much that was.
std::size_t hand_over(bp_client& client) {
    std::size_t count = start_tasks(client);
    while (client.handlers.on_message != nullptr) {
        auto arrival = take_message(client);
        if (!arrival) {
            break;
        }
        ShownMessage message{std::move(arrival->second)};
        show(message);
        client.handlers.on_message(arrival->first, &message.shown, client.user);
        count += 1 + start_tasks(client);
    }
    while (client.handlers.on_event != nullptr) {
        auto news = client.client.try_event();
        if (!news) {
            break;
        }
        count += 1;
        ShownEvent event{std::move(*news)};
        show(event);
        client.handlers.on_event(&client, &event.shown, client.user);
    }
    return count;
}

/// Hands over until nothing is left, also of what came meanwhile; how much that was. Nothing within one of these functions.
std::size_t deliver(bp_client& client, std::size_t (*hand)(bp_client&) = hand_over) {
    std::size_t all = 0;
    if (client.delivering == 0) {
        const Calling delivering{client.delivering};
        const Calling calling{client.calling};
        while (const std::size_t count = hand(client)) {
            all += count;
        }
    }
    return all;
}

Expected<ConnectOptions> options_in(const bp_connect_options* given) {
    const auto known = struct_in(given);
    const auto path = known ? text_in(known->path, known->path_length) : std::nullopt;
    const auto name = known ? text_in(known->name, known->name_length) : std::nullopt;
    if (!path || !name || (known->flags & ~std::uint32_t{BP_CONNECT_NO_RESUME}) != 0) {
        return invalid("the options of a connection");
    }
    if (path->find('\0') != std::string_view::npos) {
        return invalid("a path with a NUL");
    }
    ConnectOptions options;
    options.path = *path;
    options.name = *name;
    options.within = patience(known->timeout_ns);
    options.resume = (known->flags & BP_CONNECT_NO_RESUME) == 0;
    return options;
}

/// As much of a text as the buffer takes, and a NUL.
void write_detail(std::string_view text, char* detail, std::size_t capacity) noexcept {
    if (detail != nullptr && capacity != 0) {
        const std::size_t size = std::min(text.size(), capacity - 1);
        std::copy_n(text.data(), size, detail);
        detail[size] = '\0';
    }
}

/// Makes a client by `make(options)`.
template <class Make>
bp_status make_client(const bp_connect_options* given, bp_client** out, char* detail, std::size_t capacity, Make&& make) noexcept {
    write_detail({}, detail, capacity);
    if (out == nullptr) {
        return BP_INVALID_ARGUMENT;
    }
    *out = nullptr;
    return alone([&]() -> Expected<void> {
        auto options = options_in(given);
        auto client = options ? make(std::move(*options)) : Expected<Client>{unexpected(options.error())};
        if (!client) {
            write_detail(client.error().detail, detail, capacity);
            return unexpected(client.error());
        }
        auto handle = std::make_unique<bp_client>(std::move(*client));
        if (handle->client.is_worker()) {
            // Its messages may come before anybody asks for the handle.
            auto own = std::make_unique<bp_device>();
            own->client = handle.get();
            own->device = &handle->client.device();
            handle->own = own.get();
            handle->devices.emplace(own->device->id().value, std::move(own));
        }
        *out = handle.release();
        return {};
    });
}

/// Waits for what `take` finds. Tasks are started meanwhile.
template <class Take>
auto next(bp_client& client, std::int64_t timeout_ns, Take&& take) -> Expected<std::remove_reference_t<decltype(*take(client))>> {
    const Instant deadline = client_detail::now() + within(timeout_ns).length;
    for (;;) {
        deliver(client, start_tasks);
        if (auto found = take(client)) {
            return std::move(*found);
        }
        const Instant at = client_detail::now();
        auto waited = client.client.wait(deadline.is_never() ? Within::forever() : Within{deadline - std::min(at, deadline)});
        deliver(client, start_tasks);
        if (auto found = take(client)) {
            return std::move(*found);
        }
        if (!waited) {
            return unexpected(waited.error());
        }
        if (!*waited) {
            return unexpected(ErrorCode::timeout);
        }
    }
}

/// A text of the client's for the caller.
void hand_out(const Error& error, const char** detail, std::size_t* length) {
    if (detail != nullptr) {
        *detail = error.detail.empty() ? nullptr : error.detail.data();
    }
    if (length != nullptr) {
        *length = error.detail.size();
    }
}

}  // namespace

bp_status run(bp_client* client, Function function, void* work) noexcept {
    auto done = called(function, work);
    if (done) {
        return BP_OK;
    }
    const ErrorCode code = done.error().code;
    if (client != nullptr) {
        client->error = std::move(done).error();
    }
    return status_of(code);
}

}  // namespace backplane::c_face

uint32_t bp_api_version() noexcept { return (uint32_t{BP_API_VERSION_MAJOR} << 16) | uint32_t{BP_API_VERSION_MINOR}; }

int bp_is_compatible(uint32_t major, uint32_t minor) noexcept {
    return major == BP_API_VERSION_MAJOR && minor <= BP_API_VERSION_MINOR ? 1 : 0;
}

const char* bp_version_text(size_t* length) noexcept {
    if (length != nullptr) {
        *length = version_text.size();
    }
    return version_text.data();
}

const char* bp_status_name(bp_status status, size_t* length) noexcept {
    const bool fits = status >= 0 && status <= 0xffff;
    const std::string_view name = error_name(static_cast<ErrorCode>(fits ? status : 0xffff));
    if (length != nullptr) {
        *length = name.size();
    }
    return name.data();
}

bp_status bp_client_connect(const bp_connect_options* options, bp_client** client, char* detail, size_t detail_capacity) noexcept {
    return make_client(options, client, detail, detail_capacity, [](ConnectOptions&& known) { return Client::connect(std::move(known)); });
}

bp_status bp_client_adopt(const bp_connect_options* options, bp_client** client, char* detail, size_t detail_capacity) noexcept {
    return make_client(options, client, detail, detail_capacity, [](ConnectOptions&& known) { return Client::adopt(std::move(known)); });
}

bp_status bp_client_from_environment(const bp_connect_options* options, bp_client** client, char* detail, size_t detail_capacity) noexcept {
    return make_client(options, client, detail, detail_capacity,
                       [](ConnectOptions&& known) { return Client::from_environment(std::move(known)); });
}

bp_status bp_client_over(int descriptor, const bp_connect_options* options, bp_client** client, char* detail,
                         size_t detail_capacity) noexcept {
    return make_client(options, client, detail, detail_capacity, [descriptor](ConnectOptions&& known) {
        return descriptor < 0 ? Expected<Client>{invalid("no descriptor")} : Client::over(descriptor, std::move(known));
    });
}

bp_status bp_client_close(bp_client* client) noexcept {
    if (client == nullptr) {
        return BP_INVALID_ARGUMENT;
    }
    if (client->calling != 0 && client->guard.is_same_process()) {
        return on(client, []() -> Expected<void> { return unexpected(ErrorCode::busy, "within a function of the caller's"); });
    }
    return alone([client]() -> Expected<void> {
        delete client;
        return {};
    });
}

bp_status bp_client_error(const bp_client* client, const char** detail, size_t* length) noexcept {
    if (client == nullptr) {
        return BP_INVALID_ARGUMENT;
    }
    hand_out(client->error, detail, length);
    return status_of(client->error.code);
}

bp_status bp_client_ended(bp_client* client, const char** detail, size_t* length) noexcept {
    ErrorCode code = ErrorCode::ok;
    const bp_status asked = on(client, [&]() -> Expected<void> {
        client->over = client->client.ended().value_or(Error{});
        hand_out(client->over, detail, length);
        code = client->over.code;
        return {};
    });
    return asked == BP_OK ? status_of(code) : asked;
}

uint64_t bp_client_epoch(const bp_client* client) noexcept { return client == nullptr ? 0 : client->client.epoch().value; }
int bp_client_is_worker(const bp_client* client) noexcept { return client != nullptr && client->client.is_worker() ? 1 : 0; }
int bp_client_fd(const bp_client* client) noexcept { return client == nullptr ? -1 : client->client.fd(); }

bp_status bp_client_dispatch(bp_client* client) noexcept {
    return on(client, [client]() -> Expected<void> {
        auto done = client->client.dispatch();
        deliver(*client);
        return done;
    });
}

bp_status bp_client_wait(bp_client* client, int64_t timeout_ns) noexcept {
    return on(client, [&]() -> Expected<void> {
        // What came before there were handlers, or within a call of theirs, is an arrival to them.
        const bool had = deliver(*client) != 0;
        auto waited = client->client.wait(had ? Within{Duration{}} : within(timeout_ns));
        deliver(*client);
        if (!waited) {
            return unexpected(waited.error());
        }
        return had || *waited ? Expected<void>{} : unexpected(ErrorCode::timeout);
    });
}

bp_status bp_client_flush(bp_client* client) noexcept {
    return on(client, [client]() { return client->client.flush(); });
}

bp_status bp_client_set_handlers(bp_client* client, const bp_handlers* handlers, void* user) noexcept {
    return on(client, [&]() -> Expected<void> {
        const auto known = struct_in(handlers);
        if (!known) {
            return invalid("handlers");
        }
        client->handlers = *known;
        client->user = user;
        return {};
    });
}

bp_status bp_client_next_message(bp_client* client, int64_t timeout_ns, bp_device** device, bp_message* message) noexcept {
    return on(client, [&]() -> Expected<void> {
        if (device == nullptr || !has_room(message)) {
            return invalid("no place for the message");
        }
        auto arrival = next(*client, timeout_ns, take_message);
        if (!arrival) {
            return unexpected(arrival.error());
        }
        *device = arrival->first;
        show(client->message.emplace(ShownMessage{std::move(arrival->second)}));
        fill(message, client->message->shown);
        return {};
    });
}

bp_status bp_client_next_event(bp_client* client, int64_t timeout_ns, bp_event* event) noexcept {
    return on(client, [&]() -> Expected<void> {
        if (!has_room(event)) {
            return invalid("no place for the event");
        }
        auto news = next(*client, timeout_ns, [](bp_client& from) { return from.client.try_event(); });
        if (!news) {
            return unexpected(news.error());
        }
        show(client->event.emplace(ShownEvent{std::move(*news)}));
        fill(event, client->event->shown);
        return {};
    });
}
