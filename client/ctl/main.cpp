// SPDX-License-Identifier: Apache-2.0
/// backplanectl: looks at and acts on a backplane, by the public library alone.
#include "client/ctl/arguments.hpp"
#include "client/ctl/commands.hpp"

#include <csignal>
#include <cstdio>
#include <exception>

int main(int count, char** words) {
    // A reader that goes away is met as an error of write, which ends the program quietly.
    std::signal(SIGPIPE, SIG_IGN);
    try {
        const auto arguments = backplane::ctl::read_arguments(count, words);
        if (const int* code = std::get_if<int>(&arguments)) {
            return *code;
        }
        return backplane::ctl::run(std::get<backplane::ctl::Arguments>(arguments));
    } catch (const std::exception& failure) {
        // Out of memory, or a mistake of ours.
        std::fprintf(stderr, "backplanectl: %s\n", failure.what());
        return 1;
    }
}
