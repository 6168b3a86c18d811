// SPDX-License-Identifier: Apache-2.0
/// The C face used from C11, against a real daemon: bp_c_face with a daemon at $BACKPLANE_SOCKET that has a child `sleeper`, a child
/// `worker` that is `bp_c_face worker`, and a task `tasked` of the starter `c-face.task`. Ends with 0, or says which expectation did not
/// hold.
#define _POSIX_C_SOURCE 200809L

#include <backplane/backplane.h>

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/// Far beyond what anything here takes.
#define PLENTY (INT64_C(60) * 1000 * 1000 * 1000)

static bp_client* clients[2];

static void expect(int holds, const char* what, int line) {
    if (!holds) {
        const char* detail = "";
        size_t length = 0;
        for (int i = 0; i < 2; ++i) {
            const bp_status status = bp_client_error(clients[i], &detail, &length);
            fprintf(stderr, "client %d: %s: %.*s\n", i, bp_status_name(status, NULL), (int)length, detail == NULL ? "" : detail);
        }
        fprintf(stderr, "c_face.c:%d: %s\n", line, what);
        exit(1);
    }
}
#define EXPECT(condition) expect((condition) ? 1 : 0, #condition, __LINE__)
#define OK(call) EXPECT((call) == BP_OK)

static int same_text(const char* text, size_t length, const char* expected) {
    return text != NULL && length == strlen(expected) && memcmp(text, expected, length) == 0;
}

static bp_device* opened(bp_client* client, bp_line* line) {
    bp_device* device = NULL;
    OK(bp_client_open_device(client, NULL, &device));
    *line = (bp_line){.size = sizeof *line};
    OK(bp_device_line(device, line));
    OK(bp_client_ping(client, PLENTY, NULL));  // the daemon has it
    return device;
}

/// After both have been answered, what has not come has not been sent.
static void expect_silence(bp_device* device) {
    bp_message message = {.size = sizeof message};
    OK(bp_client_ping(clients[1], PLENTY, NULL));
    OK(bp_client_ping(clients[0], PLENTY, NULL));
    EXPECT(bp_device_try_receive(device, &message) == BP_TIMEOUT);
}

static void told_once_with_the_fault(void) {
    bp_line here, there;
    bp_device* watcher = opened(clients[0], &here);
    bp_device* other = opened(clients[1], &there);
    OK(bp_device_link_wait(watcher, &there, BP_LINK_MONITOR, PLENTY));
    const char* why = "disk full, of which";
    OK(bp_device_disconnect(other, &(bp_fault){.size = sizeof(bp_fault), .kind = BP_FAULT_ERROR, .text = why, .text_length = 9}));
    bp_message message = {.size = sizeof message};
    OK(bp_device_next(watcher, PLENTY, &message));
    EXPECT(message.kind == BP_MESSAGE_DISCONNECTED);
    EXPECT(bp_line_compare(&message.line, &there) == 0);
    EXPECT(message.fault != NULL && message.fault->kind == BP_FAULT_ERROR);
    EXPECT(same_text(message.fault->text, message.fault->text_length, "disk full"));
    char text[320];
    size_t length = 0;
    OK(bp_fault_format(message.fault, text, sizeof text, &length));
    EXPECT(same_text(text, length, "error{disk full}"));
    expect_silence(watcher);
    EXPECT(bp_device_link_wait(watcher, &there, BP_LINK_MONITOR, PLENTY) == BP_LINK_DOWN);
    expect_silence(watcher);
    OK(bp_device_close(watcher));
    OK(bp_device_close(other));
}

static void unlinked_is_not_told(void) {
    bp_line here, there;
    bp_device* watcher = opened(clients[0], &here);
    bp_device* other = opened(clients[1], &there);
    uint32_t was_down = 7;
    OK(bp_device_link(watcher, &there, BP_LINK_PEER));
    OK(bp_device_unlink_wait(watcher, &there, BP_LINK_PEER, PLENTY, &was_down));
    EXPECT(was_down == 0);
    OK(bp_device_link(watcher, &there, BP_LINK_MONITOR));
    OK(bp_client_flush(clients[0]));
    OK(bp_client_ping(clients[0], PLENTY, NULL));
    OK(bp_device_close(other));
    OK(bp_client_ping(clients[1], PLENTY, NULL));
    OK(bp_device_unlink_wait(watcher, &there, BP_LINK_MONITOR, PLENTY, &was_down));
    EXPECT(was_down == 1);
    expect_silence(watcher);
    OK(bp_device_close(watcher));
}

