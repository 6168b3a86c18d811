#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The staged install serves a stranger: a tiny program in C++ and one in C find the package by CMake and by pkg-config, build and
# run; the shared library exports only what is public and needs only the C++ run time.
set -euo pipefail
cd "$(dirname "$0")/../.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p build
(
    flock 9
    cmake --preset release >/dev/null && cmake --build --preset release -- -j"$(nproc)" >/dev/null &&
        cmake --install build/release --prefix "$work/stage" >/dev/null
) 9>build/.lock-release
libdir=$(dirname "$(find "$work/stage" -name 'libbackplane.so' | head -n 1)")

helper=$(find "$work/stage" -path '*/libexec/backplane/backplane-exec')
[ -x "$helper" ] || { echo "package: the exec helper is not where the daemon looks for it" >&2; exit 1; }
# It starts with the daemon's rights, and so depends on nothing but the C library.
if needed=$(objdump -p "$helper" | awk '$1 == "NEEDED" {print $2}' | grep -v '^libc\.so'); then
    echo "package: the exec helper needs $needed" >&2
    exit 1
fi

mkdir "$work/user"
cat >"$work/user/main.cpp" <<'CPP'
#include <backplane/backplane.hpp>

#include <cstdio>

int main() {
    const backplane::DeviceId id = backplane::DeviceId::make(1, 2);
    std::printf("%s %s\n", backplane::line_text(backplane::Epoch{9}, id).c_str(),
                std::string(backplane::error_name(backplane::ErrorCode::link_down)).c_str());
}
CPP
cat >"$work/user/CMakeLists.txt" <<'CMAKE'
cmake_minimum_required(VERSION 3.25)
project(user LANGUAGES CXX)
find_package(backplane 0.1 REQUIRED)
add_executable(user main.cpp)
target_link_libraries(user PRIVATE backplane::client)
CMAKE
cat >"$work/user/local.cpp" <<'CPP'
#include <backplane/testing/local_bus.hpp>

#include <cstdio>

int main() {
    backplane::testing::LocalBus bus;
    backplane::Client ours = bus.connect();
    backplane::Client theirs = bus.connect();
    auto device = theirs.open_device();
    if (!device || !ours.device().link_wait(device->line(), backplane::LinkMode::monitor)) {
        return 1;
    }
    bus.kill(theirs);
    const auto message = ours.device().next(backplane::Within::forever());
    const auto* gone = message ? std::get_if<backplane::Disconnected>(&*message) : nullptr;
    std::printf("%s\n", gone && gone->fault ? backplane::fault_text(*gone->fault, ours.epoch()).c_str() : "nothing");
}
CPP
cat >>"$work/user/CMakeLists.txt" <<'CMAKE'
add_executable(local local.cpp)
target_link_libraries(local PRIVATE backplane::testing)
CMAKE
cmake -S "$work/user" -B "$work/user/build" -DCMAKE_PREFIX_PATH="$work/stage" >/dev/null
cmake --build "$work/user/build" >/dev/null
[ "$("$work/user/build/user")" = "9.1.2 link_down" ] || { echo "the CMake consumer says something else"; exit 1; }
[ "$("$work/user/build/local")" = "drop" ] || { echo "the consumer of backplane::testing says something else"; exit 1; }
ldd "$work/user/build/local" | grep -q libbackplane && { echo "backplane::testing needs libbackplane.so"; exit 1; }

# pkg-config knows the prefix of the staged install only by its own file's place.
export PKG_CONFIG_PATH=$libdir/pkgconfig
mapfile -t flags < <(pkg-config --define-variable=prefix="$work/stage" --cflags --libs backplane | xargs -n 1)
g++ -std=c++20 "$work/user/main.cpp" -o "$work/user/by-pkg-config" "${flags[@]}"
[ "$(LD_LIBRARY_PATH=$libdir "$work/user/by-pkg-config")" = "9.1.2 link_down" ] || { echo "the pkg-config consumer says something else"; exit 1; }

# The same in C, by a project that knows no C++.
mkdir "$work/c"
cat >"$work/c/main.c" <<'C'
#include <backplane/backplane.h>

#include <stdio.h>

int main(void) {
    const bp_line line = {.size = sizeof line, .epoch = 9, .id = (UINT64_C(1) << 32) | 2};
    char text[BP_LINE_TEXT_MAX];
    size_t length = 0;
    if (!bp_is_compatible(BP_API_VERSION_MAJOR, BP_API_VERSION_MINOR) || bp_line_format(&line, text, sizeof text, &length) != BP_OK) {
        return 1;
    }
    printf("%.*s %s\n", (int)length, text, bp_status_name(BP_LINK_DOWN, NULL));
    return 0;
}
C
cat >"$work/c/CMakeLists.txt" <<'CMAKE'
cmake_minimum_required(VERSION 3.25)
project(user LANGUAGES C)
set(CMAKE_C_STANDARD 11)
find_package(backplane 0.1 REQUIRED)
add_executable(user main.c)
target_link_libraries(user PRIVATE backplane::client)
CMAKE
cmake -S "$work/c" -B "$work/c/build" -DCMAKE_PREFIX_PATH="$work/stage" >/dev/null
cmake --build "$work/c/build" >/dev/null
[ "$("$work/c/build/user")" = "9.1.2 link_down" ] || { echo "the C consumer by CMake says something else"; exit 1; }
gcc -std=c11 -pedantic -Wall -Wextra -Werror "$work/c/main.c" -o "$work/c/by-pkg-config" "${flags[@]}"
[ "$(LD_LIBRARY_PATH=$libdir "$work/c/by-pkg-config")" = "9.1.2 link_down" ] || { echo "the C consumer by pkg-config says something else"; exit 1; }

# What is installed as a header is a file of the repository, none is generated.
generated=$(diff <(cd "$work/stage/include" && find . -type f | sort) \
    <(git ls-files 'client/include/*' 'proto/include/*' | sed 's|.*/include/|./|' | sort) || true)
[ -z "$generated" ] || { echo "the installed headers are not the tracked ones:"; echo "$generated"; exit 1; }

needed=$(objdump -p "$libdir/libbackplane.so" | awk '$1 == "NEEDED" { print $2 }' |
    grep -vE '^(libstdc\+\+\.so\.6|libgcc_s\.so\.1|libc\.so\.6|libm\.so\.6|ld-linux.*)$' || true)
[ -z "$needed" ] || { echo "libbackplane.so needs more than the C++ run time: $needed"; exit 1; }
objdump -p "$libdir/libbackplane.so" | grep -q 'SONAME *libbackplane.so.0$' || { echo "the soname is not libbackplane.so.0"; exit 1; }

# Ours are exported, private rooms are not.
nm -DC --defined-only "$libdir/libbackplane.so" >"$work/symbols"
private=$(grep -E 'backplane::(wire|talk|client_detail|core)::|nlohmann' "$work/symbols" | head -n 5 || true)
[ -z "$private" ] || { echo "private symbols are exported:"; echo "$private"; exit 1; }
for file in bin/backplaned bin/backplanectl; do
    [ -x "$work/stage/$file" ] || { echo "$file is not installed"; exit 1; }
done
echo "package: staged, found by CMake and pkg-config from C++ and C, $(wc -l <"$work/symbols") symbols"
