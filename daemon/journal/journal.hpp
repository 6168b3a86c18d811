// SPDX-License-Identifier: Apache-2.0
/// The journal's file: a memory-mapped file on tmpfs, allocated before it is mapped (writing to a mapping of a full tmpfs is
/// SIGBUS). An event that `append` has taken survives any death of the daemon; not of the machine, with which the workers go too.
///
///     state     append                                        leaves by
///     open      takes everything                              no room for more: full
///     full      takes what cannot be refused, out of a        compaction, or room on the file system: open;
///               reserve that was allocated beforehand         the reserve is used up: broken
///     broken    takes nothing; the file says so itself        compaction: open
#pragma once

#include "daemon/core/event.hpp"
#include "daemon/journal/reader.hpp"
#include "daemon/journal/record.hpp"

#include <backplane/expected.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace backplane::journal {

/// Sizes of a journal; smaller ones are for tests.
struct Sizes {
    std::size_t step = 1U << 20;           ///< by so much the file grows
    std::size_t reserve = 256U << 10;      ///< kept for deaths when nothing can grow any more
    std::size_t compact_above = 4U << 20;  ///< records beyond this, and beyond four images, are compacted
};

class Journal {
  public:
    /// A new file at `path`, in the place of whatever lay there. `image`: the state that it begins with; empty: none.
    [[nodiscard]] static Expected<std::unique_ptr<Journal>> create(const std::string& path, std::string_view image,
                                                                   const Sizes& sizes = {});
    /// An existing file, to be read by `reader` to its end and then gone on with by `go_on`. `not_found` where there is none;
    /// `system` where it cannot be had, or is not a private file of ours; `corrupt_image` where it is no journal of this boot.
    [[nodiscard]] static Expected<std::unique_ptr<Journal>> open(const std::string& path, const Sizes& sizes = {});
    Journal(const Journal&) = delete;
    Journal& operator=(const Journal&) = delete;
    /// Unmaps and closes; the file stays.
    ~Journal();

    /// Of an opened file. The bytes stay valid until the next call that is not const.
    [[nodiscard]] Expected<Reader> reader() const;
    /// What was read up to `place` is what was: from there events are appended. What lies behind is cleared.
    [[nodiscard]] Expected<void> go_on(std::uint64_t place);

    /// Takes one event down. False, and nothing changed, where there is no room and it can be refused, or where it is broken.
    [[nodiscard]] bool append(Instant at, const core::Event& event) {
        const std::size_t bytes = stride(sizeof(RecordHead) + event.text.size());
        if (used_ + bytes > limit_) [[unlikely]] {
            if (!make_room(bytes, can_refuse(event.kind))) {
                return false;
            }
        }
        write(at, event);
        return true;
    }
    /// Whether an event of this kind may be answered by a refusal when the journal is full: new work may, ends may not.
    [[nodiscard]] static bool can_refuse(core::EventKind kind);

    [[nodiscard]] bool is_full() const { return full_; }
    [[nodiscard]] bool is_broken() const { return broken_; }
    /// Whether enough has been written to make a new file of it, or a new file is the only way out.
    [[nodiscard]] bool wants_compaction() const;
    /// Begins a new file with this image in the place of the old one, which stays beside it as PATH.1 for who wants to look back.
    /// An error leaves all as it was.
    [[nodiscard]] Expected<void> compact(std::string_view image);

    /// Where the one who spawns leaves word; good until the next append.
    [[nodiscard]] SpawnSlot& slot();
    [[nodiscard]] std::uint64_t used() const { return used_; }
    [[nodiscard]] const std::string& path() const { return path_; }
    /// An ordinary end: nothing is left to come back to.
    void remove();

    /// Where the journal of a socket lies (decision 26): in $RUNTIME_DIRECTORY, else beside the socket where that is tmpfs, else in
    /// /dev/shm/backplane-UID, which is made; its name is a hash of the socket's path. `system` where none of them serves.
    [[nodiscard]] static Expected<std::string> choose_path(const std::string& socket, const std::string& runtime_directory);

  private:
    Journal(std::string path, int fd, const Sizes& sizes) : path_(std::move(path)), sizes_(sizes), fd_(fd) {}
    [[nodiscard]] static Expected<std::unique_ptr<Journal>> prepare(const std::string& path, std::string_view image, const Sizes& sizes);
    [[nodiscard]] int map_whole();
    [[nodiscard]] bool make_room(std::size_t bytes, bool refusable);
    [[nodiscard]] bool grow(std::size_t bytes);
    [[nodiscard]] bool grow_to(std::size_t wider);
    void write(Instant at, const core::Event& event);
    void begin(std::string_view image);
    [[nodiscard]] Head& head();
    void set_limit();
    [[nodiscard]] std::unique_ptr<Journal> write_anew(std::string_view image);
    [[nodiscard]] bool lies_at(const std::string& place) const;
    void take_over(Journal& other);

    std::string path_;
    Sizes sizes_;
    int fd_ = -1;
    char* bytes_ = nullptr;
    std::size_t size_ = 0;   ///< mapped and allocated
    std::size_t used_ = 0;   ///< where the next record goes
    std::size_t limit_ = 0;  ///< up to here `append` need not look
    std::uint64_t nonce_ = 0;
    std::size_t image_bytes_ = 0;
    bool full_ = false;
    bool broken_ = false;
    std::unique_ptr<Journal> before_;  ///< the file at PATH.1, of which the next compaction makes the new one
};

}  // namespace backplane::journal
