// SPDX-License-Identifier: Apache-2.0
/// Calls: the control requests that await their reply, and the translation of replies into the library's values.
#pragma once

#include "client/talk/wakes.hpp"
#include "proto/wire/message.hpp"

#include <backplane/diagnosis.hpp>
#include <backplane/expected.hpp>
#include <backplane/values.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace backplane::talk {

/// One page of `list`.
struct Page {
    std::vector<DeviceRow> rows;
    std::string next;  ///< the cursor of the page behind it; empty at the end
};

/// What `lookup` found.
struct Found {
    Line device;
    std::string name;  ///< the full name
};

/// What start, stop and restart acted on.
struct Named {
    std::string name;
};

/// What child_spec tells.
struct SpecText {
    std::string spec;
};

/// What exits tells.
struct Exits {
    std::vector<ExitRecord> records;
};

/// The value of a reply; monostate where a call has nothing to say but that it succeeded.
using Answer = std::variant<std::monostate, Page, Description, Found, Named, DaemonInfo, AddedChild, ChildCounts, SpecText, ReloadPlan,
                            Impact, Why, Exits, LogPage>;

/// A reply of the wire as the value that the library hands out.
[[nodiscard]] Answer to_answer(wire::Reply&& reply, Epoch epoch);
/// The parts of `to_answer` that stand in a file of their own (diagnosis.cpp).
[[nodiscard]] Impact to_impact(wire::Impact&& from, Epoch epoch);
[[nodiscard]] Why to_why(wire::Why&& from, Epoch epoch);
[[nodiscard]] DeviceRow to_row(wire::Row&& row, Epoch epoch);
[[nodiscard]] std::optional<Line> to_line(const std::optional<DeviceId>& id, Epoch epoch);
[[nodiscard]] LogEvent to_log_event(wire::Event&& event, Epoch epoch);
[[nodiscard]] NameChange to_name_change(wire::NameState&& state, Epoch epoch);

/// Who wants to know what a call comes to.
enum class Waiting : std::uint8_t { user, library, nobody };

class Calls {
  public:
    /// A call whose reply has not come. The request is kept with it, for it may have to be asked again.
    struct Open {
        wire::Request request;
        std::uint64_t operation = 0;  ///< the request's number among the counted frames
        Waiting waiting = Waiting::user;
        bool again = false;  ///< it was carried out by a daemon whose reply was lost, and asked once more
        std::optional<Expected<Answer>> answer;
        Ticket waiter = 0;
    };

    explicit Calls(Wakes& wakes) : wakes_(wakes) {}

    /// Notes a new call, numbers its request and answers it; the place stays until the call is taken or dropped.
    Open& begin(wire::Request request, Waiting waiting);

    /// The call that a number stands for; null if none is open under it.
    [[nodiscard]] const Open* open_call(std::uint64_t id) const;
    /// Whether a call of this kind is open.
    [[nodiscard]] bool has_open(wire::Call call) const;
    /// The reply has come. It is kept for `take`, or dropped where no user waits.
    void finish(std::uint64_t id, Expected<Answer> answer);
    /// After a resume: drops the open calls among the first `carried_out` operations for which `is_wanted` does not hold, and has
    /// `send` send the request of each other one again, which answers its new operation. Their replies died with the daemon.
    template <class IsWanted, class Send>
    void ask_again(std::uint64_t carried_out, IsWanted&& is_wanted, Send&& send) {
        for (auto at = open_.begin(); at != open_.end();) {
            Open& open = at->second;
            if (open.answer || open.operation > carried_out) {
                ++at;
            } else if (!is_wanted(open)) {
                at = open_.erase(at);
            } else {
                open.again = true;
                open.operation = send(open.request);
                ++at;
            }
        }
    }
    /// The answer, once; nothing while it has not come.
    [[nodiscard]] std::optional<Expected<Answer>> take(std::uint64_t id);
    /// Whether `take` has an answer.
    [[nodiscard]] bool is_answered(std::uint64_t id) const;
    /// The ticket is woken by the answer.
    void wait(std::uint64_t id, Ticket ticket);
    /// The user waits no longer.
    void abandon(std::uint64_t id);
    /// Every open call is answered by this error: the connection is over.
    void fail_all(const Error& error);

  private:
    Wakes& wakes_;
    std::map<std::uint64_t, Open> open_;
    std::uint64_t last_ = 0;
};

}  // namespace backplane::talk
