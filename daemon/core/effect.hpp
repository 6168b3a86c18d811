// SPDX-License-Identifier: Apache-2.0
/// Everything that the core can want done, as plain data appended to a buffer that its owner clears and reuses.
///
/// Notices are not effects (decision 8): the core says `session_ready` and the session encodes straight from its owed list.
#pragma once

#include "daemon/core/effect_list.hpp"
#include "daemon/core/types.hpp"

#include <backplane/error.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace backplane::core {

enum class EffectKind : std::uint8_t {
    go_on,             ///< work is left: feed `go_on` after others have been served
    session_ready,     ///< session: something new is on its owed list
    session_cut,       ///< session: close it with `code` and `text` as its last word; then feed session_close
    granted,           ///< session, request: its new pages are in Graph::granted; `code` where there are none
    answer,            ///< session, request, code, text: the answer to a request; child: that it made
    spawn,             ///< child, generation, device: start the process
    spawn_or_find,     ///< the same, unless the daemon that crashed has started it and could not say so any more
    adopt,             ///< child, generation, argument: pid, number: its start: a process of the daemon that crashed lives on
    adopt_dead,        ///< the same of one whose end was taken in, and that is perhaps not reaped or not alone in its group
    signal,            ///< child, generation, argument: a signal to its leader
    signal_group,      ///< child, generation, argument: the same to its whole group
    drain,             ///< child, generation: run its drain hook beside it, and feed `drained` when that is over; a signal ends it
    reap,              ///< child, generation: take the dead leader's status away and report `group_empty` when nothing is left;
                       ///< argument 1: when the leader is gone, whatever else is left (P-4, kill_mode leader)
    supervisor_state,  ///< the root came up, is stopping or went down: for the service manager's status line
    halt,              ///< everything is stopped: end the daemon with exit code `argument`
};

struct Effect {
    EffectKind kind = EffectKind::go_on;
    ErrorCode code = ErrorCode::ok;
    SessionIndex session = daemon_session;
    ChildIndex child = no_child;
    std::uint32_t generation = 0;
    std::int32_t argument = 0;
    std::uint32_t text_at = 0;  ///< in Effects::text
    std::uint32_t text_size = 0;
    std::uint64_t number = 0;  ///< request; adopt: when the process began
    DeviceId device{};
};

/// Names of section 0 of the rules.
enum class RecordKind : std::uint8_t {
    device_up,
    device_down,
    link,
    unlink,
    notice,
    child_starting,
    child_ready,
    child_completed,
    child_start_failed,
    child_stopping,
    child_killing,
    child_down,
    child_backoff,
    child_blocked,
    child_quarantined,
    child_removed,
    restart,
    sup_up,
    sup_giving_up,
    sup_stopping,
    sup_down,
    shutdown_error,
    child_unkillable,
    alert,
    child_released,  ///< from quarantine, by an operator or its cooldown
    child_added,     ///< by a call
    reloaded,        ///< a new configuration was taken over
    child_draining,  ///< its drain hook is run, before it is stopped
};

/// One event of the log (section 0). Fields that a kind does not use are zero; `record_fields` of the session room
/// turns them into the names of the wire.
struct Record {
    std::uint64_t seq = 0;  ///< core step · 2^16 + index within the step
    Instant at{};
    RecordKind kind = RecordKind::device_up;
    ExitClass exit_class = ExitClass::normal;  ///< child_down, child_start_failed, sup_down
    std::uint8_t link_mode = 0;
    std::uint8_t reserved = 0;
    ChildIndex child = no_child;       ///< the entry that the event is about
    ChildIndex supervisor = no_child;  ///< restart: who restarts; child_blocked: whom it waits for; sup_giving_up: who broke the limit
    DeviceId device{};
    DeviceId other{};  ///< link, unlink: to; notice: told
    /// child_backoff: delay in ns; child_stopping, child_killing: signal; restart, sup_giving_up: window_count; child_ready: pid
    std::int64_t number = 0;
    FaultRecord fault{};  ///< device_down, notice, child_down, child_start_failed, shutdown_error, sup_down, alert; restart: the cause
    std::uint32_t text_at = 0;  ///< fault's text in Effects::text, kept here because the pool may change
    std::uint32_t text_size = 0;
    std::uint32_t name_at = 0;  ///< the child's path or the task's name
    std::uint32_t name_size = 0;
};

/// The out-parameter of `Engine::step`. Cleared by its owner, so several steps can be gathered.
struct Effects {
    EffectList<Effect> list;
    std::vector<Record> records;
    std::string text;

    /// Nothing is to be done and nothing to be told, as after most steps.
    [[nodiscard]] bool empty() const { return list.empty() && records.empty(); }
    /// Says `session_ready`; the one effect of a step that is hot.
    [[gnu::always_inline]] void ready(SessionIndex session) {
        Effect& said = list.append();
        said.kind = EffectKind::session_ready;
        said.session = session;
    }
    void clear() {
        list.clear();
        records.clear();
        text.clear();
    }
    [[nodiscard]] std::string_view text_of(const Effect& effect) const {
        return std::string_view{text}.substr(effect.text_at, effect.text_size);
    }
    [[nodiscard]] std::string_view text_of(const Record& record) const {
        return std::string_view{text}.substr(record.text_at, record.text_size);
    }
    [[nodiscard]] std::string_view name_of(const Record& record) const {
        return std::string_view{text}.substr(record.name_at, record.name_size);
    }
};

}  // namespace backplane::core
