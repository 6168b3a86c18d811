// SPDX-License-Identifier: Apache-2.0
/// What clients do in a history: they come, offer start functions, answer, let go, and go.
#include "tests/sim/supervision_history.hpp"

#include <algorithm>
#include <iterator>

namespace backplane::sim {

using namespace core;

namespace {

constexpr SessionIndex operator_session = 1, first_client = 2, last_client = 4;
constexpr std::uint32_t ids_of_client = 64;

/// Whether its place is free, with nothing of the one before left.
bool is_vacant(const Engine& engine, SessionIndex session) {
    if (session >= engine.graph().session_slots()) {
        return true;
    }
    const SessionState& state = engine.graph().session(session);
    return state.open == 0 && state.closing == 0 && state.dying_count == 0 && state.devices == 0;
}

}  // namespace

// ---- coming and going --------------------------------------------------------------------------------------------------------

void SupervisionHistory::act_as_client() {
    if (crew_.clients.empty() || chance_.one_in(4)) {
        open_client();
        return;
    }
    TaskClient& client = chance_.of(crew_.clients);
    const char* const name = chance_.of(starters);
    switch (chance_.below(10)) {
        case 0:
        case 1:
        case 2:
        case 3: offer(client, name); break;
        case 4: feed("withdraws its offer of", Event::naming(EventKind::release_name, client.session, name, DeviceId{}, ++request_)); break;
        case 5:
        case 6: close_client(chance_.one_in(4) ? client : crew_.busiest()); break;
        case 7:  // what it offers by that is offered no more; another Device of its may
            if (!client.devices.empty()) {
                const std::size_t n = static_cast<std::size_t>(chance_.below(client.devices.size()));
                const DeviceId gone = client.devices[n];
                client.devices.erase(client.devices.begin() + static_cast<std::ptrdiff_t>(n));
                feed("ends a Device", Event::disconnect(client.session, gone, FaultKind::none, 0, DeviceId{}, {}, ++request_));
            }
            break;
        default: feed("acknowledges", Event::session_ack(client.session, engine_->graph().session(client.session).owed_total)); break;
    }
}

/// Mostly it offers something at once.
void SupervisionHistory::open_client() {
    SessionIndex session = first_client;
    while (session <= last_client && !is_vacant(*engine_, session)) {
        ++session;
    }
    if (session > last_client) {
        return;
    }
    feed("a client comes", Event::session_open(session, 1000, static_cast<std::int32_t>(100 + session), no_child, 0));
    feed("says hello", Event::session_greeted(session));
    feed("wants ids", Event::grant(session, 1, ++request_));
    if (granted_.empty()) {
        fail("a client gets no ids");
        return;
    }
    TaskClient& client = crew_.clients.emplace_back();
    client.session = session;
    client.first = granted_.front();
    client.seen = engine_->graph().session(session).owed_total;
    for (const char* const name : starters) {
        if (chance_.one_in(3)) {
            continue;
        }
        offer(client, name);
    }
}

void SupervisionHistory::close_client(const TaskClient& client) {
    const SessionIndex session = client.session;
    crew_.forget_client(session);
    feed("a client is gone", Event::session_close(session));
}

void SupervisionHistory::make_device(TaskClient& client) {
    if (client.made < ids_of_client) {
        const DeviceId made = DeviceId::make(client.first.generation(), client.first.slot() + client.made++);
        client.devices.push_back(made);
        feed("makes a Device", Event::create(client.session, made, false, ++request_));
    }
}

/// By one Device or by several: a client may do either.
void SupervisionHistory::offer(TaskClient& client, const char* name) {
    if (client.devices.empty() || chance_.one_in(3)) {
        make_device(client);
    }
    if (!client.devices.empty()) {
        const DeviceId by = chance_.of(client.devices);
        feed("offers", Event::naming(EventKind::register_name, client.session, name, by, ++request_));
    }
}

/// Whatever is to be started can be.
void SupervisionHistory::offer_all() {
    while (work_left_ && wrong_.empty()) {
        go_on();
    }
    if (crew_.clients.empty()) {
        open_client();
    }
    for (const char* const name : starters) {
        const std::uint32_t entry = engine_->graph().names().find(name);
        if (wrong_.empty() && (entry == 0 || !engine_->graph().names()[entry].device)) {
            offer(crew_.clients.front(), name);
        }
    }
}

void SupervisionHistory::go_on() {
    work_left_ = false;
    feed("goes on", Event::of(EventKind::go_on));
}

// ---- what becomes of tasks ------------------------------------------------------------------------------------------------------

/// What it has to say next.
bool SupervisionHistory::answer(TaskRun& run) {
    if (run.withdrawn && !run.crossed && chance_.one_in(5)) {
        run.crossed = true;
        feed("ends its Device too late", Event::disconnect(run.client, run.device, FaultKind::none, 0, DeviceId{}, {}, ++request_));
    } else if (run.withdrawn) {
        constexpr TaskWord last[] = {TaskWord::over,      TaskWord::over,    TaskWord::over,   TaskWord::over,
                                     TaskWord::completed, TaskWord::ignored, TaskWord::failed, TaskWord::running};
        say(run, chance_.of(last));
    } else if (run.asked && run.on_stop != TaskRun::OnStop::ignores && (run.said_running || chance_.one_in(2))) {
        const bool says = run.on_stop == TaskRun::OnStop::says;
        const bool well = run.on_stop == TaskRun::OnStop::ends || (says && chance_.one_in(2));
        if (says) {
            say(run, well ? TaskWord::completed : TaskWord::failed);
        } else {
            leave(run, well ? FaultKind::none : FaultKind::error);
        }
    } else {
        begin(run);
    }
    return true;
}

/// It is asked to start.
void SupervisionHistory::begin(TaskRun& run) {
    const std::uint64_t how = crew_.naughty ? chance_.below(100) : 0;
    if (how < 60) {
        say(run, TaskWord::running);
    } else if (how < 72) {
        say(run, TaskWord::completed);
    } else if (how < 80) {
        say(run, TaskWord::ignored);
    } else if (how < 90) {
        say(run, TaskWord::failed);
    } else if (how < 93) {
        say(run, TaskWord::over);
    } else {
        leave(run, how < 96 ? FaultKind::none : FaultKind::drop);
    }
}

/// It ends by itself, whatever it was about.
void SupervisionHistory::end(TaskRun& run) {
    constexpr TaskWord words[] = {TaskWord::completed, TaskWord::ignored, TaskWord::failed, TaskWord::over};
    if (chance_.one_in(3)) {
        say(run, chance_.of(words));
    } else {
        leave(run, chance_.one_in(3) ? FaultKind::none : chance_.one_in(2) ? FaultKind::error : FaultKind::drop);
    }
}

/// All words but the first are its last.
void SupervisionHistory::say(TaskRun& run, TaskWord word) {
    constexpr const char* names[] = {"says running", "says completed", "says ignored", "says failed", "says over"};
    const Event said = Event::task_said(run.client, run.child, run.generation, word, word == TaskWord::failed ? "no" : "", ++request_);
    run.said_running = run.said_running || word == TaskWord::running;
    if (word != TaskWord::running) {
        crew_.forget(run);
    }
    feed(names[static_cast<std::size_t>(word)], said);
}

void SupervisionHistory::leave(TaskRun& run, FaultKind fault) {
    const Event said = Event::disconnect(run.client, run.device, fault, 0, DeviceId{}, {}, ++request_);
    crew_.forget(run);
    feed("ends its Device", said);
}

/// Words about what is over, by whom it does not concern, or twice.
void SupervisionHistory::say_again(ChildIndex child, std::uint32_t generation) {
    const SessionIndex client = tree().view(child, now_).client;
    const auto word = static_cast<TaskWord>(chance_.below(static_cast<std::uint64_t>(task_word_last) + 1));
    switch (chance_.below(3)) {
        case 0:
            if (client != daemon_session) {
                feed("stale word", Event::task_said(client, child, generation - 1, word, {}, ++request_));
            }
            break;
        case 1: feed("stranger's word", Event::task_said(operator_session, child, generation, word, {}, ++request_)); break;
        default:
            if (TaskRun* const run = crew_.find(tree().view(child, now_).device); run != nullptr && run->said_running) {
                say(*run, TaskWord::running);
            }
            break;
    }
}

/// T-10, T-12: tasks that were running are, and nobody is asked for a thing a second time.
void SupervisionHistory::look_at_tasks(const Engine& next) {
    for (const TaskRun& run : crew_.runs) {
        const ChildView view = next.supervision().view(run.child, now_);
        if (view.generation != run.generation || view.body != Body::alive || view.client != run.client) {
            fail("after a crash the task of entry " + std::to_string(run.child) + " is lost");
        }
    }
    for (const TaskClient& client : crew_.clients) {
        if (next.graph().session(client.session).owed_total != engine_->graph().session(client.session).owed_total) {
            fail("after a crash a client is asked for something that it was asked for before");
        }
    }
}

}  // namespace backplane::sim
