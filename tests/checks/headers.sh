#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Each header compiles alone, twice included, with the warnings of the build; the installed ones without the
# repository's root, as a user compiles them.
set -euo pipefail
cd "$(dirname "$0")/../.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
flags=(-std=c++20 -fsyntax-only -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Werror
    -isystem /usr/include/nlohmann)
list=$(git ls-files -co --exclude-standard '*.hpp' '*.h' | while IFS= read -r f; do [ -f "$f" ] && echo "$f"; done)

try_header() {
    local header=$1 unit
    unit=$(mktemp "$work/XXXXXX.cpp")
    case $header in
    proto/include/* | client/include/*)
        printf '#include <%s>\n#include <%s>\n' "${header#*/include/}" "${header#*/include/}" >"$unit"
        g++ "${flags[@]}" -Iproto/include -Iclient/include "$unit" || echo "$header" >>"$work/wrong"
        ;;
    *)
        printf '#include "%s"\n#include "%s"\n' "$header" "$header" >"$unit"
        g++ "${flags[@]}" -I. -Iproto/include -Iclient/include "$unit" || echo "$header" >>"$work/wrong"
        ;;
    esac
    rm -f "$unit"
}

count=0
for header in $list; do
    try_header "$header" &
    count=$((count + 1))
    [ $((count % 2)) -eq 0 ] && wait
done
wait
if [ -s "$work/wrong" ]; then
    sed 's/$/: does not compile alone/' "$work/wrong"
    exit 1
fi
echo "headers: $count compile alone"
