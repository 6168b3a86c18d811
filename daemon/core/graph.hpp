// SPDX-License-Identifier: Apache-2.0
/// The Device graph: Devices, links, ids in pages, sessions, and what each session is owed.
///
/// Invariants:
///  - at most one edge for each ordered pair (L-2, L-4); an edge gives at most one notice (D-6);
///  - a Device's slot is reused only after its page came back whole with its generation raised (decision 1), and a page
///    rests behind at least 64 others first, so at least the last 4 096 exits are still known (L-8);
///  - disconnecting is a queue, worked off in slices of a constant number of edges (decision 11), never a recursion.
///
/// An edge lies on two lists: its target's (who hears of me, in order of creation, D-8) and its watcher's (whom I hear
/// of). When the target goes, the edge becomes the notice: it moves onto the owed list of the watcher's session and
/// stays there until the session has acknowledged it (decision 3). A pair is found by walking the shorter side where one
/// has at most eight edges, and only edges with more on both sides are in the hash index: constant either way.
#pragma once

#include "daemon/core/deadlines.hpp"
#include "daemon/core/edge_index.hpp"
#include "daemon/core/flat_table.hpp"
#include "daemon/core/image.hpp"
#include "daemon/core/names.hpp"
#include "daemon/core/step.hpp"
#include "daemon/core/texts.hpp"
#include "daemon/core/types.hpp"

#include <backplane/error.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace backplane::core {

inline constexpr std::uint32_t nil = 0;  ///< index 0 of every table is nobody's
inline constexpr std::uint32_t page_slots = 64;
inline constexpr std::uint32_t slice_edges = 16'384;

enum class DeviceState : std::uint8_t { unused = 0, live = 1, dying = 2, dead = 3 };

/// One vertex, 64 bytes. While it lives the second half holds its lists; from its disconnect on it is its exit record.
struct Device {
    std::uint32_t generation;  ///< of the id that the slot holds or held last
    DeviceState state;
    std::uint8_t traits;  ///< DeviceKind in the low two bits, then trait_*
    FaultKind fault_kind;
    FaultKind root_kind;
    SessionIndex owner;       ///< who commands it; for a process: the session of its own program, or the daemon
    std::uint32_t pins;       ///< notices that still read the exit record
    std::uint32_t out;        ///< edges whose watcher hears of me
    std::uint32_t in;         ///< edges by which I hear
    ChildIndex child;         ///< of what the daemon starts: the entry
    std::uint32_t work_next;  ///< dying: the next in the queue
    struct Life {
        std::uint32_t out_tail, out_count, in_count;
        std::uint32_t owner_next, owner_previous;  ///< the owner's Devices in creation order (T-6)
        std::uint32_t name;                        ///< first registered name
        std::uint32_t shutdown_owed;               ///< 1 while a shutdown request waits for its acknowledgement
        std::uint32_t extra;                       ///< its Extra; 0 for most: no heartbeat and no labels
    };
    struct Exit {
        DeviceId cascade, root;
        std::int32_t argument, root_argument;
        std::uint32_t hops;
        TextIndex text;
    };
    union {
        Life life;
        Exit exit;
    };
};
static_assert(sizeof(Device) == 64);

inline constexpr std::uint8_t trait_managed = 4;
inline constexpr std::uint8_t trait_by_program = 8;  ///< managed at the word of its own program, not of the configuration

/// What few Devices have.
struct Extra {
    DeadlineId heartbeat;  ///< until when the next sign of life is promised
    TextIndex labels;      ///< as `labels_text` makes it
    std::uint32_t slot;    ///< whose
    std::uint32_t next_free;
};

/// What a node on an owed list is. `lost` is a notice about a Device of which nothing is known any more (L-9).
enum class Owed : std::uint8_t {
    nothing = 0,
    notice = 1,
    shutdown = 2,
    ended = 3,
    refusal = 4,
    withdrawn = 5,
    name_state = 6,
    lost = 7,
    start = 8
};

/// A link, or a thing owed: 36 bytes.
struct Edge {
    std::uint32_t watcher, target;  ///< slots; refusal, name_state: `target` is the note's index
    std::uint32_t out_next, out_previous;
    std::uint32_t in_next, in_previous;
    std::uint32_t owed_next;
    std::uint32_t to_generation;  ///< owed: the watcher's generation
    Owed owed;
    std::uint8_t hashed;
    std::uint8_t on_in;   ///< still on the watcher's list
    std::uint8_t on_out;  ///< still on the target's list
};

