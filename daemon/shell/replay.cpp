// SPDX-License-Identifier: Apache-2.0
/// See replay.hpp.
#include "daemon/shell/replay.hpp"

#include "client/render/render.hpp"
#include "client/render/state.hpp"
#include "daemon/core/engine.hpp"
#include "daemon/session/hub.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <utility>
#include <vector>

namespace backplane::shell {
namespace {

using journal::Ending;

constexpr std::size_t print_above = 64 * 1024;
constexpr std::int64_t wall_us_max = 253'402'300'799'999'999;  // the end of the year 9999

// ---- the wire's values as the public ones -----------------------------------------------------------------------------------

LogEvent log_event(const wire::Event& event, Epoch epoch) {
    LogEvent out;
    out.seq = event.seq;
    out.time_us = event.time_us;
    out.event = event.event;
    out.name = event.name;
    out.line = event.id ? std::optional{Line{epoch, *event.id}} : std::nullopt;
    for (const wire::Event::Field& field : event.fields) {
        LogEvent::Field& copy = out.fields.emplace_back(LogEvent::Field{field.key, std::int64_t{0}});
        if (const auto* id = std::get_if<DeviceId>(&field.value)) {
            copy.value = Line{epoch, *id};
        } else if (const auto* text = std::get_if<std::string>(&field.value)) {
            copy.value = *text;
        } else {
            copy.value = std::get<std::int64_t>(field.value);
        }
    }
    return out;
}

DeviceRow device_row(wire::Row&& row, Epoch epoch) {
    DeviceRow out;
    out.name = std::move(row.name);
    out.line = row.id ? std::optional{Line{epoch, *row.id}} : std::nullopt;
    out.kind = std::move(row.kind);
    out.state = std::move(row.state);
    out.pid = row.pid;
    out.restarts = row.restarts;
    out.supervisor = std::move(row.supervisor);
    out.fault = std::move(row.fault);
    out.labels = std::move(row.labels);
    return out;
}

std::string ending_text(const JournalSurvey& survey) {
    switch (survey.ending) {
        case Ending::torn: return "torn";
        case Ending::wrong: return "wrong";
        case Ending::whole: break;
    }
    return survey.was_broken ? "broken" : "whole";
}

class Replay {
  public:
    Replay(journal::Reader reader, const JournalSurvey& survey, const ReplayOptions& options, const Print& print)
        : reader_(std::move(reader)), survey_(survey), options_(options), print_(print), hub_(engine_, {}) {}

    Expected<void> run() {
        if (!reader_.image().empty()) {
            if (const Expected<void> loaded = hub_.load_image(reader_.image()); !loaded) {
                return fault("its image: " + loaded.error().detail);
            }
        }
        engine_.tell_all();
        image_steps_ = engine_.steps();
        tell_head();
        tell_old();
        if (options_.until && *options_.until >> 16 < image_steps_) {
            flush();
            return fault("event " + std::to_string(*options_.until) + " lies before the state that this journal begins with (after step " +
                         std::to_string(image_steps_) + "); the journal before it lay beside it as PATH.1");
        }
        const std::string wrong = go_through();
        tell_state();
        flush();
        if (!wrong.empty()) {
            return fault(wrong);
        }
        if (options_.until && engine_.steps() < *options_.until >> 16) {
            return fault("it ends before event " + std::to_string(*options_.until) + "; this is its end");
        }
        return {};
    }

  private:
    [[nodiscard]] Unexpected fault(const std::string& what) const {
        return unexpected(ErrorCode::corrupt_image, options_.name + ": " + what);
    }
    /// The head's word may be anything: a time that has no text is none.
    [[nodiscard]] std::int64_t wall_us(Instant at) const {
        std::int64_t sum = 0;
        const bool is_none = __builtin_add_overflow(at.ns / 1000, reader_.head().wall_offset_us, &sum);
        return is_none ? 0 : std::clamp<std::int64_t>(sum, 0, wall_us_max);
    }
    [[nodiscard]] Epoch epoch() const { return engine_.steps() == 0 && survey_.epoch ? *survey_.epoch : engine_.graph().epoch(); }

    void say(std::string_view text) {
        text_.append(text);
        if (text_.size() > print_above) {
            flush();
        }
    }
    void flush() {
        nobody_reads_ = nobody_reads_ || (!text_.empty() && !print_(text_));
        text_.clear();
    }

    void tell_head() {
        if (options_.json) {
            return;
        }
        std::string text = "journal " + render::shown(options_.name) + ": epoch " + render::epoch_text(epoch()) + ", " +
                           std::to_string(survey_.events) + " core events";
        if (survey_.events != 0) {
            text += " from " + render::time_text(wall_us(survey_.first)) + " to " + render::time_text(wall_us(survey_.last));
        }
        text += ", " + ending_text(survey_);
        if (survey_.ending != Ending::whole) {
            text += " at byte " + std::to_string(survey_.end);
        }
        text += "\n";
        if (survey_.ending == Ending::torn) {
            text += "the last record is not whole and is left out\n";
        } else if (survey_.was_broken) {
            text += "its daemon had no room to write on: what happened later is not in it\n";
        }
        if (image_steps_ != 0) {
            text += "it begins with the state after step " + std::to_string(image_steps_) + " and the last " +
                    std::to_string(hub_.log().size()) + " events of supervision before it\n";
        }
        say(text + "\n");
    }

