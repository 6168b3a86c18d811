#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Formats every manual page with all warnings of groff turned on; a page that draws one is wrong.
# Exit 0: all good, 1: something is wrong, 77: groff is missing.
set -euo pipefail
cd "$(dirname "$0")/../.."
command -v groff >/dev/null || { echo "skipped: groff is not installed"; exit 77; }

wrong=0
pages=0
for page in daemon/man/* client/man/*; do
    told=$(groff -ww -Tutf8 -mandoc -z "$page" 2>&1) || true
    [ -z "$told" ] || { echo "man: $page: $told" >&2; wrong=1; }
    # A page refers to itself by its own name and section.
    name=$(basename "$page")
    title=$(tr '[:lower:]' '[:upper:]' <<<"${name%.*}")
    grep -qx ".Dt $title ${name##*.}" "$page" || { echo "man: $page: no line .Dt $title ${name##*.}" >&2; wrong=1; }
    pages=$((pages + 1))
done
[ "$wrong" -ne 0 ] || echo "man: $pages pages are sound"
exit "$wrong"
