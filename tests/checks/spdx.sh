#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Each source file and script names its licence in its first lines.
set -euo pipefail
cd "$(dirname "$0")/../.."

wrong=0
count=0
while IFS= read -r file; do
    [ -f "$file" ] || continue
    case $file in
    *.hpp | *.cpp | *.h | *.c) want='// SPDX-License-Identifier: Apache-2.0' ;;
    *.py | *.sh | *.cmake | *.in | */CMakeLists.txt | CMakeLists.txt) want='# SPDX-License-Identifier: Apache-2.0' ;;
    .ci/run | daemon/demo | tests/run | tests/setup | tests/bench/run) want='# SPDX-License-Identifier: Apache-2.0' ;;
    *) continue ;;
    esac
    count=$((count + 1))
    # A script's first line is its interpreter.
    if ! head -n 2 "$file" | grep -qxF -- "$want"; then
        echo "$file: the first line should be \`$want\`"
        wrong=$((wrong + 1))
    fi
done < <(git ls-files -co --exclude-standard)
echo "spdx: $count files, $wrong wrong"
[ "$wrong" -eq 0 ]
