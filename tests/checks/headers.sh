#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Each header compiles alone, with the warnings of the build; the installed ones without the repository's root and twice included, as
# a user may compile them. A private header that is the first line of a source of its own name is proven by the build.
set -euo pipefail
cd "$(dirname "$0")/../.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
flags=(-std=c++20 -fsyntax-only -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Werror
    -isystem /usr/include/nlohmann)
list=$(git ls-files -co --exclude-standard '*.hpp' '*.h' | while IFS= read -r f; do [ -f "$f" ] && echo "$f"; done)

# Whether x.hpp is what x.cpp begins with: its first include.
leads_its_source() {
    local source=${1%.*}.cpp
    [ -f "$source" ] && [ "$(grep -m 1 '^#include' "$source")" = "#include \"$1\"" ]
}

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
proven=0
for header in $list; do
    case $header in
    proto/include/* | client/include/*) ;;
    *) if leads_its_source "$header"; then
        proven=$((proven + 1))
        continue
    fi ;;
    esac
    try_header "$header" &
    count=$((count + 1))
    [ $((count % 2)) -eq 0 ] && wait
done
wait
if [ -s "$work/wrong" ]; then
    sed 's/$/: does not compile alone/' "$work/wrong"
    exit 1
fi
echo "headers: $count compile alone, $proven lead their source"
