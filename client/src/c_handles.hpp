// SPDX-License-Identifier: Apache-2.0
/// What stands behind the C face's handles, and how values cross it in both directions. See backplane/backplane.h for the rules.
///
/// Every C function is `on`, or `alone` where it has no handle, with what it does: these refuse a null handle and a forked child, turn an
/// Error into its code and keep its detail, and let no exception out.
#pragma once

#include "client/src/fork_guard.hpp"

#include <backplane/backplane.h>
#include <backplane/client.hpp>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_map>
#include <utility>

struct bp_fields {
    const std::vector<backplane::LogEvent::Field>* all = nullptr;
};

struct bp_causes {
    const std::vector<backplane::Cause>* all = nullptr;
};

namespace backplane::c_face {

/// A C struct that points into the C++ value beside it; neither moves once it is shown.
struct ShownMessage {
    Message value;
    bp_fault fault{};
    bp_message shown{};
};
struct ShownEvent {
    ClientEvent value;
    bp_fields fields{};
    bp_event shown{};
};
struct ShownRow {
    Description value;
    bp_row shown{};
};
struct ShownEnd {
    DeviceEnd value;
    bp_fault fault{};
    bp_end shown{};
};
struct ShownWhy {
    Why value;
    ShownRow row{};
    bp_causes ends{}, waits{};
    bp_why shown{};
};
struct ShownTold {
    Impact::Told value;
    std::vector<LogEvent::Field> labels{};
    bp_fields fields{};
    bp_told shown{};
};

/// These fill `shown` from `value`.
void show(ShownMessage& message);
void show(ShownEvent& event);
void show(ShownRow& row);
/// `epoch`: that of the Device that ended.
void show(ShownEnd& end, Epoch epoch);
void show(ShownWhy& why);
void show(ShownTold& told);

/// Counts in how many of the caller's functions a client is.
class Calling {
  public:
    explicit Calling(int& depth) : depth_(depth) { depth_ += 1; }
    Calling(const Calling&) = delete;
    Calling& operator=(const Calling&) = delete;
    ~Calling() { depth_ -= 1; }

  private:
    int& depth_;
};

}  // namespace backplane::c_face

/// `told` and `events` are shown once and for all.
struct bp_impact_lists {
    std::vector<backplane::c_face::ShownTold> told{};
    std::vector<backplane::c_face::ShownEvent> events{};
    std::vector<backplane::Impact::Fate> fates{};
};

namespace backplane::c_face {

struct ShownImpact {
    Impact value;
    bp_impact_lists lists{};
    bp_impact shown{};
};
/// Fills `lists` out of `value`, too.
void show(ShownImpact& impact);

}  // namespace backplane::c_face

struct bp_device {
    bp_client* client = nullptr;
    backplane::Device opened{};           ///< empty for a worker's own, which the Client keeps
    backplane::Device* device = nullptr;  ///< that one, or `opened`
    void* user = nullptr;
};

struct bp_task_start {
    bp_task_start(bp_client& asked, backplane::TaskStart&& made, bp_on_task_start function, void* with)
        : client(&asked), id(made.device().id().value), start(std::move(made)), on_start(function), user(with) {}

    bp_client* client;
    std::uint64_t id;  ///< its Device's
    backplane::TaskStart start;
    bp_on_task_start on_start;
    void* user;
    bp_device* device = nullptr;  ///< null once it runs: the caller has it
    bool kept = false;
    bool returned = false;  ///< the caller's function has
};

struct bp_client {
    explicit bp_client(backplane::Client made) : client(std::move(made)) {}

    // The Client goes before its Devices and the attempts to start some, so that one `bye` ends them all.
    std::unordered_map<std::uint64_t, std::unique_ptr<bp_device>> devices{};
    bp_device* own = nullptr;                                                    ///< that of `bp_client_device`
    std::unordered_map<std::uint64_t, std::unique_ptr<bp_task_start>> starts{};  ///< by their Devices
    std::deque<std::uint64_t> asked{};                                           ///< those whose functions are still to be called
    backplane::Client client;
    backplane::client_detail::ForkGuard guard{};
    backplane::Error error{};  ///< the last failure
    bp_handlers handlers{};
    void* user = nullptr;
    int calling = 0;     ///< the caller's functions that run
    int delivering = 0;  ///< those of them that are handlers' deliveries

    // What the last call handed out.
    std::optional<backplane::c_face::ShownMessage> message{};
    std::optional<backplane::c_face::ShownEvent> event{};
    std::optional<backplane::c_face::ShownRow> row{};
    std::optional<backplane::c_face::ShownEnd> end{};
    std::optional<backplane::c_face::ShownWhy> why{};
    std::optional<backplane::c_face::ShownImpact> impact{};
    std::optional<backplane::LogPage> page{};
    backplane::Error over{};
};

