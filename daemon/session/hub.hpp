// SPDX-License-Identifier: Apache-2.0
/// The hub: all conversations with clients, between their bytes and the core (decisions 2 to 4, 22, 24).
///
/// Bytes and peer facts in; core events and bytes out. Pure: it owns no descriptor and reads no clock, so the simulator
/// drives the same code as the daemon, cut wherever it likes.
///
/// A tick of its driver goes so (decisions 22, 34):
///   1. `set_time`; what processes did: `feed` each exit, spawn result, readiness;
///   2. `receive` what each readable connection had, then `ended` for each whose end was seen;
///   3. `go_on` once, when `wants_go_on`: only now, all ends known, are deaths told;
///   4. take `take_machine` and carry it out, feeding back what results at once;
///   5. for each of `take_dirty`: write `outbox`, `wrote` what went, and where `is_finished` close and `release`.
#pragma once

#include "daemon/core/engine.hpp"
#include "daemon/core/rehearsal.hpp"
#include "daemon/session/child_form.hpp"
#include "daemon/session/connection.hpp"
#include "daemon/session/event_log.hpp"
#include "daemon/session/worker_output.hpp"
#include "proto/wire/frame.hpp"
#include "proto/wire/message.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace backplane::session {

/// What the hub tells about the daemon, and its bounds.
struct HubOptions {
    std::int64_t pid = 0;
    std::uint32_t uid = 0;            ///< the daemon's own: it and root may connect (decision 24)
    std::vector<std::string> weaker;  ///< guarantees that this kernel weakens, in words (decision 21)
    std::size_t outbox_mark = wire::outbox_mark_bytes;
    std::uint32_t sessions_per_user = wire::sessions_per_user_max;
    std::string containment;            ///< `cgroup` or `group`: what holds a worker's descendants together
    std::string journal;                ///< its path
    std::int64_t keeper_pid = 0;        ///< 0: there is no keeper
    std::uint64_t daemon_restarts = 0;  ///< daemons that died before this one under the same keeper
};

/// Takes down each event before the core takes it, and so before any effect of it leaves (idea 5).
class Recorder {
  public:
    virtual ~Recorder() = default;
    /// False where there is no room: the event is then refused instead (`Event::session_refused`), which is taken down too.
    [[nodiscard]] virtual bool record(Instant now, const core::Event& event) = 0;
    /// How much has been taken down.
    [[nodiscard]] virtual std::uint64_t bytes() const = 0;
};

/// A call that only the process itself can carry out: `upgrade`, `detach`.
struct ShellRequest {
    core::SessionIndex session = core::daemon_session;
    std::uint64_t id = 0;
    wire::Call call = wire::Call::upgrade;
    bool is_taken = false;
    bool dry_run = false, start_new = false, remove_missing = false;  ///< reload
    [[nodiscard]] bool is_for_nobody() const { return session == core::daemon_session; }
};

/// A socket whose session turned out to be another one: that of the connection `from` speaks for `to` from here on.
struct Move {
    core::SessionIndex from = 0, to = 0;
};

class Hub {
  public:
    Hub(core::Engine& engine, HubOptions options);

    // ---- before and after a crash (hub_resume.cpp) --------------------------------------------------------------------
    /// From here on every event is recorded first. Borrowed; null: none is.
    void record_to(Recorder* recorder) { recorder_ = recorder; }
    /// An event out of a journal: the core takes it at its time, and the log keeps what it says. Nothing else comes of it.
    /// `told`, where there is one, is given all that it says, graph events included where the engine makes them.
    void replay(Instant at, const core::Event& event, std::vector<wire::Event>* told = nullptr);
    /// The core was replayed: whoever it knows is away, and may come back.
    void restore();
    /// That one's process is gone: it drops now and not when its grace is over.
    void drop_away(core::SessionIndex session);
    /// Core and event log as bytes, as a new journal begins with them.
    [[nodiscard]] std::string image() const;
    /// The other way, into a fresh core and hub, which are spoilt where it fails. The bytes may be hostile: `corrupt_image`, with the part.
    [[nodiscard]] Expected<void> load_image(std::string_view image);
    /// Sockets to move since the last call. Each leaves an index that the driver then releases.
    void take_moves(std::vector<Move>& moves);

    /// What reads and writes children as text. Borrowed; null, as at first: children are not added and not shown.
    void set_form(const ChildForm* form) { form_ = form; }
    /// What keeps the lines that workers write. Borrowed; null, as at first: `logs` is refused.
    void set_output(const WorkerOutput* output) { output_ = output; }

