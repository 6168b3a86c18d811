// SPDX-License-Identifier: Apache-2.0
/// The kinds of values that more than one key has, and the text of a document that was made rather than read.
#include "config/written.hpp"

#include "config/system_words.hpp"
#include "config/words.hpp"

#include <nlohmann/json.hpp>

#include <array>

namespace backplane::config {
namespace {

using Json = nlohmann::json;

/// Not every text of a child has come from JSON: what is no UTF-8 is replaced rather than a failure.
std::string scalar_text(const Json& scalar) { return scalar.dump(-1, ' ', true, Json::error_handler_t::replace); }

/// Members are appended as they are: nlohmann's own object would compare each key with all others. Recursion is bounded by
/// the depth of what is written.
void append_value(std::string& out, const Node& value) {
    switch (value.kind) {
        case NodeKind::null: out.append("null"); return;
        case NodeKind::boolean: out.append(value.flag ? "true" : "false"); return;
        case NodeKind::natural: out.append(std::to_string(value.natural)); return;
        case NodeKind::negative: out.append(std::to_string(static_cast<std::int64_t>(value.real))); return;
        case NodeKind::real: out.append(scalar_text(value.real)); return;
        case NodeKind::string: out.append(scalar_text(value.text)); return;
        case NodeKind::array:
        case NodeKind::object: break;
    }
    const bool keyed = value.kind == NodeKind::object;
    out.push_back(keyed ? '{' : '[');
    for (const Member& member : value.items) {
        out.append(&member == &value.items.front() ? "" : ",");
        if (keyed) {
            out.append(scalar_text(member.key)).append(":");
        }
        append_value(out, member.value);
    }
    out.push_back(keyed ? '}' : ']');
}

}  // namespace

Node text_value(std::string_view text) {
    Node value;
    value.kind = NodeKind::string;
    value.text = text;
    return value;
}

Node whole_value(std::uint64_t number) {
    Node value;
    value.kind = NodeKind::natural;
    value.natural = number;
    value.real = static_cast<double>(number);
    return value;
}

Node signal_value(std::int32_t signal) {
    const std::optional<std::string> name = signal_name(signal);
    return name ? text_value(*name) : whole_value(static_cast<std::uint64_t>(signal));
}

Node byte_count_value(std::uint64_t bytes) {
    constexpr std::array<std::pair<char, unsigned>, 3> units{{{'G', 30}, {'M', 20}, {'K', 10}}};
    for (const auto& [unit, bits] : units) {
        if (bytes > 0 && bytes % (std::uint64_t{1} << bits) == 0) {
            return text_value(std::to_string(bytes >> bits) + unit);
        }
    }
    return whole_value(bytes);
}

Node value_of(const KeyInfo& /*info*/, Duration source) { return text_value(duration_text(source)); }

Node value_of(const KeyInfo& /*info*/, bool source) {
    Node value;
    value.kind = NodeKind::boolean;
    value.flag = source;
    return value;
}

Node value_of(const KeyInfo& /*info*/, double source) {
    Node value;
    value.kind = NodeKind::real;
    value.real = source;
    return value;
}

Node value_of(const KeyInfo& /*info*/, const std::string& source) { return text_value(source); }

Node value_of(const KeyInfo& /*info*/, const std::vector<std::string>& source) { return array_of(source, text_value); }

Node value_of(const KeyInfo& info, const std::vector<std::uint8_t>& source) {
    const bool signals = info.shape == Shape::signals;
    return array_of(source, [signals](std::uint8_t item) { return signals ? signal_value(item) : whole_value(item); });
}

std::string text_of(const Node& value) {
    std::string out;
    append_value(out, value);
    return out;
}

}  // namespace backplane::config
