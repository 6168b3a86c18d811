// SPDX-License-Identifier: Apache-2.0
/// F-5 row by row. The order of the questions is the order of precedence: what was fixed before the end (a timeout, a
/// cascade) comes first, then whether the end was wanted, then what the end itself looks like.
#include "daemon/core/exit_verdict.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace backplane::core {

namespace {

bool holds(const std::vector<std::uint8_t>& list, std::int32_t value) {
    return value >= 0 && value <= 255 && std::binary_search(list.begin(), list.end(), static_cast<std::uint8_t>(value));
}

/// What an exit code looks like to one who knows nothing of us but the specification.
void judge_code(const ExitPolicy& policy, std::int32_t status, ExitVerdict& verdict) {
    if (status == 0 || holds(policy.success_codes, status)) {
        verdict.exit_class = ExitClass::normal;
    } else if (holds(policy.shutdown_codes, status)) {
        verdict.exit_class = ExitClass::shutdown;
    } else {
        verdict.kind = FaultKind::exit;
    }
}

ExitVerdict raw_verdict(const ExitPolicy& policy, ExitHow how, std::int32_t status) {
    ExitVerdict verdict;
    verdict.exit_class = ExitClass::abnormal;
    verdict.argument = status;
    switch (how) {
        case ExitHow::exited: judge_code(policy, status, verdict); break;
        case ExitHow::signalled:
        case ExitHow::dumped:
            if (holds(policy.success_signals, status)) {
                verdict.exit_class = ExitClass::normal;
                break;
            }
            verdict.kind = FaultKind::signal;
            verdict.text = how == ExitHow::dumped ? "core" : "";
            break;
        case ExitHow::unknown:
            verdict.kind = FaultKind::unreachable;
            verdict.argument = 0;
            verdict.text = "unknown";  // never "exit 0"
            break;
    }
    if (verdict.kind == FaultKind::none) {
        verdict.argument = 0;  // the exit record has it
    }
    return verdict;
}

/// `never` is stronger, as one that must not come back does harm where one that stays down does none.
RestartWish wish_of(const ExitPolicy& policy, ExitHow how, std::int32_t status) {
    const bool by_code = how == ExitHow::exited;
    const bool by_signal = how == ExitHow::signalled || how == ExitHow::dumped;
    if ((by_code && holds(policy.no_restart_codes, status)) || (by_signal && holds(policy.no_restart_signals, status))) {
        return RestartWish::never;
    }
    if ((by_code && holds(policy.force_restart_codes, status)) || (by_signal && holds(policy.force_restart_signals, status))) {
        return RestartWish::always;
    }
    return RestartWish::by_type;
}

/// The rows in which our own clock decided, whatever signal carried it out.
ExitVerdict timeout_verdict(TimeoutOf what, ExitClass exit_class) {
    ExitVerdict verdict;
    verdict.kind = FaultKind::timeout;
    verdict.argument = static_cast<std::int32_t>(what);
    verdict.exit_class = exit_class;
    return verdict;
}

/// The rows "we asked it to stop": whatever it did, the class is shutdown.
ExitVerdict asked_verdict(const Life& life, const ExitPolicy& policy, ExitHow how, std::int32_t status, bool by_our_signal) {
    const bool by_our_kill = life.stage == StopStage::killed && how == ExitHow::signalled && status == signal_kill;
    ExitVerdict verdict;
    // Only a death by the very signal that we sent is ours. One that was quicker keeps its own reason (S-38).
    if (by_our_kill && life.brutal != 0) {
        verdict.kind = FaultKind::killed;
    } else if (by_our_kill) {
        verdict = timeout_verdict(TimeoutOf::stop, ExitClass::shutdown);
    } else if (!by_our_signal) {
        verdict = raw_verdict(policy, how, status);
        verdict.shutdown_error = verdict.kind != FaultKind::none;
    }
    verdict.exit_class = ExitClass::shutdown;
    return verdict;
}

}  // namespace

