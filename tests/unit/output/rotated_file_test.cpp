// SPDX-License-Identifier: Apache-2.0
/// Files that are put aside when they are full, what is refused in their place, and a disk without room (X-10, threats).
#include "daemon/output/sink.hpp"
#include "tests/unit/output/support.hpp"

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace backplane::output {
namespace {

class RotatedFileTest : public testing::OutputTest {
  protected:
    static std::string lines(int from, int to) {
        std::string all;
        for (int i = from; i < to; ++i) {
            all += "line " + std::to_string(i) + "\n";
        }
        return all;
    }
};

/// As much as a file may have, for as long as this lives.
class FileLimit {
  public:
    explicit FileLimit(rlim_t bytes) {
        before_handler_ = signal(SIGXFSZ, SIG_IGN);
        getrlimit(RLIMIT_FSIZE, &before_);
        const rlimit limit{bytes, before_.rlim_max};
        setrlimit(RLIMIT_FSIZE, &limit);
    }
    FileLimit(const FileLimit&) = delete;
    FileLimit& operator=(const FileLimit&) = delete;
    ~FileLimit() {
        setrlimit(RLIMIT_FSIZE, &before_);
        signal(SIGXFSZ, before_handler_);
    }

  private:
    rlimit before_{};
    void (*before_handler_)(int) = SIG_DFL;
};

TEST_F(RotatedFileTest, WhatIsThereIsGoneOnWith) {
    std::ofstream{path("log")} << "before\n";
    RotatedFile file{path("log"), 4096, 2};
    ASSERT_EQ(file.open(), 0);
    EXPECT_EQ(file.write("after\n").dropped, 0U);
    EXPECT_EQ(text("log"), "before\nafter\n");
}

TEST_F(RotatedFileTest, IsTheDaemonsAndNotTheWorlds) {
    RotatedFile file{path("log"), 4096, 2};
    ASSERT_EQ(file.open(), 0);
    struct stat about {};
    ASSERT_EQ(stat(path("log").c_str(), &about), 0);
    EXPECT_EQ(about.st_mode & 0777U & ~0640U, 0U);
}

TEST_F(RotatedFileTest, LinesAreWholeAndNoneIsLost) {
    RotatedFile file{path("log"), 100, 1000};
    ASSERT_EQ(file.open(), 0);
    const std::string all = lines(0, 500);
    for (std::size_t at = 0; at < all.size(); at += 300) {  // pieces end anywhere; the writer's are whole lines, mostly
        const std::size_t end = std::min(all.rfind('\n', std::min(at + 300, all.size()) - 1) + 1, all.size());
        EXPECT_EQ(file.write(all.substr(at, end - at)).dropped, 0U);
        at = end - 300;
    }
    std::string found = text("log");
    EXPECT_LE(found.size(), 100U);
    for (int number = 1; exists("log." + std::to_string(number)); ++number) {
        const std::string part = text("log." + std::to_string(number));
        EXPECT_LE(part.size(), 100U);
        EXPECT_TRUE(part.ends_with('\n'));
        found = part + found;
    }
    EXPECT_EQ(found, all);
}

TEST_F(RotatedFileTest, OnlySoManyStay) {
    RotatedFile file{path("log"), 60, 2};
    ASSERT_EQ(file.open(), 0);
    for (int i = 0; i < 100; ++i) {
        EXPECT_EQ(file.write("this is line " + std::to_string(i) + "\n").dropped, 0U);
    }
    EXPECT_TRUE(exists("log") && exists("log.1") && exists("log.2"));
    EXPECT_FALSE(exists("log.3"));
    EXPECT_EQ(text("log.2") + text("log.1") + text("log"),
              "this is line 92\nthis is line 93\nthis is line 94\nthis is line 95\nthis is line 96\nthis is line 97\n"
              "this is line 98\nthis is line 99\n");
}

TEST_F(RotatedFileTest, NoneStaysWhereNoneIsToBeKept) {
    RotatedFile file{path("log"), 20, 0};
    ASSERT_EQ(file.open(), 0);
    EXPECT_EQ(file.write("1234567890\n").dropped, 0U);
    EXPECT_EQ(file.write("abcdefghij\n").dropped, 0U);
    EXPECT_EQ(text("log"), "abcdefghij\n");
    EXPECT_FALSE(exists("log.1"));
}

TEST_F(RotatedFileTest, ALineLongerThanAFileIsCut) {
    RotatedFile file{path("log"), 10, 100};
    ASSERT_EQ(file.open(), 0);
    EXPECT_EQ(file.write("0123456789abcdefghijXYZ\n").dropped, 0U);
    EXPECT_EQ(text("log.2") + text("log.1") + text("log"), "0123456789abcdefghijXYZ\n");
}

TEST_F(RotatedFileTest, WhatIsNoFileOfOursIsRefused) {
    std::ofstream{path("other")} << "precious\n";
    ASSERT_EQ(symlink(path("other").c_str(), path("symbolic").c_str()), 0);
    ASSERT_EQ(link(path("other").c_str(), path("hard").c_str()), 0);
    ASSERT_EQ(mkfifo(path("pipe").c_str(), 0600), 0);
    EXPECT_EQ((RotatedFile{path("symbolic"), 4096, 1}.open()), ELOOP);
    EXPECT_EQ((RotatedFile{path("hard"), 4096, 1}.open()), EMLINK);
    EXPECT_NE((RotatedFile{path("pipe"), 4096, 1}.open()), 0) << "and nobody has waited for a reader";
    EXPECT_EQ((RotatedFile{path("no/log"), 4096, 1}.open()), ENOENT);
    EXPECT_EQ((RotatedFile{folder_, 4096, 1}.open()), EISDIR);
    EXPECT_EQ(text("other"), "precious\n");
}

TEST_F(RotatedFileTest, AFolderThatIsExchangedLeadsNowhereElse) {
    std::filesystem::create_directory(path("logs"));
    std::filesystem::create_directory(path("elsewhere"));
    RotatedFile file{path("logs/log"), 10, 1};
    ASSERT_EQ(file.open(), 0);
    EXPECT_EQ(file.write("12345678\n").dropped, 0U);
    std::filesystem::rename(path("logs"), path("moved"));
    std::filesystem::create_symlink(path("elsewhere"), path("logs"));
    EXPECT_EQ(file.write("abcdefgh\n").dropped, 0U);
    EXPECT_EQ(text("moved/log.1"), "12345678\n");
    EXPECT_EQ(text("moved/log"), "abcdefgh\n");
    EXPECT_TRUE(std::filesystem::is_empty(path("elsewhere")));
}

TEST_F(RotatedFileTest, WhatHasNoRoomIsCountedAndTheNextLineIsWhole) {
    RotatedFile file{path("log"), 4096, 1};
    ASSERT_EQ(file.open(), 0);
    {
        const FileLimit limit{20};
        const Outcome outcome = file.write("1234567890\nabcdefghijklmnop\n");
        EXPECT_EQ(outcome.error_number, EFBIG);
        EXPECT_EQ(outcome.dropped, 8U);
        EXPECT_EQ(file.write("nothing\n").dropped, 8U);
        EXPECT_EQ(text("log"), "1234567890\nabcdefghi");
    }
    const Outcome outcome = file.write("again\n");
    EXPECT_EQ(outcome.dropped, 0U);
    EXPECT_EQ(outcome.error_number, 0);
    EXPECT_EQ(text("log"), "1234567890\nabcdefghi\nagain\n");
}

TEST_F(RotatedFileTest, WhatCannotBeMadeAnewIsNotPutAsideTwice) {
    RotatedFile file{path("log"), 10, 9};
    ASSERT_EQ(file.open(), 0);
    EXPECT_EQ(file.write("12345678\n").dropped, 0U);
    rlimit before{};
    getrlimit(RLIMIT_NOFILE, &before);
    const rlimit none{0, before.rlim_max};
    setrlimit(RLIMIT_NOFILE, &none);
    const Outcome first = file.write("abcdefgh\n");
    const Outcome second = file.write("ijklmnop\n");
    setrlimit(RLIMIT_NOFILE, &before);
    EXPECT_EQ(first.error_number, EMFILE);
    EXPECT_EQ(second.error_number, EMFILE);
    EXPECT_EQ(file.write("qrstuvwx\n").dropped, 0U);
    EXPECT_EQ(text("log"), "qrstuvwx\n");
    EXPECT_EQ(text("log.1"), "12345678\n");
    EXPECT_FALSE(exists("log.2"));
}

}  // namespace
}  // namespace backplane::output
