// SPDX-License-Identifier: Apache-2.0
/// The model's bookkeeping: the tree, what is expected of a step, time, commands and the daemon's own stop.
#include "tests/sim/tree_model.hpp"

#include <algorithm>

namespace backplane::sim {

namespace {

constexpr Duration task_grace = Duration::seconds(5);  // T-13

std::string device_words(DeviceId id) { return id ? " #" + std::to_string(id.value) : std::string{}; }

/// An event of the log as one line; the delay of a backoff has jitter and is looked at elsewhere.
std::string words_of(const wire::Event& event) {
    std::string words = event.event + " " + event.name.value_or("") + device_words(event.id.value_or(DeviceId{}));
    for (const wire::Event::Field& field : event.fields) {
        if (field.key == "delay_ms") {
            continue;
        }
        words.append(" ").append(field.key).append("=");
        if (const auto* number = std::get_if<std::int64_t>(&field.value)) {
            words += std::to_string(*number);
        } else if (const auto* text = std::get_if<std::string>(&field.value)) {
            words += *text;
        } else {
            words += std::to_string(std::get<DeviceId>(field.value).value);
        }
    }
    return words;
}

std::string effect_words(core::EffectKind kind, ChildIndex child, std::uint32_t generation, std::int32_t argument, DeviceId device) {
    switch (kind) {
        case core::EffectKind::spawn:
            return "(spawn " + std::to_string(child) + "." + std::to_string(generation) + device_words(device) + ")";
        case core::EffectKind::signal:
        case core::EffectKind::signal_group:
            return (kind == core::EffectKind::signal ? "(signal " : "(signal to the group of ") + std::to_string(child) + "." +
                   std::to_string(generation) + " " + std::to_string(argument) + ")";
        case core::EffectKind::reap: return "(reap " + std::to_string(child) + "." + std::to_string(generation) + ")";
        case core::EffectKind::halt: return "(halt)";
        default: return {};
    }
}

}  // namespace

// ---- the tree ----------------------------------------------------------------------------------------------------------

TreeModel::TreeModel(const core::SupervisorSpec& tree, session::Hub& hub, std::uint64_t forget_each)
    : hub_(hub), epoch_(hub.engine().graph().epoch()), forget_each_(forget_each) {
    core::ChildSpec root;
    root.is_supervisor = true;
    root.shutdown_kind = core::ShutdownKind::infinity;
    root.start_timeout = Duration::forever();
    root.supervisor.push_back(tree);
    add(root, 0);
    lay_orders();
}

/// Entries are numbered in the order of the configuration, parents first.
void TreeModel::add(const core::ChildSpec& spec, ChildIndex parent) {
    const auto made = static_cast<ChildIndex>(entries_.size());
    Entry& entry = entries_.emplace_back();
    entry.spec = spec;
    entry.parent = parent;
    entry.path = parent == 0 ? "/" : (parent == 1 ? "" : entries_[parent].path + "/") + spec.name;
    if (parent != 0) {
        entries_[parent].children.push_back(made);
    }
    if (spec.is_supervisor) {
        for (const core::ChildSpec& child : spec.supervisor.front().children) {
            add(child, made);
        }
    }
}

/// The links of random trees are whole paths.
void TreeModel::lay_orders() {
    for (ChildIndex i = 1; i < entries_.size(); ++i) {
        for (const core::StandingLink& link : entries_[i].spec.links) {
            for (ChildIndex to = 1; to < entries_.size(); ++to) {
                if (entries_[to].path == link.to) {
                    entries_[i].orders.emplace_back(to, link.mode);
                    entries_[to].orders_to.emplace_back(i, link.mode);
                }
            }
        }
    }
}

ChildIndex TreeModel::entry_of(DeviceId id) const {
    for (ChildIndex i = 1; i < entries_.size(); ++i) {
        if (entries_[i].device == id) {
            return i;
        }
    }
    return 0;
}

bool TreeModel::is_below(ChildIndex i, ChildIndex top) const {
    for (; i != 0; i = entries_[i].parent) {
        if (i == top) {
            return true;
        }
    }
    return false;
}

// ---- expectations ----------------------------------------------------------------------------------------------------------

void TreeModel::begin_step(Instant now, bool stepped, std::vector<wire::Event> events, const std::vector<core::Effect>& effects) {
    now_ = now;
    ++step_;
    events_ = std::move(events);
    got_.clear();
    expected_.clear();
    notices.clear();
    answers.clear();
    for (const wire::Event& event : events_) {
        got_.push_back(words_of(event));
    }
    for (const core::Effect& effect : effects) {
        if (effect.kind != core::EffectKind::supervisor_state) {
            got_.push_back(effect_words(effect.kind, effect.child, effect.generation, effect.argument, effect.device));
        }
    }
    if (stepped) {
        fire(now);
    }
}

void TreeModel::end_step() {
    advance();
    for (const auto& [child, cascade] : std::exchange(dooms_, {})) {
        doom(child, cascade);
    }
    advance();
    go_down();
    std::sort(got_.begin(), got_.end());
    std::sort(expected_.begin(), expected_.end());
    std::vector<std::string> missing;
    std::vector<std::string> extra;
    std::set_difference(expected_.begin(), expected_.end(), got_.begin(), got_.end(), std::back_inserter(missing));
    std::set_difference(got_.begin(), got_.end(), expected_.begin(), expected_.end(), std::back_inserter(extra));
    if (!missing.empty() || !extra.empty()) {
        std::string what;
        for (const std::string& line : missing) {
            what += "\n    missing: " + line;
        }
        for (const std::string& line : extra) {
            what += "\n    too much: " + line;
        }
        note_wrong("the step brought what it should not:" + what);
    }
    compare_state();
}

void TreeModel::expect(std::string_view event, ChildIndex i, const std::string& fields) {
    const Entry& e = entries_[i];
    expected_.push_back(std::string{event} + " " + e.path + device_words(e.device ? e.device : e.last_device) + fields);
}

void TreeModel::expect_effect(core::EffectKind kind, ChildIndex i, std::int32_t argument) {
    expected_.push_back(effect_words(kind, i, entries_[i].generation, argument, entries_[i].device));
}

/// What the daemon said of the entry in this step.
const wire::Event* TreeModel::told_of(std::string_view event, ChildIndex i) const {
    for (const wire::Event& told : events_) {
        if (told.event == event && told.name == entries_[i].path) {
            return &told;
        }
    }
    return nullptr;
}

std::string TreeModel::reason(const char* key, const Fault& fault, core::ExitClass exit_class) const {
    const std::string clean = exit_class == core::ExitClass::shutdown ? "shutdown" : "normal";
    std::string words = std::string{" "} + key + "=" + (fault.is_error() ? fault_text(fault, epoch_) : clean);
    if (fault.kind == FaultKind::cascade) {
        Fault root;
        root.kind = fault.root_kind;
        root.argument = fault.root_argument;
        words +=
            " root=" + std::to_string(fault.root.value) + " root_fault=" + fault_text(root, epoch_) + " hops=" + std::to_string(fault.hops);
    }
    return words;
}

std::string TreeModel::notice_words(DeviceId to, DeviceId about, const Fault& fault) const {
    return "notice to" + device_words(to) + " about" + device_words(about) + reason("fault", fault, core::ExitClass::normal);
}

/// What readers are shown (decision 32).
void TreeModel::compare_state() {
    for (ChildIndex i = 1; i < entries_.size(); ++i) {
        const Entry& e = entries_[i];
        const core::ChildView view = hub_.engine().supervision().view(i, now_);
        const bool same = view.state == e.state && view.generation == e.generation && view.restarts == e.restarts &&
                          view.device == e.device && view.failures == e.failures && view.pid == e.pid;
        if (!same) {
            note_wrong(e.path + " is shown as " + std::string{core::child_state_name(view.state)} + ", restarts " +
                       std::to_string(view.restarts) + ", failures " + std::to_string(view.failures) + "; should be " +
                       std::string{core::child_state_name(e.state)} + ", restarts " + std::to_string(e.restarts) + ", failures " +
                       std::to_string(e.failures));
        }
    }
}

std::string TreeModel::unrest() const {
    for (ChildIndex i = 1; i < entries_.size(); ++i) {
        const Entry& e = entries_[i];
        if (e.state != ChildState::down && e.state != ChildState::running) {
            return e.path + " is still " + std::string{core::child_state_name(e.state)};
        }
        const bool wanted = e.parent != 0 && entries_[e.parent].state == ChildState::running && !e.removed && !e.excused;
        const bool may_rest = e.spec.restart == core::RestartType::transient && e.last_class != core::ExitClass::abnormal;
        if (wanted && e.state == ChildState::down && !may_rest) {
            return e.path + " is down although its supervisor runs";
        }
    }
    return {};
}

// ---- time ------------------------------------------------------------------------------------------------------------------

void TreeModel::set(Timer& timer, Duration delay, Tick kind) { timer = Timer{now_ + delay, ++timer_order_, kind}; }

/// Decision 10: what is due comes first, in order.
void TreeModel::fire(Instant now) {
    for (;;) {
        Timer* due = nullptr;
        ChildIndex whose = 0;
        const auto look = [&](Timer& timer, ChildIndex i) {
            const bool first = due == nullptr || timer.at < due->at || (timer.at == due->at && timer.order < due->order);
            if (timer.at <= now && first) {
                due = &timer;
                whose = i;
            }
        };
        for (ChildIndex i = 1; i < entries_.size(); ++i) {
            look(entries_[i].life, i);
            look(entries_[i].backoff, i);
            look(entries_[i].settle, i);
        }
        look(task_grace_, 0);
        if (due == nullptr) {
            return;
        }
        const Tick kind = due->kind;
        *due = Timer{};
        fire_one(whose, kind);
        advance();
    }
}

void TreeModel::fire_one(ChildIndex i, Tick kind) {
    Entry& e = at(i);
    switch (kind) {
        case Tick::none:  // the tasks' time is over (T-13)
            halted_ = true;
            expected_.push_back("(halt)");
            break;
        case Tick::start: e.spec.is_supervisor ? stop_team(i, Why::start_timeout) : end_process(i, Cause::start_timeout, false); break;
        case Tick::stop:
            if (e.spec.is_supervisor) {
                make_harsh(i, 1);  // S-40
            } else if (e.stage == Stage::patient) {
                send_stop(i);
            } else {
                kill(i, false);
            }
            break;
        case Tick::overdue: expect("child_unkillable", i); break;
        case Tick::backoff: try_attempt(i); break;
        case Tick::settle:
            if (e.body == Body::alive && e.cause == Cause::none && !e.told) {  // T-9: it let go of its Device and lives on
                Fault drop;
                drop.kind = FaultKind::drop;
                announce(i, drop);
                end_process(i, Cause::dropped, false);
            }
            break;
    }
}

// ---- commands (section 8.10) -----------------------------------------------------------------------------------------------

ErrorCode TreeModel::may_start(ChildIndex i) const {
    const ChildIndex parent = entries_[i].parent;
    if (parent == 0) {
        return ErrorCode::ok;
    }
    if (entries_[parent].part == Part::down) {
        return ErrorCode::no_supervisor;  // S-57
    }
    if (is_frozen(parent)) {
        return ErrorCode::stopping;
    }
    return ErrorCode::ok;
}

/// Its supervisor's own start has not come to it yet.
bool TreeModel::is_ahead(ChildIndex i) const {
    const ChildIndex parent = entries_[i].parent;
    return parent != 0 && entries_[parent].part == Part::starting && !entries_[i].reached;
}

/// S-58: what would touch the step that the supervisor's start is in waits for its end, except for the child that the step is about.
void TreeModel::command(std::uint32_t peer, core::Verb verb, ChildIndex i, bool wait, std::uint64_t request) {
    const Entry& e = at(i);
    const Postponed asked{peer, verb, i, wait, request};
    const Entry& parent = at(e.parent);
    const bool in_step = e.parent != 0 && parent.part == Part::starting && parent.begun && parent.children[parent.cursor] != i;
    if (verb != core::Verb::stop && in_step && urgency_ < 0 && !e.removed && !is_frozen(e.parent)) {
        postponed_.push_back(asked);
    } else {
        carry_out(asked);
    }
}

void TreeModel::serve_postponed(ChildIndex supervisor) {
    for (std::size_t n = 0; n < postponed_.size();) {
        if (at(postponed_[n].child).parent != supervisor) {
            ++n;
            continue;
        }
        const Postponed next = postponed_[n];
        postponed_.erase(postponed_.begin() + static_cast<std::ptrdiff_t>(n));
        carry_out(next);
    }
}

void TreeModel::refuse_postponed(ChildIndex supervisor) {
    std::erase_if(postponed_, [&](const Postponed& waiting) {
        if (at(waiting.child).parent != supervisor) {
            return false;
        }
        answers.push_back(OwedAnswer{waiting.peer, waiting.request, ErrorCode::stopping, {}});
        return true;
    });
}

void TreeModel::carry_out(const Postponed& command) {
    const auto& [peer, verb, i, wait, request] = command;
    Entry& e = at(i);
    const auto answer = [&, to = peer, about = request](ErrorCode code) { answers.push_back(OwedAnswer{to, about, code, {}}); };
    const auto accept = [&, waiter = Waiter{peer, request, i, verb == core::Verb::stop}, waits = wait] {
        waits ? waiters_.push_back(waiter) : answer(ErrorCode::ok);
    };
    if (e.removed) {
        return answer(ErrorCode::not_found);
    }
    if (urgency_ >= 0) {
        return answer(ErrorCode::stopping);
    }
    if (verb == core::Verb::stop) {
        e.excused = true;
        if (e.state == ChildState::down) {
            e.skip = is_ahead(i);  // S-53a
            answer_waiters(i, false, ErrorCode::stopping);
            return answer(ErrorCode::ok);
        }
        e.then_start = false;
        e.remove = e.spec.restart == core::RestartType::temporary;
        accept();
        stop_child(i);
        return;
    }
    ErrorCode refusal = may_start(i);
    if (verb == core::Verb::start && e.state != ChildState::down && refusal == ErrorCode::ok) {
        constexpr ErrorCode by_state[] = {ErrorCode::ok, ErrorCode::running, ErrorCode::running, ErrorCode::stopping,
                                          ErrorCode::restarting};
        refusal = by_state[static_cast<std::size_t>(e.state)];
    }
    if (refusal != ErrorCode::ok) {
        return answer(refusal);
    }
    accept();
    if (e.state == ChildState::down && is_ahead(i)) {
        e.skip = e.excused = false;  // in its turn
    } else if (e.state == ChildState::down) {
        begin(i, Attempt::command);
    } else {
        e.then_start = true;
        e.remove = false;
        e.excused = true;
        stop_child(i);
    }
}

void TreeModel::answer_waiters(ChildIndex i, bool wants_down, ErrorCode code) {
    std::erase_if(waiters_, [&](const Waiter& waiter) {
        if (waiter.child != i || waiter.wants_down != wants_down) {
            return false;
        }
        const std::string detail = code == ErrorCode::start_failed ? fault_text(at(i).last_fault, epoch_) : std::string{};
        answers.push_back(OwedAnswer{waiter.peer, waiter.request, code, detail});
        return true;
    });
}

// ---- tasks and the daemon's own stop ------------------------------------------------------------------------------------

void TreeModel::create(std::uint32_t peer, DeviceId id) {
    if (!ids_.insert(id).second) {
        note_wrong("an id was granted twice");
    }
    live_.insert(id);
    tasks_.push_back(Task{peer, id});
}

void TreeModel::end_task(DeviceId id, const Fault& fault) {
    std::erase_if(tasks_, [&](const Task& task) { return task.id == id; });
    end_device(id, fault);
}

void TreeModel::forget_peer(std::uint32_t peer) {
    std::erase_if(waiters_, [&](const Waiter& waiter) { return waiter.peer == peer; });
    std::erase_if(postponed_, [&](const Postponed& waiting) { return waiting.peer == peer; });
}

void TreeModel::drop_tasks(std::uint32_t peer) {
    Fault drop;
    drop.kind = FaultKind::drop;
    for (const Task& task : std::vector<Task>(tasks_)) {
        if (task.peer == peer) {
            end_task(task.id, drop);
        }
    }
}

/// T-13: by the specs, then with a tenth of the time that is left, then at once.
void TreeModel::terminate() {
    urgency_ = std::min(urgency_ + 1, 2);
    at(1).then_start = false;
    while (!postponed_.empty()) {
        refuse_postponed(at(postponed_.front().child).parent);
    }
    stop_child(1);
    for (ChildIndex i = 1; urgency_ == 1 && i < entries_.size(); ++i) {
        Entry& e = at(i);
        const bool waits = e.stage == Stage::patient || e.stage == Stage::signalled;
        const bool applies = e.spec.is_supervisor ? e.asked : e.body == Body::alive && waits;
        if (applies && !e.life.at.is_never()) {
            set(e.life, std::min(e.life.at - now_, grace(e)), Tick::stop);
        }
    }
    if (urgency_ == 2 && at(1).part != Part::down) {
        make_harsh(1, 1);
    }
    advance();
    if (tasks_asked_ && urgency_ > 0 && !halted_) {
        set(task_grace_, Duration{}, Tick::none);
    }
}

void TreeModel::go_down() {
    if (urgency_ < 0 || halted_ || at(1).state != ChildState::down) {
        return;
    }
    if (!tasks_asked_) {
        tasks_asked_ = true;
        for (const Task& task : tasks_) {
            owe(task.peer, "shutdown to" + device_words(task.id));
        }
        set(task_grace_, urgency_ > 0 ? Duration{} : task_grace, Tick::none);
    }
    if (tasks_.empty()) {
        halted_ = true;
        task_grace_ = Timer{};
        expected_.emplace_back("(halt)");
    }
}

}  // namespace backplane::sim
