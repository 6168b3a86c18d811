// SPDX-License-Identifier: Apache-2.0
/// JSON as the protocol takes it: one object, bounded depth, bounded members, no key twice, UTF-8 without raw NUL. The
/// bounds are enforced while the text is read, so that hostile input never grows a tree that is then refused.
#pragma once

#include "proto/wire/limits.hpp"

#include <backplane/expected.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace backplane::wire {

/// `real` is a number that is no integer of 64 bits; no field of the protocol takes one.
enum class JsonKind : std::uint8_t { null, boolean, integer, real, text, array, object };

struct JsonMember;

/// One value, owning what is in it. At most `json_depth_max` deep, so destruction may recurse.
struct JsonValue {
    JsonKind kind = JsonKind::null;
    bool boolean = false;
    bool negative = false;            ///< integer: `number` holds the two's complement of a value below zero
    std::uint64_t number = 0;         ///< integer
    std::string text;                 ///< text
    std::vector<JsonValue> items;     ///< array
    std::vector<JsonMember> members;  ///< object, in the order of the text
};

struct JsonMember {
    std::string key;
    JsonValue value;
};

/// Reads one object that fills `text` (white space around it is allowed). On failure the detail says what is wrong and
/// where: `at byte 17: not JSON`, `key "name" twice`. The code is `bad_request`; the caller may know a better one.
[[nodiscard]] Expected<JsonValue> parse_json_object(std::string_view text);

}  // namespace backplane::wire
