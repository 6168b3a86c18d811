// SPDX-License-Identifier: Apache-2.0
/// The worker of the process bench: first of all it writes the time to stdout, then it waits to be killed.
/// It uses nothing of the C++ library and is linked without it, so that what is measured is not the loading of libraries.
#include <signal.h>
#include <unistd.h>

#include <ctime>

int main() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    const long long nanoseconds = static_cast<long long>(now.tv_sec) * 1000000000LL + now.tv_nsec;
    if (write(STDOUT_FILENO, &nanoseconds, sizeof nanoseconds) != static_cast<ssize_t>(sizeof nanoseconds)) {
        return 1;
    }
    for (;;) {
        pause();
    }
}
