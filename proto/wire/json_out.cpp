// SPDX-License-Identifier: Apache-2.0
/// Escaping and framing of control bodies.
#include "proto/wire/json_out.hpp"

#include "proto/wire/bytes.hpp"
#include "proto/wire/text.hpp"

namespace backplane::wire {
namespace {

constexpr std::string_view hex_digits = "0123456789abcdef";
constexpr std::string_view replacement = "\xef\xbf\xbd";

/// Appends valid UTF-8 with JSON's escapes.
void append_escaped(std::string& out, std::string_view text) {
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            out.push_back('\\');
            out.push_back(c);
        } else if (c == '\n') {
            out.append("\\n");
        } else if (c == '\t') {
            out.append("\\t");
        } else if (byte < 0x20) {
            out.append("\\u00").push_back(hex_digits[byte >> 4]);
            out.push_back(hex_digits[byte & 15]);
        } else {
            out.push_back(c);
        }
    }
}

}  // namespace

void JsonOut::separate() {
    if (fresh_) {
        fresh_ = false;  // What stands before the first value is a frame's header, and none of our business.
        return;
    }
    // Strings end with a quote and numbers with a digit, so these three mean: nothing stands before us on this level.
    const char last = out_.back();
    if (last != '{' && last != '[' && last != ':') {
        out_.push_back(',');
    }
}

void JsonOut::key(std::string_view name) {
    value(name);
    out_.push_back(':');
}

void JsonOut::value(std::string_view text) {
    separate();
    out_.push_back('"');
    while (!text.empty()) {
        const std::size_t good = valid_utf8_prefix(text);
        append_escaped(out_, text.substr(0, good));
        text.remove_prefix(good);
        if (!text.empty()) {
            out_.append(replacement);
            text.remove_prefix(1);
        }
    }
    out_.push_back('"');
}

void JsonOut::member_line(std::string_view name, Epoch epoch, DeviceId id) {
    key(name);
    id ? value(line_text(epoch, id)) : null();
}

FrameOut::FrameOut(std::string& out, FrameType type, std::uint16_t flags) : out_(out), start_(out.size()) {
    append_header(out, type, flags, 0);
}

void FrameOut::number(std::uint64_t id) {
    std::array<char, sizeof(id)> raw;
    store(raw.data(), id);
    out_.append(raw.data(), raw.size());
}

bool FrameOut::finish() {
    const std::size_t size = out_.size() - start_;
    if (size > frame_bytes_max) {
        out_.resize(start_);
        return false;
    }
    store(out_.data() + start_, static_cast<std::uint32_t>(size));
    return true;
}

}  // namespace backplane::wire
