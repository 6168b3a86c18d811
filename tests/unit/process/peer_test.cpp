// SPDX-License-Identifier: Apache-2.0
/// Who the peer of a socket is (decision 24, T-8), and what the kernel can do (decision 21).
#include "daemon/process/peer.hpp"
#include "daemon/process/features.hpp"
#include "tests/unit/process/support.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

namespace backplane::process {
namespace {

TEST(Peer, Decision24_CredentialsAreTheKernels) {
    int ends[2];
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    const Descriptor one{ends[0]};
    const Descriptor other{ends[1]};
    const auto peer = peer_credentials(one.get());
    ASSERT_TRUE(peer);
    EXPECT_EQ(peer->uid, geteuid());
    EXPECT_EQ(peer->gid, getegid());
    EXPECT_EQ(peer->pid, getpid());
    EXPECT_EQ(static_cast<bool>(peer_pidfd(one.get())), kernel_features().peer_pidfd);
}

TEST(Peer, WhatIsNoConnectedSocketHasNone) {
    EXPECT_FALSE(peer_credentials(0) && peer_credentials(-1));
    const Descriptor alone{socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    EXPECT_FALSE(peer_credentials(alone.get()));
    EXPECT_FALSE(peer_pidfd(alone.get()));
    EXPECT_FALSE(peer_pidfd(-1));
}

TEST(Features, Decision21_ProbingLeavesNothingAndAnswersTheSame) {
    const auto before = testing::open_descriptors();
    const KernelFeatures first = probe_kernel_features();
    EXPECT_EQ(testing::open_descriptors(), before);
    EXPECT_EQ(first.pidfd, kernel_features().pidfd);
    EXPECT_EQ(first.close_range, kernel_features().close_range);
    // Debian 12's own kernel is 6.1, which has all but SO_PEERPIDFD.
    EXPECT_TRUE(first.pidfd && first.clone_pidfd && first.waitid_pidfd && first.close_range && first.child_subreaper);
}

}  // namespace
}  // namespace backplane::process
