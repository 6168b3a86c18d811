// SPDX-License-Identifier: Apache-2.0
/// A main for fuzz targets without libFuzzer: runs the corpus, then N seeded mutations of it.
///
///   TARGET [--runs N] [--seed S] [--corpus FOLDER] [FILE...]
///
/// A target with a cost (tests/fuzz/CMakeLists.txt) makes that fraction of the runs asked for.
/// Run I of seed S is the same on every machine. Files are run alone, for replay. When the target dies, the input that
/// killed it goes to stderr as hexadecimal: `xxd -r -p` makes a file of it.
#include "tests/fuzz/target.hpp"

#include <algorithm>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

// The sanitizers' runtimes offer this; without one it is not there.
extern "C" __attribute__((weak)) void __sanitizer_set_death_callback(void (*callback)());

namespace {

using Input = std::vector<std::uint8_t>;

constexpr std::size_t input_bytes_max = 8192;
Input current;  ///< the input that is being run, for the last word

void print_current() {
    std::fprintf(stderr, "input of %zu bytes: ", current.size());
    for (const std::uint8_t byte : current) {
        std::fprintf(stderr, "%02x", byte);
    }
    std::fprintf(stderr, "\n");
}

extern "C" void on_signal(int number) {
    print_current();
    std::signal(number, SIG_DFL);
    std::raise(number);
}

/// splitmix64: small, seedable per run, the same everywhere.
struct Dice {
    std::uint64_t state;
    std::uint64_t next() {
        std::uint64_t z = state += 0x9e3779b97f4a7c15;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        return z ^ (z >> 31);
    }
    std::size_t below(std::size_t bound) { return bound == 0 ? 0 : static_cast<std::size_t>(next() % bound); }
};

struct Options {
    std::uint64_t runs = 10'000;
    std::uint64_t seed = 1;
    std::string corpus = BP_CORPUS;
    std::vector<std::string> files;
};

Input read_file(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    return Input(std::istreambuf_iterator<char>(file), {});
}

/// The corpus in the order of its names, so that a seed means the same on every file system.
std::vector<Input> read_corpus(const std::string& folder) {
    std::vector<std::filesystem::path> paths;
    std::error_code missing;
    for (const auto& entry : std::filesystem::directory_iterator(folder, missing)) {
        paths.push_back(entry.path());
    }
    std::sort(paths.begin(), paths.end());
    std::vector<Input> corpus;
    for (const auto& path : paths) {
        corpus.push_back(read_file(path));
    }
    return corpus;
}

void insert_some(Input& input, Dice& dice) {
    static constexpr std::uint64_t telling[] = {0,    1, 7, 8, 64, 200, 255, 256, 65535, 65536, 0x7fffffff, 0xffffffff, 0x7fffffffffffffff,
                                                ~0ull};
    std::uint8_t raw[sizeof(std::uint64_t)];
    const std::uint64_t value = dice.below(4) == 0 ? dice.next() : telling[dice.below(std::size(telling))];
    std::memcpy(raw, &value, sizeof(raw));
    const std::size_t size = std::size_t{1} << dice.below(4);
    const std::size_t at = dice.below(input.size() + 1);
    if (dice.below(2) == 0 && at + size <= input.size()) {
        std::copy_n(raw, size, input.begin() + static_cast<std::ptrdiff_t>(at));
    } else {
        input.insert(input.begin() + static_cast<std::ptrdiff_t>(at), raw, raw + size);
    }
}

/// Takes a piece of one input over into another, or doubles one within itself.
void splice(Input& input, const Input& from, Dice& dice) {
    if (from.empty()) {
        return;
    }
    const std::size_t begin = dice.below(from.size());
    const std::size_t size = 1 + dice.below(std::min<std::size_t>(from.size() - begin, 64));
    const Input piece(from.begin() + static_cast<std::ptrdiff_t>(begin), from.begin() + static_cast<std::ptrdiff_t>(begin + size));
    input.insert(input.begin() + static_cast<std::ptrdiff_t>(dice.below(input.size() + 1)), piece.begin(), piece.end());
}

void erase_some(Input& input, Dice& dice) {
    const std::size_t begin = dice.below(input.size());
    const std::size_t size = 1 + dice.below(std::min<std::size_t>(input.size() - begin, 16));
    input.erase(input.begin() + static_cast<std::ptrdiff_t>(begin), input.begin() + static_cast<std::ptrdiff_t>(begin + size));
}

void mutate(Input& input, const std::vector<Input>& corpus, Dice& dice) {
    for (std::size_t step = 0; step <= dice.below(4); ++step) {
        const std::size_t kind = input.empty() ? 3 : dice.below(6);
        switch (kind) {
            case 0: input[dice.below(input.size())] ^= static_cast<std::uint8_t>(1u << dice.below(8)); break;
            case 1: input[dice.below(input.size())] = static_cast<std::uint8_t>(dice.next()); break;
            case 2: erase_some(input, dice); break;
            case 3: insert_some(input, dice); break;
            case 4: splice(input, input, dice); break;
            default: splice(input, corpus.empty() ? input : corpus[dice.below(corpus.size())], dice); break;
        }
    }
    input.resize(std::min(input.size(), input_bytes_max));
}

void run(Input input) {
    current = std::move(input);
    // A copy of exactly the right size, so that a read behind its end is seen.
    const Input exact(current.begin(), current.end());
    LLVMFuzzerTestOneInput(exact.data(), exact.size());
}

bool parse(int count, char** words, Options& options) {
    for (int i = 1; i < count; ++i) {
        const std::string word = words[i];
        const bool takes_value = word == "--runs" || word == "--seed" || word == "--corpus";
        if (takes_value && i + 1 == count) {
            return false;
        }
        if (word == "--runs") {
            options.runs = std::strtoull(words[++i], nullptr, 10);
        } else if (word == "--seed") {
            options.seed = std::strtoull(words[++i], nullptr, 10);
        } else if (word == "--corpus") {
            options.corpus = words[++i];
        } else if (word.starts_with("-")) {
            return false;
        } else {
            options.files.push_back(word);
        }
    }
    return true;
}

}  // namespace

int main(int count, char** words) {
    Options options;
    if (!parse(count, words, options)) {
        std::fprintf(stderr, "usage: %s [--runs N] [--seed S] [--corpus FOLDER] [FILE...]\n", words[0]);
        return 2;
    }
    if (&__sanitizer_set_death_callback != nullptr) {
        __sanitizer_set_death_callback(print_current);
    } else {
        std::signal(SIGSEGV, on_signal);
    }
    std::signal(SIGABRT, on_signal);
    for (const std::string& file : options.files) {
        run(read_file(file));
    }
    if (!options.files.empty()) {
        return 0;
    }
    const std::vector<Input> corpus = read_corpus(options.corpus);
    if (corpus.empty()) {
        std::fprintf(stderr, "no corpus in %s\n", options.corpus.c_str());
        return 2;
    }
    for (const Input& input : corpus) {
        run(input);
    }
    const std::uint64_t runs = options.runs / BP_COST;
    for (std::uint64_t i = 0; i < runs; ++i) {
        Dice dice{options.seed * 0x100000001b3 + i};
        Input input = corpus[dice.below(corpus.size())];
        mutate(input, corpus, dice);
        run(std::move(input));
    }
    std::printf("%zu inputs, %llu mutations, seed %llu\n", corpus.size(), static_cast<unsigned long long>(runs),
                static_cast<unsigned long long>(options.seed));
    return 0;
}
