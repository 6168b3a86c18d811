// SPDX-License-Identifier: Apache-2.0
/// Walks a document by the table and collects what is wrong, with the path of keys that leads there.
#pragma once

#include "config/document.hpp"
#include "config/keys.hpp"
#include "config/settings.hpp"

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace backplane::config {

class Reader {
  public:
    /// The text must live as long as the reader.
    explicit Reader(std::string_view text) : text_(text) {}

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

    /// What is wrong with the text itself.
    void flaw(const Flaw& flaw);
    /// A problem at the present path. `name` must be a literal.
    void error(std::size_t offset, std::string text, std::string_view name);
    void warn(std::size_t offset, std::string text, std::string_view name);
    /// `expected EXPECTED, got WHAT STANDS THERE`.
    void wrong(const Node& got, std::string_view expected, std::string_view name);
    /// The same from a row of the table, with the hint that its shape allows.
    void wrong(const Node& got, const KeyInfo& info);

    /// Takes all members of an object over by the table; reports unknown and missing keys. False: it is no object, which
    /// has been reported as `problem`.
    template <class Target>
    bool object(const Node& node, std::span<const Field<Target>> fields, std::string_view problem, Target& target);

    /// Moves what was collected into the reading, in the order of the text.
    void finish(Reading& reading, std::string_view file_name);

  private:
    struct Found {
        std::size_t offset = 0;
        std::string key;
        std::string text;
        std::string_view name;
    };

    [[nodiscard]] std::string shown(const Node& node) const;
    [[nodiscard]] std::string hint(const Node& got, const KeyInfo& info) const;
    void unknown_key(const Member& member, Section section, std::span<const std::string_view> known);
    static void keep(std::vector<Found>& list, std::size_t& hidden, Found found);
    [[nodiscard]] std::vector<Problem> placed(std::vector<Found>& list, std::string_view file_name) const;

    std::string_view text_;
    std::string path_;
    std::vector<Found> errors_;
    std::vector<Found> warnings_;
    std::size_t errors_hidden_ = 0;
    std::size_t warnings_hidden_ = 0;
};

template <class Target>
bool Reader::object(const Node& node, std::span<const Field<Target>> fields, std::string_view problem, Target& target) {
    if (node.kind != NodeKind::object) {
        wrong(node, "an object", problem);
        return false;
    }
    std::vector<bool> present(fields.size());
    for (const Member& member : node.items) {
        std::size_t at = 0;
        while (at < fields.size() && fields[at].info.key != member.key) {
            ++at;
        }
        const Within key(*this, member.key);
        if (at == fields.size()) {
            std::vector<std::string_view> known;
            for (const Field<Target>& field : fields) {
                known.push_back(field.info.key);
            }
            unknown_key(member, fields.front().info.section, known);
            continue;
        }
        present[at] = true;
        if (!fields[at].read(*this, member.value, fields[at].info, target)) {
            wrong(member.value, fields[at].info);
        }
    }
    for (std::size_t at = 0; at < fields.size(); ++at) {
        const KeyInfo& info = fields[at].info;
        if (!present[at] && !info.missing.empty()) {
            const Within key(*this, info.key);
            error(node.offset, std::string{"expected "}.append(info.expected).append(", got nothing"), info.missing);
        }
    }
    return true;
}

}  // namespace backplane::config
