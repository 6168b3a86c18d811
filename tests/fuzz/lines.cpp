// SPDX-License-Identifier: Apache-2.0
/// What workers write, and a ring out of another program's hands: bounded whatever the bytes, and whole when it is handed over.
#include "daemon/output/line_ring.hpp"
#include "daemon/output/tail.hpp"
#include "tests/fuzz/target.hpp"

#include <algorithm>

namespace {

using namespace backplane;
using output::LineRing;

std::string saved(const LineRing& ring) {
    std::string bytes;
    core::ImageWriter image(bytes);
    ring.save(image);
    return bytes;
}

void look_at(const LineRing& ring) {
    fuzz::hold(ring.origin() <= ring.first() && ring.first() <= ring.next(), "numbers go up");
    std::size_t charged = 0;
    for (std::uint64_t number = ring.first(); number < ring.next(); ++number) {
        const output::Line line = ring.line(number);
        fuzz::hold(line.text.size() <= output::line_bytes_max, "a line is bounded");
        charged += line.text.size() + output::line_overhead;
    }
    fuzz::hold(charged <= output::ring_bytes, "a ring is bounded");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view input = fuzz::as_text(data, size);
    LineRing loaded{1};
    core::ImageReader image(input);
    if (loaded.load(image)) {
        look_at(loaded);
        loaded.append(output::Which::err, 1, Instant{}, input);
        look_at(loaded);
    }
    // The input as what two outputs wrote, in pieces as long as its own bytes say.
    LineRing ring{1};
    output::Tail tail;
    for (std::string_view rest = input; !rest.empty();) {
        const auto first = static_cast<unsigned char>(rest.front());
        const std::string_view piece = rest.substr(0, std::min<std::size_t>(first + std::size_t{1}, rest.size()));
        ring.append(first % 2 == 0 ? output::Which::out : output::Which::err, first % 8, Instant{first}, piece);
        tail.append(piece);
        fuzz::hold(tail.text().size() <= core::last_words_bytes_max, "a tail is bounded");
        rest.remove_prefix(piece.size());
    }
    look_at(ring);
    LineRing again{1};
    const std::string bytes = saved(ring);
    core::ImageReader back(bytes);
    fuzz::hold(again.load(back) && back.at_end() && saved(again) == bytes, "a ring is handed over whole");
    return 0;
}
