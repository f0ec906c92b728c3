#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# The parsers against others' tools: elementary streams of a disc are the bytes that ffmpeg
# takes from it, frames of an MKV those that mkvextract and ffprobe see.

. "${srcdir:=.}/lib.sh"
need ffmpeg ffprobe mkvextract genisoimage mplex dvdauthor

dump=${builddir:?}/dump-es
set=$(media)

# streams_of FILE: the three of a title, whatever the container's order.
streams_of ()
{
  local file=$1 stream key map
  for stream in E000=v:0 BD80=a:0 BD81=a:1; do
    key=${stream%=*} map=${stream#*=}
    [ -s "$key" ] || ffmpeg -v error -i "$set/title.mpg" -map "0:$map" -c copy -f data "$key"
    [ -s "$key" ] || fail "ffmpeg finds no $key"
    "$dump" stream "$file" "$key" | cmp - "$key" || fail "$file: stream $key"
  done
  [ "$("$dump" streams "$file" | awk '{ print $1 }' | sort | xargs)" = "BD80 BD81 E000" ] ||
    fail "$file: $("$dump" streams "$file")"
}

# A pack at any byte, and chunks that end anywhere in it.
shifted ()
{
  head -c 1234567 /dev/zero
  cat "$set/title.mpg"
}

tracks_of ()
{
  local file=$1 i
  # Track numbers count from 1 in these files, mkvextract's ids from 0.
  mkvextract "$file" tracks 0:t0 1:t1 2:t2 >/dev/null
  for i in 0 1 2; do
    "$dump" track "$file" $((i + 1)) | cmp - "t$i" || fail "$file: track $i"
  done
}

# Every frame: its track, where its block's content is, its size.
frames_of ()
{
  local file=$1
  ffprobe -v error -show_entries packet=stream_index,pos,size -of csv=p=0 "$file" |
    awk -F , '{ print $1 + 1, $3, $2 }' | sort -n >probed
  "$dump" blocks "$file" | sort -n >dumped
  [ -s probed ] || fail "ffprobe finds nothing in $file"
  cmp probed dumped || fail "$file: $(diff probed dumped | head -4)"
}

streams_of "$set/title.mpg"
streams_of "$set/disc.iso"
shifted >shifted.mpg
streams_of shifted.mpg

for rip in mkvmerge ffmpeg blockgroup trimmed; do
  tracks_of "$set/$rip.mkv"
  frames_of "$set/$rip.mkv"
done

# Cut in the middle: the same frames up to there.
head -c 5000000 "$set/mkvmerge.mkv" >cut.mkv
"$dump" blocks cut.mkv | sed '$d' >cut.list
[ "$(wc -l <cut.list)" -gt 100 ] || fail "few frames in what was cut"
"$dump" blocks "$set/mkvmerge.mkv" >whole.list
head -n "$(wc -l <cut.list)" whole.list | cmp - cut.list
