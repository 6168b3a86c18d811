// SPDX-License-Identifier: Apache-2.0
/// Runs under a Device's eyes (rules W-1 to W-4): what messages mean to a managed one, and functions on a thread of their own
/// while the caller's thread serves the connection.
///
/// The two threads share one event descriptor, which the worker signals at its end, and the job's result, which is read after
/// the join.
#include "client/src/connection.hpp"
#include "client/src/descriptor.hpp"

#include <backplane/device.hpp>

#include <sys/eventfd.h>
#include <unistd.h>
#include <cstdint>
#include <exception>
#include <system_error>
#include <thread>
#include <utility>

namespace backplane {

namespace {

using client_detail::Connection;
using client_detail::Descriptor;
using client_detail::Unasked;

Crash<Unasked> lost(Error why) {
    Crash<Unasked> crash;
    crash.kind = CrashKind::lost;
    crash.lost = std::move(why);
    return crash;
}

/// A job on a thread of its own, which is joined with this.
class Worker {
  public:
    Expected<void> begin(const std::function<void(std::stop_token)>& job) {
        finished_ = Descriptor{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
        if (!finished_) {
            return unexpected(client_detail::system_error("eventfd"));
        }
        try {
            thread_ = std::jthread{[this, &job](std::stop_token stop) {
                job(std::move(stop));
                const std::uint64_t one = 1;
                // An eventfd that was never written takes a 1 without fail.
                static_cast<void>(::write(finished_.get(), &one, sizeof(one)) == sizeof(one));
            }};
        } catch (const std::system_error& failure) {
            return unexpected(ErrorCode::system, std::string{"thread: "} + failure.what());
        }
        return {};
    }

    /// Readable once the job has ended.
    [[nodiscard]] int finished_fd() const { return finished_.get(); }
    [[nodiscard]] bool is_finished() {
        std::uint64_t count = 0;
        seen_finished_ = seen_finished_ || ::read(finished_.get(), &count, sizeof(count)) == sizeof(count);
        return seen_finished_;
    }
    void request_stop() { thread_.request_stop(); }

  private:
    Descriptor finished_;
    bool seen_finished_ = false;
    std::jthread thread_;  // last: joined before what it uses goes
};

/// The fault of the immediate neighbour, out of the cascade that it caused: the root's own where there is no Device between.
Fault neighbour_fault(const Fault& cascade) {
    Fault fault;
    if (cascade.hops > 1) {
        fault = cascade;
        fault.hops = cascade.hops - 1;
        fault.cascade = DeviceId{};
        return fault;
    }
    fault.kind = cascade.root_kind != FaultKind::none ? cascade.root_kind : FaultKind::error;
    fault.argument = cascade.root_argument;
    return fault;
}

Crash<Unasked> crash_of(const talk::Ending& ending) {
    Crash<Unasked> crash;
    crash.by = ending.by;
    if (ending.fault.kind == FaultKind::cascade) {
        crash.kind = CrashKind::cascade;
        crash.fault = neighbour_fault(ending.fault);
    } else if (!ending.fault.is_error()) {
        crash.kind = CrashKind::power_off;
    } else {
        crash = lost(Error{ErrorCode::device_down, ending.fault.text});
        crash.fault = ending.fault;
    }
    return crash;
}

/// A fatal notice by W-2: the Device goes with `cascade`. A line of another epoch cannot be named to this daemon.
Crash<Unasked> cascade_from(Connection& connection, DeviceId id, const Disconnected& notice) {
    Fault fault;
    if (notice.device.epoch() == connection.talk().epoch()) {
        fault.kind = FaultKind::cascade;
        fault.cascade = notice.device.id();
    } else {
        fault = Fault::error("unreachable: " + notice.device.text());
    }
    connection.talk().disconnect(id, fault);
    Crash<Unasked> crash;
    crash.kind = CrashKind::cascade;
    crash.by = notice.device;
    crash.fault = *notice.fault;
    return crash;
}

}  // namespace

std::optional<Crash<Unasked>> Device::heed() {
    talk::Conversation& talk = connection_->talk();
    while (const auto message = talk.inboxes().take(id_)) {
        if (message->is_shutdown()) {
            disconnect();
            Crash<Unasked> crash;
            crash.kind = CrashKind::power_off;
            crash.by = message->sender();
            return crash;
        }
        if (message->is_fatal()) {
            auto crash = cascade_from(*connection_, id_, std::get<Disconnected>(*message));
            connection_->flush();
            return crash;
        }
    }
    if (const Error* over = talk.over()) {
        return lost(*over);
    }
    if (const talk::Ending* ending = talk.inboxes().ending(id_)) {
        return crash_of(*ending);
    }
    if (!talk.inboxes().is_live(id_)) {
        return lost(why_lost());
    }
    return std::nullopt;
}

Error Device::why_lost() const {
    auto fit = usable();
    return fit ? Error{ErrorCode::device_down, "this Device is gone"} : std::move(fit).error();
}

void Device::catch_up() {
    if (connection_) {
        static_cast<void>(connection_->pump(connection_->now()));
    }
}

std::optional<Crash<Unasked>> Device::begin_run() {
    if (auto fit = usable(); !fit) {
        return lost(fit.error());
    }
    if (auto crash = heed()) {
        return crash;  // it was there before the work began, which then never does
    }
    if (!own_) {
        connection_->talk().manage(id_, true);
        connection_->buffered();
    }
    return std::nullopt;
}

void Device::end_run(bool then_disconnect) {
    if (then_disconnect) {
        disconnect();
    } else if (!own_) {
        connection_->talk().manage(id_, false);
        connection_->flush();
    }
}

void Device::abandon_run() noexcept {
    if (connection_ && connection_->is_same_process()) {
        connection_->talk().release(id_);
        connection_->flush();
    }
}

Device::Outcome Device::run_job(const Job& job, bool as_managed) {
    // What ends the job before its own end: as a managed run a Crash, else the first message.
    const auto look = [&]() -> Outcome {
        if (as_managed) {
            auto crash = heed();
            return crash ? Outcome{std::move(*crash)} : Outcome{};
        }
        if (auto message = try_receive()) {
            return std::move(*message);
        }
        return *this ? Outcome{} : Outcome{lost(why_lost())};
    };
    const auto is_open = [](const Outcome& outcome) { return std::holds_alternative<std::monostate>(outcome); };
    if (auto fit = usable(); !fit) {
        return lost(fit.error());
    }
    Outcome outcome = look();
    if (!is_open(outcome)) {
        return outcome;
    }
    Worker worker;
    if (auto begun = worker.begin(job); !begun) {
        if (as_managed) {
            disconnect(Fault::error(begun.error().text()));
        }
        return lost(begun.error());
    }
    while (is_open(outcome) && !worker.is_finished()) {
        if (const auto moved = connection_->pump(Instant::never(), worker.finished_fd()); !moved) {
            outcome = look();
            outcome = is_open(outcome) ? Outcome{lost(moved.error())} : std::move(outcome);
            break;
        }
        outcome = look();
    }
    if (is_open(outcome)) {
        catch_up();
        outcome = look();  // a message that is already there wins over the result (W-4)
    }
    if (!is_open(outcome)) {
        // The others are told now, the job is asked to stop, and the connection is served until it has: its result is lost.
        connection_->flush();
        worker.request_stop();
        while (!worker.is_finished() && connection_->pump(Instant::never(), worker.finished_fd())) {
        }
    }
    return outcome;
}

}  // namespace backplane
