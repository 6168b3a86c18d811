#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Verifies the units offline and lets sysusers and tmpfiles act on a temporary root: no running systemd is needed and
# nothing outside of the temporary folder is touched. Exit 0: all good, 1: something is wrong, 77: a tool is missing.
set -euo pipefail
cd "$(dirname "$0")/../.."

wrong=0
say_wrong() {
    echo "systemd: $*" >&2
    wrong=1
}
for tool in systemd-analyze systemd-sysusers systemd-tmpfiles; do
    if ! command -v "$tool" >/dev/null; then
        echo "skipped: $tool is not installed"
        exit 77
    fi
done

root=$(mktemp -d /tmp/backplane-systemd.XXXXXX)
trap 'rm -rf "$root"' EXIT
mkdir -p "$root"/{bin,run,system,user,etc}
for program in backplaned backplanectl; do
    printf '#!/bin/sh\n' >"$root/bin/$program"
    chmod +x "$root/bin/$program"
done

# ---- units: with the programs that they name being there ------------------------------------------------------
stage() { sed "s|/usr/bin/backplane|$root/bin/backplane|g" "$1" >"$2"; }
for kind in service socket; do
    stage "systemd/backplaned.$kind" "$root/system/backplaned.$kind"
    stage "systemd/backplaned-user.$kind" "$root/user/backplaned.$kind"
done
verify() {
    local told status=0
    told=$(XDG_RUNTIME_DIR=$root/run systemd-analyze "$1" --man=no verify "$2" 2>&1) || status=$?
    # What it says about a unit that is not ours is the machine's affair.
    told=$(grep -F "$2" <<<"$told" || true)
    [ "$status" -eq 0 ] && [ -z "$told" ] || { echo "$told (exit $status)"; return 1; }
}
for kind in service socket; do
    verify --system "$root/system/backplaned.$kind" || say_wrong "backplaned.$kind"
    verify --user "$root/user/backplaned.$kind" || say_wrong "backplaned-user.$kind"
done

# The check itself must be able to fail: an unknown key and a missing program are told.
sed 's/^KillMode=/KilMode=/' "$root/system/backplaned.service" >"$root/system/typo.service"
! verify --system "$root/system/typo.service" >/dev/null || say_wrong "a misspelt key was not told"
sed 's/^ListenStream=/ListenSteam=/' "$root/system/backplaned.socket" >"$root/system/typo.socket"
! verify --system "$root/system/typo.socket" >/dev/null || say_wrong "a misspelt key of the socket was not told"
sed 's|/bin/backplaned |/bin/absent |' "$root/system/backplaned.service" >"$root/system/absent.service"
! verify --system "$root/system/absent.service" >/dev/null || say_wrong "a missing program was not told"

# ---- what the units promise to others ---------------------------------------------------------------------------
has() { grep -qx -- "$2" "$1" || say_wrong "$1 lacks the line $2"; }
# Workers outlive daemon and keeper, and a stop that was meant leaves none of them.
for unit in backplaned backplaned-user; do
    for line in Type=notify NotifyAccess=main KillMode=process Delegate=yes OOMPolicy=continue Restart=on-failure WatchdogSec=30s \
        RuntimeDirectoryPreserve=yes; do
        has "systemd/$unit.service" "$line"
    done
    for key in ExecStop ExecStopPost; do
        [ "$(grep -c "^$key=" "systemd/$unit.service")" = 1 ] || say_wrong "$unit.service: not one $key="
    done
    [ "$(grep -c "^ExecReload=.* reload$" "systemd/$unit.service")" = 1 ] || say_wrong "$unit.service: not one ExecReload="
    has "systemd/$unit.socket" SocketMode=0600
    has "systemd/$unit.socket" RemoveOnStop=yes
done
# A socket that lies elsewhere than --socket says is refused.
for unit in backplaned backplaned-user; do
    path=$(sed -n 's/^ListenStream=//p' "systemd/$unit.socket")
    grep -q "^ExecStart=.* --socket $path\$" "systemd/$unit.service" || say_wrong "$unit: socket and service name other paths"
    grep -q "^ExecStop=.* --socket $path detach " "systemd/$unit.service" || say_wrong "$unit: ExecStop names another socket"
done
has systemd/backplaned.service 'ExecStart=/usr/bin/backplaned --config /etc/backplane/backplaned.json --socket /run/backplane/backplane.sock'
has systemd/backplaned-user.service 'ExecStart=/usr/bin/backplaned --config %E/backplane/backplaned.json --socket %t/backplane/backplane.sock'

# ---- user and folders, in the temporary root --------------------------------------------------------------------
# Both act as root only; another user has them read the files, where the version knows --dry-run.
if [ "$(id -u)" -eq 0 ]; then
    systemd-sysusers --root="$root" "$PWD/systemd/backplane.sysusers.conf" >"$root/told" 2>&1 || say_wrong "sysusers: $(cat "$root/told")"
    grep -q '^backplane:.*:/var/lib/backplane:/usr/sbin/nologin$' "$root/etc/passwd" || say_wrong "sysusers made no user backplane"
    systemd-tmpfiles --root="$root" --create "$PWD/systemd/backplane.tmpfiles.conf" >"$root/told" 2>&1 || say_wrong "tmpfiles: $(cat "$root/told")"
    for folder in "run/backplane 755" "var/lib/backplane 750" "var/log/backplane 750"; do
        [ "$(stat -c %a "$root/${folder% *}" 2>/dev/null)" = "${folder#* }" ] || say_wrong "tmpfiles: ${folder% *} is not there with mode ${folder#* }"
    done
else
    systemd-sysusers --dry-run --root="$root" "$PWD/systemd/backplane.sysusers.conf" >"$root/told" 2>&1 || say_wrong "sysusers: $(cat "$root/told")"
fi

[ "$wrong" -ne 0 ] || echo "systemd: units, users and folders are sound"
exit "$wrong"
