#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# A player of 40 Mbit/s, from a source that answers after 10 ms and has nothing in memory,
# waits for the first read of a stream and for no other.  Single reads here and there do
# not make the server read the rest of the disc.
#
# What the source was asked for is slow-source.c's to tell.  Only players notice what else
# takes time, and that on a busy machine may be anything: three tries.

. "${srcdir:=.}/lib.sh"

need nbdkit nbdinfo
[ "${SAN:-none}" != valgrind ] || { echo "SKIP: no time to measure in valgrind"; exit 77; }

rate=40 latency=10 seconds=3 middle=30000000
lone_bytes=5000000 # for a dozen reads
uri="nbd+unix:///?socket=$tmp/sock"

# start_cold KIND ARGUMENT...: nothing of its disc is in memory.
start_cold ()
{
  local disc preload=${builddir:?}/.libs/slow-source.so
  disc=$(find "$1/disc" -type f)
  rm -f log
  # A sanitizer's runtime comes first.
  MKVDUP_SAN_RUNTIME=${MKVDUP_SAN_RUNTIME:+$MKVDUP_SAN_RUNTIME:}$preload \
    SLOW_SOURCE=$disc SLOW_MS=$latency SLOW_LOG=$tmp/log \
    start_nbdkit "$tmp/sock" mkvdup "$1.mkvdup" "${@:2}"
}

# play BYTES SECONDS OFFSET...: one stream after the other.
play ()
{
  client "$builddir/player" "$uri" "$1" $rate "$2" $((latency / 2)) log "${@:3}" >played ||
    fail "player"
}

# waits: for each stream, those in its first read, and those after it.
waits ()
{
  awk '
    $1 == "PLAY" { first = later = 0; is_first = 1 }
    $1 == "LATER" { is_first = 0 }
    $1 == "WAIT" { if (is_first) first++; else later++ }
    $1 == "STOP" { print first, later }' log
}

# fetched: bytes from the source, but for those that opening it takes.
fetched ()
{
  awk '$1 == "PLAY" { on = 1 } on && NF == 5 { n += $4 } END { print +n }' log
}

# all CONDITION FILE: true of each line?
all ()
{
  awk "!($1) { no = 1 } END { exit no || NR == 0 }" "$2"
}

# streams KIND: from the start, and after a seek; false: once more, please.
streams ()
{
  start_cold "$1"
  play 131072 $seconds 0 $middle
  client "$builddir/read-range" "$uri" $((middle - 1000000)) 2000000 >range || fail "$1"
  stop_nbdkit "$tmp/sock"
  cmp -i 0:$((middle - 1000000)) -n 2000000 range "$1/title.mkv" || fail "$1: wrong bytes"
  waits >waits
  echo "$1: offset, reads, ms of the first, of the slowest later one, late ones | waits"
  paste -d '|' played waits
  echo "$1: $(fetched) bytes from the source, $(grep -c AHEAD log || true) times ahead"
  all '$1 > 0' waits || fail "$1: the first read did not wait: the source is not slow"
  # A sanitizer makes all of it slow.
  [ "${SAN:-none}" = none ] || { all '$2 < 20' waits; return; }
  # On a busy machine some take long for no reason of ours, and the thread that reads ahead
  # may not be run in time.  Without it all of them wait.
  all '$2 <= 5' waits && all '$5 * 4 < $2' played
}

# lone_reads KIND VERIFY MOST: far from each other, in no order.
lone_reads ()
{
  local at offsets=()
  for at in 3 10 5 0 8 2 11 6 1 9 4 7; do
    offsets+=($((at * 5000000 + 1234)))
  done
  start_cold "$1" verify="$2"
  play 4096 0 "${offsets[@]}"
  sleep 0.2 # for what the server does after the last one
  stop_nbdkit "$tmp/sock"
  waits >waits
  echo "$1: $(fetched) bytes from the source for ${#offsets[@]} lone reads"
  # What was advised may be there before a server that is not run comes to read it.
  all '$1 <= 1' waits || fail "$1: a lone read waits more than once: $(cat waits)"
  [ "$(fetched)" -le "$3" ] || fail "$1: that is too much"
}

for kind in dvd bluray; do
  [ $kind = dvd ] && layout=() || layout=(--bluray)
  "$builddir/media/make-stream" --size 60 "${layout[@]}" $kind
  mkvdup create -q -o $kind.mkvdup $kind/title.mkv $kind/disc
  streams $kind || streams $kind || streams $kind || fail "$kind: a player has to wait"
  lone_reads $kind off $lone_bytes
  # Half a mebibyte is proven, once.
  lone_reads $kind lazy $((12 * 1200000))

done
