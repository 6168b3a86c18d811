// SPDX-License-Identifier: Apache-2.0
/// Readiness as sd_notify speaks it (X-3, decision 20; threats: descriptors pushed, hostile text).
#include "daemon/process/notify_socket.hpp"
#include "tests/unit/process/support.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace backplane::process {
namespace {

class NotifyTest : public testing::ProcessTest {
  protected:
    /// Sends one datagram, and a descriptor with it where one is named.
    static bool send(const std::string& path, std::string_view text, int descriptor = -1) {
        const Descriptor from{socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
        sockaddr_un to{};
        to.sun_family = AF_UNIX;
        std::memcpy(to.sun_path, path.c_str(), path.size() + 1);
        std::string bytes{text};
        iovec piece{bytes.data(), bytes.size()};
        alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
        msghdr message{};
        message.msg_name = &to;
        message.msg_namelen = sizeof to;
        message.msg_iov = &piece;
        message.msg_iovlen = 1;
        if (descriptor >= 0) {
            message.msg_control = control;
            message.msg_controllen = sizeof control;
            cmsghdr* header = CMSG_FIRSTHDR(&message);
            header->cmsg_level = SOL_SOCKET;
            header->cmsg_type = SCM_RIGHTS;
            header->cmsg_len = CMSG_LEN(sizeof(int));
            std::memcpy(CMSG_DATA(header), &descriptor, sizeof(int));
        }
        return sendmsg(from.get(), &message, 0) == static_cast<ssize_t>(text.size());
    }
};

Notification parsed(std::string_view text) {
    Notification said;
    EXPECT_TRUE(parse_notification(text, said));
    return said;
}

TEST(NotifyText, X3_KnownLinesCountAndAllOthersAreSkipped) {
    const Notification said = parsed("READY=1\nMAINPID=1\nSTATUS=serving 3 clients\nX=\n\n=\nFDSTORE=1");
    EXPECT_TRUE(said.ready);
    EXPECT_FALSE(said.stopping || said.watchdog || said.reloading || said.failing);
    EXPECT_EQ(said.status, "serving 3 clients");
    EXPECT_TRUE(parsed("WATCHDOG=1").watchdog);
    EXPECT_TRUE(parsed("WATCHDOG=trigger").failing);
    EXPECT_TRUE(parsed("STOPPING=1\n").stopping);
    EXPECT_TRUE(parsed("RELOADING=1").reloading);
    EXPECT_TRUE(parsed("READY=0\nREADY=11\n READY=1\nready=1\nREADY=1 ").says_nothing());
    EXPECT_TRUE(parsed("").says_nothing());
}

TEST(NotifyText, HostileStatusIsCleanedCutOrIgnored) {
    EXPECT_EQ(parsed("STATUS=a\x1b[31mb\x7f\xc2\x85").status, "a?[31mb??");
    EXPECT_EQ(parsed("STATUS=gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x90\x99").status, "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x90\x99");
    for (const char* bad : {"\xff", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "ok\xe2\x82", "\x80"}) {
        EXPECT_FALSE(parsed(std::string{"STATUS="} + bad).status.has_value()) << bad;
    }
    const std::string wide = "STATUS=" + std::string(notify_status_bytes_max - 1, 'x') + "\xc3\xbc" + "tail";
    EXPECT_EQ(parsed(wide).status, std::string(notify_status_bytes_max - 1, 'x'));
    EXPECT_EQ(parsed("STATUS=").status, "");
    Notification said;
    EXPECT_FALSE(parse_notification(std::string_view{"READY=1\0\n", 9}, said));
    EXPECT_TRUE(said.says_nothing());
}

TEST_F(NotifyTest, Decision20_WhatIsSentIsGatheredAndReadInTurns) {
    NotifySocket notify;
    ASSERT_EQ(notify.open(path("n")), 0);
    EXPECT_TRUE(notify.read(10).says_nothing());
    ASSERT_TRUE(send(path("n"), "STATUS=one"));
    ASSERT_TRUE(send(path("n"), "STATUS=two"));
    ASSERT_TRUE(send(path("n"), "READY=1"));
    const Notification first = notify.read(2);
    EXPECT_EQ(first.status, "two");
    EXPECT_FALSE(first.ready);
    EXPECT_TRUE(notify.read(2).ready);
}

TEST_F(NotifyTest, T10_ReadyStaysInTheSocketUntilItIsTaken) {
    NotifySocket notify;
    ASSERT_EQ(notify.open(path("n")), 0);
    ASSERT_TRUE(send(path("n"), "STATUS=one"));
    ASSERT_TRUE(send(path("n"), "READY=1"));
    ASSERT_TRUE(send(path("n"), "STATUS=behind"));
    EXPECT_EQ(notify.read(9).status, "one");
    NotifySocket next;  // the program after the one that read it and died before it could say so
    ASSERT_TRUE(next.take_over(dup(notify.fd()), path("n")));
    EXPECT_TRUE(next.read(9).ready);
    next.take_ready();
    const Notification rest = notify.read(9);
    EXPECT_FALSE(rest.ready);
    EXPECT_EQ(rest.status, "behind");
}

TEST_F(NotifyTest, T10_ASocketThatIsBoundElsewhereIsNotTakenOver) {
    NotifySocket old;
    ASSERT_EQ(old.open(path("old")), 0);
    NotifySocket taken;
    EXPECT_FALSE(taken.take_over(dup(old.fd()), path("new")));
    EXPECT_FALSE(taken.is_open());
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    const Descriptor writer{ends[1]};
    EXPECT_FALSE(taken.take_over(ends[0], path("new")));
    EXPECT_TRUE(std::filesystem::exists(path("old")));
}

TEST_F(NotifyTest, OversizedAndBinaryDatagramsAreDroppedWholeAndCounted) {
    NotifySocket notify;
    ASSERT_EQ(notify.open(path("n")), 0);
    std::string fits = "READY=1\n";
    fits.resize(notify_bytes_max, 'x');
    ASSERT_TRUE(send(path("n"), fits + "y"));
    EXPECT_TRUE(notify.read(9).says_nothing());
    ASSERT_TRUE(send(path("n"), std::string_view{"READY=1\n\0", 9}));
    EXPECT_TRUE(notify.read(9).says_nothing());
    EXPECT_EQ(notify.dropped(), 2U);
    ASSERT_TRUE(send(path("n"), fits));
    EXPECT_TRUE(notify.read(9).ready);
}

TEST_F(NotifyTest, Threats_DescriptorsPushedAreClosedAndNotCollected) {
    NotifySocket notify;
    ASSERT_EQ(notify.open(path("n")), 0);
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    const Descriptor reader{ends[0]};
    Descriptor writer{ends[1]};
    ASSERT_TRUE(send(path("n"), "BARRIER=1", writer.get()));
    writer.reset();
    const auto before = testing::open_descriptors();
    EXPECT_TRUE(notify.read(9).says_nothing());
    EXPECT_EQ(testing::open_descriptors(), before);
    // The barrier of sd_notify: whoever sent the descriptor sees it closed, and so knows that we have read so far.
    ASSERT_TRUE(testing::wait_readable(reader.get()));
    char byte = 0;
    EXPECT_EQ(::read(reader.get(), &byte, 1), 0);
}

TEST_F(NotifyTest, ThePathIsPrivateGoesWithTheSocketAndReplacesOnlyDeadSockets) {
    {
        NotifySocket notify;
        ASSERT_EQ(notify.open(path("n")), 0);
        struct stat found {};
        ASSERT_EQ(stat(path("n").c_str(), &found), 0);
        EXPECT_EQ(found.st_mode & 0777U, 0600U);
        NotifySocket moved{std::move(notify)};
        EXPECT_TRUE(std::filesystem::exists(path("n")));
        NotifySocket again;
        EXPECT_EQ(again.open(path("n")), 0);
    }
    EXPECT_FALSE(std::filesystem::exists(path("n")));
    NotifySocket refused;
    std::ofstream{path("file")} << "kept";
    EXPECT_EQ(refused.open(path("file")), EADDRINUSE);
    std::filesystem::create_symlink(path("elsewhere"), path("link"));
    EXPECT_EQ(refused.open(path("link")), EADDRINUSE);
    EXPECT_EQ(testing::text_of(path("file")), "kept");
    EXPECT_EQ(refused.open(path(std::string(108, 'n'))), ENAMETOOLONG);
    EXPECT_EQ(refused.open("relative"), EINVAL);
    EXPECT_EQ(refused.open(path("missing/n")), ENOENT);
    EXPECT_FALSE(refused.is_open());
}

}  // namespace
}  // namespace backplane::process
