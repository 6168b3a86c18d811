// SPDX-License-Identifier: Apache-2.0
/// nlohmann's parser tells no positions, but it reads one character at a time. An iterator that counts what was taken
/// gives the exact end of each token, and between two tokens there is nothing but blanks, comments, `,` and `:`; so the
/// beginning of a token is the first other character behind the end of the one before.
#include "config/document.hpp"

#include "config/words.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <iterator>

namespace backplane::config {
namespace {

/// Reads the text for nlohmann and counts the characters taken into a place that outlives its copies.
class CountingIterator {
  public:
    using iterator_category = std::input_iterator_tag;
    using value_type = char;
    using difference_type = std::ptrdiff_t;
    using pointer = const char*;
    using reference = const char&;

    CountingIterator(const char* at, std::size_t* taken) : at_(at), taken_(taken) {}
    reference operator*() const { return *at_; }
    CountingIterator& operator++() {
        ++at_;
        ++*taken_;
        return *this;
    }
    CountingIterator operator++(int) {
        CountingIterator before = *this;
        ++*this;
        return before;
    }
    bool operator==(const CountingIterator& other) const { return at_ == other.at_; }
    bool operator!=(const CountingIterator& other) const { return at_ != other.at_; }

  private:
    const char* at_;
    std::size_t* taken_;
};

/// The first character at or behind `from` that can begin a token.
std::size_t skip_between_tokens(std::string_view text, std::size_t from) {
    if (from == 0 && text.starts_with("\xef\xbb\xbf")) {
        from = 3;
    }
    while (from < text.size()) {
        if (std::string_view{" \t\r\n,:"}.find(text[from]) != std::string_view::npos) {
            ++from;
        } else if (text.substr(from).starts_with("//")) {
            from = std::min(text.find('\n', from), text.size());
        } else if (text.substr(from).starts_with("/*")) {
            const std::size_t end = text.find("*/", from + 2);
            from = end == std::string_view::npos ? text.size() : end + 2;
        } else {
            break;
        }
    }
    return from;
}

/// What nlohmann says is wrong, without its preamble, its count of lines and its copy of the input.
std::string plain_reason(std::string_view what) {
    const std::size_t syntax = what.find("syntax error ");
    if (syntax == std::string_view::npos) {
        // The only other complaint is about a number that no double can hold; its digits may be as many as the text has.
        const std::size_t bracket = what.find("] ");
        const std::string_view plain = bracket == std::string_view::npos ? what : what.substr(bracket + 2);
        return std::string{plain.substr(0, plain.find(" parsing '"))};
    }
    std::string_view rest = what.substr(syntax + 13);
    const std::size_t read = rest.find("; last read: '");
    std::string reason{rest.substr(0, read)};
    const std::size_t expected = rest.rfind("; expected ");
    if (read != std::string_view::npos && expected != std::string_view::npos && expected > read) {
        reason.append(rest.substr(expected));
    }
    return reason;
}

/// Whether nothing but blanks stands between the end and a comma.
bool ends_with_comma(std::string_view text) {
    const std::size_t last = text.find_last_not_of(" \t\r\n");
    return last != std::string_view::npos && text[last] == ',';
}

/// Builds the tree from nlohmann's calls. A pointer to an open container stays good, because the list that holds it
/// grows only when it is closed.
class Builder {
  public:
    Builder(std::string_view text, Document& out, const std::size_t& taken) : text_(text), out_(out), taken_(taken) {}

    bool null() { return scalar(NodeKind::null) != nullptr; }
    bool boolean(bool flag) {
        Node* node = scalar(NodeKind::boolean);
        if (node != nullptr) {
            node->flag = flag;
        }
        return node != nullptr;
    }
    bool number_integer(std::int64_t number) {
        Node* node = scalar(NodeKind::negative);
        if (node != nullptr) {
            node->real = static_cast<double>(number);
        }
        return node != nullptr;
    }
    bool number_unsigned(std::uint64_t number) {
        Node* node = scalar(NodeKind::natural);
        if (node != nullptr) {
            node->natural = number;
            node->real = static_cast<double>(number);
        }
        return node != nullptr;
    }
    bool number_float(double number, const std::string& /*source*/) {
        Node* node = scalar(NodeKind::real);
        if (node != nullptr) {
            node->real = number;
        }
        return node != nullptr;
    }
    bool string(std::string& text) {
        Node* node = scalar(NodeKind::string);
        if (node != nullptr) {
            node->text = std::move(text);
        }
        return node != nullptr;
    }
    bool binary(nlohmann::json::binary_t& /*bytes*/) { return false; }  // JSON text has none
    bool key(std::string& text) {
        Member& member = open_.back()->items.emplace_back();
        member.key = std::move(text);
        member.offset = next_token();
        return true;
    }
    bool start_object(std::size_t /*items*/) { return open(NodeKind::object); }
    /// All members are here now; twins are sought once for each object rather than for each key.
    bool end_object() {
        find_twins(*open_.back());
        return close();
    }
    bool start_array(std::size_t /*items*/) { return open(NodeKind::array); }
    bool end_array() { return close(); }
    bool parse_error(std::size_t at, const std::string& token, const nlohmann::detail::exception& error);

  private:
    bool refuse(std::size_t offset, std::string why, std::string_view name) {
        out_.flaws.push_back(Flaw{offset, path(open_.size()), std::move(why), name});
        return false;
    }
    /// The keys that lead to what was read last in the outermost `levels` open containers.
    [[nodiscard]] std::string path(std::size_t levels) const;
    /// Where the token just taken begins; the next one is looked for behind its end.
    std::size_t next_token() {
        const std::size_t begin = skip_between_tokens(text_, end_of_last_);
        end_of_last_ = std::max(begin, taken_);
        return begin;
    }
    Node* scalar(NodeKind kind);
    bool open(NodeKind kind);
    bool close() {
        next_token();
        open_.pop_back();
        return true;
    }
    void find_twins(const Node& object);

