// SPDX-License-Identifier: Apache-2.0
/// Conversation: one client's side of the protocol. Bytes in, typed things out; operations in, bytes out.
///
/// It knows no socket and no clock. Whoever owns it feeds `take` with what arrived, writes `outgoing` whenever it can,
/// and asks for answers. Where it may come back (PROTOCOL.md section 5.6), a lost stream is not its end:
///
/// | state | `welcome` | the stream is lost | `resume` | `bye`, a breach, `say_bye`, `give_up` |
/// | --- | --- | --- | --- | --- |
/// | greeting: hello is said | open | over; away where a session is known beforehand | | over |
/// | open | a breach | away if it may come back, else over | | over |
/// | away: there is no stream; what is asked is kept | | | returning | over |
/// | returning: hello is said again | resumed: open; else over | away, with the same token | | over |
///
/// Over is final, and every question then gets the error that it ended with.
#pragma once

#include "client/talk/awaited.hpp"
#include "client/talk/calls.hpp"
#include "client/talk/heartbeats.hpp"
#include "client/talk/id_pool.hpp"
#include "client/talk/inboxes.hpp"
#include "client/talk/news.hpp"
#include "client/talk/outbox.hpp"
#include "client/talk/subscription.hpp"
#include "client/talk/wakes.hpp"
#include "proto/wire/frame.hpp"

