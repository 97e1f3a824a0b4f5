#!/usr/bin/env bash
# Drives the published command-line client of the platform, unchanged, against the embedded workspace:
# init, pull, edit, push, pull. Prints one line per check; ends with 1 at the first that fails.
#
# RECIPESYNC_BIN   the built program        (default: debug/recipesync in the target folder)
# PYTHON           Python 3.11 or newer     (default: python3)
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
target=${CARGO_TARGET_DIR:-$here/../target}
bin=${RECIPESYNC_BIN:-$target/debug/recipesync}
python=${PYTHON:-python3}
pins=$here/published-client.txt

work=$(mktemp -d "${TMPDIR:-/tmp}/published-client.XXXXXX")
server=
finish() {
    status=$?
    if [ -n "$server" ]; then
        kill "$server" 2>/dev/null || true
        wait "$server" 2>/dev/null || true
    fi
    if [ "$status" -ne 0 ]; then
        log=$(ls -t "$work"/*.log 2>/dev/null | head -n 1)
        [ -n "$log" ] && { echo "--- ${log##*/}"; tr '\r' '\n' <"$log" | grep -v '\.\.\. (' | tail -n 40; } >&2
    fi
    rm -rf "$work"
    exit "$status"
}
trap finish EXIT

fail() { echo "FAILED  $1" >&2; exit 1; }
pass() { echo "ok  $1"; }

# The virtual environment is kept between runs, under the name of its pins.
make_venv() {
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || fail "Python 3.11 or newer is needed"
    venv=$target/published-client-$(cksum <"$pins" | cut -d' ' -f1)
    [ -e "$venv/complete" ] && return
    rm -rf "$venv"
    mkdir -p "$target"
    if ! "$python" -m venv "$venv" >"$work/venv.log" 2>&1; then
        rm -rf "$venv"
        { apt-get update && apt-get install -y python3-venv; } >>"$work/venv.log" 2>&1 || true
        "$python" -m venv "$venv" >>"$work/venv.log" 2>&1 || fail "a virtual environment cannot be made"
    fi
    "$venv/bin/pip" install --quiet --disable-pip-version-check --no-deps -r "$pins" >"$work/pip.log" 2>&1 ||
        fail "the pinned client cannot be installed"
    touch "$venv/complete"
}

# ask METHOD PATH [BODY]: the workspace's answer.
ask() {
    "$venv/bin/python" - "$url$2" "$1" "${3-}" <<'PY'
import sys, urllib.request
url, method, body = sys.argv[1:4]
headers = {"Authorization": "Bearer emulator"}
request = urllib.request.Request(url, method=method, data=body.encode() or None, headers=headers)
sys.stdout.write(urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=20).read().decode())
PY
}

# pick EXPRESSION: of the JSON on standard input, as `it`.
pick() { "$venv/bin/python" -c "import json, sys; it = json.load(sys.stdin); print($1)"; }

# client NAME ARGUMENTS…: runs the client, its output in NAME.log.
client() {
    local name=$1
    shift
    (cd "$folder" && timeout 120 "$venv/bin/workato" "$@" </dev/null) >"$work/$name.log" 2>&1 ||
        fail "$name: the client ended with $?"
}

# said NAME TEXT: the client's output holds the text.
said() { grep -qF -- "$2" "$work/$1.log" || fail "$1: the client did not say: $2"; }

[ -x "$bin" ] || fail "$bin is not there: cargo build"
make_venv
pass "the client is $("$venv/bin/pip" --disable-pip-version-check list 2>/dev/null | grep workato-platform-cli | tr -s ' ')"

"$bin" emulator >"$work/emulator.log" 2>&1 &
server=$!
for _ in $(seq 100); do
    url=$(sed -n '1s/^listening on //p' "$work/emulator.log")
    [ -n "$url" ] && break
    kill -0 "$server" 2>/dev/null || fail "the emulator ended"
    sleep 0.1
done
[ -n "$url" ] || fail "the emulator does not listen"
pass "the emulator listens on $url"

# Nothing of the user's: an own home, no keyring, no proxy, no look for newer versions.
export HOME=$work/home PYTHON_KEYRING_BACKEND=keyring.backends.fail.Keyring
export WORKATO_DISABLE_UPDATE_CHECK=1 WORKATO_DISABLE_DEPRECATION_WARNING=1 NO_PROXY='*' no_proxy='*'
unset WORKATO_HOST WORKATO_API_TOKEN
mkdir -p "$HOME" "$work/clone"
folder=$work/clone

project=$(ask GET /api/projects | pick 'it[0]["id"]')
client init init --non-interactive --profile check --region custom --api-url "$url" --api-token emulator \
    --project-id "$project"
said init "Project setup complete"
folder=$work/clone/'Order desk'
recipe=$folder/Reports/daily_order_report.recipe.json
[ -f "$recipe" ] || fail "init: the recipe is not there"
pass "init sets the project up"

client projects projects list --source remote
said projects "Order desk"
pass "projects list shows the project"

ask PUT '/_emulator/recipes/start?project=Order%20desk&path=order_status_api.recipe.json' >/dev/null
client recipes recipes list
said recipes "New order to warehouse"
said recipes "Order status (API)"
pass "recipes list shows the recipes, running ones too"
ask PUT '/_emulator/recipes/stop?project=Order%20desk&path=order_status_api.recipe.json' >/dev/null

client pull-same pull
said pull-same "already up to date"
pass "pull without a change changes nothing"

ask PUT '/_emulator/recipes?project=Order%20desk&path=new_order_to_warehouse.recipe.json' \
    '{"step": 4, "input": {"stop_reason": "Sold out"}}' >/dev/null
client pull-edit pull
grep -q '"stop_reason": "Sold out"' "$folder/new_order_to_warehouse.recipe.json" || fail "pull: the edit did not come"
pass "pull brings an edit made in the workspace"

sed -i 's/"limit": "50"/"limit": "20"/' "$recipe"
grep -q '"limit": "20"' "$recipe" || fail "edit: the recipe has no such input"
client push push
said push "Import completed successfully"
said push "3 recipe(s): No restart needed"
pass "push completes, with a good result for each recipe"

stored=$(ask GET '/_emulator/files?project=Order%20desk&path=Reports/daily_order_report.recipe.json' |
    pick 'it["code"]["block"][0]["input"]["limit"], it["version"]')
[ "$stored" = "20 5" ] || fail "push: the workspace holds $stored"
results=$(ask GET /_emulator/imports | pick 'len(it), it[0]["error"], sorted({told["result"] for told in it[0]["results"]})')
[ "$results" = "1 None ['no_update_or_updated_without_restart']" ] || fail "push: the workspace tells $results"
pass "the edit arrived in the workspace, as a new version"

client pull-after pull
said pull-after "Successfully pulled project changes"
grep -q '"limit": "20"' "$recipe" || fail "pull: the edit is gone"
grep -q '"version": 5' "$recipe" || fail "pull: the new version did not come"
client pull-last pull
said pull-last "already up to date"
pass "pull brings back what the workspace made of it, once"

leaks=$(ask GET /_emulator/requests | pick 'it["leaks"]')
[ "$leaks" = 0 ] || fail "the token reached the download origin"
pass "the token stayed away from the download origin"
