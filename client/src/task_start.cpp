// SPDX-License-Identifier: Apache-2.0
/// See backplane/task_start.hpp; and what a Client offers.
#include <backplane/task_start.hpp>

#include "client/src/client_state.hpp"
#include "client/src/connection.hpp"

#include <backplane/client.hpp>

#include <exception>
#include <utility>

namespace backplane {

using client_detail::Connection;

struct TaskStart::Request {
    wire::StartTask start;
};

namespace {
std::optional<Duration> patience(std::optional<std::int64_t> ms) { return ms ? std::optional{Duration::milliseconds(*ms)} : std::nullopt; }
}  // namespace

TaskStart::TaskStart(std::shared_ptr<Connection> connection, const Request& request)
    : connection_(std::move(connection)),
      device_(connection_, request.start.device, false),
      name_(request.start.name),
      starter_(request.start.starter),
      arguments_(request.start.arguments),
      start_timeout_(patience(request.start.start_timeout_ms)),
      shutdown_(patience(request.start.shutdown_ms)),
      managed_(request.start.managed),
      restart_(request.start.restart) {}

TaskStart::~TaskStart() { failed("its start function did not say what became of it"); }

void TaskStart::say(std::string_view state, std::string_view why) {
    const std::shared_ptr<Connection> connection = std::exchange(connection_, nullptr);
    if (connection && connection->is_same_process()) {
        connection->talk().say_task(device_.id(), state, why);
        connection->buffered();
    }
}

Device TaskStart::running() {
    say("running", {});
    return std::move(device_);
}

void TaskStart::completed() { say("completed", {}); }
void TaskStart::ignored() { say("ignored", {}); }
void TaskStart::failed(std::string_view why) { say("failed", why); }

Expected<void> Client::offer(std::string_view name, OnTaskStart start, Within within) {
    DeviceOptions options;
    options.name = name;
    options.within = within;
    Expected<Device> device = open_device(std::move(options));
    if (!device) {
        return unexpected(device.error());
    }
    const std::uint64_t id = device->id().value;
    state_->offers.insert_or_assign(id, State::Offer{std::move(*device), std::string{name}, std::move(start)});
    return {};
}

void Client::withdraw_offer(std::string_view name) {
    std::erase_if(state_->offers, [name](const auto& offer) { return offer.second.name == name; });
}

/// What is asked for that nobody offers fails at once: the offer was withdrawn while it was on its way.
void Client::start_tasks() {
    const std::shared_ptr<Connection>& connection = state_->connection;
    while (auto asked = connection->talk().take_start()) {
        const std::uint64_t by = asked->by.value;
        TaskStart start{connection, TaskStart::Request{std::move(*asked)}};
        const auto offer = state_->offers.find(by);
        if (offer == state_->offers.end()) {
            start.failed("this client offers nothing under that name");
            continue;
        }
        const OnTaskStart function = offer->second.start;  // a copy: it may withdraw itself
        try {
            function(start);
        } catch (const std::exception& error) {
            if (!start) {
                throw;  // it is no longer here whose failure this would be
            }
            start.failed(error.what());
        }
    }
}

}  // namespace backplane
