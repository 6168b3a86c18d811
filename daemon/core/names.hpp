// SPDX-License-Identifier: Apache-2.0
/// Names of Devices, names reserved for children, and who watches them (decision 15, rule X-20).
/// A table only: who is told what is the graph's business.
#pragma once

#include "daemon/core/image.hpp"
#include "daemon/core/texts.hpp"
#include "daemon/core/types.hpp"

#include <cstdint>
#include <string_view>
#include <vector>

namespace backplane::core {

struct NameEntry {
    DeviceId device;  ///< who has the name now, or zero
    TextIndex text;
    std::uint32_t hash;
    ChildIndex reserved_for;    ///< the child entry that the name belongs to, also while it is down
    std::uint32_t device_next;  ///< the next name of the same Device
    std::uint32_t watches;      ///< first watch of the name
    std::uint32_t next_free;
};

struct NameWatch {
    std::uint64_t incarnation;
    std::uint32_t name;
    SessionIndex session;
    std::uint32_t name_next, session_next;
};

/// Whether a name may be given at all: 1 to 255 bytes of [A-Za-z0-9._@:+-] in elements parted by single slashes, none of
/// them "." or "..".
[[nodiscard]] bool is_valid_name(std::string_view name);

class Names {
  public:
    explicit Names(Texts& texts) : texts_(texts), entries_(1), watches_(1) {}

    /// The entry's number, or 0.
    [[nodiscard]] std::uint32_t find(std::string_view name) const;
    /// The entry of this name, made where there is none. The name must be valid.
    std::uint32_t obtain(std::string_view name);
    /// Frees the entry where nobody has, reserves or watches it.
    void tidy(std::uint32_t entry);

    /// Keeps a path for a child entry; false where a Device or another child has it.
    bool reserve(std::string_view path, ChildIndex child);
    void unreserve(std::string_view path);

    [[nodiscard]] NameEntry& operator[](std::uint32_t entry) { return entries_[entry]; }
    [[nodiscard]] const NameEntry& operator[](std::uint32_t entry) const { return entries_[entry]; }
    [[nodiscard]] std::string_view text(std::uint32_t entry) const { return texts_[entries_[entry].text]; }
    [[nodiscard]] std::uint32_t size() const { return static_cast<std::uint32_t>(entries_.size()); }

    [[nodiscard]] std::uint32_t find_watch(std::uint32_t entry, SessionIndex session) const;
    std::uint32_t add_watch(std::uint32_t entry, SessionIndex session, std::uint32_t session_next);
    /// Takes the watch off its name and frees it; the session's own list is its caller's.
    void remove_watch(std::uint32_t watch);
    [[nodiscard]] NameWatch& watch(std::uint32_t watch) { return watches_[watch]; }
    [[nodiscard]] const NameWatch& watch(std::uint32_t watch) const { return watches_[watch]; }
    [[nodiscard]] std::uint32_t watches_size() const { return static_cast<std::uint32_t>(watches_.size()); }

    void save(ImageWriter& image) const;
    bool load(ImageReader& image);

  private:
    [[nodiscard]] std::size_t seek(std::string_view name, std::uint32_t hash) const;
    void rebuild(std::size_t size);

    Texts& texts_;
    std::vector<NameEntry> entries_;
    std::vector<NameWatch> watches_;
    std::vector<std::uint32_t> table_;  ///< entry numbers by hash; made anew on load, never walked
    std::uint32_t used_ = 0;
    std::uint32_t free_entry_ = 0, free_watch_ = 0;
};

}  // namespace backplane::core
