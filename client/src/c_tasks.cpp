// SPDX-License-Identifier: Apache-2.0
/// The C face's tasks. The library's start function only puts an attempt into a queue, with a handle for its Device; the caller's is called
/// where the other functions of the caller's are, and never within one of them.
#include "client/src/c_handles.hpp"

using namespace backplane;
using namespace backplane::c_face;

namespace backplane {

namespace client_detail {

class CFaceAccess {
  public:
    static void start_tasks(Client& client) { client.start_tasks(); }
};

}  // namespace client_detail

namespace c_face {

namespace {

/// An attempt that is over; its Device too, unless it is the caller's.
void drop(bp_client& client, const bp_task_start& start) {
    if (start.device != nullptr) {
        client.devices.erase(start.id);
    }
    client.starts.erase(start.id);
}

/// Puts an attempt into the queue.
void queue(bp_client& client, TaskStart&& asked, bp_on_task_start on_start, void* user) {
    const std::uint64_t id = asked.device().id().value;
    auto device = std::make_unique<bp_device>();
    device->client = &client;
    auto made = std::make_unique<bp_task_start>(client, std::move(asked), on_start, user);
    bp_task_start& start = *client.starts.emplace(id, std::move(made)).first->second;
    device->device = &start.start.device();
    start.device = client.devices.emplace(id, std::move(device)).first->second.get();
    client.asked.push_back(id);
}

}  // namespace

void take_starts(bp_client& client) { client_detail::CFaceAccess::start_tasks(client.client); }

std::size_t start_tasks(bp_client& client) {
    take_starts(client);
    std::size_t count = 0;
    while (!client.asked.empty()) {
        bp_task_start& start = *client.starts.at(client.asked.front());
        client.asked.pop_front();
        count += 1;
        start.on_start(&start, start.user);
        start.returned = true;
        if (!start.kept || !start.start) {
            drop(client, start);
        }
    }
    if (count != 0) {
        (void)client.client.flush();  // what was said leaves; that the connection is over is told by its event
    }
    return count;
}

}  // namespace c_face

}  // namespace backplane

namespace {

/// Says what becomes of an attempt, with which its handle goes, if its function does not need it any more.
template <class Word>
bp_status say(bp_task_start* start, Word&& word) noexcept {
    return on(start, [&]() -> Expected<void> {
        if (!start->start) {
            return invalid("it is said already what became of it");
        }
        word(*start);
        if (start->returned) {
            drop(*start->client, *start);
        }
        return {};
    });
}

}  // namespace

bp_status bp_client_offer(bp_client* client, const char* name, size_t name_length, bp_on_task_start on_start, void* user,
                          int64_t timeout_ns) noexcept {
    return with_name(client, name, name_length, [&](Client& to, std::string_view given) -> Expected<void> {
        if (on_start == nullptr || given.empty()) {
            return invalid("an offer is a name and a function");
        }
        const auto start = [client, on_start, user](TaskStart& asked) { queue(*client, std::move(asked), on_start, user); };
        return to.offer(given, start, within(timeout_ns));
    });
}

bp_status bp_client_withdraw_offer(bp_client* client, const char* name, size_t name_length) noexcept {
    return with_name(client, name, name_length, [&](Client& to, std::string_view given) -> Expected<void> {
        to.withdraw_offer(given);
        std::erase_if(client->asked, [&](std::uint64_t id) {
            bp_task_start& start = *client->starts.at(id);
            if (start.start.starter() != given) {
                return false;
            }
            start.start.failed("the offer was withdrawn");
            drop(*client, start);
            return true;
        });
        return {};
    });
}

bp_status bp_task_start_get(const bp_task_start* start, bp_task* task) noexcept {
    return alone([&]() -> Expected<void> {
        if (start == nullptr || !has_room(task)) {
            return invalid("no attempt, or no place for its task");
        }
        const auto length = [](std::optional<Duration> time) { return time ? time->ns : BP_FOREVER; };
        const TaskStart& asked = start->start;
        bp_task out{};
        out.restart = asked.is_restart() ? 1 : 0;
        out.managed = asked.is_managed() ? 1 : 0;
        point(out.name, out.name_length, asked.name());
        point(out.starter, out.starter_length, asked.starter());
        out.argument_count = asked.arguments().size();
        out.start_timeout_ns = length(asked.start_timeout());
        out.shutdown_ns = length(asked.shutdown());
        fill(task, out);
        return {};
    });
}

bp_status bp_task_start_argument(const bp_task_start* start, size_t index, const char** text, size_t* length) noexcept {
    return alone([&]() -> Expected<void> {
        if (start == nullptr || text == nullptr || length == nullptr) {
            return invalid("no attempt, or no place for its argument");
        }
        if (index >= start->start.arguments().size()) {
            return unexpected(ErrorCode::not_found);
        }
        point(*text, *length, start->start.arguments()[index]);
        return {};
    });
}

bp_status bp_task_start_device(bp_task_start* start, bp_device** device) noexcept {
    return on(start, [&]() -> Expected<void> {
        if (device == nullptr || start->device == nullptr) {
            return invalid("no place for the Device, or it is the caller's already");
        }
        *device = start->device;
        return {};
    });
}

bp_status bp_task_start_keep(bp_task_start* start) noexcept {
    return on(start, [start]() -> Expected<void> {
        start->kept = true;
        return {};
    });
}

bp_status bp_task_start_running(bp_task_start* start, bp_device** device) noexcept {
    if (device == nullptr) {
        return BP_INVALID_ARGUMENT;
    }
    return say(start, [device](bp_task_start& said) {
        bp_device& its = *std::exchange(said.device, nullptr);
        its.opened = said.start.running();
        its.device = &its.opened;
        *device = &its;
    });
}

bp_status bp_task_start_completed(bp_task_start* start) noexcept {
    return say(start, [](bp_task_start& said) { said.start.completed(); });
}

bp_status bp_task_start_ignored(bp_task_start* start) noexcept {
    return say(start, [](bp_task_start& said) { said.start.ignored(); });
}

bp_status bp_task_start_failed(bp_task_start* start, const char* why, size_t why_length) noexcept {
    const auto given = text_in(why, why_length);
    return given ? say(start, [&](bp_task_start& said) { said.start.failed(*given); }) : BP_INVALID_ARGUMENT;
}
