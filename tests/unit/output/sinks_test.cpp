// SPDX-License-Identifier: Apache-2.0
/// The journal's records, and the relay that nobody reads.
#include "daemon/output/sink.hpp"
#include "tests/unit/output/support.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <map>

namespace backplane::output {
namespace {

/// The fields of a record as journald reads them; empty where it is none.
std::multimap<std::string, std::string> fields_of(std::string_view record) {
    std::multimap<std::string, std::string> fields;
    while (!record.empty()) {
        const std::size_t newline = record.find('\n');
        if (newline == std::string_view::npos || record.size() < newline + 9) {
            return {};
        }
        const std::string name{record.substr(0, newline)};
        std::uint64_t size = 0;
        for (unsigned i = 0; i < 8; ++i) {
            size |= static_cast<std::uint64_t>(static_cast<unsigned char>(record[newline + 1 + i])) << (8 * i);
        }
        record.remove_prefix(newline + 9);
        if (record.size() < size + 1 || record[size] != '\n') {
            return {};
        }
        fields.emplace(name, record.substr(0, size));
        record.remove_prefix(size + 1);
    }
    return fields;
}

std::string field(const std::multimap<std::string, std::string>& fields, const std::string& name) {
    return fields.count(name) == 1 ? fields.find(name)->second : "(" + std::to_string(fields.count(name)) + " of them)";
}

class JournalSinkTest : public testing::OutputTest {
  protected:
    void listen() {
        server_.reset(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        sockaddr_un at{};
        at.sun_family = AF_UNIX;
        std::strncpy(at.sun_path, path("journal").c_str(), sizeof at.sun_path - 1);
        unlink(at.sun_path);
        ASSERT_EQ(bind(server_.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at), 0);
    }
    std::multimap<std::string, std::string> next() {
        std::array<char, 70'000> record{};
        const ssize_t size = recv(server_.get(), record.data(), record.size(), 0);
        return size < 0 ? std::multimap<std::string, std::string>{} : fields_of({record.data(), static_cast<std::size_t>(size)});
    }
    process::Descriptor server_;
};

TEST_F(JournalSinkTest, EachLineIsARecord) {
    listen();
    JournalSink sink{"sub/web", "sub/web", "stderr", 4711, path("journal")};
    EXPECT_EQ(sink.write("first\n\n<3>second\n<9>third").dropped, 0U);
    auto record = next();
    EXPECT_EQ(field(record, "MESSAGE"), "first");
    EXPECT_EQ(field(record, "PRIORITY"), "6");
    EXPECT_EQ(field(record, "SYSLOG_IDENTIFIER"), "sub/web");
    EXPECT_EQ(field(record, "BACKPLANE_CHILD"), "sub/web");
    EXPECT_EQ(field(record, "BACKPLANE_STREAM"), "stderr");
    EXPECT_EQ(field(record, "SYSLOG_PID"), "4711");
    record = next();
    EXPECT_EQ(field(record, "MESSAGE"), "second");
    EXPECT_EQ(field(record, "PRIORITY"), "3");
    EXPECT_EQ(field(next(), "MESSAGE"), "<9>third");
    EXPECT_TRUE(next().empty());
}

TEST_F(JournalSinkTest, NoLineForgesAField) {
    const JournalSink sink{"w", "w", "stdout", 1, path("journal")};
    const std::string hostile{"x\0PRIORITY=0\x1b[2J", 16};
    const auto record = fields_of(sink.record(hostile));
    EXPECT_EQ(field(record, "MESSAGE"), hostile);
    EXPECT_EQ(field(record, "PRIORITY"), "6");
}

TEST_F(JournalSinkTest, AJournalThatIsAwayCostsItsLinesAndIsFoundAgain) {
    JournalSink sink{"w", "w", "stdout", 1, path("journal")};
    Outcome outcome = sink.write("nobody\n");
    EXPECT_EQ(outcome.dropped, 7U);
    EXPECT_EQ(outcome.error_number, ENOENT);
    listen();
    EXPECT_EQ(sink.write("somebody\n").dropped, 0U);
    EXPECT_EQ(field(next(), "MESSAGE"), "somebody");
    listen();  // it was started anew
    EXPECT_EQ(sink.write("another\n").dropped, 0U);
    EXPECT_EQ(field(next(), "MESSAGE"), "another");
}

TEST(Relay, WhoeverDoesNotReadHoldsNobodyUp) {
    int ends[2] = {-1, -1};
    ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
    const process::Descriptor reading{ends[0]}, writing{ends[1]};
    Relay relay{writing.get()};
    EXPECT_EQ(relay.write("hello\n").dropped, 0U);
    const std::string much(100'000, 'x');
    const Outcome outcome = relay.write(much);
    EXPECT_EQ(outcome.error_number, EAGAIN);
    EXPECT_GT(outcome.dropped, 0U);
    EXPECT_EQ(relay.write("more\n").dropped, 5U);
    // Somebody reads again.
    std::array<char, 4096> part{};
    std::size_t read_bytes = 0;
    for (const std::size_t there = 6 + much.size() - outcome.dropped; read_bytes < there;) {
        read_bytes += static_cast<std::size_t>(read(reading.get(), part.data(), part.size()));
    }
    EXPECT_EQ(relay.write("again\n").dropped, 0U);
    EXPECT_EQ(read(reading.get(), part.data(), part.size()), 6);
}

TEST(Relay, ADeviceWithoutRoomIsTold) {
    const process::Descriptor full{open("/dev/full", O_WRONLY | O_CLOEXEC)};
    Relay relay{full.get()};
    const Outcome outcome = relay.write("hello\n");
    EXPECT_EQ(outcome.error_number, ENOSPC);
    EXPECT_EQ(outcome.dropped, 6U);
}

}  // namespace
}  // namespace backplane::output
