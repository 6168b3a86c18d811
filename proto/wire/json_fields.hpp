// SPDX-License-Identifier: Apache-2.0
/// The keys of one JSON object, taken one by one. The first wrong one is remembered by name and all later calls do nothing,
/// so a decoder reads as the list of its keys and asks once, at the end, whether all was right.
#pragma once

#include "proto/wire/json_in.hpp"

#include <backplane/ids.hpp>

#include <array>
#include <limits>
#include <optional>

namespace backplane::wire {

/// Whether a key may be missing. A null counts as missing.
enum class Need : std::uint8_t { required, optional };

class Fields {
  public:
    /// `where` stands before each key in an error's detail, as in `hello.client`; empty: the bare key. Both arguments
    /// outlive this.
    Fields(const JsonValue& object, std::string_view where, ErrorCode code);

    /// The value of a key that is there and not null, else nothing; it counts as known from here on.
    [[nodiscard]] const JsonValue* find(std::string_view key);

    // Each leaves `out` alone if the key is missing and may be. Ranges are inclusive.
    void text(std::string_view key, std::string& out, std::size_t bytes_max, Need need = Need::required);
    void optional_text(std::string_view key, std::optional<std::string>& out, std::size_t bytes_max);
    void boolean(std::string_view key, bool& out, Need need = Need::required);
    void line(std::string_view key, LineParts& out, Need need = Need::required);
    void epoch(std::string_view key, Epoch& out);
    template <class T>
    void number(std::string_view key, T& out, T low, T high, Need need = Need::required) {
        std::uint64_t raw = 0;
        constexpr bool is_signed = std::numeric_limits<T>::is_signed;
        const auto bits = [](T value) { return static_cast<std::uint64_t>(value); };
        if (is_signed ? take_signed(key, raw, static_cast<std::int64_t>(low), static_cast<std::int64_t>(high), need)
                      : take_unsigned(key, raw, bits(low), bits(high), need)) {
            out = static_cast<T>(raw);
        }
    }
    template <class T>
    void any_number(std::string_view key, T& out, Need need = Need::required) {
        number(key, out, std::numeric_limits<T>::min(), std::numeric_limits<T>::max(), need);
    }
    template <class T>
    void optional_number(std::string_view key, std::optional<T>& out) {
        T value{};
        if (find(key) != nullptr) {
            any_number(key, value);
            out = value;
        }
    }
    /// The array or object under a key; nothing if it is missing (an error if it must be there) or of another kind (an error).
    [[nodiscard]] const JsonValue* nested(std::string_view key, JsonKind kind, Need need = Need::required);

    /// Refuses every key that was not asked for.
    void refuse_others();
    void refuse(std::string_view key, std::string_view what);
    /// The same with an error that names its key already.
    void refuse(const Error& why);
    /// Takes over another object's error, for objects within this one.
    void take_error(const Fields& inner);

    [[nodiscard]] bool right() const { return error_.code == ErrorCode::ok; }
    [[nodiscard]] const Error& error() const { return error_; }

  private:
    [[nodiscard]] const JsonValue* find_kind(std::string_view key, JsonKind kind, std::string_view expected, Need need);
    bool take_signed(std::string_view key, std::uint64_t& out, std::int64_t low, std::int64_t high, Need need);
    bool take_unsigned(std::string_view key, std::uint64_t& out, std::uint64_t low, std::uint64_t high, Need need);

    const JsonValue& object_;
    std::string_view where_;
    ErrorCode code_;
    Error error_;
    std::array<bool, json_members_max> known_{};
};

/// An epoch's text: lower-case hexadecimal without leading zeros.
[[nodiscard]] std::string epoch_text(Epoch epoch);

}  // namespace backplane::wire
