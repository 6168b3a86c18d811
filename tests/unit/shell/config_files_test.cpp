// SPDX-License-Identifier: Apache-2.0
/// Which files make a configuration, and in which order.
#include "daemon/shell/config_files.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace {

using namespace backplane;
using namespace backplane::shell;

namespace fs = std::filesystem;

/// A folder of its own, which goes with it.
class config_files : public testing::Test {
  protected:
    config_files() {
        std::string pattern = (fs::temp_directory_path() / "backplane-files-XXXXXX").string();
        folder_ = mkdtemp(pattern.data());
    }
    ~config_files() override { fs::remove_all(folder_); }
    void write(const std::string& name, const std::string& text) {
        fs::create_directories((folder_ / name).parent_path());
        std::ofstream(folder_ / name) << text;
    }
    [[nodiscard]] std::string path(const std::string& name) const { return (folder_ / name).string(); }
    [[nodiscard]] std::string names() const {
        const auto files = read_config_files(path("b.json"));
        EXPECT_TRUE(files) << files.error().text();
        std::string all;
        for (const config::SourceFile& file : *files) {
            all += file.name.substr(folder_.string().size() + 1) + "=" + file.text + "\n";
        }
        return all;
    }

    fs::path folder_;
};

TEST_F(config_files, a_lone_one_needs_no_folder_beside_it) {
    write("b.json", "main");
    EXPECT_EQ(names(), "b.json=main\n");
    write("conf.d", "a file of that name");
    EXPECT_EQ(names(), "b.json=main\n");
}

TEST_F(config_files, those_of_the_folder_follow_in_the_order_of_their_names) {
    write("b.json", "main");
    write("conf.d/20-b.json", "2");
    write("conf.d/10-a.json", "1");
    write("conf.d/3.json", "3");
    write("conf.d/Z.json", "Z");
    EXPECT_EQ(names(), "b.json=main\nconf.d/10-a.json=1\nconf.d/20-b.json=2\nconf.d/3.json=3\nconf.d/Z.json=Z\n");
}

TEST_F(config_files, what_else_lies_there_is_left_alone) {
    write("b.json", "main");
    write("conf.d/a.json", "a");
    write("conf.d/a.json~", "backup");
    write("conf.d/.a.json", "hidden");
    write("conf.d/readme", "text");
    write("conf.d/folder.json/x.json", "below");
    fs::create_symlink("nowhere", folder_ / "conf.d/broken.json");
    fs::create_symlink("../elsewhere", folder_ / "conf.d/linked.json");
    write("elsewhere", "linked");
    EXPECT_EQ(names(), "b.json=main\nconf.d/a.json=a\nconf.d/linked.json=linked\n");
}

TEST_F(config_files, what_cannot_be_read_is_named) {
    auto files = read_config_files(path("none.json"));
    ASSERT_FALSE(files);
    EXPECT_EQ(files.error().code, ErrorCode::config_invalid);
    EXPECT_EQ(files.error().detail, "cannot read " + path("none.json") + ": No such file or directory");

    fs::create_directory(folder_ / "b.json");
    files = read_config_files(path("b.json"));
    ASSERT_FALSE(files);
    EXPECT_EQ(files.error().detail, "cannot read " + path("b.json") + ": Is a directory");
}

TEST_F(config_files, sixteen_mebibytes_in_all_are_the_bound) {
    const std::string nine(std::size_t{9} << 20, ' ');
    write("b.json", nine);
    EXPECT_TRUE(read_config_files(path("b.json")));
    write("conf.d/a.json", nine);
    EXPECT_EQ(read_config_files(path("b.json")).error().detail, path("conf.d/a.json") + " and the files before it have more than 16 MiB");
    write("b.json", nine + nine);
    EXPECT_EQ(read_config_files(path("b.json")).error().detail, path("b.json") + " is larger than 16 MiB");
}

}  // namespace