    std::string_view text_;
    Document& out_;
    const std::size_t& taken_;
    std::vector<Node*> open_;
    std::size_t end_of_last_ = 0;
    std::size_t values_ = 0;
};

/// Makes the node of a value that begins here, in its place in the tree; nullptr when there are too many.
Node* Builder::scalar(NodeKind kind) {
    const std::size_t begin = next_token();
    const bool number = kind == NodeKind::natural || kind == NodeKind::negative || kind == NodeKind::real;
    if (number) {
        // The end of a number is known only by the character behind it, which nlohmann has taken as well.
        end_of_last_ = std::min(text_.find_first_not_of("+-.0123456789eE", begin), text_.size());
    }
    if (++values_ > document_values_max) {
        refuse(begin, "more than " + std::to_string(document_values_max) + " values", "too_large");
        return nullptr;
    }
    Node* node = &out_.root;
    if (!open_.empty()) {
        Node& parent = *open_.back();
        node = parent.kind == NodeKind::array ? &parent.items.emplace_back().value : &parent.items.back().value;
    }
    node->kind = kind;
    node->offset = begin;
    return node;
}

/// A container is a value as well, and stays open until its closing bracket. nlohmann itself nests without a bound.
bool Builder::open(NodeKind kind) {
    Node* node = scalar(kind);
    if (node == nullptr) {
        return false;
    }
    if (open_.size() == static_cast<std::size_t>(document_depth_max)) {
        return refuse(node->offset, "nested deeper than " + std::to_string(document_depth_max), "too_deep");
    }
    open_.push_back(node);
    return true;
}

std::string Builder::path(std::size_t levels) const {
    std::string keys;
    for (std::size_t level = 0; level < levels && !open_[level]->items.empty(); ++level) {
        const Node& node = *open_[level];
        if (node.kind == NodeKind::object) {
            append_key(keys, node.items.back().key);
        } else {
            append_index(keys, node.items.size() - 1);
        }
    }
    return keys;
}

/// nlohmann accepts a key twice and keeps one of the two, which is never what the writer meant.
void Builder::find_twins(const Node& object) {
    std::vector<const Member*> sorted;
    sorted.reserve(object.items.size());
    for (const Member& member : object.items) {
        sorted.push_back(&member);
    }
    std::stable_sort(sorted.begin(), sorted.end(), [](const Member* a, const Member* b) { return a->key < b->key; });
    for (std::size_t i = 1; i < sorted.size(); ++i) {
        if (sorted[i]->key == sorted[i - 1]->key) {
            std::string key = path(open_.size() - 1);
            append_key(key, sorted[i]->key);
            std::string why = "expected each key once in an object, got " + in_quotes(sorted[i]->key) + " again";
            out_.flaws.push_back(Flaw{sorted[i]->offset, std::move(key), std::move(why), "duplicate_key"});
        }
    }
}

/// The last call of a parse that failed. The place is that of the token at fault, as far as it was taken.
bool Builder::parse_error(std::size_t /*at*/, const std::string& /*token*/, const nlohmann::detail::exception& error) {
    const std::string reason = plain_reason(error.what());
    const std::size_t last = taken_ > 0 ? taken_ - 1 : 0;
    std::size_t offset = std::min(skip_between_tokens(text_, end_of_last_), last);
    if (reason.find("invalid string") != std::string::npos) {
        offset = last;  // a string may be long: the character that is wrong says more than its beginning
    }
    if (reason.find("unexpected end of input") != std::string::npos) {
        offset = text_.size();
    }
    const bool closing = offset < text_.size() && (text_[offset] == '}' || text_[offset] == ']');
    const bool one_comma_too_many = closing && ends_with_comma(text_.substr(0, offset));
    return refuse(offset, "not JSON, " + reason + (one_comma_too_many ? "; the comma before it is one too many" : ""), "invalid_json");
}

}  // namespace

const Node* Node::find(std::string_view key) const {
    for (const Member& member : items) {
        if (member.key == key) {
            return &member.value;
        }
    }
    return nullptr;
}

Document parse_document(std::string_view text) {
    Document out;
    if (text.size() > document_bytes_max) {
        out.flaws.push_back(Flaw{0, {}, "longer than " + std::to_string(document_bytes_max) + " bytes", "too_large"});
        return out;
    }
    // nlohmann takes a NUL between tokens for the end of the text and would not look at what follows.
    if (const std::size_t nul = text.find('\0'); nul != std::string_view::npos) {
        out.flaws.push_back(Flaw{nul, {}, "not JSON, a NUL byte", "invalid_json"});
        return out;
    }
    std::size_t taken = 0;
    Builder builder(text, out, taken);
    out.complete = nlohmann::json::sax_parse(CountingIterator(text.data(), &taken), CountingIterator(text.data() + text.size(), &taken),
                                             &builder, nlohmann::json::input_format_t::json, true, true);
    std::stable_sort(out.flaws.begin(), out.flaws.end(), [](const Flaw& a, const Flaw& b) { return a.offset < b.offset; });
    return out;
}

Position position_at(std::string_view text, std::size_t offset) {
    offset = std::min(offset, text.size());
    Position position;
    for (const char c : text.substr(0, offset)) {
        if (c == '\n') {
            ++position.line;
            position.column = 1;
        } else if ((static_cast<unsigned char>(c) & 0xC0U) != 0x80U) {
            ++position.column;
        }
    }
    return position;
}

}  // namespace backplane::config
