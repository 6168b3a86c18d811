// SPDX-License-Identifier: Apache-2.0
/// Every row of F-5, and what D-4, W-6, T-9 and S-37 add to it.
#include "daemon/core/exit_verdict.hpp"

#include <gtest/gtest.h>

namespace {

using namespace backplane;
using namespace backplane::core;

ExitVerdict judge_exit(const Life& life, ExitHow how, std::int32_t status) {
    static const ExitPolicy usual;
    return backplane::core::judge_exit(life, ExitRules{usual}, how, status);
}

Life running() {
    Life life;
    life.ready = 1;
    return life;
}

Life asked(StopStage stage) {
    Life life = running();
    life.asked = 1;
    life.cause = StopCause::asked;
    life.stage = stage;
    life.signalled = stage == StopStage::signalled ? 1 : 0;
    return life;
}

void expect(const ExitVerdict& verdict, FaultKind kind, std::int32_t argument, ExitClass exit_class) {
    EXPECT_EQ(verdict.kind, kind);
    EXPECT_EQ(verdict.argument, argument);
    EXPECT_EQ(verdict.exit_class, exit_class);
}

TEST(exit_verdict, f5_ends_by_itself) {
    expect(judge_exit(running(), ExitHow::exited, 0), FaultKind::none, 0, ExitClass::normal);
    expect(judge_exit(running(), ExitHow::exited, 3), FaultKind::exit, 3, ExitClass::abnormal);
    expect(judge_exit(running(), ExitHow::signalled, 11), FaultKind::signal, 11, ExitClass::abnormal);
    EXPECT_EQ(judge_exit(running(), ExitHow::dumped, 11).text, "core");
    EXPECT_FALSE(judge_exit(running(), ExitHow::exited, 3).start_failure);
}

TEST(exit_verdict, f5_sigterm_and_sigkill_from_outside_are_faults) {
    expect(judge_exit(running(), ExitHow::signalled, 15), FaultKind::signal, 15, ExitClass::abnormal);
    expect(judge_exit(running(), ExitHow::signalled, 9), FaultKind::signal, 9, ExitClass::abnormal);
}

TEST(exit_verdict, f5_asked_and_clean) {
    expect(judge_exit(asked(StopStage::signalled), ExitHow::exited, 0), FaultKind::none, 0, ExitClass::shutdown);
    expect(judge_exit(asked(StopStage::signalled), ExitHow::signalled, 15), FaultKind::none, 0, ExitClass::shutdown);
    EXPECT_FALSE(judge_exit(asked(StopStage::signalled), ExitHow::signalled, 15).shutdown_error);
}

TEST(exit_verdict, f5_asked_and_bad_is_a_shutdown_error_and_no_crash) {
    const ExitVerdict code = judge_exit(asked(StopStage::signalled), ExitHow::exited, 7);
    expect(code, FaultKind::exit, 7, ExitClass::shutdown);
    EXPECT_TRUE(code.shutdown_error);
    const ExitVerdict signal = judge_exit(asked(StopStage::signalled), ExitHow::signalled, 11);
    expect(signal, FaultKind::signal, 11, ExitClass::shutdown);
    EXPECT_TRUE(signal.shutdown_error);
}

TEST(exit_verdict, f5_asked_and_the_grace_ran_out) {
    expect(judge_exit(asked(StopStage::killed), ExitHow::signalled, 9), FaultKind::timeout, static_cast<std::int32_t>(TimeoutOf::stop),
           ExitClass::shutdown);
    // It was quicker than the kill: its own end counts.
    expect(judge_exit(asked(StopStage::killed), ExitHow::exited, 0), FaultKind::none, 0, ExitClass::shutdown);
}

TEST(exit_verdict, f5_brutal_kill) {
    Life life = asked(StopStage::killed);
    life.brutal = 1;
    expect(judge_exit(life, ExitHow::signalled, 9), FaultKind::killed, 0, ExitClass::shutdown);
}

TEST(exit_verdict, f5_our_stop_signal_is_the_one_that_was_sent) {
    Life life = asked(StopStage::killed);
    EXPECT_TRUE(judge_exit(life, ExitHow::signalled, 15).shutdown_error);  // killed at once: this one came from outside
    life.signalled = 1;
    expect(judge_exit(life, ExitHow::signalled, 15), FaultKind::none, 0, ExitClass::shutdown);
    life.brutal = 1;  // a SIGKILL that came too late changes nothing
    expect(judge_exit(life, ExitHow::signalled, 15), FaultKind::none, 0, ExitClass::shutdown);
    EXPECT_FALSE(judge_exit(life, ExitHow::signalled, 15).shutdown_error);
}

TEST(exit_verdict, f5_before_ready_is_a_start_failure) {
    const ExitVerdict zero = judge_exit(Life{}, ExitHow::exited, 0);
    expect(zero, FaultKind::exit, 0, ExitClass::abnormal);
    EXPECT_TRUE(zero.start_failure);
    EXPECT_TRUE(judge_exit(Life{}, ExitHow::signalled, 9).start_failure);
    Life late;
    late.cause = StopCause::start_timeout;
    late.stage = StopStage::signalled;
    const ExitVerdict timeout = judge_exit(late, ExitHow::signalled, 15);
    expect(timeout, FaultKind::timeout, static_cast<std::int32_t>(TimeoutOf::start), ExitClass::abnormal);
    EXPECT_TRUE(timeout.start_failure);
}

TEST(exit_verdict, s12_a_start_that_was_called_off_is_no_failure) {
    Life life;
    life.asked = 1;
    life.cause = StopCause::asked;
    life.stage = StopStage::signalled;
    life.signalled = 1;
    const ExitVerdict verdict = judge_exit(life, ExitHow::signalled, 15);
    expect(verdict, FaultKind::none, 0, ExitClass::shutdown);
    EXPECT_FALSE(verdict.start_failure);
}

TEST(exit_verdict, f5_w6_a_doomed_one_cascades_whatever_our_signal_did) {
    Life life = running();
    life.cause = StopCause::doomed;
    life.stage = StopStage::signalled;
    life.signalled = 1;
    expect(judge_exit(life, ExitHow::signalled, 15), FaultKind::cascade, 0, ExitClass::abnormal);
    expect(judge_exit(life, ExitHow::exited, 0), FaultKind::cascade, 0, ExitClass::abnormal);
    life.asked = 1;
    expect(judge_exit(life, ExitHow::exited, 0), FaultKind::cascade, 0, ExitClass::shutdown);
}

TEST(exit_verdict, f5_status_not_obtainable_is_never_exit_zero) {
    expect(judge_exit(running(), ExitHow::unknown, 0), FaultKind::unreachable, 0, ExitClass::abnormal);
}

TEST(exit_verdict, s37_a_line_holders_request_ends_with_class_shutdown) {
    Life life = running();
    life.cause = StopCause::line;
    life.stage = StopStage::signalled;
    life.signalled = 1;
    expect(judge_exit(life, ExitHow::signalled, 15), FaultKind::none, 0, ExitClass::shutdown);
    expect(judge_exit(life, ExitHow::exited, 4), FaultKind::exit, 4, ExitClass::shutdown);
}

TEST(exit_verdict, d4_after_a_goodbye_the_real_exit_alone_decides_the_class) {
    Life life = running();
    life.cause = StopCause::left;
    life.stage = StopStage::patient;
    expect(judge_exit(life, ExitHow::exited, 0), FaultKind::none, 0, ExitClass::normal);
    expect(judge_exit(life, ExitHow::exited, 5), FaultKind::exit, 5, ExitClass::abnormal);
    life.stage = StopStage::signalled;
    life.signalled = 1;
    expect(judge_exit(life, ExitHow::signalled, 15), FaultKind::none, 0, ExitClass::shutdown);
}

TEST(exit_verdict, t9_a_dropped_one_stays_dropped) {
    Life life = running();
    life.cause = StopCause::dropped;
    life.stage = StopStage::signalled;
    life.signalled = 1;
    expect(judge_exit(life, ExitHow::signalled, 15), FaultKind::drop, 0, ExitClass::abnormal);
}

TEST(exit_verdict, f5_the_text_of_a_failed_start_names_step_and_error) {
    EXPECT_EQ(spawn_failure_text(SpawnStep::exec, 2), "exec: No such file or directory");
    EXPECT_EQ(spawn_failure_text(SpawnStep::directory, 13), "directory: Permission denied");
    EXPECT_EQ(spawn_failure_text(SpawnStep::clone, 9999), "clone: error 9999");
}

}  // namespace
