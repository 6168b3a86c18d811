// SPDX-License-Identifier: Apache-2.0
/// Dispatch of events to the graph and the supervision, and the few facts that belong to neither.
#include "daemon/core/engine.hpp"

#include "daemon/core/graph_ends_inline.hpp"

#include <algorithm>
#include <utility>

namespace backplane::core {

namespace {
constexpr std::uint64_t image_magic = 0x0065'6761'6d69'7062ULL | std::uint64_t{'0' + image_version} << 56U;  // "bpimage" and its version

/// The kinds that are one counted frame of a client each. `grant` and `ready` may be, and say so themselves.
constexpr std::uint64_t bit(EventKind kind) { return std::uint64_t{1} << static_cast<unsigned>(kind); }
constexpr std::uint64_t operations_mask =
    bit(EventKind::create) | bit(EventKind::link) | bit(EventKind::unlink) | bit(EventKind::disconnect) | bit(EventKind::shutdown_request) |
    bit(EventKind::manage) | bit(EventKind::register_name) | bit(EventKind::release_name) | bit(EventKind::watch_name) |
    bit(EventKind::unwatch_name) | bit(EventKind::subscribe) | bit(EventKind::command) | bit(EventKind::session_asked) |
    bit(EventKind::heartbeat) | bit(EventKind::label) | bit(EventKind::add_child) | bit(EventKind::task_said);
}  // namespace

Engine::Engine(const EngineLimits& limits) : limits_(limits), graph_(texts_, deadlines_), supervision_(graph_, deadlines_, texts_) {
    graph_.set_limits(limits.graph);
    supervision_.set_starts_at_once(limits.starts_at_once);
}

/// A client's operations are counted with the event itself, so that a resume finds the count that they made (decision 2): by each
/// short way where it has the session at hand, else by `step_whole`.
///
/// Most steps succeed and nothing else is going on: they take the short way of their kind. Each of these is a function of
/// its own whose rare cases are left by a jump, so that none saves registers for what only another needs.
void Engine::step(Instant now, const Event& event, Effects& out) {
    ++steps_;
    if (deadlines_.next() > now && !graph_.wants_settling()) [[likely]] {
        switch (event.kind) {
            case EventKind::create: create(now, event, out); return;
            case EventKind::link: link(now, event, out); return;
            case EventKind::disconnect: disconnect(now, event, out); return;
            case EventKind::session_ack: acknowledge(now, event, out); return;
            default: break;
        }
    }
    step_whole(now, event, out);
}

void Engine::acknowledge(Instant now, const Event& event, Effects& out) {
    if (!graph_.acknowledge_one(event)) {
        acknowledge_with_care(now, event, out);
    }
}

void Engine::acknowledge_with_care(Instant now, const Event& event, Effects& out) {
    if (graph_.session(event.session).unconfirmed != 0 || !graph_.acknowledge(event.session, event.number)) [[unlikely]] {
        step_whole(now, event, out);
    }
}

void Engine::create(Instant now, const Event& event, Effects& out) {
    if (!graph_.create_at_once(event)) [[unlikely]] {
        step_whole(now, event, out);
    }
}

void Engine::link(Instant now, const Event& event, Effects& out) {
    if (!graph_.link_at_once(event)) [[unlikely]] {
        link_with_care(now, event, out);
    }
}

/// A link that needs a search, memory, a permission or two edges.
void Engine::link_with_care(Instant now, const Event& event, Effects& out) {
    if (graph_.link(event) != ErrorCode::ok) [[unlikely]] {
        step_whole(now, event, out);
    } else {
        ++graph_.session(event.session).operations;
    }
}

void Engine::disconnect(Instant now, const Event& event, Effects& out) {
    if (!graph_.may_end(event)) [[unlikely]] {
        step_whole(now, event, out);
    } else if (graph_.may_leave(event)) {
        leave(event);
    } else {
        end(now, event, out);
    }
}

void Engine::leave(const Event& event) { graph_.leave(event); }

/// A Device goes of whose end others are told. What needs more than a word to each is left to `end_rest`.
void Engine::end(Instant now, const Event& event, Effects& out) {
    if (!graph_.end_for_one(event, static_cast<std::uint32_t>(steps_), out)) {
        end_for_many(now, event, out);
    }
}

void Engine::end_for_many(Instant now, const Event& event, Effects& out) {
    if (graph_.has_more_to_end(event)) {
        end_with_care(now, event, out);
    } else if (!graph_.end_plainly(event, static_cast<std::uint32_t>(steps_), out)) [[unlikely]] {
        end_rest(now, event, out);
    }
}

void Engine::end_with_care(Instant now, const Event& event, Effects& out) {
    Step step{now, steps_ << 16, out, texts_, false, static_cast<std::uint32_t>(steps_)};
    ++graph_.session(event.session).operations;
    graph_.end_own(step, event);
    if (graph_.wants_settling()) {
        conclude(step, event);
    }
}

void Engine::end_rest(Instant now, const Event& event, Effects& out) {
    Step step{now, steps_ << 16, out, texts_, false, static_cast<std::uint32_t>(steps_)};
    graph_.end_rest(step, event.device.slot());
    if (graph_.wants_settling()) {
        conclude(step, event);
    }
}

void Engine::step_whole(Instant now, const Event& event, Effects& out) {
    if (event.session < graph_.session_slots()) [[likely]] {
        graph_.session(event.session).operations += operations_mask >> static_cast<unsigned>(event.kind) & 1U;
    }
    const bool wanted = graph_watchers_ != 0;
    const std::size_t first_record = out.records.size();
    Step step{now, steps_ << 16, out, texts_, wanted || tells_all_, static_cast<std::uint32_t>(steps_), tells_all_ && !wanted};
    if (deadlines_.next() <= now) {
        if (event.kind == EventKind::recovered || event.kind == EventKind::late) {
            deadlines_.postpone(now, now + late_grace);
        }
        fire_due(step);
    }
    dispatch(step, event);
    if (graph_.wants_settling() || (urgency_ < 0 && supervision_.wants_exit())) {
        conclude(step, event);
    }
    if (step.unasked) [[unlikely]] {
        number_unasked(step, first_record);
    }
}

/// Records that nobody wanted when the step was taken come last, so that the others have the numbers that they had.
void Engine::number_unasked(Step& step, std::size_t first) {
    const auto begin = step.out.records.begin() + static_cast<std::ptrdiff_t>(first);
    const auto unasked = std::stable_partition(begin, step.out.records.end(), [](const Record& record) { return record.seq != 0; });
    for (auto record = unasked; record != step.out.records.end(); ++record) {
        record->seq = step.seq++;
    }
}

/// A session's end only marks: all ends of a tick are known before anyone is told (decision 22).
void Engine::conclude(Step& step, const Event& event) {
    if (event.kind != EventKind::session_close) {
        settle(step, event.kind != EventKind::go_on);
    }
    graph_.settled();
    if (graph_.work_left()) {
        step.effect(EffectKind::go_on);
    }
}

/// Works the queue, and lets the supervision answer what the graph found out, until neither has more for this step.
void Engine::settle(Step& step, bool fresh) {
    graph_.work(step, fresh);
    while (!graph_.doomed.empty() || !graph_.asked.empty() || !graph_.left.empty()) {
        const auto doomed = std::exchange(graph_.doomed, {});
        const auto asked = std::exchange(graph_.asked, {});
        const auto left = std::exchange(graph_.left, {});
        for (const Graph::Doomed& fallen : doomed) {
            supervision_.doom(step, fallen.child, fallen.fault);
        }
        for (const Graph::Asked& request : asked) {
            supervision_.shutdown_requested(step, request.child, request.from);
        }
        for (const Graph::Left& leaving : left) {
            supervision_.disconnected(step, leaving.child, leaving.fault);
        }
        graph_.work(step, true);
    }
    if (urgency_ < 0 && supervision_.wants_exit()) {  // S-46: an orderly end, and not a good one
        urgency_ = 0;
        hold_or_not();
        supervision_.stop_all(step, urgency_);
    }
    if (urgency_ >= 0 && !halted_) {
        go_down(step);
    }
}

void Engine::dispatch(Step& step, const Event& event) {
    switch (event.kind) {
        case EventKind::create: graph_.conclude(step, event, graph_.create(event)); break;
        case EventKind::link: graph_.conclude(step, event, graph_.link(event)); break;
        case EventKind::disconnect: graph_.disconnect(step, event); break;
        case EventKind::unlink: graph_.unlink(step, event); break;
        case EventKind::shutdown_request: graph_.shutdown_request(step, event); break;
        case EventKind::manage: graph_.manage(step, event); break;
        case EventKind::heartbeat:
            if (const ChildIndex child = graph_.heartbeat(step, event); child != no_child) {
                supervision_.heartbeat(step, child, Duration::milliseconds(event.extra));
            }
            break;
        case EventKind::label: label(step, event); break;
        case EventKind::session_ack:
            confirm(event.session);
            if (!graph_.acknowledge(event.session, event.number)) {
                Effect& cut = step.effect(EffectKind::session_cut, "acknowledged more than was sent");
                cut.session = event.session;
                cut.code = ErrorCode::bad_ack;
            }
            break;
        case EventKind::tick:
        case EventKind::late:
        case EventKind::go_on: break;
        case EventKind::recovered: recover(step); break;
        case EventKind::boot:
            if (!event.text.empty() && decode_limits(event.text, limits_)) {
                graph_.set_limits(limits_.graph);
                supervision_.set_starts_at_once(limits_.starts_at_once);
            }
            graph_.boot(Epoch{event.device.value});
            graph_.session(daemon_session).uid = event.extra;
            supervision_.seed(event.number);
            break;
        case EventKind::terminate: terminate(step); break;
        case EventKind::session_asked: break;
        case EventKind::session_open:
        case EventKind::session_greeted:
        case EventKind::session_resumed:
        case EventKind::session_refused:
        case EventKind::session_close:
        case EventKind::grant:
        case EventKind::subscribe: dispatch_session(step, event); break;
        case EventKind::register_name:
        case EventKind::release_name:
        case EventKind::watch_name:
        case EventKind::unwatch_name: dispatch_naming(step, event); break;
        default: dispatch_process(step, event); break;
    }
}

void Engine::dispatch_session(Step& step, const Event& event) {
    switch (event.kind) {
        case EventKind::session_open: open_session(step, event); break;
        case EventKind::session_greeted: {
            SessionState& session = graph_.session(event.session);
            session.greeted = 1;
            deadlines_.cancel(session.handshake);
            if (session.worker != no_child) {
                supervision_.adopted(step, session.worker, session.worker_generation, event.session);
            }
            break;
        }
        case EventKind::session_resumed: resume_session(step, event); break;
        case EventKind::session_refused: refuse_session(step, event); break;
        case EventKind::session_close: close_session(step, event); break;
        case EventKind::grant: grant(step, event); break;
        case EventKind::subscribe: {
            SessionState& session = graph_.session(event.session);
            graph_watchers_ -= session.wants_graph;
            session.wants_graph = event.flag;
            graph_watchers_ += session.wants_graph;
            hold_or_not();
            break;
        }
        default: break;
    }
}

void Engine::open_session(Step& step, const Event& event) {
    SessionState& session = graph_.open_session(event.session, event.extra, event.argument);
    session.worker = event.child;
    session.worker_generation = event.generation;
    if (event.session >= tokens_.size()) {
        tokens_.resize(event.session + std::size_t{1});
    }
    tokens_[event.session] = Tokens{Token{event.device.value, event.other.value}, Token{}};
    if (event.child == no_child) {  // a worker may keep its inherited socket and never speak (T-9)
        session.handshake = deadlines_.set(step.now + limits_.handshake, DeadlineKind::handshake, event.session);
    }
}

void Engine::close_session(Step& step, const Event& event) {
    if (!graph_.is_open(event.session)) {
        return;
    }
    SessionState& session = graph_.session(event.session);
    deadlines_.cancel(session.handshake);
    graph_watchers_ -= session.wants_graph;
    session.wants_graph = 0;
    hold_or_not();
    const ChildIndex worker = session.greeted != 0 ? session.worker : no_child;
    supervision_.forget_session(event.session);
    graph_.close_session(event.session, event.text);
    supervision_.client_gone(step, event.session, event.text);
    if (worker != no_child) {
        supervision_.socket_ended(step, worker, session.worker_generation, event.flag != 0);
    }
}

/// Whoever acknowledges anything has heard the welcome of its resume, and the token in it.
void Engine::confirm(SessionIndex session) {
    if (graph_.session(session).unconfirmed != 0) {
        graph_.session(session).unconfirmed = 0;
        tokens_[session].before = Token{};
    }
}

/// T-10. What it has taken is acknowledged by that; the rest of what it is owed is told again.
void Engine::resume_session(Step& step, const Event& event) {
    if (!graph_.is_open(event.session)) {
        return;
    }
    SessionState& session = graph_.session(event.session);
    deadlines_.cancel(session.handshake);
    session.away = 0;
    session.unconfirmed = 1;
    session.returned = step.now;
    // What the client came with is what it has: the welcome of a further one may get lost as well.
    const Tokens& had = tokens_[event.session];
    tokens_[event.session] = Tokens{Token{event.device.value, event.other.value}, event.flag != 0 ? had.before : had.now};
    session.pid = event.argument;
    if (session.greeted == 0) {
        session.greeted = 1;
        if (session.worker != no_child) {
            supervision_.adopted(step, session.worker, session.worker_generation, event.session);
        }
    }
    (void)graph_.acknowledge(event.session, event.number);
}

/// No room in the journal: what would have to be remembered is refused, in the form that its kind has (L-9).
void Engine::refuse_session(Step& step, const Event& event) {
    const auto kind = static_cast<EventKind>(event.mode);
    const bool hot = kind == EventKind::create || kind == EventKind::link;
    graph_.session(event.session).operations += hot || event.number != 0 ? 1U : 0U;
    if (hot) {
        Event refused = event;
        refused.kind = kind;
        graph_.conclude(step, refused, ErrorCode::limit_reached);
    } else if (kind == EventKind::grant) {
        Effect& effect = step.effect(EffectKind::granted);
        effect.session = event.session;
        effect.number = event.number;
        effect.code = ErrorCode::limit_reached;
    } else {
        step.answer(event.session, event.number, ErrorCode::limit_reached, "journal");
    }
}

/// The daemon before this one crashed. Its connections are gone, and what it was told to do to the machine may not have been
/// done: sessions have a grace to come back, and the machine is told again.
void Engine::recover(Step& step) {
    for (SessionIndex s = 1; s < graph_.session_slots(); ++s) {
        if (graph_.is_open(s)) {
            recover_session(step, s);
        }
    }
    hold_or_not();
    supervision_.recover(step);
    if (halted_) {
        halt(step);
    }
}

void Engine::recover_session(Step& step, SessionIndex s) {
    SessionState& session = graph_.session(s);
    // Who had not said hello had nothing, and is about to say it to us; a worker that has ended does not come back.
    const bool has_worker = session.worker != no_child && supervision_.has_process(session.worker, session.worker_generation);
    if (session.worker == no_child ? session.greeted == 0 : !has_worker) {
        close_session(step, Event::session_close(s));
        return;
    }
    session.away = 1;
    graph_watchers_ -= session.wants_graph;
    session.wants_graph = 0;
    deadlines_.cancel(session.handshake);
    if (session.greeted != 0) {  // a worker that never spoke need not come back
        session.handshake = deadlines_.set(step.now + limits_.resume_grace, DeadlineKind::resume_grace, s);
    }
}

void Engine::grant(Step& step, const Event& event) {
    graph_.session(event.session).operations += event.number != 0 ? 1U : 0U;  // none asked for those of a welcome
    const ErrorCode done = graph_.grant(event.session, event.extra);
    Effect& effect = step.effect(EffectKind::granted);
    effect.session = event.session;
    effect.number = event.number;
    effect.code = done;
    effect.argument = static_cast<std::int32_t>(graph_.granted().size());
}

void Engine::dispatch_naming(Step& step, const Event& event) {
    ErrorCode done = ErrorCode::ok;
    switch (event.kind) {
        case EventKind::register_name: done = graph_.register_name(step, event.session, event.text, event.device); break;
        case EventKind::release_name: done = graph_.release_name(step, event.session, event.text); break;
        case EventKind::watch_name: done = graph_.watch_name(step, event.session, event.text); break;
        default: done = graph_.unwatch_name(event.session, event.text); break;
    }
    step.answer(event.session, event.number, done, done == ErrorCode::ok ? std::string_view{} : event.text);
    if (event.kind == EventKind::register_name && done == ErrorCode::ok) {
        supervision_.starter_up(step, event.text);
    }
}

void Engine::label(Step& step, const Event& event) {
    const ErrorCode done = graph_.label(event);
    step.answer(event.session, event.number, done, done == ErrorCode::limit_reached ? "label_bytes_per_session_max" : "");
}

void Engine::dispatch_process(Step& step, const Event& event) {
    switch (event.kind) {
        case EventKind::configure: step.answer(event.session, event.number, supervision_.configure(step, event.text)); break;
        case EventKind::command:
            if (urgency_ >= 0) {
                step.answer(event.session, event.number, ErrorCode::stopping, "the daemon is stopping");
            } else {
                supervision_.command(step, event);
            }
            break;
        case EventKind::add_child:
            if (urgency_ >= 0) {
                step.answer(event.session, event.number, ErrorCode::stopping, "the daemon is stopping");
            } else {
                supervision_.add_child(step, event);
            }
            break;
        case EventKind::reload: supervision_.reload(step, event); break;
        case EventKind::task_said: supervision_.task_said(step, event); break;
        case EventKind::alive:
            event.flag != 0 ? supervision_.silent(step, event.child, event.generation)
                            : supervision_.alive(step, event.child, event.generation);
            break;
        case EventKind::spawned: supervision_.spawned(step, event.child, event.generation, event.argument, event.number); break;
        case EventKind::spawn_failed:
            supervision_.spawn_failed(step, event.child, event.generation, static_cast<SpawnStep>(event.mode), event.argument);
            break;
        case EventKind::ready:
            graph_.session(event.session).operations += event.session != daemon_session ? 1U : 0U;
            supervision_.ready(step, event.child, event.generation);
            break;
        case EventKind::exiting: supervision_.exiting(event.child, event.generation); break;
        case EventKind::exited:
            supervision_.exited(step, event.child, event.generation, static_cast<ExitHow>(event.mode), event.argument, event.text);
            break;
        case EventKind::drained: supervision_.drained(step, event.child, event.generation); break;
        case EventKind::group_empty: supervision_.group_empty(step, event.child, event.generation); break;
        default: break;
    }
}

void Engine::fire_due(Step& step) {
    Due due;
    while (deadlines_.take_due(step.now, due)) {
        fire(step, due);
    }
}

void Engine::cut_late(Step& step, SessionIndex session, ErrorCode code, std::string_view why) {
    graph_.session(session).handshake = 0;
    Effect& cut = step.effect(EffectKind::session_cut, why);
    cut.session = session;
    cut.code = code;
}

void Engine::fire(Step& step, const Due& due) {
    switch (due.kind) {
        case DeadlineKind::handshake: cut_late(step, due.owner, ErrorCode::handshake_timeout, "no hello in time"); break;
        case DeadlineKind::resume_grace: cut_late(step, due.owner, ErrorCode::unreachable, "it did not come back in time"); break;
        case DeadlineKind::heartbeat: graph_.heartbeat_due(step, due.owner, limits_.resume_grace); break;
        case DeadlineKind::task_grace:
            task_grace_ = 0;
            halt(step);
            break;
        default: supervision_.due(step, due); break;
    }
}

/// T-13: first by the specs, a second time with shortened graces, a third time at once.
void Engine::terminate(Step& step) {
    urgency_ = urgency_ < 2 ? urgency_ + 1 : 2;
    ++terminations_;
    hold_or_not();
    supervision_.stop_all(step, urgency_);
    if (tasks_asked_ && urgency_ > 0 && !halted_) {
        deadlines_.cancel(task_grace_);
        task_grace_ = deadlines_.set(step.now, DeadlineKind::task_grace, 0);
    }
}

/// When every tree is down the tasks are asked; when they are gone, or their grace is over, the daemon may end.
void Engine::go_down(Step& step) {
    if (!supervision_.all_down()) {
        return;
    }
    if (!tasks_asked_) {
        tasks_asked_ = true;
        for (SessionIndex s = 1; s < graph_.session_slots(); ++s) {
            for (std::uint32_t slot = graph_.session(s).devices; slot != nil; slot = graph_.device(slot).life.owner_next) {
                graph_.owe_shutdown(step, DeviceId{}, graph_.id_of(slot));
            }
        }
        const Duration grace = urgency_ > 0 ? Duration{} : limits_.task_grace;
        task_grace_ = deadlines_.set(step.now + grace, DeadlineKind::task_grace, 0);
    }
    for (SessionIndex s = 1; s < graph_.session_slots(); ++s) {
        if (graph_.session(s).devices != nil) {
            return;
        }
    }
    deadlines_.cancel(task_grace_);
    halt(step);
}

void Engine::halt(Step& step) {
    halted_ = true;
    step.effect(EffectKind::halt).argument = supervision_.wants_exit() ? 1 : 0;
}

void Engine::save(std::string& image) const {
    ImageWriter writer(image);
    save(writer);
}

void Engine::save(ImageWriter& writer) const {
    writer.value(image_magic);
    writer.value(steps_);
    writer.value(graph_watchers_);
    writer.value(urgency_);
    writer.value(task_grace_);
    writer.value(static_cast<std::uint32_t>((tasks_asked_ ? 1U : 0U) | (halted_ ? 2U : 0U)));
    writer.value(terminations_);
    writer.text(encode_limits(limits_));
    writer.array(tokens_);
    texts_.save(writer);
    deadlines_.save(writer);
    graph_.save(writer);
    supervision_.save(writer);
}

Expected<void> Engine::load(std::string_view image) {
    ImageReader reader(image);
    std::uint64_t magic = 0;
    if (!reader.value(magic) || magic != image_magic) {
        return unexpected(ErrorCode::corrupt_image, "not an image of this version");
    }
    std::uint32_t flags = 0;
    if (!reader.value(steps_) || !reader.value(graph_watchers_) || !reader.value(urgency_) || !reader.value(task_grace_) ||
        !reader.value(flags) || !reader.value(terminations_)) {
        return unexpected(ErrorCode::corrupt_image, "head");
    }
    if (std::string limits; !reader.text(limits) || !decode_limits(limits, limits_)) {
        return unexpected(ErrorCode::corrupt_image, "limits");
    }
    if (!reader.array(tokens_)) {
        return unexpected(ErrorCode::corrupt_image, "tokens");
    }
    graph_.set_limits(limits_.graph);
    supervision_.set_starts_at_once(limits_.starts_at_once);
    tasks_asked_ = (flags & 1U) != 0;
    halted_ = (flags & 2U) != 0;
    if (!texts_.load(reader)) {
        return unexpected(ErrorCode::corrupt_image, "texts");
    }
    if (!deadlines_.load(reader)) {
        return unexpected(ErrorCode::corrupt_image, "deadlines");
    }
    if (!graph_.load(reader)) {
        return unexpected(ErrorCode::corrupt_image, "graph");
    }
    if (!supervision_.load(reader) || !reader.at_end()) {
        return unexpected(ErrorCode::corrupt_image, "supervision");
    }
    if (!parts_agree()) {
        return unexpected(ErrorCode::corrupt_image, "the parts do not fit together");
    }
    hold_or_not();
    return {};
}

}  // namespace backplane::core