/// A failed operation that waits for its acknowledgement (L-9).
struct RefusalNote {
    std::uint64_t operation;
    DeviceId device, other;
    ErrorCode code;
    std::uint16_t event;  ///< EventKind of the operation
    std::uint32_t next_free;
};

/// What is told of a watched name.
struct NameNote {
    DeviceId device;
    std::uint64_t incarnation;
    TextIndex name;
    std::uint32_t up;
    FaultRecord fault;
    std::uint32_t next_free, reserved;
};

/// 64 slots that share a generation and an owner.
struct Page {
    std::uint32_t generation;
    SessionIndex owner;
    std::uint32_t open;  ///< ids that are neither dead without pins nor burnt; at 0 the page comes back
    std::uint32_t next;  ///< of its owner, or free
};

struct SessionState {
    std::uint8_t open, greeted, closing, wants_graph;
    std::uint32_t uid;
    std::int32_t pid;
    ChildIndex worker;  ///< the process whose inherited socket it is
    std::uint32_t worker_generation;
    std::uint32_t devices, last_device;  ///< owned, in creation order
    std::uint32_t pages;
    std::uint32_t device_count, link_count, name_count, refusal_count, watch_count;
    std::uint32_t dying_count;  ///< of its Devices that are in the queue
    std::uint32_t owed, last_owed;
    std::uint32_t handshake;  ///< DeadlineId
    std::uint32_t work_next;
    std::uint32_t ready_mark;  ///< low word of the step that already said session_ready
    std::uint32_t watches;     ///< first name watch
    std::uint32_t generation;  ///< raised whenever the index is opened
    TextIndex why;             ///< detail of the drops at its end
    std::uint64_t taken;       ///< counted frames acknowledged by the client
    std::uint64_t owed_total;  ///< things ever put on the list
    std::uint64_t operations;  ///< counted frames of the client that were carried out
    std::uint8_t away;         ///< its daemon crashed and it has not come back yet
    std::uint8_t unconfirmed;  ///< it came back, and has not said that it heard of its new token
    std::uint8_t reserved[2];
    std::uint32_t label_bytes;  ///< of its Devices' labels
    Instant returned;           ///< when it last came back; 0: it was never away
};
static_assert(sizeof(SessionState) == 128);  // a power of two: every event looks its session up
static_assert(std::has_unique_object_representations_v<SessionState>, "an image must not hold bytes that nobody set");

/// One thing owed, ready to be encoded.
struct OwedView {
    Owed kind = Owed::nothing;
    DeviceId to{}, about{};
    FaultRecord fault{};  ///< notice, ended, name_state
    const RefusalNote* refusal = nullptr;
    const NameNote* name = nullptr;
};

/// What somebody wants of a Device (decision 24).
enum class Right : std::uint8_t {
    observe,  ///< monitor it, look at it
    link,     ///< be its cause of fault: notify, peer (L-11)
    control,  ///< ask it to shut down, link it with another as a third party
};

/// Bounds of one session, from limits.hpp by way of the engine's maker.
struct GraphLimits {
    std::uint32_t devices_per_session = 1'048'576;
    std::uint32_t links_per_session = 10'485'760;
    std::uint32_t names_per_session = 4'096;
    std::uint32_t watches_per_session = 4'096;
    std::uint32_t refusals_per_session = 16'384;
    std::uint32_t label_bytes_per_session = 4'194'304;
    std::uint32_t slots = 1u << 28;
};

class Graph {
  public:
    Graph(Texts& texts, Deadlines& deadlines);

    void boot(Epoch epoch) { epoch_ = epoch; }
    [[nodiscard]] Epoch epoch() const { return epoch_; }
    void set_limits(const GraphLimits& limits) { limits_ = limits; }

