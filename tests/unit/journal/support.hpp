// SPDX-License-Identifier: Apache-2.0
/// What the tests of the journal share: a private folder in memory, one event of every kind, and files changed by hand.
#pragma once

#include "daemon/journal/journal.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace backplane::journal::testing {

/// A new folder of ours on tmpfs, gone with the test.
class JournalTest : public ::testing::Test {
  protected:
    void SetUp() override {
        std::string made = "/dev/shm/bp-journal-test-XXXXXX";
        ASSERT_NE(mkdtemp(made.data()), nullptr) << std::strerror(errno);
        folder_ = made;
        path_ = folder_ + "/journal";
    }
    void TearDown() override {
        std::error_code ignored;
        std::filesystem::remove_all(folder_, ignored);
    }
    [[nodiscard]] bool exists(const std::string& path) const {
        struct stat info {};
        return lstat(path.c_str(), &info) == 0;
    }

    std::string folder_;
    std::string path_;
};

/// An event that tells every one of its fields apart, of each kind that there is.
inline std::vector<core::Event> every_kind() {
    std::vector<core::Event> events;
    for (unsigned kind = 0; kind <= static_cast<unsigned>(core::EventKind::terminate); ++kind) {
        core::Event event = core::Event::of(static_cast<core::EventKind>(kind), 7 + kind);
        event.mode = 3;
        event.fault = 5;
        event.flag = 1;
        event.device = DeviceId::make(1, kind);
        event.other = DeviceId::make(2, 0xffffffff);
        event.argument = -4;
        event.child = 9;
        event.generation = 0xfffffffe;
        event.extra = 11;
        event.number = 0xfedcba9876543210ULL + kind;
        event.text = std::string_view{"the longest of all the texts that are here"}.substr(0, kind);
        events.push_back(event);
    }
    return events;
}

inline void expect_same(const core::Event& got, const core::Event& put) {
    EXPECT_EQ(std::memcmp(static_cast<const void*>(&got), static_cast<const void*>(&put), offsetof(core::Event, text)), 0);
    EXPECT_EQ(got.text, put.text);
}

inline std::string read_file(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), {});
}

/// In place, so that owner and mode stay.
inline void write_file(const std::string& path, const std::string& bytes) {
    std::ofstream file(path, std::ios::binary | std::ios::trunc);
    file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

/// All that a reader gives, with copies of the texts.
struct Read {
    std::vector<core::Event> events;
    std::vector<std::int64_t> times;
    std::vector<std::string> texts;
    Ending ending = Ending::whole;
    std::uint64_t place = 0;
};

inline Read read_all(Reader reader) {
    Read all;
    Entry entry;
    while (reader.next(entry)) {
        all.texts.emplace_back(entry.event.text);
        entry.event.text = {};
        all.events.push_back(entry.event);
        all.times.push_back(entry.at.ns);
    }
    all.ending = reader.ending();
    all.place = reader.place();
    return all;
}

/// A journal with an image and some events, as its file's bytes. Small: its sizes are those of the tests.
constexpr Sizes small_sizes{4096, 4096, 16384};

inline std::string journal_bytes(const std::string& path, std::string_view image, const std::vector<core::Event>& events) {
    auto made = Journal::create(path, image, small_sizes);
    EXPECT_TRUE(made.has_value());
    std::int64_t at = 1'000;
    for (const core::Event& event : events) {
        EXPECT_TRUE((*made)->append(Instant{++at}, event));
    }
    return read_file(path);
}

}  // namespace backplane::journal::testing