    void tell(const wire::Event& event) {
        if (options_.until && event.seq > *options_.until) {
            return;
        }
        last_seq_ = event.seq;
        const LogEvent told = log_event(event, epoch());
        say(options_.json ? render::event_json(told) : render::event_text(told));
    }

    /// What the image still had of the events before it.
    void tell_old() {
        std::uint64_t after = 0;
        for (const wire::Event* event = hub_.log().next(after); event != nullptr; event = hub_.log().next(after)) {
            after = event->seq;
            tell(*event);
        }
    }

    /// Empty, or what is wrong. A core's step is taken as a whole, so the state may be that of a moment behind the event asked for,
    /// at which everything in question happened at once.
    std::string go_through() {
        std::vector<wire::Event> told;
        journal::Entry entry;
        while (!nobody_reads_ && (!options_.until || engine_.steps() < *options_.until >> 16)) {
            const std::uint64_t place = reader_.place();
            if (!reader_.next(entry)) {
                return survey_.ending != Ending::wrong ? std::string{}
                                                       : "what lies at byte " + std::to_string(place) + ", behind core event " +
                                                             std::to_string(reader_.count()) + ", is not what was written";
            }
            if ((last_at_ && entry.at < *last_at_) || !engine_.can_happen(entry.event)) {
                return "core event " + std::to_string(reader_.count()) + ", at byte " + std::to_string(place) + ", cannot have happened";
            }
            last_at_ = entry.at;
            hub_.set_time(entry.at, wall_us(entry.at));
            told.clear();
            hub_.replay(entry.at, entry.event, &told);
            for (const wire::Event& event : told) {
                tell(event);
            }
        }
        return {};
    }

    // ---- the state -----------------------------------------------------------------------------------------------------------

    [[nodiscard]] std::vector<DeviceRow> rows() const {
        std::vector<DeviceRow> rows;
        wire::Request request;
        do {
            Error wrong;
            wire::Listing page = hub_.list(request, wrong);
            for (wire::Row& row : page.rows) {
                rows.push_back(device_row(std::move(row), epoch()));
            }
            request.after = std::move(page.next);
        } while (!request.after.empty());
        return rows;
    }

    [[nodiscard]] render::SessionRow session_row(core::SessionIndex number) const {
        const core::SessionState& session = engine_.graph().session(number);
        render::SessionRow row;
        row.number = number;
        const bool is_worker = session.worker != core::no_child;
        row.state = session.away != 0 ? "away" : session.greeted != 0 ? "open" : is_worker ? "silent" : "greeting";
        row.pid = session.pid;
        row.uid = session.uid;
        if (is_worker && engine_.supervision().contains(session.worker)) {
            row.worker = std::string{engine_.supervision().view(session.worker, last_at_.value_or(Instant{})).path};
        }
        row.devices = session.device_count;
        row.links = session.link_count;
        row.owed = session.owed_total - session.taken;
        return row;
    }

    void tell_state() {
        render::State state;
        state.epoch = epoch();
        state.steps = engine_.steps();
        state.seq = last_seq_;
        state.time_us = last_at_ ? std::optional{wall_us(*last_at_)} : std::nullopt;
        state.ending = ending_text(survey_);
        state.devices = engine_.graph().device_count();
        state.links = engine_.graph().link_count();
        state.rows = rows();
        for (core::SessionIndex s = 1; s < engine_.graph().session_slots(); ++s) {
            if (engine_.graph().is_open(s)) {
                state.sessions.push_back(session_row(s));
            }
        }
        say(options_.json ? render::state_json(state) : "\n" + render::state_text(state));
    }

    journal::Reader reader_;
    const JournalSurvey& survey_;
    const ReplayOptions& options_;
    const Print& print_;
    core::Engine engine_;
    session::Hub hub_;
    std::uint64_t image_steps_ = 0;
    std::optional<std::uint64_t> last_seq_;
    std::optional<Instant> last_at_;
    std::string text_;
    bool nobody_reads_ = false;
};

}  // namespace

Expected<JournalSurvey> survey_journal(std::string& bytes) {
    JournalSurvey survey;
    if (bytes.size() >= journal::head_bytes) {
        journal::HeadState state{};
        char* const place = bytes.data() + offsetof(journal::Head, state);
        std::memcpy(&state, place, sizeof state);
        survey.was_broken = state == journal::HeadState::broken;
        state = survey.was_broken ? journal::HeadState::good : state;
        std::memcpy(place, &state, sizeof state);
    }
    Expected<journal::Reader> reader = journal::Reader::open(bytes);
    if (!reader) {
        return unexpected(reader.error());
    }
    journal::Entry entry;
    while (reader->next(entry)) {
        if (reader->count() == 1) {
            survey.first = entry.at;
            if (entry.event.kind == core::EventKind::boot) {
                survey.epoch = Epoch{entry.event.device.value};
            }
        }
        survey.last = entry.at;
    }
    survey.events = reader->count();
    survey.ending = reader->ending();
    survey.end = reader->place();
    return survey;
}

Expected<void> replay_journal(std::string_view bytes, const JournalSurvey& survey, const ReplayOptions& options, const Print& print) {
    Expected<journal::Reader> reader = journal::Reader::open(bytes);
    if (!reader) {
        return unexpected(reader.error());
    }
    return Replay{std::move(*reader), survey, options, print}.run();
}

}  // namespace backplane::shell
