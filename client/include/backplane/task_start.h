// SPDX-License-Identifier: Apache-2.0
/// Tasks: children of the daemon's supervisors that this process runs when it is asked to. A part of backplane/backplane.h, which includes
/// it and has the rules for handles, structs, texts and time.
#ifndef BACKPLANE_TASK_START_H
#define BACKPLANE_TASK_START_H

#include <backplane/backplane.h>

#ifdef __cplusplus
extern "C" {
#endif

/// One attempt to start a task. It comes to the function that was given to `bp_client_offer`, and one of four words says what becomes of
/// it: `running`, `completed`, `ignored`, `failed`. Where nothing was said when the function returns it has failed, unless it is kept for
/// later. The handle is good until the function returns; one that is kept until a word is said of it, or its client is closed. A word
/// leaves when the function has returned; a later one as a link does, with the client's next dispatch, flush or waiting call.
typedef struct bp_task_start bp_task_start;

/// What is to be started. The texts live as long as the attempt.
typedef struct bp_task {
    uint32_t size;
    uint32_t restart;  ///< 1: it ran before
    uint32_t managed;  ///< 1: the configuration wants it managed, as `BP_DEVICE_MANAGED` says
    uint32_t reserved;
    const char* name;  ///< the child's full name, as `pool/3`
    size_t name_length;
    const char* starter;  ///< under which name it was offered
    size_t starter_length;
    size_t argument_count;     ///< see `bp_task_start_argument`
    int64_t start_timeout_ns;  ///< how long the daemon waits for a word; `BP_FOREVER`
    int64_t shutdown_ns;       ///< how long it has to end after a shutdown message; `BP_FOREVER`
} bp_task;

/// Takes an attempt. May call the library, but not close the client.
typedef void (*bp_on_task_start)(bp_task_start* start, void* user);
/// From here on the daemon may ask this client to start tasks under this name: children of its supervisors whose `task` says so. `on_start`
/// is called as a handler is, never within another one, and beside dispatch and wait also within `bp_client_next_message` and
/// `bp_client_next_event`. `user` is handed through. Tasks drop when the client is closed. `BP_NAME_TAKEN`, `BP_NAME_INVALID`,
/// `BP_LIMIT_REACHED`.
BP_EXPORT bp_status bp_client_offer(bp_client* client, const char* name, size_t name_length, bp_on_task_start on_start, void* user,
                                    int64_t timeout_ns) BP_NOEXCEPT;
/// From here on the function is not called any more. Tasks that run go on, and what is kept can still be started. Nothing where there is no
/// such offer.
BP_EXPORT bp_status bp_client_withdraw_offer(bp_client* client, const char* name, size_t name_length) BP_NOEXCEPT;

/// What is to be started.
BP_EXPORT bp_status bp_task_start_get(const bp_task_start* start, bp_task* task) BP_NOEXCEPT;
/// The argument at `index`: first those of the configuration, then those that the child was started with. `BP_NOT_FOUND` beyond the last.
BP_EXPORT bp_status bp_task_start_argument(const bp_task_start* start, size_t index, const char** text, size_t* length) BP_NOEXCEPT;
/// The task's Device, for links that are to be there before it runs. It goes with the attempt, unless that is `running`.
BP_EXPORT bp_status bp_task_start_device(bp_task_start* start, bp_device** device) BP_NOEXCEPT;
/// Nothing is said yet, and will be when the function has returned.
BP_EXPORT bp_status bp_task_start_keep(bp_task_start* start) BP_NOEXCEPT;

/// It runs. Its Device, the one that `bp_task_start_device` answers, is the caller's from here on: it is the daemon's child, and the task
/// has ended when it is disconnected (how, says the fault) or closed (it dropped), whereupon its supervisor decides. A supervisor that
/// wants it to end sends it a shutdown message, and when its grace is over ends the Device; even then nothing is started anew before it
/// is disconnected or closed. A second word is `BP_INVALID_ARGUMENT`, as with the three that follow.
BP_EXPORT bp_status bp_task_start_running(bp_task_start* start, bp_device** device) BP_NOEXCEPT;
/// It did its work and keeps nothing running; those that require it may start.
BP_EXPORT bp_status bp_task_start_completed(bp_task_start* start) BP_NOEXCEPT;
/// It is not to be run, and not tried again.
BP_EXPORT bp_status bp_task_start_ignored(bp_task_start* start) BP_NOEXCEPT;
/// It could not be started. `why` is cut at 200 bytes.
BP_EXPORT bp_status bp_task_start_failed(bp_task_start* start, const char* why, size_t why_length) BP_NOEXCEPT;

#ifdef __cplusplus
}
#endif

#endif
