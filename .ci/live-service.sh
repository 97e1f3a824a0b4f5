#!/usr/bin/env bash
# The unit file under a real systemd: started, reloaded, killed, stuck, misconfigured, and its upstreams by ssh, https
# and path reached from inside the sandbox. Prints one line per check; ends with 1 at the first that fails, and with 0
# where this machine cannot run it, after saying so.
#
# That systemd is the first process of namespaces of its own, without a network but loopback. It sees a copy of this
# machine's files that lives in memory, is gone at its end, and is all that it can write to.
#
# RECIPESYNC_BIN   the built program        (default: debug/recipesync in the target folder)
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
bin=${RECIPESYNC_BIN:-${CARGO_TARGET_DIR:-$here/../target}/debug/recipesync}

cannot() { echo "SKIPPED: the service is not run under systemd here: $1"; exit 0; }

[ "$(id -u)" -eq 0 ] || cannot "only root can"
for program in /lib/systemd/systemd /usr/sbin/sshd; do
    [ -x "$program" ] || cannot "there is no $program"
done
for program in unshare setpriv python3 openssl ssh-keygen git; do
    command -v "$program" >/dev/null || cannot "there is no $program"
done

# systemd wants a branch of the second version of control groups for itself.
groups=$(findmnt -rn -t cgroup2 -o TARGET | head -n 1)
[ -n "$groups" ] || cannot "there are no control groups of version 2"
work=$(mktemp -d "${TMPDIR:-/tmp}/live-service.XXXXXX")
group=$groups/live-service.${work##*.}
finish() {
    if [ -d "$group" ]; then
        [ ! -e "$group/cgroup.kill" ] || echo 1 2>/dev/null >"$group/cgroup.kill" || true
        for _ in $(seq 100); do
            find "$group" -depth -type d -exec rmdir {} + 2>/dev/null && break
            sleep 0.05
        done
    fi
    # Nothing is mounted there but in the namespaces, which are gone: it is empty, or this does nothing.
    rmdir "$work/root" 2>/dev/null || true
    rm -f "$work/log" "$work/recipesync"
    rmdir "$work"
}
trap finish EXIT
mkdir "$group" 2>/dev/null || cannot "no control group can be made"
mkdir "$work/root"
# A debug build is some hundreds of megabytes of symbols.
strip -o "$work/recipesync" "$bin" 2>/dev/null || cp "$bin" "$work/recipesync"

export group
# shellcheck disable=SC2016
enter='echo $$ >"$group/cgroup.procs"; unset group; exec unshare --mount --pid --ipc --uts --cgroup --net --fork --kill-child \
    --propagation private -- "$@"'
sh -c "$enter" sh true 2>"$work/log" || cannot "no namespaces can be made: $(head -n 1 "$work/log")"
# Its first process is ended by the kernel, as a machine that is switched off, so its status says nothing.
timeout --kill-after=5 240 sh -c "$enter" sh bash "$here/live-service/boot" \
    "$here/live-service" "$here/../systemd/recipesync.service" "$work" 2>&1 | tee "$work/log" || true
! grep -q '^SKIPPED: ' "$work/log" || exit 0
[ "$(tail -n 1 "$work/log")" = "ok  the service under systemd" ] || { echo "FAILED  the service under systemd" >&2; exit 1; }
