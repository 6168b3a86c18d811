// SPDX-License-Identifier: Apache-2.0
/// The reference's cases of watch, manage and part_manage, through the public face alone: what comes of some work when the neighbour
/// that its Device is linked with ends (rules W-1 to W-4), and what is told of the Device itself. Each with work that is a function, and
/// with work that is a Task.
///
/// The names say: how it is linked, by what it names its neighbour (a Device at hand, or the line of another process's), and how the
/// neighbour ends: well, by an error, or let go without a word. The neighbour's end is on its way when the run begins. Works that must
/// not get to their own end wait for their stop token, or for ever, and for nothing else.
#include "tests/ported/world.hpp"

#include <backplane/backplane.hpp>

#include <gtest/gtest.h>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <optional>
#include <stop_token>
#include <type_traits>
#include <utility>

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

Task<int> task_at_once() { co_return value; }

/// Only its cancelling ends it.
Task<int> task_for_ever(Client& client) {
    static_cast<void>(co_await client.sleep(Duration::forever()));
    co_return value;
}

/// What the work is.
enum class Of { function, task };

/// The Device of the run, its neighbour, and a third who is told how the Device itself ends.
class Scene {
  public:
    Scene() : device_(open(ours_)) { EXPECT_TRUE(ours_.ping(plenty)); }

    [[nodiscard]] Client& client() { return ours_; }
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

// ---- the forms of a run ----------------------------------------------------------------------------------------------

/// Runs a Task to its end; the test fails if it has none.
template <class T>
T driven(Client& client, Task<T> task) {
    auto done = client.run(std::move(task), plenty);
    if (!done) {
        ADD_FAILURE() << done.error().text();
        std::abort();
    }
    return std::move(*done);
}

struct ManageForm {
    static constexpr bool ends_the_device = true;
    static Managed<int> run(Scene& scene, int (*work)(std::stop_token)) { return scene.device().manage(work); }
    static Managed<int> run(Scene& scene, Task<int> work) { return driven(scene.client(), scene.device().manage(std::move(work))); }
};

struct PartManageForm {
    static constexpr bool ends_the_device = false;
    static Managed<int> run(Scene& scene, int (*work)(std::stop_token)) { return scene.device().part_manage(work); }
    static Managed<int> run(Scene& scene, Task<int> work) { return driven(scene.client(), scene.device().part_manage(std::move(work))); }
};

struct WatchForm {
    static Watched<int> run(Scene& scene, int (*work)(std::stop_token)) { return scene.device().watch(work); }
    static Watched<int> run(Scene& scene, Task<int> work) { return driven(scene.client(), scene.device().watch(work)); }
};

template <class Form>
auto run_to_its_end(Scene& scene, Of of) {
    return of == Of::function ? Form::run(scene, at_once) : Form::run(scene, task_at_once());
}
template <class Form>
auto run_for_ever(Scene& scene, Of of) {
    return of == Of::function ? Form::run(scene, until_stopped) : Form::run(scene, task_for_ever(scene.client()));
}

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

/// The neighbour's fault became the Device's cascade (W-2).
void expect_cascade(Scene& scene, const Managed<int>& run, End end) {
    ASSERT_FALSE(run);
    EXPECT_TRUE(run.crash().is_cascade()) << run.crash().text();
    EXPECT_EQ(run.crash().by, scene.neighbour());
    EXPECT_EQ(run.crash().fault.kind, end == End::errors ? FaultKind::error : FaultKind::drop);
    EXPECT_FALSE(scene.device());
    const std::optional<Fault> told = scene.told();
    ASSERT_TRUE(told);
    EXPECT_EQ(told->kind, FaultKind::cascade);
    EXPECT_EQ(told->cascade, scene.neighbour().id());
}

/// Whatever the end, it is a message, and the Device lives on (W-1).
void expect_message(Scene& scene, Watched<int> watched, End end) {
    ASSERT_TRUE(watched.is_message());
    EXPECT_EQ(watched.message().sender(), scene.neighbour());
    EXPECT_EQ(watched.message().is_fatal(), end != End::succeeds);
    if (end != End::succeeds) {
        EXPECT_EQ(watched.message().fault()->kind, end == End::errors ? FaultKind::error : FaultKind::drop);
    }
    EXPECT_TRUE(scene.device());
    scene.expect_untold();
}

template <class Form>
void expect_solo_success() {
    for (const Of of : {Of::function, Of::task}) {
        Scene scene;
        scene.watch();
        auto run = run_to_its_end<Form>(scene, of);
        if constexpr (std::is_same_v<Form, WatchForm>) {
            ASSERT_TRUE(run.is_completed());
            EXPECT_EQ(run.value(), value);
            EXPECT_TRUE(scene.device());
        } else {
            expect_success<Form>(scene, run);
        }
    }
}

/// What the neighbour's end makes of the run.
template <class Form>
void expect_of(LinkMode mode, By by, End end) {
    for (const Of of : {Of::function, Of::task}) {
        Scene scene;
        scene.link(mode, by);
        scene.watch();
        scene.end_neighbour(end);
        if constexpr (std::is_same_v<Form, WatchForm>) {
            expect_message(scene, run_for_ever<Form>(scene, of), end);
        } else if (end == End::succeeds) {
            expect_success<Form>(scene, run_to_its_end<Form>(scene, of));
        } else {
            expect_cascade(scene, run_for_ever<Form>(scene, of), end);
        }
    }
}

constexpr auto monitored = LinkMode::monitor;
constexpr auto peered = LinkMode::peer;

TEST(Watch, solo_succeeds) { expect_solo_success<WatchForm>(); }
TEST(Watch, monitored_device_succeeds) { expect_of<WatchForm>(monitored, By::device, End::succeeds); }
TEST(Watch, monitored_device_errors) { expect_of<WatchForm>(monitored, By::device, End::errors); }
TEST(Watch, monitored_device_drops) { expect_of<WatchForm>(monitored, By::device, End::drops); }
TEST(Watch, monitored_line_succeeds) { expect_of<WatchForm>(monitored, By::line, End::succeeds); }
TEST(Watch, monitored_line_errors) { expect_of<WatchForm>(monitored, By::line, End::errors); }
TEST(Watch, monitored_line_drops) { expect_of<WatchForm>(monitored, By::line, End::drops); }
TEST(Watch, peered_device_succeeds) { expect_of<WatchForm>(peered, By::device, End::succeeds); }
TEST(Watch, peered_device_errors) { expect_of<WatchForm>(peered, By::device, End::errors); }
TEST(Watch, peered_device_drops) { expect_of<WatchForm>(peered, By::device, End::drops); }
TEST(Watch, peered_line_succeeds) { expect_of<WatchForm>(peered, By::line, End::succeeds); }
TEST(Watch, peered_line_errors) { expect_of<WatchForm>(peered, By::line, End::errors); }
TEST(Watch, peered_line_drops) { expect_of<WatchForm>(peered, By::line, End::drops); }

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