#include <backplane/expected.hpp>
#include <backplane/message.hpp>
#include <backplane/values.hpp>

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace backplane::talk {

/// Whether an operation asks for an acknowledgement, which `settled` then reports.
enum class Ask : bool { nothing, acknowledgement };

/// Whether a conversation may come back after its stream was lost, and as which session if that is known before it has been
/// greeted (a worker's, out of its environment).
struct Comeback {
    bool allowed = false;
    std::string session;
    std::string token;
};

/// Whether these may be labels: `invalid_argument`, which names the key.
[[nodiscard]] Expected<void> check_labels(const Labels& labels);

class Conversation {
  public:
    /// `client`: `name/version`, for the daemon's lists and logs. The hello stands in `outgoing` at once.
    explicit Conversation(std::string_view client, Comeback comeback = {});

    // ---- bytes ----
    /// Takes what arrived, in pieces of any size. An error is the conversation's end. `now` matters while it is returning only.
    Expected<void> take(wire::Bytes bytes, Instant now = {});
    [[nodiscard]] std::string_view outgoing() const { return outbox_.unsent(); }
    void sent(std::size_t count) { outbox_.sent(count); }
    /// The stream ended or broke without a `bye`: away if it may come back, else over.
    void lost(Error why, Instant now = {});
    /// Away, and there is a new stream: says hello on it.
    void resume();
    /// The end for want of a stream that works.
    void give_up(Error why) { end(std::move(why)); }
    /// An orderly end of our own: puts `bye` behind what is still to be sent, where there is a stream for it.
    void say_bye();

    /// Away: there is no stream, and a new one is wanted.
    [[nodiscard]] bool is_away() const { return state_ == State::away && !over_; }
    /// Away, or returning: nothing that is asked reaches the daemon.
    [[nodiscard]] bool is_apart() const { return (state_ == State::away || state_ == State::returning) && !over_; }
    /// Whether the daemon would miss something if it never came back: what is not acknowledged, or Devices that should go now.
    [[nodiscard]] bool has_last_words() const { return !outbox_.kept().empty() || inboxes_.size() != 0; }
    /// When it was lost, while it is apart; a second loss before the welcome does not change that.
    [[nodiscard]] Instant lost_at() const { return lost_at_; }
    /// How long the daemon keeps the session of a stream that was lost.
    [[nodiscard]] Duration grace() const { return grace_; }

    [[nodiscard]] bool greeted() const { return greeted_; }
    /// Why the conversation is over; null while it goes on.
    [[nodiscard]] const Error* over() const { return over_ ? &*over_ : nullptr; }
    [[nodiscard]] Epoch epoch() const { return epoch_; }
    /// The worker's own Device on an inherited socket; zero elsewhere.
    [[nodiscard]] DeviceId own_device() const { return own_device_; }
    /// Grows with every message and event that arrives for the user.
    [[nodiscard]] std::uint64_t arrivals() const { return arrivals_; }

    // ---- Devices ----
    /// A new Device, or nothing while no granted id is left; more are on their way then.
    [[nodiscard]] std::optional<DeviceId> create(bool managed);
    /// Why the last wish for more ids was refused; null if it was granted or is still open.
    [[nodiscard]] const Error* ids_refused() const { return ids_refused_ ? &*ids_refused_ : nullptr; }
    /// Link operations answer their number, for `settled`, or 0 where the library itself was the answer (D-10).
    /// Errors: device_down, self_link, invalid_argument; link_down for a line of another epoch, if asked.
    Expected<std::uint64_t> link(DeviceId from, const Line& to, LinkMode mode, Ask ask);
    Expected<std::uint64_t> unlink(DeviceId from, const Line& to, LinkMode mode, Ask ask);
    /// The same between any two, as a third party (L-11).
    Expected<std::uint64_t> link_lines(const Line& from, const Line& to, LinkMode mode, Ask ask);
    Expected<std::uint64_t> unlink_lines(const Line& from, const Line& to, LinkMode mode, Ask ask);
    Expected<void> request_shutdown(DeviceId from, const Line& to);
    void manage(DeviceId id, bool on);
    // Of a Device about itself (conversation_device.cpp). Errors of all: device_down, invalid_argument.
    /// A sign of life, and how often one will follow from now on; zero: none will.
    Expected<void> heartbeat(DeviceId id, Duration interval, Instant now);
    /// A sign of life, where the last one is not too young to be worth another.
    Expected<void> heartbeat(DeviceId id, Instant now);
    /// All the labels that it has from now on. A refusal is told as `Refused`.
    Expected<void> label(DeviceId id, Labels labels);
    /// The Device goes by its user's word. Nothing happens if it is gone already (D-4).
    void disconnect(DeviceId id, const Fault& fault);
    /// Its user forgets the Device: whatever still lives drops (D-3).
    void release(DeviceId id);
    /// Its user forgets the worker's own Device, which lives on until the process ends.
    void forget(DeviceId id) {
        inboxes_.close(id);
        heartbeats_.forget(id);
    }

    // Tasks that the daemon asks for (conversation_tasks.cpp).
    /// The oldest of those that nobody has taken yet. Its Device is here from its arrival on.
    [[nodiscard]] std::optional<wire::StartTask> take_start();
    /// Says what became of a task that was asked for, by its Device: `running`, or `completed`, `ignored` or `failed`, with which its
    /// Device is let go of. Nothing where it is none any more.
    void say_task(DeviceId id, std::string_view state, std::string_view why = {});

    [[nodiscard]] Inboxes& inboxes() { return inboxes_; }
    [[nodiscard]] const Inboxes& inboxes() const { return inboxes_; }

    // ---- outcomes ----
    [[nodiscard]] Wakes& wakes() { return wakes_; }
    [[nodiscard]] const Wakes& wakes() const { return wakes_; }
    [[nodiscard]] Awaited& awaited() { return awaited_; }
    [[nodiscard]] Calls& calls() { return calls_; }
    [[nodiscard]] std::optional<Expected<Settled>> settled(std::uint64_t operation) { return awaited_.take(operation); }
    void stop_waiting(std::uint64_t operation) { awaited_.forget(operation); }

    /// Sends a request; its `id` is chosen here and answered.
    std::uint64_t request(wire::Request request) { return send_request(std::move(request), Waiting::user); }
    [[nodiscard]] std::optional<Expected<Answer>> answer(std::uint64_t id) { return calls_.take(id); }
    void abandon(std::uint64_t id) { calls_.abandon(id); }

    /// Sends a ping and answers its nonce.
    std::uint64_t ping();
    [[nodiscard]] bool ponged(std::uint64_t nonce) const { return last_pong_ >= nonce; }

    [[nodiscard]] News& news() { return news_; }
    /// Tells that an operation that nobody waited for could not be made.
    void refuse(Refused refused) { tell(std::move(refused)); }
    [[nodiscard]] const Outbox& outbox() const { return outbox_; }
    /// Counted frames of the daemon that were taken.
    [[nodiscard]] std::uint64_t received() const { return received_; }

  private:
    enum class State : std::uint8_t { greeting, open, away, returning };

    // Operations (conversation.cpp).
    void say_hello(std::optional<wire::Resume> resume);
    std::uint64_t send_request(wire::Request request, Waiting waiting);
    Expected<void> check_ends(DeviceId from, const Line& to) const;
    Expected<void> check_lines(const Line& from, const Line& to) const;
    std::uint64_t send_link(DeviceId from, DeviceId to, LinkMode mode, Ask ask);
    std::uint64_t send_unlink(DeviceId from, DeviceId to, LinkMode mode, Ask ask);
    [[nodiscard]] Expected<void> check_live(DeviceId id) const;
    void send_heartbeat(DeviceId id, std::uint32_t interval_ms);
    [[nodiscard]] bool is_foreign(const Line& line) const { return line.epoch() != epoch_; }
    void answer_foreign(DeviceId from, const Line& to, bool depends, std::string_view operation);
    void top_up_ids();
    void tell(ClientEvent event);
    void end(Error why);

    // Frames (conversation_receive.cpp): each takes one frame that is known to be the daemon's.
    void keep_rest(wire::Bytes rest, bool continued);
    Expected<void> on_frame(const wire::FrameView& frame);
    Expected<void> dispatch(const wire::FrameView& frame);
    Expected<void> on_welcome(const wire::FrameView& frame);
    void take_welcome(wire::Welcome&& welcome);
    Expected<void> on_notice(const wire::FrameView& frame);
    Expected<void> on_ended(const wire::FrameView& frame);
    Expected<void> on_shutdown_requested(const wire::FrameView& frame);
    Expected<void> on_refusal(const wire::FrameView& frame);
    Expected<void> on_ack(const wire::FrameView& frame);
    Expected<void> on_ping(const wire::FrameView& frame);
    Expected<void> on_pong(const wire::FrameView& frame);
    Expected<void> on_bye(const wire::FrameView& frame);
    Expected<void> on_reply(const wire::FrameView& frame);
    void on_grants(const wire::Reply& reply);
    void on_subscribed(const Calls::Open& call, const Error& refusal);
    void on_labelled(const Calls::Open& call, const Error& refusal);
    Expected<void> on_event(const wire::FrameView& frame);
    Expected<void> on_name_state(const wire::FrameView& frame);
    Expected<void> on_start_task(const wire::FrameView& frame);
    void acknowledge();

    // Coming back (conversation_resume.cpp).
    Expected<void> on_return(wire::Welcome&& welcome);
    Expected<void> check_return(const wire::Welcome& welcome) const;
    void catch_up(std::uint64_t carried_out);
    void ask_again(std::uint64_t carried_out);

    std::string client_;
    Outbox outbox_;
    IdPool ids_;
    Wakes wakes_;  // before those who wake
    Inboxes inboxes_{wakes_};
    Heartbeats heartbeats_;
    Awaited awaited_{wakes_};
    Calls calls_{wakes_};
    News news_{wakes_};
    Subscription subscription_;
    std::unordered_map<std::uint64_t, std::string> tasks_;  ///< by Device: how the daemon calls what runs with it
    std::deque<wire::StartTask> starts_;                    ///< asked for and not yet taken
    std::string partial_;                                   ///< the beginning of a frame whose rest has not come
    std::optional<Error> over_;
    std::optional<Error> ids_refused_;
    Epoch epoch_;
    DeviceId own_device_;
    std::string session_;  ///< with the token, what a resume names; empty: there is nothing to come back to
    std::string token_;
    Duration grace_ = Duration::milliseconds(wire::resume_grace_ms);
    Instant lost_at_;
    Instant now_;  ///< handed in with the bytes that are being taken
    std::uint64_t received_ = 0;
    std::uint64_t acknowledged_ = 0;  ///< what the daemon has been told of `received_`
    std::uint64_t arrivals_ = 0;
    std::uint64_t last_ping_ = 0;
    std::uint64_t last_pong_ = 0;
    State state_ = State::greeting;
    bool greeted_ = false;
    bool may_return_ = false;
};

}  // namespace backplane::talk
