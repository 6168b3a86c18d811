// SPDX-License-Identifier: Apache-2.0
/// See tree.hpp.
#include "tests/integration/scenarios/tree.hpp"

#include "tests/integration/daemon.hpp"

#include <algorithm>
#include <array>
#include <deque>
#include <map>
#include <string_view>

namespace backplane::integration::scenarios {
namespace {

using nlohmann::json;

constexpr std::array<std::string_view, 5> flags{"significant", "retain", "oneshot", "managed", "signal_group"};
constexpr std::array<std::string_view, 6> lists{"requires",        "success_exit_codes",    "shutdown_exit_codes",
                                                "success_signals", "no_restart_exit_codes", "force_restart_exit_codes"};
constexpr std::array<std::string_view, 10> of_supervisors{"strategy",        "intensity",    "period",     "on_give_up",
                                                          "auto_shutdown",   "max_children", "partitions", "on_start_failure",
                                                          "on_root_give_up", "start_order"};

template <class Table>
bool has(const Table& table, std::string_view word) {
    return std::find(table.begin(), table.end(), word) != table.end();
}

/// A number where it is one, else a text.
json value_of(const std::string& word) {
    const json number = json::parse(word, nullptr, false);
    return number.is_number() ? number : json(word);
}

json list_of(const std::string& word) {
    json out = json::array();
    std::size_t from = 0;
    for (std::size_t comma = 0; comma != std::string::npos; from = comma + 1) {
        comma = word.find(',', from);
        out.push_back(value_of(word.substr(from, comma == std::string::npos ? comma : comma - from)));
    }
    return out;
}

/// `50ms` is a delay that chance does not change; its other keys stand beside it as `backoff_max` and so on.
void set_backoff(json& child, const std::string& key, const std::string& value) {
    if (value == "none" || value == "default") {
        child.erase("backoff");
        if (value == "none") {
            child["backoff"] = "none";
        }
        return;
    }
    if (!child["backoff"].is_object()) {
        child["backoff"] = json{{"jitter", 0}};
    }
    child["backoff"][key == "backoff" ? "initial" : key.substr(std::string_view{"backoff_"}.size())] = value_of(value);
}

/// The name that a worker of this path is given: its own, or what the daemon makes of a pattern.
std::string worker_name(std::string path) {
    if (const auto dots = path.find(".."); dots != std::string::npos) {
        path = path.substr(0, path.rfind('@') + 1) + "{instance}";
    }
    return path;
}

void set_key(json& child, json& supervisor, const std::string& key, const std::string& value, const std::string& folder) {
    if (key.starts_with("backoff")) {
        set_backoff(child, key, value);
    } else if (has(lists, key)) {
        child[key] = list_of(value);
    } else if (key == "limit" || key == "limit_period") {
        child[key == "limit" ? "intensity" : "period"] = value_of(value);
    } else if (key == "links") {
        const auto colon = value.find(':');
        child[key].push_back({{"to", value.substr(0, colon)}, {"mode", value.substr(colon + 1)}});
    } else if (key == "probe") {  // there is such a file
        child["readiness"] = "probe";
        child[key] = {{"command", {"test", "-e", folder + "/" + value}}, {"interval", "20ms"}};
    } else if (key == "drain") {  // it takes until there is such a file
        child[key]["command"] = {"sh", "-c", "until test -e " + folder + "/" + value + "; do sleep 0.02; done"};
    } else if (key == "drain_timeout") {
        child["drain"]["timeout"] = value;
    } else {
        (has(of_supervisors, key) ? supervisor : child)[key] = value_of(value);
    }
}

/// The keys of a line from its third word on, into both objects.
void set_keys(const Words& words, json& child, json& supervisor, const std::string& folder) {
    for (std::size_t i = 2; i < words.size(); ++i) {
        const std::string& key = words[i];
        if (has(flags, key)) {
            child[key] = true;
        } else if (key == "does") {
            for (++i; i < words.size(); ++i) {
                child["exec"].push_back(words[i]);
            }
        } else if (key == "exec") {
            child[key] = Words(words.begin() + static_cast<std::ptrdiff_t>(i) + 1, words.end());
            return;
        } else if (i + 1 < words.size()) {
            set_key(child, supervisor, key, words[++i], folder);
        }
    }
}

struct Node {
    json child = json::object();
    json supervisor = json::object();
    std::vector<Node*> below;
    std::vector<json> raw;
};

json whole(const Node& node);

json children_of(const Node& node) {
    json out = json::array();
    for (const Node* child : node.below) {
        out.push_back(whole(*child));
    }
    for (const json& child : node.raw) {
        out.push_back(child);
    }
    return out;
}

json supervisor_of(const Node& node) {
    json out = node.supervisor;
    if (!out.contains("template")) {
        out["children"] = children_of(node);
    }
    return out;
}

json whole(const Node& node) {
    json out = node.child;
    if (!node.supervisor.is_null()) {
        out["supervisor"] = supervisor_of(node);
    }
    return out;
}

}  // namespace

std::string parent_of(const std::string& path) {
    const auto slash = path.rfind('/');
    return slash == std::string::npos ? "/" : path.substr(0, slash);
}

std::string name_of(const std::string& path) { return path.substr(path.rfind('/') + 1); }

json child_of(const Words& words, const std::string& folder) {
    json child{{"name", name_of(words[1])}, {"backoff", "none"}, {"start_timeout", "1h"}, {"shutdown", "1h"}};
    child["exec"] = {program("bp_scenario_worker"), folder, worker_name(words[1])};
    json none = json::object();
    set_keys(words, child, none, folder);
    child.update(none);  // a key of supervisors on a worker is the daemon's to refuse
    if (!child.contains("readiness") && !child.contains("oneshot") && child["start_timeout"] != "no_wait") {
        child["readiness"] = "notify";
    }
    return child;
}

std::vector<std::string> dynamic_arguments(const Words& words) {
    Words out{words[1]};
    const auto does = std::find(words.begin(), words.end(), "does");
    if (does != words.end()) {
        out.insert(out.end(), does + 1, words.end());
    }
    return out;
}

json configuration_of(const std::vector<Line>& tree, const std::string& folder) {
    std::deque<Node> nodes(1);
    std::map<std::string, Node*> by_path{{"/", &nodes.front()}};
    nodes.front().supervisor = {{"period", "1h"}};
    for (const Line& line : tree) {
        const Words words = split(line.text);
        const std::string& path = words[1];
        if (words[0] == "raw") {
            by_path[path]->raw.push_back(json::parse(joined(words, 2)));
        } else if (words[0] == "template") {
            json child = child_of(words, folder);
            child.erase("name");
            auto& exec = child["exec"];
            if (is_dynamic(tree, path)) {
                exec.erase(2);
            } else {
                exec[2] = path + "/{partition}";
            }
            by_path[path]->supervisor["template"] = child;
        } else {
            Node& node = path == "/" ? nodes.front() : nodes.emplace_back();
            if (path != "/") {
                by_path[path] = &node;
                by_path[parent_of(path)]->below.push_back(&node);
            }
            if (words[0] == "child") {
                node.child = child_of(words, folder);
                node.supervisor = nullptr;
            } else {
                node.child = path == "/" ? json::object() : json{{"name", name_of(path)}, {"backoff", "none"}};
                node.supervisor["period"] = "1h";
                set_keys(words, path == "/" ? node.supervisor : node.child, node.supervisor, folder);
            }
        }
    }
    return {{"supervisor", supervisor_of(nodes.front())}};
}

bool is_dynamic(const std::vector<Line>& tree, const std::string& supervisor) {
    return std::any_of(tree.begin(), tree.end(), [&](const Line& line) {
        const Words words = split(line.text);
        return words[0] == "sup" && words[1] == supervisor && line.text.find("strategy dynamic") != std::string::npos;
    });
}

}  // namespace backplane::integration::scenarios
