// SPDX-License-Identifier: Apache-2.0
/// spdlog on stderr behind a sink that never waits.
#include "daemon/shell/log.hpp"

#include <poll.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

namespace backplane::shell {
namespace {

/// A pipe that is ready takes so much without waiting (PIPE_BUF).
constexpr std::size_t line_bytes_max = 4096;

/// Writes whole lines where there is room for one, else counts them; the count is told with the next line that fits.
class PatientSink final : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
  protected:
    void sink_it_(const spdlog::details::log_msg& message) override {
        spdlog::memory_buf_t formatted;
        formatter_->format(message, formatted);
        std::string line{formatted.data(), formatted.size()};
        if (line.size() > line_bytes_max) {
            line.resize(line_bytes_max - 1);
            line.push_back('\n');
        }
        if (!has_room()) {
            ++lost_;
            return;
        }
        if (lost_ != 0) {
            const std::string note = "... " + std::to_string(std::exchange(lost_, 0)) + " lines lost: nobody read them\n";
            put(note);
        }
        put(line);
    }
    void flush_() override {}

  private:
    [[nodiscard]] static bool has_room() {
        pollfd out{STDERR_FILENO, POLLOUT, 0};
        return poll(&out, 1, 0) == 1 && (out.revents & POLLOUT) != 0;
    }
    static void put(const std::string& text) { (void)!write(STDERR_FILENO, text.data(), text.size()); }

    std::uint64_t lost_ = 0;
};

spdlog::level::level_enum level_of(config::LogLevel level) {
    switch (level) {
        case config::LogLevel::trace: return spdlog::level::trace;
        case config::LogLevel::debug: return spdlog::level::debug;
        case config::LogLevel::info: return spdlog::level::info;
        case config::LogLevel::warning: return spdlog::level::warn;
        case config::LogLevel::error: return spdlog::level::err;
    }
    return spdlog::level::info;
}

/// How many bytes the well-formed character at `at` has; 0 where there is none.
std::size_t character_bytes(std::string_view text, std::size_t at) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char lead = byte(at);
    if (lead < 0x80) {
        return 1;
    }
    const std::size_t size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    if (lead < 0xc2 || lead > 0xf4 || at + size > text.size()) {
        return 0;
    }
    for (std::size_t i = 1; i < size; ++i) {
        if ((byte(at + i) & 0xc0U) != 0x80) {
            return 0;
        }
    }
    // Overlong forms, surrogates, and what lies beyond the last character.
    const unsigned char second = byte(at + 1);
    const bool is_wrong = (lead == 0xe0 && second < 0xa0) || (lead == 0xed && second > 0x9f) || (lead == 0xf0 && second < 0x90) ||
                          (lead == 0xf4 && second > 0x8f);
    return is_wrong ? 0 : size;
}

/// C0, delete, and the C1 controls, which some terminals obey.
bool is_control(std::string_view character) {
    const auto lead = static_cast<unsigned char>(character[0]);
    return lead < 0x20 || lead == 0x7f || (lead == 0xc2 && static_cast<unsigned char>(character[1]) < 0xa0);
}

void append_hex(std::string& out, std::string_view bytes) {
    constexpr std::string_view digits = "0123456789abcdef";
    for (const char c : bytes) {
        const auto value = static_cast<unsigned char>(c);
        out.append("\\x").push_back(digits[value >> 4U]);
        out.push_back(digits[value & 0xfU]);
    }
}

void log(spdlog::level::level_enum level, std::string_view line) {
    if (spdlog::should_log(level)) {
        const std::string escaped = escape_line(line);
        spdlog::log(level, spdlog::string_view_t{escaped.data(), escaped.size()});
    }
}

}  // namespace

void open_log(config::LogLevel level, bool show_time) {
    auto logger = std::make_shared<spdlog::logger>("backplaned", std::make_shared<PatientSink>());
    logger->set_pattern(show_time ? "%Y-%m-%dT%H:%M:%S.%e backplaned[%P] %l: %v" : "%l: %v");
    logger->set_level(level_of(level));
    spdlog::set_default_logger(std::move(logger));
}

void set_log_level(config::LogLevel level) { spdlog::default_logger()->set_level(level_of(level)); }

void log_debug(std::string_view line) { log(spdlog::level::debug, line); }
void log_info(std::string_view line) { log(spdlog::level::info, line); }
void log_warning(std::string_view line) { log(spdlog::level::warn, line); }
void log_error(std::string_view line) { log(spdlog::level::err, line); }

std::string escape_line(std::string_view line) {
    std::string escaped;
    escaped.reserve(line.size());
    for (std::size_t at = 0; at < line.size();) {
        const std::size_t size = character_bytes(line, at);
        const std::string_view character = line.substr(at, size == 0 ? 1 : size);
        if (size == 0 || is_control(character)) {
            append_hex(escaped, character);
        } else {
            escaped.append(character);
        }
        at += character.size();
    }
    return escaped;
}

}  // namespace backplane::shell
