// SPDX-License-Identifier: Apache-2.0
/// The thread that waits so that the loop does not; run by ThreadSanitizer too.
#include "daemon/output/writer.hpp"

#include <poll.h>
#include <unistd.h>

#include <atomic>
#include <future>
#include <utility>

namespace backplane::output {
namespace {

constexpr int patience_ms = 20'000;

/// Notes what it gets, and waits where it is told to.
class Notes final : public Sink {
  public:
    Outcome write(std::string_view bytes) override {
        has_begun = true;
        if (gate.valid()) {
            gate.wait();
        }
        text.append(bytes);
        has_ended = true;
        return {bytes.size() / 2, bytes.empty() ? 0 : 28};
    }
    std::string text;
    std::shared_future<void> gate;
    std::atomic<bool> has_begun = false, has_ended = false;
};

std::vector<Written> take_until(Writer& writer, std::size_t count) {
    std::vector<Written> all, some;
    while (all.size() < count) {
        pollfd wake{writer.fd(), POLLIN, 0};
        if (poll(&wake, 1, patience_ms) != 1) {
            break;
        }
        writer.take(some);
        all.insert(all.end(), some.begin(), some.end());
    }
    return all;
}

TEST(Writer, PiecesAreWrittenInOrderAndTold) {
    Writer writer;
    const auto notes = std::make_shared<Notes>();
    std::string expected;
    for (std::uint64_t i = 0; i < 1000; ++i) {
        const std::string bytes = std::to_string(i) + "\n";
        expected += bytes;
        writer.write({i, bytes, notes});
    }
    const std::vector<Written> told = take_until(writer, 1000);
    ASSERT_EQ(told.size(), 1000U);
    for (std::uint64_t i = 0; i < 1000; ++i) {
        EXPECT_EQ(told[i].token, i);
        EXPECT_EQ(told[i].bytes, std::to_string(i).size() + 1);
        EXPECT_EQ(told[i].outcome.dropped, told[i].bytes / 2);
        EXPECT_EQ(told[i].outcome.error_number, 28);
    }
    EXPECT_TRUE(writer.finish(patience_ms));
    EXPECT_EQ(notes->text, expected);
}

TEST(Writer, NobodyWaitsForASinkThatHangs) {
    std::promise<void> gate;
    const auto notes = std::make_shared<Notes>();
    notes->gate = gate.get_future().share();
    Writer writer;
    writer.write({1, "stuck", notes});
    writer.write({2, "behind it", notes});
    EXPECT_FALSE(writer.finish(0));
    std::vector<Written> told;
    writer.take(told);
    EXPECT_TRUE(told.empty());
    gate.set_value();
    EXPECT_EQ(take_until(writer, 2).size(), 2U);
    EXPECT_TRUE(writer.finish(patience_ms));
}

TEST(Writer, EndsWhileASinkHangs) {
    std::promise<void> gate;
    const auto notes = std::make_shared<Notes>();
    notes->gate = gate.get_future().share();
    {
        Writer writer;
        writer.write({1, "stuck", notes});
        while (!notes->has_begun) {
            poll(nullptr, 0, 1);
        }
    }
    gate.set_value();  // the thread was left to itself, and finds all that it needs
    while (!notes->has_ended) {
        poll(nullptr, 0, 1);
    }
    EXPECT_EQ(notes->text, "stuck");
}

}  // namespace
}  // namespace backplane::output
