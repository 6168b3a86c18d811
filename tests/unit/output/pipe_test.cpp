// SPDX-License-Identifier: Apache-2.0
/// The pipe of an output: looked at where its bytes are, found again, and never broken.
#include "daemon/output/pipe.hpp"

#include <fcntl.h>
#include <unistd.h>

namespace backplane::output {
namespace {

using Seen = Looker::Seen;

void say(const process::Descriptor& to, const std::string& text) {
    ASSERT_EQ(write(to.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
}

TEST(Pipe, WhatIsSeenStaysUntilItIsTaken) {
    PipeEnds ends;
    ASSERT_EQ(make_pipe(ends), 0);
    Looker looker;
    std::string seen = "old";
    EXPECT_EQ(looker.look(ends.reading.get(), seen), Seen::nothing);
    say(ends.worker, "one\ntwo\n");
    for (int i = 0; i < 3; ++i) {
        ASSERT_EQ(looker.look(ends.reading.get(), seen), Seen::something);
        EXPECT_EQ(seen, "one\ntwo\n");
    }
    looker.take(ends.reading.get(), 4);
    ASSERT_EQ(looker.look(ends.reading.get(), seen), Seen::something);
    EXPECT_EQ(seen, "two\n");
    ends.worker.reset();
    EXPECT_EQ(looker.look(ends.reading.get(), seen), Seen::something) << "what is left comes before the end";
    looker.take(ends.reading.get(), 4);
    EXPECT_EQ(looker.look(ends.reading.get(), seen), Seen::end);
}

TEST(Pipe, AFullOneIsSeenWhole) {
    PipeEnds ends;
    ASSERT_EQ(make_pipe(ends), 0);
    ASSERT_EQ(fcntl(ends.worker.get(), F_SETFL, O_NONBLOCK), 0);
    std::string written;
    for (char next = 'a';; next = next == 'z' ? 'a' : static_cast<char>(next + 1)) {
        const std::string part(1000, next);
        const ssize_t went = write(ends.worker.get(), part.data(), part.size());
        if (went <= 0) {
            break;
        }
        written.append(part, 0, static_cast<std::size_t>(went));
    }
    Looker looker;
    std::string seen, all;
    while (looker.look(ends.reading.get(), seen) == Seen::something) {
        all += seen;
        looker.take(ends.reading.get(), seen.size());
    }
    EXPECT_EQ(all, written);
    EXPECT_GE(all.size(), 60'000U);
}

TEST(Pipe, ItIsFullAndNeverBrokenWithoutAReader) {
    PipeEnds ends;
    ASSERT_EQ(make_pipe(ends), 0);
    ends.reading.reset();
    say(ends.worker, "nobody reads this, and nobody is killed for it\n");
    const process::Descriptor found = find_pipe(getpid(), ends.worker.get());
    ASSERT_TRUE(found);
    Looker looker;
    std::string seen;
    ASSERT_EQ(looker.look(found.get(), seen), Seen::something);
    EXPECT_EQ(seen, "nobody reads this, and nobody is killed for it\n");
}

TEST(Pipe, AnybodyElsesIsLeftAlone) {
    int ends[2] = {-1, -1};
    ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
    const process::Descriptor reading{ends[0]}, writing{ends[1]}, null{open("/dev/null", O_RDWR | O_CLOEXEC)};
    EXPECT_FALSE(find_pipe(getpid(), writing.get())) << "a shell's, say";
    EXPECT_FALSE(find_pipe(getpid(), null.get()));
    EXPECT_FALSE(find_pipe(getpid(), 1'000'000));
    EXPECT_FALSE(find_pipe(0x7fff'fffe, 1));
}

TEST(Pipe, WhereOurOwnOutputGoesSomebodyElseReads) {
    PipeEnds ends;
    ASSERT_EQ(make_pipe(ends), 0);
    const process::Descriptor before{fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3)};
    ASSERT_EQ(dup2(ends.worker.get(), STDERR_FILENO), STDERR_FILENO);
    const process::Descriptor found = find_pipe(getpid(), ends.worker.get());
    dup2(before.get(), STDERR_FILENO);
    EXPECT_FALSE(found);
    EXPECT_TRUE(find_pipe(getpid(), ends.worker.get()));
}

}  // namespace
}  // namespace backplane::output
