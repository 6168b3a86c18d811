// SPDX-License-Identifier: Apache-2.0
/// How a Client is driven: what runs within `dispatch`, waiting for anything at all, coroutines, and the thread of its own.
#include "client/src/client_state.hpp"

#include <backplane/client.hpp>

#include <algorithm>
#include <semaphore>
#include <system_error>
#include <utility>

namespace backplane {

using client_detail::Connection;

/// Posted functions, then the coroutines whose thing or time has come. What they ask for leaves, and the descriptor says whether
/// there is more to do.
void Client::run_ready() {
    Connection& connection = *state_->connection;
    for (const auto& function : state_->posts->take()) {
        // As in a thread of its own: an exception ends the program, and does not take the functions behind it along.
        [&]() noexcept { function(*this); }();
    }
    start_tasks();
    connection.waiters().run(connection.now());
    if (connection.usable()) {
        connection.flush();
    }
}

bool Client::has_something_to_do() const {
    const Connection& connection = *state_->connection;
    return connection.has_unseen() || state_->posts->any() || connection.waiters().next_timer() <= connection.now();
}

Expected<bool> Client::wait(Within within) {
    Connection& connection = *state_->connection;
    if (auto fit = connection.touchable(); !fit) {
        return unexpected(fit.error());
    }
    const Instant deadline = connection.now() + within.length;
    const int posted = connection.has_own_clock() ? -1 : state_->posts->descriptor();
    Expected<bool> moved = true;
    while (moved && !has_something_to_do()) {
        moved = connection.pump(std::min(deadline, connection.waiters().next_timer()), posted);
        const bool in_vain = (moved && !*moved) || (!moved && moved.error().code == ErrorCode::timeout);
        const bool is_over = connection.now() >= deadline || !moved;
        if (in_vain && !has_something_to_do() && is_over) {
            return false;
        }
    }
    // The end of the connection is itself an arrival: it is told by dispatch, once what came before is delivered.
    if (auto done = dispatch(); !done) {
        return unexpected(done.error());
    }
    return moved ? Expected<bool>{true} : unexpected(moved.error());
}

Expected<void> Client::drive(const std::function<bool()>& is_done, Within within) {
    Connection& connection = *state_->connection;
    const Instant deadline = connection.now() + within.length;
    while (!is_done()) {
        const Instant at = connection.now();
        const auto came = wait(deadline.is_never() ? Within::forever() : Within{at < deadline ? deadline - at : Duration{}});
        if (is_done()) {
            break;
        }
        if (!came && connection.talk().wakes().any()) {
            continue;  // the end wakes whoever waits, one after the other
        }
        if (!came) {
            return unexpected(came.error());
        }
        if (!*came) {
            return unexpected(ErrorCode::timeout, "the task is not done in time");
        }
    }
    return {};
}

void Client::spawn(Task<> task) { state_->connection->waiters().spawn(std::move(task)); }

SleepWait Client::sleep(Duration length) { return SleepWait{state_->connection, length}; }

EventWait Client::next_event() { return EventWait{state_->connection}; }

Expected<void> Client::post(std::function<void(Client&)> function) { return state_->posts->post(std::move(function)); }

Expected<void> Client::start_thread() {
    State* state = state_.get();
    if (state->thread.joinable()) {
        return unexpected(ErrorCode::invalid_argument, "this client has a thread already");
    }
    if (auto fit = state->connection->usable(); !fit) {
        return unexpected(fit.error());
    }
    if (state->connection->has_own_clock()) {
        return unexpected(ErrorCode::not_supported, "this client has no thread but its test's");
    }
    const auto given = std::make_shared<std::binary_semaphore>(0);
    try {
        state->thread = std::jthread{[state, given](const std::stop_token& stop) {
            given->acquire();
            // The same Client to what runs here: it stays in its owner's hands, who may move it.
            Client client{std::unique_ptr<State>{state}};
            while (!stop.stop_requested()) {
                if (!client.wait(Within::forever()) && !stop.stop_requested()) {
                    state->posts->wait();  // the connection is over; what is posted is run all the same
                }
            }
            static_cast<void>(client.state_.release());
        }};
    } catch (const std::system_error& failure) {
        return unexpected(ErrorCode::system, std::string{"thread: "} + failure.what());
    }
    state->connection->belong_to(state->thread.get_id());
    given->release();
    return {};
}

void Client::stop_thread() {
    if (state_->thread.joinable()) {
        state_->thread.request_stop();
        state_->posts->wake();
        state_->thread.join();
        state_->connection->belong_to({});
    }
}

}  // namespace backplane
