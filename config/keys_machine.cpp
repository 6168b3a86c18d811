// SPDX-License-Identifier: Apache-2.0
/// The rows that say who a program is and how much of the machine it may have. Whether a user exists and a limit can be set
/// is found out when the worker is started (F-5).
#include "config/keys.hpp"

#include "config/reader.hpp"
#include "config/system_words.hpp"
#include "config/values.hpp"
#include "config/words.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

namespace backplane::config {
namespace {

using core::ChildSpec;
using core::ResourceLimit;

/// The kernel's list is closed, so a name that is not in it can only be a typo.
bool read_capabilities(Reader& reader, const Node& value, const KeyInfo& info, ChildSpec& child) {
    std::vector<std::string>& list = child.launch.credentials.capabilities;
    if (!take_list(reader, value, info, list)) {
        return false;
    }
    const std::span<const std::string_view> known = capability_names();
    for (std::size_t i = 0; i < list.size(); ++i) {
        if (!list[i].empty() && std::find(known.begin(), known.end(), list[i]) == known.end()) {
            const Reader::Within index(reader, i);
            const std::string_view meant = nearest_word(list[i], known);
            reader.wrong(value.items[i].value, "a capability such as \"cap_net_bind_service\"", info.problem,
                         meant.empty() ? std::string{} : "; did you mean " + in_quotes(meant) + "?");
        }
    }
    return true;
}

/// Octal digits, as a text: JSON's numbers have neither octal digits nor leading zeros.
bool read_umask(Reader& /*reader*/, const Node& value, const KeyInfo& /*info*/, ChildSpec& child) {
    constexpr int octal = 8;
    constexpr std::uint32_t umask_max = 0777;
    const std::string& text = value.text;
    std::uint32_t mask = 0;
    const auto [rest, failure] = std::from_chars(text.data(), text.data() + text.size(), mask, octal);
    constexpr std::size_t digits_max = 4;
    if (value.kind != NodeKind::string || failure != std::errc{} || rest != text.data() + text.size() || text.size() > digits_max ||
        mask > umask_max) {
        return false;
    }
    child.launch.umask = mask;
    return true;
}

/// With the leading zero that people know it by.
std::optional<Node> write_umask(const KeyInfo& /*info*/, const ChildSpec& child) {
    constexpr std::size_t digits = 4;
    constexpr std::uint32_t digit_bits = 3;
    if (child.launch.umask == fresh<core::LaunchSpec>().umask) {
        return std::nullopt;
    }
    std::string text(digits, '0');
    std::uint32_t rest = child.launch.umask;
    for (std::size_t at = digits; at-- > 0; rest >>= digit_bits) {
        text[at] = static_cast<char>('0' + (rest & 07U));
    }
    return text_value(text);
}

bool read_nice(Reader& /*reader*/, const Node& value, const KeyInfo& info, ChildSpec& child) {
    child.launch.set_nice = true;
    return take(value, info, child.launch.nice);
}

std::optional<Node> write_nice(const KeyInfo& info, const ChildSpec& child) {
    return child.launch.set_nice ? std::optional{value_of(info, child.launch.nice)} : std::nullopt;
}

bool read_oom_score(Reader& /*reader*/, const Node& value, const KeyInfo& info, ChildSpec& child) {
    child.launch.set_oom_score = true;
    return take(value, info, child.launch.oom_score);
}

std::optional<Node> write_oom_score(const KeyInfo& info, const ChildSpec& child) {
    return child.launch.set_oom_score ? std::optional{value_of(info, child.launch.oom_score)} : std::nullopt;
}

bool read_memory_max(Reader& /*reader*/, const Node& value, const KeyInfo& /*info*/, ChildSpec& child) {
    const std::optional<std::uint64_t> bytes = byte_count(value);
    child.launch.control.memory_max = bytes.value_or(0);
    return bytes.has_value();
}

std::optional<Node> write_memory_max(const KeyInfo& /*info*/, const ChildSpec& child) {
    const std::uint64_t bytes = child.launch.control.memory_max;
    return bytes == 0 ? std::nullopt : std::optional{byte_count_value(bytes)};
}

bool read_limits(Reader& reader, const Node& value, const KeyInfo& info, ChildSpec& child) {
    reader.object(value, limits_fields(), info.problem, child.launch.limits);
    return true;
}

std::optional<Node> write_limits(const KeyInfo& /*info*/, const ChildSpec& child) {
    const std::vector<ResourceLimit>& limits = child.launch.limits;
    return limits.empty() ? std::nullopt : std::optional{written_object(limits_fields(), limits)};
}

template <auto Member>
bool read_credential(Reader& reader, const Node& value, const KeyInfo& info, ChildSpec& child) {
    return take_any(reader, value, info, child.launch.credentials.*Member);
}
template <auto Member>
std::optional<Node> write_credential(const KeyInfo& info, const ChildSpec& child) {
    return write_member<Member>(info, child.launch.credentials);
}
template <auto Member>
constexpr Ways<ChildSpec> credential{read_credential<Member>, write_credential<Member>};

template <auto Member>
bool read_control(Reader& /*reader*/, const Node& value, const KeyInfo& info, ChildSpec& child) {
    return take(value, info, child.launch.control.*Member);
}
template <auto Member>
std::optional<Node> write_control(const KeyInfo& info, const ChildSpec& child) {
    return write_member<Member>(info, child.launch.control);
}
template <auto Member>
constexpr Ways<ChildSpec> control{read_control<Member>, write_control<Member>};

constexpr std::int64_t pids_max = 4'194'304;  // the kernel's own bound
constexpr std::int64_t cpu_weight_max = 10'000;

constexpr std::array<Field<ChildSpec>, 11> machine_rows{{
    {{.section = Section::child,
      .key = "user",
      .shape = Shape::text,
      .problem = "invalid_user",
      .expected = "a user's name or number, as a text",
      .holder = Holder::process,
      .about = "Whom the worker runs as, by default the daemon's own user."},
     credential<&core::CredentialSpec::user>},
    {{.section = Section::child,
      .key = "group",
      .shape = Shape::text,
      .problem = "invalid_group",
      .expected = "a group's name or number, as a text",
      .holder = Holder::process,
      .about = "The worker's group, by default the user's."},
     credential<&core::CredentialSpec::group>},
    {{.section = Section::child,
      .key = "groups",
      .shape = Shape::texts,
      .problem = "invalid_groups",
      .expected = "an array of names or numbers of groups, as texts",
      .holder = Holder::process,
      .about = "Supplementary groups, by default those of the user."},
     credential<&core::CredentialSpec::groups>},
    {{.section = Section::child,
      .key = "capabilities",
      .shape = Shape::texts,
      .problem = "invalid_capabilities",
      .expected = "an array of capabilities such as \"cap_net_bind_service\"",
      .fallback = "[]",
      .holder = Holder::process,
      .about = "What of root's rights the worker keeps beside its user's."},
     {read_capabilities, write_credential<&core::CredentialSpec::capabilities>}},
    {{.section = Section::child,
      .key = "limits",
      .shape = Shape::object,
      .problem = "invalid_limits",
      .expected = "an object of resource limits",
      .fallback = "{}",
      .inner = Section::limits,
      .holder = Holder::process,
      .about = "Resource limits of each of the worker's processes."},
     {read_limits, write_limits}},
    {{.section = Section::child,
      .key = "nice",
      .shape = Shape::whole,
      .problem = "invalid_nice",
      .low = -20,
      .high = 19,
      .holder = Holder::process,
      .about = "How far the worker steps back for others when the machine is busy; below 0 it is preferred."},
     {read_nice, write_nice}},
    {{.section = Section::child,
      .key = "umask",
      .shape = Shape::octal,
      .problem = "invalid_umask",
      .expected = "octal digits as a text, such as \"027\"",
      .fallback = "\"022\"",
      .holder = Holder::process,
      .about = "Which rights the worker's new files have not."},
     {read_umask, write_umask}},
    {{.section = Section::child,
      .key = "oom_score_adjust",
      .shape = Shape::whole,
      .problem = "invalid_oom_score_adjust",
      .low = -1000,
      .high = 1000,
      .holder = Holder::process,
      .about = "How likely the worker is killed when memory runs out; with -1000 never."},
     {read_oom_score, write_oom_score}},
    {{.section = Section::child,
      .key = "memory_max",
      .shape = Shape::bytes,
      .problem = "invalid_memory_max",
      .expected = "a number of bytes above 0, or a text such as \"512M\" (units: K, M, G)",
      .low = 1,
      .holder = Holder::process,
      .about = "The most memory that the worker's processes have together."},
     {read_memory_max, write_memory_max}},
    {{.section = Section::child,
      .key = "pids_max",
      .shape = Shape::whole,
      .problem = "invalid_pids_max",
      .low = 1,
      .high = pids_max,
      .holder = Holder::process,
      .about = "The most processes and threads that the worker has at once."},
     control<&core::ControlSpec::pids_max>},
    {{.section = Section::child,
      .key = "cpu_weight",
      .shape = Shape::whole,
      .problem = "invalid_cpu_weight",
      .low = 1,
      .high = cpu_weight_max,
      .holder = Holder::process,
      .about = "The worker's share of the processors when they are busy; others have 100."},
     control<&core::ControlSpec::cpu_weight>},
}};

// ---- resource limits --------------------------------------------------------------------------------------------

constexpr std::string_view amount_expected = "a whole number, or \"infinity\"";

bool take_amount(const Node& value, std::uint64_t& amount) {
    const bool infinite = value.kind == NodeKind::string && value.text == infinity_word[0];
    amount = infinite ? core::no_limit : value.natural;
    return infinite || (value.kind == NodeKind::natural && value.natural != core::no_limit);
}

/// One number is both bounds.
bool read_limit(Reader& reader, const Node& value, const KeyInfo& info, std::vector<ResourceLimit>& list) {
    ResourceLimit limit;
    limit.name = info.key;
    if (value.kind == NodeKind::object) {
        const std::size_t before = reader.errors();
        reader.object(value, limit_fields(), info.problem, limit);
        if (limit.soft > limit.hard && reader.errors() == before) {
            reader.error(value.offset, "expected \"soft\" not above \"hard\", got it above", info.problem);
        }
    } else if (!take_amount(value, limit.soft)) {
        return false;
    } else {
        limit.hard = limit.soft;
    }
    list.push_back(std::move(limit));
    return true;
}

Node amount_value(std::uint64_t amount) { return amount == core::no_limit ? text_value(infinity_word[0]) : whole_value(amount); }

std::optional<Node> write_limit(const KeyInfo& info, const std::vector<ResourceLimit>& list) {
    const auto limit = std::find_if(list.begin(), list.end(), [&info](const ResourceLimit& item) { return item.name == info.key; });
    if (limit == list.end()) {
        return std::nullopt;
    }
    return limit->soft == limit->hard ? amount_value(limit->soft) : written_object(limit_fields(), *limit);
}

constexpr Field<std::vector<ResourceLimit>> limit_row(std::string_view key, std::string_view about) {
    return {{.section = Section::limits,
             .key = key,
             .shape = Shape::bound,
             .problem = "invalid_limits",
             .expected = "a whole number, \"infinity\", or an object of \"soft\" and \"hard\"",
             .words = infinity_word,
             .high = std::numeric_limits<std::int64_t>::max(),
             .inner = Section::limit,
             .about = about},
            {read_limit, write_limit}};
}

constexpr std::array<Field<std::vector<ResourceLimit>>, 15> limits_rows{{
    limit_row("nofile", "Open descriptors."),
    limit_row("nproc", "Processes and threads of the user."),
    limit_row("core", "Bytes of a core dump."),
    limit_row("as", "Bytes of address space."),
    limit_row("memlock", "Bytes locked into memory."),
    limit_row("fsize", "Bytes of a file that is written."),
    limit_row("stack", "Bytes of the stack."),
    limit_row("cpu", "Seconds of processor time."),
    limit_row("data", "Bytes of data."),
    limit_row("rtprio", "The highest real-time priority."),
    limit_row("nice", "20 minus the lowest nice value."),
    limit_row("msgqueue", "Bytes in message queues."),
    limit_row("sigpending", "Signals that wait to be delivered."),
    limit_row("locks", "File locks."),
    limit_row("rss", "Bytes resident in memory; Linux does not watch over it any more."),
}};

template <auto Member>
bool read_amount(Reader& /*reader*/, const Node& value, const KeyInfo& /*info*/, ResourceLimit& limit) {
    return take_amount(value, limit.*Member);
}

template <auto Member>
std::optional<Node> write_amount(const KeyInfo& /*info*/, const ResourceLimit& limit) {
    return amount_value(limit.*Member);
}

template <auto Member>
constexpr Ways<ResourceLimit> amount{read_amount<Member>, write_amount<Member>};

constexpr std::array<Field<ResourceLimit>, 2> limit_rows{{
    {{.section = Section::limit,
      .key = "soft",
      .shape = Shape::whole,
      .problem = "invalid_limits",
      .expected = amount_expected,
      .missing = "invalid_limits",
      .words = infinity_word,
      .high = std::numeric_limits<std::int64_t>::max(),
      .about = "What holds at first."},
     amount<&ResourceLimit::soft>},
    {{.section = Section::limit,
      .key = "hard",
      .shape = Shape::whole,
      .problem = "invalid_limits",
      .expected = amount_expected,
      .missing = "invalid_limits",
      .words = infinity_word,
      .high = std::numeric_limits<std::int64_t>::max(),
      .about = "How far the worker may raise it."},
     amount<&ResourceLimit::hard>},
}};

}  // namespace

Fields<ChildSpec> machine_fields() { return machine_rows; }
Fields<std::vector<ResourceLimit>> limits_fields() { return limits_rows; }
Fields<ResourceLimit> limit_fields() { return limit_rows; }

}  // namespace backplane::config