    // ---- sessions ---------------------------------------------------------------------------------------------
    SessionState& open_session(SessionIndex session, std::uint32_t uid, std::int32_t pid);
    /// Marks it gone: nothing is put on its list from here. Its Devices drop when the queue is worked (decision 22).
    void close_session(SessionIndex session, std::string_view why);
    [[nodiscard]] bool is_open(SessionIndex session) const { return sessions_.contains(session) && sessions_[session].open != 0; }
    [[nodiscard]] SessionState& session(SessionIndex session) { return sessions_[session]; }
    [[nodiscard]] const SessionState& session(SessionIndex session) const { return sessions_[session]; }
    /// Things owed with numbers up to `count` were taken; false if that many were never owed.
    [[nodiscard]] bool acknowledge(SessionIndex session, std::uint64_t count);
    /// Pages for a session; `first_page` and following need not be adjacent, so they are listed in `granted()`.
    [[nodiscard]] ErrorCode grant(SessionIndex session, std::uint32_t pages);
    /// First ids of the pages of the latest `grant`.
    [[nodiscard]] const std::vector<DeviceId>& granted() const { return granted_; }

    // ---- what a session's operation does; a failure is noted on its owed list (L-9) ------------------------------
    /// The plain forms: they do it and say `ok`, or change nothing and say why not. `conclude` then records or refuses.
    [[nodiscard]] ErrorCode create(const struct Event& event);
    [[nodiscard]] ErrorCode link(const struct Event& event);
    // The short ways that most of them take (graph_inline.hpp), while nobody watches the graph and no work waits. They leave
    // the same bytes behind as the long ways. Where one says false it has changed nothing, and the long way is the way.
    [[nodiscard]] bool create_at_once(const struct Event& event);
    [[nodiscard]] bool link_at_once(const struct Event& event);
    [[nodiscard]] bool acknowledge_one(const struct Event& event);
    /// Whether the Device is a live task of the session's that goes without a name, with few links of its own, by no cascade.
    [[nodiscard]] bool may_end(const struct Event& event) const;
    /// Whether nobody hears of one of these, and nothing need be kept but its fault.
    [[nodiscard]] bool may_leave(const struct Event& event) const;
    /// Ends one of these of which both hold.
    void leave(const struct Event& event);
    /// Whether one of these has links of its own or a text, or so many hear of it that it is ended in slices: `end_own`.
    [[nodiscard]] bool has_more_to_end(const struct Event& event) const;
    void end_own(Step& step, const struct Event& event);
    /// Ends one of which the first holds and the last does not. False: it is dying, and `end_rest` must do what is left.
    [[nodiscard]] bool end_plainly(const struct Event& event, std::uint32_t mark, Effects& out);
    /// Ends one that has neither links of its own nor a text, where one alone hears of it and does no more than hear.
    [[nodiscard]] bool end_for_one(const struct Event& event, std::uint32_t mark, Effects& out);
    void end_rest(Step& step, std::uint32_t slot);
    /// What follows a `create` or `link` that was not plain: log records, a refusal, or the notice of L-9.
    void conclude(Step& step, const struct Event& event, ErrorCode done);
    void unlink(Step& step, const struct Event& event);
    void disconnect(Step& step, const struct Event& event);
    void shutdown_request(Step& step, const struct Event& event);
    void manage(Step& step, const struct Event& event);

    // ---- heartbeats and labels (graph_extras.cpp) ------------------------------------------------------------------
    /// Answers the child whose process gave it: that one is for its supervisor to watch; `no_child` for a task's.
    ChildIndex heartbeat(Step& step, const struct Event& event);
    /// A sign of life did not come in time: the Device of this slot ends, unless its session is away or came back less than `grace` ago.
    void heartbeat_due(Step& step, std::uint32_t slot, Duration grace);
    [[nodiscard]] ErrorCode label(const struct Event& event);
    /// As `labels_text` makes it; empty for a Device without labels, and for one that does not live.
    [[nodiscard]] std::string_view labels_of(DeviceId id) const;
    /// Whether a deadline is that of a live Device's heartbeat, and how many there are; for an image's judge.
    [[nodiscard]] bool is_heartbeat_of(const Due& due) const;
    [[nodiscard]] std::uint64_t heartbeat_count() const;

