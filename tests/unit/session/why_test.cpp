// SPDX-License-Identifier: Apache-2.0
/// `why` and `impact` through the hub, as a client asks them: the chain of causes of each kind of end, also after the daemon that had
/// seen it has crashed, and an impact that fits a frame.
#include "daemon/core/spec.hpp"
#include "daemon/session/hub.hpp"
#include "proto/wire/codec.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace backplane::session {
namespace {

using core::ChildSpec;
using core::Event;
using core::SupervisorSpec;
using Lines = std::vector<std::string>;

constexpr Epoch epoch{0xabc};

ChildSpec worker(std::string name, core::RestartType restart = core::RestartType::permanent) {
    ChildSpec spec;
    spec.name = std::move(name);
    spec.restart = restart;
    spec.launch.exec = {"/bin/worker"};
    spec.backoff.enabled = false;
    return spec;
}

ChildSpec supervisor(std::string name, SupervisorSpec nested, core::RestartType restart = core::RestartType::permanent) {
    ChildSpec spec = worker(std::move(name), restart);
    spec.launch = {};
    spec.is_supervisor = true;
    spec.shutdown_kind = core::ShutdownKind::infinity;
    spec.start_timeout = Duration::forever();
    spec.supervisor.push_back(std::move(nested));
    return spec;
}

SupervisorSpec team(std::vector<ChildSpec> children, std::uint32_t intensity = 5, core::Strategy strategy = core::Strategy::one_for_one) {
    SupervisorSpec spec;
    spec.children = std::move(children);
    spec.intensity = intensity;
    spec.strategy = strategy;
    return spec;
}

/// A hub, one client that asks, and processes that do what they are told at once.
class WhyTest : public ::testing::Test {
  protected:
    void begin(const SupervisorSpec& root) {
        pass(1);
        hub().feed(Event::boot(epoch, 1, 0));
        tree_ = core::encode_spec(root);
        hub().feed(Event::configure(tree_));
        run();
        connect();
    }
    void connect() {
        socket_ = hub().accept(PeerFacts{0, 0, 77, core::no_child, 0, core::Token{1, 1}});
        wire::Hello hello;
        hello.client = "test/1";
        say([&](std::string& out) { wire::encode(out, hello); });
        (void)read();
    }
    template <class Encode>
    void say(const Encode& encode) {
        std::string bytes;
        encode(bytes);
        hub().receive(socket_, std::as_bytes(std::span{bytes}));
    }
    std::string read() {
        if (socket_ == core::daemon_session) {
            return {};
        }
        std::string out{hub().outbox(socket_)};
        hub().wrote(socket_, out.size());
        return out;
    }
    void pass(std::int64_t seconds) {
        now_ = now_ + Duration::seconds(seconds);
        hub().set_time(now_, 1'000'000'000 + now_.ns / 1'000);
    }
    [[nodiscard]] core::ChildView view(const std::string& path) {
        const core::Supervision& tree = engine_->supervision();
        return tree.view(tree.find(path), now_);
    }
    void exits(const std::string& path, core::ExitHow how, std::int32_t status) {
        hub().feed(Event::exited(engine_->supervision().find(path), view(path).generation, how, status));
        run();
    }
    void run() {
        std::vector<core::Effect> effects;
        for (hub().take_machine(effects); !effects.empty(); hub().take_machine(effects)) {
            for (const core::Effect& effect : effects) {
                if (effect.kind == core::EffectKind::spawn) {
                    hub().feed(Event::spawned(effect.child, effect.generation, 100 + static_cast<std::int32_t>(effect.child)));
                } else if (effect.kind == core::EffectKind::signal) {
                    hub().feed(Event::exited(effect.child, effect.generation, core::ExitHow::signalled, effect.argument));
                } else if (effect.kind == core::EffectKind::reap) {
                    hub().feed(Event::group_empty(effect.child, effect.generation));
                }
            }
            if (hub().wants_go_on()) {
                hub().go_on();
            }
        }
        (void)read();
    }
    wire::Reply ask(wire::Call call, const std::string& name, DeviceId device = {}) {
        wire::Request request;
        request.call = call;
        request.name = name;
        request.device = device;
        request.epoch = epoch;
        request.id = ++number_;
        say([&](std::string& out) { wire::encode(out, request); });
        const std::string bytes = read();
        std::string_view rest = bytes;
        while (!rest.empty()) {
            const wire::FrameResult next = wire::next_frame(std::as_bytes(std::span{rest}));
            if (next.status != wire::FrameStatus::whole) {
                break;
            }
            if (next.frame.type == wire::FrameType::reply) {
                auto reply = wire::decode_reply(next.frame, call);
                EXPECT_TRUE(reply) << reply.error().text();
                return reply ? *reply : wire::Reply{};
            }
            rest.remove_prefix(next.size);
        }
        ADD_FAILURE() << "no reply";
        return {};
    }
    static Lines lines_of(const std::vector<wire::Cause>& causes) {
        Lines lines;
        for (const wire::Cause& cause : causes) {
            std::string reason = cause.reason.value_or("?");
            reason = reason.starts_with("cascade(") ? "cascade" : reason;
            lines.push_back(cause.because + " " + cause.name.value_or("-") + " " + reason);
        }
        return lines;
    }
    wire::Why why(const std::string& name) {
        const wire::Reply reply = ask(wire::Call::why, name);
        EXPECT_EQ(reply.error.code, ErrorCode::ok) << reply.error.text();
        const auto* told = std::get_if<wire::Why>(&reply.body);
        return told != nullptr ? *told : wire::Why{};
    }
    Lines ends(const std::string& name) { return lines_of(why(name).ends); }
    Hub& hub() { return *hub_; }

