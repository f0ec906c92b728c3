# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# Blu-rays of noise (make-stream --bluray): what their recipes are and what they cost, how
# much memory a larger one takes, what a track of TrueHD adds to the recipe, and what many
# clips cost that are all alike.
#
# Read here: tmp, runs and bluray_mb of bench.  `disc` is what create.sh makes recipes of.
# shellcheck disable=SC2034,SC2154

readonly bluray_gop_bytes=3400000 # about, of pictures and sound
readonly bluray_clips=300

bluray_disc_bytes ()
{
  find "$tmp/$1/disc" -type f -printf '%s\n' | sum
}

# bluray_stream NAME ARGUMENT...
bluray_stream ()
{
  stream "$1" --bluray "${@:2}"
  warm "$tmp/$1" || keep "$1.warning" "not all in the page cache"
  keep "$1.disc.bytes" "$(bluray_disc_bytes "$1")"
}

# All figures of a usual one.
bluray_usual ()
{
  local disc=$tmp/bluray/disc runs=$(((runs + 1) / 2))
  bluray_stream bluray --size "$bluray_mb"
  bench_create bluray "$tmp/bluray/title.mkv"
  same_bytes bluray "$tmp/bluray/title.mkv"
  create_figures bluray
  recipe_figures bluray
  open_figures bluray
  bench_pairs bluray "$tmp/bluray/title.mkv"
  bench_memory bluray "$tmp/bluray/title.mkv"
  serve_cold bluray "$tmp/bluray/title.mkv" probe # noise has no frames
  rm -r "$tmp"/bluray*
}

# As much as three of them: once, for its memory.
bluray_large ()
{
  local disc=$tmp/bluray-large/disc runs=1
  room_for $((bluray_mb * 7)) || return 0
  bluray_stream bluray-large --size $((bluray_mb * 3))
  bench_create bluray-large "$tmp/bluray-large/title.mkv"
  create_figures bluray-large
  rm -r "$tmp"/bluray-large*
}

# bluray_recipe NAME GOPS [OPTION]...: figures of the recipe alone.
bluray_recipe ()
{
  local disc=$tmp/$1/disc
  bluray_stream "$1" --gops "$2" "${@:3}"
  time_create "$1" "$tmp/$1/title.mkv"
  create_figures "$1"
  recipe_figures "$1"
}

# The same pictures and sound with the track and without.  How many access units it has is
# in the recipe's report.
bluray_truehd ()
{
  local length=$((bluray_mb * 1000000 / 4 / bluray_gop_bytes + 1)) units more
  bluray_recipe bluray-plain "$length"
  bluray_recipe bluray-truehd "$length" --truehd
  units=$(jq '.tracks[] | select(.codec == "A_TRUEHD") | .frames' "$tmp/bluray-truehd.json")
  more=$(($(stat -c %s "$tmp/bluray-truehd.mkvdup") - $(stat -c %s "$tmp/bluray-plain.mkvdup")))
  keep bluray-truehd.units "$units"
  keep bluray-truehd.bytes_a_unit "$(calc "$more / $units")"
  rm -r "$tmp"/bluray-*
}

# The main clip of `odd` has what all the others are made of, too.
bluray_many_clips ()
{
  local length=$((bluray_mb * 1000000 / 2 / bluray_gop_bytes + 1))
  stream usual --bluray --gops "$length"
  stream odd --bluray --gops "$length" --clips $bluray_clips
  odd_stream clips
}

bench_bluray ()
{
  [ "$bluray_mb" != 0 ] || return 0
  room_for $((bluray_mb * 5 / 2)) || return 0
  bluray_usual
  bluray_large
  bluray_truehd
  bluray_many_clips
}
