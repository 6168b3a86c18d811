// SPDX-License-Identifier: Apache-2.0
/// The managed run (rules W-2 to W-4): the work on a thread of its own, the connection served by the caller's thread.
///
/// The two threads share the work's outcome and one event descriptor, which the worker signals at its end; the outcome
/// is read after the join. Exceptions of the work are its panic (F-3) and are caught here and nowhere else.
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
using Task = std::function<Expected<void>(std::stop_token)>;

Crash crash_of(Error error) {
    Crash crash;
    crash.kind = CrashKind::error;
    crash.error = std::move(error);
    return crash;
}

/// The work, running. `begin` once, then `finished` and `end`.
class Work {
  public:
    Expected<void> begin(const Task& task) {
        finished_ = Descriptor{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
        if (!finished_) {
            return unexpected(client_detail::system_error("eventfd"));
        }
        try {
            thread_ = std::jthread{[this, &task](std::stop_token stop) { run(task, std::move(stop)); }};
        } catch (const std::system_error& failure) {
            return unexpected(ErrorCode::system, std::string{"thread: "} + failure.what());
        }
        return {};
    }

    /// Readable once the work has ended.
    [[nodiscard]] int finished_fd() const { return finished_.get(); }
    [[nodiscard]] bool is_finished() {
        std::uint64_t count = 0;
        seen_finished_ = seen_finished_ || ::read(finished_.get(), &count, sizeof(count)) == sizeof(count);
        return seen_finished_;
    }
    void request_stop() { thread_.request_stop(); }

    /// Joins, and gives the work's own crash if it had one.
    std::optional<Crash> end() {
        if (thread_.joinable()) {
            thread_.join();
        }
        return std::move(crash_);
    }

  private:
    void run(const Task& task, std::stop_token stop) noexcept {
        try {
            if (auto done = task(std::move(stop)); !done) {
                crash_ = crash_of(std::move(done).error());
            }
        } catch (const std::exception& panic) {
            crash_ = panicked(panic.what());
        } catch (...) {
            crash_ = panicked("an exception that is not a std::exception");
        }
        const std::uint64_t one = 1;
        // An eventfd that was never written takes a 1 without fail.
        static_cast<void>(::write(finished_.get(), &one, sizeof(one)) == sizeof(one));
    }

    static Crash panicked(std::string_view what) {
        Crash crash;
        crash.kind = CrashKind::panic;
        crash.what = what;
        return crash;
    }

    Descriptor finished_;
    std::optional<Crash> crash_;
    bool seen_finished_ = false;
    std::jthread thread_;
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

Crash crash_of(const talk::Ending& ending) {
    Crash crash;
    crash.by = ending.by;
    if (ending.fault.kind == FaultKind::cascade) {
        crash.kind = CrashKind::cascade;
        crash.fault = neighbour_fault(ending.fault);
    } else if (!ending.fault.is_error()) {
        crash.kind = CrashKind::power_off;
    } else {
        crash = crash_of(Error{ErrorCode::device_down, ending.fault.text});
        crash.fault = ending.fault;
    }
    return crash;
}

/// A fatal notice by W-2: the Device goes with `cascade`. A line of another epoch cannot be named to this daemon.
Crash cascade_from(Connection& connection, DeviceId id, const Disconnected& notice) {
    Fault fault;
    if (notice.device.epoch() == connection.talk().epoch()) {
        fault.kind = FaultKind::cascade;
        fault.cascade = notice.device.id();
    } else {
        fault = Fault::error("unreachable: " + notice.device.text());
    }
    connection.talk().disconnect(id, fault);
    Crash crash;
    crash.kind = CrashKind::cascade;
    crash.by = notice.device;
    crash.fault = *notice.fault;
    return crash;
}

/// Takes in what has arrived for the Device: the Crash that it means, or nothing if the run goes on.
std::optional<Crash> look(Connection& connection, DeviceId id) {
    talk::Conversation& talk = connection.talk();
    while (const auto message = talk.inboxes().take(id)) {
        if (const auto* request = std::get_if<Shutdown>(&*message)) {
            talk.disconnect(id, Fault{});
            Crash crash;
            crash.kind = CrashKind::power_off;
            crash.by = request->from;
            return crash;
        }
        if (const auto& notice = std::get<Disconnected>(*message); notice.fault) {
            return cascade_from(connection, id, notice);
        }
    }
    if (const Error* over = talk.over()) {
        return crash_of(*over);
    }
    if (const talk::Ending* ending = talk.inboxes().ending(id)) {
        return crash_of(*ending);
    }
    return std::nullopt;
}

/// Serves the connection until the work is finished or something fatal has come.
std::optional<Crash> serve(Connection& connection, DeviceId id, Work& work) {
    auto crash = look(connection, id);
    while (!crash && !work.is_finished()) {
        if (const auto moved = connection.pump(Instant::never(), work.finished_fd()); !moved) {
            crash = look(connection, id);
            return crash ? crash : crash_of(moved.error());
        }
        crash = look(connection, id);
    }
    if (!crash && connection.dispatch()) {
        crash = look(connection, id);  // a message that is already there wins over the result (W-4)
    }
    return crash;
}

/// The run is lost: the others are told now, the work is asked to stop, and the connection is served until it has.
void abandon(Connection& connection, Work& work) {
    connection.flush();
    work.request_stop();
    while (!work.is_finished() && connection.pump(Instant::never(), work.finished_fd())) {
    }
    static_cast<void>(work.end());  // its own outcome is lost, by W-4
}

}  // namespace

std::optional<Crash> Device::run_managed(const Task& task, bool then_disconnect) {
    if (auto fit = usable(); !fit) {
        return crash_of(fit.error());
    }
    talk::Conversation& talk = connection_->talk();
    if (auto crash = look(*connection_, id_)) {
        connection_->flush();
        return crash;  // it was there before the work began, which then never does
    }
    if (!talk.inboxes().is_live(id_)) {
        return crash_of(Error{ErrorCode::device_down, "this Device is gone"});
    }
    if (!own_) {
        talk.manage(id_, true);
    }
    Work work;
    if (auto begun = work.begin(task); !begun) {
        disconnect(Fault::error(begun.error().text()));
        return crash_of(begun.error());
    }
    if (auto crash = serve(*connection_, id_, work)) {
        abandon(*connection_, work);
        return crash;
    }
    if (auto crash = work.end()) {
        disconnect(Fault::error(crash->kind == CrashKind::panic ? "panic: " + crash->what : crash->error.text()));
        return crash;
    }
    if (then_disconnect) {
        disconnect();
    } else if (!own_) {
        talk.manage(id_, false);
        connection_->flush();
    }
    return std::nullopt;
}

}  // namespace backplane
