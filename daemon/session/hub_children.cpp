// SPDX-License-Identifier: Apache-2.0
/// Requests about children: the operator's verbs, and the management calls of 8.10 (decisions 31 and 37).
#include "daemon/session/hub.hpp"

#include <array>
#include <utility>

namespace backplane::session {

namespace {

using wire::Call;

core::Verb verb_of(const wire::Request& request) {
    switch (request.call) {
        case Call::stop: return core::Verb::stop;
        case Call::restart: return core::Verb::restart;
        case Call::enable: return core::Verb::enable;
        case Call::disable: return core::Verb::disable;
        case Call::hold: return core::Verb::hold;
        case Call::release_child: return core::Verb::release;
        case Call::reset: return core::Verb::reset;
        case Call::delete_child: return core::Verb::remove;
        default: return request.now ? core::Verb::start_now : core::Verb::start;
    }
}

}  // namespace

void Hub::command(core::SessionIndex session, const wire::Request& request) {
    const core::ChildIndex child = engine_.supervision().find(request.name);
    if (child == core::no_child) {
        const std::uint32_t entry = engine_.graph().names().find(request.name);
        const bool task = entry != 0 && engine_.graph().names()[entry].device;
        refuse(session, request.id, task ? ErrorCode::not_supported : ErrorCode::not_found, request.name);
        return;
    }
    at(session).requests.back().name = engine_.supervision().view(child, now_).path;
    step(core::Event::command(session, verb_of(request), child, request.wait, request.id, request.again, request.within_ms));
}

void Hub::start_child(core::SessionIndex session, const wire::Request& request) {
    const core::ChildIndex supervisor = engine_.supervision().find(request.name);
    if (supervisor == core::no_child || !engine_.supervision().view(supervisor, now_).is_supervisor) {
        refuse(session, request.id, ErrorCode::no_supervisor, request.name);
        return;
    }
    const Expected<std::string> child = new_child(supervisor, request);
    if (!child) {
        refuse(session, request.id, child.error().code, child.error().detail);
        return;
    }
    step(core::Event::add_child(session, supervisor, *child, request.wait, request.id, request.again, request.within_ms));
}

/// The child as the core takes it.
Expected<std::string> Hub::new_child(core::ChildIndex supervisor, const wire::Request& request) const {
    core::NewChild added;
    added.key = request.key;
    added.arguments = request.arguments;
    if (request.spec) {
        if (form_ == nullptr) {
            return unexpected(ErrorCode::not_supported, "this daemon reads no children");
        }
        core::SupervisorSpec among = engine_.supervision().flags_of(supervisor);
        Expected<core::ChildSpec> read = form_->read(*request.spec, among);
        if (!read) {
            return unexpected(read.error());
        }
        added.spec.push_back(std::move(*read));
    } else if (engine_.supervision().view(supervisor, now_).strategy != core::Strategy::dynamic) {
        return unexpected(ErrorCode::bad_spec, "spec: missing; only a dynamic supervisor has a template");
    }
    return core::encode_new_child(added);
}

wire::Added Hub::added(std::string_view path, DeviceId device) {
    wire::Added made;
    made.name = path;
    made.key = path.substr(path.rfind('/') + 1);  // a name has no stroke of its own
    made.device = device ? std::optional{device} : std::nullopt;
    return made;
}

/// count_children and get_childspec, at once (S-58).
void Hub::ask_about_children(const wire::Request& request, wire::Reply& answer) const {
    const core::Supervision& tree = engine_.supervision();
    const core::ChildIndex child = tree.find(request.name);
    if (request.call == Call::count_children) {
        if (child == core::no_child || !tree.view(child, now_).is_supervisor) {
            answer.error = Error{ErrorCode::no_supervisor, request.name};
            return;
        }
        const core::ChildCount count = tree.count_children(child);
        answer.body = wire::ChildCounts{count.specs, count.active, count.supervisors, count.workers};
    } else if (child == core::no_child) {
        answer.error = Error{ErrorCode::not_found, request.name};
    } else if (form_ == nullptr) {
        answer.error = Error{ErrorCode::not_supported, "this daemon writes no children"};
    } else {
        answer.body = wire::SpecText{form_->write(tree.spec_of(child))};
    }
}

/// Why it is down, or what a start that is wanted waits for, and for whom.
void Hub::tell_waits(wire::Row& row, const core::ChildView& view, core::ChildIndex child) const {
    const std::string_view waits = core::waits_name(view.waits);
    const std::string_view reason = view.waits == core::Waits::nothing ? core::down_reason_name(view.reason) : waits;
    if (!reason.empty()) {
        row.reason = std::string{reason};
    } else if (view.runs_hook) {
        row.reason = "drain";
    }
    if (view.waits_for != core::no_child) {
        row.waits_for = std::string{engine_.supervision().view(view.waits_for, now_).path};
    } else if (view.waits == core::Waits::starter) {
        row.waits_for = engine_.supervision().task(child).starter;
    }
    row.held = view.is_held;
}

}  // namespace backplane::session
