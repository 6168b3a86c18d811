// SPDX-License-Identifier: Apache-2.0
/// What the daemon says to the log and to the service manager cannot be bent by whoever is quoted, and timers are rounded up.
#include "daemon/shell/clock.hpp"
#include "daemon/shell/log.hpp"
#include "daemon/shell/notify.hpp"

#include <gtest/gtest.h>

namespace backplane::shell {
namespace {

TEST(LogLine, ControlCharactersAreEscaped) {
    EXPECT_EQ(escape_line("a\nb\x1b[31mc\x7f"), "a\\x0ab\\x1b[31mc\\x7f");
    EXPECT_EQ(escape_line(std::string_view{"\0", 1}), "\\x00");
    EXPECT_EQ(escape_line("\xc2\x9bK"), "\\xc2\\x9bK");  // a control of the second set, which some terminals obey
}

TEST(LogLine, GoodCharactersStayAndBadBytesDoNot) {
    EXPECT_EQ(escape_line("gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80"), "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80");
    EXPECT_EQ(escape_line("\xff"), "\\xff");
    EXPECT_EQ(escape_line("\xc3"), "\\xc3");                             // cut short
    EXPECT_EQ(escape_line("\xc0\xaf"), "\\xc0\\xaf");                    // overlong
    EXPECT_EQ(escape_line("\xed\xa0\x80"), "\\xed\\xa0\\x80");           // a surrogate
    EXPECT_EQ(escape_line("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");  // beyond the last character
}

TEST(NotifyLine, StatusStaysOneLine) {
    EXPECT_EQ(status_line("2 of 3\nREADY=1"), "STATUS=2 of 3 READY=1");
    EXPECT_EQ(status_line(""), "STATUS=");
}

TEST(NotifyAddress, OnlyAbsoluteAndAbstractOnesAreTaken) {
    EXPECT_FALSE(Notify{""}.is_wanted());
    EXPECT_FALSE(Notify{"relative"}.is_wanted());
    EXPECT_FALSE(Notify{"@"}.is_wanted());
    EXPECT_FALSE(Notify{"/" + std::string(200, 'x')}.is_wanted());
}

TEST(Timer, MillisecondsAreRoundedUp) {
    const Instant now{1'000'000'000};
    EXPECT_EQ(milliseconds_until(Instant::never(), now), -1);
    EXPECT_EQ(milliseconds_until(now, now), 0);
    EXPECT_EQ(milliseconds_until(Instant{now.ns - 1}, now), 0);
    EXPECT_EQ(milliseconds_until(Instant{now.ns + 1}, now), 1);
    EXPECT_EQ(milliseconds_until(Instant{now.ns + 1'000'000}, now), 1);
    EXPECT_EQ(milliseconds_until(Instant{now.ns + 1'000'001}, now), 2);
}

}  // namespace
}  // namespace backplane::shell
