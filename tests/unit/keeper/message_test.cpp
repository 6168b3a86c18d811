// SPDX-License-Identifier: Apache-2.0
/// The messages between keeper and daemon: what is sent is received, what is not one message with one descriptor is thrown away whole.
#include "daemon/keeper/message.hpp"
#include "tests/unit/keeper/support.hpp"

#include <string>

namespace backplane::keeper {
namespace {

class KeeperMessageTest : public ::testing::Test {
  protected:
    KeeperMessageTest() { EXPECT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends_), 0); }
    ~KeeperMessageTest() override {
        close_one(ends_[0]);
        close_one(ends_[1]);
    }

    /// Any packet, with as many copies of a descriptor.
    void send_packet(const std::string& bytes, int descriptors) {
        std::string copy = bytes;
        iovec part{copy.data(), copy.size()};
        alignas(cmsghdr) char space[CMSG_SPACE(8 * sizeof(int))] = {};
        msghdr packet{};
        packet.msg_iov = &part;
        packet.msg_iovlen = 1;
        if (descriptors > 0) {
            packet.msg_control = space;
            packet.msg_controllen = CMSG_SPACE(static_cast<std::size_t>(descriptors) * sizeof(int));
            cmsghdr* const head = CMSG_FIRSTHDR(&packet);
            head->cmsg_level = SOL_SOCKET;
            head->cmsg_type = SCM_RIGHTS;
            head->cmsg_len = CMSG_LEN(static_cast<std::size_t>(descriptors) * sizeof(int));
            for (int n = 0; n < descriptors; ++n) {
                std::memcpy(CMSG_DATA(head) + static_cast<std::size_t>(n) * sizeof(int), &ends_[0], sizeof(int));
            }
        }
        ASSERT_GE(sendmsg(ends_[0], &packet, MSG_NOSIGNAL), 0);
    }

    int ends_[2] = {-1, -1};
    Incoming in_;
};

TEST_F(KeeperMessageTest, EverythingArrives) {
    ASSERT_EQ(send_message(ends_[0], {Kind::hold, 1, -2, 3, UINT64_MAX}, ends_[0]), Sent::yes);
    ASSERT_EQ(receive_message(ends_[1], in_), Received::message);
    EXPECT_EQ(in_.message.kind, Kind::hold);
    EXPECT_EQ(in_.message.pid, 1);
    EXPECT_EQ(in_.message.how, -2);
    EXPECT_EQ(in_.message.status, 3);
    EXPECT_EQ(in_.message.number, UINT64_MAX);
    EXPECT_EQ(in_.text_bytes, 0U);
    ASSERT_GE(in_.descriptor, 0);
    EXPECT_EQ(fcntl(in_.descriptor, F_GETFD), FD_CLOEXEC);
    close_one(in_.descriptor);
    const std::string text(text_bytes_max, 'x');
    ASSERT_EQ(send_message(ends_[0], {Kind::notify}, -1, text.data(), text.size()), Sent::yes);
    ASSERT_EQ(receive_message(ends_[1], in_), Received::message);
    EXPECT_EQ(in_.descriptor, -1);
    EXPECT_EQ(in_.text, text);
    EXPECT_EQ(receive_message(ends_[1], in_), Received::nothing);
}

TEST_F(KeeperMessageTest, WhatIsNoMessageIsThrownAwayWithItsDescriptors) {
    const std::size_t open = testing::descriptors_of(getpid());
    const std::string whole(sizeof(Message), '\1');
    for (const auto& [bytes, descriptors] :
         {std::pair{whole, 2}, {whole, 7}, {whole.substr(1), 0}, {whole.substr(1), 1}, {whole + std::string(text_bytes_max + 1, 'x'), 0}}) {
        send_packet(bytes, descriptors);
        EXPECT_EQ(receive_message(ends_[1], in_), Received::malformed) << bytes.size() << " bytes, " << descriptors << " descriptors";
        EXPECT_EQ(in_.descriptor, -1);
    }
    EXPECT_EQ(testing::descriptors_of(getpid()), open);
}

TEST_F(KeeperMessageTest, AFullSocketIsToldFromOneWithoutAReader) {
    Sent sent = Sent::yes;
    for (int n = 0; n < 100'000 && sent == Sent::yes; ++n) {
        sent = send_message(ends_[0], {Kind::alive});
    }
    EXPECT_EQ(sent, Sent::full);
    close_one(ends_[1]);
    sent = send_message(ends_[0], {Kind::alive});
    // That not everything was read is said once, instead.
    EXPECT_EQ(sent, Sent::no);
    EXPECT_EQ(send_message(ends_[0], {Kind::alive}), Sent::no);
}

TEST_F(KeeperMessageTest, TheLastWordsOfOneThatWentWithoutReadingAreReceived) {
    ASSERT_EQ(send_message(ends_[1], {Kind::stop}), Sent::yes);
    ASSERT_EQ(send_message(ends_[0], {Kind::serving}), Sent::yes);
    ASSERT_EQ(send_message(ends_[0], {Kind::done}), Sent::yes);
    close_one(ends_[0]);
    ASSERT_EQ(receive_message(ends_[1], in_), Received::message);
    EXPECT_EQ(in_.message.kind, Kind::serving);
    ASSERT_EQ(receive_message(ends_[1], in_), Received::message);
    EXPECT_EQ(in_.message.kind, Kind::done);
    EXPECT_EQ(receive_message(ends_[1], in_), Received::closed);
}

}  // namespace
}  // namespace backplane::keeper
