// SPDX-License-Identifier: Apache-2.0
/// The reference's cases of managed runs, through the public face alone: how a run ends when the neighbour that its Device is linked
/// with ends (rules W-2 to W-4), and what is told of the Device itself.
///
/// The names say: how it is linked, by what it names its neighbour (a Device at hand, or the line of another process's), and how the
/// neighbour ends: well, by an error, or let go without a word. The neighbour's end is on its way when the run begins. Works that must
/// not get to their own end wait for their stop token and for nothing else.
#include "tests/ported/world.hpp"

#include <backplane/backplane.hpp>

#include <gtest/gtest.h>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <stop_token>

namespace backplane::ported {
namespace {

enum class By { device, line };
enum class End { succeeds, errors, drops };

constexpr int value = 42;

int at_once(std::stop_token) { return value; }

int until_stopped(std::stop_token stop) {
    std::mutex mutex;
    std::condition_variable_any stopped;
    std::unique_lock lock{mutex};
    stopped.wait(lock, stop, [] { return false; });
    return value;
}

/// The Device of the run, its neighbour, and a third who is told how the Device itself ends.
class Scene {
  public:
    Scene() : device_(open(ours_)) { EXPECT_TRUE(ours_.ping(plenty)); }

    [[nodiscard]] Device& device() { return device_; }
    [[nodiscard]] const Line& neighbour() const { return line_; }

    void link(LinkMode mode, By by) {
        neighbour_ = open(by == By::device ? ours_ : theirs_);
        EXPECT_TRUE(theirs_.ping(plenty)) << "a line is good once its Device is there";
        line_ = neighbour_.line();
        EXPECT_TRUE(by == By::device ? device_.link(neighbour_, mode) : device_.link(Line::parse(line_.text()).value_or(Line{}), mode));
        EXPECT_TRUE(ours_.ping(plenty));
    }
    void watch() { EXPECT_TRUE(watching_.device().link_wait(device_.line(), LinkMode::monitor, plenty)); }

    void end_neighbour(End end) {
        switch (end) {
            case End::succeeds: neighbour_.disconnect(); break;
            case End::errors: neighbour_.disconnect(Fault::error()); break;
            case End::drops: neighbour_ = Device{}; break;
        }
        EXPECT_TRUE(theirs_.ping(plenty));
    }

    /// What the third is told of the Device's end.
    std::optional<Fault> told() {
        const auto message = watching_.device().next(plenty);
        if (!message || !std::holds_alternative<Disconnected>(*message)) {
            ADD_FAILURE() << (message ? "a shutdown request" : message.error().text());
            return std::nullopt;
        }
        EXPECT_EQ(std::get<Disconnected>(*message).device, device_.line());
        return std::get<Disconnected>(*message).fault;
    }
    /// After a pong everything that the daemon had to say before is here.
    void expect_untold() {
        EXPECT_TRUE(ours_.ping(plenty));
        EXPECT_TRUE(watching_.ping(plenty));
        EXPECT_FALSE(watching_.device().try_receive());
    }

  private:
    static Device open(Client& client) {
        auto opened = client.open_device();
        if (!opened) {
            ADD_FAILURE() << opened.error().text();
            return {};
        }
        return std::move(*opened);
    }

