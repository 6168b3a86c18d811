// SPDX-License-Identifier: Apache-2.0
/// The file and its mapping. See journal.hpp for the states.
#include "daemon/journal/journal.hpp"

#include "daemon/journal/place.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <utility>

namespace backplane::journal {
namespace {

Unexpected system_error(const std::string& what, int error_number) {
    return unexpected(ErrorCode::system, "journal " + what + ": " + std::strerror(error_number));
}

std::uint64_t fresh_nonce() {
    std::uint64_t nonce = 0;
    while (getrandom(&nonce, sizeof nonce, 0) != static_cast<ssize_t>(sizeof nonce) && errno == EINTR) {
    }
    return nonce;
}

std::int64_t microseconds(clockid_t clock) {
    timespec t{};
    clock_gettime(clock, &t);
    return std::int64_t{t.tv_sec} * 1'000'000 + t.tv_nsec / 1'000;
}

/// What lies between `from` and `size` is allocated for good: what is mapped of it can be written without fear. Answers 0 or errno.
int allocate(int fd, std::size_t from, std::size_t size) {
    int answer = EINTR;
    while (answer == EINTR) {
        answer = posix_fallocate(fd, static_cast<off_t>(from), static_cast<off_t>(size - from));
    }
    return answer;
}

/// Has the pages of a mapping made and mapped in one go: one after the other, at the first write to each, they cost several times as
/// much. Where the kernel cannot (before 5.14) it stays at that.
void populate(char* from, std::size_t size) {
#ifdef MADV_POPULATE_WRITE
    (void)madvise(from, size, MADV_POPULATE_WRITE);
#else
    static_cast<void>(from);
    static_cast<void>(size);
#endif
}

/// Of a file that is being made and is not yet in its place.
constexpr const char* fresh_suffix = ".new";
/// Of the one before, for who wants to look back.
constexpr const char* before_suffix = ".1";

std::size_t whole_pages(std::size_t size) { return (size + 4095) & ~std::size_t{4095}; }

}  // namespace

// ---- making and opening ------------------------------------------------------------------------------------------------------

Expected<std::unique_ptr<Journal>> Journal::create(const std::string& path, std::string_view image, const Sizes& sizes) {
    const std::string fresh = path + fresh_suffix;
    Expected<std::unique_ptr<Journal>> made = prepare(path, image, sizes);
    if (made && rename(fresh.c_str(), path.c_str()) != 0) {
        const int wrong = errno;
        unlink(fresh.c_str());
        return system_error(path, wrong);
    }
    return made;
}

/// The new file, whole, under its passing name.
Expected<std::unique_ptr<Journal>> Journal::prepare(const std::string& path, std::string_view image, const Sizes& sizes) {
    const std::string fresh = path + fresh_suffix;
    unlink(fresh.c_str());
    const int fd = ::open(fresh.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) {
        return system_error(fresh, errno);
    }
    std::unique_ptr<Journal> journal{new Journal{path, fd, sizes}};
    const std::size_t size = whole_pages(head_bytes + stride(image.size()) + sizes.reserve + sizes.step);
    int wrong = allocate(fd, 0, size);
    journal->size_ = size;
    wrong = wrong != 0 ? wrong : journal->map_whole();
    if (wrong != 0) {
        unlink(fresh.c_str());
        return system_error(fresh, wrong);
    }
    populate(journal->bytes_, size);
    journal->begin(image);
    return journal;
}

Expected<std::unique_ptr<Journal>> Journal::open(const std::string& path, const Sizes& sizes) {
    const int fd = ::open(path.c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        return errno == ENOENT ? Unexpected{Error{ErrorCode::not_found, path}} : system_error(path, errno);
    }
    std::unique_ptr<Journal> journal{new Journal{path, fd, sizes}};
    struct stat info {};
    if (fstat(fd, &info) != 0) {
        return system_error(path, errno);
    }
    if (!S_ISREG(info.st_mode) || info.st_uid != geteuid() || info.st_nlink != 1 || (info.st_mode & 077) != 0) {
        return unexpected(ErrorCode::system, "journal " + path + ": not a private file of ours; it is left alone");
    }
    journal->size_ = static_cast<std::size_t>(info.st_size);
    if (journal->size_ < head_bytes) {
        return unexpected(ErrorCode::corrupt_image, "journal " + path + ": shorter than its head");
    }
    // Holes would be filled at the first write to them, which is too late to fail.
    if (const int wrong = allocate(fd, 0, journal->size_); wrong != 0) {
        return system_error(path, wrong);
    }
    if (const int wrong = journal->map_whole(); wrong != 0) {
        return system_error(path, wrong);
    }
    if (std::strncmp(journal->head().boot_id, boot_id().c_str(), boot_id_bytes) != 0) {
        return unexpected(ErrorCode::corrupt_image, "journal " + path + ": of another boot of this machine");
    }
    return journal;
}

Journal::~Journal() {
    if (bytes_ != nullptr) {
        munmap(bytes_, size_);
    }
    if (fd_ >= 0) {
        close(fd_);
    }
}

int Journal::map_whole() {
    void* mapping = mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_SHARED, fd_, 0);
    if (mapping == MAP_FAILED) {
        return errno;
    }
    bytes_ = static_cast<char*>(mapping);
    return 0;
}