    // ---- the daemon's own Devices -----------------------------------------------------------------------------
    /// A live Device of the daemon's for a process or supervisor entry.
    DeviceId create_own(Step& step, DeviceKind kind, ChildIndex child, bool managed, std::string_view name);
    /// `watcher` hears of `target` from now on; nothing where either is not live.
    void add_edge(Step& step, DeviceId watcher, DeviceId target);
    /// Ends a Device with a fault: from here it accepts nothing; its notices go out when the queue is worked.
    /// Names are released first (D-11). Nothing where it is not live. Takes over the record's share of its text.
    void end_device(Step& step, DeviceId id, const FaultRecord& fault);
    /// Hands a process's Device to the session of its own program, or back to the daemon (session 0).
    void set_owner(DeviceId id, SessionIndex session);
    /// Asks the session that owns it to start a task with this Device (S-8).
    void owe_start(Step& step, DeviceId id);
    /// Ends it and tells its owner, who has not asked for that (decision 13). Takes over the fault's share of its text.
    void withdraw(Step& step, DeviceId id, const FaultRecord& fault);
    /// Puts a shutdown request on the receiver's list; at most one waits for each receiver.
    void owe_shutdown(Step& step, DeviceId from, DeviceId to);

    // ---- names (X-20) -------------------------------------------------------------------------------------------
    [[nodiscard]] ErrorCode register_name(Step& step, SessionIndex session, std::string_view name, DeviceId id);
    [[nodiscard]] ErrorCode release_name(Step& step, SessionIndex session, std::string_view name);
    [[nodiscard]] ErrorCode watch_name(Step& step, SessionIndex session, std::string_view name);
    [[nodiscard]] ErrorCode unwatch_name(SessionIndex session, std::string_view name);
    Names& names() { return names_; }
    [[nodiscard]] const Names& names() const { return names_; }

    // ---- the queue of the dying -----------------------------------------------------------------------------------
    /// Works off what this step began (`fresh`) or what is left of earlier ones, up to slice_edges edges.
    void work(Step& step, bool fresh);
    [[nodiscard]] bool work_left() const { return backlog_.first != nil || fresh_.first != nil || closing_ != nil; }

    /// Whether a step must end with `work` or has something for the supervision.
    [[nodiscard]] bool wants_settling() const { return attention_; }
    /// Said by the engine when neither work nor news is left.
    void settled() { attention_ = work_left() || held_; }
    /// While held every step wants settling: the engine has something to look at after each.
    void hold(bool held) {
        held_ = held;
        attention_ = attention_ || held;
    }

    /// Fatal notices that reached processes since the last `take_doomed` (W-6): who, and the cascade to announce.
    struct Doomed {
        ChildIndex child;
        DeviceId device;
        FaultRecord fault;
    };
    /// Shutdown requests that reached the daemon's own Devices.
    struct Asked {
        ChildIndex child;
        DeviceId from;
    };
    /// Explicit disconnects of processes by their own program.
    struct Left {
        ChildIndex child;
        FaultRecord fault;
    };
    std::vector<Doomed> doomed;
    std::vector<Asked> asked;
    std::vector<Left> left;

    // ---- views ----------------------------------------------------------------------------------------------------
    /// The Device that has or had this id, as long as anything is known of it; else none.
    [[nodiscard]] const Device* find(DeviceId id) const {
        if (id.slot() >= devices_.size()) {
            return nullptr;
        }
        const Device& device = devices_[id.slot()];
        return device.generation == id.generation() && device.state != DeviceState::unused ? &device : nullptr;
    }
    [[nodiscard]] bool is_live(DeviceId id) const {
        const Device* device = find(id);
        return device != nullptr && device->state == DeviceState::live;
    }
    [[nodiscard]] DeviceId id_of(std::uint32_t slot) const { return DeviceId::make(devices_[slot].generation, slot); }
    [[nodiscard]] FaultRecord fault_of(const Device& device) const;
    /// The fault that a Device gets which depended on `dead` (F-2).
    [[nodiscard]] FaultRecord cascade_of(DeviceId dead) const;
    [[nodiscard]] const Device& device(std::uint32_t slot) const { return devices_[slot]; }
    [[nodiscard]] std::uint32_t slots() const { return devices_.size(); }
    /// Live Devices, and links with what is owed of them. Linear in sessions: no operation keeps a second count for it.
    [[nodiscard]] std::uint64_t device_count() const;
    [[nodiscard]] std::uint64_t link_count() const;
    [[nodiscard]] std::uint32_t session_slots() const { return sessions_.size(); }
    /// The thing owed at a place of the list; places are walked with `first_owed` and `next_owed`, 0 at the end.
    [[nodiscard]] std::uint32_t first_owed(SessionIndex session) const { return sessions_[session].owed; }
    [[nodiscard]] std::uint32_t next_owed(std::uint32_t place) const { return edges_[place].owed_next; }
    [[nodiscard]] OwedView owed(std::uint32_t place) const;
    [[nodiscard]] const Edge& edge(std::uint32_t i) const { return edges_[i]; }

