// SPDX-License-Identifier: Apache-2.0
/// S-65: what many children cost, as the work of twice as many compared with that of so many; never an absolute time.
#include "daemon/core/engine.hpp"
#include "daemon/core/spec.hpp"

#include <gtest/gtest.h>

#include <ctime>

namespace {

using namespace backplane;
using namespace backplane::core;

SupervisorSpec row(std::uint32_t count, Strategy strategy) {
    SupervisorSpec spec;
    spec.strategy = strategy;
    ChildSpec child;
    child.launch.exec = {"/bin/worker"};
    for (std::uint32_t n = 0; n < count; ++n) {
        child.name = "w" + std::to_string(n);
        spec.children.push_back(child);
    }
    return spec;
}

/// A host that does at once what it is told, and counts the steps.
class Obedient {
  public:
    explicit Obedient(const SupervisorSpec& root) {
        feed(Event::boot(Epoch{1}, 1, 0));
        const std::string tree = encode_spec(root);
        feed(Event::configure(tree));
        run();
    }
    void feed(const Event& event) {
        Effects out;
        now_ = now_ + Duration{1};
        engine_.step(now_, event, out);
        ++steps_;
        for (const Effect& effect : out.list) {
            obey(effect);
        }
    }
    void run() {
        for (; next_ < queue_.size(); ++next_) {
            feed(Event{queue_[next_]});
        }
        queue_.clear();
        next_ = 0;
    }
    [[nodiscard]] const Supervision& tree() const { return engine_.supervision(); }
    [[nodiscard]] ChildIndex find(const std::string& path) const { return tree().find(path); }
    [[nodiscard]] ChildView view(ChildIndex child) const { return tree().view(child, now_); }
    [[nodiscard]] std::uint64_t steps() const { return steps_; }
    [[nodiscard]] std::uint32_t running() const { return tree().count_children(tree().root()).active; }

  private:
    void obey(const Effect& effect) {
        switch (effect.kind) {
            case EffectKind::spawn: queue_.push_back(Event::spawned(effect.child, effect.generation, 7)); break;
            case EffectKind::signal:
                queue_.push_back(Event::exited(effect.child, effect.generation, ExitHow::signalled, effect.argument));
                break;
            case EffectKind::reap: queue_.push_back(Event::group_empty(effect.child, effect.generation)); break;
            case EffectKind::go_on: queue_.push_back(Event::of(EventKind::go_on)); break;
            default: break;
        }
    }

    Engine engine_;
    std::vector<Event> queue_;
    std::size_t next_ = 0;
    Instant now_{1};
    std::uint64_t steps_ = 0;
};

/// Time of this thread alone, so that neighbours on the machine do not count.
std::int64_t thread_time() {
    timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return time.tv_sec * 1'000'000'000 + time.tv_nsec;
}

/// What `work(n)` costs: the least of three runs.
template <class Work>
std::int64_t cost(std::uint32_t count, Work work) {
    std::int64_t least = INT64_MAX;
    for (int n = 0; n < 3; ++n) {
        const std::int64_t begin = thread_time();
        work(count);
        least = std::min(least, thread_time() - begin);
    }
    return least;
}

/// Twice as many cost at most three times as much; what is quadratic costs four times as much. A busy machine may spoil a measurement,
/// but not one after the other.
template <class Work>
void expect_linear(std::uint32_t count, Work work) {
    std::int64_t one = 0, two = 1;
    for (int n = 0; n < 4 && two >= 3 * one; ++n) {
        one = cost(count, work);
        two = cost(2 * count, work);
    }
    EXPECT_LT(two, 3 * one) << count << " cost " << one << " ns, twice as many " << two << " ns";
}

TEST(supervision_scale, s65_a_hundred_thousand_static_children_start_and_stop) {
    Obedient host(row(100'000, Strategy::one_for_one));
    EXPECT_EQ(host.running(), 100'000U);
    EXPECT_EQ(host.steps(), 2U + 100'000U);
    host.feed(Event::of(EventKind::terminate));
    host.run();
    EXPECT_TRUE(host.tree().all_down());
    EXPECT_EQ(host.steps(), 3U + 3 * 100'000U);
}

TEST(supervision_scale, s65_static_children_in_linear_time) {
    for (const Strategy strategy : {Strategy::one_for_one, Strategy::one_for_all}) {
        expect_linear(2'000, [strategy](std::uint32_t count) {
            Obedient host(row(count, strategy));
            host.feed(Event::of(EventKind::terminate));
            host.run();
            ASSERT_TRUE(host.tree().all_down());
        });
    }
}

TEST(supervision_scale, s65_parallel_starts_in_linear_time) {
    expect_linear(2'000, [](std::uint32_t count) {
        SupervisorSpec root = row(count, Strategy::one_for_one);
        root.start_order = StartOrder::parallel;
        Obedient host(root);
        ASSERT_EQ(host.running(), count);
    });
}

TEST(supervision_scale, s65_dynamic_terminations_in_linear_time) {
    expect_linear(1'500, [](std::uint32_t count) {
        SupervisorSpec pool = row(1, Strategy::dynamic);
        pool.template_child = std::exchange(pool.children, {});
        pool.template_child.front().name.clear();
        Obedient host(pool);
        const ChildIndex root = host.tree().root();
        const std::string added = encode_new_child({});
        for (std::uint32_t n = 0; n < count; ++n) {
            host.feed(Event::add_child(daemon_session, root, added, true, 0));
            host.run();
        }
        ASSERT_EQ(host.running(), count);
        for (std::uint32_t n = 0; n < count; ++n) {
            host.feed(Event::command(daemon_session, Verb::stop, host.find(std::to_string(n)), true, 0));
        }
        host.run();
        ASSERT_EQ(host.tree().count_children(root).specs, 0U);
    });
}

TEST(supervision_scale, s65_a_dynamic_supervisor_goes_down_in_linear_time) {
    expect_linear(1'500, [](std::uint32_t count) {
        SupervisorSpec pool = row(1, Strategy::dynamic);
        pool.template_child = std::exchange(pool.children, {});
        pool.template_child.front().name.clear();
        Obedient host(pool);
        const std::string added = encode_new_child({});
        for (std::uint32_t n = 0; n < count; ++n) {
            host.feed(Event::add_child(daemon_session, host.tree().root(), added, true, 0));
            host.run();
        }
        host.feed(Event::of(EventKind::terminate));
        host.run();
        ASSERT_TRUE(host.tree().all_down());
    });
}

TEST(supervision_scale, s65_one_for_all_restarts_in_linear_time) {
    expect_linear(1'500, [](std::uint32_t count) {
        Obedient host(row(count, Strategy::one_for_all));
        const std::uint64_t before = host.steps();
        const ChildIndex first = host.find("w" + std::to_string(count / 2));
        host.feed(Event::exited(first, host.view(first).generation, ExitHow::exited, 1));
        host.run();
        ASSERT_EQ(host.running(), count);
        ASSERT_EQ(host.steps() - before, 3 * std::uint64_t{count});
    });
}

TEST(supervision_scale, s65_ten_thousand_in_one_group) {
    Obedient host(row(10'000, Strategy::one_for_all));
    const ChildIndex first = host.find("w9999");
    host.feed(Event::exited(first, host.view(first).generation, ExitHow::exited, 1));
    host.run();
    EXPECT_EQ(host.running(), 10'000U);
}

}  // namespace
