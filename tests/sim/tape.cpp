// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/tape.hpp"

#include <map>

namespace backplane::sim {
namespace {

/// Images are compared so often; each is as large as the state.
constexpr std::size_t steps_between = 8;

std::string image_of(const core::Engine& engine) {
    std::string image;
    engine.save(image);
    return image;
}

bool is_same(const core::Record& a, const core::Effects& of_a, const core::Record& b, const core::Effects& of_b) {
    return a.at == b.at && a.kind == b.kind && a.child == b.child && a.device == b.device && a.other == b.other && a.number == b.number &&
           of_a.text_of(a) == of_b.text_of(b) && of_a.name_of(a) == of_b.name_of(b);
}

/// What the plain core said must be there under its number.
std::string compare_records(const core::Effects& plain, const core::Effects& all) {
    std::map<std::uint64_t, const core::Record*> by_seq;
    for (const core::Record& record : all.records) {
        const bool rises = by_seq.empty() || by_seq.rbegin()->first < record.seq;
        if (!rises) {
            return "the numbers of records do not go up";
        }
        by_seq[record.seq] = &record;
    }
    for (const core::Record& record : plain.records) {
        const auto found = by_seq.find(record.seq);
        if (found == by_seq.end() || !is_same(record, plain, *found->second, all)) {
            return "record " + std::to_string(record.seq) + " is another one where all is told";
        }
    }
    return {};
}

}  // namespace

bool Tape::record(Instant now, const core::Event& event) {
    Taken& taken = taken_.emplace_back(Taken{now, event, std::string{event.text}});
    taken.event.text = taken.text;
    return true;
}

std::string Tape::compare_replays() const {
    core::Engine plain;
    core::Engine all;
    all.tell_all();
    std::size_t steps = 0;
    for (const Taken& taken : taken_) {
        core::Effects of_plain;
        core::Effects of_all;
        plain.step(taken.at, taken.event, of_plain);
        all.step(taken.at, taken.event, of_all);
        if (std::string wrong = compare_records(of_plain, of_all); !wrong.empty()) {
            return wrong;
        }
        if (of_plain.list.size() != of_all.list.size()) {
            return "step " + std::to_string(plain.steps()) + " has other effects where all is told";
        }
        if (++steps % steps_between == 0 && image_of(plain) != image_of(all)) {
            return "the state after step " + std::to_string(plain.steps()) + " is another one where all is told";
        }
    }
    return image_of(plain) == image_of(all) ? std::string{} : "the last state is another one where all is told";
}

}  // namespace backplane::sim
