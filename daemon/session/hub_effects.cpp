// SPDX-License-Identifier: Apache-2.0
/// One step of the core and what it wants: answers and notices into outboxes, the rest to the machine.
#include "daemon/session/hub.hpp"
#include "daemon/session/texts.hpp"
#include "proto/wire/codec.hpp"

#include <algorithm>
#include <utility>

namespace backplane::session {

using core::EffectKind;

void Hub::feed(const core::Event& event) {
    step(event);
    if (!pressed_.empty()) {
        cut_stalled();
    }
}

void Hub::go_on() {
    wants_go_on_ = false;
    step(core::Event::of(core::EventKind::go_on));
}

/// Carrying out an effect may lead to a further step (a session that is cut ends), so each step has a buffer of its own;
/// the outermost one's is kept and reused.
void Hub::step(const core::Event& event) {
    core::Effects effects = std::exchange(spare_, {});
    if (recorder_ == nullptr || recorder_->record(now_, event)) [[likely]] {
        engine_.step(now_, event, effects);
    } else {
        const core::Event refused = core::Event::session_refused(event);
        (void)recorder_->record(now_, refused);
        engine_.step(now_, refused, effects);
    }
    for (const core::Record& record : effects.records) {
        publish(record, effects);
    }
    for (const core::Effect& effect : effects.list) {
        carry_out(effect, effects);
    }
    effects.clear();
    spare_ = std::move(effects);
}

void Hub::carry_out(const core::Effect& effect, const core::Effects& effects) {
    switch (effect.kind) {
        case EffectKind::go_on: wants_go_on_ = true; break;
        case EffectKind::session_ready: pump(effect.session); break;
        case EffectKind::session_cut:
            if (connections_[effect.session]) {
                cut(effect.session, effect.code, std::string{effects.text_of(effect)});
            }
            break;
        case EffectKind::granted: granted(effect); break;
        case EffectKind::answer: answer(effect, effects); break;
        default: machine_.push_back(effect); break;
    }
}

void Hub::take_machine(std::vector<core::Effect>& effects) {
    effects.clear();
    effects.swap(machine_);
}

void Hub::granted(const core::Effect& effect) {
    wire::Grants made;
    if (effect.code == ErrorCode::ok) {
        for (const DeviceId first : engine_.graph().granted()) {
            made.grants.push_back(wire::Grant{first, wire::ids_per_grant});
        }
    }
    if (granting_ != nullptr) {  // the first ids go with the welcome
        *granting_ = std::move(made.grants);
        return;
    }
    wire::Reply answer;
    answer.id = effect.number;
    if (effect.code != ErrorCode::ok) {
        answer.error = Error{effect.code, "ids"};
    } else {
        answer.body = std::move(made);
    }
    reply(effect.session, std::move(answer));
}

void Hub::answer(const core::Effect& effect, const core::Effects& effects) {
    if (effect.session >= connections_.size() || !connections_[effect.session]) {
        return;
    }
    auto& requests = at(effect.session).requests;
    const auto found = std::find_if(requests.begin(), requests.end(), [&](const OpenRequest& open) { return open.id == effect.number; });
    if (found == requests.end()) {
        return;
    }
    wire::Reply made;
    made.id = effect.number;
    made.error = Error{effect.code, std::string{effects.text_of(effect)}};
    if (effect.code == ErrorCode::ok) {
        const std::string path = std::exchange(made.error.detail, {});
        if (found->call == wire::Call::start_child) {
            made.body = added(path, effect.device);
        } else if (wire::is_command(found->call)) {
            made.body = wire::Named{found->name};
        }
    }
    reply(effect.session, std::move(made));
}

// ---- what is owed ----------------------------------------------------------------------------------------------------

/// Encodes what the session is owed and has not been sent, up to the mark (decisions 3, 4).
void Hub::pump(core::SessionIndex session) {
    if (session >= connections_.size() || !connections_[session]) {
        return;
    }
    Connection& connection = at(session);
    if (connection.state != ConnectionState::open) {
        return;
    }
    const core::Graph& graph = engine_.graph();
    std::uint32_t place = connection.sent_place == 0 ? graph.first_owed(session) : graph.next_owed(connection.sent_place);
    while (place != 0 && !over_mark(connection)) {
        encode_owed(connection.outbox, graph.owed(place));
        connection.sent_place = place;
        ++connection.sent;
        if (connection.sent == connection.settles_at) [[unlikely]] {
            settle(session);
        }
        place = graph.next_owed(place);
    }
    mark_dirty(session);
    watch_mark(session);
}

namespace {

wire::FrameType refused_frame(std::uint16_t event) {
    switch (static_cast<core::EventKind>(event)) {
        case core::EventKind::link: return wire::FrameType::link;
        case core::EventKind::unlink: return wire::FrameType::unlink;
        case core::EventKind::disconnect: return wire::FrameType::disconnect;
        case core::EventKind::shutdown_request: return wire::FrameType::shutdown;
        case core::EventKind::manage: return wire::FrameType::manage;
        case core::EventKind::heartbeat: return wire::FrameType::heartbeat;
        default: return wire::FrameType::create;
    }
}

}  // namespace

/// L-8: `dead(FAULT)`, `dead` after a clean end, `unknown` where nothing is known, or nothing may be.
std::string Hub::what_is_known(DeviceId device) const {
    const core::Device* found = engine_.graph().find(device);
    if (found == nullptr || found->state == core::DeviceState::live) {
        return "unknown";
    }
    const core::FaultRecord fault = engine_.graph().fault_of(*found);
    if (!fault.is_error()) {
        return "dead";
    }
    std::string text = "dead(";
    text.append(fault_text(fault_value(fault, engine_.texts()[fault.text]), engine_.graph().epoch())).append(")");
    return text.size() <= wire::text_bytes_max ? text : std::string{"dead"};
}

void Hub::encode_owed(std::string& out, const core::OwedView& owed) {
    const auto notice = [&] {
        const core::FaultRecord& fault = owed.fault;
        return wire::Notice{owed.to,        owed.about,          fault.kind,    fault.root_kind, fault.hops,
                            fault.argument, fault.root_argument, fault.cascade, fault.root,      engine_.texts()[fault.text]};
    };
    switch (owed.kind) {
        case core::Owed::notice:
        case core::Owed::lost: wire::encode_notice(out, notice()); break;
        case core::Owed::ended: wire::encode_ended(out, notice()); break;
        case core::Owed::start: encode_start(out, owed.to); break;
        case core::Owed::shutdown: wire::encode_shutdown_requested(out, wire::Shutdown{owed.about, owed.to}); break;
        case core::Owed::refusal: {
            const core::RefusalNote& note = *owed.refusal;
            ++refusals_[static_cast<std::size_t>(note.code) % refusals_.size()];
            const std::string known = note.code == ErrorCode::link_down ? what_is_known(note.other) : std::string{};
            wire::encode(out, wire::Refusal{note.operation, note.code, refused_frame(note.event), note.device, note.other, known});
            break;
        }
        case core::Owed::name_state: {
            wire::NameState state;
            state.name = engine_.texts()[owed.name->name];
            state.up = owed.name->up != 0;
            state.device = owed.name->device;
            state.incarnation = owed.name->incarnation;
            if (owed.fault.is_error()) {
                state.fault = fault_text(fault_value(owed.fault, engine_.texts()[owed.fault.text]), engine_.graph().epoch());
            }
            wire::encode(out, state, engine_.graph().epoch());
            break;
        }
        case core::Owed::withdrawn:
        case core::Owed::nothing: wire::encode_withdrawn(out); break;
    }
}

// ---- the event log ---------------------------------------------------------------------------------------------------

wire::Event Hub::make_event(const core::Record& record, const core::Effects& effects) const {
    const RecordContext context{effects, engine_.supervision(), engine_.graph().epoch(), now_, wall_us_};
    wire::Event event = event_of(record, context);
    if (!event.name && event.id) {
        event.name = name_of(*event.id);
    }
    return event;
}

void Hub::publish(const core::Record& record, const core::Effects& effects) {
    wire::Event event = make_event(record, effects);
    const bool graph = is_graph_record(record.kind);
    for (std::size_t i = 0; i < subscribers_.size(); ++i) {  // by index: telling one may cut it off the list
        if (!graph || at(subscribers_[i]).subscription.graph) {
            tell_event(subscribers_[i], event);
        }
    }
    if (!graph) {
        describe_line(event);
        log_.append(std::move(event));
    }
}

/// The operator's log line of a supervision event.
void Hub::describe_line(const wire::Event& event) {
    std::string line = event.event + " " + event.name.value_or("-");
    for (const wire::Event::Field& field : event.fields) {
        line.append(" ").append(field.key).append("=");
        if (const auto* number = std::get_if<std::int64_t>(&field.value)) {
            line.append(std::to_string(*number));
        } else if (const auto* text = std::get_if<std::string>(&field.value)) {
            line.append(*text);
        } else {
            line.append(line_text(engine_.graph().epoch(), std::get<DeviceId>(field.value)));
        }
    }
    lines_.push_back(std::move(line));
}

/// One live event for one subscriber. Without room it lags: the ring, and a counted gap, bring it up to date later (T-7).
void Hub::tell_event(core::SessionIndex session, const wire::Event& event) {
    Connection& connection = at(session);
    Subscription& subscription = connection.subscription;
    if (subscription.lagging || over_mark(connection)) {
        subscription.lagging = true;
        if (subscription.graph && subscription.lost_from == 0) {
            subscription.lost_from = event.seq;
        }
        subscription.lost_to = event.seq;
        watch_mark(session);
        return;
    }
    wire::encode(connection.outbox, event, engine_.graph().epoch());
    subscription.told = event.seq;
    mark_dirty(session);
}

namespace {

wire::Event gap_event(std::uint64_t from, std::uint64_t to, std::int64_t wall_us) {
    wire::Event gap;
    gap.seq = to;
    gap.time_us = wall_us;
    gap.event = "gap";
    gap.fields.push_back({"from", static_cast<std::int64_t>(from)});
    gap.fields.push_back({"to", static_cast<std::int64_t>(to)});
    return gap;
}

}  // namespace

/// Brings a subscriber up to date from the ring, as far as its outbox has room, and answers its request when it is.
void Hub::catch_up(core::SessionIndex session) {
    Connection& connection = at(session);
    Subscription& subscription = connection.subscription;
    if (!subscription.active || !subscription.lagging) {
        return;
    }
    const Epoch epoch = engine_.graph().epoch();
    std::uint64_t from = subscription.lost_from;
    std::uint64_t to = subscription.lost_to;
    if (from != 0 || log_.gap(subscription.told, from, to)) {
        // Graph events are not kept, so whoever wants them has lost the whole stretch.
        wire::encode(connection.outbox, gap_event(from, to, wall_us_), epoch);
        subscription.told = to;
        subscription.lost_from = 0;
    }
    while (!over_mark(connection)) {
        const wire::Event* next = log_.next(subscription.told);
        if (next == nullptr) {
            subscription.lagging = false;
            break;
        }
        wire::encode(connection.outbox, *next, epoch);
        subscription.told = next->seq;
    }
    if (!subscription.lagging && subscription.request != 0) {
        wire::Reply done;
        done.id = std::exchange(subscription.request, 0);
        const bool ends = subscription.ends;
        if (ends) {
            subscription = Subscription{};
            std::erase(subscribers_, session);
        }
        reply(session, std::move(done));
    }
    mark_dirty(session);
    watch_mark(session);
}

void Hub::take_lines(std::vector<std::string>& lines) {
    lines.clear();
    lines.swap(lines_);
}

}  // namespace backplane::session