Head& Journal::head() { return *reinterpret_cast<Head*>(bytes_); }

void Journal::begin(std::string_view image) {
    Head made;
    made.magic = head_magic;
    made.version = format_version;
    std::snprintf(made.boot_id, sizeof made.boot_id, "%s", boot_id().c_str());
    made.nonce = fresh_nonce();
    made.image_bytes = image.size();
    made.image_sum = checksum(image.data(), image.size(), made.nonce);
    made.wall_offset_us = microseconds(CLOCK_REALTIME) - microseconds(CLOCK_MONOTONIC);
    made.sum = head_sum(made);
    made.state = HeadState::good;
    std::copy(image.begin(), image.end(), bytes_ + head_bytes);
    std::memcpy(static_cast<void*>(bytes_), &made, sizeof made);
    nonce_ = made.nonce;
    image_bytes_ = image.size();
    used_ = head_bytes + stride(image.size());
    set_limit();
}

Expected<Reader> Journal::reader() const { return Reader::open(std::string_view{bytes_, size_}); }

Expected<void> Journal::go_on(std::uint64_t place) {
    nonce_ = head().nonce;
    image_bytes_ = static_cast<std::size_t>(head().image_bytes);
    used_ = static_cast<std::size_t>(place);
    // A record that was being written may lie there; the next one may be shorter.
    std::memset(bytes_ + used_, 0, size_ - used_);
    set_limit();
    return {};
}

// ---- writing -----------------------------------------------------------------------------------------------------------------

void Journal::write(Instant at, const core::Event& event) {
    char* place = bytes_ + used_;
    if (!event.text.empty()) [[unlikely]] {
        std::memcpy(place + sizeof(RecordHead), event.text.data(), event.text.size());
    }
    used_ += stride(write_head(place, at, event, nonce_, used_));
}

bool Journal::can_refuse(core::EventKind kind) {
    switch (kind) {
        case core::EventKind::create:
        case core::EventKind::link:
        case core::EventKind::grant:
        case core::EventKind::register_name:
        case core::EventKind::watch_name:
        case core::EventKind::add_child:
        case core::EventKind::label: return true;
        default: return false;
    }
}

/// The reserve lies behind the limit as long as there is hope to grow.
void Journal::set_limit() {
    limit_ = size_ > sizes_.reserve ? size_ - sizes_.reserve : 0;
    full_ = false;
    broken_ = false;
}

bool Journal::grow(std::size_t bytes) { return grow_to(whole_pages(std::max(size_ + sizes_.step, used_ + bytes + sizes_.reserve))); }

