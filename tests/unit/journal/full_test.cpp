// SPDX-License-Identifier: Apache-2.0
/// The file system is full, at any point: new work is refused, deaths are still taken down out of the reserve, and when that is
/// used up the file says of itself that it is not complete. A limit on file sizes stands for the full file system, as posix_fallocate
/// fails on it likewise; where the machine lets us, a tiny tmpfs of our own is filled as well.
#include "daemon/journal/journal.hpp"
#include "tests/unit/journal/support.hpp"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace backplane::journal {
namespace {

using core::Event;
using core::EventKind;
using testing::read_all;
using testing::read_file;

/// While it lives no file grows beyond `bytes`.
class FileSizeLimit {
  public:
    explicit FileSizeLimit(std::size_t bytes) {
        before_handler_ = signal(SIGXFSZ, SIG_IGN);
        getrlimit(RLIMIT_FSIZE, &before_);
        rlimit limit = before_;
        limit.rlim_cur = bytes;
        setrlimit(RLIMIT_FSIZE, &limit);
    }
    FileSizeLimit(const FileSizeLimit&) = delete;
    FileSizeLimit& operator=(const FileSizeLimit&) = delete;
    ~FileSizeLimit() {
        setrlimit(RLIMIT_FSIZE, &before_);
        signal(SIGXFSZ, before_handler_);
    }