ExitVerdict judge_exit(const Life& life, const ExitRules& rules, ExitHow how, std::int32_t status) {
    const bool by_our_signal = life.signalled != 0 && how == ExitHow::signalled && status == rules.stop_signal;
    // A line holder's request is honoured like one of our own, except that it does not rule out a restart (S-37).
    const bool wanted = life.asked != 0 || life.cause == StopCause::line;
    const bool failed_start = life.ready == 0 && !wanted;
    // Whatever the fault, an end that its supervisor wanted is never a crash to it.
    const ExitClass bad = life.asked != 0 ? ExitClass::shutdown : ExitClass::abnormal;
    ExitVerdict verdict;
    if (life.cause == StopCause::start_timeout) {
        verdict = timeout_verdict(TimeoutOf::start, bad);
    } else if (life.cause == StopCause::watchdog) {
        verdict = timeout_verdict(TimeoutOf::watchdog, bad);
    } else if (life.cause == StopCause::doomed) {
        verdict.kind = FaultKind::cascade;  // not the status that our own signal gave it
        verdict.exit_class = bad;
    } else if (wanted) {
        verdict = asked_verdict(life, rules.policy, how, status, by_our_signal);
    } else if (failed_start) {
        verdict = raw_verdict(rules.policy, how, status);
        verdict.completed = rules.oneshot && verdict.kind == FaultKind::none;
        if (verdict.kind == FaultKind::none && !verdict.completed) {
            verdict.kind = FaultKind::exit;  // exit 0 before ready is a failure all the same
            verdict.argument = how == ExitHow::exited ? status : 0;
        }
        verdict.exit_class = verdict.completed ? ExitClass::normal : ExitClass::abnormal;
    } else if (life.cause == StopCause::dropped) {
        verdict.kind = FaultKind::drop;
        verdict.exit_class = ExitClass::abnormal;
    } else if (life.cause == StopCause::left && by_our_signal) {
        verdict.exit_class = ExitClass::shutdown;  // it said goodbye and then went by our signal: a clean stop (D-4)
    } else {
        verdict = raw_verdict(rules.policy, how, status);
        verdict.wish = wish_of(rules.policy, how, status);
    }
    verdict.start_failure = failed_start && !verdict.completed;
    return verdict;
}

std::string spawn_failure_text(SpawnStep step, std::int32_t error_number) {
    static constexpr std::array<std::string_view, 18> steps{
        "prepare", "clone", "session",   "descriptors", "output", "directory", "exec",   "notify_socket", "unsupported",
        "limits",  "nice",  "oom_score", "helper",      "user",   "group",     "groups", "capabilities",  "cgroup"};
    static_assert(steps.size() == static_cast<std::size_t>(SpawnStep::cgroup) + 1);
    // Linux's numbers, which are the same on every architecture for these; others are shown as they are.
    static constexpr std::array<std::pair<std::int32_t, std::string_view>, 24> errors{{
        {1, "Operation not permitted"},
        {2, "No such file or directory"},
        {3, "No such process"},
        {5, "Input/output error"},
        {7, "Argument list too long"},
        {8, "Exec format error"},
        {11, "Resource temporarily unavailable"},
        {12, "Cannot allocate memory"},
        {13, "Permission denied"},
        {14, "Bad address"},
        {16, "Device or resource busy"},
        {20, "Not a directory"},
        {21, "Is a directory"},
        {22, "Invalid argument"},
        {23, "Too many open files in system"},
        {24, "Too many open files"},
        {26, "Text file busy"},
        {28, "No space left on device"},
        {30, "Read-only file system"},
        {36, "File name too long"},
        {38, "Function not implemented"},
        {40, "Too many levels of symbolic links"},
        {95, "Operation not supported"},
        {110, "Connection timed out"},
    }};
    const auto place = static_cast<std::size_t>(step);
    std::string text{place < steps.size() ? steps[place] : std::string_view{"start"}};
    text.append(": ");
    for (const auto& [number, meaning] : errors) {
        if (number == error_number) {
            return text.append(meaning);
        }
    }
    return text.append("error ").append(std::to_string(error_number));
}

}  // namespace backplane::core
