// SPDX-License-Identifier: Apache-2.0
/// The C face of libbackplane: stable names, stable numbers, stable layouts. C11, and usable from C++ and by foreign-function interfaces.
///
/// **Handles.** `bp_client` is one conversation with the daemon, `bp_device` an owned presence in its graph, `bp_task_start` an attempt to
/// start a task. All are opaque. A client owns the others: `bp_client_close` frees them too.
///
/// **Results.** Calls that can fail answer a `bp_status`: `BP_OK` (0), or the number of what was wrong, and then nothing is filled unless
/// the call says so. `bp_client_error` tells more. A null handle, or null where a pointer is needed, answers `BP_INVALID_ARGUMENT`. Every
/// call may also answer what ended the connection (`BP_UNREACHABLE`, `BP_SHUTTING_DOWN`, `BP_UNKNOWN_SESSION` …), `BP_WRONG_PROCESS` in a
/// child after fork (of a client only `bp_client_close` does something there: it frees), and `BP_SYSTEM` when there is no memory.
///
/// **Structs** begin with `size`, which the caller sets to `sizeof`, the rest to zero (`bp_message message = {.size = sizeof message};`).
/// The library fills at most that many bytes and sets `size` to what it has filled; members beyond keep what they held. So a program that
/// was built against an older, smaller struct goes on working with a newer library. A struct that a caller fills may be smaller than the
/// library's: what it lacks counts as zero, which is always the default. It may also be larger, if what the library does not know is zero.
/// Members are only ever added at the end.
///
/// **Texts** are pairs of pointer and length in bytes, in UTF-8; no NUL is needed or meant to be there. An absent text is a null pointer. A
/// text or struct that a call hands out lives until the next call with the same client or one of its Devices; what a function of the
/// caller's is called with, until that function returns.
///
/// **Time.** `timeout_ns` is how long a call may wait, in nanoseconds: 0 asks once, negative (`BP_FOREVER`) waits without end. A call that
/// asks the daemon and gets no answer in time answers `BP_TIMEOUT`; whether the daemon still does it is open then.
///
/// **Threads.** There is no hidden thread. A client and all its Devices belong to one thread at a time: calls with the same client or its
/// Devices must not overlap, and whoever hands a client to another thread sees to the order. Different clients share nothing and may be
/// used at the same time. Functions that take no handle may be called from anywhere. Functions of the caller's are called within the call
/// that says so, on its thread, and on no other.
#ifndef BACKPLANE_BACKPLANE_H
#define BACKPLANE_BACKPLANE_H

