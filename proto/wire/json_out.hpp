// SPDX-License-Identifier: Apache-2.0
/// Control frames out: a frame's header, then JSON written straight into the outbox. Nothing here can fail: text that is not
/// UTF-8 leaves with U+FFFD in place of each bad byte.
#pragma once

#include "proto/wire/frame.hpp"

#include <backplane/ids.hpp>

#include <concepts>
#include <optional>
#include <string>

namespace backplane::wire {

/// Writes JSON without white space, keys in the order of the calls. Commas are set by looking at what stands last.
class JsonOut {
  public:
    explicit JsonOut(std::string& out) : out_(out) {}

    void begin_object() { separate(), out_.push_back('{'); }
    void end_object() { out_.push_back('}'); }
    void begin_array() { separate(), out_.push_back('['); }
    void end_array() { out_.push_back(']'); }
    void key(std::string_view name);

    void value(std::string_view text);
    void value(const char* text) { value(std::string_view{text}); }
    void value(const std::string& text) { value(std::string_view{text}); }
    template <std::integral T>
    void value(T number) {
        separate();
        if constexpr (std::same_as<T, bool>) {
            out_.append(number ? "true" : "false");
        } else {
            out_.append(std::to_string(number));
        }
    }
    void null() { separate(), out_.append("null"); }
    template <class T>
    void value(const std::optional<T>& maybe) {
        maybe ? value(*maybe) : null();
    }
    template <class T>
    void member(std::string_view name, const T& content) {
        key(name);
        value(content);
    }
    /// A line, or null for no Device.
    void member_line(std::string_view name, Epoch epoch, DeviceId id);

  private:
    void separate();

    std::string& out_;
    bool fresh_ = true;
};

/// A control frame under construction at the end of `out`. `finish` writes its length.
class FrameOut {
  public:
    FrameOut(std::string& out, FrameType type, std::uint16_t flags = 0);
    /// Puts the number of a request or reply before the JSON.
    void number(std::uint64_t id);
    /// False where the frame is longer than the bound: then it has been taken back and nothing was appended.
    [[nodiscard]] bool finish();

  private:
    std::string& out_;
    std::size_t start_;
};

}  // namespace backplane::wire