static void names_are_found_and_watched(void) {
    bp_line here, there, found = {.size = sizeof found};
    bp_device* mine = opened(clients[0], &here);
    bp_device* other = opened(clients[1], &there);
    OK(bp_client_register_name(clients[0], "c-face-and-more", 6, mine, PLENTY));
    OK(bp_client_lookup(clients[1], "c-face", 6, PLENTY, &found));
    EXPECT(bp_line_compare(&found, &here) == 0);
    EXPECT(bp_client_register_name(clients[1], "c-face", 6, other, PLENTY) == BP_NAME_TAKEN);
    EXPECT(bp_client_register_name(clients[1], "other", 5, mine, PLENTY) == BP_NOT_OWNER);
    OK(bp_client_watch_name(clients[1], "c-face", 6, PLENTY));
    bp_event event = {.size = sizeof event};
    OK(bp_client_next_event(clients[1], PLENTY, &event));
    EXPECT(event.kind == BP_EVENT_NAME_CHANGE && event.up == 1);
    EXPECT(same_text(event.name, event.name_length, "c-face") && bp_line_compare(&event.line, &here) == 0);
    OK(bp_client_release_name(clients[0], "c-face", 6, PLENTY));
    OK(bp_client_next_event(clients[1], PLENTY, &event));
    EXPECT(event.kind == BP_EVENT_NAME_CHANGE && event.up == 0);
    OK(bp_client_unwatch_name(clients[1], "c-face", 6, PLENTY));
    EXPECT(bp_client_lookup(clients[1], "c-face", 6, PLENTY, &found) == BP_NOT_FOUND);
    OK(bp_device_close(mine));
    OK(bp_device_close(other));
}

struct seen {
    int messages, events;
    bp_device* device;
    bp_line line;
    bp_status status;
};

static void on_message(bp_device* device, const bp_message* message, void* user) {
    struct seen* seen = user;
    seen->messages += 1;
    seen->device = device;
    seen->line = message->line;
}

static void on_event(bp_client* client, const bp_event* event, void* user) {
    struct seen* seen = user;
    seen->events += 1;
    seen->status = event->status;
    EXPECT(client == clients[0] && event->kind == BP_EVENT_REFUSED);
    EXPECT(same_text(event->what, event->what_length, "link"));
    EXPECT(bp_client_close(client) == BP_BUSY);
}

/// Links, lets the other go and links to it again; an own loop on the one descriptor takes what comes of it.
static void handlers_are_called_in_ones_own_loop(void) {
    bp_line here, there;
    bp_device* watcher = opened(clients[0], &here);
    bp_device* other = opened(clients[1], &there);
    struct seen seen = {0};
    bp_handlers handlers = {.size = sizeof handlers, .on_message = on_message, .on_event = on_event};
    OK(bp_client_set_handlers(clients[0], &handlers, &seen));
    OK(bp_device_link_wait(watcher, &there, BP_LINK_MONITOR, PLENTY));
    OK(bp_device_close(other));
    OK(bp_client_ping(clients[1], PLENTY, NULL));
    OK(bp_device_link(watcher, &there, BP_LINK_NOTIFY));
    OK(bp_client_ping(clients[0], PLENTY, NULL));
    EXPECT(seen.messages == 0 && seen.events == 0);
    while (seen.messages == 0 || seen.events == 0) {
        struct pollfd watched = {.fd = bp_client_fd(clients[0]), .events = POLLIN};
        EXPECT(poll(&watched, 1, (int)(PLENTY / 1000000)) == 1);
        OK(bp_client_dispatch(clients[0]));
    }
    EXPECT(seen.messages == 1 && seen.device == watcher && bp_line_compare(&seen.line, &there) == 0);
    EXPECT(seen.events == 1 && seen.status == BP_LINK_DOWN);
    OK(bp_client_set_handlers(clients[0], NULL, NULL));
    OK(bp_device_close(watcher));
}

