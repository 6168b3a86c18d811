// SPDX-License-Identifier: Apache-2.0
/// Tasks by the rules (S-8 to S-10, S-28, S-29, S-35, decision 13): clients come, offer start functions, say what became of what they were
/// asked, and go.
///
/// A task is there from the moment in which its client is asked for it, as there is nothing to spawn, and is gone by its client's word
/// alone: that it ended, that it let go of it, or the client's own end.
#include "tests/sim/naive_supervision.hpp"

#include <algorithm>
#include <utility>

namespace backplane::sim {

using namespace core;

// ---- clients and what they offer -----------------------------------------------------------------------------------------------

void NaiveSupervision::take_from_client(const Event& event) {
    switch (event.kind) {
        case EventKind::session_open:
            clients_[event.session].open = true;
            clients_[event.session].number = ++clients_met_;
            break;
        case EventKind::session_close: client_gone(event.session); break;
        case EventKind::go_on:  // what clients that are gone held is given back
            std::erase_if(offers_, [&](const auto& offer) { return !clients_[offer.second.client].open; });
            break;
        case EventKind::register_name: offer(event); break;
        case EventKind::release_name: withdraw_offer(event); break;
        case EventKind::task_said: take_word(event); break;
        case EventKind::disconnect: {
            std::erase_if(offers_, [&](const auto& offer) { return offer.second.device == event.device; });  // D-11
            const auto ends = [&](const Kid& kid) {
                return kid.client == event.session && kid.device == event.device && kid.stage != StopStage::killed;  // D-4
            };
            const auto found = std::find_if(kids_.begin(), kids_.end(), ends);
            if (found != kids_.end()) {
                end_task(static_cast<int>(found - kids_.begin()), event.fault != static_cast<std::uint8_t>(FaultKind::none));
            }
            break;
        }
        default: break;
    }
}

void NaiveSupervision::offer(const Event& event) {
    const auto held = offers_.find(event.text);
    if (held != offers_.end() && held->second.device != event.device) {
        answer(event.number, ErrorCode::name_taken);
        return;
    }
    offers_[std::string{event.text}] = Offer{event.session, event.device};
    answer(event.number, ErrorCode::ok);
}

/// What runs goes on.
void NaiveSupervision::withdraw_offer(const Event& event) {
    const auto held = offers_.find(event.text);
    if (held == offers_.end()) {
        answer(event.number, ErrorCode::not_found);
        return;
    }
    const bool own = held->second.client == event.session;
    answer(event.number, own ? ErrorCode::ok : ErrorCode::not_permitted);
    if (own) {
        offers_.erase(held);
    }
}

/// Whether somebody would start it; no question for what is no task.
bool NaiveSupervision::is_offered(int k) const {
    const auto found = offers_.find(at(k).spec.task.starter);
    return !at(k).spec.is_task() || (found != offers_.end() && clients_.at(found->second.client).open);
}

/// D-2, T-6: its tasks drop in the order in which they were started, for one cause (S-29).
void NaiveSupervision::client_gone(SessionIndex client) {
    Client& gone = clients_[client];
    gone.open = false;
    std::erase_if(owed_, [client](const Owing& owing) { return owing.client == client; });
    left_ = gone.number;
    for (const int k : std::vector<int>(gone.tasks)) {
        end_task(k, true);
    }
    left_ = 0;
}

// ---- the life of a task -----------------------------------------------------------------------------------------------------------

/// Its client is asked to start it.
void NaiveSupervision::begin_task(int k) {
    Kid& kid = at(k);
    kid.client = offers_.find(kid.spec.task.starter)->second.client;
    kid.body = Body::alive;
    clients_[kid.client].tasks.push_back(k);
    ask(Owed::start, k);
    if (kid.spec.readiness != Readiness::notify) {  // S-10, `no_wait`: as soon as it is asked for
        set(Tick::ready, k, kid.spec.ready_delay);
    }
}

void NaiveSupervision::ask(Owed kind, int k) {
    owed_.push_back(Owing{at(k).parent, at(k).client, kind, static_cast<ChildIndex>(k), at(k).generation});
}

/// S-8: how a start went, or that nothing of it is left.
void NaiveSupervision::take_word(const Event& event) {
    const int k = kid_at(event.child);
    const bool its = k >= 0 && at(k).client != daemon_session && at(k).client == event.session && at(k).generation == event.generation;
    answer(event.number, its ? ErrorCode::ok : ErrorCode::not_found);
    if (!its) {
        return;
    }
    const bool attempt = !at(k).ready && at(k).stage == StopStage::none;
    switch (static_cast<TaskWord>(event.mode)) {
        case TaskWord::running:
            if (attempt) {  // else it is too late
                started(k);
            }
            break;
        case TaskWord::completed: end_task(k, false); break;
        case TaskWord::ignored: end_task(k, false, attempt); break;
        case TaskWord::failed:
        case TaskWord::over: end_task(k, true); break;
    }
}

/// It is gone; F-5 as for a process that exits well or not.
void NaiveSupervision::end_task(int k, bool fault, bool ignored) {
    Kid& kid = at(k);
    Ending ending;
    ending.ignored = ignored;
    if (kid.asked) {
        ending.exit_class = ExitClass::shutdown;
    } else {
        ending.completed = !kid.ready && !kid.late_start && !fault;
        ending.failed_start = !kid.ready && !ending.completed;
        ending.exit_class = fault || kid.late_start ? ExitClass::abnormal : ExitClass::normal;
    }
    std::erase(clients_[kid.client].tasks, k);
    kid.client = daemon_session;
    kid.body = Body::none;
    cancel(Tick::life, k);
    cancel(Tick::ready, k);
    end(k, ending);
}

/// T-13: a daemon that ends has told its clients that their Devices are gone, and waits for no word of theirs: nothing is to be started
/// any more.
void NaiveSupervision::end_withdrawn_tasks() {
    for (int k = 0; k < static_cast<int>(kids_.size()); ++k) {
        if (at(k).client != daemon_session && at(k).stage == StopStage::killed) {
            end_task(k, true);
        }
    }
}

// ---- the comparison ----------------------------------------------------------------------------------------------------------------

/// Of those that were started in one step this is the next: that is the core's choice.
void NaiveSupervision::note_order(int k) {
    std::vector<int>& tasks = clients_[at(k).client].tasks;
    if (std::erase(tasks, k) == 0) {
        return;
    }
    tasks.push_back(k);
    for (const Tick tick : {Tick::life, Tick::ready}) {
        for (Timer& timer : timers_) {
            timer.order = timer.kid == k && timer.tick == tick ? ++order_ : timer.order;
        }
    }
}

/// Of one client and one supervisor's row. Only ends have an order there: of starts one follows the other's word.
void NaiveSupervision::take_owed(const std::vector<Owing>& owed) {
    got_owed_ = owed;
    for (Owing& owing : got_owed_) {
        const int k = kid_at(owing.child);
        owing.child = static_cast<ChildIndex>(k);
        owing.parent = k >= 0 ? at(k).parent : -1;
        owing.kind == Owed::start ? note_order(k) : void();
    }
    const auto by_row = [&](const Owing& a, const Owing& b) {
        if (a.parent != b.parent || a.client != b.client) {
            return std::pair{a.parent, a.client} < std::pair{b.parent, b.client};
        }
        const bool ordered = a.parent >= 0 && groups(a.parent) && (a.kind != Owed::start || b.kind != Owed::start);
        return ordered ? a.kind != Owed::start && b.kind == Owed::start : a.child < b.child;
    };
    std::stable_sort(owed_.begin(), owed_.end(), by_row);
    std::stable_sort(got_owed_.begin(), got_owed_.end(), by_row);
}

}  // namespace backplane::sim