bool Journal::grow_to(std::size_t wider) {
    if (allocate(fd_, size_, wider) != 0) {
        return false;
    }
    void* mapping = mremap(bytes_, size_, wider, MREMAP_MAYMOVE);
    if (mapping == MAP_FAILED) {
        return false;
    }
    bytes_ = static_cast<char*>(mapping);
    populate(bytes_ + size_, wider - size_);
    size_ = wider;
    set_limit();
    return true;
}

bool Journal::make_room(std::size_t bytes, bool refusable) {
    if (broken_) {
        return false;
    }
    if (grow(bytes)) {
        return true;
    }
    full_ = true;
    if (refusable) {
        return false;
    }
    if (used_ + bytes <= size_) {
        return true;
    }
    // The state goes on and this file does not: it must not be taken for the state any more.
    broken_ = true;
    head().state = HeadState::broken;
    return false;
}

bool Journal::wants_compaction() const {
    const std::size_t records = used_ - head_bytes - image_bytes_;
    return broken_ || (full_ && records > image_bytes_) || (records > sizes_.compact_above && records / 4 > image_bytes_);
}

/// At every moment one whole journal lies at the path, under no second name (which `open` takes for another's doing): whenever the
/// daemon is killed in here, the next one finds the old or the new.
Expected<void> Journal::compact(std::string_view image) {
    const std::string before = path_ + before_suffix;
    const std::string fresh = path_ + fresh_suffix;
    std::unique_ptr<Journal> made = write_anew(image);
    if (made == nullptr) {
        unlink(before.c_str());
        Expected<std::unique_ptr<Journal>> prepared = prepare(path_, image, sizes_);
        if (!prepared) {
            return unexpected(prepared.error());
        }
        made = std::move(*prepared);
    }
    made->slot() = slot();
    const bool is_kept = !full_ && !broken_ && renameat2(AT_FDCWD, fresh.c_str(), AT_FDCWD, path_.c_str(), RENAME_EXCHANGE) == 0;
    if (is_kept) {
        (void)std::rename(fresh.c_str(), before.c_str());
    } else if (std::rename(fresh.c_str(), path_.c_str()) != 0) {
        const int wrong = errno;
        unlink(fresh.c_str());
        return system_error(path_, wrong);
    }
    take_over(*made);
    before_ = is_kept ? std::move(made) : nullptr;
    return {};
}

/// The new file out of the one before the last, whose pages are made and mapped: that costs less than half of new ones. None where
/// there is no such file, or it does not serve.
std::unique_ptr<Journal> Journal::write_anew(std::string_view image) {
    std::unique_ptr<Journal> again = std::move(before_);
    const std::string before = path_ + before_suffix;
    const std::string fresh = path_ + fresh_suffix;
    if (again == nullptr || !again->lies_at(before)) {
        return nullptr;
    }
    const std::size_t needed = whole_pages(head_bytes + stride(image.size()) + sizes_.reserve + sizes_.step);
    const bool is_too_large = again->size_ > needed + 2 * (sizes_.compact_above + sizes_.step);
    if (is_too_large || rename(before.c_str(), fresh.c_str()) != 0) {
        return nullptr;
    }
    if (again->size_ < needed && !again->grow_to(needed)) {
        unlink(fresh.c_str());
        return nullptr;
    }
    std::memset(again->bytes_, 0, again->size_);
    again->begin(image);
    return again;
}

bool Journal::lies_at(const std::string& place) const {
    struct stat there {};
    struct stat here {};
    return lstat(place.c_str(), &there) == 0 && fstat(fd_, &here) == 0 && there.st_dev == here.st_dev && there.st_ino == here.st_ino;
}

void Journal::take_over(Journal& other) {
    std::swap(fd_, other.fd_);
    std::swap(bytes_, other.bytes_);
    std::swap(size_, other.size_);
    used_ = other.used_;
    nonce_ = other.nonce_;
    image_bytes_ = other.image_bytes_;
    set_limit();
}

SpawnSlot& Journal::slot() { return head().slot; }

void Journal::remove() {
    unlink(path_.c_str());
    unlink((path_ + before_suffix).c_str());
    unlink((path_ + fresh_suffix).c_str());
}

}  // namespace backplane::journal