static void one_pull_serves_all_devices(void) {
    bp_line lines[2], there;
    bp_device* watchers[2] = {opened(clients[0], &lines[0]), opened(clients[0], &lines[1])};
    bp_device* other = opened(clients[1], &there);
    for (int i = 0; i < 2; ++i) {
        OK(bp_device_set_user(watchers[i], &lines[i]));
        OK(bp_device_request_shutdown(other, &lines[i]));
    }
    for (int i = 0; i < 2; ++i) {
        bp_device* whose = NULL;
        bp_message message = {.size = sizeof message};
        OK(bp_client_next_message(clients[0], PLENTY, &whose, &message));
        EXPECT(whose == watchers[i] && bp_device_user(whose) == &lines[i]);
        EXPECT(message.kind == BP_MESSAGE_SHUTDOWN && bp_line_compare(&message.line, &there) == 0);
    }
    for (int i = 0; i < 2; ++i) {
        OK(bp_device_close(watchers[i]));
    }
    OK(bp_device_close(other));
}

static int find_sleeper(const bp_row* row, void* user) {
    if (same_text(row->name, row->name_length, "sleeper") && same_text(row->kind, row->kind_length, "process")) {
        EXPECT(row->pid > 0 && row->restarts >= 0);
        *(bp_line*)user = row->line;
        return 1;
    }
    return 0;
}

static void children_are_listed_and_commanded(void) {
    bp_device* self = NULL;
    bp_line line = {.size = sizeof line}, row_line = {.size = sizeof row_line};
    bp_message message = {.size = sizeof message};
    bp_row row = {.size = sizeof row};
    OK(bp_client_device(clients[0], &self));
    OK(bp_client_list(clients[0], PLENTY, find_sleeper, &row_line));
    OK(bp_client_lookup(clients[0], "sleeper", 7, PLENTY, &line));
    EXPECT(bp_line_compare(&line, &row_line) == 0);
    OK(bp_device_link_wait(self, &line, BP_LINK_MONITOR, PLENTY));
    OK(bp_client_restart(clients[0], "sleeper", 7, 0, PLENTY));
    OK(bp_device_next(self, PLENTY, &message));
    EXPECT(message.kind == BP_MESSAGE_DISCONNECTED && bp_line_compare(&line, &message.line) == 0);
    OK(bp_client_describe(clients[0], "sleeper", 7, PLENTY, &row));
    EXPECT(same_text(row.state, row.state_length, "running") && bp_line_compare(&line, &row.line) != 0);
    EXPECT(same_text(row.restart, row.restart_length, "permanent") && row.links == 0);
    const bp_line again = row.line;
    OK(bp_client_describe_line(clients[0], &again, PLENTY, &row));
    EXPECT(same_text(row.name, row.name_length, "sleeper"));
    OK(bp_client_stop(clients[0], "sleeper", 7, 0, PLENTY));
    OK(bp_client_describe(clients[0], "sleeper", 7, PLENTY, &row));
    EXPECT(same_text(row.state, row.state_length, "down") && row.pid == -1 && row.line.id == 0);
    OK(bp_client_start(clients[0], "sleeper", 7, 0, PLENTY));
    EXPECT(bp_client_start(clients[0], "sleeper", 7, 0, PLENTY) == BP_RUNNING);
    EXPECT(bp_client_stop(clients[0], "nobody", 6, BP_COMMAND_NO_WAIT, PLENTY) == BP_NOT_FOUND);
    EXPECT(bp_client_ready(clients[0], PLENTY) == BP_NOT_OWNER);
}

struct ends {
    int count;
    int orderly;
};

static int take_end(const bp_exit* end, void* user) {
    struct ends* ends = user;
    ends->count += 1;
    ends->orderly += same_text(end->exit_class, end->exit_class_length, "shutdown") && end->signal == 15 && end->code == -1 ? 1 : 0;
    return ends->count == 2;
}

static int take_line(const bp_log_line* line, void* user) {
    *(int*)user += line->text_length != 0 ? 1 : 0;
    return 0;
}

