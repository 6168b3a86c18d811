// SPDX-License-Identifier: Apache-2.0
/// The rules of the Device graph (sections 1 to 5 of the rules) once more, written from the rules: maps and lists, no
/// cleverness, nothing shared with the core. It is told what each session does, and knows what each must be told.
#pragma once

#include "daemon/core/engine.hpp"

#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace backplane::sim {

using Id = std::uint64_t;
using Serial = std::uint32_t;  ///< a session for ever; its index may be another's later

struct NaiveFault {
    FaultKind kind = FaultKind::none;
    FaultKind root_kind = FaultKind::none;
    std::uint32_t hops = 0;
    std::int32_t argument = 0, root_argument = 0;
    Id cascade = 0, root = 0;
    std::string text;
    bool operator==(const NaiveFault&) const = default;
    [[nodiscard]] std::string words() const;
};

/// One thing that a session is owed, for ever.
struct NaiveItem {
    enum class Kind { notice, ended, shutdown, refusal, name_state };
    Kind kind = Kind::notice;
    Id to = 0, about = 0;
    NaiveFault fault;
    std::uint64_t operation = 0;  ///< refusal: of which frame
    ErrorCode code = ErrorCode::ok;
    ErrorCode also = ErrorCode::ok;  ///< refusal: a second code that is right as well
    bool loose = false;              ///< refusal: of one gone with its session; whose it was is not kept, so three codes are right
    std::string name;                ///< name_state
    bool up = false;
    std::uint64_t incarnation = 0;
    bool withdrawn = false;          ///< an unlink took the notice back (T-5)
    std::uint64_t withdrawn_by = 0;  ///< number of that unlink, where it asked for an acknowledgement
    std::uint64_t linked_by = 0;     ///< notice: number of the link, where it asked for one (T-4)
    bool of_edge = false;            ///< it was an edge, so an unlink takes it back
    [[nodiscard]] std::string words() const;
};

struct NaiveSession {
    bool open = true;
    std::uint32_t uid = 0;
    bool away = false;   ///< its daemon crashed, and it has not come back
    Instant returned{};  ///< when it did; 0: it never was away
    std::string why;
    std::vector<NaiveItem> items;  ///< all ever
    std::size_t taken = 0;         ///< acknowledged
    std::set<Id> granted;
    std::vector<Id> devices;                       ///< in order of creation, ended ones too
    std::map<std::string, std::uint64_t> watches;  ///< name, incarnation
};

class NaiveGraph {
  public:
    /// What the planted bug of the self-test leaves out: every so many notices one is forgotten; 0 for none.
    explicit NaiveGraph(std::uint64_t forget_each = 0) : forget_each_(forget_each) {}

    Serial open(std::uint32_t uid);
    void close(Serial session, const std::string& why);
    /// What closed sessions held goes down.
    void work();
    /// False if an id of the page was granted before (rule 7 of section 10).
    [[nodiscard]] bool grant(Serial session, Id first, std::uint32_t count);
    void acknowledge(Serial session, std::size_t count) { sessions_[session].taken = count; }

    void create(Serial session, Id id, bool managed, std::uint64_t operation);
    void link(Serial session, Id from, Id to, LinkMode mode, bool asked, std::uint64_t operation);
    void unlink(Serial session, Id from, Id to, LinkMode mode, bool asked, std::uint64_t operation);
    void disconnect(Serial session, Id id, NaiveFault fault, std::uint64_t operation);
    void shutdown(Serial session, Id from, Id to, std::uint64_t operation);
    void manage(Serial session, Id id, bool on, std::uint64_t operation);
    /// A sign of life at `now`, and the next one is due so much later; 0: none is.
    void heartbeat(Serial session, Id id, std::uint32_t interval_ms, Instant now, std::uint64_t operation);
    /// `labels`: as they are kept.
    [[nodiscard]] ErrorCode label(Serial session, Id id, const std::string& labels);
    /// Time has come to be `now`: whoever promised a sign of life by then and gave none goes.
    void pass(Instant now);
    /// The daemon crashed, and another is up at `now`: all are away.
    void lose_all(Instant now);
    void come_back(Serial session, Instant now);
    [[nodiscard]] ErrorCode register_name(Serial session, const std::string& name, Id id);
    [[nodiscard]] ErrorCode release_name(Serial session, const std::string& name);
    [[nodiscard]] ErrorCode watch_name(Serial session, const std::string& name);
    [[nodiscard]] ErrorCode unwatch_name(Serial session, const std::string& name);
    [[nodiscard]] Id lookup(const std::string& name) const;

    [[nodiscard]] NaiveSession& session(Serial serial) { return sessions_[serial]; }
    [[nodiscard]] bool is_live(Id id) const;
    [[nodiscard]] std::size_t live_count() const;
    [[nodiscard]] std::size_t edge_count() const;
    /// Every Device that ever was, for random choices.
    [[nodiscard]] const std::vector<Id>& all() const { return all_; }
    /// Compares what is owed to the session with the core's list; empty, or the first difference.
    [[nodiscard]] std::string compare(Serial serial, const core::Engine& engine, core::SessionIndex index);
    /// The same of all labels.
    [[nodiscard]] std::string compare_labels(const core::Engine& engine) const;

  private:
    struct Device {
        Serial owner = 0;
        bool live = true;
        bool managed = false;
        NaiveFault fault;
        std::vector<Id> tells;           ///< who hears of it, in order of creation (D-8)
        std::vector<std::string> names;  ///< in order of registration
        bool asked = false;              ///< a shutdown request waits
        Instant due = Instant::never();  ///< its next sign of life
        std::uint64_t due_order = 0;     ///< of those due at once, who promised first
        std::string labels;
    };
    [[nodiscard]] bool may(Serial session, const Device& device) const;
    [[nodiscard]] bool check_ends(Serial session, Id from, Id to, std::uint64_t operation);
    void refuse(Serial session, std::uint64_t operation, Id device, Id other, ErrorCode code, ErrorCode also = ErrorCode::ok,
                bool loose = false);
    void push(Serial session, NaiveItem item);
    void end(Id id, const NaiveFault& fault);
    void push_ended(Id id);
    void tell_all();
    void tell_one(Id id);
    void lose_name(const std::string& name, const NaiveFault& fault);
    [[nodiscard]] NaiveFault cascade_of(Id id, bool known) const;
    [[nodiscard]] std::vector<Id> silent(Instant now) const;
    [[nodiscard]] bool take_back(Id watcher, Id target, std::uint64_t operation);

    std::vector<NaiveSession> sessions_;
    std::map<Id, Device> devices_;
    std::uint64_t due_order_ = 0;
    std::vector<Id> all_;
    std::deque<Id> dying_;
    std::vector<Serial> closed_;
    std::map<std::string, Id> names_;
    std::set<Id> granted_;
    std::map<std::pair<Id, Id>, std::uint64_t> linked_by_;  ///< watcher, target: the acknowledged link, where the watcher's session made it
    std::uint64_t forget_each_ = 0, pushed_ = 0;
};

/// Whether a name may be registered: elements of the allowed characters parted by single slashes, 255 bytes at most.
[[nodiscard]] bool naive_name_is_valid(const std::string& name);

}  // namespace backplane::sim