    std::unique_ptr<World> world_ = make_world();
    Client ours_ = world_->connect();
    Client theirs_ = world_->connect();
    Client watching_ = world_->connect();
    Device device_;
    Device neighbour_;
    Line line_;
};

// ---- the forms of a managed run --------------------------------------------------------------------------------------

struct ManageForm {
    static constexpr bool ends_the_device = true;
    static Managed<int> run(Device& device, int (*work)(std::stop_token)) { return device.manage(work); }
};

struct PartManageForm {
    static constexpr bool ends_the_device = false;
    static Managed<int> run(Device& device, int (*work)(std::stop_token)) { return device.part_manage(work); }
};

/// The run came to its value: after `manage` the Device has ended well, after `part_manage` it lives (W-2, W-3).
template <class Form>
void expect_success(Scene& scene, const Managed<int>& run) {
    ASSERT_TRUE(run) << run.crash().text();
    EXPECT_EQ(*run, value);
    EXPECT_EQ(static_cast<bool>(scene.device()), !Form::ends_the_device);
    if (Form::ends_the_device) {
        EXPECT_FALSE(scene.told());
    } else {
        scene.expect_untold();
    }
}

template <class Form>
void expect_solo_success() {
    Scene scene;
    scene.watch();
    expect_success<Form>(scene, Form::run(scene.device(), at_once));
}

/// What the neighbour's end makes of the run.
template <class Form>
void expect_of(LinkMode mode, By by, End end) {
    Scene scene;
    scene.link(mode, by);
    scene.watch();
    scene.end_neighbour(end);
    if (end == End::succeeds) {
        expect_success<Form>(scene, Form::run(scene.device(), at_once));
        return;
    }
    const Managed<int> run = Form::run(scene.device(), until_stopped);
    ASSERT_FALSE(run);
    EXPECT_EQ(run.crash().kind, CrashKind::cascade);
    EXPECT_EQ(run.crash().by, scene.neighbour());
    EXPECT_EQ(run.crash().fault.kind, end == End::errors ? FaultKind::error : FaultKind::drop);
    EXPECT_FALSE(scene.device());
    const std::optional<Fault> told = scene.told();
    ASSERT_TRUE(told);
    EXPECT_EQ(told->kind, FaultKind::cascade);
    EXPECT_EQ(told->cascade, scene.neighbour().id());
}

constexpr auto monitored = LinkMode::monitor;
constexpr auto peered = LinkMode::peer;

TEST(Manage, solo_succeeds) { expect_solo_success<ManageForm>(); }
TEST(Manage, monitored_device_succeeds) { expect_of<ManageForm>(monitored, By::device, End::succeeds); }
TEST(Manage, monitored_device_errors) { expect_of<ManageForm>(monitored, By::device, End::errors); }
TEST(Manage, monitored_device_drops) { expect_of<ManageForm>(monitored, By::device, End::drops); }
TEST(Manage, monitored_line_succeeds) { expect_of<ManageForm>(monitored, By::line, End::succeeds); }
TEST(Manage, monitored_line_errors) { expect_of<ManageForm>(monitored, By::line, End::errors); }
TEST(Manage, monitored_line_drops) { expect_of<ManageForm>(monitored, By::line, End::drops); }
TEST(Manage, peered_device_succeeds) { expect_of<ManageForm>(peered, By::device, End::succeeds); }
TEST(Manage, peered_device_errors) { expect_of<ManageForm>(peered, By::device, End::errors); }
TEST(Manage, peered_device_drops) { expect_of<ManageForm>(peered, By::device, End::drops); }
TEST(Manage, peered_line_succeeds) { expect_of<ManageForm>(peered, By::line, End::succeeds); }
TEST(Manage, peered_line_errors) { expect_of<ManageForm>(peered, By::line, End::errors); }
TEST(Manage, peered_line_drops) { expect_of<ManageForm>(peered, By::line, End::drops); }

TEST(PartManage, solo_succeeds) { expect_solo_success<PartManageForm>(); }
TEST(PartManage, monitored_device_succeeds) { expect_of<PartManageForm>(monitored, By::device, End::succeeds); }
TEST(PartManage, monitored_device_errors) { expect_of<PartManageForm>(monitored, By::device, End::errors); }
TEST(PartManage, monitored_device_drops) { expect_of<PartManageForm>(monitored, By::device, End::drops); }
TEST(PartManage, monitored_line_succeeds) { expect_of<PartManageForm>(monitored, By::line, End::succeeds); }
TEST(PartManage, monitored_line_errors) { expect_of<PartManageForm>(monitored, By::line, End::errors); }
TEST(PartManage, monitored_line_drops) { expect_of<PartManageForm>(monitored, By::line, End::drops); }
TEST(PartManage, peered_device_succeeds) { expect_of<PartManageForm>(peered, By::device, End::succeeds); }
TEST(PartManage, peered_device_errors) { expect_of<PartManageForm>(peered, By::device, End::errors); }
TEST(PartManage, peered_device_drops) { expect_of<PartManageForm>(peered, By::device, End::drops); }
TEST(PartManage, peered_line_succeeds) { expect_of<PartManageForm>(peered, By::line, End::succeeds); }
TEST(PartManage, peered_line_errors) { expect_of<PartManageForm>(peered, By::line, End::errors); }
TEST(PartManage, peered_line_drops) { expect_of<PartManageForm>(peered, By::line, End::drops); }

}  // namespace
}  // namespace backplane::ported
