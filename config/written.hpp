// SPDX-License-Identifier: Apache-2.0
/// Making values of the document out of targets, which values.hpp takes over again, and their text. Values made here stand at
/// no place: their offsets are zero.
#pragma once

#include "config/document.hpp"
#include "config/keys.hpp"

#include "daemon/core/spec.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace backplane::config {

[[nodiscard]] Node text_value(std::string_view text);
[[nodiscard]] Node whole_value(std::uint64_t number);
/// The signal's name, or its number where it has none.
[[nodiscard]] Node signal_value(std::int32_t signal);
/// The number, or a text such as `512M` where it is a whole one.
[[nodiscard]] Node byte_count_value(std::uint64_t bytes);

/// An array of what `make` makes of the items.
template <class T, class Make>
[[nodiscard]] Node array_of(const std::vector<T>& items, Make make) {
    Node array;
    array.kind = NodeKind::array;
    array.items.reserve(items.size());
    for (const T& item : items) {
        array.items.push_back(Member{{}, 0, make(item)});
    }
    return array;
}
/// The same as a row's value: nothing where there are no items.
template <class T, class Make>
[[nodiscard]] std::optional<Node> written_list(const std::vector<T>& items, Make make) {
    return items.empty() ? std::nullopt : std::optional{array_of(items, make)};
}

// What stands for a target follows from its type, as with `take`.
[[nodiscard]] Node value_of(const KeyInfo& info, Duration source);
[[nodiscard]] Node value_of(const KeyInfo& info, bool source);
[[nodiscard]] Node value_of(const KeyInfo& info, double source);
[[nodiscard]] Node value_of(const KeyInfo& info, const std::string& source);
[[nodiscard]] Node value_of(const KeyInfo& info, const std::vector<std::string>& source);
[[nodiscard]] Node value_of(const KeyInfo& info, const std::vector<std::uint8_t>& source);
template <class T>
requires std::is_integral_v<T>
[[nodiscard]] Node value_of(const KeyInfo& /*info*/, T source) {
    Node value = whole_value(source < 0 ? 0 : static_cast<std::uint64_t>(source));
    if (source < 0) {
        value.kind = NodeKind::negative;
        value.real = static_cast<double>(source);
    }
    return value;
}
/// One of the row's words, of which `first` is the first one's enumerator.
template <class E>
[[nodiscard]] Node word_of(const KeyInfo& info, E source, std::uint8_t first = 0) {
    const std::size_t at = static_cast<std::size_t>(source) - first;
    return text_value(at < info.words.size() ? info.words[at] : std::string_view{});
}
template <class E>
requires std::is_enum_v<E>
[[nodiscard]] Node value_of(const KeyInfo& info, E source) { return word_of(info, source); }

/// A target as it is without any key.
template <class Target>
[[nodiscard]] const Target& fresh() {
    static const Target target{};
    return target;
}

template <class T>
[[nodiscard]] bool differ(const T& a, const T& b) {
    return !(a == b);
}

template <class M>
struct MemberPointer;
template <class Owner, class T>
struct MemberPointer<T Owner::*> {
    using owner = Owner;
};
/// The class whose member it is.
template <class M>
using owner_of = typename MemberPointer<M>::owner;

/// The writing function of a row whose value is one member as it is.
template <auto Member, class Target = owner_of<decltype(Member)>>
std::optional<Node> write_member(const KeyInfo& info, const Target& target) {
    return differ(target.*Member, fresh<Target>().*Member) ? std::optional{value_of(info, target.*Member)} : std::nullopt;
}
/// The same for a member of a member.
template <auto Outer, auto Member, class Target = owner_of<decltype(Outer)>>
std::optional<Node> write_inner_member(const KeyInfo& info, const Target& target) {
    return write_member<Member>(info, target.*Outer);
}

/// An object by the table, with what its rows write. Rows of a holder that `is_none` says this object is not are not asked for.
template <class Target, class IsNone>
[[nodiscard]] Node written_object(Fields<Target> fields, const Target& target, const IsNone& is_none) {
    Node object;
    object.kind = NodeKind::object;
    for (const Field<Target>& field : fields) {
        if (is_none(field.info.holder)) {
            continue;
        }
        if (std::optional<Node> value = field.ways.write(field.info, target)) {
            object.items.push_back(Member{std::string{field.info.key}, 0, std::move(*value)});
        }
    }
    return object;
}

template <class Target>
[[nodiscard]] Node written_object(Fields<Target> fields, const Target& target) {
    return written_object(fields, target, [](Holder) { return false; });
}

/// The value as JSON on one line of ASCII without control characters, which any terminal can show.
[[nodiscard]] std::string text_of(const Node& value);

}  // namespace backplane::config