namespace backplane::c_face {

using Function = Expected<void> (*)(void* work);
/// Calls it; `client` (null: none) keeps what went wrong.
bp_status run(bp_client* client, Function function, void* work) noexcept;

/// What needs no handle.
template <class Work>
bp_status alone(Work&& work) noexcept {
    using Plain = std::remove_reference_t<Work>;
    return run(
        nullptr, [](void* given) -> Expected<void> { return (*static_cast<Plain*>(given))(); }, &work);
}

/// What is done with a client.
template <class Work>
bp_status on(bp_client* client, Work&& work) noexcept {
    if (client == nullptr) {
        return BP_INVALID_ARGUMENT;
    }
    if (!client->guard.is_same_process()) {
        return BP_WRONG_PROCESS;
    }
    using Plain = std::remove_reference_t<Work>;
    return run(
        client, [](void* given) -> Expected<void> { return (*static_cast<Plain*>(given))(); }, &work);
}

/// What is done with something of a client's.
template <class Handle, class Work>
bp_status on(Handle* handle, Work&& work) noexcept {
    return handle == nullptr ? BP_INVALID_ARGUMENT : on(handle->client, std::forward<Work>(work));
}

/// Makes attempts known that have arrived, and their Devices with them (c_tasks.cpp).
void take_starts(bp_client& client);
/// Calls the caller's functions for them; how many. Only where nothing else of the caller's runs.
std::size_t start_tasks(bp_client& client);

[[nodiscard]] inline bp_status status_of(ErrorCode code) { return static_cast<bp_status>(code); }
[[nodiscard]] inline Unexpected invalid(const char* what) { return unexpected(ErrorCode::invalid_argument, what); }

/// How long a caller waits; negative is for ever.
[[nodiscard]] inline Within within(std::int64_t timeout_ns) { return timeout_ns < 0 ? Within::forever() : Within{Duration{timeout_ns}}; }
/// An option, where zero is the default.
[[nodiscard]] inline Within patience(std::int64_t timeout_ns) { return timeout_ns == 0 ? default_patience : within(timeout_ns); }

// ---- in ----

/// A text of the caller's. Nothing where there is no pointer to its bytes.
[[nodiscard]] inline std::optional<std::string_view> text_in(const char* text, std::size_t length) {
    if (text == nullptr) {
        return length == 0 ? std::optional<std::string_view>{std::string_view{}} : std::nullopt;
    }
    return std::string_view{text, length};
}

/// No struct of any version is as large; a size beyond is no size.
inline constexpr std::size_t struct_max = 4096;
/// `size` and the member next to it: less is no version of any struct.
inline constexpr std::size_t struct_min = 8;

/// A struct of the caller's as this library knows it; null is all zeros. Nothing if its size is none, or it says what this library
/// does not know.
template <class T>
[[nodiscard]] std::optional<T> struct_in(const T* given) {
    T known{};
    if (given == nullptr) {
        return known;
    }
    const std::size_t size = given->size;
    if (size < struct_min || size > struct_max) {
        return std::nullopt;
    }
    std::memcpy(&known, given, std::min(size, sizeof(T)));
    const auto* bytes = reinterpret_cast<const unsigned char*>(given);
    if (size > sizeof(T) && !std::all_of(bytes + sizeof(T), bytes + size, [](unsigned char byte) { return byte == 0; })) {
        return std::nullopt;
    }
    return known;
}

/// Null and a line without its size are no Device, which every operation refuses.
[[nodiscard]] inline Line line_in(const bp_line* line) {
    return line != nullptr && line->size >= sizeof(bp_line) ? Line{Epoch{line->epoch}, DeviceId{line->id}} : Line{};
}

/// A call whose one argument is a name.
template <class Call>
bp_status with_name(bp_client* client, const char* name, std::size_t length, Call&& call) noexcept {
    return on(client, [&]() -> Expected<void> {
        const auto given = text_in(name, length);
        return given ? call(client->client, *given) : invalid("no name");
    });
}

/// A call whose one argument is a line.
template <class Call>
bp_status with_line(bp_client* client, const bp_line* line, Call&& call) noexcept {
    return on(client, [&]() -> Expected<void> {
        const Line given = line_in(line);
        return given ? call(client->client, given) : invalid("no line");
    });
}

/// Nothing where it is none: a kind that does not exist, a text without bytes.
[[nodiscard]] std::optional<Fault> fault_in(const bp_fault* given);

// ---- out ----

/// Whether the caller's struct can be filled.
template <class T>
[[nodiscard]] bool has_room(const T* out) {
    return out != nullptr && out->size >= (std::is_same_v<T, bp_line> ? sizeof(bp_line) : struct_min);
}

/// Fills as much as there is room for, and says how much that is.
template <class T>
void fill(T* out, T value) {
    const std::size_t size = std::min<std::size_t>(out->size, sizeof(T));
    value.size = static_cast<std::uint32_t>(size);
    std::memcpy(out, &value, size);
}

[[nodiscard]] inline bp_line line_out(const Line& line) { return {sizeof(bp_line), 0, line.epoch().value, line.id().value}; }

template <class T>
[[nodiscard]] bp_line line_of(const std::optional<T>& line) {
    return line ? line_out(*line) : line_out(Line{});
}

/// A pair of pointer and length.
inline void point(const char*& text, std::size_t& length, std::string_view at) {
    text = at.data();
    length = at.size();
}

/// An absent text is a null pointer.
inline void point_if(const char*& text, std::size_t& length, const std::optional<std::string>& at) {
    point(text, length, at ? std::string_view{*at} : std::string_view{});
}

/// An empty text is an absent one.
inline void point_some(const char*& text, std::size_t& length, const std::string& at) {
    point(text, length, at.empty() ? std::string_view{} : std::string_view{at});
}

/// What is not known is -1.
template <class T>
[[nodiscard]] std::int64_t number_of(const std::optional<T>& value) {
    return value ? static_cast<std::int64_t>(*value) : -1;
}

/// Asks, and hands out the answer. `kept` is where the client keeps what is shown of it.
template <class Shown, class Out, class Ask>
Expected<void> answer(std::optional<Shown>& kept, Out* out, Ask&& ask) {
    if (!has_room(out)) {
        return invalid("no place for the answer");
    }
    auto found = ask();
    if (!found) {
        return unexpected(found.error());
    }
    show(kept.emplace(Shown{std::move(*found)}));
    fill(out, kept->shown);
    return {};
}

/// Writes a text into the caller's buffer.
Expected<void> text_out(std::string_view text, char* buffer, std::size_t capacity, std::size_t* length);

}  // namespace backplane::c_face
