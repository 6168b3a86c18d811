// SPDX-License-Identifier: Apache-2.0
/// Taking keys: every refusal names the key and says what was expected.
#include "proto/wire/json_fields.hpp"

#include <charconv>

namespace backplane::wire {

Fields::Fields(const JsonValue& object, std::string_view where, ErrorCode code) : object_(object), where_(where), code_(code) {}

const JsonValue* Fields::find(std::string_view key) {
    for (std::size_t i = 0; i < object_.members.size(); ++i) {
        if (object_.members[i].key == key) {
            known_[i] = true;
            const JsonValue& value = object_.members[i].value;
            return value.kind == JsonKind::null ? nullptr : &value;
        }
    }
    return nullptr;
}

const JsonValue* Fields::find_kind(std::string_view key, JsonKind kind, std::string_view expected, Need need) {
    const JsonValue* value = find(key);
    if (value == nullptr) {
        if (need == Need::required) {
            refuse(key, "missing");
        }
        return nullptr;
    }
    if (value->kind != kind) {
        refuse(key, expected);
        return nullptr;
    }
    return right() ? value : nullptr;
}

void Fields::text(std::string_view key, std::string& out, std::size_t bytes_max, Need need) {
    const JsonValue* value = find_kind(key, JsonKind::text, "not a string", need);
    if (value == nullptr) {
        return;
    }
    if (value->text.size() > bytes_max) {
        return refuse(key, "longer than " + std::to_string(bytes_max) + " bytes");
    }
    out = value->text;
}

void Fields::optional_text(std::string_view key, std::optional<std::string>& out, std::size_t bytes_max) {
    std::string found;
    if (find(key) != nullptr) {
        text(key, found, bytes_max);
        out = std::move(found);
    }
}

void Fields::boolean(std::string_view key, bool& out, Need need) {
    if (const JsonValue* value = find_kind(key, JsonKind::boolean, "not true or false", need)) {
        out = value->boolean;
    }
}

void Fields::line(std::string_view key, LineParts& out, Need need) {
    const JsonValue* value = find_kind(key, JsonKind::text, "not a line", need);
    if (value == nullptr) {
        return;
    }
    const std::optional<LineParts> parts = parse_line(value->text);
    if (!parts) {
        return refuse(key, "not a line");
    }
    out = *parts;
}

void Fields::epoch(std::string_view key, Epoch& out) {
    const JsonValue* value = find_kind(key, JsonKind::text, "not an epoch", Need::required);
    if (value == nullptr) {
        return;
    }
    // An epoch is spelled as a line begins: the line's reader is asked, so there is one notion of the form.
    const std::optional<LineParts> parts = parse_line(value->text + ".1.0");
    if (!parts) {
        return refuse(key, "not an epoch");
    }
    out = parts->epoch;
}

const JsonValue* Fields::nested(std::string_view key, JsonKind kind, Need need) {
    return find_kind(key, kind, kind == JsonKind::array ? "not an array" : "not an object", need);
}

bool Fields::take_signed(std::string_view key, std::uint64_t& out, std::int64_t low, std::int64_t high, Need need) {
    const JsonValue* value = find_kind(key, JsonKind::integer, "not an integer", need);
    if (value == nullptr) {
        return false;
    }
    const auto number = static_cast<std::int64_t>(value->number);
    const bool beyond = !value->negative && value->number > static_cast<std::uint64_t>(INT64_MAX);
    if (beyond || number < low || number > high) {
        refuse(key, "not in " + std::to_string(low) + ".." + std::to_string(high));
        return false;
    }
    out = value->number;
    return true;
}

bool Fields::take_unsigned(std::string_view key, std::uint64_t& out, std::uint64_t low, std::uint64_t high, Need need) {
    const JsonValue* value = find_kind(key, JsonKind::integer, "not an integer", need);
    if (value == nullptr) {
        return false;
    }
    if (value->negative || value->number < low || value->number > high) {
        refuse(key, "not in " + std::to_string(low) + ".." + std::to_string(high));
        return false;
    }
    out = value->number;
    return true;
}

void Fields::refuse_others() {
    for (std::size_t i = 0; i < object_.members.size(); ++i) {
        if (!known_[i]) {
            return refuse(object_.members[i].key, "unknown key");
        }
    }
}

void Fields::refuse(std::string_view key, std::string_view what) {
    if (!right()) {
        return;
    }
    error_.code = code_;
    // A hostile key may be as long as a frame; its beginning is enough to find it by.
    error_.detail.append(where_).append(where_.empty() ? "" : ".").append(key.substr(0, 64)).append(": ").append(what);
}

void Fields::refuse(const Error& why) {
    if (right()) {
        error_ = why;
    }
}

void Fields::take_error(const Fields& inner) {
    if (right() && !inner.right()) {
        error_ = inner.error();
    }
}

std::string epoch_text(Epoch epoch) {
    std::array<char, 16> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), epoch.value, 16).ptr;
    return {digits.data(), end};
}

}  // namespace backplane::wire