    void save(ImageWriter& image) const;
    bool load(ImageReader& image);
    /// Checks every invariant that a walk over the whole state can check; for tests. Empty, or what is wrong.
    [[nodiscard]] std::string check() const;

  private:
    struct Queue {
        std::uint32_t first = nil, last = nil;
    };

    // pages and slots (graph_pages.cpp)
    [[nodiscard]] std::uint32_t take_page(SessionIndex owner);
    void close_id(std::uint32_t slot);
    void rest_page(std::uint32_t number);
    void burn_pages(SessionIndex session);
    void unpin(std::uint32_t slot);

    // edges (graph_links.cpp)
    [[nodiscard]] std::uint32_t find_edge(std::uint32_t watcher, std::uint32_t target) const;
    std::uint32_t new_edge();
    void lay_edge(std::uint32_t watcher, Device& hearing, std::uint32_t target, Device& told_of, SessionState& payer);
    void free_edge(std::uint32_t edge);
    [[nodiscard]] ErrorCode attach(std::uint32_t watcher, std::uint32_t target);
    void index_crowded(std::uint32_t edge, std::uint32_t in, std::uint32_t out);
    void detach_out(std::uint32_t edge);
    void detach_in(std::uint32_t edge);
    void remove_edge(std::uint32_t edge);
    [[nodiscard]] SessionState& charged(const Device& watcher);
    void crowd_in(std::uint32_t watcher);
    void crowd_out(std::uint32_t target);
    [[nodiscard]] ErrorCode check_ends(const struct Event& event) const;
    void link_to_dead(Step& step, const struct Event& event);
    [[nodiscard]] bool take_away(std::uint32_t watcher, std::uint32_t target);

    // what is owed (graph_owed.cpp)
    void owe(Step& step, SessionIndex session, std::uint32_t node);
    void owe_edge(Step& step, std::uint32_t edge);
    [[nodiscard, gnu::noinline]] OwedView owed_otherwise(const Edge& node) const;
    void owe_about(Step& step, Owed kind, SessionIndex session, std::uint32_t to, std::uint32_t about);
    std::uint32_t note(Step& step, SessionIndex session, const RefusalNote& note);
    void refuse(Step& step, const struct Event& event, ErrorCode code);
    void release_owed(std::uint32_t node);
    void owe_name_state(Step& step, const struct NameWatch& watch, bool up, DeviceId device, const FaultRecord& fault);

    // ends (graph_ends.cpp)
    void queue_dying(Queue& queue, std::uint32_t slot);
    void tell(Step& step, std::uint32_t edge);
    void fall(Step& step, std::uint32_t slot, const FaultRecord& cascade);
    void end_and_tell(Step& step, std::uint32_t slot, const FaultRecord& fault);
    void disconnect_with_care(Step& step, const struct Event& event, const Device& device);
    void end_live(Step& step, std::uint32_t slot, FaultKind kind, FaultKind root_kind, const Device::Exit& exit);
    void queue_end(std::uint32_t slot);
    void lose_in(std::uint32_t edge);
    [[gnu::noinline]] void let_go_of_all(const Device& watcher);
    [[gnu::noinline]] void leave_linked(const struct Event& event);
    void be_gone(const struct Event& event, Device& device, SessionState& session);
    void tell_plainly(Device& gone, std::uint32_t mark, Effects& out);
    [[nodiscard]] std::uint32_t drain(Step& step, std::uint32_t slot, std::uint32_t budget);
    [[nodiscard]] std::uint32_t work_queue(Step& step, Queue& queue, std::uint32_t budget);
    [[nodiscard]] std::uint32_t drop_sessions(Step& step, std::uint32_t budget);
    void finish(std::uint32_t slot, Device& device);
    void finish_queued(std::uint32_t slot);
    void free_session(SessionIndex session);
    [[nodiscard]] ErrorCode check_create(const struct Event& event) const;
    SessionState& be_created(const struct Event& event);
    void forget_text(Device& device);
    void be_born(Device& device, std::uint32_t generation, std::uint8_t traits, SessionIndex owner, ChildIndex child);
    void give_name(Step& step, std::string_view name, DeviceId id);
    void lose_name(Step& step, std::uint32_t entry, const FaultRecord& fault);
    void release_names(Step& step, std::uint32_t slot, const FaultRecord& fault);
    void release_holdings(Step& step, std::uint32_t slot, const FaultRecord& fault);
    [[nodiscard]] Extra& obtain_extra(std::uint32_t slot);
    void tidy_extra(Device& device);
    void put_labels(const Device& device, Extra& extra, std::string_view text);
    void release_extra(Device& device);

