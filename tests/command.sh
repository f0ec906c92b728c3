# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# For tests of how the mkvdup command behaves, after lib.sh: run it, and look at its exit
# status and at what it said, which is in ./out and ./err.

# expect STATUS COMMAND...: run it, with stdout in ./out and stderr in ./err.
expect ()
{
  local want=$1 got=0
  shift
  "$@" >out 2>err </dev/null || got=$?
  [ "$got" -eq "$want" ] ||
    fail "$*: exit status $got, not $want: $(cat out err)"
}

# says FILE TEXT: the text, as it is, is in ./out or ./err.
says ()
{
  grep -qF -e "$2" "$1" || fail "std$1 has no \"$2\": $(cat "$1")"
}

silent ()
{
  [ ! -s "$1" ] || fail "std$1 is not empty: $(cat "$1")"
}

# usage MESSAGE ARGUMENT...: not understood; nothing but a message, with advice.
usage ()
{
  local text=$1
  shift
  expect 2 mkvdup "$@"
  silent out
  says err "$text"
  says err "Try \"mkvdup"
}

# refused MESSAGE ARGUMENT...: understood, but it fails, with one line.
refused ()
{
  local text=$1
  shift
  expect 1 mkvdup "$@"
  says err "mkvdup: "
  says err "$text"
  [ "$(wc -l <err)" -eq 1 ] || fail "more than one line: $(cat err)"
}

# is FILTER VALUE: what jq makes of ./out, which has to be JSON.
is ()
{
  local got
  got=$(jq -r "$1" <out) || fail "no JSON: $(cat out)"
  [ "$got" = "$2" ] || fail "$1 is $got, not $2"
}

# waits_for_lock PID: that process does, of a file or folder.
waits_for_lock ()
{
  grep -q -e "-> FLOCK .* $1 " /proc/locks
}

# interrupted SIGNAL TEMPORARY RESULT ARGUMENT...: mkvdup gets SIGNAL as soon as a file
# TEMPORARY (a pattern) is there: it dies of it, and leaves neither that nor RESULT.  One
# that is through before the signal comes tells nothing, and is tried again.
interrupted ()
{
  local signal=$1 temporary=$2 result=$3 try pid status
  shift 3
  for try in {1..20}; do
    status=0
    env --default-signal="$signal" mkvdup "$@" 2>err &
    pid=$!
    until compgen -G "$temporary" >/dev/null || [ -e "$result" ]; do
      kill -0 "$pid" 2>/dev/null || break
    done
    kill -s "$signal" "$pid" 2>/dev/null || true
    wait "$pid" || status=$?
    [ "$status" -eq 0 ] || break
    rm -f "$result"
  done
  [ "$status" -eq $((128 + $(kill -l "$signal"))) ] ||
    fail "SIG$signal: exit status $status after $try tries: $(cat err)"
  says err "interrupted"
  [ ! -e "$result" ] || fail "SIG$signal: $result is there"
  ! compgen -G "$temporary" || fail "SIG$signal leaves that behind"
}