/// `sleeper` has been restarted and stopped before.
static void incidents_are_explained(void) {
    struct ends ends = {0};
    int lines = 0;
    bp_why why = {.size = sizeof why};
    bp_cause cause = {.size = sizeof cause};
    bp_impact impact = {.size = sizeof impact};
    bp_event event = {.size = sizeof event};
    bp_fate fate = {.size = sizeof fate};
    bp_log_page page = {.size = sizeof page};
    OK(bp_client_exits(clients[0], "sleeper", 7, PLENTY, take_end, &ends));
    EXPECT(ends.count == 2 && ends.orderly == 2);
    OK(bp_client_why(clients[0], "sleeper", 7, PLENTY, &why));
    EXPECT(same_text(why.row->name, why.row->name_length, "sleeper") && why.end_count > 0 && why.waits == NULL);
    OK(bp_causes_get(why.ends, 0, &cause));
    EXPECT(same_text(cause.because, cause.because_length, "ended") && cause.was_ready == 1);
    EXPECT(bp_causes_get(why.ends, why.end_count, &cause) == BP_NOT_FOUND);
    OK(bp_client_impact(clients[0], "sleeper", 7, PLENTY, &impact));
    EXPECT(impact.complete == 1 && impact.ends == 1 && impact.starts == 1 && impact.fate_total == 0);
    OK(bp_impact_event(impact.lists, 0, &event));
    EXPECT(event.kind == BP_EVENT_LOG && same_text(event.name, event.name_length, "sleeper"));
    EXPECT(bp_impact_fate(impact.lists, 0, &fate) == BP_NOT_FOUND);
    OK(bp_client_logs(clients[0], "sleeper", 7, NULL, PLENTY, take_line, &lines, &page));
    EXPECT(lines == 0 && page.next == page.end && same_text(page.stderr_to, page.stderr_to_length, "relay"));
    EXPECT(bp_client_route(clients[0], "/", 1, "key", 3, PLENTY, &cause.line) == BP_NOT_SUPPORTED);
}

struct tasks {
    int asked;
    bp_device* device;
};

static void on_task(bp_task_start* start, void* user) {
    struct tasks* tasks = user;
    bp_task task = {.size = sizeof task};
    OK(bp_task_start_get(start, &task));
    EXPECT(same_text(task.name, task.name_length, "tasked") && same_text(task.starter, task.starter_length, "c-face.task"));
    EXPECT(task.restart == (tasks->asked == 0 ? 0 : 1) && task.argument_count == 0);
    tasks->asked += 1;
    if (tasks->asked == 1) {
        OK(bp_task_start_running(start, &tasks->device));
    } else {
        OK(bp_task_start_completed(start));
    }
}

static void tasks_are_run(void) {
    struct tasks tasks = {0};
    bp_row row = {.size = sizeof row};
    OK(bp_client_offer(clients[0], "c-face.task", 11, on_task, &tasks, PLENTY));
    while (tasks.asked == 0) {
        OK(bp_client_wait(clients[0], PLENTY));
    }
    OK(bp_client_ping(clients[0], PLENTY, NULL));
    OK(bp_client_describe(clients[1], "tasked", 6, PLENTY, &row));
    EXPECT(same_text(row.state, row.state_length, "running") && row.line.id == bp_device_id(tasks.device));
    OK(bp_device_close(tasks.device));  // it drops
    while (tasks.asked == 1) {
        OK(bp_client_wait(clients[0], PLENTY));
    }
    OK(bp_client_ping(clients[0], PLENTY, NULL));
    OK(bp_client_describe(clients[1], "tasked", 6, PLENTY, &row));
    EXPECT(same_text(row.state, row.state_length, "down") && same_text(row.reason, row.reason_length, "completed"));
    OK(bp_client_withdraw_offer(clients[0], "c-face.task", 11));
}

static void log_is_followed(void) {
    bp_subscribe_options options = {.size = sizeof options, .flags = BP_SUBSCRIBE_REMEMBERED | BP_SUBSCRIBE_ONCE};
    OK(bp_client_subscribe(clients[1], &options, PLENTY));
    bp_event event = {.size = sizeof event};
    uint64_t last = 0;
    size_t named = 0;
    bp_status status;
    while ((status = bp_client_next_event(clients[1], 0, &event)) == BP_OK) {
        EXPECT(event.kind == BP_EVENT_LOG && event.seq > last && event.what_length != 0);
        last = event.seq;
        named += same_text(event.name, event.name_length, "sleeper") ? 1 : 0;
    }
    EXPECT(status == BP_TIMEOUT && last != 0 && named != 0);
    OK(bp_client_unsubscribe(clients[1], PLENTY));
}

