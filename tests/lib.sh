# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# What the end-to-end tests have in common.  A test starts with
#
#   . "$srcdir/lib.sh"
#
# and is in $tmp, a folder of its own, from then on.  Commands (mkvdup, nbdkit) are those
# of the build tree, under the sanitizer it was configured for; see ./run and wrappers/.
# At the end all servers are stopped, $tmp is removed, and a test with sanitizer
# reports fails, whatever it thought itself.

set -euo pipefail

tmp=$(mktemp -d "${TMPDIR:-/tmp}/mkvdup-test.XXXXXX")
export SAN_LOGS=$tmp/sanitizer
export XDG_CACHE_HOME=$tmp/cache XDG_DATA_HOME=$tmp/data
mkdir "$SAN_LOGS"
declare -A server_pid=()
cd "$tmp"

# Checked builds are many times slower: what waits has to wait longer.
case ${SAN:-none} in
none) patience=20 ;;
*) patience=120 ;;
esac

# fail MESSAGE...: the test has failed.
fail ()
{
  echo "FAIL: $*" >&2
  exit 1
}

# need TOOL...: skip this test where a tool is missing.
need ()
{
  local tool
  for tool; do
    if ! command -v "$tool" >/dev/null; then
      echo "SKIP: no $tool here"
      exit 77
    fi
  done
}

# is_long: is all to be tried, however long it takes?
is_long ()
{
  [ -n "${MKVDUP_LONG-}" ]
}

# usually N ALL: how many of ALL; the rest with MKVDUP_LONG.
usually ()
{
  if is_long; then echo "$2"; else echo "$1"; fi
}

# left_out WHAT...: without MKVDUP_LONG; the summary of all tests tells.
left_out ()
{
  echo "LEFT OUT: $*"
}

# not_tried WHAT...: a part of this test that cannot be tried here, and why.  The summary of all
# tests tells and counts them.
not_tried ()
{
  echo "NOT TRIED: $*"
}

# can_trace WHAT: may strace be used for that?  Under sanitizers never: they exclude each other.
can_trace ()
{
  [ "${SAN:-none}" = none ] || return 1
  strace -o /dev/null true 2>/dev/null || { not_tried "$1: nothing can be traced here"; return 1; }
}

# sha256 FILE: the digest alone.
sha256 ()
{
  sha256sum <"$1" | cut -d ' ' -f 1
}

# media ARGUMENT...: the folder of a generated set (disc.iso, mkvmerge.mkv, ffmpeg.mkv),
# made once for all tests with the same arguments.
media ()
{
  "${srcdir:?}/media/cached-media" "$@"
}

# client COMMAND...: an NBD client; without the sanitizer that a server may have.
client ()
{
  env -u LD_PRELOAD "$@"
}

# start_server NAME ARGUMENT...: nbdkit in the background, ready when this returns.
# Its messages go to NAME.log, its process is ${server_pid[NAME]}.
start_server ()
{
  local name=$1 waited=0
  shift
  rm -f "$name.pid"
  nbdkit -f -P "$name.pid" "$@" </dev/null >"$name.log" 2>&1 &
  server_pid[$name]=$!
  until [ -s "$name.pid" ]; do
    if ! kill -0 "${server_pid[$name]}" 2>/dev/null; then
      wait "${server_pid[$name]}" || true
      unset "server_pid[$name]"
      fail "nbdkit did not start: $(cat "$name.log")"
    fi
    [ $((waited++)) -lt $((patience * 20)) ] || fail "nbdkit is not ready in time"
    sleep 0.05
  done
}

# start_nbdkit SOCKET ARGUMENT...: a server of that name, on that socket.
start_nbdkit ()
{
  rm -f "$1"
  start_server "$1" -U "$@"
}

# start_tcp PORT ARGUMENT...: a server of that name, on that port.
start_tcp ()
{
  start_server "$1" -i 127.0.0.1 -p "$@"
}

# free_port: a TCP port that nobody listens on.
free_port ()
{
  python3 -c 'import socket
s = socket.socket()
s.bind(("127.0.0.1", 0))
print(s.getsockname()[1])'
}

# stop_nbdkit NAME: stop it as an administrator would, and ask how it went.
stop_nbdkit ()
{
  local pid=${server_pid[$1]} status=0
  unset "server_pid[$1]"
  kill -TERM "$pid" 2>/dev/null || true
  wait "$pid" || status=$?
  # nbdkit exits 0 after SIGTERM.
  [ "$status" -eq 0 ] || fail "nbdkit ended with status $status: $(cat "$1.log")"
}

# kill_nbdkit NAME: it ends as in a crash.
kill_nbdkit ()
{
  local pid=${server_pid[$1]}
  unset "server_pid[$1]"
  kill -KILL "$pid"
  wait "$pid" 2>/dev/null || true
}

# wait_until WHAT COMMAND...
wait_until ()
{
  local what=$1 waited=0
  shift
  until "$@"; do
    [ $((waited++)) -lt $((patience * 20)) ] || fail "$what: not in time"
    sleep 0.05
  done
}

# findings REPORT: what is in it, without leaks that no code of ours had a part in:
# nbdkit has some of its own.  Memory refused is a mere warning only where a target has
# a limit of its own (fuzz-udf.c).
findings ()
{
  sed '/WARNING: AddressSanitizer failed to allocate/d' "$1" |
  awk -v RS= -v ORS='\n\n' '
    /ERROR: LeakSanitizer: detected memory leaks$/ || /^SUMMARY:/ { next }
    /^(Direct|Indirect) leak of / && !/\/(lib|indexer|plugin|tools|tests)\/[^ ]*\.c:/ { next }
    { print }'
}

# No file with a report in it.  An empty one is valgrind's, with nothing to say.
check_sanitizer ()
{
  local report found=0
  for report in "$SAN_LOGS"/*; do
    [ -s "$report" ] && [ -n "$(findings "$report")" ] || continue
    echo "FAIL: report of $SAN: ${report##*/}" >&2
    cat "$report" >&2
    found=1
  done
  return $found
}

# What else has to be undone, by name, before $tmp goes.
at_end=()

cleanup ()
{
  local status=$? sock log undo ended
  trap - EXIT
  set +e
  for undo in "${at_end[@]}"; do
    "$undo"
  done
  for sock in "${!server_pid[@]}"; do
    kill -TERM "${server_pid[$sock]}" 2>/dev/null
    # One that hangs is not to hang the tests.
    timeout "$patience" tail --pid="${server_pid[$sock]}" -f /dev/null ||
      kill -KILL "${server_pid[$sock]}"
    wait "${server_pid[$sock]}" 2>/dev/null
    ended=$?
    # Ended by a signal of its own, or by the one above; 127 is not ours to wait for.
    case $ended in
    132 | 134 | 135 | 136 | 137 | 139)
      echo "FAIL: $sock: status $ended at the end" >&2
      status=1
      ;;
    esac
  done
  check_sanitizer || status=1
  if [ "$status" -ne 0 ] && [ "$status" -ne 77 ]; then
    for log in "$tmp"/*.log; do
      [ ! -s "$log" ] || { echo "---- ${log##*/}"; cat "$log"; } >&2
    done
  fi
  cd /
  rm -rf "$tmp"
  exit "$status"
}
trap cleanup EXIT
# A signal has to run the EXIT trap too.
trap 'exit 130' INT TERM HUP
