// SPDX-License-Identifier: Apache-2.0
/// JSON with comments as a tree that knows where in the text each key and value stands (decision 23).
///
/// Hostile text costs no more than its own size, bounded: length, nesting and number of values have limits, and nothing
/// recurses while parsing. Text that is no JSON, has a key twice in one object, a NUL or bad UTF-8 is refused.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace backplane::config {

inline constexpr std::size_t document_bytes_max = 16 * 1024 * 1024;
inline constexpr std::size_t document_values_max = 2'000'000;
inline constexpr int document_depth_max = 64;

enum class NodeKind : std::uint8_t { null, boolean, natural, negative, real, string, array, object };

struct Member;

/// One value. `offset` is the byte in the text at which it begins.
struct Node {
    NodeKind kind = NodeKind::null;
    bool flag = false;  ///< boolean
    std::size_t offset = 0;
    std::uint64_t natural = 0;  ///< natural: a whole number that is not negative and fits
    double real = 0.0;          ///< every number
    std::string text;           ///< string, escapes undone
    std::vector<Member> items;  ///< object: in the text's order; array: with empty keys

    /// The value behind a key, or nullptr. Linear: objects of a configuration are small where this is asked.
    [[nodiscard]] const Node* find(std::string_view key) const;
};

struct Member {
    std::string key;
    std::size_t offset = 0;  ///< of the key's opening quote
    Node value;
};

/// What is wrong with the text itself: `name` as in the brackets of a problem, `offset` where it stands, `key` the path
/// of keys that leads there.
struct Flaw {
    std::size_t offset = 0;
    std::string key;
    std::string text;
    std::string_view name;
};

struct Document {
    Node root;
    std::vector<Flaw> flaws;  ///< in the text's order; empty where the document is sound
    bool complete = false;    ///< false: the text could not be read to its end, `root` is a part of it
};

[[nodiscard]] Document parse_document(std::string_view text);

/// A place as people count it: both from 1, columns in characters rather than bytes.
struct Position {
    std::uint32_t line = 1;
    std::uint32_t column = 1;
};
/// Linear in `offset`. An offset beyond the text is its end.
[[nodiscard]] Position position_at(std::string_view text, std::size_t offset);

}  // namespace backplane::config
