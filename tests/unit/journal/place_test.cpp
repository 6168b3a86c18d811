// SPDX-License-Identifier: Apache-2.0
/// Where a journal lies (decision 26).
#include "daemon/journal/place.hpp"

#include "tests/unit/journal/support.hpp"

#include <sys/stat.h>
#include <unistd.h>

namespace backplane::journal {
namespace {

class PlaceTest : public testing::JournalTest {
  protected:
    void SetUp() override {
        JournalTest::SetUp();
        was_there_ = exists(shared_);
    }
    void TearDown() override {
        if (!was_there_) {
            rmdir(shared_.c_str());  // where it is somebody's meanwhile it is not empty
        }
        JournalTest::TearDown();
    }
    static std::string folder_of(const std::string& path) { return path.substr(0, path.rfind('/')); }
    std::string choose(const std::string& socket, const std::string& runtime = {}) {
        const auto path = Journal::choose_path(socket, runtime);
        EXPECT_TRUE(path.has_value()) << path.error().detail;
        return path ? *path : std::string{};
    }
    std::string make_folder(const std::string& name, mode_t mode) {
        EXPECT_EQ(mkdir((folder_ + name).c_str(), mode), 0);
        EXPECT_EQ(chmod((folder_ + name).c_str(), mode), 0);
        return folder_ + name;
    }
    const std::string shared_ = "/dev/shm/backplane-" + std::to_string(geteuid());
    bool was_there_ = false;
};

TEST_F(PlaceTest, RuntimeDirectoryComesFirst) {
    const std::string runtime = make_folder("/run", 0755);
    const std::string beside = make_folder("/beside", 0755);
    EXPECT_EQ(folder_of(choose(beside + "/socket", runtime)), runtime);
    EXPECT_EQ(folder_of(choose(beside + "/socket", runtime + ":/var/other")), runtime) << "the first of several";
    EXPECT_EQ(folder_of(choose(beside + "/socket", folder_ + "/none")), beside);
    EXPECT_EQ(folder_of(choose(beside + "/socket")), beside);
}

/// Where others may put files, or on a disk, nothing is kept.
TEST_F(PlaceTest, OthersFoldersAndDisksAreNot) {
    const std::string open_to_all = make_folder("/all", 0777);
    const std::string of_group = make_folder("/group", 0775);
    const std::string real = make_folder("/real", 0700);
    ASSERT_EQ(symlink(real.c_str(), (folder_ + "/link").c_str()), 0);
    EXPECT_EQ(folder_of(choose(open_to_all + "/socket")), shared_);
    EXPECT_EQ(folder_of(choose(real + "/socket", of_group)), real);
    EXPECT_EQ(folder_of(choose(real + "/socket", folder_ + "/link")), real) << "a link may be another's word";
    EXPECT_EQ(folder_of(choose("/proc/socket")), shared_);
    struct stat info {};
    ASSERT_EQ(stat(shared_.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 07777, 0700U);
    if (geteuid() == 0) {
        ASSERT_EQ(chown(real.c_str(), 65534, 65534), 0);
        EXPECT_EQ(folder_of(choose(real + "/socket")), shared_) << "another's";
    }
}

TEST_F(PlaceTest, OneSocketOneJournal) {
    const std::string real = make_folder("/real", 0700);
    ASSERT_EQ(symlink(real.c_str(), (folder_ + "/link").c_str()), 0);
    EXPECT_EQ(choose(real + "/socket", real), choose(folder_ + "/link/socket", real)) << "two ways to one socket";
    EXPECT_EQ(choose(real + "/socket", real), choose(real + "/../real/socket", real));
    EXPECT_NE(choose(real + "/socket", real), choose(real + "/socket2", real));
    EXPECT_NE(choose(real + "/socket", real), choose(folder_ + "/socket", real)) << "of one name in two folders";
}

TEST_F(PlaceTest, BootIdIsTheKernels) {
    EXPECT_EQ(boot_id().size(), 36U);
    EXPECT_EQ(boot_id(), testing::read_file("/proc/sys/kernel/random/boot_id").substr(0, 36));
}

}  // namespace
}  // namespace backplane::journal