#include <backplane/export.h>

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#define BP_NOEXCEPT noexcept
extern "C" {
#else
#define BP_NOEXCEPT
#endif

// ---- version -----------------------------------------------------------------------------------------------------------

/// Of this header. The major number is that of the shared object's name, `libbackplane.so.0`; the minor one grows with every addition.
#define BP_API_VERSION_MAJOR 0
#define BP_API_VERSION_MINOR 1

/// Of the library that runs: major number in the high 16 bits, minor in the low ones.
BP_EXPORT uint32_t bp_api_version(void) BP_NOEXCEPT;
/// 1 if a program that was built against this version can use the library that runs, else 0:
/// `bp_is_compatible(BP_API_VERSION_MAJOR, BP_API_VERSION_MINOR)`.
BP_EXPORT int bp_is_compatible(uint32_t major, uint32_t minor) BP_NOEXCEPT;
/// The release, as in `0.1.0`. Static, and a NUL stands behind it. `length` may be null.
BP_EXPORT const char* bp_version_text(size_t* length) BP_NOEXCEPT;

// ---- codes -------------------------------------------------------------------------------------------------------------

/// `BP_OK` or another of `enum bp_status_code`. A newer daemon may answer numbers that this header does not name.
typedef int32_t bp_status;

/// The codes of <backplane/error.hpp>, which says what each means, and of PROTOCOL.md section 8. Numbers never change.
enum bp_status_code {
    BP_OK = 0,
    // Links and Devices.
    BP_DEVICE_DOWN = 1,  ///< the calling Device is gone
    BP_LINK_DOWN = 2,    ///< the other Device is gone or unknown
    BP_SELF_LINK = 3,
    BP_NOT_OWNER = 4,
    BP_ID_IN_USE = 5,
    BP_NOT_PERMITTED = 6,
    BP_WAS_DOWN = 7,
    // Names and requests.
    BP_NAME_TAKEN = 20,
    BP_NAME_INVALID = 21,
    BP_NOT_FOUND = 22,
    BP_BAD_REQUEST = 23,
    BP_UNKNOWN_CALL = 24,
    BP_LIMIT_REACHED = 25,
    BP_BUSY = 26,
    // Supervision.
    BP_ALREADY_STARTED = 40,
    BP_ALREADY_PRESENT = 41,
    BP_RUNNING = 42,
    BP_RESTARTING = 43,
    BP_NOT_SUPPORTED = 44,
    BP_NO_SUPERVISOR = 45,
    BP_STOPPING = 46,
    BP_START_FAILED = 47,
    BP_TIMEOUT = 48,
    BP_QUARANTINED = 49,
    BP_DISABLED = 50,
    BP_MAX_CHILDREN = 51,
    BP_BAD_SPEC = 52,
    // What ended the connection.
    BP_MALFORMED = 60,
    BP_OVERSIZED = 61,
    BP_UNKNOWN_FRAME = 62,
    BP_UNSUPPORTED_VERSION = 63,
    BP_OUT_OF_ORDER = 64,
    BP_HANDSHAKE_TIMEOUT = 65,
    BP_TOO_MANY_CONNECTIONS = 66,
    BP_SLOW_CONSUMER = 67,
    BP_BAD_ACK = 68,
    BP_UNKNOWN_SESSION = 69,
    BP_SHUTTING_DOWN = 70,
    BP_FORBIDDEN_PEER = 71,
    BP_CLOSED = 72,
    // Of this library.
    BP_UNREACHABLE = 90,
    BP_SYSTEM = 91,
    BP_USAGE = 92,
    BP_INVALID_ARGUMENT = 93,
    BP_WRONG_PROCESS = 94,
    BP_WRONG_THREAD = 95,
    // Of the daemon's own start.
    BP_CONFIG_INVALID = 110,
    BP_ALREADY_RUNNING = 111,
    BP_CORRUPT_IMAGE = 112
};

/// The code's stable name, as in `link_down`; `unknown_error` for a number that this library does not know. Static, and a NUL stands
/// behind it. `length` may be null.
BP_EXPORT const char* bp_status_name(bp_status status, size_t* length) BP_NOEXCEPT;

/// Waits without end.
#define BP_FOREVER ((int64_t)-1)
/// 5 seconds: the patience of one who has no reason for another.
#define BP_PATIENCE ((int64_t)5000000000)

// ---- values ------------------------------------------------------------------------------------------------------------

typedef struct bp_client bp_client;
typedef struct bp_device bp_device;

/// A reference to a Device, wherever it lives, that keeps nothing alive: freely copied, compared, printed and handed on. This one struct
/// never grows, so that others may contain it.
typedef struct bp_line {
    uint32_t size;  ///< 24
    uint32_t reserved;
    uint64_t epoch;  ///< of the daemon's journal
    uint64_t id;     ///< never used again within the epoch; 0: no Device
} bp_line;

/// Orders by epoch, then id: negative, 0 or positive. A null pointer counts as no Device.
BP_EXPORT int bp_line_compare(const bp_line* one, const bp_line* other) BP_NOEXCEPT;
/// For hash tables of one process; equal lines have equal hashes.
BP_EXPORT uint64_t bp_line_hash(const bp_line* line) BP_NOEXCEPT;
/// Reads the text form, `EPOCH.GENERATION.SLOT` in hexadecimal, as `bp_line_format` and backplanectl write it. `BP_INVALID_ARGUMENT` for
/// a text of another form.
BP_EXPORT bp_status bp_line_parse(const char* text, size_t text_length, bp_line* line) BP_NOEXCEPT;
/// Room for every line's text.
#define BP_LINE_TEXT_MAX 40
/// Writes the text form into the caller's buffer, without a NUL, and its length to `length`. Where `capacity` is too small nothing but the
/// length is written, and the answer is `BP_INVALID_ARGUMENT`.
BP_EXPORT bp_status bp_line_format(const bp_line* line, char* buffer, size_t capacity, size_t* length) BP_NOEXCEPT;

/// Bits of a link as its maker sees it.
enum bp_link_mode {
    BP_LINK_MONITOR = 1,  ///< tell me when the other goes
    BP_LINK_NOTIFY = 2,   ///< tell the other when I go
    BP_LINK_PEER = 3      ///< both
};

/// Why a Device went. Each but `BP_FAULT_NONE` is an error to whoever depends on it.
enum bp_fault_kind {
    BP_FAULT_NONE = 0,        ///< it ended well
    BP_FAULT_DROP = 1,        ///< let go without a word, or never ran; argument: errno of the failed start, or 0
    BP_FAULT_ERROR = 2,       ///< gave up or returned an error; argument: 0, 1 its supervisor gave up, 2 a child failed to start
    BP_FAULT_CASCADE = 3,     ///< something that it depended on faulted: see `cascade`, `root`, `hops`
    BP_FAULT_EXIT = 4,        ///< argument: the exit code
    BP_FAULT_SIGNAL = 5,      ///< argument: the signal's number
    BP_FAULT_TIMEOUT = 6,     ///< argument: 1 of its start, 2 of its stop, 3 of its watchdog
    BP_FAULT_KILLED = 7,      ///< killed at once by its supervisor
    BP_FAULT_UNREACHABLE = 8  ///< nothing is known of it any more
};

typedef struct bp_fault {
    uint32_t size;
    uint32_t kind;  ///< an `enum bp_fault_kind`
    int32_t argument;
    uint32_t root_kind;  ///< cascade only, as the four that follow: the fault of `root`
    int32_t root_argument;
    uint32_t hops;     ///< how many Devices lie between: 1 for a direct neighbour of the root
    bp_line cascade;   ///< the immediate neighbour that faulted
    bp_line root;      ///< the Device that faulted by itself
    const char* text;  ///< at most 200 bytes; null where there is none
    size_t text_length;
} bp_fault;

/// Writes a fault as people read it, such as `signal(9)` or `error{disk full}`; a null fault as `none`. Buffer, capacity and length as with
/// `bp_line_format`; 320 bytes are always enough.
BP_EXPORT bp_status bp_fault_format(const bp_fault* fault, char* buffer, size_t capacity, size_t* length) BP_NOEXCEPT;

enum bp_message_kind {
    BP_MESSAGE_DISCONNECTED = 1,  ///< a Device that this one monitored is gone; told once for each link
    BP_MESSAGE_SHUTDOWN = 2       ///< somebody asks this Device to end, and nothing is forced
};

/// What a Device receives.
typedef struct bp_message {
    uint32_t size;
    uint32_t kind;          ///< an `enum bp_message_kind`
    bp_line line;           ///< who is gone; who asks, with id 0 where it is the daemon itself
    const bp_fault* fault;  ///< why it went; null where it ended well, and for a shutdown
} bp_message;

enum bp_event_kind {
    BP_EVENT_REFUSED = 1,          ///< an operation that nobody waited for was refused; nothing of it was carried out
    BP_EVENT_CONNECTION_LOST = 2,  ///< the connection is over, and with it every Device of the client; the last event
    BP_EVENT_NAME_CHANGE = 3,      ///< what now stands behind a watched name: a state, the last of which is never missed
    BP_EVENT_LOG = 4,              ///< one event of the daemon's log
    BP_EVENT_RESUMED = 5           ///< the daemon crashed and is back, and the session goes on where it was; nothing has to be done
};

/// The further values of a log event; see `bp_fields_get`.
typedef struct bp_fields bp_fields;

/// What a client has to say outside its Devices' messages. Members that are not named for the kind are zero.
typedef struct bp_event {
    uint32_t size;
    uint32_t kind;     ///< an `enum bp_event_kind`
    bp_status status;  ///< refused, connection lost: why
    uint32_t up;       ///< name change: 1 if somebody has the name
    bp_line line;      ///< refused: whose operation it was; name change: who has the name, or had it; log: whom it is about
    bp_line other;     ///< refused: the operation's other end
    const char* name;  ///< name change: the name; log: the name of whom it is about
    size_t name_length;
    const char* what;  ///< refused: the operation (`link`, `unlink`, `shutdown` …); log: the event's word (`child_down` …)
    size_t what_length;
    const char* text;  ///< refused, connection lost: the detail; name change: the fault's text, null for a clean end
    size_t text_length;
    uint64_t incarnation;     ///< name change: how many have come up under the name since the watch began
    int64_t away_ns;          ///< resumed: from the loss to the daemon's welcome
    uint64_t seq;             ///< log: strictly increasing; 0 for a `gap`, which stands for events that were lost to this reader
    int64_t time_us;          ///< log: wall clock, microseconds since 1970-01-01 UTC
    const bp_fields* fields;  ///< log: what else it says; null where there is nothing
    size_t field_count;
} bp_event;

enum bp_field_kind { BP_FIELD_NUMBER = 1, BP_FIELD_TEXT = 2, BP_FIELD_LINE = 3 };

typedef struct bp_field {
    uint32_t size;
    uint32_t kind;  ///< an `enum bp_field_kind`; the value stands in the member that it names
    const char* key;
    size_t key_length;
    int64_t number;
    const char* text;
    size_t text_length;
    bp_line line;
} bp_field;

/// The field at `index`, while the event lives that it is of. `BP_NOT_FOUND` beyond the last.
BP_EXPORT bp_status bp_fields_get(const bp_fields* fields, size_t index, bp_field* field) BP_NOEXCEPT;

/// One Device or one configured child. States and kinds are texts, of which a newer daemon may have more.
typedef struct bp_row {
    uint32_t size;
    uint32_t reserved;
    bp_line line;      ///< id 0 where it is down
    const char* name;  ///< the path below the root supervisor; `/` is the root itself
    size_t name_length;
    const char* kind;  ///< `process`, `task` or `supervisor`
    size_t kind_length;
    const char* state;  ///< `starting`, `running`, `stopping`, `restarting`, `down`, `quarantined`, `disabled`
    size_t state_length;
    const char* supervisor;  ///< the full name of its supervisor
    size_t supervisor_length;
    const char* fault;  ///< the text of its last fault, while it does not run
    size_t fault_length;
    int64_t pid;       ///< -1: none
    int64_t restarts;  ///< since the entry was configured; -1: it is no child
    // What follows, up to `links`, is filled by bp_client_describe alone; -1 is "not known" or "does not apply".
    const char* last_exit;  ///< fault text of the incarnation before, or `normal`, `shutdown`
    size_t last_exit_length;
    const char* restart;  ///< `permanent`, `transient`, `temporary`
    size_t restart_length;
    const char* strategy;  ///< of a supervisor
    size_t strategy_length;
    int64_t failures;       ///< consecutive ones, as the back-off counts them
    int64_t next_start_ms;  ///< milliseconds until the next attempt, while it waits for one
    int64_t window_used;    ///< of a supervisor, as the two that follow: restarts within the period
    int64_t intensity;
    int64_t period_ms;
    int64_t links;  ///< how many
    // Of every row again.
    const char*
        reason;  ///< why it is down (`ended`, `completed`, `failed`, `gave_up` …), or what its start waits for (`backoff`, `blocked` …)
    size_t reason_length;
    const char* waits_for;  ///< the child that it waits for, or the name that no client offers
    size_t waits_for_length;
} bp_row;

// ---- clients -----------------------------------------------------------------------------------------------------------

enum bp_connect_flags {
    BP_CONNECT_NO_RESUME = 1  ///< a crash of the daemon is the connection's end; else the client comes back by itself
};

/// A null pointer to it stands for all defaults.
typedef struct bp_connect_options {
    uint32_t size;
    uint32_t flags;    ///< `enum bp_connect_flags`
    const char* path;  ///< the daemon's socket; null: $BACKPLANE_SOCKET, else the usual places
    size_t path_length;
    const char* name;  ///< of this program, for the daemon's lists and logs; null: that of the library
    size_t name_length;
    int64_t timeout_ns;  ///< for connection and handshake together; 0: BP_PATIENCE
} bp_connect_options;

/// Connects to a daemon. The client is the caller's, to be closed by `bp_client_close`. On failure `client` is set to null, and what was
/// wrong is written to `detail` as far as `detail_capacity` reaches, a NUL always behind it; `detail` may be null. Errors: `BP_UNREACHABLE`
/// (nobody listens there, or there is no path), `BP_NOT_PERMITTED`, `BP_FORBIDDEN_PEER`, `BP_TIMEOUT`, `BP_UNSUPPORTED_VERSION`,
/// `BP_SYSTEM`.
BP_EXPORT bp_status bp_client_connect(const bp_connect_options* options, bp_client** client, char* detail,
                                      size_t detail_capacity) BP_NOEXCEPT;
/// A supervised worker takes over the socket that it inherited ($BACKPLANE_FD), once, and before it starts threads: the variable is
/// removed. `BP_NOT_FOUND` if there is none.
BP_EXPORT bp_status bp_client_adopt(const bp_connect_options* options, bp_client** client, char* detail,
                                    size_t detail_capacity) BP_NOEXCEPT;
/// Adopts in a supervised worker, connects anywhere else.
BP_EXPORT bp_status bp_client_from_environment(const bp_connect_options* options, bp_client** client, char* detail,
                                               size_t detail_capacity) BP_NOEXCEPT;
/// Speaks over a connected stream socket, which it owns from here on, also if this fails with anything but `BP_INVALID_ARGUMENT`. Cannot
/// come back after a crash of the daemon.
BP_EXPORT bp_status bp_client_over(int descriptor, const bp_connect_options* options, bp_client** client, char* detail,
                                   size_t detail_capacity) BP_NOEXCEPT;
/// Ends the conversation in order and frees the client and all its Devices; those that still live go with fault `drop`. Waits at most a
/// second, and only for a daemon that is slow. In a child after fork it only frees. `BP_BUSY` within a handler of this client: nothing is
/// done.
BP_EXPORT bp_status bp_client_close(bp_client* client) BP_NOEXCEPT;

/// The last failure of a call with this client or one of its Devices, and its detail for a person; `BP_OK` before the first. `detail` and
/// `length` may be null.
BP_EXPORT bp_status bp_client_error(const bp_client* client, const char** detail, size_t* length) BP_NOEXCEPT;
/// Why the conversation is over, with its detail; `BP_OK` while it goes on.
BP_EXPORT bp_status bp_client_ended(bp_client* client, const char** detail, size_t* length) BP_NOEXCEPT;
/// The daemon's epoch, part of every line; 0 for a null handle.
BP_EXPORT uint64_t bp_client_epoch(const bp_client* client) BP_NOEXCEPT;
/// 1 if this is the inherited socket of a supervised worker, else 0.
BP_EXPORT int bp_client_is_worker(const bp_client* client) BP_NOEXCEPT;

/// One descriptor for poll, select or epoll: readable whenever `bp_client_dispatch` has something to do, be it to write. Not to be read or
/// closed. -1 for a null handle.
BP_EXPORT int bp_client_fd(const bp_client* client) BP_NOEXCEPT;
/// Sends and receives what can be without waiting, and calls the handlers for what has arrived.
BP_EXPORT bp_status bp_client_dispatch(bp_client* client) BP_NOEXCEPT;
/// The same, but waits until something has arrived since the last one; `BP_TIMEOUT` if nothing did.
BP_EXPORT bp_status bp_client_wait(bp_client* client, int64_t timeout_ns) BP_NOEXCEPT;
/// Writes what is buffered, as far as that does not block.
BP_EXPORT bp_status bp_client_flush(bp_client* client) BP_NOEXCEPT;

/// Functions that take what has arrived. Called within `bp_client_dispatch` and `bp_client_wait` only, on their thread: never inside the
/// call that asked for something, and never after `bp_client_close` has returned. They may call the library, also to close Devices, but not
/// to close the client; a dispatch or wait within them moves bytes and calls nobody. They must not throw or jump out.
typedef struct bp_handlers {
    uint32_t size;
    uint32_t reserved;
    void (*on_message)(bp_device* device, const bp_message* message, void* user);
    void (*on_event)(bp_client* client, const bp_event* event, void* user);
} bp_handlers;

/// From now on messages and events go to these functions; for a null one, and with null handlers for both, they wait to be pulled. What
/// waits already is delivered by the next dispatch. A pull beside a handler is allowed and takes what it asks for. `user` is handed
/// through.
BP_EXPORT bp_status bp_client_set_handlers(bp_client* client, const bp_handlers* handlers, void* user) BP_NOEXCEPT;

/// The oldest unread message of all the client's Devices, and whose it is; waits for one. `BP_TIMEOUT` if none came.
BP_EXPORT bp_status bp_client_next_message(bp_client* client, int64_t timeout_ns, bp_device** device, bp_message* message) BP_NOEXCEPT;
/// The next event; waits for one. `BP_TIMEOUT` if none came.
BP_EXPORT bp_status bp_client_next_event(bp_client* client, int64_t timeout_ns, bp_event* event) BP_NOEXCEPT;

/// `BP_NAME_TAKEN`, `BP_NAME_INVALID`, `BP_NOT_OWNER`, `BP_DEVICE_DOWN`, `BP_LIMIT_REACHED`. The name goes with the Device.
BP_EXPORT bp_status bp_client_register_name(bp_client* client, const char* name, size_t name_length, const bp_device* device,
                                            int64_t timeout_ns) BP_NOEXCEPT;
BP_EXPORT bp_status bp_client_release_name(bp_client* client, const char* name, size_t name_length, int64_t timeout_ns) BP_NOEXCEPT;
/// The Device that has this name now, a supervised child's short name included; `BP_NOT_FOUND`.
BP_EXPORT bp_status bp_client_lookup(bp_client* client, const char* name, size_t name_length, int64_t timeout_ns,
                                     bp_line* line) BP_NOEXCEPT;
/// The partition of a supervisor that a key belongs to: a whole number goes to its absolute value modulo the number of partitions, any
/// other text by a hash that never changes (FNV-1a, 64 bits). `BP_NO_SUPERVISOR`; `BP_NOT_SUPPORTED` where it has no partitions;
/// `BP_LINK_DOWN` where that one is down: never another one.
BP_EXPORT bp_status bp_client_route(bp_client* client, const char* supervisor, size_t supervisor_length, const char* key, size_t key_length,
                                    int64_t timeout_ns, bp_line* line) BP_NOEXCEPT;
/// From now on an event tells what stands behind the name, beginning with the present.
BP_EXPORT bp_status bp_client_watch_name(bp_client* client, const char* name, size_t name_length, int64_t timeout_ns) BP_NOEXCEPT;
BP_EXPORT bp_status bp_client_unwatch_name(bp_client* client, const char* name, size_t name_length, int64_t timeout_ns) BP_NOEXCEPT;

/// The time to the daemon and back, in nanoseconds; `elapsed_ns` may be null.
BP_EXPORT bp_status bp_client_ping(bp_client* client, int64_t timeout_ns, int64_t* elapsed_ns) BP_NOEXCEPT;
/// Takes one row; anything but 0 ends the list there. May call the library, but not close the client.
typedef int (*bp_on_row)(const bp_row* row, void* user);
/// Calls `on_row` for each Device and each configured child, before it returns.
BP_EXPORT bp_status bp_client_list(bp_client* client, int64_t timeout_ns, bp_on_row on_row, void* user) BP_NOEXCEPT;
/// All that is known of one Device or child, by its name; `BP_NOT_FOUND`.
BP_EXPORT bp_status bp_client_describe(bp_client* client, const char* name, size_t name_length, int64_t timeout_ns,
                                       bp_row* row) BP_NOEXCEPT;
/// The same by its line.
BP_EXPORT bp_status bp_client_describe_line(bp_client* client, const bp_line* line, int64_t timeout_ns, bp_row* row) BP_NOEXCEPT;

enum bp_command_flags {
    BP_COMMAND_NO_WAIT = 1  ///< answer when the daemon has accepted it; else when it is done
};
/// A child of a supervisor, by its name. `BP_NOT_FOUND`, `BP_NO_SUPERVISOR`, `BP_RUNNING`, `BP_ALREADY_STARTED`, `BP_RESTARTING`,
/// `BP_STOPPING`, `BP_START_FAILED`, `BP_BUSY`, `BP_NOT_PERMITTED`. Stopping what is down succeeds.
BP_EXPORT bp_status bp_client_start(bp_client* client, const char* name, size_t name_length, uint32_t flags,
                                    int64_t timeout_ns) BP_NOEXCEPT;
BP_EXPORT bp_status bp_client_stop(bp_client* client, const char* name, size_t name_length, uint32_t flags, int64_t timeout_ns) BP_NOEXCEPT;
BP_EXPORT bp_status bp_client_restart(bp_client* client, const char* name, size_t name_length, uint32_t flags,
                                      int64_t timeout_ns) BP_NOEXCEPT;
/// This worker is ready, as `READY=1` says for others. `BP_NOT_OWNER` outside an inherited socket.
BP_EXPORT bp_status bp_client_ready(bp_client* client, int64_t timeout_ns) BP_NOEXCEPT;

enum bp_subscribe_flags {
    BP_SUBSCRIBE_GRAPH = 1,      ///< also Devices of clients, links and notices
    BP_SUBSCRIBE_ONCE = 2,       ///< only what the daemon remembers, nothing that happens from now on
    BP_SUBSCRIBE_REMEMBERED = 4  ///< first what the daemon remembers after `since`; else nothing old
};
/// A null pointer to it stands for all defaults.
typedef struct bp_subscribe_options {
    uint32_t size;
    uint32_t flags;  ///< `enum bp_subscribe_flags`
    uint64_t since;  ///< a sequence number; 0: all
} bp_subscribe_options;
/// The daemon's log, as events. Returns when the old events have been taken in, in order. A second subscription replaces the first.
BP_EXPORT bp_status bp_client_subscribe(bp_client* client, const bp_subscribe_options* options, int64_t timeout_ns) BP_NOEXCEPT;
BP_EXPORT bp_status bp_client_unsubscribe(bp_client* client, int64_t timeout_ns) BP_NOEXCEPT;

// ---- Devices -----------------------------------------------------------------------------------------------------------

enum bp_device_flags {
    BP_DEVICE_MANAGED = 1  ///< the daemon cascades it when something that it monitors faults
};
/// A label: a key and a value, both texts. In an array every element has the same `size`, by which the next is found.
typedef struct bp_label {
    uint32_t size;
    uint32_t reserved;  ///< 0
    const char* key;
    size_t key_length;
    const char* value;
    size_t value_length;
} bp_label;
/// A null pointer to it stands for all defaults.
typedef struct bp_device_options {
    uint32_t size;
    uint32_t flags;  ///< `enum bp_device_flags`
    int64_t
        timeout_ns;  ///< for the daemon to grant more ids, in the rare case that none are left, and to register the name; 0: BP_PATIENCE
    int64_t heartbeat_ns;  ///< how often `bp_device_heartbeat` will be called at the least; 0: no matter
    const char* name;      ///< registered before the call returns; null: it has none
    size_t name_length;
    const bp_label* labels;  ///< see `bp_device_set_labels`; may be null
    size_t label_count;
} bp_device_options;

/// The Device that stands for this process: a worker's own, elsewhere one that is opened at the first call. It is closed with its client.
BP_EXPORT bp_status bp_client_device(bp_client* client, bp_device** device) BP_NOEXCEPT;
/// A new Device, to be closed by `bp_device_close` or with its client. `BP_LIMIT_REACHED`, `BP_NAME_TAKEN`.
BP_EXPORT bp_status bp_client_open_device(bp_client* client, const bp_device_options* options, bp_device** device) BP_NOEXCEPT;
/// Lets go and frees the handle: a Device that was not disconnected goes with fault `drop`. `BP_INVALID_ARGUMENT` for that of
/// `bp_client_device`.
BP_EXPORT bp_status bp_device_close(bp_device* device) BP_NOEXCEPT;

/// A pointer of the caller's that goes with the handle; null to begin with.
BP_EXPORT bp_status bp_device_set_user(bp_device* device, void* user) BP_NOEXCEPT;
BP_EXPORT void* bp_device_user(const bp_device* device) BP_NOEXCEPT;
/// Its client; null for a null handle.
BP_EXPORT bp_client* bp_device_client(const bp_device* device) BP_NOEXCEPT;
/// The reference to hand to others.
BP_EXPORT bp_status bp_device_line(const bp_device* device, bp_line* line) BP_NOEXCEPT;
/// The line's id; 0 for a null handle.
BP_EXPORT uint64_t bp_device_id(const bp_device* device) BP_NOEXCEPT;
/// 1 while the Device lives, as far as this process has heard; else 0.
BP_EXPORT int bp_device_is_alive(const bp_device* device) BP_NOEXCEPT;

/// Adds the mode's bits (`enum bp_link_mode`) to the link with `other`. Written to a buffer that leaves with the client's next dispatch,
/// flush or waiting call. Monitoring what is already gone is answered by its message; notify alone by an event `refused`. `BP_DEVICE_DOWN`,
/// `BP_SELF_LINK`, `BP_INVALID_ARGUMENT`.
BP_EXPORT bp_status bp_device_link(bp_device* device, const bp_line* other, uint32_t mode) BP_NOEXCEPT;
/// The same with the daemon's word that it is done. What is already gone is `BP_LINK_DOWN`, and no message follows.
BP_EXPORT bp_status bp_device_link_wait(bp_device* device, const bp_line* other, uint32_t mode, int64_t timeout_ns) BP_NOEXCEPT;
/// Takes the mode's bits away and drops what has arrived of that link and was not read. A message that is still on its way can be read
/// afterwards; `bp_device_unlink_wait` excludes that.
BP_EXPORT bp_status bp_device_unlink(bp_device* device, const bp_line* other, uint32_t mode) BP_NOEXCEPT;
/// The same with the daemon's word: after it no message of that link is ever read. `was_down` (may be null) is set to 1 if the other had
/// gone before, and its message was taken back; else to 0.
BP_EXPORT bp_status bp_device_unlink_wait(bp_device* device, const bp_line* other, uint32_t mode, int64_t timeout_ns,
                                          uint32_t* was_down) BP_NOEXCEPT;
/// The same four between two Devices of anybody, as far as the daemon permits it. What is gone is never answered by a message: the
/// first end is `BP_DEVICE_DOWN`, the second `BP_LINK_DOWN`; without waiting both are an event `refused`.
BP_EXPORT bp_status bp_client_link(bp_client* client, const bp_line* from, const bp_line* to, uint32_t mode) BP_NOEXCEPT;
BP_EXPORT bp_status bp_client_link_wait(bp_client* client, const bp_line* from, const bp_line* to, uint32_t mode,
                                        int64_t timeout_ns) BP_NOEXCEPT;
BP_EXPORT bp_status bp_client_unlink(bp_client* client, const bp_line* from, const bp_line* to, uint32_t mode) BP_NOEXCEPT;
BP_EXPORT bp_status bp_client_unlink_wait(bp_client* client, const bp_line* from, const bp_line* to, uint32_t mode,
                                          int64_t timeout_ns) BP_NOEXCEPT;
/// A sign of life. A Device with an interval that gives none for that long goes with fault `timeout(watchdog)`. May be called as often
/// as one likes: one is sent every tenth of the interval at the most. `BP_INVALID_ARGUMENT` without an interval.
BP_EXPORT bp_status bp_device_heartbeat(bp_device* device) BP_NOEXCEPT;
/// The same, and from now on the next one is due within `interval_ns` of each; 0: none is due any more.
BP_EXPORT bp_status bp_device_set_heartbeat(bp_device* device, int64_t interval_ns) BP_NOEXCEPT;
/// Gives the Device these labels in the place of all that it had, 16 at the most; lists show them. `BP_INVALID_ARGUMENT` for what may
/// not be one.
BP_EXPORT bp_status bp_device_set_labels(bp_device* device, const bp_label* labels, size_t count) BP_NOEXCEPT;
/// Asks another Device to shut down. Nothing says whether it is heeded but the other's end.
BP_EXPORT bp_status bp_device_request_shutdown(bp_device* device, const bp_line* other) BP_NOEXCEPT;
/// Ends the Device: well if `fault` is null, else with that fault, of which kind, argument and text count (and `cascade` for that kind);
/// usually `BP_FAULT_ERROR` and a text. Unread messages are gone with it. A second time does nothing. The handle stays until it is closed.
BP_EXPORT bp_status bp_device_disconnect(bp_device* device, const bp_fault* fault) BP_NOEXCEPT;

/// The oldest unread message that has arrived; does not touch the connection, which `bp_client_dispatch` does. `BP_TIMEOUT` if there is
/// none, `BP_DEVICE_DOWN` if there will be none any more.
BP_EXPORT bp_status bp_device_try_receive(bp_device* device, bp_message* message) BP_NOEXCEPT;
/// Waits for the next message. `BP_TIMEOUT`, `BP_DEVICE_DOWN` when the Device has ended.
BP_EXPORT bp_status bp_device_next(bp_device* device, int64_t timeout_ns, bp_message* message) BP_NOEXCEPT;

/// How a Device ended other than by its owner's word.
typedef struct bp_end {
    uint32_t size;
    uint32_t reserved;
    bp_line by;             ///< whom it cascaded from, or who asked for the shutdown; id 0 if neither
    const bp_fault* fault;  ///< null: a clean end, on a shutdown request
} bp_end;
/// `BP_NOT_FOUND` while it lives, and where it ended by its owner's word.
BP_EXPORT bp_status bp_device_ended(bp_device* device, bp_end* end) BP_NOEXCEPT;

#ifdef __cplusplus
}
#endif

// The rest of this face.
#include <backplane/diagnosis.h>
#include <backplane/task_start.h>

#endif
