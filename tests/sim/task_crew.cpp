// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/task_crew.hpp"

#include <algorithm>

namespace backplane::sim {

using core::Owed;

std::vector<TaskNews> TaskCrew::read(const core::Engine& engine, Instant now) {
    std::vector<TaskNews> news;
    const core::Graph& graph = engine.graph();
    for (TaskClient& client : clients) {
        std::uint64_t number = graph.session(client.session).taken;
        for (std::uint32_t place = graph.first_owed(client.session); place != 0; place = graph.next_owed(place)) {
            const core::OwedView owed = graph.owed(place);
            if (++number <= client.seen || (owed.kind != Owed::start && owed.kind != Owed::shutdown && owed.kind != Owed::ended)) {
                continue;
            }
            const core::Device* const device = graph.find(owed.to);
            if (owed.kind == Owed::start) {
                const core::ChildView view = engine.supervision().view(device->child, now);
                const bool lives = device->state == core::DeviceState::live;
                wrong = view.device == owed.to || !lives ? wrong : "a client is asked to start a task whose Device is none of an entry's";
                known_[owed.to] = Known{device->child, view.generation};
            }
            if (const auto known = known_.find(owed.to); known != known_.end()) {  // else it is one of its own
                news.push_back(TaskNews{client.session, owed.kind, known->second.child, known->second.generation, owed.to});
            }
        }
        client.seen = graph.session(client.session).owed_total;
    }
    return news;
}

void TaskCrew::take(const core::Engine& engine, Instant now, const std::vector<TaskNews>& news) {
    for (TaskRun& run : runs) {
        run.is_new = false;
    }
    for (const TaskNews& one : news) {
        TaskRun* run = find(one.device);
        if (one.kind == Owed::start) {
            start(one);
            continue;
        }
        if (one.kind == Owed::shutdown) {
            if (run != nullptr) {  // else it ended by itself at the same time
                run->asked = true;
            }
            continue;
        }
        const core::Supervision& tree = engine.supervision();
        const bool is_waited_for = tree.contains(one.child) && tree.view(one.child, now).generation == one.generation &&
                                   tree.view(one.child, now).body == core::Body::alive;
        if (run == nullptr && is_waited_for) {
            run = &runs.emplace_back(TaskRun{one.client, one.child, one.generation, one.device});
        }
        if (run != nullptr && !is_waited_for) {  // a daemon that ends waits for no word
            forget(*run);
        } else if (run != nullptr) {
            run->withdrawn = true;
        }
    }
    if (engine.is_stopping()) {
        runs.remove_if([](const TaskRun& run) { return run.withdrawn; });
    }
}

/// Decision 13: not before the client has let go of the one before.
void TaskCrew::start(const TaskNews& news) {
    for (const TaskRun& run : runs) {
        if (run.child == news.child) {
            wrong = "two tasks of entry " + std::to_string(news.child);
        }
    }
    TaskRun& made = runs.emplace_back();
    made.client = news.client;
    made.child = news.child;
    made.generation = news.generation;
    made.device = news.device;
    made.is_new = true;
    if (naughty) {
        made.never_answers = chance_.percent(15);
        made.never_lets_go = chance_.percent(20);
        made.on_stop = static_cast<TaskRun::OnStop>(chance_.below(4));
    }
}

bool TaskCrew::is_able(const TaskRun& run) {
    if (run.withdrawn) {
        return !run.never_lets_go;
    }
    return run.asked ? run.on_stop != TaskRun::OnStop::ignores || (!run.said_running && !run.never_answers)
                     : !run.said_running && !run.never_answers;
}

void TaskCrew::forget(const TaskRun& run) {
    runs.remove_if([&](const TaskRun& one) { return &one == &run; });
}

void TaskCrew::forget_client(core::SessionIndex session) {
    runs.remove_if([session](const TaskRun& run) { return run.client == session; });
    std::erase_if(clients, [session](const TaskClient& client) { return client.session == session; });
}

TaskRun* TaskCrew::find(DeviceId device) {
    const auto found = std::find_if(runs.begin(), runs.end(), [device](const TaskRun& run) { return run.device == device; });
    return found == runs.end() ? nullptr : &*found;
}

const TaskClient& TaskCrew::busiest() const {
    const auto count = [this](const TaskClient& client) {
        return std::count_if(runs.begin(), runs.end(), [&](const TaskRun& run) { return run.client == client.session; });
    };
    return *std::max_element(clients.begin(), clients.end(), [&](const TaskClient& a, const TaskClient& b) { return count(a) < count(b); });
}

void TaskCrew::behave() {
    naughty = false;
    for (TaskRun& run : runs) {
        run.on_stop = TaskRun::OnStop::ends;
        run.never_answers = run.never_lets_go = false;
    }
}

}  // namespace backplane::sim
