// SPDX-License-Identifier: Apache-2.0
/// Sessions across a crash of the daemon (rules T-10, T-12): what is restored from the core, and how a client takes it up again.
///
/// What a resumed session is told begins behind the last thing that its client says it has taken, and its client sends again what
/// it sent behind the count of the welcome: so neither an operation nor a notice is lost, and none comes twice (decision 2).
#include "daemon/core/image.hpp"
#include "daemon/session/hub.hpp"
#include "proto/wire/codec.hpp"

#include <backplane/version.hpp>

#include <algorithm>
#include <utility>

namespace backplane::session {

namespace {

constexpr std::size_t hex_digits = 16;

std::string hex(std::uint64_t number) {
    static constexpr char digits[] = "0123456789abcdef";
    std::string text(hex_digits, '0');
    for (std::size_t i = hex_digits; i-- > 0; number >>= 4) {
        text[i] = digits[number & 15];
    }
    return text;
}

/// Exactly sixteen digits, as `hex` writes them.
bool read_hex(std::string_view text, std::uint64_t& number) {
    number = 0;
    for (const char c : text) {
        const bool is_digit = c >= '0' && c <= '9';
        if (!is_digit && (c < 'a' || c > 'f')) {
            return false;
        }
        number = number << 4 | static_cast<std::uint64_t>(is_digit ? c - '0' : c - 'a' + 10);
    }
    return text.size() == hex_digits;
}

std::string text_of(const core::Token& token) { return hex(token.high) + hex(token.low); }

/// Takes the same time whatever differs: how much of a guess was right must not be told.
bool is_same(const core::Token& a, const core::Token& b) { return ((a.high ^ b.high) | (a.low ^ b.low)) == 0; }

}  // namespace

void Hub::replay(Instant at, const core::Event& event, std::vector<wire::Event>* told) {
    core::Effects effects = std::exchange(spare_, {});
    engine_.step(at, event, effects);
    for (const core::Record& record : effects.records) {
        if (told != nullptr) {
            told->push_back(make_event(record, effects));
        }
        publish(record, effects);
    }
    effects.clear();
    spare_ = std::move(effects);
    lines_.clear();  // they were written when they happened
}

void Hub::restore() {
    const core::Graph& graph = engine_.graph();
    connections_.resize(1);
    released_.clear();
    open_ = 0;
    for (core::SessionIndex s = 1; s < graph.session_slots(); ++s) {
        connections_.emplace_back();
        if (!graph.is_open(s)) {
            released_.push_back(s);
            continue;
        }
        const core::SessionState& state = graph.session(s);
        connections_[s] = std::make_unique<Connection>();
        Connection& made = at(s);
        made.state = ConnectionState::away;
        made.peer.uid = state.uid;
        made.peer.pid = state.pid;
        made.peer.worker = state.worker;
        made.peer.generation = state.worker_generation;
        ++open_;
    }
}

void Hub::drop_away(core::SessionIndex session) {
    if (connections_[session] && at(session).state == ConnectionState::away) {
        cut(session, ErrorCode::unreachable, "its process is gone");
    }
}

void Hub::take_moves(std::vector<Move>& moves) {
    moves.clear();
    moves.swap(moves_);
}

std::size_t Hub::away_count() const {
    return static_cast<std::size_t>(std::count_if(connections_.begin(), connections_.end(), [](const auto& connection) {
        return connection && connection->state == ConnectionState::away;
    }));
}

bool Hub::is_away(core::SessionIndex session, core::ChildIndex worker, std::uint32_t generation) const {
    const Connection* connection = session < connections_.size() ? connections_[session].get() : nullptr;
    return connection != nullptr && connection->state == ConnectionState::away && connection->peer.worker == worker &&
           connection->peer.generation == generation;
}

std::string Hub::resume_text(core::SessionIndex session) const {
    const core::SessionState& state = engine_.graph().session(session);
    return hex(std::uint64_t{state.generation} << 32 | session) + ":" + text_of(engine_.token(session));
}

/// The session that may be taken up by whoever asks; none, and why, where there is none.
core::SessionIndex Hub::find_away(core::SessionIndex asking, const wire::Resume& resume, ErrorCode& why) const {
    why = ErrorCode::unknown_session;
    std::uint64_t number = 0;
    core::Token token;
    const std::string_view text = resume.token;
    if (text.size() != 2 * hex_digits || !read_hex(resume.session, number) || !read_hex(text.substr(0, hex_digits), token.high) ||
        !read_hex(text.substr(hex_digits), token.low) || !token) {
        return core::daemon_session;
    }
    const auto session = static_cast<core::SessionIndex>(number & UINT32_MAX);
    if (session == core::daemon_session || session >= connections_.size() || !connections_[session] ||
        connections_[session]->state != ConnectionState::away) {
        return core::daemon_session;
    }
    const core::SessionState& state = engine_.graph().session(session);
    const PeerFacts& peer = connections_[asking]->peer;
    const bool is_it = is_same(engine_.token(session), token) || is_same(engine_.last_token(session), token);
    // The process of a worker's inherited socket is not known to the kernel before it connects by itself.
    const bool is_worker = state.worker != core::no_child;
    const bool is_theirs = peer.uid == state.uid && peer.worker == core::no_child && (is_worker || peer.pid == state.pid);
    if (!is_it || !is_theirs || state.generation != number >> 32) {
        return core::daemon_session;
    }
    if (resume.received < state.taken || resume.received > state.owed_total) {
        why = ErrorCode::bad_ack;
        return core::daemon_session;
    }
    return session;
}

wire::Welcome Hub::make_welcome(core::SessionIndex session, const wire::Hello& hello) const {
    const core::SessionState& state = engine_.graph().session(session);
    wire::Welcome welcome;
    welcome.version = std::min(hello.version_max, wire::version_max);
    welcome.daemon = std::string{"backplaned/"} + std::string{version_text};
    welcome.epoch = engine_.graph().epoch();
    welcome.session = hex(std::uint64_t{state.generation} << 32 | session);
    welcome.token = text_of(engine_.token(session));
    for (const wire::Limit& limit : wire::all_limits()) {
        const bool is_grace = limit.name == "resume_grace_ms";
        const std::int64_t grace_ms = engine_.limits().resume_grace.ns / 1'000'000;
        welcome.limits.emplace_back(limit.name, is_grace ? static_cast<std::uint64_t>(grace_ms) : limit.value);
    }
    const PeerFacts& peer = connections_[session]->peer;
    if (peer.worker != core::no_child && engine_.supervision().contains(peer.worker)) {
        const core::ChildView view = engine_.supervision().view(peer.worker, now_);
        welcome.device = view.generation == peer.generation ? view.device : DeviceId{};
    }
    return welcome;
}

/// The connection `from` said hello for the session `to`, whose own socket went with a daemon.
void Hub::resume(core::SessionIndex from, core::SessionIndex to, const wire::Hello& hello) {
    const PeerFacts asking = at(from).peer;
    Connection& back = at(to);
    const std::string_view came_with = hello.resume->token;
    const bool by_last = came_with != text_of(engine_.token(to));
    step(core::Event::session_resumed(to, asking.pid, hello.resume->received, asking.token, by_last));
    const core::SessionState& state = engine_.graph().session(to);
    back.state = ConnectionState::open;
    back.client = hello.client;
    back.peer.pid = asking.pid;
    back.operations = state.operations;
    back.sent = state.taken;
    back.sent_place = 0;
    wire::Welcome welcome = make_welcome(to, hello);
    welcome.resumed = true;
    welcome.received = state.operations;
    wire::encode(back.outbox, welcome);
    // Behind what was owed, however often its outbox must be emptied for that: a refusal stands before the acknowledgement that
    // covers its operation.
    back.settles_at = state.owed_total;
    if (back.sent == back.settles_at) {
        settle(to);
    }
    pump(to);
    moves_.push_back(Move{from, to});
    finish(from, {});
}

void Hub::settle(core::SessionIndex session) {
    Connection& connection = at(session);
    connection.settles_at = 0;
    connection.told = connection.operations;
    wire::encode(connection.outbox, wire::Ack{connection.operations});
    mark_dirty(session);
}

// ---- the image -----------------------------------------------------------------------------------------------------------

std::string Hub::image() const {
    std::string state;
    engine_.save(state);
    std::string log;
    save_log(log);
    std::string image;
    core::ImageWriter writer(image);
    writer.text(state);
    writer.text(log);
    return image;
}

Expected<void> Hub::load_image(std::string_view image) {
    core::ImageReader reader(image);
    std::string state;
    std::string log;
    if (!reader.text(state) || !reader.text(log) || !reader.at_end()) {
        return unexpected(ErrorCode::corrupt_image, "journal: its image is not of two parts");
    }
    if (Expected<void> loaded = engine_.load(state); !loaded) {
        return loaded;
    }
    return load_log(log) ? Expected<void>{} : unexpected(ErrorCode::corrupt_image, "journal: the event log in its image");
}

void Hub::save_log(std::string& bytes) const {
    std::string frames;
    std::uint64_t after = 0;
    for (const wire::Event* event = log_.next(after); event != nullptr; event = log_.next(after)) {
        wire::encode(frames, *event, engine_.graph().epoch());
        after = event->seq;
    }
    core::ImageWriter writer(bytes);
    writer.text(frames);
}

bool Hub::load_log(std::string_view bytes) {
    core::ImageReader reader(bytes);
    std::string frames;
    if (!reader.text(frames) || !reader.at_end()) {
        return false;
    }
    wire::Bytes rest = std::as_bytes(std::span{frames});
    while (!rest.empty()) {
        const wire::FrameResult next = wire::next_frame(rest);
        if (next.status != wire::FrameStatus::whole || next.frame.type != wire::FrameType::event) {
            return false;
        }
        Expected<wire::Event> event = wire::decode_event(next.frame);
        if (!event || event->seq <= log_.last()) {
            return false;
        }
        log_.append(*std::move(event));
        rest = rest.subspan(next.size);
    }
    return true;
}

}  // namespace backplane::session
