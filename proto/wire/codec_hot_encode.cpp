// SPDX-License-Identifier: Apache-2.0
/// Hot frames out. Each is composed on the stack and appended at once, so that the outbox grows by one copy a frame.
#include "proto/wire/bytes.hpp"
#include "proto/wire/codec.hpp"
#include "proto/wire/text.hpp"

namespace backplane::wire {
namespace {

/// A frame of a fixed body of `Size` bytes, zero at first: reserved bytes need no word.
template <std::size_t Size>
class Fixed {
  public:
    template <class T>
    Fixed& put(std::size_t offset, T value) {
        store(bytes_.data() + header_bytes + offset, value);
        return *this;
    }
    Fixed& put(std::size_t offset, DeviceId id) { return put(offset, id.value); }

    void append(std::string& out, FrameType type, std::uint16_t flags, std::string_view text = {}) {
        if (!is_utf8(text)) [[unlikely]] {
            const std::string good = repaired_utf8(text);
            return append_valid(out, type, flags, good);
        }
        append_valid(out, type, flags, text);
    }

  private:
    void append_valid(std::string& out, FrameType type, std::uint16_t flags, std::string_view whole) {
        const std::string_view text = cut_utf8(whole, text_bytes_max);
        const std::size_t tail = text.empty() ? 0 : sizeof(std::uint16_t) + text.size();
        store(bytes_.data(), static_cast<std::uint32_t>(bytes_.size() + tail));
        store(bytes_.data() + 4, static_cast<std::uint16_t>(type));
        store(bytes_.data() + 6, static_cast<std::uint16_t>(text.empty() ? flags : flags | flag::tail));
        out.append(bytes_.data(), bytes_.size());
        if (!text.empty()) {
            std::array<char, sizeof(std::uint16_t)> size;
            store(size.data(), static_cast<std::uint16_t>(text.size()));
            out.append(size.data(), size.size()).append(text);
        }
    }

    std::array<char, header_bytes + Size> bytes_{};
};

void append_link(std::string& out, FrameType type, const LinkOperation& message, std::uint16_t flags) {
    Fixed<24>{}.put(0, message.from).put(8, message.to).put(16, static_cast<std::uint8_t>(message.mode)).append(out, type, flags);
}

void append_shutdown(std::string& out, FrameType type, const Shutdown& message, std::uint16_t flags) {
    Fixed<16>{}.put(0, message.from).put(8, message.to).append(out, type, flags);
}

void append_notice(std::string& out, FrameType type, const Notice& message) {
    Fixed<48>{}
        .put(0, message.to)
        .put(8, message.about)
        .put(16, static_cast<std::uint8_t>(message.fault))
        .put(17, static_cast<std::uint8_t>(message.root_fault))
        .put(20, message.hops)
        .put(24, message.argument)
        .put(28, message.root_argument)
        .put(32, message.cascade)
        .put(40, message.root)
        .append(out, type, 0, message.text);
}

}  // namespace

void encode(std::string& out, const Create& message, std::uint16_t flags) {
    Fixed<16>{}.put(0, message.id).put(8, std::uint32_t{message.managed ? 1u : 0u}).append(out, FrameType::create, flags);
}

void encode_link(std::string& out, const LinkOperation& message, std::uint16_t flags) { append_link(out, FrameType::link, message, flags); }

void encode_unlink(std::string& out, const LinkOperation& message, std::uint16_t flags) {
    append_link(out, FrameType::unlink, message, flags);
}

void encode(std::string& out, const Disconnect& message, std::uint16_t flags) {
    Fixed<24>{}
        .put(0, message.id)
        .put(8, static_cast<std::uint8_t>(message.fault))
        .put(12, message.argument)
        .put(16, message.cascade)
        .append(out, FrameType::disconnect, flags, message.text);
}

void encode_shutdown(std::string& out, const Shutdown& message, std::uint16_t flags) {
    append_shutdown(out, FrameType::shutdown, message, flags);
}

void encode_shutdown_requested(std::string& out, const Shutdown& message) {
    append_shutdown(out, FrameType::shutdown_requested, message, 0);
}

void encode(std::string& out, const Manage& message, std::uint16_t flags) {
    Fixed<16>{}.put(0, message.id).put(8, static_cast<std::uint8_t>(message.on ? 1 : 0)).append(out, FrameType::manage, flags);
}

void encode(std::string& out, const Heartbeat& message, std::uint16_t flags) {
    Fixed<16>{}.put(0, message.id).put(8, message.interval_ms).append(out, FrameType::heartbeat, flags);
}

void encode_notice(std::string& out, const Notice& message) { append_notice(out, FrameType::notice, message); }
void encode_ended(std::string& out, const Notice& message) { append_notice(out, FrameType::ended, message); }

void encode(std::string& out, const Refusal& message) {
    Fixed<32>{}
        .put(0, message.operation)
        .put(8, static_cast<std::uint16_t>(message.code))
        .put(10, static_cast<std::uint16_t>(message.refused))
        .put(16, message.device)
        .put(24, message.other)
        .append(out, FrameType::refusal, 0, message.text);
}

void encode_withdrawn(std::string& out) { append_header(out, FrameType::withdrawn, 0, 0); }
void encode(std::string& out, const Ack& message) { Fixed<8>{}.put(0, message.count).append(out, FrameType::ack, 0); }
void encode_ping(std::string& out, const Ping& message) { Fixed<8>{}.put(0, message.nonce).append(out, FrameType::ping, 0); }
void encode_pong(std::string& out, const Ping& message) { Fixed<8>{}.put(0, message.nonce).append(out, FrameType::pong, 0); }

void encode(std::string& out, const Bye& message) {
    Fixed<8>{}.put(0, static_cast<std::uint16_t>(message.code)).append(out, FrameType::bye, 0, message.text);
}

}  // namespace backplane::wire
