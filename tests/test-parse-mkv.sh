#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# mkvdup parse-mkv: what it tells covers the file from its first byte to its last, and its tracks
# and blocks are those of ffprobe.

. "${srcdir:=.}/lib.sh"
. "$srcdir/command.sh"

need jq ffprobe

# whole FILE: elements follow each other without a gap or an overlap, to the end.
whole ()
{
  expect 0 mkvdup parse-mkv --json --verbose "$1"
  jq -e --argjson size "$(stat -c %s "$1")" '.size == $size and
    ([.elements[] | [.offset, .offset + .size]] | sort) as $e |
    ($e[0][0] == 0) and ($e[-1][1] == $size) and
    ([range(1; $e | length) | select($e[.][0] != $e[. - 1][1])] == [])' out >/dev/null ||
    fail "$1: not all of it, or some of it twice"
}

set=$(media)
for rip in mkvmerge ffmpeg blockgroup; do
  whole "$set/$rip.mkv"
  is .matroska true
  is .no_element_bytes 0
  ffprobe -v error -show_packets -show_streams -of json "$set/$rip.mkv" >probed
  jq -S '[.streams[].index] | map(. + 1)' probed >of-ffprobe
  jq -S '[.tracks[].track]' out >of-mkvdup
  diff of-ffprobe of-mkvdup || fail "$rip: tracks"
  # ffprobe names a block by the first byte of its body; a laced one it names once a frame.
  jq '[.packets[] | {t: (.stream_index + 1), p: (.pos | tonumber),
      s: (.pts_time // .dts_time | tonumber)}] | group_by([.t, .p]) | map(min_by(.s))' \
    probed >of-ffprobe
  jq '[.elements[] | select(.frames)] | sort_by([.track, .offset])' out >of-mkvdup
  jq -e -n --slurpfile f of-ffprobe --slurpfile m of-mkvdup '$f[0] as $f | $m[0] as $m |
    ($f | length) as $n | ($n > 100) and ($m | length) == $n and
    ([range($n) | select(($f[.].t != $m[.].track) or ($f[.].p <= $m[.].offset) or
      ($f[.].p > $m[.].payload) or (($f[.].s - $m[.].seconds | fabs) > 0.0015))] == [])' >/dev/null ||
    fail "$rip: other blocks than those of ffprobe"
  is '[.tracks[].bytes] | add' "$(jq '[.packets[].size | tonumber] | add' probed)"
  is '[.tracks[] | .codec] | join(" ")' "V_MPEG2 A_AC3 A_AC3"
  is '([.elements[] | select(.frames) | .frames | length] | add) == ([.tracks[].frames] | add)' true
  expect 0 mkvdup parse-mkv --json "$set/$rip.mkv"
  is '[.elements[] | select(.frames or .element == "Cluster")] | length' 0
done
expect 0 mkvdup parse-mkv "$set/mkvmerge.mkv"
says out "CodecPrivate of track 1"
says out "track 2  audio A_AC3"
says out "clusters"
lines=$(wc -l <out)
expect 0 mkvdup parse-mkv --verbose "$set/mkvmerge.mkv"
says out "block of track 1, 0:00:00.000, 1 frame"
[ "$(wc -l <out)" -gt "$lines" ] || fail "not verbose"

# Cut anywhere, with damage, or no Matroska at all: told to the end.
for size in 40 41 4150 100000 1234567; do
  head -c $size "$set/mkvmerge.mkv" >cut.mkv
  status=0
  mkvdup parse-mkv --json --verbose cut.mkv >out 2>err || status=$?
  jq -e --argjson s $size '[.elements[].size] | add == $s' out >/dev/null ||
    fail "cut after $size: $(head -c 300 out)"
done
cp "$set/mkvmerge.mkv" damaged.mkv
head -c 3000 /dev/urandom | dd of=damaged.mkv bs=1 seek=3000000 conv=notrunc status=none
whole damaged.mkv
head -c 5000 /dev/urandom >noise
expect 1 mkvdup parse-mkv --json noise
says err "noise: is no Matroska file"
is .matroska false
: >empty
refused "empty: is no Matroska file" parse-mkv empty
refused "no-such: No such file" parse-mkv no-such
