// SPDX-License-Identifier: Apache-2.0
/// Inboxes: the Devices of a conversation, and for each the messages that its user has not taken yet.
///
/// A Device is here from its creation until its user lets go of it. When it ends by the daemon's word, or with the
/// connection, its place stays, with its end and without messages (D-9): the user sees how it ended.
#pragma once

#include "client/talk/wakes.hpp"

#include <backplane/message.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

namespace backplane::talk {

/// How a Device ended other than by its user's word.
struct Ending {
    Fault fault;  ///< kind none: a clean end, on a shutdown request
    Line by;      ///< whom it cascaded from, or who asked for the shutdown; false if neither
};

class Inboxes {
  public:
    explicit Inboxes(Wakes& wakes) : wakes_(wakes) {}

    void open(DeviceId id) { boxes_.try_emplace(id.value); }
    void close(DeviceId id);

    /// Whether the Device is here and has not ended.
    [[nodiscard]] bool is_live(DeviceId id) const;
    /// Whether it is known at all, ended or not.
    [[nodiscard]] bool is_known(DeviceId id) const { return boxes_.contains(id.value); }
    /// How it ended; null while it lives and for what is not known.
    [[nodiscard]] const Ending* ending(DeviceId id) const;

    /// Puts a message in. A Device that is gone gets none (D-7); whether one was put in is the answer.
    bool put(DeviceId to, Message message);
    /// Takes the oldest message out.
    [[nodiscard]] std::optional<Message> take(DeviceId id);
    /// Whether there is something to take.
    [[nodiscard]] bool has_message(DeviceId id) const;
    /// The ticket is woken by the next message, or by the Device's end. One can wait at a time: false if there is one already, or
    /// no Device.
    bool wait(DeviceId id, Ticket ticket);
    void stop_waiting(DeviceId id, Ticket ticket);
    /// Takes the oldest message of all Devices out, with its Device. Order of arrival between Devices is kept from the first
    /// call on: whoever never asks pays nothing for it.
    [[nodiscard]] std::optional<std::pair<DeviceId, Message>> take_any();
    /// The flush of an unlink (T-5): takes back what is not delivered of `about`'s end; whether there was any.
    bool take_back(DeviceId from, DeviceId about);

    /// The daemon ended the Device: its messages go with it (D-9). The first end is kept. Where a clean end names nobody,
    /// the author of an unread shutdown request is who caused it.
    void end(DeviceId id, Ending ending);
    /// Ends every Device that lives, with the connection. What arrived before can still be taken: the daemon may have
    /// said why it goes.
    void end_all(const Fault& fault);

    [[nodiscard]] std::size_t size() const { return boxes_.size(); }

  private:
    /// A vector with a moving head: an empty one costs no memory, and most Devices have no messages.
    struct Box {
        std::vector<Message> messages;
        std::size_t head = 0;
        std::size_t passed = 0;  ///< how many of its oldest entries in `order_` stand for messages that are not there any more
        std::optional<Ending> ending;
        Ticket waiter = 0;
    };
    Wakes& wakes_;

    void begin_order();
    void trim_order();

    std::unordered_map<std::uint64_t, Box> boxes_;
    std::deque<DeviceId> order_;  ///< an entry for each unread message, and some that `passed` and closed boxes outdate
    std::size_t trim_at_ = 0;     ///< the length of `order_` at which those are thrown out; 0: no order is kept
};

}  // namespace backplane::talk
