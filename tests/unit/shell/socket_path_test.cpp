// SPDX-License-Identifier: Apache-2.0
/// Where the daemon listens: the order of the hints, and what is refused.
#include "daemon/shell/socket_path.hpp"

#include <gtest/gtest.h>

namespace backplane::shell {
namespace {

/// Everything is given; a test takes away from it.
PathHints all_hints() {
    PathHints hints;
    hints.argument = "/argument";
    hints.configured = "/configured";
    hints.environment = "/environment";
    hints.runtime_folder = "/runtime";
    hints.working_folder = "/here";
    hints.uid = 1000;
    return hints;
}

std::string chosen(const PathHints& hints) {
    const Expected<std::string> path = choose_socket_path(hints);
    return path ? *path : "error: " + path.error().detail;
}

TEST(SocketPath, FirstHintThatSpeaksWins) {
    PathHints hints = all_hints();
    EXPECT_EQ(chosen(hints), "/argument");
    hints.argument.clear();
    EXPECT_EQ(chosen(hints), "/configured");
    hints.configured.clear();
    EXPECT_EQ(chosen(hints), "/environment");
    hints.environment.clear();
    EXPECT_EQ(chosen(hints), "/runtime/backplane/backplane.sock");
    hints.uid = 0;
    EXPECT_EQ(chosen(hints), "/run/backplane/backplane.sock");
}

TEST(SocketPath, NoHintIsAClearError) {
    PathHints hints;
    hints.uid = 1000;
    const Expected<std::string> path = choose_socket_path(hints);
    ASSERT_FALSE(path);
    EXPECT_EQ(path.error().code, ErrorCode::usage);
    EXPECT_NE(path.error().detail.find("XDG_RUNTIME_DIR"), std::string::npos);
}

TEST(SocketPath, RelativePathIsMadeAbsoluteForWorkersRunElsewhere) {
    PathHints hints = all_hints();
    hints.argument = "s.sock";
    EXPECT_EQ(chosen(hints), "/here/s.sock");
}

TEST(SocketPath, WhatDoesNotFitAnAddressIsRefused) {
    PathHints hints = all_hints();
    hints.argument = "/" + std::string(socket_path_bytes_max - 1, 'x');
    EXPECT_EQ(chosen(hints), hints.argument);
    hints.argument.push_back('x');
    EXPECT_FALSE(choose_socket_path(hints));
    hints.argument = "/folder/";
    EXPECT_FALSE(choose_socket_path(hints));
    hints.argument = std::string{"/a\0b", 4};
    EXPECT_FALSE(choose_socket_path(hints));
}

TEST(SocketPath, FolderOf) {
    EXPECT_EQ(folder_of("/run/backplane/s"), "/run/backplane");
    EXPECT_EQ(folder_of("/s"), "/");
}

}  // namespace
}  // namespace backplane::shell
