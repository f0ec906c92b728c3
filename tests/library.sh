# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# What tests of libraries have in common; sourced after lib.sh.

# make_title NUMBER RECIPE [FOLDER]: noise of that seed as $tmp/NUMBER.mkv, its disc as
# FOLDER (discs/NUMBER), its recipe without sidecar as RECIPE.
make_title ()
{
  local disc=${3:-discs/$1}
  "${builddir:?}/media/make-stream" --seed "$1" --size 3 "made-$1"
  mkdir -p "$(dirname "$disc")" "$(dirname "$2")"
  mv "made-$1/disc" "$disc"
  mv "made-$1/title.mkv" "$1.mkv"
  rm -r "made-$1"
  # A time of its own, with a fraction.
  touch -d "2001-02-0$(($1 % 9 + 1)) 03:04:05.123456789 UTC" "$1.mkv"
  mkvdup create -q "$1.mkv" "$disc" -o "$2"
  rm "$2.yaml"
}

# uri [NAME]
uri ()
{
  local name=${1-}
  name=${name//%/%25}
  name=${name// /%20}
  echo "nbd+unix:///$name?socket=$tmp/sock"
}

# names: of all exports, sorted, in a line.
names ()
{
  client nbdinfo --list --json "$(uri)" | jq -r '.exports[]."export-name"' | sort |
    paste -sd ' '
}

# check_names NAME...: these are the exports, soon.
check_names ()
{
  local waited=0 want
  want=$(printf '%s\n' "$@" | sort | paste -sd ' ')
  until [ "$(names)" = "$want" ]; do
    [ $((waited++)) -lt $((patience * 5)) ] || fail "the exports are $(names), not $want"
    sleep 0.2
  done
}

# check_title NAME NUMBER: the export has the bytes of NUMBER.mkv, and zeros to a block.
check_title ()
{
  local size
  size=$(stat -c %s "$2.mkv")
  client nbdcopy "$(uri "$1")" copy
  cmp -n "$size" copy "$2.mkv" || fail "$1: wrong bytes"
  [ "$(stat -c %s copy)" -eq $(((size + 4095) / 4096 * 4096)) ] || fail "$1: wrong size"
}

# later SECONDS COMMAND...: a server that is started so believes that it is so much later.
later ()
{
  local preload=${builddir:?}/.libs/clock-ahead.so
  MKVDUP_SAN_RUNTIME=${MKVDUP_SAN_RUNTIME:+$MKVDUP_SAN_RUNTIME:}$preload CLOCK_AHEAD=$1 "${@:2}"
}

# Of the five minutes that a source has to be left alone so many need not be waited for.
most_of_it=290

# settled FILE: written to so long ago that nobody can be writing to it now, for a server that
# was started most of it later.
settled ()
{
  while [ $(($(date +%s) - $(stat -c %Z "$1"))) -le 10 ]; do
    sleep 0.5
  done
}

# Whether this machine can mount what nbdfuse makes a file of.
can_mount ()
{
  [ "$(id -u)" -eq 0 ] && [ -w /dev/fuse ] && command -v nbdfuse fusermount3 >/dev/null &&
    unshare -m true 2>/dev/null
}

declare -A fuse_pid=()

# mount_export NAME FOLDER: the export is FOLDER/disk when this returns, on a connection
# that stays open.
mount_export ()
{
  local waited=0
  mkdir -p "$2"
  client nbdfuse -r -P "$2.pid" "$2/disk" "$(uri "$1")" >"$2.log" 2>&1 &
  fuse_pid[$2]=$!
  until [ -s "$2.pid" ]; do
    kill -0 "${fuse_pid[$2]}" 2>/dev/null || fail "nbdfuse: $(cat "$2.log")"
    [ $((waited++)) -lt $((patience * 20)) ] || fail "nbdfuse is not ready in time"
    sleep 0.05
  done
}

unmount_export ()
{
  fusermount3 -u "$1" || fail "fusermount3"
  wait "${fuse_pid[$1]}" || true
  unset "fuse_pid[$1]"
  rm -f "$1.pid"
}

# What is mounted has to go before the folder goes, however the test ends.
unmount_all ()
{
  local folder
  for folder in "${!fuse_pid[@]}"; do
    fusermount3 -q -z -u "$folder" || true
    kill "${fuse_pid[$folder]}" 2>/dev/null || true
  done
  fuse_pid=()
}
at_end+=(unmount_all)