static void worker_obeys(void) {
    bp_device* self = NULL;
    bp_line line = {.size = sizeof line};
    bp_message message = {.size = sizeof message};
    OK(bp_client_device(clients[0], &self));
    OK(bp_client_lookup(clients[0], "worker", 6, PLENTY, &line));
    OK(bp_device_link_wait(self, &line, BP_LINK_MONITOR, PLENTY));
    OK(bp_device_request_shutdown(self, &line));
    OK(bp_device_next(self, PLENTY, &message));
    EXPECT(message.kind == BP_MESSAGE_DISCONNECTED && bp_line_compare(&line, &message.line) == 0);
}

static void child_of_a_fork_is_refused(void) {
    bp_line here;
    bp_device* device = opened(clients[0], &here);
    const pid_t child = fork();
    if (child == 0) {
        bp_message message = {.size = sizeof message};
        bp_device* another = NULL;
        const int refused = bp_client_dispatch(clients[0]) == BP_WRONG_PROCESS &&
                            bp_client_open_device(clients[0], NULL, &another) == BP_WRONG_PROCESS &&
                            bp_device_next(device, 0, &message) == BP_WRONG_PROCESS && bp_device_close(device) == BP_WRONG_PROCESS &&
                            bp_client_close(clients[0]) == BP_OK;
        _exit(refused ? 0 : 1);
    }
    int status = -1;
    EXPECT(child > 0 && waitpid(child, &status, 0) == child && status == 0);
    OK(bp_client_ping(clients[0], PLENTY, NULL));
    EXPECT(bp_device_is_alive(device) == 1);
    OK(bp_device_close(device));
}

static int work(void) {
    bp_client* client = NULL;
    bp_device* self = NULL;
    bp_message message = {.size = sizeof message};
    char detail[128];
    if (bp_client_adopt(NULL, &client, detail, sizeof detail) != BP_OK) {
        fprintf(stderr, "adopt: %s\n", detail);
        return 1;
    }
    if (bp_client_is_worker(client) != 1 || bp_client_device(client, &self) != BP_OK || bp_client_ready(client, PLENTY) != BP_OK) {
        return 2;
    }
    // The worker's Device needs no handle of its own to be found by.
    bp_device* whose = NULL;
    if (bp_client_next_message(client, BP_FOREVER, &whose, &message) != BP_OK || whose != self || message.kind != BP_MESSAGE_SHUTDOWN) {
        return 3;
    }
    return bp_client_close(client) == BP_OK ? 0 : 4;
}

int main(int count, char** words) {
    if (count == 2 && strcmp(words[1], "worker") == 0) {
        return work();
    }
    EXPECT(bp_is_compatible(BP_API_VERSION_MAJOR, BP_API_VERSION_MINOR));
    for (int i = 0; i < 2; ++i) {
        const bp_connect_options options = {.size = sizeof options, .name = "c_face, cut", .name_length = 6, .timeout_ns = PLENTY};
        OK(bp_client_connect(&options, &clients[i], NULL, 0));
    }
    EXPECT(bp_client_epoch(clients[0]) != 0 && bp_client_epoch(clients[0]) == bp_client_epoch(clients[1]));
    EXPECT(bp_client_is_worker(clients[0]) == 0);
    told_once_with_the_fault();
    unlinked_is_not_told();
    names_are_found_and_watched();
    handlers_are_called_in_ones_own_loop();
    one_pull_serves_all_devices();
    tasks_are_run();  // until then its supervisor is on its way
    children_are_listed_and_commanded();
    incidents_are_explained();
    log_is_followed();
    worker_obeys();
    child_of_a_fork_is_refused();
    for (int i = 0; i < 2; ++i) {
        OK(bp_client_close(clients[i]));
        clients[i] = NULL;
    }
    return 0;
}