    /// The tick's time: CLOCK_MONOTONIC for the core, wall clock in microseconds since 1970 for what people read.
    void set_time(Instant now, std::int64_t wall_us);

    // ---- connections ----------------------------------------------------------------------------------------------
    /// A new connection. It always gets an index; one that may not stay is finished at once, with its reason in the outbox.
    [[nodiscard]] core::SessionIndex accept(const PeerFacts& peer);
    /// Bytes of a connection, in order, cut anywhere. Whole frames are carried out until the outbox is over its mark.
    void receive(core::SessionIndex session, wire::Bytes bytes);
    /// Its end of stream (or an error) was seen: what was read is carried out, then its Devices drop (T-6).
    void ended(core::SessionIndex session);
    /// What to write. Valid until the next call that is not const.
    [[nodiscard]] std::string_view outbox(core::SessionIndex session) const;
    /// `bytes` of the outbox were written. May take up again what waited for room.
    void wrote(core::SessionIndex session, std::size_t bytes);
    /// Whether to read from it at all (decision 4).
    [[nodiscard]] bool wants_read(core::SessionIndex session) const;
    /// Its last word stands in the outbox: close the socket when that is written, or cannot be, then `release`.
    [[nodiscard]] bool is_finished(core::SessionIndex session) const;
    /// The socket is closed; the index may be used again.
    void release(core::SessionIndex session);
    /// Connections whose outbox or state changed since the last call, each once.
    void take_dirty(std::vector<core::SessionIndex>& sessions);

    // ---- calls to the process, and its replacement in place (hub_handoff.cpp) ----------------------------------------------
    /// What is asked of the process, once; for nobody where nothing is.
    [[nodiscard]] ShellRequest take_shell_request();
    void answer_shell(ErrorCode code, std::string detail = {});
    /// What a reload does, or would do.
    void answer_plan(wire::Plan plan);
    /// This child has written something: whoever waits for it is answered (hub_output.cpp).
    void output_came(core::ChildIndex child);
    /// Nobody waits for output any more: each gets an empty page, and asks anew.
    void answer_waiting_logs();
    /// All that connections hold beside the core's state, as bytes; only those with a socket.
    void save_connections(std::string& bytes) const;
    /// The other way, behind `restore`. Answers the sessions that have a socket; false for bytes that `save_connections` did not write.
    [[nodiscard]] bool load_connections(std::string_view bytes, std::vector<core::SessionIndex>& sessions);

    // ---- the core ---------------------------------------------------------------------------------------------------
    /// One event from the machine: exits, spawn results, readiness, configure, terminate, tick.
    void feed(const core::Event& event);
    [[nodiscard]] bool wants_go_on() const { return wants_go_on_; }
    /// One slice of what is left, and what stalled connections have coming.
    void go_on();
    /// The daemon ends: every open connection gets `bye{shutting_down}` as its last word.
    void say_bye();
    /// Effects for the machine since the last call: spawn, signal, signal_group, reap, supervisor_state, halt.
    void take_machine(std::vector<core::Effect>& effects);
    /// When to call `feed(tick)` at the latest.
    [[nodiscard]] Instant next_deadline() const;
    /// Nobody was there to write to those who are to be cut for being slow: none is before `until`.
    void put_off(Instant until);

    [[nodiscard]] const core::Engine& engine() const { return engine_; }
    /// What the kernel told of this connection's peer.
    [[nodiscard]] const PeerFacts& peer(core::SessionIndex session) const { return connections_[session]->peer; }
    /// What resumes this session, in the form of BACKPLANE_RESUME: `SESSION:TOKEN`.
    [[nodiscard]] std::string resume_text(core::SessionIndex session) const;
    /// Whether this is such a worker's session whose socket went with a daemon, and nobody has come back for it.
    [[nodiscard]] bool is_away(core::SessionIndex session, core::ChildIndex worker, std::uint32_t generation) const;
    /// Sessions that have not come back yet.
    [[nodiscard]] std::size_t away_count() const;
    [[nodiscard]] std::size_t connection_count() const { return open_; }
    [[nodiscard]] const EventLog& log() const { return log_; }
    /// The page of rows that a `list` is answered by; `wrong` says what is wrong with the request.
    [[nodiscard]] wire::Listing list(const wire::Request& request, Error& wrong) const;
    /// One human line for the service manager: `7 of 9 children up, 12 sessions`.
    [[nodiscard]] std::string status_text() const;
    /// Log lines for the operator since the last call (refused peers, cut sessions, what children did).
    void take_lines(std::vector<std::string>& lines);

