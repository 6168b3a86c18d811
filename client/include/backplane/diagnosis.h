// SPDX-License-Identifier: Apache-2.0
/// What an operator asks in an incident: why something is as it is, what its death would lead to, how it ended before, what it wrote. A
/// part of backplane/backplane.h, which includes it and has the rules for handles, structs, texts and time.
#ifndef BACKPLANE_DIAGNOSIS_H
#define BACKPLANE_DIAGNOSIS_H

#include <backplane/backplane.h>

#ifdef __cplusplus
extern "C" {
#endif

// ---- why ---------------------------------------------------------------------------------------------------------------

/// A chain of causes; see `bp_causes_get`.
typedef struct bp_causes bp_causes;

/// One link of a chain of causes. What is not known is null, -1 or no Device: the daemon's log reaches back 4096 events.
typedef struct bp_cause {
    uint32_t size;
    int32_t was_ready;  ///< 1; 0: it ended before it was ready
    bp_line line;       ///< of the incarnation that ended
    /// How it explains the one before: `ended` (the first one), `depended_on`, `group` (whose restart stopped it), `supervisor` (which went
    /// down), `gave_up` (the child that broke a supervisor's limit), `start_failed`, `requires`, `asked` (somebody had it stopped), `root`
    /// (what lies between is forgotten). A newer daemon may have more.
    const char* because;
    size_t because_length;
    const char* name;
    size_t name_length;
    const char* kind;
    size_t kind_length;
    const char* state;  ///< of the child now
    size_t state_length;
    const char* reason;  ///< how it ended: a fault's text, `normal`, `shutdown`
    size_t reason_length;
    int64_t time_us;         ///< when: wall clock, microseconds since 1970-01-01 UTC
    int64_t age_ms;          ///< how long ago
    int64_t uptime_ms;       ///< how long it had been ready
    int64_t window_count;    ///< `gave_up`: the restart that was one too many
    const char* last_words;  ///< the end of what it wrote on stderr, as far as that is kept; a stranger's text, control characters included
    size_t last_words_length;
} bp_cause;

/// Why a child or a Device is as it is. A number that is not known or does not apply is -1.
typedef struct bp_why {
    uint32_t size;
    uint32_t reserved;
    const bp_row* row;      ///< it, as bp_client_list tells it
    const bp_causes* ends;  ///< from its last end back to the root; null where it has not ended
    size_t end_count;
    const bp_causes* waits;  ///< whom its start waits for, and why that one is as it is; null where it waits for nobody
    size_t wait_count;
    const char* restart;  ///< `permanent`, `transient`, `temporary`
    size_t restart_length;
    int64_t failures;       ///< in a row, as the back-off counts them
    int64_t since_ms;       ///< how long it has been in its state
    int64_t restart_count;  ///< which in its supervisor's window its last restart was
    int64_t window_used;    ///< of its supervisor, as the two that follow: restarts within the period
    int64_t window_intensity;
    int64_t window_period_ms;
} bp_why;

/// Why it is as it is: the chain of causes of its last end, and what its start waits for. `BP_NOT_FOUND`.
BP_EXPORT bp_status bp_client_why(bp_client* client, const char* name, size_t name_length, int64_t timeout_ns, bp_why* why) BP_NOEXCEPT;
/// The same by its line.
BP_EXPORT bp_status bp_client_why_line(bp_client* client, const bp_line* line, int64_t timeout_ns, bp_why* why) BP_NOEXCEPT;
/// The cause at `index`, the nearest first, while the answer lives that it is of. `BP_NOT_FOUND` beyond the last, the root.
BP_EXPORT bp_status bp_causes_get(const bp_causes* causes, size_t index, bp_cause* cause) BP_NOEXCEPT;

// ---- impact ------------------------------------------------------------------------------------------------------------

/// What an impact consists of; see `bp_impact_told`, `bp_impact_event`, `bp_impact_fate`.
typedef struct bp_impact_lists bp_impact_lists;

/// What would happen if a child or Device died now, in a world where everybody else behaves: who is started is ready at once, who is asked
/// to end ends, who is told and is not managed does nothing.
typedef struct bp_impact {
    uint32_t size;
    uint32_t complete;  ///< 1; 0: cut short, as it takes too many steps or more than an hour
    bp_line line;       ///< whom it is about
    const char* name;
    size_t name_length;
    const char* kind;
    size_t kind_length;
    const char* fault;  ///< what it dies of; of a supervisor: what each process below it does
    size_t fault_length;
    int64_t length_ms;             ///< until all is over
    uint64_t ends;                 ///< processes and tasks that end
    uint64_t falls;                ///< of these by a cascade
    uint64_t starts;               ///< processes and supervisors that are started
    uint64_t gives_up;             ///< supervisors that do
    const bp_impact_lists* lists;  ///< the first of each kind; the totals count all
    size_t told_count;             ///< how many of them `lists` has, as the other two counts
    size_t event_count;
    size_t fate_count;
    uint64_t told_total;
    uint64_t event_total;
    uint64_t fate_total;  ///< 0: all is in the end as it was
} bp_impact;

/// One who would be told.
typedef struct bp_told {
    uint32_t size;
    uint32_t falls;  ///< 1: it is managed, and goes too
    bp_line line;
    bp_line about;     ///< whose end it is told
    const char* name;  ///< null: it has none
    size_t name_length;
    const char* about_name;
    size_t about_name_length;
    const char* kind;  ///< `process` or `task`
    size_t kind_length;
    const char* client;  ///< the program that speaks for it, by its own word
    size_t client_length;
    const char* fault;  ///< null: a clean end
    size_t fault_length;
    int64_t after_ms;         ///< after the death
    const bp_fields* labels;  ///< all of them texts; null where there are none
    size_t label_count;
} bp_told;

/// One who would not be as he is in the end.
typedef struct bp_fate {
    uint32_t size;
    uint32_t reserved;
    const char* name;
    size_t name_length;
    const char* was;  ///< the state now
    size_t was_length;
    const char* state;  ///< the state then; `gone`: not there
    size_t state_length;
    const char* reason;  ///< as in `bp_row`, and the next as well
    size_t reason_length;
    const char* waits_for;
    size_t waits_for_length;
    int64_t after_ms;  ///< after the death
} bp_fate;

/// What would happen if it died now; nothing does. Of a supervisor: if every process below it did. `BP_NOT_FOUND`, `BP_DEVICE_DOWN` where
/// there is nothing to die, `BP_LIMIT_REACHED` where the daemon's state is too large to be rehearsed with, or was so too often
/// of late: then the detail says when to ask again.
BP_EXPORT bp_status bp_client_impact(bp_client* client, const char* name, size_t name_length, int64_t timeout_ns,
                                     bp_impact* impact) BP_NOEXCEPT;
/// The same by its line.
BP_EXPORT bp_status bp_client_impact_line(bp_client* client, const bp_line* line, int64_t timeout_ns, bp_impact* impact) BP_NOEXCEPT;
/// Those at `index`, while the answer lives that they are of. `BP_NOT_FOUND` beyond the last.
BP_EXPORT bp_status bp_impact_told(const bp_impact_lists* lists, size_t index, bp_told* told) BP_NOEXCEPT;
/// In the words of the log: `seq` is 0, and `time_us` is how long after the death.
BP_EXPORT bp_status bp_impact_event(const bp_impact_lists* lists, size_t index, bp_event* event) BP_NOEXCEPT;
BP_EXPORT bp_status bp_impact_fate(const bp_impact_lists* lists, size_t index, bp_fate* fate) BP_NOEXCEPT;

// ---- exits -------------------------------------------------------------------------------------------------------------

/// One end of a child.
typedef struct bp_exit {
    uint32_t size;
    uint32_t was_ready;  ///< 1; 0: its start failed
    uint32_t core;       ///< 1: it left a core dump
    uint32_t reserved;
    bp_line root;     ///< of a cascade: who faulted by itself
    int64_t time_us;  ///< wall clock, microseconds since 1970-01-01 UTC
    int64_t uptime_ms;
    uint64_t incarnation;
    int64_t code;            ///< of a process that ended by itself; else -1
    int64_t signal;          ///< of a process that a signal ended; else -1
    const char* exit_class;  ///< `normal`, `shutdown`, `abnormal`: what its supervisor decides on
    size_t exit_class_length;
    const char* fault;  ///< null: it ended without one
    size_t fault_length;
    const char* root_fault;  ///< how `root` faulted
    size_t root_fault_length;
    const char* last_words;  ///< the tail of its stderr, where that goes through the daemon; a stranger's text, control characters included
    size_t last_words_length;
} bp_exit;

/// Takes one exit; anything but 0 ends the list there. May call the library, but not close the client.
typedef int (*bp_on_exit)(const bp_exit* exit, void* user);
/// Calls `on_exit` for each of a child's last ends, the newest first, before it returns. `BP_NOT_FOUND`.
BP_EXPORT bp_status bp_client_exits(bp_client* client, const char* name, size_t name_length, int64_t timeout_ns, bp_on_exit on_exit,
                                    void* user) BP_NOEXCEPT;

// ---- logs --------------------------------------------------------------------------------------------------------------

/// One line that a child wrote.
typedef struct bp_log_line {
    uint32_t size;
    uint32_t goes_on;  ///< 1: it was too long, and the next line of the same stream is the rest of it
    uint64_t number;
    int64_t time_us;  ///< wall clock, microseconds since 1970-01-01 UTC
    uint64_t incarnation;
    const char* stream;  ///< `stdout` or `stderr`
    size_t stream_length;
    const char* text;  ///< without the line's end; a stranger's, control characters included
    size_t text_length;
} bp_log_line;

/// What there is to know of a page of lines.
typedef struct bp_log_page {
    uint32_t size;
    uint32_t anew;     ///< 1: another daemon answers than the one before, and what lies between is not known
    uint64_t next;     ///< what to ask for next, whether or not `on_line` has taken all
    uint64_t end;      ///< the number of the line that is to come: there is more while `next` is below
    uint64_t missed;   ///< lines that were asked for and are not kept any more
    uint64_t dropped;  ///< bytes so far that did not get to where they were to go
    const char* name;  ///< full
    size_t name_length;
    const char* stdout_to;  ///< in the words of the configuration: `inherit`, `null` and `file` keep no lines
    size_t stdout_to_length;
    const char* stderr_to;
    size_t stderr_to_length;
} bp_log_page;

enum bp_logs_flags {
    BP_LOGS_SINCE = 1,  ///< from the line `since` on; else the last `lines`
    BP_LOGS_WAIT = 2    ///< where there is none yet, answer when there is
};
/// A null pointer to it stands for all defaults.
typedef struct bp_logs_options {
    uint32_t size;
    uint32_t flags;  ///< `enum bp_logs_flags`
    uint64_t since;
    uint32_t lines;     ///< without `BP_LOGS_SINCE`: so many of the last ones; 0: all that are kept
    uint32_t reserved;  ///< 0
} bp_logs_options;

/// Takes one line; anything but 0 ends the page there. May call the library, but not close the client.
typedef int (*bp_on_log_line)(const bp_log_line* line, void* user);
/// The last lines that a child wrote, a page at a time: calls `on_line` for each, in order, before it returns, and fills `page`, which may
/// be null. Ask for `next` while that is below `end`. With `BP_LOGS_WAIT` an empty page comes only where the daemon's program was replaced
/// meanwhile. `BP_NOT_FOUND`, `BP_NOT_SUPPORTED`.
BP_EXPORT bp_status bp_client_logs(bp_client* client, const char* name, size_t name_length, const bp_logs_options* options,
                                   int64_t timeout_ns, bp_on_log_line on_line, void* user, bp_log_page* page) BP_NOEXCEPT;

#ifdef __cplusplus
}
#endif

#endif