  private:
    rlimit before_{};
    void (*before_handler_)(int) = nullptr;
};

Event work(std::uint64_t number) { return Event::create(1, DeviceId::make(1, 1), false, number); }
Event death(std::uint64_t number) { return Event::exited(1, static_cast<std::uint32_t>(number), core::ExitHow::signalled, 9); }

/// Appends until it is broken. Answers what is wrong, or nothing.
std::string fill(Journal& journal, const std::string& path, std::uint64_t& taken) {
    const std::size_t before = read_all(*journal.reader()).events.size();
    taken = 0;
    while (journal.append(Instant{1}, work(taken))) {
        ++taken;
        if (taken > 10'000) {
            return "it never fills";
        }
    }
    if (!journal.is_full() || journal.is_broken()) {
        return "refused, and neither full nor open";
    }
    if (read_all(*journal.reader()).events.size() != before + taken) {
        return "what was taken before it was full is not all there";
    }
    std::uint64_t deaths = 0;
    while (journal.append(Instant{2}, death(deaths))) {
        ++deaths;
        ++taken;
        if (journal.append(Instant{2}, work(0))) {
            return "new work was taken out of the reserve";
        }
        if (deaths > 10'000) {
            return "the reserve has no end";
        }
    }
    if (deaths < testing::small_sizes.reserve / 64 - 1) {
        return "only " + std::to_string(deaths) + " deaths out of the reserve";
    }
    if (!journal.is_broken() || !journal.wants_compaction()) {
        return "the reserve is used up and it does not say so";
    }
    if (journal.append(Instant{3}, death(0))) {
        return "taken by a broken one";
    }
    return Reader::open(read_file(path)).has_value() ? "the file does not say that it is broken" : std::string{};
}

class FullTest : public testing::JournalTest {};

TEST_F(FullTest, EveryPointOfFailure) {
    std::uint64_t last = 0;
    for (std::size_t pages = 4; pages < 40; ++pages) {
        const FileSizeLimit limit(pages * 4096);
        auto made = Journal::create(path_, "image", testing::small_sizes);
        ASSERT_TRUE(made.has_value()) << made.error().detail;
        std::uint64_t taken = 0;
        EXPECT_EQ(fill(**made, path_, taken), "") << "limit of " << pages << " pages";
        EXPECT_GE(taken, last) << "limit of " << pages << " pages";
        last = taken;
    }
    EXPECT_GT(last, 2'000U);
}

TEST_F(FullTest, NoRoomToBegin) {
    for (std::size_t pages = 0; pages < 4; ++pages) {
        const FileSizeLimit limit(pages * 4096);
        const auto made = Journal::create(path_, "image", testing::small_sizes);
        ASSERT_FALSE(made.has_value());
        EXPECT_EQ(made.error().code, ErrorCode::system);
        EXPECT_TRUE(std::filesystem::is_empty(folder_)) << "nothing half made stays";
    }
}

TEST_F(FullTest, RoomComesBackByItself) {
    auto made = Journal::create(path_, {}, testing::small_sizes);
    ASSERT_TRUE(made.has_value());
    {
        const FileSizeLimit limit(16'384);
        while ((*made)->append(Instant{1}, work(1))) {
        }
        EXPECT_TRUE((*made)->is_full());
        EXPECT_TRUE((*made)->append(Instant{1}, death(1)));
    }
    EXPECT_TRUE((*made)->append(Instant{2}, work(2)));
    EXPECT_FALSE((*made)->is_full());
}

/// Broken, a new file is the only way out; what it begins with is whole again.
TEST_F(FullTest, CompactionEndsTheTrouble) {
    auto made = Journal::create(path_, {}, testing::small_sizes);
    ASSERT_TRUE(made.has_value());
    {
        const FileSizeLimit limit(16'384);
        std::uint64_t taken = 0;
        ASSERT_EQ(fill(**made, path_, taken), "");
        EXPECT_TRUE((*made)->compact("state").has_value()) << "a small image fits where the records did not";
        EXPECT_TRUE((*made)->append(Instant{4}, work(4)));
        ASSERT_EQ(fill(**made, path_, taken), "");
        EXPECT_FALSE((*made)->compact(std::string(20'000, 'i')).has_value());
        EXPECT_TRUE((*made)->is_broken()) << "as it was";
    }
    ASSERT_TRUE((*made)->compact("state").has_value());
    EXPECT_FALSE((*made)->is_broken());
    EXPECT_FALSE((*made)->is_full());
    EXPECT_FALSE(exists(path_ + ".1")) << "a broken one is not kept";
    ASSERT_TRUE((*made)->append(Instant{5}, work(5)));
    made->reset();
    const auto again = Journal::open(path_);
    ASSERT_TRUE(again.has_value());
    EXPECT_EQ((*again)->reader()->image(), "state");
}

TEST_F(FullTest, WhatMayBeRefused) {
    std::size_t refusable = 0;
    for (unsigned kind = 0; kind <= static_cast<unsigned>(EventKind::terminate); ++kind) {
        refusable += Journal::can_refuse(static_cast<EventKind>(kind)) ? 1U : 0U;
    }
    EXPECT_EQ(refusable, 5U);
    for (const EventKind kind : {EventKind::disconnect, EventKind::session_close, EventKind::exited, EventKind::group_empty,
                                 EventKind::spawned, EventKind::session_ack, EventKind::tick, EventKind::terminate}) {
        EXPECT_FALSE(Journal::can_refuse(kind));
    }
}

/// In a mount namespace of its own: 0 good, 77 not permitted, 1 wrong (said on stderr).
int fill_a_tmpfs(const std::string& folder, int filler_pages) {
    if (unshare(CLONE_NEWNS) != 0 || mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        mount("tmpfs", folder.c_str(), "tmpfs", 0, "size=256k,mode=0700") != 0) {
        return 77;
    }
    auto made = Journal::create(folder + "/journal", "image", testing::small_sizes);
    if (!made) {
        return 1;
    }
    const int fd = open((folder + "/filler").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || (filler_pages != 0 && posix_fallocate(fd, 0, filler_pages * 4096) != 0)) {
        return 1;
    }
    std::uint64_t taken = 0;
    const std::string wrong = fill(**made, folder + "/journal", taken);
    std::fprintf(stderr, "%s", wrong.c_str());
    // The other one's file goes: there is room again.
    if (!wrong.empty() || unlink((folder + "/filler").c_str()) != 0 || close(fd) != 0) {
        return 1;
    }
    if (filler_pages >= 8 && (!(*made)->compact("state") || !(*made)->append(Instant{9}, work(9)))) {
        std::fprintf(stderr, "no way back");
        return 1;
    }
    return 0;
}

TEST_F(FullTest, TinyTmpfs) {
    for (int filler_pages = 0; filler_pages < 50; filler_pages += 7) {
        const pid_t child = fork();
        ASSERT_GE(child, 0);
        if (child == 0) {
            _exit(fill_a_tmpfs(folder_, filler_pages));
        }
        int status = 0;
        ASSERT_EQ(waitpid(child, &status, 0), child);
        ASSERT_TRUE(WIFEXITED(status)) << "signal " << WTERMSIG(status) << " with " << filler_pages << " pages taken";
        if (WEXITSTATUS(status) == 77) {
            GTEST_SKIP() << "a tmpfs of our own cannot be mounted here";
        }
        EXPECT_EQ(WEXITSTATUS(status), 0) << filler_pages << " pages taken";
    }
}

}  // namespace
}  // namespace backplane::journal