    /// A daemon that crashed: core and log begin again from what the journal has.
    void crash() {
        const std::string image = hub().image();
        auto engine = std::make_unique<core::Engine>();
        auto next = std::make_unique<Hub>(*engine, HubOptions{});
        ASSERT_TRUE(next->load_image(image));
        hub_ = std::move(next);
        engine_ = std::move(engine);
        pass(0);
        socket_ = core::daemon_session;
        hub().feed(Event::of(core::EventKind::recovered));
        hub().restore();
        run();
        connect();
    }

    std::unique_ptr<core::Engine> engine_ = std::make_unique<core::Engine>();
    std::unique_ptr<Hub> hub_ = std::make_unique<Hub>(*engine_, HubOptions{});
    std::string tree_;
    Instant now_{};
    core::SessionIndex socket_ = 0;
    std::uint64_t number_ = 0;
};

TEST_F(WhyTest, X9_ACrashIsItsOwnRootWithItsTimes) {
    begin(team({worker("a"), worker("b")}));
    pass(60);
    exits("a", core::ExitHow::exited, 3);
    pass(7);
    const wire::Why told = why("a");
    EXPECT_EQ(told.row.state, "running");
    EXPECT_EQ(lines_of(told.ends), Lines{"ended a exit(3)"});
    EXPECT_EQ(told.ends.at(0).age_ms, 7'000);
    EXPECT_EQ(told.ends.at(0).uptime_ms, 60'000);
    EXPECT_EQ(told.ends.at(0).was_ready, true);
    EXPECT_EQ(told.restart_count, 1U);
    EXPECT_EQ(told.window_intensity, 5U);
    EXPECT_EQ(ends("b"), Lines{});
}

TEST_F(WhyTest, X9_ACascadeIsFollowedToItsRoot) {
    ChildSpec api = worker("api");
    api.managed = true;
    api.links = {{"db", LinkMode::monitor}};
    ChildSpec web = worker("web");
    web.managed = true;
    web.links = {{"api", LinkMode::monitor}};
    begin(team({worker("db"), api, web}));
    const DeviceId old = view("db").device;
    exits("db", core::ExitHow::signalled, 9);
    EXPECT_EQ(ends("web"), (Lines{"ended web cascade", "depended_on api cascade", "depended_on db signal(9)"}));
    const wire::Reply by_line = ask(wire::Call::why, "", old);
    EXPECT_EQ(lines_of(std::get<wire::Why>(by_line.body).ends), Lines{"ended db signal(9)"}) << "a line of the one before";
    crash();
    EXPECT_EQ(ends("web"), (Lines{"ended web cascade", "depended_on api cascade", "depended_on db signal(9)"}));
    EXPECT_TRUE(why("web").ends.at(2).age_ms) << "the log survives as well";
}

TEST_F(WhyTest, X9_AGroupIsStoppedForTheOneThatCrashed) {
    begin(team({worker("a"), worker("b"), worker("c")}, 5, core::Strategy::rest_for_one));
    exits("b", core::ExitHow::exited, 1);
    EXPECT_EQ(ends("c"), (Lines{"ended c shutdown", "group b exit(1)"}));
    EXPECT_EQ(ends("a"), Lines{});
    hub().feed(Event::command(core::daemon_session, core::Verb::stop, engine_->supervision().find("a"), false, 0));
    run();
    EXPECT_EQ(ends("a"), (Lines{"ended a shutdown", "asked - ?"})) << "those before the one that crashed are not of its group";
}

TEST_F(WhyTest, X9_ASupervisorThatGaveUpNamesTheOffender) {
    begin(team({supervisor("sub", team({worker("x"), worker("y")}, 1), core::RestartType::transient), worker("z")}));
    exits("sub/x", core::ExitHow::exited, 1);
    exits("sub/x", core::ExitHow::exited, 2);
    EXPECT_EQ(ends("sub"), (Lines{"ended sub error{gave_up}", "gave_up sub/x exit(2)"}));
    EXPECT_EQ(why("sub").ends.at(1).window_count, 2U);
    EXPECT_EQ(ends("sub/y"), (Lines{"ended sub/y shutdown", "supervisor sub error{gave_up}", "gave_up sub/x exit(2)"}));
    crash();
    EXPECT_EQ(ends("sub/y"), (Lines{"ended sub/y shutdown", "supervisor sub error{gave_up}", "gave_up sub/x exit(2)"}));
}

TEST_F(WhyTest, WhoeverWasStoppedByACommandSaysSo) {
    begin(team({worker("a"), worker("b")}));
    exits("b", core::ExitHow::exited, 1);  // which is nobody's business but its own
    hub().feed(Event::command(core::daemon_session, core::Verb::stop, engine_->supervision().find("a"), false, 0));
    run();
    EXPECT_EQ(ends("a"), (Lines{"ended a shutdown", "asked - ?"}));
    EXPECT_EQ(why("a").row.reason, "terminated");
}

TEST_F(WhyTest, X6_WhoIsBlockedSaysForWhomAndWhyThatOneIsDown) {
    ChildSpec web = worker("web");
    web.requires_up = {"db"};
    begin(team({worker("db", core::RestartType::transient), web}));
    exits("db", core::ExitHow::exited, 0);
    exits("web", core::ExitHow::exited, 1);
    const wire::Why told = why("web");
    EXPECT_EQ(told.row.reason, "blocked");
    EXPECT_EQ(lines_of(told.ends), Lines{"ended web exit(1)"});
    EXPECT_EQ(lines_of(told.waits), Lines{"requires db normal"});
    EXPECT_EQ(told.waits.at(0).state, "down");
}

TEST_F(WhyTest, AskedOfNobody) {
    begin(team({worker("a")}));
    EXPECT_EQ(ask(wire::Call::why, "nobody").error.code, ErrorCode::not_found);
    EXPECT_EQ(ask(wire::Call::impact, "nobody").error.code, ErrorCode::not_found);
    hub().feed(Event::command(core::daemon_session, core::Verb::stop, engine_->supervision().find("a"), false, 0));
    run();
    const wire::Reply down = ask(wire::Call::impact, "a");
    EXPECT_EQ(down.error.code, ErrorCode::device_down);
    EXPECT_EQ(down.error.detail, "a: down");
}

TEST_F(WhyTest, X17_AnImpactIsInTheWordsOfTheLog) {
    begin(team({worker("a"), worker("b")}, 5, core::Strategy::rest_for_one));
    const wire::Reply reply = ask(wire::Call::impact, "a");
    const auto& impact = std::get<wire::Impact>(reply.body);
    Lines lines;
    for (const wire::Event& event : impact.events) {
        lines.push_back(event.event + " " + event.name.value_or("-"));
    }
    EXPECT_EQ(lines, (Lines{"child_down a", "restart a", "child_stopping b", "child_down b", "child_starting a", "child_ready a",
                            "child_starting b", "child_ready b"}));
    EXPECT_EQ(impact.id, view("a").device);
    EXPECT_EQ(impact.fault, "signal(9)");
    EXPECT_EQ(impact.events.at(0).id, view("a").device);
    EXPECT_FALSE(impact.events.at(4).id) << "there is no such Device yet";
    EXPECT_TRUE(impact.fates.empty());
}

TEST_F(WhyTest, X17_AnImpactOfThousandsFitsAFrameAndCountsAll) {
    begin(team({worker("a")}));
    constexpr std::uint32_t watchers = 640;
    for (std::uint32_t n = 0; n < watchers; n += wire::ids_per_grant) {
        hub().feed(Event::grant(socket_, 1, 0));
        const DeviceId first = engine_->graph().granted().front();
        for (std::uint32_t k = 0; k < wire::ids_per_grant; ++k) {
            const DeviceId id{first.value + k};
            hub().feed(Event::create(socket_, id, false, 1));
            hub().feed(Event::link(socket_, id, view("a").device, LinkMode::monitor, false, 2));
            hub().feed(Event::label(socket_, id, "key=" + std::string(200, 'v') + "\n", 0));
        }
    }
    (void)read();
    const wire::Reply reply = ask(wire::Call::impact, "a");
    ASSERT_EQ(reply.error.code, ErrorCode::ok) << reply.error.text();
    const auto& impact = std::get<wire::Impact>(reply.body);
    EXPECT_EQ(impact.told_total, watchers);
    EXPECT_LT(impact.told.size(), 256U) << "no frame holds so many";
    EXPECT_GT(impact.told.size(), 32U);
    EXPECT_EQ(impact.events.size(), impact.events_total) << "what happens is not crowded out by who is told";
    EXPECT_EQ(impact.told.at(0).client, "test/1");
}

/// Copying and playing a state stops the loop: the share that all rehearsals have of it is bounded, whoever asks.
TEST_F(WhyTest, X17_ImpactsTogetherHaveAShareOfTheLoopAndNoMore) {
    begin(team({worker("a")}));
    std::size_t answered = 0;
    wire::Reply reply = ask(wire::Call::impact, "a");
    const std::size_t most = 2 * wire::rehearsal_bytes_per_second / engine_->image_bytes();
    while (reply.error.code == ErrorCode::ok && answered <= most) {
        ++answered;
        reply = ask(wire::Call::impact, "a");
    }
    EXPECT_EQ(reply.error.code, ErrorCode::limit_reached);
    EXPECT_GT(answered, 100U) << "nobody who looks by hand meets it";
    EXPECT_EQ(reply.error.detail.substr(0, 40), "rehearsal_bytes_per_second; ask again in");
    EXPECT_EQ(ask(wire::Call::why, "a").error.code, ErrorCode::ok) << "other questions are not concerned";
    pass(1);
    EXPECT_EQ(ask(wire::Call::impact, "a").error.code, ErrorCode::ok);
}

}  // namespace
}  // namespace backplane::session
