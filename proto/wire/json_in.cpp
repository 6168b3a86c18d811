// SPDX-License-Identifier: Apache-2.0
/// Our tree over nlohmann's lexer and grammar, by its SAX face: it keeps its own state in a flat stack and calls us for each
/// value, so depth, members and duplicates are judged before anything is stored. The only file that sees nlohmann.
#include "proto/wire/json_in.hpp"

#include <nlohmann/json.hpp>

namespace backplane::wire {
namespace {

class TreeBuilder final : public nlohmann::json_sax<nlohmann::json> {
  public:
    bool null() override { return add({}) != nullptr; }
    bool boolean(bool value) override {
        JsonValue leaf;
        leaf.kind = JsonKind::boolean;
        leaf.boolean = value;
        return add(std::move(leaf)) != nullptr;
    }
    bool number_integer(number_integer_t value) override { return add_integer(static_cast<std::uint64_t>(value), value < 0); }
    bool number_unsigned(number_unsigned_t value) override { return add_integer(value, false); }
    bool number_float(number_float_t, const string_t&) override {
        JsonValue leaf;
        leaf.kind = JsonKind::real;
        return add(std::move(leaf)) != nullptr;
    }
    bool string(string_t& value) override {
        JsonValue leaf;
        leaf.kind = JsonKind::text;
        leaf.text = std::move(value);
        return add(std::move(leaf)) != nullptr;
    }
    bool binary(binary_t&) override { return refuse("binary"); }

    bool start_object(std::size_t) override { return open(JsonKind::object); }
    bool end_object() override { return close(); }
    bool start_array(std::size_t) override { return open(JsonKind::array); }
    bool end_array() override { return close(); }
    bool key(string_t& name) override {
        for (const JsonMember& member : stack_.back()->members) {
            if (member.key == name) {
                return refuse("key \"" + name + "\" twice");
            }
        }
        if (stack_.back()->members.size() >= json_members_max) {
            return refuse("more than " + std::to_string(json_members_max) + " keys in one object");
        }
        stack_.back()->members.push_back(JsonMember{std::move(name), {}});
        return true;
    }
    bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception&) override {
        return refuse("at byte " + std::to_string(position) + ": not JSON");
    }

    [[nodiscard]] JsonValue& root() { return root_; }
    [[nodiscard]] std::string& wrong() { return wrong_; }

  private:
    bool refuse(std::string what) {
        if (wrong_.empty()) {
            wrong_ = std::move(what);
        }
        return false;
    }

    bool add_integer(std::uint64_t number, bool negative) {
        JsonValue leaf;
        leaf.kind = JsonKind::integer;
        leaf.number = number;
        leaf.negative = negative;
        return add(std::move(leaf)) != nullptr;
    }

    /// Puts a value where the grammar stands: the place that it took, or nothing for a root that is no object.
    JsonValue* add(JsonValue value) {
        if (stack_.empty()) {
            if (value.kind != JsonKind::object) {
                refuse("not an object");
                return nullptr;
            }
            root_ = std::move(value);
            return &root_;
        }
        JsonValue& parent = *stack_.back();
        if (parent.kind == JsonKind::object) {
            parent.members.back().value = std::move(value);
            return &parent.members.back().value;
        }
        parent.items.push_back(std::move(value));
        return &parent.items.back();
    }

    bool open(JsonKind kind) {
        if (stack_.size() >= json_depth_max) {
            return refuse("nested deeper than " + std::to_string(json_depth_max));
        }
        JsonValue value;
        value.kind = kind;
        JsonValue* place = add(std::move(value));
        if (place == nullptr) {
            return false;
        }
        // A place stays where it is while it is open: only the innermost value grows.
        stack_.push_back(place);
        return true;
    }

    bool close() {
        stack_.pop_back();
        return true;
    }

    JsonValue root_;
    std::vector<JsonValue*> stack_;
    std::string wrong_;
};

}  // namespace

Expected<JsonValue> parse_json_object(std::string_view text) {
    // The lexer takes a NUL for the end of its input and skips a byte order mark; neither is JSON.
    if (text.find('\0') != std::string_view::npos) {
        return unexpected(ErrorCode::bad_request, "a raw NUL byte");
    }
    if (text.substr(0, 1) == "\xef") {
        return unexpected(ErrorCode::bad_request, "at byte 1: not JSON");
    }
    TreeBuilder builder;
    const bool right = nlohmann::json::sax_parse(text.begin(), text.end(), &builder);
    if (!right) {
        return unexpected(ErrorCode::bad_request, builder.wrong().empty() ? "not JSON" : std::move(builder.wrong()));
    }
    return std::move(builder.root());
}

}  // namespace backplane::wire
