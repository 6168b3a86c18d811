// SPDX-License-Identifier: Apache-2.0
/// The text forms of the public vocabulary: lines (D-10), faults (F-1, F-5), link modes (L-1), errors and their exit codes.
#include <backplane/error.hpp>
#include <backplane/ids.hpp>
#include <backplane/link.hpp>

#include <gtest/gtest.h>

namespace backplane {
namespace {

Fault fault_of(FaultKind kind, std::int32_t argument = 0, std::string text = {}) {
    Fault fault;
    fault.kind = kind;
    fault.argument = argument;
    fault.text = std::move(text);
    return fault;
}

TEST(Line, HasOneTextEachWayD10) {
    const Epoch epoch{0x9f3ac41d20b7e655};
    EXPECT_EQ(line_text(epoch, DeviceId::make(1, 0x4c)), "9f3ac41d20b7e655.1.4c");
    EXPECT_EQ(line_text(Epoch{UINT64_MAX}, DeviceId{UINT64_MAX}), "ffffffffffffffff.ffffffff.ffffffff");
    for (const DeviceId id : {DeviceId::make(1, 0), DeviceId::make(1, 0x4c), DeviceId{UINT64_MAX}}) {
        const auto parts = parse_line(line_text(epoch, id));
        ASSERT_TRUE(parts);
        EXPECT_EQ(parts->epoch, epoch);
        EXPECT_EQ(parts->id, id);
    }
}

TEST(Line, RefusesEveryOtherSpelling) {
    for (const char* text : {"",
                             ".",
                             "..",
                             "1.1",
                             "1.1.",
                             ".1.1",
                             "1..1",
                             "1.1.1.1",
                             "1.1.1 ",
                             " 1.1.1",
                             "+1.1.1",
                             "-1.1.1",
                             "0x1.1.1",
                             "01.1.1",
                             "1.01.1",
                             "1.1.00",
                             "A.1.1",
                             "1.1.F",
                             "1.0.1",
                             "1.0.0",
                             "10000000000000000.1.1",
                             "1.100000000.1",
                             "1.1.100000000",
                             "1.1.g",
                             "1,1,1"}) {
        EXPECT_FALSE(parse_line(text)) << text;
    }
}

TEST(Instants, SaturateInsteadOfWrapping) {
    EXPECT_TRUE((Instant{5} + Duration::forever()).is_never());
    EXPECT_TRUE((Instant{INT64_MAX - 1} + Duration{2}).is_never());
    EXPECT_EQ((Instant{5} + Duration{2}).ns, 7);
    EXPECT_TRUE((Instant::never() + Duration{-2}).is_never());
    EXPECT_EQ((Instant{5} + Duration{-2}).ns, 3) << "a patience that is used up is in the past, not for ever";
}

TEST(Faults, EveryKindButNoneIsAnErrorF1) {
    for (std::uint8_t kind = 0; kind <= fault_kind_max; ++kind) {
        EXPECT_EQ(fault_of(static_cast<FaultKind>(kind)).is_error(), kind != 0) << int{kind};
    }
}

TEST(FaultText, HasOneFormForEachKindF1) {
    const Epoch epoch{0xa};
    EXPECT_EQ(fault_text(fault_of(FaultKind::none), epoch), "none");
    EXPECT_EQ(fault_text(fault_of(FaultKind::drop), epoch), "drop");
    EXPECT_EQ(fault_text(fault_of(FaultKind::drop, 2, "exec: No such file or directory"), epoch), "drop{exec: No such file or directory}");
    EXPECT_EQ(fault_text(fault_of(FaultKind::error), epoch), "error");
    EXPECT_EQ(fault_text(fault_of(FaultKind::error, 1), epoch), "error{gave_up}");
    EXPECT_EQ(fault_text(fault_of(FaultKind::error, 2, "w1"), epoch), "error{failed_to_start_child: w1}");
    EXPECT_EQ(fault_text(fault_of(FaultKind::error, 7), epoch), "error(7)");
    EXPECT_EQ(fault_text(fault_of(FaultKind::error, 0, "disk full"), epoch), "error{disk full}");
    EXPECT_EQ(fault_text(fault_of(FaultKind::exit, 3), epoch), "exit(3)");
    EXPECT_EQ(fault_text(fault_of(FaultKind::signal, 9), epoch), "signal(9)");
    EXPECT_EQ(fault_text(fault_of(FaultKind::timeout, 1), epoch), "timeout(start)");
    EXPECT_EQ(fault_text(fault_of(FaultKind::timeout, 2), epoch), "timeout(stop)");
    EXPECT_EQ(fault_text(fault_of(FaultKind::timeout, 3), epoch), "timeout(watchdog)");
    EXPECT_EQ(fault_text(fault_of(FaultKind::timeout, 9), epoch), "timeout(9)");
    EXPECT_EQ(fault_text(fault_of(FaultKind::killed), epoch), "killed");
    EXPECT_EQ(fault_text(fault_of(FaultKind::unreachable), epoch), "unreachable");
    Fault cascade = fault_of(FaultKind::cascade);
    cascade.cascade = DeviceId::make(1, 0x40);
    EXPECT_EQ(fault_text(cascade, epoch), "cascade(a.1.40)");
}

// threats.md: a stranger's text never reaches a terminal unescaped.
TEST(FaultText, ShowsNoControlCharacter) {
    const std::string hostile = std::string{"\x1b[31mred\n\x7f"} + "\xc2\x9b" + "31m\xc3\xa9" + std::string(1, '\0');
    EXPECT_EQ(fault_text(fault_of(FaultKind::error, 0, hostile), Epoch{1}), "error{?[31mred???31m\xc3\xa9?}");
}

TEST(LinkModes, AreBitsL1) {
    EXPECT_TRUE(has(LinkMode::peer, LinkMode::monitor));
    EXPECT_TRUE(has(LinkMode::peer, LinkMode::notify));
    EXPECT_FALSE(has(LinkMode::monitor, LinkMode::notify));
    EXPECT_EQ(link_mode_name(LinkMode::monitor), "monitor");
    EXPECT_EQ(link_mode_name(LinkMode::notify), "notify");
    EXPECT_EQ(link_mode_name(LinkMode::peer), "peer");
    EXPECT_EQ(link_mode_name(LinkMode::none), "none");
}

TEST(Errors, KeepNameReachAndExitCode) {
    EXPECT_EQ(error_name(ErrorCode::link_down), "link_down");
    EXPECT_EQ(error_name(static_cast<ErrorCode>(9999)), "unknown_error");
    EXPECT_EQ(error_reach(ErrorCode::name_taken), Reach::request);
    EXPECT_EQ(error_reach(ErrorCode::malformed), Reach::connection);
    EXPECT_EQ(error_reach(ErrorCode::unreachable), Reach::local);
    EXPECT_EQ(error_reach(ErrorCode::config_invalid), Reach::daemon);
    EXPECT_EQ(error_exit_code(ErrorCode::ok), 0);
    EXPECT_EQ(error_exit_code(ErrorCode::start_failed), 1);
    EXPECT_EQ(error_exit_code(ErrorCode::usage), 2);
    EXPECT_EQ(error_exit_code(ErrorCode::already_started), 3);
    EXPECT_EQ(error_exit_code(ErrorCode::not_found), 4);
    EXPECT_EQ(error_exit_code(ErrorCode::timeout), 5);
    EXPECT_EQ(error_exit_code(ErrorCode::not_permitted), 6);
    EXPECT_EQ(error_exit_code(ErrorCode::unreachable), 7);
    EXPECT_EQ(error_exit_code(ErrorCode::unknown_session), 7) << "a session that did not come back is a connection that is lost";
    EXPECT_EQ((Error{ErrorCode::link_down, "no such device"}.text()), "link_down: no such device");
    EXPECT_EQ((Error{ErrorCode::link_down, ""}.text()), "link_down");
}

TEST(Errors, ComeBackFromTheirNames) {
    for (std::uint16_t number = 0; number < 200; ++number) {
        const auto code = static_cast<ErrorCode>(number);
        if (error_name(code) != "unknown_error") {
            EXPECT_EQ(error_from_name(error_name(code)), code);
        }
    }
    EXPECT_FALSE(error_from_name("unknown_error"));
    EXPECT_FALSE(error_from_name(""));
}

}  // namespace
}  // namespace backplane
