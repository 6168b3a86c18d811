#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The C face is what its list says: libbackplane.so exports exactly the C names of symbols.txt, each declared in backplane.h and
# beginning with `bp_`; its name and what it needs are right; the header is plain C11, and no public header is generated.
#
#   symbols.sh [LIBRARY]    of the release build, which is brought up to date first, or of the given file
#   symbols.sh --self-test  plants mistakes in small libraries and headers and demands that each is seen
set -euo pipefail
cd "$(dirname "$0")/../.."
export LC_ALL=C

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The exported names that are not C++.
c_names() { nm -D --defined-only "$1" | awk '{ sub(/@.*/, "", $3); print $3 }' | grep -v '^_Z' | sort -u || true; }

# library, list: prints what is wrong.
judge_library() {
    local foreign
    foreign=$(c_names "$1" | grep -v '^bp_' || true)
    [ -z "$foreign" ] || echo "exported without bp_:" $foreign
    diff <(sort "$2") <(c_names "$1") | sed -n 's/^</not exported:/p; s/^>/not in the list:/p' || true
    objdump -p "$1" | awk '$1 == "SONAME" { print $2 }' | grep -qxF libbackplane.so.0 || echo "the soname is not libbackplane.so.0"
    objdump -p "$1" | awk '$1 == "NEEDED" { print $2 }' |
        grep -vxE 'libc\.so\.6|libm\.so\.6|libstdc\+\+\.so\.6|libgcc_s\.so\.1|ld-linux.*' | sed 's/^/it needs /' || true
}

# header, list, further flags: prints what is wrong.
judge_header() {
    local header=$1 list=$2
    shift 2
    gcc -std=c11 -pedantic -Wall -Wextra -Werror -fsyntax-only "$@" -x c "$header" 2>&1 || echo "$header is not C11"
    g++ -std=c++20 -pedantic -Wall -Wextra -Werror -fsyntax-only "$@" -x c++ "$header" 2>&1 || echo "$header is not C++"
    gcc -std=c11 -E -P "$@" -x c "$header" >"$work/plain" 2>/dev/null || return 0
    diff <(sort "$list") <(grep -oE '\bbp_[a-z0-9_]+ ?\(' "$work/plain" | tr -d ' (' | sort -u) |
        sed -n 's/^</not declared:/p; s/^>/declared and not in the list:/p' || true
    # Of a struct that is defined the first member is its size.
    tr '\n' ' ' <"$work/plain" | grep -oE 'struct bp_[a-z_]+ *\{ *[^;]*;' | grep -vE '\{ *uint32_t size;$' | sed 's/^/no size first: /' || true
}

# folders of public headers: prints those that nobody tracks.
judge_tracked() { find "$@" -type f -name '*.h*' -exec sh -c 'git ls-files --error-unmatch "$1" >/dev/null 2>&1 || echo "$1 is not tracked"' _ {} \;; }

# `name`, the pattern that its judgement must contain (empty: nothing at all), and the judgement.
demand() {
    local name=$1 pattern=$2 said
    shift 2
    said=$("$@")
    if { [ -z "$pattern" ] && [ -n "$said" ]; } || ! grep -qE -- "$pattern" <<<"$said"; then
        echo "self-test: $name: ${said:-not seen}"
        exit 1
    fi
}

# Builds $work/NAME.so out of code on stdin with a soname.
plant() { gcc -shared -fPIC -x c - -x none -o "$work/$1.so" -Wl,-soname,"$2" "${@:3}"; }

self_test() {
    local good='#include <stdint.h>
typedef struct bp_x { uint32_t size; } bp_x;
int bp_one(void);'
    printf 'bp_one\n' >"$work/list"
    echo 'int bp_one(void) { return 1; }' | plant good libbackplane.so.0
    demand "a right library" '' judge_library "$work/good.so" "$work/list"
    echo 'int bp_one(void) { return 1; } int stray(void) { return 1; }' | plant stray libbackplane.so.0
    demand "a name without bp_" 'exported without bp_: stray' judge_library "$work/stray.so" "$work/list"
    echo 'int bp_one(void) { return 1; } int bp_two(void) { return 1; }' | plant two libbackplane.so.0
    demand "a new name" 'not in the list: bp_two' judge_library "$work/two.so" "$work/list"
    printf 'bp_gone\nbp_one\n' >"$work/longer"
    demand "a name that is gone" 'not exported: bp_gone' judge_library "$work/good.so" "$work/longer"
    echo 'int bp_one(void) { return 1; }' | plant named libbackplane.so.1
    demand "another soname" 'soname' judge_library "$work/named.so" "$work/list"
    echo 'int bp_one(void) { return 1; }' | plant needy libbackplane.so.0 -Wl,--no-as-needed "$work/named.so"
    demand "another library" 'it needs libbackplane.so.1' judge_library "$work/needy.so" "$work/list"

    echo "$good" >"$work/good.h"
    demand "a right header" '' judge_header "$work/good.h" "$work/list"
    printf '%s\nbool bp_flag;\n' "$good" >"$work/bool.h"
    demand "a header that is not C11" 'is not C11' judge_header "$work/bool.h" "$work/list"
    printf '%s\nint bp_class(int class);\n' "$good" >"$work/class.h"
    demand "a header that is not C++" 'is not C\+\+' judge_header "$work/class.h" "$work/list"
    demand "a declaration that is not listed" 'not in the list: bp_class' judge_header "$work/class.h" "$work/list"
    demand "a name that is not declared" 'not declared: bp_gone' judge_header "$work/good.h" "$work/longer"
    echo "${good/uint32_t size/int64_t other}" >"$work/sizeless.h"
    demand "a struct without size" 'no size first' judge_header "$work/sizeless.h" "$work/list"
    demand "a header that is not tracked" 'good.h is not tracked' judge_tracked "$work"
    echo "symbols: the planted mistakes are seen"
}

if [ "${1:-}" = --self-test ]; then
    self_test
    exit 0
fi
library=${1:-}
if [ -z "$library" ]; then
    mkdir -p build
    (
        flock 9
        cmake --preset release >/dev/null && cmake --build --preset release -- -j"$(nproc)" backplane_client >/dev/null &&
            cp build/release/lib/libbackplane.so "$work/libbackplane.so"
    ) 9>build/.lock-release
    library=$work/libbackplane.so
fi
wrong=$(
    judge_library "$library" tests/checks/symbols.txt
    judge_header client/include/backplane/backplane.h tests/checks/symbols.txt -Iclient/include -Iproto/include
    judge_tracked client/include proto/include
)
if [ -n "$wrong" ]; then
    echo "$wrong"
    exit 1
fi
echo "symbols: $(wc -l <tests/checks/symbols.txt) C names, as listed"
