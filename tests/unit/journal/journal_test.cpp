// SPDX-License-Identifier: Apache-2.0
/// The journal's file: made, written, read by the next daemon and gone on with; compacted; left alone where it is not ours.
#include "daemon/journal/journal.hpp"

#include "daemon/journal/place.hpp"
#include "tests/unit/journal/support.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace backplane::journal {
namespace {

using testing::expect_same;
using testing::read_all;
using testing::read_file;
using testing::small_sizes;
using testing::write_file;

class JournalFileTest : public testing::JournalTest {
  protected:
    std::unique_ptr<Journal> make(std::string_view image = {}) {
        auto made = Journal::create(path_, image, small_sizes);
        EXPECT_TRUE(made.has_value()) << made.error().detail;
        return std::move(*made);
    }
    /// As the next daemon does.
    std::unique_ptr<Journal> open_again(std::size_t events) {
        auto opened = Journal::open(path_, small_sizes);
        EXPECT_TRUE(opened.has_value()) << opened.error().detail;
        const auto reader = (*opened)->reader();
        EXPECT_TRUE(reader.has_value()) << reader.error().detail;
        const auto all = read_all(*reader);
        EXPECT_EQ(all.events.size(), events);
        EXPECT_EQ(all.ending, Ending::whole);
        EXPECT_TRUE((*opened)->go_on(all.place).has_value());
        return std::move(*opened);
    }
    core::Event tick(std::uint64_t number, std::string_view text = {}) const {
        core::Event event = core::Event::of(core::EventKind::tick);
        event.number = number;
        event.text = text;
        return event;
    }
};

TEST_F(JournalFileTest, NextDaemonReadsWhatWasAppended) {
    const std::vector<core::Event> events = testing::every_kind();
    auto journal = make("image");
    for (const core::Event& event : events) {
        ASSERT_TRUE(journal->append(Instant{5}, event));
    }
    const std::uint64_t used = journal->used();
    journal.reset();  // the mapping goes with the process; nothing was flushed, closed or said
    auto again = open_again(events.size());
    EXPECT_EQ(again->used(), used);
    ASSERT_TRUE(again->append(Instant{6}, tick(1)));
    EXPECT_EQ(read_all(*again->reader()).events.size(), events.size() + 1);
    EXPECT_EQ(again->reader()->image(), "image");
}

TEST_F(JournalFileTest, FileIsPrivateAndAlone) {
    (void)make();
    struct stat info {};
    ASSERT_EQ(stat(path_.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 07777, 0600U);
    EXPECT_GE(static_cast<std::size_t>(info.st_blocks) * 512, static_cast<std::size_t>(info.st_size)) << "allocated before it is mapped";
    EXPECT_FALSE(exists(path_ + ".new"));
}

TEST_F(JournalFileTest, GrowsAndStaysReadable) {
    auto journal = make();
    const std::string text(1'000, 'x');
    for (std::uint64_t i = 0; i < 500; ++i) {
        ASSERT_TRUE(journal->append(Instant{static_cast<std::int64_t>(i)}, tick(i, text)));
    }
    EXPECT_TRUE(journal->append(Instant{500}, tick(500, std::string(100'000, 'y')))) << "longer than a step";
    EXPECT_FALSE(journal->is_full());
    const auto all = read_all(*journal->reader());
    ASSERT_EQ(all.events.size(), 501U);
    for (std::uint64_t i = 0; i < 500; ++i) {
        ASSERT_EQ(all.events[i].number, i);
        ASSERT_EQ(all.texts[i], text);
    }
    EXPECT_EQ(all.texts[500].size(), 100'000U);
    struct stat info {};
    ASSERT_EQ(stat(path_.c_str(), &info), 0);
    EXPECT_GE(static_cast<std::size_t>(info.st_blocks) * 512, static_cast<std::size_t>(info.st_size));
}

/// What a killed writer left behind the last record is cleared: a shorter record that follows must not be followed by its rest.
TEST_F(JournalFileTest, GoingOnClearsWhatLiesBehind) {
    auto journal = make();
    ASSERT_TRUE(journal->append(Instant{1}, tick(1)));
    const std::uint64_t place = journal->used();
    ASSERT_TRUE(journal->append(Instant{2}, tick(2, std::string(300, '\x48'))));
    journal.reset();
    std::string bytes = read_file(path_);
    bytes.replace(place, 4, 4, '\0');  // killed before the size
    write_file(path_, bytes);
    auto again = open_again(1);
    ASSERT_TRUE(again->append(Instant{3}, tick(3)));
    const auto all = read_all(*again->reader());
    EXPECT_EQ(all.events.size(), 2U);
    EXPECT_EQ(all.ending, Ending::whole);
    bytes = read_file(path_);
    EXPECT_EQ(bytes.find_first_not_of('\0', again->used()), std::string::npos);
}

TEST_F(JournalFileTest, CompactionKeepsTheOldOneAndTheSlot) {
    auto journal = make("first");
    ASSERT_TRUE(journal->append(Instant{1}, tick(1)));
    journal->slot() = SpawnSlot{3, 4, 5, 0};
    ASSERT_TRUE(journal->compact("second").has_value());
    EXPECT_EQ(journal->slot().pid, 5);
    ASSERT_TRUE(journal->append(Instant{2}, tick(2)));
    journal.reset();
    const std::string kept = read_file(path_ + ".1");
    const auto old = Reader::open(kept);
    ASSERT_TRUE(old.has_value());
    EXPECT_EQ(old->image(), "first");
    EXPECT_EQ(read_all(*old).events.size(), 1U);
    auto again = open_again(1);
    EXPECT_EQ(again->reader()->image(), "second");
    EXPECT_EQ(again->slot().pid, 5);
    ASSERT_TRUE(again->compact("third").has_value()) << "what was kept before makes room";
    EXPECT_EQ(Reader::open(read_file(path_ + ".1")).has_value(), true);
    EXPECT_FALSE(exists(path_ + ".new"));
}

TEST_F(JournalFileTest, CompactionWritesTheOneBeforeTheLastAnew) {
    const auto inode = [](const std::string& path) {
        struct stat info {};
        return stat(path.c_str(), &info) == 0 ? info.st_ino : 0;
    };
    auto journal = make(std::string(3'000, 'a'));
    const auto first = inode(path_);
    for (int i = 0; i < 500; ++i) {
        ASSERT_TRUE(journal->append(Instant{1}, tick(1)));
    }
    ASSERT_TRUE(journal->compact("second").has_value());
    EXPECT_NE(inode(path_), first);
    ASSERT_TRUE(journal->append(Instant{2}, tick(2)));
    ASSERT_TRUE(journal->compact("third").has_value());
    EXPECT_EQ(inode(path_), first) << "its pages are there already";
    ASSERT_TRUE(journal->append(Instant{3}, tick(3)));
    const std::string bytes = read_file(path_);
    const auto reader = Reader::open(bytes);
    ASSERT_TRUE(reader.has_value());
    EXPECT_EQ(reader->image(), "third");
    const auto all = read_all(*reader);
    EXPECT_EQ(all.ending, Ending::whole) << "nothing of the longer one that it was shows through";
    ASSERT_EQ(all.events.size(), 1U);
    EXPECT_EQ(Reader::open(read_file(path_ + ".1"))->image(), "second");

    // One that somebody else put there is not ours to write into.
    const auto second = inode(path_ + ".1");
    std::filesystem::remove(path_ + ".1");
    write_file(path_ + ".1", "a stranger's");
    std::filesystem::create_hard_link(path_ + ".1", folder_ + "/his");
    ASSERT_TRUE(journal->compact(std::string(90'000, 'd')).has_value());
    EXPECT_NE(inode(path_), second);
    EXPECT_EQ(read_file(folder_ + "/his"), "a stranger's");
    ASSERT_TRUE(journal->compact(std::string(300'000, 'e')).has_value()) << "it grows where the new image is larger";
    EXPECT_EQ(Reader::open(read_file(path_))->image().size(), 300'000U);
    std::filesystem::remove(folder_ + "/his");
}

/// Whatever a writer was doing when it was killed, the next daemon finds a journal that it takes, and in it all that was appended
/// before: `said` is told after each append, as effects leave after it.
TEST_F(JournalFileTest, KilledInTheMidstOfAnything) {
    void* shared = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ASSERT_NE(shared, MAP_FAILED);
    auto* const said = static_cast<volatile std::uint64_t*>(shared);
    std::uint64_t compacted = 0;
    for (int round = 0; round < 150; ++round) {
        (void)make("0");
        *said = 0;
        const pid_t child = fork();
        ASSERT_GE(child, 0);
        if (child == 0) {
            auto opened = Journal::open(path_, small_sizes);
            for (std::uint64_t i = 1; opened && (*opened)->go_on(head_bytes + 8); ++i) {
                for (; (*opened)->append(Instant{1}, tick(i)); ++i) {
                    *said = i;
                    if (i % 7 == 0 && !(*opened)->compact(std::to_string(i))) {
                        _exit(1);
                    }
                }
            }
            _exit(1);
        }
        const std::uint64_t until = static_cast<std::uint64_t>(round) * 3 + 1;
        while (*said < until) {
        }
        ASSERT_EQ(kill(child, SIGKILL), 0);
        int status = 0;
        ASSERT_EQ(waitpid(child, &status, 0), child);
        ASSERT_TRUE(WIFSIGNALED(status));
        auto opened = Journal::open(path_, small_sizes);
        ASSERT_TRUE(opened.has_value()) << opened.error().detail;
        const auto reader = (*opened)->reader();
        ASSERT_TRUE(reader.has_value()) << reader.error().detail;
        const auto all = read_all(*reader);
        EXPECT_EQ(all.ending, Ending::whole);
        const std::uint64_t last = std::stoull(std::string{reader->image()}) + all.events.size();
        EXPECT_GE(last, *said);
        EXPECT_LE(last, *said + 1);
        compacted += reader->image() != "0" ? 1U : 0U;
        struct stat info {};
        ASSERT_EQ(stat(path_.c_str(), &info), 0);
        EXPECT_EQ(info.st_nlink, 1U);
    }
    EXPECT_GT(compacted, 100U);
    munmap(shared, 4096);
}

TEST_F(JournalFileTest, CompactionThatFailsLeavesAllAsItWas) {
    auto journal = make("first");
    ASSERT_TRUE(journal->append(Instant{1}, tick(1)));
    ASSERT_EQ(mkdir((path_ + ".new").c_str(), 0700), 0);  // its place is taken
    EXPECT_FALSE(journal->compact("second").has_value());
    EXPECT_FALSE(exists(path_ + ".1"));
    ASSERT_TRUE(journal->append(Instant{2}, tick(2)));
    journal.reset();
    auto again = open_again(2);
    EXPECT_EQ(again->reader()->image(), "first");
}

TEST_F(JournalFileTest, WantsCompactionByItsSizes) {
    auto journal = make(std::string(8'000, 'i'));
    while (journal->used() < head_bytes + 8'000 + 4 * 8'000) {
        EXPECT_FALSE(journal->wants_compaction()) << "at " << journal->used();
        ASSERT_TRUE(journal->append(Instant{1}, tick(1)));
    }
    for (int i = 0; i < 3 && !journal->wants_compaction(); ++i) {
        ASSERT_TRUE(journal->append(Instant{1}, tick(1)));
    }
    EXPECT_TRUE(journal->wants_compaction());
    ASSERT_TRUE(journal->compact("small").has_value());
    EXPECT_FALSE(journal->wants_compaction());
}

TEST_F(JournalFileTest, RemovalLeavesNothing) {
    auto journal = make();
    ASSERT_TRUE(journal->compact("x").has_value());
    journal->remove();
    journal.reset();
    EXPECT_TRUE(std::filesystem::is_empty(folder_));
    EXPECT_EQ(Journal::open(path_).error().code, ErrorCode::not_found);
}

// ---- files that are not ours, or not of now --------------------------------------------------------------------------------

TEST_F(JournalFileTest, ForeignFilesAreLeftAlone) {
    (void)make("image");
    const std::string whole = read_file(path_);
    const auto refused = [&](const char* what) {
        const auto opened = Journal::open(path_);
        ASSERT_FALSE(opened.has_value()) << what;
        EXPECT_EQ(opened.error().code, ErrorCode::system) << what;
    };
    for (const mode_t mode : {0604U, 0640U, 0620U, 0601U}) {
        ASSERT_EQ(chmod(path_.c_str(), mode), 0);
        refused("others may read or write it");
    }
    ASSERT_EQ(chmod(path_.c_str(), 0600), 0);
    ASSERT_EQ(link(path_.c_str(), (path_ + ".hard").c_str()), 0);
    refused("a hard link");
    EXPECT_EQ(read_file(path_), whole);
    ASSERT_EQ(unlink((path_ + ".hard").c_str()), 0);
    EXPECT_TRUE(Journal::open(path_).has_value());
    ASSERT_EQ(rename(path_.c_str(), (path_ + ".real").c_str()), 0);
    ASSERT_EQ(symlink((path_ + ".real").c_str(), path_.c_str()), 0);
    refused("a symbolic link");
    EXPECT_EQ(read_file(path_ + ".real"), whole);
    ASSERT_EQ(unlink(path_.c_str()), 0);
    ASSERT_EQ(mkdir(path_.c_str(), 0700), 0);
    refused("a folder");
    ASSERT_EQ(rmdir(path_.c_str()), 0);
    ASSERT_EQ(mkfifo(path_.c_str(), 0600), 0);
    refused("a pipe, which must not be waited for");
    ASSERT_EQ(unlink(path_.c_str()), 0);
    if (geteuid() == 0) {
        write_file(path_, whole);
        ASSERT_EQ(chmod(path_.c_str(), 0600), 0);
        ASSERT_EQ(chown(path_.c_str(), 65534, 65534), 0);
        refused("another's");
        EXPECT_EQ(read_file(path_), whole);
    }
}

/// A link that lies where the new file is made, or where the journal is to be, is replaced and never followed.
TEST_F(JournalFileTest, NoLinkIsFollowedWhenOneIsMade) {
    write_file(folder_ + "/victim", "precious");
    ASSERT_EQ(symlink((folder_ + "/victim").c_str(), (path_ + ".new").c_str()), 0);
    ASSERT_EQ(symlink((folder_ + "/victim").c_str(), path_.c_str()), 0);
    ASSERT_EQ(symlink((folder_ + "/victim").c_str(), (path_ + ".1").c_str()), 0);
    auto journal = make("image");
    ASSERT_TRUE(journal->compact("again").has_value());
    EXPECT_EQ(read_file(folder_ + "/victim"), "precious");
    EXPECT_TRUE(std::filesystem::is_regular_file(std::filesystem::symlink_status(path_)));
}

TEST_F(JournalFileTest, AnotherBootsIsRefused) {
    (void)make("image");
    std::string bytes = read_file(path_);
    Head head;
    std::memcpy(static_cast<void*>(&head), bytes.data(), sizeof head);
    ASSERT_EQ(boot_id(), head.boot_id);
    head.boot_id[0] = head.boot_id[0] == '0' ? '1' : '0';
    head.sum = head_sum(head);
    bytes.replace(0, sizeof head, reinterpret_cast<const char*>(&head), sizeof head);
    write_file(path_, bytes);
    const auto opened = Journal::open(path_);
    ASSERT_FALSE(opened.has_value());
    EXPECT_EQ(opened.error().code, ErrorCode::corrupt_image);
    EXPECT_NE(opened.error().detail.find("boot"), std::string::npos);
}

TEST_F(JournalFileTest, ShortOnesAreRefused) {
    for (const std::size_t size : {std::size_t{0}, std::size_t{1}, head_bytes - 1}) {
        write_file(path_, std::string(size, '\0'));
        ASSERT_EQ(chmod(path_.c_str(), 0600), 0);
        const auto opened = Journal::open(path_);
        ASSERT_FALSE(opened.has_value());
        EXPECT_EQ(opened.error().code, ErrorCode::corrupt_image);
    }
}

/// A file of any length: whatever the reader takes can be gone on from within it.
TEST_F(JournalFileTest, AnyLengthIsGoneOnFromOrRefused) {
    const std::string bytes = testing::journal_bytes(path_, "12345", testing::every_kind());
    for (std::size_t size = head_bytes; size < head_bytes + 400; ++size) {
        write_file(path_, bytes.substr(0, size));
        auto opened = Journal::open(path_, small_sizes);
        ASSERT_TRUE(opened.has_value());
        const auto reader = (*opened)->reader();
        if (!reader) {
            continue;
        }
        const auto all = read_all(*reader);
        ASSERT_LE(all.place, size);
        ASSERT_TRUE((*opened)->go_on(all.place).has_value());
        ASSERT_TRUE((*opened)->append(Instant{9'999}, tick(1)));
        ASSERT_EQ(read_all(*(*opened)->reader()).events.size(), all.events.size() + 1);
    }
}

}  // namespace
}  // namespace backplane::journal
