// SPDX-License-Identifier: Apache-2.0
/// bp_sim: random histories against the rules, and readable scripts with their exact effects.
///
///   bp_sim --histories N [--seed S] [--steps M] [--kind KIND] [--plant] [--verbose]     seeds S, S+1, …; exit 1 where one failed
///          --kind         graph, tree, both (when none is given), or supervision, which saves, loads and crashes as it goes and tells
///                         a history that failed as short as it could be made
///          --journal      every event goes through a journal: after each one its replay must be the same state, byte for byte
///          --crash N      about each N acts the daemon crashes and is restored from its journal, and clients come back
///          --crash every  each history once for every event, at which the daemon crashes
///          --keep FILE    where the journal of a history that failed is left, instead of bp_sim-KIND-SEED.journal in $TMPDIR
///   bp_sim --scripts DIR [--rewrite]                                            exit 1 where a script's effects differ
///
/// A failure prints the command that reproduces it, and leaves its journal for `backplaned --replay` to look into, event by event.
/// `--plant` makes the model forget some notices, or some restarts: it must fail.
#include "tests/sim/script.hpp"
#include "tests/sim/world.hpp"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>

namespace {

using namespace backplane::sim;

struct Arguments {
    long histories = 0;
    std::uint64_t seed = 1;
    int steps = 150;
    std::string kind = "both";
    std::string scripts;
    bool plant = false;
    bool rewrite = false;
    bool verbose = false;
    bool journal = false;
    std::string crash;
    std::string keep;
};

/// Words that stand alone.
bool* find_switch(std::string_view word, Arguments& arguments) {
    if (word == "--plant") {
        return &arguments.plant;
    }
    if (word == "--verbose") {
        return &arguments.verbose;
    }
    if (word == "--rewrite") {
        return &arguments.rewrite;
    }
    return word == "--journal" ? &arguments.journal : nullptr;
}

bool read_value(std::string_view word, const char* value, Arguments& arguments) {
    if (word == "--histories") {
        arguments.histories = std::strtol(value, nullptr, 10);
    } else if (word == "--seed") {
        arguments.seed = std::strtoull(value, nullptr, 10);
    } else if (word == "--steps") {
        arguments.steps = static_cast<int>(std::strtol(value, nullptr, 10));
    } else if (word == "--kind") {
        arguments.kind = value;
    } else if (word == "--scripts") {
        arguments.scripts = value;
    } else if (word == "--crash") {
        arguments.crash = value;
    } else if (word == "--keep") {
        arguments.keep = value;
    } else {
        return false;
    }
    return true;
}

bool read_arguments(int count, char** words, Arguments& arguments) {
    for (int i = 1; i < count; ++i) {
        if (bool* const found = find_switch(words[i], arguments)) {
            *found = true;
        } else if (i + 1 == count || !read_value(words[i], words[i + 1], arguments)) {
            return false;
        } else {
            ++i;
        }
    }
    return arguments.histories > 0 || !arguments.scripts.empty();
}

/// One history, and once more with its state saved and loaded at random points: not a byte may differ (decision 9).
/// With a journal: once with it and once without, and that must not be noticed either.
std::string run_twice(Outcome (*run)(const Options&), Options options) {
    const Outcome plain = run(options);
    if (!plain.wrong.empty()) {
        return plain.wrong;
    }
    if (std::exchange(options.journal, false)) {
        const Outcome without = run(options);
        return plain.trace == without.trace && plain.steps == without.steps ? std::string{} : "the journal was noticed";
    }
    options.save_and_load = true;
    const Outcome loaded = run(options);
    if (!loaded.wrong.empty()) {
        return "with saving and loading: " + loaded.wrong;
    }
    return plain.trace == loaded.trace && plain.steps == loaded.steps ? std::string{} : "saving and loading was noticed";
}

/// With crashes: now and then, or one behind each event in turn.
std::string run_crashing(Outcome (*run)(const Options&), Options options, const std::string& crash, std::uint64_t& crashes) {
    if (crash != "every" || run == run_tree_history) {  // a tree's history goes on beside its crashes
        options.crash_each = crash == "every" ? 1 : std::strtoull(crash.c_str(), nullptr, 10);
        const Outcome outcome = run(options);
        crashes += outcome.crashes;
        return outcome.wrong;
    }
    options.crash_at = UINT64_MAX;
    const std::uint64_t events = run(options).steps;
    for (options.crash_at = 2; options.crash_at <= events; ++options.crash_at) {
        const Outcome outcome = run(options);
        crashes += outcome.crashes;
        if (!outcome.wrong.empty()) {
            return "behind event " + std::to_string(options.crash_at) + ": " + outcome.wrong;
        }
    }
    return {};
}

/// One that failed runs once more, with a journal that is left behind. Empty where it does not fail that way: only beside a second run.
std::string keep_journal(Outcome (*run)(const Options&), Options options, const std::string& kind, bool crashes) {
    if (options.keep.empty()) {
        const char* folder = std::getenv("TMPDIR");
        options.keep =
            std::string{folder == nullptr ? "/tmp" : folder} + "/bp_sim-" + kind + "-" + std::to_string(options.seed) + ".journal";
    }
    options.journal = !crashes;
    return run(options).wrong.empty() ? std::string{} : options.keep;
}

int run_histories(const Arguments& arguments) {
    const auto start = std::chrono::steady_clock::now();
    long failed = 0;
    std::uint64_t crashes = 0, steps = 0;
    const auto fail = [&](std::uint64_t seed, const char* kind, const std::string& wrong) {
        ++failed;
        std::printf("FAILED seed=%llu %s: %s\n    bp_sim --histories 1 --seed %llu --steps %d --kind %s%s%s%s\n",
                    static_cast<unsigned long long>(seed), kind, wrong.c_str(), static_cast<unsigned long long>(seed), arguments.steps,
                    kind, arguments.plant ? " --plant" : "", arguments.journal ? " --journal" : "",
                    arguments.crash.empty() ? "" : (" --crash " + arguments.crash).c_str());
        std::fflush(stdout);
    };
    for (long i = 0; i < arguments.histories; ++i) {
        Options options;
        options.seed = arguments.seed + static_cast<std::uint64_t>(i);
        options.steps = arguments.steps;
        options.forget_each = arguments.plant ? 20 : 0;
        options.verbose = arguments.verbose;
        options.journal = arguments.journal;
        options.keep = arguments.keep;
        std::string wrong;
        const char* kind = "graph";
        Outcome (*failing)(const Options&) = run_graph_history;
        const auto run = [&](Outcome (*history)(const Options&)) {
            return arguments.crash.empty() ? run_twice(history, options) : run_crashing(history, options, arguments.crash, crashes);
        };
        if (arguments.kind == "supervision") {  // saves, loads and crashes as it goes
            const Outcome outcome = run_supervision_history(options);
            crashes += outcome.crashes;
            steps += outcome.steps;
            if (!outcome.wrong.empty()) {
                fail(options.seed, "supervision", outcome.wrong);
            }
            continue;
        }
        if (arguments.kind != "tree") {
            wrong = run(run_graph_history);
        }
        if (wrong.empty() && arguments.kind != "graph") {
            kind = "tree";
            failing = run_tree_history;
            wrong = run(run_tree_history);
        }
        if (!wrong.empty()) {
            fail(options.seed, kind, wrong);
            options.crash_each = arguments.crash == "every" ? 1 : std::strtoull(arguments.crash.c_str(), nullptr, 10);
            if (const std::string kept = keep_journal(failing, options, kind, !arguments.crash.empty()); !kept.empty()) {
                std::printf("    backplaned --replay %s\n", kept.c_str());
            }
        }
    }
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    std::printf("%ld histories, %ld failed\n%.0f histories/s, seed %llu\n", arguments.histories, failed,
                static_cast<double>(arguments.histories) / seconds, static_cast<unsigned long long>(arguments.seed));
    if (steps != 0) {
        std::printf("%llu events\n", static_cast<unsigned long long>(steps));
    }
    if (!arguments.crash.empty()) {
        std::printf("%llu crashes of the daemon\n", static_cast<unsigned long long>(crashes));
    }
    std::printf("tally: %ld passed, %ld failed, 0 skipped\n", arguments.histories - failed, failed);
    return failed == 0 ? 0 : 1;
}

}  // namespace

int main(int count, char** words) {
    Arguments arguments;
    if (!read_arguments(count, words, arguments)) {
        std::fputs(
            "usage: bp_sim --histories N [--seed S] [--steps M] [--kind graph|tree|supervision] [--plant] | --scripts DIR [--rewrite]\n",
            stderr);
        return 2;
    }
    return arguments.scripts.empty() ? run_histories(arguments) : run_scripts(arguments.scripts, arguments.rewrite);
}