  private:
    // connections (hub.cpp)
    [[nodiscard]] Connection& at(core::SessionIndex session) { return *connections_[session]; }
    [[nodiscard]] core::SessionIndex free_index();
    void mark_dirty(core::SessionIndex session);
    void cut(core::SessionIndex session, ErrorCode code, std::string_view why);
    void finish(core::SessionIndex session, std::string_view why, bool said_bye = false);
    void drain_inbox(core::SessionIndex session, bool regardless);
    [[nodiscard]] std::size_t take_frames(core::SessionIndex session, wire::Bytes bytes, bool regardless);
    [[nodiscard]] bool over_mark(const Connection& connection) const {
        return connection.outbox.size() - connection.written > options_.outbox_mark;
    }
    void watch_mark(core::SessionIndex session);
    void acknowledge_operations(core::SessionIndex session);
    void cut_stalled();

    // the core and its effects (hub_effects.cpp)
    void step(const core::Event& event);
    void carry_out(const core::Effect& effect, const core::Effects& effects);
    void answer(const core::Effect& effect, const core::Effects& effects);
    void granted(const core::Effect& effect);
    void pump(core::SessionIndex session);
    void encode_owed(std::string& out, const core::OwedView& owed);
    [[nodiscard]] std::string what_is_known(DeviceId device) const;
    void save_log(std::string& bytes) const;
    [[nodiscard]] bool load_log(std::string_view bytes);
    [[nodiscard]] wire::Event make_event(const core::Record& record, const core::Effects& effects) const;
    void publish(const core::Record& record, const core::Effects& effects);
    void describe_line(const wire::Event& event);
    void tell_event(core::SessionIndex session, const wire::Event& event);
    void catch_up(core::SessionIndex session);

    // frames (hub_frames.cpp)
    void take(core::SessionIndex session, const wire::FrameView& frame);
    void take_hot(core::SessionIndex session, const wire::FrameView& frame);
    void take_uncounted(core::SessionIndex session, const wire::FrameView& frame);
    void take_hello(core::SessionIndex session, const wire::FrameView& frame);
    void welcome(core::SessionIndex session, const wire::Hello& hello, ErrorCode resume_error);
    // resume (hub_resume.cpp)
    [[nodiscard]] core::SessionIndex find_away(core::SessionIndex asking, const wire::Resume& resume, ErrorCode& why) const;
    void resume(core::SessionIndex from, core::SessionIndex to, const wire::Hello& hello);
    void settle(core::SessionIndex session);
    [[nodiscard]] wire::Welcome make_welcome(core::SessionIndex session, const wire::Hello& hello) const;

    // requests (hub_requests.cpp)
    void take_request(core::SessionIndex session, const wire::FrameView& frame);
    void carry_out(core::SessionIndex session, const wire::Request& request);
    void name_call(core::SessionIndex session, const wire::Request& request);
    void lookup(core::SessionIndex session, const wire::Request& request);
    void label(core::SessionIndex session, const wire::Request& request);
    // children (hub_children.cpp)
    void command(core::SessionIndex session, const wire::Request& request);
    void start_child(core::SessionIndex session, const wire::Request& request);
    void ask_about_children(const wire::Request& request, wire::Reply& answer) const;
    [[nodiscard]] Expected<std::string> new_child(core::ChildIndex supervisor, const wire::Request& request) const;
    [[nodiscard]] static wire::Added added(std::string_view path, DeviceId device);
    void tell_waits(wire::Row& row, const core::ChildView& view, core::ChildIndex child) const;
    void subscribe(core::SessionIndex session, const wire::Request& request);
    void unsubscribe(core::SessionIndex session, const wire::Request& request);
    void worker_ready(core::SessionIndex session, const wire::Request& request);

    // tasks of a client (hub_tasks.cpp)
    void encode_start(std::string& out, DeviceId device) const;
    void task_call(core::SessionIndex session, const wire::Request& request);
    void ask_shell(core::SessionIndex session, const wire::Request& request);
    void reply(core::SessionIndex session, wire::Reply answer);
    void refuse(core::SessionIndex session, std::uint64_t id, ErrorCode code, std::string detail = {});

