// SPDX-License-Identifier: Apache-2.0
/// What a journal tells people: `backplanectl journal save` of a daemon that lives, `backplaned --replay` of the copy, of a damaged
/// one and of the journal itself while it is written.
#include "tests/integration/bare_daemon.hpp"
#include "tests/integration/json_lines.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <nlohmann/json.hpp>

#include <atomic>
#include <fstream>
#include <map>
#include <thread>

namespace backplane::integration {
namespace {

using nlohmann::json;

constexpr const char* one_worker = R"({"name": "w", "exec": ["sleep", "1000"], "backoff": "none"})";

class Replay : public testing::Test {
  protected:
    integration::Run ctl(std::vector<std::string> words) {
        words.insert(words.begin(), {program("backplanectl"), "--socket", daemon.socket()});
        return Process{words, {}, daemon.folder() + "/ctl"}.wait();
    }
    integration::Run replay(const std::string& journal, std::vector<std::string> more = {}) {
        more.insert(more.begin(), {program("backplaned"), "--replay", journal});
        return Process{more, {}, daemon.folder() + "/replay"}.wait();
    }
    [[nodiscard]] std::string copy() const { return daemon.folder() + "/copy"; }
    std::string journal() {
        const auto info = daemon.connect().daemon_info(plenty);
        return info ? info->journal : std::string{};
    }
    /// The worker is killed, and runs again.
    DeviceRow crash_worker() {
        Client client = daemon.connect();
        const DeviceRow before = daemon.wait_for(client, "w", "running");
        EXPECT_EQ(::kill(static_cast<pid_t>(before.pid.value_or(0)), SIGUSR1), 0);
        return daemon.wait_for(client, "w", "running", before.pid.value_or(0));
    }

