// SPDX-License-Identifier: Apache-2.0
/// Replay for people: what is told of a journal that a real hub wrote into memory, and of one that is damaged.
#include "daemon/shell/replay.hpp"

#include "daemon/core/spec.hpp"
#include "daemon/session/hub.hpp"
#include "proto/wire/codec.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <cstring>
#include <span>
#include <sstream>

namespace backplane::shell {
namespace {

using nlohmann::json;

constexpr std::int64_t noon_us = 1'738'324'800'000'000;  // 2025-01-31T12:00:00Z, at monotonic zero

/// A journal in memory.
class Paper final : public session::Recorder {
  public:
    explicit Paper(std::string_view image = {}) {
        head_.magic = journal::head_magic;
        head_.version = journal::format_version;
        head_.nonce = 0x0123'4567'89ab'cdef;
        head_.image_bytes = image.size();
        head_.image_sum = journal::checksum(image.data(), image.size(), head_.nonce);
        head_.wall_offset_us = noon_us;
        head_.sum = journal::head_sum(head_);
        head_.state = journal::HeadState::good;
        text.resize(journal::head_bytes);
        std::memcpy(text.data(), &head_, sizeof head_);
        text.append(image);
        text.resize(journal::head_bytes + journal::stride(image.size()));
    }
    [[nodiscard]] bool record(Instant now, const core::Event& event) override {
        places.push_back(text.size());
        const journal::RecordHead record = journal::make_record(now, event, head_.nonce, text.size());
        text.append(reinterpret_cast<const char*>(&record), sizeof record);
        text.append(event.text);
        text.resize(journal::stride(text.size()));
        return true;
    }
    [[nodiscard]] std::uint64_t bytes() const override { return text.size(); }

    std::string text;
    std::vector<std::size_t> places;  ///< of the records

  private:
    journal::Head head_;
};

/// A daemon without a machine: whatever is to be started starts with the next pid, and whatever is to be reaped is.
class Story {
  public:
    Story() {
        hub.record_to(&paper);
        pass(1);
        hub.feed(core::Event::boot(Epoch{0x9f3a}, 7, 1000));
        core::ChildSpec worker;
        worker.name = "db";
        worker.launch.exec = {"/bin/worker"};
        worker.backoff.enabled = false;
        core::SupervisorSpec root;
        root.children.push_back(worker);
        hub.feed(core::Event::configure(core::encode_spec(root)));
        settle();
    }
    void pass(std::int64_t seconds) {
        now_ = now_ + Duration::seconds(seconds);
        hub.set_time(now_, noon_us + now_.ns / 1000);
    }
    void settle() {
        std::vector<core::Effect> effects;
        for (hub.take_machine(effects); !effects.empty(); hub.take_machine(effects)) {
            for (const core::Effect& effect : effects) {
                if (effect.kind == core::EffectKind::spawn) {
                    child = effect.child;
                    generation = effect.generation;
                    hub.feed(core::Event::spawned(child, generation, next_pid_++));
                } else if (effect.kind == core::EffectKind::reap) {
                    hub.feed(core::Event::group_empty(effect.child, effect.generation));
                }
            }
        }
        while (hub.wants_go_on()) {
            hub.go_on();
        }
    }
    void crash() {
        hub.feed(core::Event::exited(child, generation, core::ExitHow::signalled, 9));
        settle();
    }
    /// A client that says hello and makes a Device.
    void greet() {
        session::PeerFacts peer;
        peer.uid = 1000;
        peer.pid = 4242;
        peer.token = core::Token{0x1122'3344'5566'7788, 0x99aa'bbcc'ddee'ff00};
        hub.set_time(now_, noon_us + now_.ns / 1000);
        session = hub.accept(peer);
        std::string frames;
        wire::encode(frames, wire::Hello{1, 1, "test/1", {}, {}});
        hub.receive(session, std::as_bytes(std::span{frames}));
        hub.feed(core::Event::create(session, hub.engine().graph().granted().front(), false, 1));
    }

