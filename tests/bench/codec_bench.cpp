// SPDX-License-Identifier: Apache-2.0
/// What the codec costs: hot frames a frame, read from and written to one large buffer as the daemon does it, beside a
/// floor that trusts its input and only moves the bytes; control frames (JSON) whole.
#include "proto/wire/codec.hpp"
#include "proto/wire/frame.hpp"

#include <benchmark/benchmark.h>

#include <cstdint>
#include <cstring>
#include <string>

namespace {

using namespace backplane;

constexpr std::size_t batch = 1024;

DeviceId id_of(std::size_t number) { return DeviceId::make(1, static_cast<std::uint32_t>(number + 1)); }

wire::Bytes bytes_of(const std::string& text) { return {reinterpret_cast<const std::byte*>(text.data()), text.size()}; }

std::string links() {
    std::string out;
    for (std::size_t i = 0; i < batch; i++) {
        wire::encode_link(out, wire::LinkOperation{id_of(i), id_of(i + 1), LinkMode::monitor});
    }
    return out;
}

wire::Notice notice_of(std::size_t number) {
    wire::Notice notice;
    notice.to = id_of(number);
    notice.about = id_of(number + 1);
    notice.fault = FaultKind::signal;
    notice.argument = 9;
    return notice;
}

void per_frame(benchmark::State& state) { state.SetItemsProcessed(state.iterations() * std::int64_t{batch}); }

/// Takes frame by frame from the buffer and reads it with `Message`'s checks.
template <class Message>
void read_all(benchmark::State& state, const std::string& buffer) {
    for (auto _ : state) {
        wire::Bytes rest = bytes_of(buffer);
        while (!rest.empty()) {
            const wire::FrameResult found = wire::next_frame(rest);
            Message message;
            const char* wrong = nullptr;
            if (found.status != wire::FrameStatus::whole || !wire::read(found.frame, message, wrong)) {
                state.SkipWithError("the frame was refused");
                return;
            }
            benchmark::DoNotOptimize(message);
            rest = rest.subspan(found.size);
        }
    }
    per_frame(state);
}

void read_link(benchmark::State& state) { read_all<wire::LinkOperation>(state, links()); }
BENCHMARK(read_link);

void read_notice(benchmark::State& state) {
    std::string buffer;
    for (std::size_t i = 0; i < batch; i++) {
        wire::encode_notice(buffer, notice_of(i));
    }
    read_all<wire::Notice>(state, buffer);
}
BENCHMARK(read_notice);

/// The floor of reading: length and type looked at, the body's three fields loaded, nothing checked.
void floor_read_link(benchmark::State& state) {
    const std::string buffer = links();
    for (auto _ : state) {
        const char* at = buffer.data();
        const char* end = at + buffer.size();
        while (at < end) {
            std::uint32_t length = 0;
            std::uint64_t from = 0;
            std::uint64_t to = 0;
            std::memcpy(&length, at, sizeof length);
            std::memcpy(&from, at + 8, sizeof from);
            std::memcpy(&to, at + 16, sizeof to);
            benchmark::DoNotOptimize(from);
            benchmark::DoNotOptimize(to);
            benchmark::DoNotOptimize(at[24]);
            at += length;
        }
    }
    per_frame(state);
}
BENCHMARK(floor_read_link);

void write_notice(benchmark::State& state) {
    std::string out;
    for (auto _ : state) {
        out.clear();
        for (std::size_t i = 0; i < batch; i++) {
            wire::encode_notice(out, notice_of(i));
        }
        benchmark::DoNotOptimize(out.data());
    }
    per_frame(state);
}
BENCHMARK(write_notice);

/// The floor of writing: a ready frame of the same size appended.
void floor_write_notice(benchmark::State& state) {
    std::string frame;
    wire::encode_notice(frame, notice_of(0));
    std::string out;
    for (auto _ : state) {
        out.clear();
        for (std::size_t i = 0; i < batch; i++) {
            out.append(frame);
        }
        benchmark::DoNotOptimize(out.data());
    }
    per_frame(state);
}
BENCHMARK(floor_write_notice);

wire::Request request() {
    wire::Request asked;
    asked.id = 7;
    asked.call = wire::Call::lookup;
    asked.name = "jobs/mailer";
    return asked;
}

void write_request(benchmark::State& state) {
    std::string out;
    for (auto _ : state) {
        out.clear();
        wire::encode(out, request());
        benchmark::DoNotOptimize(out.data());
    }
}
BENCHMARK(write_request);

void read_request(benchmark::State& state) {
    std::string buffer;
    wire::encode(buffer, request());
    for (auto _ : state) {
        const wire::FrameResult found = wire::next_frame(bytes_of(buffer));
        std::uint64_t number = 0;
        const auto asked = wire::decode_request(found.frame, number);
        if (!asked) {
            state.SkipWithError("the request was refused");
            return;
        }
        benchmark::DoNotOptimize(number);
    }
}
BENCHMARK(read_request);

}  // namespace

BENCHMARK_MAIN();