    BareDaemon daemon{one_worker};
};

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

void write(const std::string& path, const std::string& text) { std::ofstream{path, std::ios::binary} << text; }

TEST_F(Replay, ACopyTellsTheCrashTheRestartAndTheState) {
    ASSERT_TRUE(daemon.start());
    const DeviceRow after = crash_worker();
    const integration::Run saved = ctl({"journal", "save", copy(), "--json"});
    ASSERT_EQ(saved.code, 0) << saved.out;
    EXPECT_EQ(json::parse(saved.out).at("bytes"), read_file(copy()).size());
    EXPECT_EQ(ctl({"journal", "save", copy()}).code, 1) << "it is there already";
    struct stat info {};
    ASSERT_EQ(::stat(copy().c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777U, 0600U);
    const std::vector<json> live = lines(ctl({"events", "--json", "--no-follow"}).out);
    ASSERT_EQ(daemon.stop(), 0);
    const std::string bytes = read_file(copy());

    const integration::Run told = replay(copy());
    EXPECT_EQ(told.code, 0) << told.err;
    EXPECT_EQ(told.err, "");
    EXPECT_TRUE(has(told.out, "  child_down  w reason=signal(10)\n")) << told.out;
    EXPECT_TRUE(has(told.out, "  restart  w supervisor=/ cause=signal(10) window_count=1\n"));
    EXPECT_TRUE(has(told.out, "  device_down  w fault=signal(10)\n"));
    EXPECT_TRUE(has(told.out, "└─ w  running  pid " + std::to_string(*after.pid) + "  1 restart\n"));
    EXPECT_TRUE(has(told.out, after.line->text()));
    EXPECT_EQ(read_file(copy()), bytes);

    // What subscribers were told, with the same numbers and in the same words; times may differ by what the clocks do.
    std::map<std::uint64_t, json> by_seq;
    const std::vector<json> all = lines(replay(copy(), {"--json"}).out);
    for (std::size_t i = 0; i + 1 < all.size(); ++i) {
        by_seq[all[i].at("seq").get<std::uint64_t>()] = all[i];
    }
    ASSERT_GE(live.size(), 6U);
    for (json event : live) {
        json& replayed = by_seq[event.at("seq").get<std::uint64_t>()];
        event.erase("time");
        replayed.erase("time");
        EXPECT_EQ(replayed, event);
    }
    EXPECT_EQ(all.back().at("state").at("devices").at(1).at("pid"), *after.pid);

    // And in the middle: it is down.
    for (const json& event : live) {
        if (event.at("event") == "child_down") {
            const integration::Run then = replay(copy(), {"--json", "--until", std::to_string(event.at("seq").get<std::uint64_t>())});
            EXPECT_EQ(then.code, 0) << then.err;
            const json state = lines(then.out).back().at("state");
            EXPECT_EQ(state.at("seq"), event.at("seq"));
            EXPECT_EQ(state.at("devices").at(1).at("state"), "restarting");
            EXPECT_TRUE(state.at("devices").at(1).at("pid").is_null());
        }
    }
}

TEST_F(Replay, DamageIsNamed) {
    ASSERT_TRUE(daemon.start());
    (void)crash_worker();
    ASSERT_EQ(ctl({"journal", "save", copy()}).code, 0);
    const std::string good = read_file(copy());
    std::string bytes = good;
    bytes[4096 + 64 + 30] = static_cast<char>(bytes[4096 + 64 + 30] ^ 1);
    write(copy(), bytes);
    const integration::Run wrong = replay(copy());
    EXPECT_EQ(wrong.code, 1);
    EXPECT_TRUE(has(wrong.err, copy() + ": what lies at byte ")) << wrong.err;
    write(copy(), good.substr(0, good.size() - 20));
    const integration::Run torn = replay(copy());
    EXPECT_EQ(torn.code, 0) << torn.err;
    EXPECT_TRUE(has(torn.out, ", torn at byte ")) << torn.out;
    EXPECT_TRUE(has(torn.out, "child_down  w reason=signal(10)"));
    EXPECT_EQ(replay(daemon.config()).code, 1);
    EXPECT_TRUE(has(replay(daemon.config()).err, "shorter than its head"));
    EXPECT_EQ(replay(daemon.folder() + "/none").code, 1);
    EXPECT_EQ(replay(copy(), {"--until", "-1"}).code, 2);
    EXPECT_EQ(daemon.run({"--until", "1"}).code, 2) << "without a journal";
}

TEST_F(Replay, OneThatIsBeingWrittenIsWhole) {
    ASSERT_TRUE(daemon.start());
    (void)crash_worker();
    const auto restarted = lines(ctl({"events", "--json", "--no-follow"}).out).back().at("seq").get<std::uint64_t>();
    // Not so much that it is compacted: the crash is to stay in it. With the reading of it, it grows several times.
    std::atomic<bool> enough = false;
    std::thread busy{[&] {
        Client client = daemon.connect();
        for (int burst = 0; burst < 120 && !enough; ++burst) {
            for (int i = 0; i < 100; ++i) {
                if (auto device = client.open_device()) {
                    static_cast<void>(device->link(client.device().line(), LinkMode::peer));
                }
            }
            static_cast<void>(client.ping(plenty));
            while (client.device().try_receive()) {
            }
        }
    }};
    // All of it is read; of what happened in the graph little is told, for it is much.
    const std::vector<std::string> little{"--json", "--until", std::to_string(restarted)};
    for (int i = 0; i < 10; ++i) {
        EXPECT_EQ(ctl({"journal", "save", copy(), "--force"}).code, 0);
        for (const std::string& path : {journal(), copy()}) {
            const integration::Run told = replay(path, little);
            EXPECT_EQ(told.code, 0) << told.err;
            EXPECT_TRUE(has(told.out, R"("ending":"whole")")) << told.out.substr(0, 200);
        }
    }
    enough = true;
    busy.join();
    // And after a crash of the daemon, which the journal outlives.
    const pid_t before = daemon.daemon_pid();
    ASSERT_GT(before, 0);
    ASSERT_EQ(::kill(before, SIGKILL), 0);
    ASSERT_TRUE(eventually([&] { return daemon.daemon_pid() > 0 && daemon.daemon_pid() != before; }));
    const integration::Run told = replay(journal(), little);
    EXPECT_EQ(told.code, 0) << told.err;
    EXPECT_TRUE(has(told.out, "child_down"));
}

}  // namespace
}  // namespace backplane::integration
