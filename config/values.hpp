// SPDX-License-Identifier: Apache-2.0
/// Taking one value over from the document. Each function answers false, and leaves the target as it was or unused, where
/// the value is not of the right kind or out of range; the reader then reports it from the row of the table. The ways back are
/// in written.hpp.
#pragma once

#include "config/document.hpp"
#include "config/keys.hpp"
#include "config/written.hpp"

#include "daemon/core/spec.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

namespace backplane::config {

/// The one word beside numbers and durations where no bound is meant, as a row has it for its `words`.
inline constexpr std::array<std::string_view, 1> infinity_word{"infinity"};

/// A string without NUL: texts go to exec and open, where a NUL would end them silently.
[[nodiscard]] bool is_text(const Node& value);
/// A text that begins with a slash.
[[nodiscard]] bool is_absolute(const Node& value);

/// A whole number between the row's bounds.
[[nodiscard]] std::optional<std::int64_t> whole(const Node& value, const KeyInfo& info);
/// A number of bytes from 1, or a text such as `512M`.
[[nodiscard]] std::optional<std::uint64_t> byte_count(const Node& value);
/// One of the row's words, which stand in the order of their enumerators; `first` is the first word's enumerator.
template <class E>
[[nodiscard]] bool take_word(const Node& value, const KeyInfo& info, E& target, std::uint8_t first = 0) {
    for (std::size_t i = 0; value.kind == NodeKind::string && i < info.words.size(); ++i) {
        if (info.words[i] == value.text) {
            target = static_cast<E>(i + first);
            return true;
        }
    }
    return false;
}

// What a row's value becomes follows from the type of its target.
[[nodiscard]] bool take(const Node& value, const KeyInfo& info, Duration& target);
[[nodiscard]] bool take(const Node& value, const KeyInfo& info, bool& target);
[[nodiscard]] bool take(const Node& value, const KeyInfo& info, double& target);
[[nodiscard]] bool take(const Node& value, const KeyInfo& info, std::string& target);
template <class T>
requires std::is_integral_v<T>
[[nodiscard]] bool take(const Node& value, const KeyInfo& info, T& target) {
    const std::optional<std::int64_t> number = whole(value, info);
    if (number) {
        target = static_cast<T>(*number);
    }
    return number.has_value();
}
template <class E>
requires std::is_enum_v<E>
[[nodiscard]] bool take(const Node& value, const KeyInfo& info, E& target) { return take_word(value, info, target); }

// Lists report each wrong element at its own place.

/// An array of texts that are not empty; a wrong one becomes an empty one, so that element i of the document is `target[i]`.
[[nodiscard]] bool take_list(Reader& reader, const Node& value, const KeyInfo& info, std::vector<std::string>& target);
/// An array of exits or signals, as the row's shape has it: each once, in ascending order.
[[nodiscard]] bool take_list(Reader& reader, const Node& value, const KeyInfo& info, std::vector<std::uint8_t>& target);
/// An array of exit codes and names of signals, taken apart; each list as above.
[[nodiscard]] bool take_ends(Reader& reader, const Node& value, const KeyInfo& info, std::vector<std::uint8_t>& codes,
                             std::vector<std::uint8_t>& signals);

template <class T>
[[nodiscard]] bool take_any(Reader& /*reader*/, const Node& value, const KeyInfo& info, T& target) {
    return take(value, info, target);
}
template <class T>
[[nodiscard]] bool take_any(Reader& reader, const Node& value, const KeyInfo& info, std::vector<T>& target) {
    return take_list(reader, value, info, target);
}

template <auto Member, class Target>
bool read_member(Reader& reader, const Node& value, const KeyInfo& info, Target& target) {
    return take_any(reader, value, info, target.*Member);
}
template <auto Outer, auto Member, class Target>
bool read_inner_member(Reader& reader, const Node& value, const KeyInfo& info, Target& target) {
    return take_any(reader, value, info, (target.*Outer).*Member);
}

/// The ways of a row whose value goes into one member as it is.
template <auto Member, class Target = owner_of<decltype(Member)>>
inline constexpr Ways<Target> member{read_member<Member, Target>, write_member<Member, Target>};
/// The same for a member of a member.
template <auto Outer, auto Member, class Target = owner_of<decltype(Outer)>>
inline constexpr Ways<Target> inner_member{read_inner_member<Outer, Member, Target>, write_inner_member<Outer, Member, Target>};

}  // namespace backplane::config