    /// The live Device of that session, or none with the refusal already noted.
    [[nodiscard]] Device* own(Step& step, const struct Event& event);
    [[nodiscard]] bool was_own(const Device& gone, const struct Event& event) const;
    /// Either end of a link or a shutdown request that a session names; `needs` of decision 24's one question.
    [[nodiscard]] ErrorCode may(SessionIndex session, Right right, const Device& device) const;
    [[nodiscard]] bool bounds_hold() const;
    // the checks of graph_check.cpp
    struct Marks;
    [[nodiscard]] std::string check_device(std::uint32_t slot, Marks& marks) const;
    [[nodiscard]] std::string check_session(SessionIndex number, Marks& marks) const;
    [[nodiscard]] std::string check_edges(const Marks& marks) const;
    [[nodiscard]] std::string check_free_lists(Marks& marks) const;
    [[nodiscard]] std::string check_pages() const;
    [[nodiscard]] std::string check_queues(Marks& marks) const;
    [[nodiscard]] std::string check_names(const Marks& marks) const;
    [[nodiscard]] std::string check_extras() const;
    [[nodiscard]] bool is_open_id(std::uint32_t slot) const;
    void enlist(SessionState& session, std::uint32_t slot, Device& device);
    void delist(SessionState& session, const Device::Life& life);

    Texts& texts_;
    Deadlines& deadlines_;
    Epoch epoch_{};
    GraphLimits limits_;
    FlatTable<Device> devices_;
    FlatTable<Edge> edges_;
    FlatTable<Page> pages_;
    FlatTable<SessionState> sessions_;
    std::vector<RefusalNote> refusals_;
    std::vector<NameNote> name_notes_;
    std::vector<Extra> extras_;
    EdgeIndex index_;
    Names names_;
    std::vector<DeviceId> granted_;
    std::uint32_t free_edges_ = nil, free_refusals_ = nil, free_name_notes_ = nil, free_extras_ = 0;
    std::uint32_t free_pages_ = nil, last_free_page_ = nil, free_page_count_ = 0;
    std::uint32_t own_page_ = nil, own_next_ = 0;
    Queue fresh_, backlog_;
    bool attention_ = false;  ///< something was queued or found since `settled`
    bool held_ = false;
    bool working_ = false;  ///< inside the queue: whoever ends now is queued behind, never entered from here (no recursion)
    std::uint32_t closing_ = nil, last_closing_ = nil;
    std::uint64_t own_devices_ = 0;  ///< live processes and supervisors, which no session counts
};

/// A field read by itself. One load of two neighbours that were stored one by one just before would wait for both stores.
template <class T>
T alone(const T& field) {
    return *static_cast<const volatile T*>(&field);
}

/// Of a notice, inline: every one of them is read by this. Its record is kept by a pin, so it need not be asked whether there is one.
inline OwedView Graph::owed(std::uint32_t place) const {
    const Edge& node = edges_[place];
    if (node.owed != Owed::notice) [[unlikely]] {
        return owed_otherwise(node);
    }
    const Device& gone = devices_[node.target];
    const Device::Exit& exit = gone.exit;
    return {Owed::notice, DeviceId::make(node.to_generation, node.watcher), DeviceId::make(gone.generation, node.target),
            FaultRecord{gone.fault_kind, alone(gone.root_kind), 0, exit.hops, exit.argument, alone(exit.root_argument), exit.cascade,
                        exit.root, exit.text, 0}};
}

}  // namespace backplane::core
