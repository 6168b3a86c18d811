#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Each tracked C++ file is as clang-format 14 writes it. `format.sh --fix` rewrites them.
set -euo pipefail
cd "$(dirname "$0")/../.."

tool=$(command -v clang-format-14 || true)
if [ -z "$tool" ]; then
    echo "clang-format-14 is not installed"
    exit 77
fi
mapfile -t files < <(git ls-files '*.hpp' '*.cpp' '*.h' '*.c' | while IFS= read -r f; do [ -f "$f" ] && echo "$f"; done)
if [ "${1:-}" = --fix ]; then
    "$tool" -i "${files[@]}"
    exit 0
fi
wrong=$("$tool" --dry-run --Werror --ferror-limit=1 "${files[@]}" 2>&1 | grep -E 'error:' | cut -c1-160 || true)
if [ -n "$wrong" ]; then
    echo "$wrong"
    echo "format: run tests/checks/format.sh --fix"
    exit 1
fi
echo "format: ${#files[@]} files"
