// SPDX-License-Identifier: Apache-2.0
/// Replies to `impact` and `why` as the library's values.
#include "client/talk/calls.hpp"

#include <utility>

namespace backplane::talk {

namespace {

std::vector<Cause> to_causes(std::vector<wire::Cause>&& from, Epoch epoch) {
    std::vector<Cause> causes;
    causes.reserve(from.size());
    for (wire::Cause& cause : from) {
        Cause& out = causes.emplace_back();
        out.because = std::move(cause.because);
        out.name = std::move(cause.name);
        out.line = to_line(cause.id, epoch);
        out.kind = std::move(cause.kind);
        out.state = std::move(cause.state);
        out.reason = std::move(cause.reason);
        out.time_us = cause.time_us;
        out.age_ms = cause.age_ms;
        out.uptime_ms = cause.uptime_ms;
        out.was_ready = cause.was_ready;
        out.window_count = cause.window_count;
        out.last_words = std::move(cause.last_words);
    }
    return causes;
}

Impact::Told to_told(wire::ToldRow&& from, Epoch epoch) {
    Impact::Told told;
    told.line = Line{epoch, from.id};
    told.name = std::move(from.name);
    told.kind = std::move(from.kind);
    told.client = std::move(from.client);
    told.labels = std::move(from.labels);
    told.about = Line{epoch, from.about};
    told.about_name = std::move(from.about_name);
    told.fault = std::move(from.fault);
    told.falls = from.falls;
    told.after_ms = from.after_ms;
    return told;
}

}  // namespace

Impact to_impact(wire::Impact&& from, Epoch epoch) {
    Impact out;
    out.name = std::move(from.name);
    out.line = to_line(from.id, epoch);
    out.kind = std::move(from.kind);
    out.fault = std::move(from.fault);
    out.complete = from.complete;
    out.length_ms = from.length_ms;
    out.ends = from.ends;
    out.falls = from.falls;
    out.starts = from.starts;
    out.gives_up = from.gives_up;
    for (wire::ToldRow& told : from.told) {
        out.told.push_back(to_told(std::move(told), epoch));
    }
    out.told_total = from.told_total;
    for (wire::Event& event : from.events) {
        out.events.push_back(to_log_event(std::move(event), epoch));
    }
    out.events_total = from.events_total;
    for (wire::FateRow& fate : from.fates) {
        out.fates.push_back(Impact::Fate{std::move(fate.name), std::move(fate.was), std::move(fate.state), std::move(fate.reason),
                                         std::move(fate.waits_for), fate.after_ms});
    }
    out.fates_total = from.fates_total;
    return out;
}

Why to_why(wire::Why&& from, Epoch epoch) {
    Why out;
    out.row = to_row(std::move(from.row), epoch);
    out.restart = std::move(from.restart);
    out.failures = from.failures;
    out.since_ms = from.since_ms;
    out.restart_count = from.restart_count;
    out.window_used = from.window_used;
    out.window_intensity = from.window_intensity;
    out.window_period_ms = from.window_period_ms;
    out.ends = to_causes(std::move(from.ends), epoch);
    out.waits = to_causes(std::move(from.waits), epoch);
    return out;
}

}  // namespace backplane::talk
