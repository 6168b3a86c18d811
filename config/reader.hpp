// SPDX-License-Identifier: Apache-2.0
/// Walks documents by the table and collects what is wrong, with the file and the path of keys that lead there.
#pragma once

#include "config/document.hpp"
#include "config/keys.hpp"
#include "config/settings.hpp"

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace backplane::config {

class Reader {
  public:
    /// The files must live as long as the reader, which begins with the first. There is at least one.
    Reader(std::span<const SourceFile> files, std::uint32_t cpus) : files_(files), cpus_(cpus) {}

    /// Lengthens the path of keys for as long as it lives.
    class Within {
      public:
        Within(Reader& reader, std::string_view key);
        Within(Reader& reader, std::size_t index);
        ~Within() { reader_.path_.resize(before_); }
        Within(const Within&) = delete;
        Within& operator=(const Within&) = delete;

      private:
        Reader& reader_;
        std::size_t before_;
    };

    /// Reads another file, from its root, for as long as it lives. Nothing where it is the present one.
    class InFile {
      public:
        InFile(Reader& reader, std::size_t file);
        ~InFile();
        InFile(const InFile&) = delete;
        InFile& operator=(const InFile&) = delete;

      private:
        Reader& reader_;
        std::size_t before_;
        std::string path_before_;
    };

    /// A copy of what has been looked at already: for as long as it lives a problem is told only if it is a new one.
    class Again {
      public:
        Again(Reader& reader, bool again) : reader_(reader), before_(reader.again_) { reader.again_ = before_ || again; }
        ~Again() { reader_.again_ = before_; }
        Again(const Again&) = delete;
        Again& operator=(const Again&) = delete;

      private:
        Reader& reader_;
        bool before_;
    };

    /// What is wrong with the text itself.
    void flaw(const Flaw& flaw);
    /// A problem at the present path. `name` must be a literal.
    void error(std::size_t offset, std::string text, std::string_view name);
    void warn(std::size_t offset, std::string text, std::string_view name);
    /// `expected EXPECTED, got WHAT STANDS THERE`, and behind it a hint that there may be.
    void wrong(const Node& got, std::string_view expected, std::string_view name, std::string_view hint = {});
    /// The same from a row of the table, with the hint that its shape allows.
    void wrong(const Node& got, const KeyInfo& info);
    /// An error at one of the object's keys.
    void error_at(const Node& object, std::string_view key, std::string text, std::string_view name);

    /// Takes all members of an object over by the table; reports unknown and missing keys. False: it is no object, which
    /// has been reported as `problem`.
    template <class Target>
    bool object(const Node& node, std::span<const Field<Target>> fields, std::string_view problem, Target& target);

    /// Errors so far, the hidden ones included.
    [[nodiscard]] std::size_t errors() const { return errors_.size() + errors_hidden_; }
    /// Whether nothing has been wrong within the innermost object so far.
    [[nodiscard]] bool object_sound() const { return errors() == errors_before_object_; }

    /// Counts copies that instances and partitions make of a child; false: they are too many, or too large together.
    [[nodiscard]] bool may_copy(std::size_t copies, std::size_t bytes_each);
    /// Counts the elements of a list of children; false: they are too many.
    [[nodiscard]] bool may_add(std::size_t children);
    /// The children are not those that the documents say, so the two cannot be walked side by side.
    void distrust_tree() { tree_trusted_ = false; }
    [[nodiscard]] bool tree_trusted() const { return tree_trusted_; }
    /// What `"partitions": "cpus"` stands for.
    [[nodiscard]] std::uint32_t cpus() const { return cpus_; }
    [[nodiscard]] std::size_t file() const { return file_; }
    [[nodiscard]] std::string_view file_name(std::size_t file) const { return files_[file].name; }

    /// Moves what was collected into the reading, in the order of the files and their texts.
    void finish(Reading& reading);

  private:
    struct Found {
        std::size_t file = 0;
        std::size_t offset = 0;
        std::string key;
        std::string text;
        std::string_view name;
    };

    [[nodiscard]] std::string shown(const Node& node) const;
    [[nodiscard]] std::string hint(const Node& got, const KeyInfo& info) const;
    void unknown_key(const Member& member, std::span<const std::string_view> known);
    void keep(std::vector<Found>& list, std::size_t& hidden, Found found) const;
    [[nodiscard]] std::vector<Problem> placed(std::vector<Found>& list) const;

    std::span<const SourceFile> files_;
    std::uint32_t cpus_;
    std::size_t file_ = 0;
    std::string path_;
    std::vector<Found> errors_;
    std::vector<Found> warnings_;
    std::size_t errors_hidden_ = 0;
    std::size_t warnings_hidden_ = 0;
    std::size_t errors_before_object_ = 0;
    std::size_t children_ = 0;
    std::size_t copies_ = 0;
    std::size_t copied_bytes_ = 0;
    bool tree_trusted_ = true;
    bool again_ = false;
};

template <class Target>
bool Reader::object(const Node& node, std::span<const Field<Target>> fields, std::string_view problem, Target& target) {
    if (node.kind != NodeKind::object) {
        wrong(node, "an object", problem);
        return false;
    }
    const std::size_t outer = std::exchange(errors_before_object_, errors());
    std::vector<const Node*> given(fields.size());
    for (const Member& member : node.items) {
        std::size_t at = 0;
        while (at < fields.size() && fields[at].info.key != member.key) {
            ++at;
        }
        if (at == fields.size()) {
            const Within key(*this, member.key);
            std::vector<std::string_view> known;
            for (const Field<Target>& field : fields) {
                known.push_back(field.info.key);
            }
            unknown_key(member, known);
            continue;
        }
        given[at] = &member.value;
    }
    for (std::size_t at = 0; at < fields.size(); ++at) {
        const KeyInfo& info = fields[at].info;
        if (given[at] == nullptr && info.missing.empty()) {
            continue;
        }
        const Within key(*this, info.key);
        if (given[at] == nullptr) {
            error(node.offset, "expected " + expectation(info) + ", got nothing", info.missing);
        } else if (!fields[at].ways.read(*this, *given[at], info, target)) {
            wrong(*given[at], info);
        }
    }
    errors_before_object_ = outer;
    return true;
}

}  // namespace backplane::config
