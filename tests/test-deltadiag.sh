#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# mkvdup deltadiag: its sums are those of info, whatever the structure is read from; noise put
# into a rip is told with its place, its track and the time that ffprobe gives it.

. "${srcdir:=.}/lib.sh"
. "$srcdir/command.sh"

need jq ffprobe python3

# diagnose ARGUMENT...: in JSON; it agrees with itself, and with info.
diagnose ()
{
  expect 0 mkvdup deltadiag --json -q "$@"
  jq -e '(.literal == ([.tracks[].literal] | add)) and
    ([.tracks[] | .literal == ([.kinds[].bytes, 0] | add)] | all) and
    ([.longest[].length] == ([.longest[].length] | sort | reverse)) and
    ([.tracks[].track] == ([.tracks[].track] | unique))' out >/dev/null ||
    fail "$*: the sums are wrong: $(cat out)"
  [ "$(jq .literal out)" -eq \
    "$(mkvdup info -jv "$1" | jq .image_bytes.literal)" ] || fail "$*: info says another sum"
  [ "$(jq .runs out)" -eq "$(mkvdup info -jv "$1" | jq .literal_runs)" ] ||
    fail "$*: info says other runs"
}

# bytes KIND [TRACK]: how many.
bytes ()
{
  jq --arg k "$1" --argjson t "${2:-null}" \
    '[.tracks[] | select($t == null or .track == $t) | .kinds[] | select(.kind == $k) | .bytes] | add // 0' out
}

# alike ARGUMENT...: from the MKV, the sources, and the recipe alone it is the same.
alike ()
{
  diagnose "$1.mkvdup" "$1.mkv"
  is .read_from "the MKV"
  jq 'del(.read_from)' out >of-mkv
  diagnose "$1.mkvdup" --source "$2"
  is .read_from "the sources"
  jq 'del(.read_from)' out >of-sources
  diagnose "$1.mkvdup" --source no-such
  is .read_from "the recipe"
  jq 'del(.read_from)' out >of-recipe
  cmp of-mkv of-sources
  cmp of-mkv of-recipe
  for threads in 1 3; do
    diagnose "$1.mkvdup" "$1.mkv" -t $threads
    jq 'del(.read_from)' out | cmp - of-mkv
  done
}

# ---- a DVD, with cues and tags; noise in a frame of video and in one of sound

set=$(media)
cp "$set/mkvmerge.mkv" dvd.mkv
mkvdup create -q dvd.mkv "$set/disc.iso" -o dvd.mkvdup
alike dvd "$set"
is .matroska true
[ "$(bytes Cues)" -gt 0 ] && [ "$(bytes Tags)" -gt 0 ] && [ "$(bytes SeekHead)" -gt 0 ] ||
  fail "no cues, tags, or seek head: $(cat out)"
[ "$(bytes "NAL lengths")" -eq 0 ] || fail "lengths of NAL units in MPEG-2"
ffprobe -v error -show_packets -of json dvd.mkv >packets
for track in 1 2; do
  [ "$(jq --argjson t $track '.tracks[] | select(.track == $t) | .frames' out)" -ge \
    "$(jq --argjson t $track '[.packets[] | select(.stream_index == $t - 1)] | length' packets)" ] ||
    fail "track $track: frames"
  # A large packet in the middle.
  read -r pos size pts < <(jq -r --argjson t $track \
    '[.packets[] | select(.stream_index == $t - 1)] | .[length / 2 | floor:] |
      max_by(.size | tonumber) | "\(.pos) \(.size) \(.pts_time)"' packets)
  cp "$set/mkvmerge.mkv" noise.mkv
  length=$((size / 3)) at=$((pos + size / 3))
  head -c $length /dev/urandom | dd of=noise.mkv bs=1 seek=$at conv=notrunc status=none
  mkvdup create -q -f noise.mkv "$set/disc.iso" -o noise.mkvdup
  diagnose noise.mkvdup noise.mkv
  [ "$(jq --argjson a $at --argjson l $length --argjson t $track --argjson p "$pts" \
    '[.longest[] | select(.offset <= $a + 20 and .offset + .length >= $a + $l - 20 and
      .track == $t and (.seconds - $p | fabs) < 0.002)] | length' out)" -eq 1 ] ||
    fail "track $track: $length bytes at $at, $pts s, are not told: $(cat out)"
  [ "$(bytes "within frames" $track)" -ge $((length - 20)) ] || fail "not within: $(cat out)"
  rm noise.mkvdup noise.mkvdup.yaml
done
# Parts of a frame of video in which no byte is as it was: its begin, its end, all of it.
read -r pos size < <(jq -r '[.packets[] | select(.stream_index == 0)] | .[length / 2 | floor:] |
  max_by(.size | tonumber) | "\(.pos) \(.size)"' packets)
frame=$((pos + 4)) # behind the track's number, the time and the flags
# changed KIND FROM LENGTH
changed ()
{
  python3 - "$2" "$3" <<'PY'
import sys

at, size = map(int, sys.argv[1:])
data = bytearray(open("dvd.mkv", "rb").read())
data[at : at + size] = bytes(b ^ 0x5A for b in data[at : at + size])
open("noise.mkv", "wb").write(data)
PY
  mkvdup create -q -f noise.mkv "$set/disc.iso" -o noise.mkvdup
  diagnose noise.mkvdup noise.mkv
  [ $(($(bytes "$1" 1) - $3)) -le 8 ] && [ "$(bytes "$1" 1)" -ge "$3" ] ||
    fail "$3 bytes of $1 are not told: $(cat out)"
  rm noise.mkvdup noise.mkvdup.yaml
}
changed "frame starts" $frame 2000
changed "frame ends" $((frame + size - 2000)) 2000
changed "whole frames" $frame "$size"
expect 0 mkvdup deltadiag -q dvd.mkvdup
says out "bytes are on no source"
says out "told by the sources"
says out "block headers"
says out "the longest runs"

# ---- a Blu-ray: lengths of NAL units, and laces

"${builddir:?}/media/make-stream" --seed 5 --size 4 --bluray --slices 4 --lace 3 bray
mv bray/title.mkv bray.mkv
mkvdup create -q bray.mkv bray/disc -o bray.mkvdup
alike bray bray/disc
[ "$(bytes "NAL lengths" 1)" -gt 0 ] || fail "no lengths of NAL units"
[ "$(bytes "NAL lengths")" -eq "$(bytes "NAL lengths" 1)" ] || fail "of another track, too"
[ "$(bytes CodecPrivate 1)" -gt 0 ] || fail "no CodecPrivate"
[ "$(bytes "whole frames")" -eq 0 ] || fail "whole frames are missing"

# ---- no Matroska at all; an MKV of another size

head -c 100000 /dev/urandom >none.mkv
mkdir disc
cp none.mkv disc/none.iso
head -c 5000 /dev/urandom | dd of=none.mkv bs=1 seek=50000 conv=notrunc status=none
"$builddir/make-recipe" none.mkv disc/none.iso none.iso none.mkvdup
diagnose none.mkvdup none.mkv
is .matroska false
[ "$(bytes "no element")" -gt 4900 ] || fail "$(cat out)"
refused "dvd.mkv has " deltadiag -q none.mkvdup dvd.mkv
refused "no-such" deltadiag -q none.mkvdup no-such
refused "no-such" deltadiag -q no-such
