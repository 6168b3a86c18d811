// SPDX-License-Identifier: Apache-2.0
/// Questions about one child or Device: describe, why, impact. All are answered at once and change nothing (S-58).
#include "daemon/core/rehearsal.hpp"
#include "daemon/session/hub.hpp"
#include "daemon/session/texts.hpp"
#include "daemon/session/why.hpp"
#include "proto/wire/codec.hpp"
#include "proto/wire/limits.hpp"

#include <utility>

namespace backplane::session {

using wire::Call;

namespace {

std::int64_t milliseconds(Duration length) { return length.ns / 1'000'000; }

template <class Body>
void answer_with(wire::Reply& answer, Expected<Body> found) {
    if (found) {
        answer.body = *std::move(found);
    } else {
        answer.error = found.error();
    }
}

}  // namespace

void Hub::inquire(const wire::Request& request, wire::Reply& answer) {
    switch (request.call) {
        case Call::impact: answer_with(answer, impact(request)); break;
        case Call::why: answer_with(answer, why(request)); break;
        default: answer_with(answer, describe(request)); break;
    }
}

Expected<Hub::Target> Hub::find_target(const wire::Request& request) const {
    const core::Graph& graph = engine_.graph();
    Target target{core::no_child, request.device};
    if (!request.name.empty()) {
        const std::uint32_t entry = graph.names().find(request.name);
        target.child = engine_.supervision().find(request.name);
        target.device = entry != 0 ? graph.names()[entry].device : DeviceId{};
    } else if (const core::Device* found = graph.find(request.device); found != nullptr && engine_.supervision().contains(found->child)) {
        const core::ChildView view = engine_.supervision().view(found->child, now_);
        const bool was = view.state == core::ChildState::restarting && view.last_device == request.device;  // S-61
        target.child = view.device == request.device || was ? found->child : core::no_child;
    }
    if (target.child == core::no_child && graph.find(target.device) == nullptr) {
        return unexpected(ErrorCode::not_found, request.name.empty() ? line_text(graph.epoch(), request.device) : request.name);
    }
    return target;
}

// ---- describe ----------------------------------------------------------------------------------------------------------------------

/// Links and requirements by configuration, both ways; the first of them, where there are many.
void Hub::add_orders(wire::Description& description, core::ChildIndex child) const {
    const std::vector<core::OrderView> orders = engine_.supervision().orders_of(child);
    description.orders_total = orders.size();
    std::size_t room = wire::links_in_description_max;
    for (const core::OrderView& order : orders) {
        if (room == 0) {
            return;
        }
        --room;
        std::string other{engine_.supervision().view(order.other, now_).path};
        if (order.is_need) {
            (order.is_own ? description.needs : description.needed_by).push_back(std::move(other));
        } else {
            (order.is_own ? description.orders : description.ordered_by).push_back({std::move(other), order.mode});
        }
    }
}

/// The program that speaks for a Device, by its own word; empty where none does.
std::string Hub::client_of(DeviceId device) const {
    const core::Device* found = engine_.graph().find(device);
    const core::SessionIndex owner = found != nullptr ? found->owner : core::daemon_session;
    const bool known = owner != core::daemon_session && owner < connections_.size() && connections_[owner] != nullptr;
    return known ? connections_[owner]->client : std::string{};
}

/// Names, whoever watches them, and the program behind it.
void Hub::add_owner(wire::Description& description, DeviceId device) const {
    const core::Graph& graph = engine_.graph();
    if (std::string client = client_of(device); !client.empty()) {
        description.client = std::move(client);
    }
    const core::Device* found = graph.find(device);
    const bool lives = found != nullptr && found->state == core::DeviceState::live;
    description.managed = lives && (found->traits & core::trait_managed) != 0;
    std::uint64_t watches = 0;
    const auto count = [&](std::uint32_t entry) {
        for (std::uint32_t watch = graph.names()[entry].watches; watch != 0; watch = graph.names().watch(watch).name_next) {
            ++watches;
        }
    };
    for (std::uint32_t entry = lives ? found->life.name : 0; entry != 0; entry = graph.names()[entry].device_next) {
        if (description.names.size() < wire::links_in_description_max) {
            description.names.emplace_back(graph.names().text(entry));
        }
        count(entry);
    }
    if (!lives && description.row.name) {
        if (const std::uint32_t entry = graph.names().find(*description.row.name); entry != 0) {
            count(entry);
        }
    }
    description.name_watches = watches;
}

// ---- why ---------------------------------------------------------------------------------------------------------------------------

Expected<wire::Why> Hub::why(const wire::Request& request) const {
    const Expected<Target> target = find_target(request);
    if (!target) {
        return unexpected(target.error());
    }
    Expected<wire::Description> about = describe(request);
    if (!about) {
        return unexpected(about.error());
    }
    const Inquest inquest(engine_, log_, now_, wall_us_);
    wire::Why why;
    why.row = std::move(about->row);
    why.restart = std::move(about->restart);
    why.failures = about->failures;
    why.since_ms = about->since_ms;
    if (target->child == core::no_child) {
        why.ends = inquest.ends_of(target->device);
        return why;
    }
    why.ends = inquest.ends_of(target->child);
    why.waits = inquest.waits_of(target->child);
    inquest.tell_restart(target->child, why);
    const core::ChildIndex above = engine_.supervision().view(target->child, now_).supervisor;
    if (above != core::no_child) {
        const core::ChildView team = engine_.supervision().view(above, now_);
        why.window_used = team.window_used;
        why.window_intensity = team.intensity;
        why.window_period_ms = milliseconds(team.period);
    }
    return why;
}

// ---- impact ------------------------------------------------------------------------------------------------------------------------

wire::ToldRow Hub::told_row(const core::Rehearsal::Told& told) const {
    const core::Graph& graph = engine_.graph();
    wire::ToldRow row;
    row.id = told.who;
    row.name = name_of(told.who);
    if (const core::Device* who = graph.find(told.who); who != nullptr) {
        row.kind = kind_name(*who);
    }
    if (std::string client = client_of(told.who); !client.empty()) {
        row.client = std::move(client);
    }
    row.labels = read_labels(graph.labels_of(told.who));
    row.about = told.about;
    row.about_name = name_of(told.about);
    if (told.fault.is_error()) {
        row.fault = fault_text(fault_value(told.fault, {}), graph.epoch());
    }
    row.falls = told.falls;
    row.after_ms = milliseconds(told.after);
    return row;
}

/// In the words of the log. Ids of Devices that there are not yet are nobody's.
wire::Event Hub::event_to_come(const core::Rehearsal::Happening& happening) const {
    core::Effects said;
    said.text = happening.name + happening.text;
    core::Record record = happening.record;
    record.name_at = 0;
    record.name_size = static_cast<std::uint32_t>(happening.name.size());
    record.text_at = record.name_size;
    record.text_size = static_cast<std::uint32_t>(happening.text.size());
    record.device = engine_.graph().find(record.device) != nullptr ? record.device : DeviceId{};
    const Instant begin = record.at + Duration{-happening.after.ns};
    wire::Event event = event_of(record, RecordContext{said, engine_.supervision(), engine_.graph().epoch(), begin, 0});
    event.seq = 0;
    if (record.kind == core::RecordKind::child_ready) {
        event.fields.clear();  // no process, no pid
    }
    if (!event.name && event.id) {
        event.name = name_of(*event.id);
    }
    return event;
}

wire::Impact Hub::impact_of(const Target& target, const core::Rehearsal& told) const {
    wire::Impact impact;
    impact.id = target.device ? std::optional{target.device} : std::nullopt;
    impact.name = name_of(target.device);
    impact.kind = "task";
    impact.fault = "drop";
    if (target.child != core::no_child) {
        const core::ChildView view = engine_.supervision().view(target.child, now_);
        impact.name = view.path;
        impact.id = view.device ? std::optional{view.device} : std::nullopt;
        impact.kind = kind_name(view);
        impact.fault = view.is_task ? "drop" : "signal(9)";
    }
    impact.complete = told.is_complete;
    impact.length_ms = milliseconds(told.length);
    impact.ends = told.ends;
    impact.falls = told.falls;
    impact.starts = told.starts;
    impact.gives_up = told.gives_up;
    impact.told_total = told.told_total;
    impact.events_total = told.happenings_total;
    impact.fates_total = told.fates_total;
    for (const core::Rehearsal::Told& one : told.told) {
        impact.told.push_back(told_row(one));
    }
    for (const core::Rehearsal::Happening& happening : told.happenings) {
        impact.events.push_back(event_to_come(happening));
    }
    const auto state_text = [](const std::optional<core::ChildState>& state) {
        return std::string{state ? core::child_state_name(*state) : "gone"};
    };
    for (const core::Rehearsal::Fate& fate : told.fates) {
        wire::FateRow& row = impact.fates.emplace_back();
        row.name = fate.name;
        row.was = state_text(fate.was);
        row.state = state_text(fate.becomes);
        const bool waits = fate.waits != core::Waits::nothing;
        const std::string_view reason = waits ? core::waits_name(fate.waits) : core::down_reason_name(fate.reason);
        row.reason = reason.empty() ? std::nullopt : std::optional{std::string{reason}};
        row.waits_for = fate.waits_for.empty() ? std::nullopt : std::optional{fate.waits_for};
        row.after_ms = milliseconds(fate.after);
    }
    wire::fit(impact, engine_.graph().epoch());
    return impact;
}

/// Copying and playing a state stops the loop, so all rehearsals together have a share of its time, by what they cost: about a tenth of
/// a second in each. One may begin as long as no more than a second's share is spent in advance.
Expected<void> Hub::may_rehearse() const {
    constexpr Duration advance = Duration::seconds(1);
    if (rehearsals_paid_at_ <= now_ + advance) {
        return {};
    }
    const std::int64_t wait = milliseconds(rehearsals_paid_at_ - (now_ + advance)) + 1;
    return unexpected(ErrorCode::limit_reached, "rehearsal_bytes_per_second; ask again in " + std::to_string(wait) + " ms");
}

void Hub::pay_for(const core::Rehearsal& told) {
    constexpr std::uint64_t bytes_per_step = 512;  // both take about 1.5 us
    const double seconds =
        static_cast<double>(told.bytes + told.steps * bytes_per_step) / static_cast<double>(wire::rehearsal_bytes_per_second);
    rehearsals_paid_at_ = std::max(rehearsals_paid_at_, now_) + Duration{static_cast<std::int64_t>(seconds * 1e9)};
}

Expected<wire::Impact> Hub::impact(const wire::Request& request) {
    const Expected<Target> target = find_target(request);
    if (!target) {
        return unexpected(target.error());
    }
    if (Expected<void> allowed = may_rehearse(); !allowed) {
        return unexpected(allowed.error());
    }
    const core::Victim victim{target->child, target->child == core::no_child ? target->device : DeviceId{}};
    core::RehearsalBounds bounds;
    bounds.image_bytes = wire::rehearsal_bytes_max;
    const Expected<core::Rehearsal> told = core::rehearse(engine_, now_, victim, bounds);
    if (!told) {
        const bool down = told.error().code == ErrorCode::device_down;
        std::string name = request.name.empty() ? line_text(engine_.graph().epoch(), request.device) : request.name;
        return unexpected(told.error().code, down ? name.append(": ").append(told.error().detail) : told.error().detail);
    }
    pay_for(*told);
    return impact_of(*target, *told);
}

}  // namespace backplane::session
