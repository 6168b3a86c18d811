// SPDX-License-Identifier: Apache-2.0
/// `journal save` against a journal that is appended to, replaced and missing while it is saved.
#include "client/ctl/journal_save.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

namespace backplane::ctl {
namespace {

namespace fs = std::filesystem;

class JournalSave : public testing::Test {
  protected:
    JournalSave() {
        const auto* test = testing::UnitTest::GetInstance()->current_test_info();
        folder_ = fs::path{testing::TempDir()} / ("journal-save-" + std::string{test->name()});
        fs::remove_all(folder_);
        fs::create_directory(folder_);
        write(journal(), "the first journal");
    }
    ~JournalSave() override { fs::remove_all(folder_); }

    static void write(const std::string& path, std::string_view text) { std::ofstream{path, std::ios::binary} << text; }
    static std::string read(const std::string& path) {
        std::ifstream file{path, std::ios::binary};
        return {std::istreambuf_iterator<char>{file}, {}};
    }
    [[nodiscard]] std::string journal() const { return folder_ / "journal"; }
    [[nodiscard]] std::string copy() const { return folder_ / "copy"; }
    [[nodiscard]] DaemonInfo info(std::uint64_t bytes) const {
        DaemonInfo daemon;
        daemon.journal = journal();
        daemon.journal_bytes = bytes;
        return daemon;
    }
    /// As a compaction does.
    void replace(std::string_view text) const {
        write(journal() + ".new", text);
        fs::rename(journal() + ".new", journal());
    }

    fs::path folder_;
};

TEST_F(JournalSave, TakesAsMuchAsTheDaemonSaysAndNoMore) {
    const auto saved = save_journal([&] { return Expected<DaemonInfo>{info(9)}; }, copy(), false);
    ASSERT_TRUE(saved) << saved.error().text();
    EXPECT_EQ(saved->bytes, 9U);
    EXPECT_EQ(read(copy()), "the first");
    EXPECT_EQ(fs::status(copy()).permissions(), fs::perms::owner_read | fs::perms::owner_write);
}

TEST_F(JournalSave, OneThatWasReplacedMeanwhileIsNotMixedWithTheNext) {
    int asked = 0;
    const auto ask = [&]() -> Expected<DaemonInfo> {
        // Behind the opening of the first file comes a compaction, and the answer is about the second.
        if (++asked == 2) {
            replace("2nd, much longer than the first one was");
        }
        return info(asked < 2 ? 9 : 20);
    };
    const auto saved = save_journal(ask, copy(), false);
    ASSERT_TRUE(saved);
    EXPECT_EQ(read(copy()), "2nd, much longer tha");
    EXPECT_EQ(asked, 3);
}

TEST_F(JournalSave, OneThatIsAnotherEachTimeIsGivenUp) {
    int asked = 0;
    const auto ask = [&]() -> Expected<DaemonInfo> {
        replace("number " + std::to_string(++asked));
        return info(7);
    };
    const auto saved = save_journal(ask, copy(), false);
    ASSERT_FALSE(saved);
    EXPECT_EQ(saved.error().code, ErrorCode::system);
    EXPECT_FALSE(fs::exists(copy()));
}

TEST_F(JournalSave, AFileThatIsThereStaysUnlessForced) {
    write(copy(), "precious");
    const auto ask = [&] { return Expected<DaemonInfo>{info(9)}; };
    const auto refused = save_journal(ask, copy(), false);
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().detail.find("--force"), std::string::npos);
    EXPECT_EQ(read(copy()), "precious");
    ASSERT_TRUE(save_journal(ask, copy(), true));
    EXPECT_EQ(read(copy()), "the first");
    EXPECT_EQ(fs::status(copy()).permissions(), fs::perms::owner_read | fs::perms::owner_write);
}

TEST_F(JournalSave, AFailureLeavesNothingBehind) {
    write(copy(), "precious");
    const auto saved = save_journal([&] { return Expected<DaemonInfo>{info(1'000)}; }, copy(), true);
    ASSERT_FALSE(saved);
    EXPECT_NE(saved.error().detail.find("shorter than the daemon says"), std::string::npos);
    EXPECT_EQ(read(copy()), "precious");
    EXPECT_EQ(std::distance(fs::directory_iterator{folder_}, fs::directory_iterator{}), 2);
}

TEST_F(JournalSave, WithoutAJournalThereIsNothingToSave) {
    EXPECT_EQ(save_journal([] { return Expected<DaemonInfo>{DaemonInfo{}}; }, copy(), false).error().code, ErrorCode::not_supported);
    fs::remove(journal());
    EXPECT_EQ(save_journal([&] { return Expected<DaemonInfo>{info(9)}; }, copy(), false).error().code, ErrorCode::system);
    EXPECT_EQ(save_journal([] { return Expected<DaemonInfo>{unexpected(ErrorCode::unreachable, "x")}; }, copy(), false).error().code,
              ErrorCode::unreachable);
}

}  // namespace
}  // namespace backplane::ctl