    // views (hub_views.cpp)
    /// What a reply to `list` has room for.
    struct ListRoom {
        std::size_t rows, bytes;
    };
    [[nodiscard]] bool add_row(wire::Listing& listing, ListRoom& room, wire::Row row) const;
    [[nodiscard]] std::uint64_t list_children(wire::Listing& listing, core::ChildIndex from, ListRoom& room) const;
    void list_among(wire::Listing& listing, core::ChildIndex supervisor, core::ChildIndex from, ListRoom& room) const;
    void list_tasks(wire::Listing& listing, std::uint32_t from, ListRoom& room) const;
    [[nodiscard]] wire::Row child_row(core::ChildIndex child) const;
    [[nodiscard]] wire::Row task_row(std::uint32_t slot) const;
    [[nodiscard]] Expected<wire::Description> describe(const wire::Request& request) const;
    void add_links(wire::Description& description, DeviceId device) const;
    void add_orders(wire::Description& description, core::ChildIndex child) const;
    void add_owner(wire::Description& description, DeviceId device) const;

    // diagnosis (hub_diagnosis.cpp)
    /// What a request means by its name or line: an entry, else a Device of which something is known.
    struct Target {
        core::ChildIndex child = core::no_child;
        DeviceId device{};
    };
    void inquire(const wire::Request& request, wire::Reply& answer);
    [[nodiscard]] Expected<Target> find_target(const wire::Request& request) const;
    [[nodiscard]] Expected<wire::Impact> impact(const wire::Request& request);
    [[nodiscard]] Expected<void> may_rehearse() const;
    void pay_for(const core::Rehearsal& told);
    [[nodiscard]] wire::Impact impact_of(const Target& target, const core::Rehearsal& told) const;
    [[nodiscard]] wire::ToldRow told_row(const core::Rehearsal::Told& told) const;
    [[nodiscard]] wire::Event event_to_come(const core::Rehearsal::Happening& happening) const;
    [[nodiscard]] Expected<wire::Why> why(const wire::Request& request) const;
    [[nodiscard]] std::string client_of(DeviceId device) const;
    [[nodiscard]] std::optional<std::string> name_of(DeviceId device) const;
    [[nodiscard]] wire::DaemonInfo daemon_info() const;

    // what workers wrote, and how they ended (hub_output.cpp)
    struct WaitingLogs {
        core::SessionIndex session = 0;
        std::uint64_t id = 0;
        core::ChildIndex child = core::no_child;
        std::string name;  ///< its full name: the index may become another's
        std::uint64_t since = 0;
    };
    void exits(core::SessionIndex session, const wire::Request& request);
    void logs(core::SessionIndex session, const wire::Request& request);
    [[nodiscard]] wire::ExitRow exit_row(const core::ExitView& exit) const;
    [[nodiscard]] wire::LogRows log_rows(core::ChildIndex child, std::optional<std::uint64_t> since, std::uint32_t count) const;
    [[nodiscard]] std::int64_t wall_us_of(Instant at) const { return wall_us_ - (now_ - at).ns / 1000; }

    core::Engine& engine_;
    HubOptions options_;
    Instant now_{};
    Instant rehearsals_paid_at_{};  ///< when the share of time is earned that the rehearsals so far have cost
    Instant started_{};
    std::int64_t wall_us_ = 0;
    std::vector<std::unique_ptr<Connection>> connections_;  ///< by SessionIndex; 0 is the daemon's
    std::vector<core::SessionIndex> dirty_;
    std::vector<core::SessionIndex> released_;  ///< indexes to use again
    std::vector<core::SessionIndex> subscribers_;
    std::vector<core::SessionIndex> pressed_;  ///< over their mark
    std::vector<core::Effect> machine_;
    std::vector<Move> moves_;
    ShellRequest shell_request_;
    const ChildForm* form_ = nullptr;
    const WorkerOutput* output_ = nullptr;
    std::vector<WaitingLogs> waiting_logs_;
    Recorder* recorder_ = nullptr;
    core::Effects spare_;
    std::vector<wire::Grant>* granting_ = nullptr;  ///< the welcome that is being made
    EventLog log_;
    std::vector<std::string> lines_;
    std::array<std::uint64_t, 128> refusals_{};  ///< by ErrorCode
    std::size_t open_ = 0;
    bool wants_go_on_ = false;
};

}  // namespace backplane::session
