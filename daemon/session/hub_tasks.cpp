// SPDX-License-Identifier: Apache-2.0
/// Tasks that a client was asked to run: how it is asked, and what it says of them (PROTOCOL.md section 6.1).
#include "daemon/session/hub.hpp"
#include "proto/wire/codec.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

namespace backplane::session {

namespace {

/// An attempt by itself: the entry and its generation. Clients hand it back and never look inside.
std::string task_text(core::ChildIndex child, std::uint32_t generation) { return std::to_string(child) + "." + std::to_string(generation); }

bool read_task(std::string_view text, core::ChildIndex& child, std::uint32_t& generation) {
    const char* const end = text.data() + text.size();
    const auto [dot, wrong] = std::from_chars(text.data(), end, child);
    if (wrong != std::errc{} || dot == end || *dot != '.') {
        return false;
    }
    const auto [rest, also_wrong] = std::from_chars(dot + 1, end, generation);
    return also_wrong == std::errc{} && rest == end;
}

/// The codec lets no other state through; what is none of the rest is the last, `over`.
core::TaskWord word_of(std::string_view state) {
    static_assert(wire::task_states.size() == static_cast<std::size_t>(core::task_word_last) + 1);
    const auto found = std::find(wire::task_states.begin(), wire::task_states.end() - 1, state);
    return static_cast<core::TaskWord>(found - wire::task_states.begin());
}

std::optional<std::int64_t> patience_ms(bool forever, Duration length) {
    return forever || length.is_forever() ? std::nullopt : std::optional<std::int64_t>{length.ns / 1'000'000};
}

}  // namespace

/// While it is owed its attempt is not over, as only the client's word ends that; except where the daemon is ending, and then nothing is
/// to be started any more.
void Hub::encode_start(std::string& out, DeviceId device) const {
    const core::Supervision& tree = engine_.supervision();
    const core::Device* found = engine_.graph().find(device);
    const core::ChildIndex child = found != nullptr && tree.contains(found->child) ? found->child : core::no_child;
    if (child == core::no_child || tree.view(child, now_).device != device) {
        wire::encode_withdrawn(out);
        return;
    }
    const core::ChildView view = tree.view(child, now_);
    const core::ChildSpec spec = tree.spec_of(child);
    wire::StartTask start;
    start.task = task_text(child, view.generation);
    start.device = device;
    start.name = view.path;
    start.starter = spec.task.starter;
    start.by = tree.starter(child);
    start.arguments = spec.task.arguments;
    start.managed = spec.managed;
    start.restart = view.ended;
    start.start_timeout_ms = patience_ms(false, spec.start_timeout);
    start.shutdown_ms = patience_ms(spec.shutdown_kind == core::ShutdownKind::infinity,
                                    spec.shutdown_kind == core::ShutdownKind::no_wait ? spec.kill_after : spec.shutdown);
    wire::encode(out, start, engine_.graph().epoch());
}

void Hub::task_call(core::SessionIndex session, const wire::Request& request) {
    core::ChildIndex child = core::no_child;
    std::uint32_t generation = 0;
    if (!read_task(request.task, child, generation)) {
        refuse(session, request.id, ErrorCode::bad_request, "task: not as start_task named it");
        return;
    }
    step(core::Event::task_said(session, child, generation, word_of(request.state), request.why, request.id));
}

}  // namespace backplane::session
