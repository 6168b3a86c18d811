// SPDX-License-Identifier: Apache-2.0
/// The text forms of link modes and faults. They are for people and for the tool's JSON; nothing reads them back.
#include <backplane/link.hpp>

#include <string>

namespace backplane {
namespace {

/// Appends a fault's text so that it can be shown on a terminal: control characters, the two-byte ones of Unicode
/// included, become `?`.
void append_shown(std::string& out, std::string_view text) {
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto byte = static_cast<unsigned char>(text[i]);
        const bool second_control = byte == 0xc2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) >= 0x80 &&
                                    static_cast<unsigned char>(text[i + 1]) < 0xa0;
        if (second_control) {
            ++i;
        }
        out.push_back(byte < 0x20 || byte == 0x7f || second_control ? '?' : text[i]);
    }
}

std::string with_number(std::string_view word, std::int32_t number) {
    return std::string{word}.append("(").append(std::to_string(number)).append(")");
}

std::string timeout_text(std::int32_t argument) {
    switch (static_cast<TimeoutOf>(argument)) {
        case TimeoutOf::start: return "timeout(start)";
        case TimeoutOf::stop: return "timeout(stop)";
        case TimeoutOf::watchdog: return "timeout(watchdog)";
    }
    return with_number("timeout", argument);
}

/// The fixed word inside the braces of `error{...}`; empty where there is none.
std::string_view error_detail_text(const Fault& fault) {
    if (fault.kind != FaultKind::error) {
        return {};
    }
    switch (static_cast<ErrorDetail>(fault.argument)) {
        case ErrorDetail::unspecified: return {};
        case ErrorDetail::gave_up: return "gave_up";
        case ErrorDetail::failed_to_start_child: return "failed_to_start_child";
    }
    return {};
}

std::string kind_text(const Fault& fault, Epoch epoch) {
    switch (fault.kind) {
        case FaultKind::none: return "none";
        case FaultKind::drop: return "drop";
        case FaultKind::error: {
            const bool named = fault.argument == 0 || !error_detail_text(fault).empty();
            return named ? "error" : with_number("error", fault.argument);
        }
        case FaultKind::cascade: return "cascade(" + line_text(epoch, fault.cascade) + ")";
        case FaultKind::exit: return with_number("exit", fault.argument);
        case FaultKind::signal: return with_number("signal", fault.argument);
        case FaultKind::timeout: return timeout_text(fault.argument);
        case FaultKind::killed: return "killed";
        case FaultKind::unreachable: return "unreachable";
    }
    return with_number("fault", static_cast<std::int32_t>(fault.kind));
}

}  // namespace

std::string_view link_mode_name(LinkMode mode) {
    switch (mode) {
        case LinkMode::none: return "none";
        case LinkMode::monitor: return "monitor";
        case LinkMode::notify: return "notify";
        case LinkMode::peer: return "peer";
    }
    return "none";
}

std::string fault_text(const Fault& fault, Epoch epoch) {
    std::string all = kind_text(fault, epoch);
    const std::string_view detail = error_detail_text(fault);
    if (detail.empty() && fault.text.empty()) {
        return all;
    }
    all.push_back('{');
    all.append(detail);
    if (!detail.empty() && !fault.text.empty()) {
        all.append(": ");
    }
    append_shown(all, fault.text);
    all.push_back('}');
    return all;
}

}  // namespace backplane
