// SPDX-License-Identifier: Apache-2.0
/// The C face's calls that ask the daemon: names, questions, supervision, the log.
#include "client/src/c_handles.hpp"

using namespace backplane;
using namespace backplane::c_face;

namespace {

using Command = Expected<std::string> (Client::*)(std::string_view, WaitFor, Within);

bp_status command(bp_client* client, Command call, const char* name, std::size_t length, std::uint32_t flags,
                  std::int64_t timeout_ns) noexcept {
    return with_name(client, name, length, [&](Client& to, std::string_view given) -> Expected<void> {
        if ((flags & ~std::uint32_t{BP_COMMAND_NO_WAIT}) != 0) {
            return invalid("unknown flags");
        }
        const WaitFor wait = (flags & BP_COMMAND_NO_WAIT) != 0 ? WaitFor::accepted : WaitFor::done;
        const auto done = (to.*call)(given, wait, within(timeout_ns));
        return done ? Expected<void>{} : unexpected(done.error());
    });
}

/// Asks for a line and hands it out.
template <class Find>
Expected<void> find_line(bp_line* line, Find&& find) {
    if (!has_room(line)) {
        return invalid("no place for the line");
    }
    const auto found = find();
    if (!found) {
        return unexpected(found.error());
    }
    fill(line, line_out(*found));
    return {};
}

}  // namespace

bp_status bp_client_register_name(bp_client* client, const char* name, size_t name_length, const bp_device* device,
                                  int64_t timeout_ns) noexcept {
    return with_name(client, name, name_length, [&](Client& to, std::string_view given) -> Expected<void> {
        if (device == nullptr) {
            return invalid("no Device");
        }
        if (device->client != client) {
            return unexpected(ErrorCode::not_owner, "a Device of another client");
        }
        return to.register_name(given, *device->device, within(timeout_ns));
    });
}

bp_status bp_client_release_name(bp_client* client, const char* name, size_t name_length, int64_t timeout_ns) noexcept {
    return with_name(client, name, name_length,
                     [&](Client& to, std::string_view given) { return to.release_name(given, within(timeout_ns)); });
}

bp_status bp_client_lookup(bp_client* client, const char* name, size_t name_length, int64_t timeout_ns, bp_line* line) noexcept {
    return with_name(client, name, name_length, [&](Client& to, std::string_view given) {
        return find_line(line, [&] { return to.lookup(given, within(timeout_ns)); });
    });
}

bp_status bp_client_route(bp_client* client, const char* supervisor, size_t supervisor_length, const char* key, size_t key_length,
                          int64_t timeout_ns, bp_line* line) noexcept {
    return with_name(client, supervisor, supervisor_length, [&](Client& to, std::string_view given) {
        const auto text = text_in(key, key_length);
        return text ? find_line(line, [&] { return to.route(given, *text, within(timeout_ns)); }) : Expected<void>{invalid("no key")};
    });
}

bp_status bp_client_watch_name(bp_client* client, const char* name, size_t name_length, int64_t timeout_ns) noexcept {
    return with_name(client, name, name_length,
                     [&](Client& to, std::string_view given) { return to.watch_name(given, within(timeout_ns)); });
}

bp_status bp_client_unwatch_name(bp_client* client, const char* name, size_t name_length, int64_t timeout_ns) noexcept {
    return with_name(client, name, name_length,
                     [&](Client& to, std::string_view given) { return to.unwatch_name(given, within(timeout_ns)); });
}

bp_status bp_client_ping(bp_client* client, int64_t timeout_ns, int64_t* elapsed_ns) noexcept {
    return on(client, [&]() -> Expected<void> {
        const auto elapsed = client->client.ping(within(timeout_ns));
        if (!elapsed) {
            return unexpected(elapsed.error());
        }
        if (elapsed_ns != nullptr) {
            *elapsed_ns = elapsed->ns;
        }
        return {};
    });
}

bp_status bp_client_list(bp_client* client, int64_t timeout_ns, bp_on_row on_row, void* user) noexcept {
    return on(client, [&]() -> Expected<void> {
        if (on_row == nullptr) {
            return invalid("no function for the rows");
        }
        auto rows = client->client.list(within(timeout_ns));
        if (!rows) {
            return unexpected(rows.error());
        }
        const Calling calling{client->calling};
        for (DeviceRow& each : *rows) {
            ShownRow row{};
            row.value.row = std::move(each);
            show(row);
            row.shown.links = -1;
            if (on_row(&row.shown, user) != 0) {
                break;
            }
        }
        return {};
    });
}

bp_status bp_client_describe(bp_client* client, const char* name, size_t name_length, int64_t timeout_ns, bp_row* row) noexcept {
    return with_name(client, name, name_length, [&](Client& to, std::string_view given) {
        return answer(client->row, row, [&] { return to.describe(given, within(timeout_ns)); });
    });
}

bp_status bp_client_describe_line(bp_client* client, const bp_line* line, int64_t timeout_ns, bp_row* row) noexcept {
    return with_line(client, line, [&](Client& to, const Line& given) {
        return answer(client->row, row, [&] { return to.describe(given, within(timeout_ns)); });
    });
}

bp_status bp_client_start(bp_client* client, const char* name, size_t name_length, uint32_t flags, int64_t timeout_ns) noexcept {
    return command(client, &Client::start, name, name_length, flags, timeout_ns);
}

bp_status bp_client_stop(bp_client* client, const char* name, size_t name_length, uint32_t flags, int64_t timeout_ns) noexcept {
    return command(client, &Client::stop, name, name_length, flags, timeout_ns);
}

bp_status bp_client_restart(bp_client* client, const char* name, size_t name_length, uint32_t flags, int64_t timeout_ns) noexcept {
    return command(client, &Client::restart, name, name_length, flags, timeout_ns);
}

bp_status bp_client_ready(bp_client* client, int64_t timeout_ns) noexcept {
    return on(client, [&]() { return client->client.ready(within(timeout_ns)); });
}

bp_status bp_client_subscribe(bp_client* client, const bp_subscribe_options* options, int64_t timeout_ns) noexcept {
    return on(client, [&]() -> Expected<void> {
        constexpr std::uint32_t all = BP_SUBSCRIBE_GRAPH | BP_SUBSCRIBE_ONCE | BP_SUBSCRIBE_REMEMBERED;
        const auto known = struct_in(options);
        if (!known || (known->flags & ~all) != 0) {
            return invalid("the options of a subscription");
        }
        SubscribeOptions chosen;
        chosen.graph = (known->flags & BP_SUBSCRIBE_GRAPH) != 0;
        chosen.follow = (known->flags & BP_SUBSCRIBE_ONCE) == 0;
        if ((known->flags & BP_SUBSCRIBE_REMEMBERED) != 0) {
            chosen.since = known->since;
        }
        return client->client.subscribe(chosen, {}, within(timeout_ns));
    });
}

bp_status bp_client_unsubscribe(bp_client* client, int64_t timeout_ns) noexcept {
    return on(client, [&]() { return client->client.unsubscribe(within(timeout_ns)); });
}
