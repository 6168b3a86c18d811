// SPDX-License-Identifier: Apache-2.0
/// The rows that programs and supervisors share as children, their backoff and their links. Defaults are those of the
/// structs (S-2, X-1); what depends on more than one key of a child is settled behind its last key (combinations.hpp).
#include "config/keys.hpp"

#include "config/combinations.hpp"
#include "config/instances.hpp"
#include "config/reader.hpp"
#include "config/values.hpp"
#include "config/words.hpp"

#include <array>
#include <limits>
#include <optional>
#include <utility>

namespace backplane::config {
namespace {

using core::BackoffSpec;
using core::ChildSpec;
using core::LimitSpec;
using core::StandingLink;

// Words stand in the order of their enumerators: `take_word` counts.
constexpr std::array<std::string_view, 3> restart_words{"permanent", "transient", "temporary"};
constexpr std::array<std::string_view, 3> shutdown_words{"infinity", "brutal_kill", "no_wait"};
constexpr std::array<std::string_view, 2> start_timeout_words{"infinity", "no_wait"};
constexpr std::array<std::string_view, 3> on_limit_words{"escalate", "quarantine", "stop_child"};
constexpr std::array<std::string_view, 3> link_mode_words{"monitor", "notify", "peer"};
constexpr std::array<std::string_view, 1> none_word{"none"};

/// Kept even if it is wrong, for the messages of the checks of the whole tree.
bool read_name(Reader& reader, const Node& value, const KeyInfo& info, ChildSpec& child) {
    if (value.kind != NodeKind::string) {
        return false;
    }
    child.name = value.text;
    const auto instances = parse_instances(value.text);
    const std::string longest =
        instances ? std::string{instances->stem}.append(std::to_string(instances->first + instances->count - 1)) : value.text;
    if (const auto flaw = name_flaw(longest)) {
        const bool pattern = !instances && value.text.find('@') != std::string::npos && value.text.find("..") != std::string::npos;
        reader.wrong(value, pattern ? "a name without \"..\", or at most 10000 instances such as \"web@1..8\"" : *flaw, info.problem);
    }
    return true;
}

/// S-4: its children are named when they are made.
bool refuse_name(Reader& reader, const Node& value, const KeyInfo& /*info*/, ChildSpec& /*child*/) {
    reader.wrong(value, "a template without a name", "bad_start_spec");
    return true;
}

/// The vector holds the subtree only because a struct cannot hold itself: it has exactly one element.
bool read_nested(Reader& reader, const Node& value, const KeyInfo& info, ChildSpec& child) {
    read_supervisor(reader, value, info.problem, false, child.supervisor.emplace_back());
    return true;
}

std::optional<Node> write_nested(const KeyInfo& /*info*/, const ChildSpec& child) {
    return child.supervisor.empty() ? std::nullopt : std::optional{written_supervisor(child.supervisor.front())};
}

constexpr auto first_shutdown_word = static_cast<std::uint8_t>(core::ShutdownKind::infinity);

/// `"0s"` is a duration (S-3): the stop signal and SIGKILL at once.
bool read_shutdown(Reader& /*reader*/, const Node& value, const KeyInfo& info, ChildSpec& child) {
    if (take(value, info, child.shutdown)) {
        child.shutdown_kind = core::ShutdownKind::timed;
        return true;
    }
    return take_word(value, info, child.shutdown_kind, first_shutdown_word);
}

/// The default is the kind's (S-2), as with the next one.
std::optional<Node> write_shutdown(const KeyInfo& info, const ChildSpec& child) {
    if (child.shutdown_kind == core::ShutdownKind::timed) {
        const bool usual = !child.is_supervisor && child.shutdown == fresh<ChildSpec>().shutdown;
        return usual ? std::nullopt : std::optional{value_of(info, child.shutdown)};
    }
    const bool usual = child.is_supervisor && child.shutdown_kind == core::ShutdownKind::infinity;
    return usual ? std::nullopt : std::optional{word_of(info, child.shutdown_kind, first_shutdown_word)};
}

/// `"no_wait"` (S-10) is readiness `exec` by another name, and adds nothing to it; where a task is waited for otherwise it is what says so.
bool read_start_timeout(Reader& /*reader*/, const Node& value, const KeyInfo& info, ChildSpec& child) {
    if (value.kind == NodeKind::string && value.text == infinity_word[0]) {
        child.start_timeout = Duration::forever();
        return true;
    }
    return (value.kind == NodeKind::string && value.text == start_timeout_words[1]) || take(value, info, child.start_timeout);
}

std::optional<Node> write_start_timeout(const KeyInfo& info, const ChildSpec& child) {
    const Duration usual = child.is_supervisor ? Duration::forever() : fresh<ChildSpec>().start_timeout;
    if (child.is_task() && child.readiness == core::Readiness::exec) {
        return text_value(start_timeout_words[1]);
    }
    return child.start_timeout == usual ? std::nullopt : std::optional{value_of(info, child.start_timeout)};
}

/// Both figures, as what they are without their keys depends on where the child stands.
template <auto Member>
std::optional<Node> write_own_limit(const KeyInfo& info, const ChildSpec& child) {
    return child.limit.enabled ? std::optional{value_of(info, child.limit.*Member)} : std::nullopt;
}

std::optional<Node> write_on_limit(const KeyInfo& info, const ChildSpec& child) {
    const bool usual = !child.limit.enabled || child.limit.on_limit == core::OnLimit::escalate;
    return usual ? std::nullopt : std::optional{value_of(info, child.limit.on_limit)};
}

bool read_cooldown(Reader& /*reader*/, const Node& value, const KeyInfo& info, ChildSpec& child) {
    return (value.kind == NodeKind::string && value.text == infinity_word[0]) || take(value, info, child.limit.cooldown);
}

std::optional<Node> write_cooldown(const KeyInfo& info, const ChildSpec& child) {
    const bool quarantined = child.limit.enabled && child.limit.on_limit == core::OnLimit::quarantine;
    const bool usual = !quarantined || child.limit.cooldown.is_forever();
    return usual ? std::nullopt : std::optional{value_of(info, child.limit.cooldown)};
}

/// As with children, element i of the document is `links[i]` even if it is wrong. Where they lead is checked later.
bool read_links(Reader& reader, const Node& value, const KeyInfo& info, ChildSpec& child) {
    if (value.kind != NodeKind::array) {
        return false;
    }
    child.links.resize(value.items.size());
    for (std::size_t i = 0; i < value.items.size(); ++i) {
        const Reader::Within index(reader, i);
        reader.object(value.items[i].value, link_fields(), info.problem, child.links[i]);
    }
    return true;
}

std::optional<Node> write_links(const KeyInfo& /*info*/, const ChildSpec& child) {
    return written_list(child.links, [](const StandingLink& link) { return written_object(link_fields(), link); });
}

/// `"none"` is pure OTP; an object changes what it names and leaves the other defaults.
bool read_backoff(Reader& reader, const Node& value, const KeyInfo& info, ChildSpec& child) {
    if (value.kind == NodeKind::string) {
        child.backoff.enabled = false;
        return value.text == none_word[0];
    }
    if (value.kind != NodeKind::object) {
        return false;
    }
    reader.object(value, backoff_fields(), info.problem, child.backoff);
    if (child.backoff.initial > child.backoff.max) {
        reader.warn(value.offset,
                    "\"initial\" (" + duration_text(child.backoff.initial) + ") is longer than \"max\" (" +
                        duration_text(child.backoff.max) + "), so every delay is \"max\"",
                    "backoff_capped");
    }
    return true;
}

std::optional<Node> write_backoff(const KeyInfo& /*info*/, const ChildSpec& child) {
    if (!child.backoff.enabled) {
        return text_value(none_word[0]);
    }
    Node object = written_object(backoff_fields(), child.backoff);
    return object.items.empty() ? std::nullopt : std::optional{std::move(object)};
}

constexpr std::string_view wait_expected = "a duration such as \"5s\", or \"infinity\"";

constexpr std::array<Field<ChildSpec>, 14> shared_rows{{
    {{.section = Section::child,
      .key = "name",
      .shape = Shape::text,
      .problem = "invalid_id",
      .expected = "a name",
      .missing = "missing_id",
      .about = "What the child is called among its siblings; web@1..8 is eight children."},
     {read_name, write_member<&ChildSpec::name, ChildSpec>}},
    {{.section = Section::child,
      .key = "supervisor",
      .shape = Shape::object,
      .problem = "invalid_supervisor",
      .expected = "a supervisor",
      .inner = Section::supervisor,
      .about = "A nested supervisor, instead of a program."},
     {read_nested, write_nested}},
    {{.section = Section::child,
      .key = "restart",
      .shape = Shape::choice,
      .problem = "invalid_restart",
      .fallback = "\"permanent\"",
      .words = restart_words,
      .about = "Which ends are followed by a start: all, failures only, or none."},
     member<&ChildSpec::restart>},
    {{.section = Section::child,
      .key = "shutdown",
      .shape = Shape::duration,
      .problem = "invalid_shutdown",
      .expected = "a duration such as \"5s\", \"infinity\", \"brutal_kill\" or \"no_wait\"",
      .fallback = "\"5s\"",
      .words = shutdown_words,
      .about = "How the child is stopped: how long after the stop signal SIGKILL follows, never, at once and alone, or without being "
               "waited for. For a supervisor the default is infinity."},
     {read_shutdown, write_shutdown}},
    {{.section = Section::child,
      .key = "start_timeout",
      .shape = Shape::duration,
      .problem = "invalid_start_timeout",
      .expected = "a duration such as \"5s\", \"infinity\" or \"no_wait\"",
      .fallback = "\"5s\"",
      .words = start_timeout_words,
      .about = "How long a start may take until ready; no_wait is readiness exec by another name. For a supervisor the default is "
               "infinity."},
     {read_start_timeout, write_start_timeout}},
    {{.section = Section::child,
      .key = "significant",
      .shape = Shape::yes_no,
      .problem = "invalid_significant",
      .expected = "true or false",
      .fallback = "false",
      .about = "Whether the child's end by itself may end its supervisor, by that one's auto_shutdown."},
     member<&ChildSpec::significant>},
    {{.section = Section::child,
      .key = "retain",
      .shape = Shape::yes_no,
      .problem = "invalid_retain",
      .expected = "true or false",
      .fallback = "false",
      .about = "For a temporary child: kept when it has ended, and started again with its group."},
     member<&ChildSpec::retain>},
    {{.section = Section::child,
      .key = "requires",
      .shape = Shape::texts,
      .problem = "invalid_requires",
      .expected = "an array of names of siblings, or paths below the root",
      .fallback = "[]",
      .about = "What must be up before this child is started, the first time and every time."},
     member<&ChildSpec::requires_up>},
    {{.section = Section::child,
      .key = "links",
      .shape = Shape::objects,
      .problem = "invalid_links",
      .expected = "an array of links",
      .fallback = "[]",
      .inner = Section::link,
      .about = "Links that are laid whenever both ends are up."},
     {read_links, write_links}},
    {{.section = Section::child,
      .key = "backoff",
      .shape = Shape::object,
      .problem = "invalid_backoff",
      .expected = "\"none\" or an object",
      .fallback = "{}",
      .words = none_word,
      .inner = Section::backoff,
      .about = "How failures one after the other are waited out."},
     {read_backoff, write_backoff}},
    {{.section = Section::child,
      .key = "intensity",
      .shape = Shape::whole,
      .problem = "invalid_intensity",
      .high = std::numeric_limits<std::uint32_t>::max(),
      .about = "A limit of the child's own beside its supervisor's: the number of its restarts allowed within its period. Where only "
               "another key of the limit is given it is as the supervisor's."},
     {read_inner_member<&ChildSpec::limit, &LimitSpec::intensity, ChildSpec>, write_own_limit<&LimitSpec::intensity>}},
    {{.section = Section::child,
      .key = "period",
      .shape = Shape::duration,
      .problem = "invalid_period",
      .expected = "a duration above 0, such as \"5s\"",
      .low = 1,
      .about = "The window of the child's own limit; where only another key of the limit is given it is as the supervisor's."},
     {read_inner_member<&ChildSpec::limit, &LimitSpec::period, ChildSpec>, write_own_limit<&LimitSpec::period>}},
    {{.section = Section::child,
      .key = "on_limit",
      .shape = Shape::choice,
      .problem = "invalid_on_limit",
      .fallback = "\"escalate\"",
      .words = on_limit_words,
      .about = "What follows when the child breaks its own limit: its supervisor gives up, the child is kept down until it is released, "
               "or it is stopped for good."},
     {read_inner_member<&ChildSpec::limit, &LimitSpec::on_limit, ChildSpec>, write_on_limit}},
    {{.section = Section::child,
      .key = "cooldown",
      .shape = Shape::duration,
      .problem = "invalid_cooldown",
      .expected = wait_expected,
      .fallback = "\"infinity\"",
      .words = infinity_word,
      .about = "How long a quarantined child is kept down."},
     {read_cooldown, write_cooldown}},
}};

// ---- backoff and links (decision 14) ----------------------------------------------------------------------

// Beyond this a second delay would be the longest possible anyhow; the bound keeps the arithmetic finite.
constexpr std::int64_t factor_max = 1000;
constexpr auto first_link_mode = static_cast<std::uint8_t>(LinkMode::monitor);
constexpr std::string_view duration_expected = "a duration such as \"500ms\"";

constexpr std::array<Field<BackoffSpec>, 5> backoff_rows{{
    {{.section = Section::backoff,
      .key = "initial",
      .shape = Shape::duration,
      .problem = "invalid_backoff",
      .expected = duration_expected,
      .fallback = "\"100ms\"",
      .about = "The delay behind the second failure; the first is followed by a start at once."},
     member<&BackoffSpec::initial>},
    {{.section = Section::backoff,
      .key = "factor",
      .shape = Shape::real,
      .problem = "invalid_backoff",
      .expected = "a number from 1 to 1000",
      .fallback = "2",
      .low = 1,
      .high = factor_max,
      .about = "How much longer each further delay is."},
     member<&BackoffSpec::factor>},
    {{.section = Section::backoff,
      .key = "max",
      .shape = Shape::duration,
      .problem = "invalid_backoff",
      .expected = duration_expected,
      .fallback = "\"30s\"",
      .about = "The longest delay."},
     member<&BackoffSpec::max>},
    {{.section = Section::backoff,
      .key = "jitter",
      .shape = Shape::real,
      .problem = "invalid_backoff",
      .expected = "a number from 0 to 1",
      .fallback = "0.2",
      .high = 1,
      .about = "The part of a delay by which it is made longer or shorter, by chance."},
     member<&BackoffSpec::jitter>},
    {{.section = Section::backoff,
      .key = "reset_after",
      .shape = Shape::duration,
      .problem = "invalid_backoff",
      .expected = duration_expected,
      .fallback = "\"10s\"",
      .about = "A child that stays ready for so long begins anew."},
     member<&BackoffSpec::reset_after>},
}};

bool read_link_mode(Reader& /*reader*/, const Node& value, const KeyInfo& info, StandingLink& link) {
    return take_word(value, info, link.mode, first_link_mode);
}

std::optional<Node> write_link_mode(const KeyInfo& info, const StandingLink& link) {
    return link.mode == LinkMode::monitor ? std::nullopt : std::optional{word_of(info, link.mode, first_link_mode)};
}

std::optional<Node> write_link_target(const KeyInfo& info, const StandingLink& link) { return value_of(info, link.to); }

constexpr std::array<Field<StandingLink>, 2> link_rows{{
    {{.section = Section::link,
      .key = "to",
      .shape = Shape::text,
      .problem = "invalid_link",
      .expected = "a sibling's name, or a path below the root",
      .missing = "missing_link_target",
      .about = "The other end."},
     {read_member<&StandingLink::to, StandingLink>, write_link_target}},  // only the form: the target may stand further down in the text
    {{.section = Section::link,
      .key = "mode",
      .shape = Shape::choice,
      .problem = "invalid_link_mode",
      .fallback = "\"monitor\"",
      .words = link_mode_words,
      .about = "Who is told when the other goes: this child, the other one, or both."},
     {read_link_mode, write_link_mode}},
}};

/// The name's row stands first, so that it is read first.
std::vector<Field<ChildSpec>> join_rows(Naming naming) {
    std::vector<Field<ChildSpec>> all;
    for (const Fields<ChildSpec> rows :
         {Fields<ChildSpec>{shared_rows}, process_fields(), output_of_child_fields(), ending_fields(), machine_fields()}) {
        all.insert(all.end(), rows.begin(), rows.end());
    }
    if (naming != Naming::wanted) {
        all.front().info.missing = {};
    }
    if (naming == Naming::refused) {
        all.front().ways.read = refuse_name;
    }
    return all;
}

Fields<ChildSpec> fields_for(Naming naming) {
    static const std::vector<Field<ChildSpec>> without = join_rows(Naming::refused);
    static const std::vector<Field<ChildSpec>> either = join_rows(Naming::optional);
    switch (naming) {
        case Naming::wanted: break;
        case Naming::refused: return without;
        case Naming::optional: return either;
    }
    return child_fields();
}

}  // namespace

Fields<ChildSpec> child_fields() {
    static const std::vector<Field<ChildSpec>> rows = join_rows(Naming::wanted);
    return rows;
}

Fields<BackoffSpec> backoff_fields() { return backoff_rows; }
Fields<StandingLink> link_fields() { return link_rows; }

void read_child(Reader& reader, const Node& value, const Surroundings& around, Naming naming, ChildSpec& child) {
    const std::size_t before = reader.errors();
    if (reader.object(value, fields_for(naming), naming == Naming::refused ? "invalid_template" : "invalid_child", child)) {
        check_child(reader, value, around, reader.errors() == before, child);
    }
}

Node written_child(const ChildSpec& child) {
    const auto is_none = [&child](Holder holder) {
        return (child.is_supervisor && (holder == Holder::process || holder == Holder::worker)) ||
               (child.is_task() && holder == Holder::process);
    };
    return written_object(child_fields(), child, is_none);
}

}  // namespace backplane::config
