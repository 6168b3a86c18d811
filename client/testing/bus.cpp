// SPDX-License-Identifier: Apache-2.0
/// See bus.hpp.
#include "client/testing/bus.hpp"

#include "client/testing/local_connection.hpp"
#include "config/child_text.hpp"
#include "config/settings.hpp"

#include <algorithm>
#include <cstdlib>
#include <span>
#include <string>

namespace backplane::client_detail {

namespace {

constexpr std::int32_t daemon_pid = 1;

core::EngineLimits limits_of(const testing::LocalBusOptions& options) {
    core::EngineLimits limits;
    limits.resume_grace = std::clamp(options.resume_grace, Duration::milliseconds(1), Duration::seconds(3600));
    return limits;
}

/// One processor is enough here.
class BusForm final : public session::ChildForm {
  public:
    [[nodiscard]] Expected<core::ChildSpec> read(std::string_view text, const core::SupervisorSpec& among) const override {
        return config::read_child_text(text, among, 1);
    }
    [[nodiscard]] std::string write(const core::ChildSpec& child) const override { return config::child_text(child); }
};

session::HubOptions hub_options() {
    session::HubOptions options;
    options.pid = daemon_pid;
    return options;
}

}  // namespace

LocalBusState::LocalBusState(const testing::LocalBusOptions& options)
    : limits_(limits_of(options)),
      options_(hub_options()),
      now_(std::max(options.begin, Instant{1})),
      random_(options.seed),
      core_(std::make_unique<Core>(limits_, options_)) {
    set_now(now_);
    hub().feed(core::Event::boot(options.epoch, options.seed, options_.uid, core::encode_limits(limits_)));
    settle();
}

const session::ChildForm& LocalBusState::form() {
    static const BusForm form;
    return form;
}

// ---- connections -----------------------------------------------------------------------------------------------------

core::SessionIndex LocalBusState::open(std::int32_t pid) {
    session::PeerFacts peer;
    peer.uid = options_.uid;
    peer.pid = pid;
    peer.token = fresh_token();
    return hub().accept(peer);
}

void LocalBusState::close(core::SessionIndex session) {
    hub().ended(session);
    hub().release(session);
    settle();
}

LocalBusState::Heard LocalBusState::hear(core::SessionIndex session) {
    Heard heard{std::string{hub().outbox(session)}, false};
    hub().wrote(session, heard.bytes.size());
    heard.is_end = heard.bytes.empty() && hub().is_finished(session);
    return heard;
}

void LocalBusState::receive(core::SessionIndex session, std::string_view bytes) { hub().receive(session, std::as_bytes(std::span{bytes})); }

void LocalBusState::detach(LocalConnection& connection) {
    std::erase(connections_, &connection);
    std::erase(buffering_, &connection);
}

void LocalBusState::note_buffered(LocalConnection& connection) {
    if (std::find(buffering_.begin(), buffering_.end(), &connection) == buffering_.end()) {
        buffering_.push_back(&connection);
    }
}

void LocalBusState::carry() {
    for (LocalConnection* connection : std::exchange(buffering_, {})) {
        connection->hand_in();
    }
    for (LocalConnection* connection : connections_) {
        connection->hand_in();
    }
    settle();
    for (LocalConnection* connection : connections_) {
        connection->update_descriptor();
    }
}

/// What a tick of the daemon does behind the reading. There is no machine below that could start a process: all that the core can want of
/// one is its end.
void LocalBusState::settle() {
    bool moved = false;
    do {
        while (hub().wants_go_on()) {
            hub().go_on();
        }
        if (!hub().take_shell_request().is_for_nobody()) {
            hub().answer_shell(ErrorCode::not_supported, "this bus is not a process of its own");
        }
        take_moves();
        std::vector<core::Effect> machine;
        hub().take_machine(machine);
        moved = !machine.empty();
        for (const core::Effect& effect : machine) {
            if (effect.kind == core::EffectKind::halt) {
                hub().say_bye();
            } else if (effect.kind == core::EffectKind::spawn) {
                constexpr std::int32_t not_supported = 95;  // EOPNOTSUPP
                hub().feed(core::Event::spawn_failed(effect.child, effect.generation, core::SpawnStep::unsupported, not_supported));
            }
        }
    } while (moved || hub().wants_go_on());
    std::vector<core::SessionIndex> dirty;
    hub().take_dirty(dirty);
    std::vector<std::string> lines;
    hub().take_lines(lines);
}

void LocalBusState::take_moves() {
    std::vector<session::Move> moves;
    hub().take_moves(moves);
    for (const session::Move& move : moves) {
        for (LocalConnection* connection : connections_) {
            connection->move(move.from, move.to);
        }
        hub().release(move.from);
    }
}

// ---- time ------------------------------------------------------------------------------------------------------------

Instant LocalBusState::next_deadline() const {
    return std::min(hub().next_deadline(), acts_.empty() ? Instant::never() : acts_.begin()->first);
}

bool LocalBusState::fire_next(Instant limit) {
    const Instant due = next_deadline();
    if (due.is_never() || due > limit) {
        return false;
    }
    set_now(std::max(now_, due));
    if (hub().next_deadline() <= now_) {
        hub().feed(core::Event::of(core::EventKind::tick));
    } else {
        // Out of the list first: it may add others, and let time pass.
        const auto act = acts_.extract(acts_.begin());
        act.mapped()();
    }
    carry();
    return true;
}

void LocalBusState::set_now(Instant at) {
    now_ = at;
    hub().set_time(now_, now_.ns / 1000);
    for (LocalConnection* connection : connections_) {
        connection->update_descriptor();  // coroutines that waited for this time
    }
}

void LocalBusState::after(Duration delay, std::function<void()> act) {
    const Instant due = now_ + std::max(delay, Duration{});
    if (!due.is_never()) {
        acts_.emplace(due, std::move(act));
    }
}

Expected<void> LocalBusState::configure(std::string_view json) {
    const config::Reading reading = config::read_settings(json, "");
    if (!reading.ok()) {
        return unexpected(ErrorCode::config_invalid, config::problem_text(reading.errors.front()));
    }
    if (core_->engine.supervision().root() != core::no_child) {
        return unexpected(ErrorCode::already_present, "this bus has a tree already");
    }
    carry();
    hub().feed(core::Event::configure(core::encode_spec(reading.settings.root)));
    carry();
    return {};
}

// ---- faults ----------------------------------------------------------------------------------------------------------

void LocalBusState::kill(LocalConnection& connection) {
    connection.lose(Error{ErrorCode::unreachable, "this client was killed"});
    carry();
}

void LocalBusState::crash(Duration away) {
    const Instant died = now_;
    for (LocalConnection* connection : connections_) {
        connection->stream_lost();
    }
    replace_core();
    set_now(std::max(died, died + std::max(away, Duration{})));
    hub().feed(core::Event::of(core::EventKind::recovered));
    hub().restore();
    settle();
    for (LocalConnection* connection : connections_) {
        connection->come_back();
    }
    carry();
}

/// The successor begins with the state that the journal of the dead one holds.
void LocalBusState::replace_core() {
    const std::string image = hub().image();
    options_.daemon_restarts += 1;
    auto successor = std::make_unique<Core>(limits_, options_);
    if (!successor->hub.load_image(image)) {
        std::abort();  // it is what `image` has just written
    }
    core_ = std::move(successor);
}

void LocalBusState::stop() {
    carry();
    hub().feed(core::Event::of(core::EventKind::terminate));
    carry();
}

void LocalBusState::end() {
    for (LocalConnection* connection : connections_) {
        connection->lose(Error{ErrorCode::unreachable, "the bus has ended"});
        connection->update_descriptor();
    }
}

/// SplitMix64, which visits every number once: no token comes twice, and none is zero for both of its halves.
core::Token LocalBusState::fresh_token() {
    const auto next = [this] {
        random_ += 0x9e3779b97f4a7c15ULL;
        std::uint64_t mixed = random_;
        mixed = (mixed ^ mixed >> 30U) * 0xbf58476d1ce4e5b9ULL;
        mixed = (mixed ^ mixed >> 27U) * 0x94d049bb133111ebULL;
        return mixed ^ mixed >> 31U;
    };
    const std::uint64_t high = next();
    return core::Token{high, next()};
}

}  // namespace backplane::client_detail