    core::Engine engine;
    session::Hub hub{engine, [] {
                         session::HubOptions options;
                         options.uid = 1000;
                         return options;
                     }()};
    Paper paper;
    core::ChildIndex child = 0;
    std::uint32_t generation = 0;
    core::SessionIndex session = 0;

  private:
    Instant now_{};
    std::int32_t next_pid_ = 100;
};

struct Told {
    std::string text;
    std::string wrong;  ///< empty: nothing was
};

Told tell(std::string bytes, std::optional<std::uint64_t> until = {}, bool as_json = false) {
    Told told;
    const Expected<JournalSurvey> survey = survey_journal(bytes);
    if (!survey) {
        told.wrong = survey.error().detail;
        return told;
    }
    const Print print = [&](std::string_view text) {
        told.text.append(text);
        return true;
    };
    const Expected<void> done = replay_journal(bytes, *survey, ReplayOptions{"j", until, as_json}, print);
    told.wrong = done ? std::string{} : done.error().detail;
    return told;
}

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

std::vector<json> lines(const std::string& text) {
    std::vector<json> out;
    std::istringstream all{text};
    for (std::string line; std::getline(all, line);) {
        out.push_back(json::parse(line));
    }
    return out;
}

const json* find_event(const std::vector<json>& all, std::string_view name) {
    for (const json& line : all) {
        if (line.contains("event") && line.at("event") == name) {
            return &line;
        }
    }
    return nullptr;
}

TEST(Replay, TellsTheCrashTheRestartAndTheState) {
    Story story;
    story.pass(1);
    story.greet();
    story.pass(60);
    story.crash();
    const Told told = tell(story.paper.text);
    EXPECT_EQ(told.wrong, "");
    EXPECT_EQ(told.text.rfind("journal j: epoch 9f3a, ", 0), 0U) << told.text;
    EXPECT_TRUE(has(told.text, "core events from 2025-01-31T12:00:01.000000Z to 2025-01-31T12:01:02.000000Z, whole\n"));
    EXPECT_TRUE(has(told.text, "  2025-01-31T12:00:01.000000Z  child_ready  db pid=100\n"));
    EXPECT_TRUE(has(told.text, "  2025-01-31T12:01:02.000000Z  child_down  db reason=signal(9)\n"));
    EXPECT_TRUE(has(told.text, "  restart  db supervisor=/ cause=signal(9) window_count=1\n"));
    EXPECT_TRUE(has(told.text, "  device_down  db fault=signal(9)\n")) << "nobody had asked for graph events";
    EXPECT_TRUE(has(told.text, "3 Devices, 0 links, 1 sessions\n")) << told.text;
    EXPECT_TRUE(has(told.text, "\n└─ db      running  pid 101  1 restart\n")) << told.text;
    EXPECT_TRUE(has(told.text, "\ndb    process     running  101   1         -      9f3a.1.")) << told.text;
    EXPECT_TRUE(has(told.text, "1        open   4242  1000  -       1        0      0\n")) << told.text;
    // Neither the token nor what it is made of.
    for (const char* secret : {"1122334455667788", "99aabbccddeeff00", "1234605616436508552", "token"}) {
        EXPECT_FALSE(has(told.text, secret) || has(tell(story.paper.text, {}, true).text, secret)) << secret;
    }
}

TEST(Replay, NumbersAreThoseOfTheRunAndGoUp) {
    Story story;
    story.crash();
    const std::vector<json> all = lines(tell(story.paper.text, {}, true).text);
    ASSERT_GT(all.size(), 5U);
    std::uint64_t last = 0;
    std::size_t at = 0;
    std::uint64_t after = 0;
    for (const json& line : std::span{all}.first(all.size() - 1)) {
        EXPECT_GT(line.at("seq").get<std::uint64_t>(), last);
        last = line.at("seq").get<std::uint64_t>();
        if (const wire::Event* event = story.hub.log().next(after); event != nullptr && event->seq == last) {
            EXPECT_EQ(line.at("event"), event->event);
            after = event->seq;
            ++at;
        }
    }
    EXPECT_EQ(at, story.hub.log().size()) << "every event of supervision has the number that subscribers were told";
    const json& state = all.back().at("state");
    EXPECT_EQ(state.at("epoch"), "9f3a");
    EXPECT_EQ(state.at("ending"), "whole");
    EXPECT_EQ(state.at("steps"), story.engine.steps());
    EXPECT_EQ(state.at("seq"), last);
    EXPECT_EQ(state.at("counts"), json::parse(R"({"devices": 2, "links": 0, "sessions": 0})"));
    for (const char* key : {"name", "id", "kind", "state", "pid", "restarts", "supervisor", "fault"}) {
        EXPECT_TRUE(state.at("devices").at(1).contains(key)) << key;
    }
    EXPECT_EQ(state.at("devices").at(1).at("pid"), 101);
}

TEST(Replay, UntilShowsTheStateOfThen) {
    Story story;
    story.crash();
    const std::vector<json> all = lines(tell(story.paper.text, {}, true).text);
    const json* down = find_event(all, "child_down");
    ASSERT_NE(down, nullptr);
    const auto seq = down->at("seq").get<std::uint64_t>();
    const Told told = tell(story.paper.text, seq, true);
    EXPECT_EQ(told.wrong, "");
    const std::vector<json> until = lines(told.text);
    EXPECT_EQ(until.at(until.size() - 2), *down) << "the last one told is the one that was asked for";
    const json& db = until.back().at("state").at("devices").at(1);
    EXPECT_EQ(db.at("state"), "restarting");
    EXPECT_EQ(db.at("fault"), "signal(9)");
    EXPECT_TRUE(db.at("pid").is_null());
    const Told beyond = tell(story.paper.text, std::uint64_t{1} << 40);
    EXPECT_EQ(beyond.wrong, "j: it ends before event 1099511627776; this is its end");
    EXPECT_TRUE(has(beyond.text, "pid 101"));
}

TEST(Replay, LabelsAndASilentDevicesEndAreTold) {
    Story story;
    story.greet();
    const DeviceId id = story.hub.engine().graph().granted().front();
    story.hub.feed(core::Event::label(story.session, id, "app=shop\n", 2));
    story.hub.feed(core::Event::heartbeat(story.session, id, 1000, 3));
    const Told before = tell(story.paper.text);
    EXPECT_TRUE(has(before.text, "LABELS\n")) << before.text;
    EXPECT_TRUE(has(before.text, "  app=shop\n"));
    story.pass(1);
    story.hub.feed(core::Event::of(core::EventKind::tick));
    const Told after = tell(story.paper.text);
    EXPECT_TRUE(has(after.text, "fault=timeout(watchdog)")) << after.text;
    EXPECT_FALSE(has(after.text, "app=shop"));
}

TEST(Replay, WhatTheImageRemembersIsToldToo) {
    Story story;
    story.crash();
    const std::vector<json> before = lines(tell(story.paper.text, {}, true).text);
    Paper compacted{story.hub.image()};
    story.hub.record_to(&compacted);
    story.pass(5);
    story.crash();
    const Told told = tell(compacted.text);
    EXPECT_EQ(told.wrong, "");
    EXPECT_TRUE(has(told.text, "it begins with the state after step ")) << told.text;
    EXPECT_TRUE(has(told.text, "  child_ready  db pid=100\n"));
    EXPECT_TRUE(has(told.text, "  child_ready  db pid=102\n"));
    EXPECT_TRUE(has(told.text, "pid 102  2 restarts\n"));
    EXPECT_EQ(told.text.rfind("journal j: epoch 9f3a, ", 0), 0U) << told.text;
    // Of a moment before the image the events are there and the state is not.
    const Told old = tell(compacted.text, before.front().at("seq").get<std::uint64_t>());
    EXPECT_TRUE(has(old.wrong, "lies before the state that this journal begins with")) << old.wrong;
    EXPECT_TRUE(has(old.text, "child_starting  db"));
    EXPECT_FALSE(has(old.text, "child_ready"));
}

TEST(Replay, TornIsToldAsFarAsItGoes) {
    Story story;
    story.crash();
    for (const std::size_t cut : {std::size_t{1}, std::size_t{8}, std::size_t{60}}) {
        const std::string bytes = story.paper.text.substr(0, story.paper.text.size() - cut);
        const Told told = tell(bytes);
        EXPECT_EQ(told.wrong, "");
        EXPECT_TRUE(has(told.text, ", torn at byte " + std::to_string(story.paper.places.back()) + "\n")) << told.text;
        EXPECT_TRUE(has(told.text, "the last record is not whole and is left out\n"));
        EXPECT_TRUE(has(told.text, "child_down  db"));
    }
    EXPECT_EQ(lines(tell(story.paper.text.substr(0, story.paper.text.size() - 8), {}, true).text).back().at("state").at("ending"), "torn");
}

TEST(Replay, DamageInTheMiddleIsNamedWithItsPlace) {
    Story story;
    story.crash();
    const std::size_t place = story.paper.places.at(3);
    std::string bytes = story.paper.text;
    bytes[place + 20] = static_cast<char>(bytes[place + 20] ^ 1);
    const Told told = tell(bytes);
    EXPECT_EQ(told.wrong, "j: what lies at byte " + std::to_string(place) + ", behind core event 3, is not what was written");
    EXPECT_TRUE(has(told.text, ", wrong at byte " + std::to_string(place) + "\n"));
    EXPECT_TRUE(has(told.text, "child_starting  db")) << "what lies in front of it is told";
}

TEST(Replay, WhatCannotHaveHappenedIsNamed) {
    Story story;
    ASSERT_TRUE(story.paper.record(Instant{}, core::Event::of(core::EventKind::tick)));  // before the one before
    EXPECT_TRUE(has(tell(story.paper.text).wrong, "cannot have happened"));
    Story other;
    ASSERT_TRUE(other.paper.record(Instant{1'000'000'000'000}, core::Event::session_greeted(77)));
    EXPECT_TRUE(has(tell(other.paper.text).wrong, ", at byte " + std::to_string(other.paper.places.back()) + ", cannot have happened"));
}

TEST(Replay, WhatIsNoJournalIsRefused) {
    const std::string good = Story{}.paper.text;
    EXPECT_EQ(tell({}).wrong, "journal: shorter than its head");
    EXPECT_EQ(tell(std::string(5000, 'x')).wrong, "journal: not a journal");
    std::string bytes = good;
    bytes[8] = 9;
    EXPECT_EQ(tell(bytes).wrong, "journal: of version 9; this daemon reads 1");
    bytes = good;
    bytes[20] = 'x';
    EXPECT_EQ(tell(bytes).wrong, "journal: its head was changed");
    bytes = Paper{"no image"}.text;
    EXPECT_EQ(tell(bytes).wrong, "j: its image: journal: its image is not of two parts");
    bytes[journal::head_bytes] = 'N';
    EXPECT_EQ(tell(bytes).wrong, "journal: its image was changed");
    EXPECT_EQ(tell(Paper{}.text).wrong, "") << "nothing happened yet";
}

TEST(Replay, OneThatItsDaemonGaveUpIsRightAsFarAsItGoes) {
    Story story;
    std::string bytes = story.paper.text;
    const journal::HeadState broken = journal::HeadState::broken;
    std::memcpy(bytes.data() + offsetof(journal::Head, state), &broken, sizeof broken);
    const Told told = tell(bytes);
    EXPECT_EQ(told.wrong, "");
    EXPECT_TRUE(has(told.text, ", broken\nits daemon had no room to write on"));
    EXPECT_TRUE(has(told.text, "pid 100"));
}

TEST(Replay, ReaderThatGoesAwayEndsIt) {
    Story story;
    std::string bytes = story.paper.text;
    const Expected<JournalSurvey> survey = survey_journal(bytes);
    int calls = 0;
    const Print print = [&](std::string_view) { return ++calls > 100; };
    EXPECT_TRUE(replay_journal(bytes, *survey, ReplayOptions{"j", {}, false}, print));
    EXPECT_EQ(calls, 1);
}

}  // namespace
}  // namespace backplane::shell
