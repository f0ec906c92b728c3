#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# The generator of test media: the same bytes for the same arguments, real discs
# and rips, and content that never repeats.  The other tests stand on these.

set -euo pipefail

media=$(cd "${srcdir:-$(dirname "$0")}/media" && pwd)
for tool in ffmpeg ffprobe mkvmerge mkvinfo mplex dvdauthor genisoimage isoinfo faketime \
            flock perl; do
  command -v $tool > /dev/null || { echo "SKIP: no $tool"; exit 77; }
done

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

fail ()
{
  echo "FAIL: $*" >&2
  exit 1
}

sums ()
{
  (cd "$1" && find . -type f | LC_ALL=C sort | xargs sha256sum)
}

# One line a frame of a rip: its hash (hashes of side data may follow it).
frames ()
{
  ffmpeg -v error -i "$1" -map 0 -c copy -f framemd5 - | awk -F ', *' '!/^#/ { print $6 }'
}

# count_packets FILE STREAM
count_packets ()
{
  ffprobe -v error -select_streams "$2" -count_packets -show_entries stream=nb_read_packets \
          -of csv=p=0 "$1" | tr -d ',\n'
}

test_deterministic ()
{
  "$media/make-media" --seed 5 --size 3 "$tmp/a"
  # On one core, at another place, in other surroundings.
  (cd / && TZ=Asia/Tokyo FILLER=$(seq 999) \
    taskset -c "$(taskset -pc $$ | sed 's/.*: *\([0-9]*\).*/\1/')" \
    "$media/make-media" --seed 5 --size 3 "$tmp/deep/er/b")
  diff <(sums "$tmp/a") <(sums "$tmp/deep/er/b") || fail "same seed, other bytes"

  "$media/make-media" --seed 6 --size 3 "$tmp/c"
  [ -z "$(comm -12 <(sums "$tmp/a" | cut -d ' ' -f 1 | sort) \
                   <(sums "$tmp/c" | cut -d ' ' -f 1 | sort))" ] || fail "other seed, same file"
  [ -z "$(comm -12 <(frames "$tmp/a/mkvmerge.mkv" | sort) \
                   <(frames "$tmp/c/mkvmerge.mkv" | sort))" ] || fail "other seed, same frame"
}

test_disc ()
{
  local names f
  names=$(isoinfo -l -i "$set/disc.iso")
  for f in VIDEO_TS.IFO VIDEO_TS.BUP VTS_01_0.IFO VTS_01_1.VOB; do
    grep -q " $f;1" <<< "$names" || fail "$f is not on the disc"
    isoinfo -i "$set/disc.iso" -x "/VIDEO_TS/$f;1" | cmp - "$set/VIDEO_TS/$f"
  done
  cmp "$set/title.mpg" "$set/VIDEO_TS/VTS_01_1.VOB"
}

# MPEG-2 and two AC-3 tracks, and the same frames whoever ripped.
test_rips ()
{
  local f
  for f in mkvmerge ffmpeg blockgroup trimmed other; do
    [ "$(ffprobe -v error -show_entries stream=codec_name,channels -of compact=p=0:nk=1 \
           "$set/$f.mkv" | grep -E '^(mpeg2|ac3)' | cut -d '|' -f 1,2 | tr -d '\n ')" = \
      "mpeg2video|ac3|6ac3|2" ] || fail "tracks of $f.mkv"
  done
  frames "$set/mkvmerge.mkv" | sort > "$tmp/frames"
  frames "$set/ffmpeg.mkv" | sort | cmp - "$tmp/frames" || fail "ffmpeg.mkv has other frames"
  frames "$set/blockgroup.mkv" | sort | cmp - "$tmp/frames" || fail "blockgroup.mkv has other frames"
}

# Nothing lost: whole GOPs, sound as long as the pictures (40 and 32 ms), and the
# sequence end code at the very end.
test_complete ()
{
  local pictures sounds
  pictures=$(count_packets "$set/mkvmerge.mkv" v:0)
  ((pictures > 300 && pictures % 12 == 0)) || fail "$pictures pictures"
  for t in 0 1; do
    sounds=$(count_packets "$set/mkvmerge.mkv" a:$t)
    [ $((pictures * 40)) -eq $((sounds * 32)) ] || fail "track $t: $sounds frames of sound"
  done
  ffmpeg -v error -i "$set/mkvmerge.mkv" -map 0:v -c copy -f mpeg2video "$tmp/video.m2v"
  [ "$(tail -c 4 "$tmp/video.m2v" | od -An -tx1)" = ' 00 00 01 b7' ] || fail "no sequence end code"
}

