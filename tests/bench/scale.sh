# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# How create scales: a disc that is many times larger, and discs whose bytes stand in many
# places, each against a usual one of the same size.  All are made of noise (make-stream):
# what is asked is time and memory, not the size of recipes.
#
# Read here: tmp, runs, stream_mb, big_mb and make_stream of bench.
# shellcheck disable=SC2154

readonly gops=10000 # of the odd discs: a film's

# stream NAME ARGUMENT...: a folder $tmp/NAME with disc/ and title.mkv.
stream ()
{
  say "making a disc of noise: $1"
  "$make_stream" "${@:2}" "$tmp/$1" || die "make-stream failed"
}

# room_for MB: is there so much in the temporary folder?
room_for ()
{
  local free
  free=$(df --output=avail -B 1000000 "$tmp" | tail -n 1)
  ((free > $1 + 1000)) || { say "no room for $1 MB in $tmp: left out"; false; }
}

stream_bytes ()
{
  find "$tmp/$1" -type f -printf '%s\n' | sum
}

# time_stream ODD WHICH: create of $tmp/WHICH; samples of seconds a gigabyte, the disc's
# and the MKV's together.
time_stream ()
{
  local name=$1.$2 disc=$tmp/$2/disc gigabytes what
  gigabytes=$(calc "$(stream_bytes "$2") / 1e9")
  samples[$name.create.wall]='' samples[$name.create.cpu]=''
  time_create "$name" "$tmp/$2/title.mkv"
  for what in wall cpu; do
    sample "$name.$what" "$(calc "${samples[$name.create.$what]} / $gigabytes")"
  done
}

# odd_stream ODD: $tmp/odd against $tmp/usual.
odd_stream ()
{
  local odd=$1 run which what
  warm "$tmp/odd" "$tmp/usual" || keep "$odd.warning" "not all in the page cache"
  for ((run = 1; run <= runs; run++)); do
    say "$odd: $run of $runs"
    for which in $(in_turn "$run" odd usual); do
      time_stream "$odd" "$which"
    done
  done
  for what in wall cpu; do
    keep_median "$odd.odd.$what" %.2f
    keep_median "$odd.usual.$what" %.2f
    keep_ratio "$odd.$what.ratio" "$odd.odd.$what" "$odd.usual.$what"
  done
  create_figures "$odd.odd"
  keep_median "$odd.odd.create.rss" %.1f
  rm -r "$tmp/odd" "$tmp/usual" "$tmp/$odd".*
}

# So many bytes of pictures in a GOP that all of them are about $stream_mb.  Of a short
# one most would be sound: 80000 bytes a second.
gop_options ()
{
  local pictures=12 bytes
  ((stream_mb >= 800)) || pictures=1
  bytes=$((stream_mb * 1000000 / gops - pictures * 3200))
  ((bytes > 0)) || die "BENCH_STREAM=$stream_mb: too small for $gops GOPs"
  echo "--gop-pictures $pictures --gop-bytes $bytes"
}

bench_odd ()
{
  local options
  room_for $((stream_mb * 4)) || return 0
  options=$(gop_options)
  # shellcheck disable=SC2086
  {
    stream usual --gops $gops $options
    stream odd --gops $gops $options --equal-gops
    odd_stream equal-gops
    stream usual --gops $((gops / 3)) $options --titles 3
    stream odd --gops $((gops / 3)) $options --copies 3
    odd_stream copies
  }
}

# As for a rip of its own, but less often.
bench_big ()
{
  local disc=$tmp/big/disc runs=$(((runs + 1) / 2))
  room_for $((big_mb * 2)) || return 0
  stream big --size "$big_mb"
  warm "$tmp/big" || keep big.warning "not all in the page cache"
  keep big.disc.bytes "$(stat -c %s "$disc"/* | sum)"
  bench_create big "$tmp/big/title.mkv"
  create_figures big
  rm -r "$tmp"/big*
}

bench_streams ()
{
  [ "$stream_mb" = 0 ] || bench_odd
  [ "$big_mb" = 0 ] || bench_big
}
