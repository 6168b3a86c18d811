// SPDX-License-Identifier: Apache-2.0
/// PROTOCOL.md is what clients in other languages are written from, so its tables must be those of the code: bounds, errors,
/// frames, calls, and the bytes of its worked example.
#include "proto/wire/limits.hpp"
#include "tests/unit/wire/samples.hpp"

#include <gtest/gtest.h>

#include <map>
#include <vector>

namespace backplane::wire {
namespace {

/// The text between two headings.
std::string section(const std::string& heading) {
    const std::string all = read_text("proto/PROTOCOL.md");
    const std::size_t begin = all.find("\n" + heading);
    if (begin == std::string::npos) {
        return {};
    }
    const std::size_t end = all.find("\n## ", begin + 1);
    return all.substr(begin, end == std::string::npos ? end : end - begin);
}

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);) {
        lines.push_back(line);
    }
    return lines;
}

/// The rows of a section's tables, as cells without blanks and backticks around them; heads and rulers left out.
std::vector<std::vector<std::string>> rows_of(const std::string& heading) {
    std::vector<std::vector<std::string>> rows;
    for (const std::string& line : lines_of(section(heading))) {
        if (line.starts_with("| ---")) {
            rows.pop_back();  // The line before a ruler is the table's head.
        } else if (line.starts_with("| ")) {
            std::vector<std::string>& cells = rows.emplace_back();
            std::istringstream stream(line.substr(1));
            for (std::string cell; std::getline(stream, cell, '|');) {
                const std::size_t begin = cell.find_first_not_of(" `");
                cells.push_back(begin == std::string::npos ? "" : cell.substr(begin, cell.find_last_not_of(" `") - begin + 1));
            }
        }
    }
    return rows;
}

TEST(Document, BoundsAreThoseOfLimitsHpp) {
    std::map<std::string, std::uint64_t> written;
    for (const std::vector<std::string>& row : rows_of("## 9.")) {
        written[row.at(0)] = std::stoull(row.at(1));
    }
    std::map<std::string, std::uint64_t> known;
    for (const Limit& limit : all_limits()) {
        known[std::string{limit.name}] = limit.value;
    }
    EXPECT_EQ(written, known);
    // And no constant of the header is missing from the list that `welcome` tells.
    std::size_t constants = 0;
    for (const std::string& line : lines_of(read_text("proto/wire/limits.hpp"))) {
        if (line.starts_with("inline constexpr ")) {
            const std::string left = line.substr(0, line.find(" ="));
            EXPECT_TRUE(known.contains(left.substr(left.rfind(' ') + 1))) << line;
            ++constants;
        }
    }
    EXPECT_EQ(constants, known.size());
}

TEST(Document, ErrorsAreThoseOfErrorHpp) {
    const std::map<std::string, Reach> reaches{
        {"request", Reach::request}, {"connection", Reach::connection}, {"local", Reach::local}, {"daemon", Reach::daemon}};
    std::map<std::uint16_t, std::string> written;
    for (const std::vector<std::string>& row : rows_of("## 8.")) {
        if (reaches.contains(row.at(2))) {
            const auto number = static_cast<std::uint16_t>(std::stoul(row[0]));
            written[number] = row[1];
            EXPECT_EQ(error_reach(static_cast<ErrorCode>(number)), reaches.at(row[2])) << row[1];
        }
    }
    std::map<std::uint16_t, std::string> known;
    for (std::uint16_t number = 1; number < 1000; ++number) {
        const std::string_view name = error_name(static_cast<ErrorCode>(number));
        if (name != "unknown_error") {
            known[number] = name;
        }
    }
    EXPECT_EQ(written, known);
}

TEST(Document, FramesAreThoseOfTheCode) {
    std::size_t rows = 0;
    for (const std::vector<std::string>& row : rows_of("## 3.")) {
        if (!row.at(0).starts_with("0x")) {
            continue;
        }
        const auto type = static_cast<FrameType>(std::stoul(row[0], nullptr, 16));
        EXPECT_EQ(frame_name(type), row.at(1));
        EXPECT_EQ(is_from_client(type), row.at(2) != "daemon") << row[1];
        EXPECT_EQ(is_from_daemon(type), row.at(2) != "client") << row[1];
        EXPECT_EQ(is_counted(type), row.at(3) == "yes") << row[1];
        ++rows;
    }
    std::size_t known = 0;
    for (std::uint32_t number = 0; number < 0x10000; ++number) {
        known += is_known(static_cast<FrameType>(number)) ? 1u : 0u;
    }
    EXPECT_EQ(rows, known);
}

TEST(Document, FaultKindsAreThoseOfLinkHpp) {
    std::size_t rows = 0;
    for (const std::vector<std::string>& row : rows_of("## 8.")) {
        if (row.size() == 4 && row[0].size() == 1 && !row[3].empty() && row[2] != "request") {
            Fault fault;
            fault.kind = static_cast<FaultKind>(std::stoul(row[0]));
            EXPECT_EQ(fault_text(fault, Epoch{1}).substr(0, row[1].size()), row[1]);
            ++rows;
        }
    }
    EXPECT_EQ(rows, fault_kind_max + 1u);
}

TEST(Document, CallsAreThoseOfTheCode) {
    const auto rows = rows_of("## 6.");
    ASSERT_EQ(rows.size(), static_cast<std::size_t>(call_last) + 1);
    for (std::size_t i = 0; i < rows.size(); ++i) {
        EXPECT_EQ(rows[i].at(0), call_name(static_cast<Call>(i)));
    }
}

/// The bytes of each line of the example that spells a whole frame: "C link (2)   20000000 0200 ...", blanks taken out.
std::vector<std::string> example_frames() {
    std::vector<std::string> frames;
    for (const std::string& line : lines_of(section("## 10."))) {
        const bool spoken = line.starts_with("C ") || line.starts_with("D ");
        std::string hex = spoken && line.size() > 16 ? line.substr(16) : "";
        std::erase(hex, ' ');
        if (!hex.empty() && hex.find_first_not_of("0123456789abcdef") == std::string::npos) {
            frames.push_back(hex);
        }
    }
    return frames;
}

TEST(Document, ExampleIsWhatTheCodeWrites) {
    const DeviceId own = DeviceId::make(1, 0x40);
    const DeviceId other = DeviceId::make(1, 0x80);
    std::vector<std::string> written(7);
    encode(written[0], Create{own, false});
    encode_link(written[1], LinkOperation{own, other, LinkMode::monitor}, flag::ack);
    encode(written[2], Ack{2});
    Notice notice;
    notice.to = own;
    notice.about = other;
    notice.fault = FaultKind::drop;
    encode_notice(written[3], notice);
    encode(written[4], Ack{1});
    Disconnect end;
    end.id = own;
    end.fault = FaultKind::error;
    end.text = "disk full";
    encode(written[5], end);
    encode(written[6], Bye{});
    for (std::string& bytes : written) {
        bytes = to_hex(bytes);
    }
    EXPECT_EQ(example_frames(), written);

    const std::string text = section("## 10.");
    const std::string hello = R"({"version_min":1,"version_max":1,"client":"demo/1"})";
    ASSERT_NE(text.find(hello), std::string::npos);
    std::string bytes;
    encode(bytes, Hello{1, 1, "demo/1", {}, {}});
    EXPECT_EQ(bytes.substr(header_bytes), hello);
    EXPECT_NE(text.find(to_hex(bytes.substr(0, 4)) + " " + to_hex(bytes.substr(4, 2)) + " " + to_hex(bytes.substr(6, 2))),
              std::string::npos);
}

}  // namespace
}  // namespace backplane::wire