test_picture_types ()
{
  ffprobe -v error -show_entries frame=pict_type,pkt_size -select_streams v -of csv=p=0 \
          "$set/mkvmerge.mkv" > "$tmp/types"
  for t in I P B; do
    n=$(grep -c "$t" "$tmp/types") || true
    sizes=$(grep "$t" "$tmp/types" | sort -u | wc -l)
    ((n >= 25 && sizes > n * 4 / 5)) || fail "$n $t pictures, $sizes sizes"
  done
}

test_variations ()
{
  mkvinfo -v -v "$set/blockgroup.mkv" > "$tmp/info"
  grep -q 'Block group' "$tmp/info" || fail "blockgroup.mkv has no BlockGroup"
  ! grep -q 'Simple block' "$tmp/info" || fail "blockgroup.mkv has a SimpleBlock"

  frames "$set/trimmed.mkv" | sort > "$tmp/trimmed"
  comm -13 "$tmp/frames" "$tmp/trimmed" | (! grep -q .) || fail "trimmed.mkv has frames of its own"
  [ "$(wc -l < "$tmp/trimmed")" -lt $(($(wc -l < "$tmp/frames") / 2)) ] || fail "trimmed.mkv: all frames"

  frames "$set/other.mkv" | sort | comm -12 - "$tmp/frames" | (! grep -q .) ||
    fail "other.mkv has frames of this disc"
}

# No frame, no slice's start and no stretch of a sector stands twice.
test_no_repeats ()
{
  [ -z "$(uniq -d "$tmp/frames")" ] || fail "a frame stands twice"

  # A slice: start code, then 64 bytes.
  perl -0777 -ne '
    while (/\x00\x00\x01[\x01-\xaf](.{64})/gs) { $n++; $twice++ if $seen{$1}++ }
    print "slices $n twice ", $twice || 0, "\n";
    exit ($n < 10000 || $twice * 1000 > $n);' "$tmp/video.m2v" || fail "slices repeat"

  # All packs but NAV packs, which have a system header, and those padded there.
  perl -e '
    $/ = \2048;
    while (<>) {
      next if substr ($_, 14, 4) eq "\x00\x00\x01\xbb";
      my $window = substr $_, 1024, 64;
      next if $window eq "\xff" x 64;
      $n++; $twice++ if $seen{$window}++;
    }
    print "packs $n twice ", $twice || 0, "\n";
    exit ($n < 5000 || $twice * 1000 > $n);' "$set/title.mpg" || fail "packs repeat"
}

# Several titles, the other standard.
test_titles ()
{
  "$media/make-media" --size 4 --titles 2 --standard ntsc --video-ts "$tmp/two"
  [ -e "$tmp/two/VIDEO_TS/VTS_02_1.VOB" ] || fail "no second title set"
  [ -s "$tmp/two/mkvmerge-2.mkv" ] || fail "no second rip by mkvmerge"
  [ -s "$tmp/two/ffmpeg-2.mkv" ] || fail "no second rip by ffmpeg"
  comm -12 <(frames "$tmp/two/mkvmerge.mkv" | sort) <(frames "$tmp/two/mkvmerge-2.mkv" | sort) |
    (! grep -q .) || fail "titles have frames in common"
}

# Parallel callers get the same set, made once.
test_cache ()
{
  local i
  for i in 1 2 3; do
    MKVDUP_MEDIA_CACHE=$tmp/cache "$media/cached-media" --size 2 > "$tmp/path$i" &
  done
  wait
  cmp "$tmp/path1" "$tmp/path2"
  cmp "$tmp/path1" "$tmp/path3"
  [ -s "$(cat "$tmp/path1")/disc.iso" ] || fail "no disc in the cache"
  [ "$(find "$tmp/cache" -name disc.iso | wc -l)" -eq 1 ] || fail "made more than once"
}

# Whole or absent.
test_refusals ()
{
  local args
  for args in "--size 0" "--seed x" "--kind vhs" "--standard secam" "--titles 100" "--nonsense"; do
    # shellcheck disable=SC2086
    ! "$media/make-media" $args "$tmp/bad" 2> /dev/null || fail "$args accepted"
  done
  [ -z "$(find "$tmp" -name 'bad*')" ] || fail "a refusal left something behind"
}

set=$("$media/cached-media")
test_deterministic
test_disc
test_rips
test_complete
test_picture_types
test_variations
test_no_repeats
test_titles
test_cache
test_refusals
