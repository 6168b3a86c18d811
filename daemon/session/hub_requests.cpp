// SPDX-License-Identifier: Apache-2.0
/// Control requests: each is answered once, now or when the core is done (PROTOCOL.md section 6).
#include "daemon/session/hub.hpp"
#include "proto/wire/codec.hpp"

#include <algorithm>
#include <utility>

namespace backplane::session {

using wire::Call;

void Hub::reply(core::SessionIndex session, wire::Reply answer) {
    Connection& connection = at(session);
    if (connection.state != ConnectionState::open) {
        return;
    }
    std::erase_if(connection.requests, [&](const OpenRequest& open) { return open.id == answer.id; });
    wire::encode(connection.outbox, answer, engine_.graph().epoch());
    mark_dirty(session);
    watch_mark(session);
}

void Hub::refuse(core::SessionIndex session, std::uint64_t id, ErrorCode code, std::string detail) {
    ++refusals_[static_cast<std::size_t>(code) % refusals_.size()];
    wire::Reply answer;
    answer.id = id;
    answer.error = Error{code, std::move(detail)};
    reply(session, std::move(answer));
}

void Hub::take_request(core::SessionIndex session, const wire::FrameView& frame) {
    std::uint64_t id = 0;
    Expected<wire::Request> request = wire::decode_request(frame, id);
    if (!request) {
        if (id != 0 && error_reach(request.error().code) == Reach::request) {
            refuse(session, id, request.error().code, request.error().detail);
        } else {
            cut(session, request.error().code, request.error().detail);
        }
        return;
    }
    auto& open = at(session).requests;
    if (std::any_of(open.begin(), open.end(), [&](const OpenRequest& other) { return other.id == request->id; })) {
        cut(session, ErrorCode::malformed, "request: its number is that of an open one");
        return;
    }
    if (open.size() >= wire::requests_in_flight_max) {
        refuse(session, request->id, ErrorCode::limit_reached, "requests_in_flight_max");
        return;
    }
    if (request->device && request->epoch != engine_.graph().epoch()) {
        refuse(session, request->id, ErrorCode::not_found, "device: of another epoch");  // D-10
        return;
    }
    open.push_back(OpenRequest{request->id, request->call, request->name});
    carry_out(session, *request);
}

void Hub::carry_out(core::SessionIndex session, const wire::Request& request) {
    wire::Reply answer;
    answer.id = request.id;
    switch (request.call) {
        case Call::grant: step(core::Event::grant(session, request.count, request.id)); return;
        case Call::register_name:
        case Call::release_name:
        case Call::watch_name:
        case Call::unwatch_name: name_call(session, request); return;
        case Call::lookup: lookup(session, request); return;
        case Call::start:
        case Call::stop:
        case Call::restart:
        case Call::enable:
        case Call::disable:
        case Call::hold:
        case Call::release_child:
        case Call::reset:
        case Call::delete_child: command(session, request); return;
        case Call::start_child: start_child(session, request); return;
        case Call::count_children:
        case Call::child_spec: ask_about_children(request, answer); break;
        case Call::subscribe: subscribe(session, request); return;
        case Call::unsubscribe: unsubscribe(session, request); return;
        case Call::ready: worker_ready(session, request); return;
        case Call::task: task_call(session, request); return;
        case Call::reload:
        case Call::upgrade:
        case Call::detach: ask_shell(session, request); return;
        case Call::label: label(session, request); return;
        case Call::exits: exits(session, request); return;
        case Call::logs: logs(session, request); return;
        case Call::list: answer.body = list(request, answer.error); break;
        case Call::describe:
        case Call::impact:
        case Call::why: inquire(request, answer); break;
        case Call::daemon: answer.body = daemon_info(); break;
    }
    reply(session, std::move(answer));
}

void Hub::name_call(core::SessionIndex session, const wire::Request& request) {
    core::EventKind kind = core::EventKind::register_name;
    if (request.call == Call::release_name) {
        kind = core::EventKind::release_name;
    } else if (request.call == Call::watch_name) {
        kind = core::EventKind::watch_name;
    } else if (request.call == Call::unwatch_name) {
        kind = core::EventKind::unwatch_name;
    }
    // A configured child may be watched by a short form, too; what is told then is its full name.
    std::string name = request.name;
    if (kind == core::EventKind::watch_name || kind == core::EventKind::unwatch_name) {
        if (engine_.graph().names().find(name) == 0) {
            if (const core::ChildIndex child = engine_.supervision().find(name); child != core::no_child) {
                name = engine_.supervision().view(child, now_).path;
            }
        }
    }
    step(core::Event::naming(kind, session, name, request.device, request.id));
}

void Hub::label(core::SessionIndex session, const wire::Request& request) {
    const Expected<std::string> text = labels_text(request.labels, ErrorCode::bad_request);
    if (!text) {
        refuse(session, request.id, text.error().code, text.error().detail);
        return;
    }
    step(core::Event::label(session, request.device, *text, request.id));
}

void Hub::lookup(core::SessionIndex session, const wire::Request& request) {
    const core::Names& names = engine_.graph().names();
    wire::Found found;
    if (const std::uint32_t entry = names.find(request.name); entry != 0 && names[entry].device) {
        found.device = names[entry].device;
        found.name = request.name;
    } else if (const core::ChildIndex child = engine_.supervision().find(request.name); child != core::no_child) {
        const core::ChildView view = engine_.supervision().view(child, now_);
        found.device = view.device;
        found.name = view.path;
    }
    if (!found.device) {
        refuse(session, request.id, ErrorCode::not_found, request.name);
        return;
    }
    wire::Reply answer;
    answer.id = request.id;
    answer.body = std::move(found);
    reply(session, std::move(answer));
}

void Hub::subscribe(core::SessionIndex session, const wire::Request& request) {
    Connection& connection = at(session);
    std::erase(subscribers_, session);
    Subscription& subscription = connection.subscription;
    subscription = Subscription{};
    subscription.active = true;
    subscription.graph = request.graph && request.follow;
    subscription.ends = !request.follow;
    subscription.request = request.id;
    subscription.lagging = true;
    subscription.told = request.since ? *request.since : std::max(log_.last(), (engine_.steps() << 16) | 0xffffU);
    step(core::Event::subscribe(session, subscription.graph));
    subscribers_.push_back(session);
    catch_up(session);
}

void Hub::unsubscribe(core::SessionIndex session, const wire::Request& request) {
    std::erase(subscribers_, session);
    at(session).subscription = Subscription{};
    step(core::Event::subscribe(session, false));
    wire::Reply answer;
    answer.id = request.id;
    reply(session, std::move(answer));
}

/// Whoever runs the process answers, by `answer_shell`.
void Hub::ask_shell(core::SessionIndex session, const wire::Request& request) {
    if (!shell_request_.is_for_nobody()) {
        refuse(session, request.id, ErrorCode::busy, "another one is under way");
        return;
    }
    shell_request_ = ShellRequest{session, request.id, request.call, false, request.dry_run, request.start_new, request.remove_missing};
}

ShellRequest Hub::take_shell_request() {
    ShellRequest taken = shell_request_;
    if (taken.is_for_nobody() || taken.is_taken) {
        return {};
    }
    shell_request_.is_taken = true;
    return taken;
}

void Hub::answer_shell(ErrorCode code, std::string detail) {
    const ShellRequest asked = std::exchange(shell_request_, {});
    if (asked.is_for_nobody() || asked.session >= connections_.size() || !connections_[asked.session]) {
        return;
    }
    if (code != ErrorCode::ok) {
        refuse(asked.session, asked.id, code, std::move(detail));
        return;
    }
    wire::Reply answer;
    answer.id = asked.id;
    reply(asked.session, std::move(answer));
}

void Hub::answer_plan(wire::Plan plan) {
    const ShellRequest asked = std::exchange(shell_request_, {});
    if (asked.is_for_nobody() || asked.session >= connections_.size() || !connections_[asked.session]) {
        return;
    }
    wire::Reply answer;
    answer.id = asked.id;
    answer.body = std::move(plan);
    reply(asked.session, std::move(answer));
}

void Hub::worker_ready(core::SessionIndex session, const wire::Request& request) {
    const PeerFacts& peer = at(session).peer;
    if (peer.worker == core::no_child) {
        refuse(session, request.id, ErrorCode::not_owner, "only a worker on its inherited socket can be ready");
        return;
    }
    step(core::Event::ready(peer.worker, peer.generation, session));
    wire::Reply answer;
    answer.id = request.id;
    reply(session, std::move(answer));
}

}  // namespace backplane::session
