#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# mkvdup create on real rips: everything that is on the disc is found, whatever made the
# MKV and whatever the disc is given as; the recipe is small, and the same for any
# number of threads; what it gives back is the MKV.

. "${srcdir:=.}/lib.sh"

need jq cmp

set=$(media)
disc=$set/disc.iso

# create RECIPE MKV ARGUMENT...: with the report in ./report, and nothing said.
create ()
{
  local recipe=$1 mkv=$2
  shift 2
  mkvdup create -q --json -o "$recipe" "$mkv" "$@" >report 2>err ||
    fail "create $mkv $*: $(cat err)"
  [ ! -s err ] || fail "create $mkv $*: $(cat err)"
}

# is_good RECIPE MKV: it verifies, and gives the MKV back.
is_good ()
{
  local recipe=$1 mkv=$2
  mkvdup verify -q "$recipe" || fail "$recipe does not verify"
  mkvdup verify -q "$recipe" "$mkv" || fail "$recipe is not $mkv"
  mkvdup extract -q -o extracted "$recipe"
  [ "$(sha256 extracted)" = "$(sha256 "$mkv")" ] || fail "$recipe gives another file"
  rm extracted
}

# report_is FILTER: jq says true.
report_is ()
{
  jq -e "$1" <report >/dev/null || fail "not so: $1: $(cat report)"
}

# is_found TRACKS: every byte of so many tracks.
is_found ()
{
  report_is "[.tracks[] | select(.number > 0)] | length == $1"
  report_is 'all(.tracks[] | select(.number > 0); .frames > 0 and .found == .bytes)'
}

# ---- each kind of rip

for rip in mkvmerge ffmpeg blockgroup trimmed; do
  mkv=$set/$rip.mkv
  create $rip.mkvdup "$mkv" "$disc"
  is_found 3
  is_good $rip.mkvdup "$mkv"
  size=$(stat -c %s $rip.mkvdup)
  report_is ".recipe_size == $size and .mkv_size == $(stat -c %s "$mkv")"
  report_is ".source_size == $(stat -c %s "$disc") and .sources_used == 1"
  # What is in no block, and the literal bytes, are a matter of kilobytes.
  report_is '.literal_bytes < 20000'
  echo "$rip: $size bytes"
done
# 12 MB each; most of it are the MKV's own 5 kB and what a recipe costs however small.
for rip in mkvmerge ffmpeg blockgroup; do
  [ "$(stat -c %s $rip.mkvdup)" -le $((12000000 * 8 / 10000)) ] ||
    fail "$rip.mkvdup is large: $(stat -c %s $rip.mkvdup) bytes"
done

# The codecs' names, and as many frames as there are.
create again.mkvdup "$set/ffmpeg.mkv" "$disc"
report_is '[.tracks[].codec] == ["V_MPEG2", "A_AC3", "A_AC3"]'
if command -v ffprobe >/dev/null; then
  frames=$(ffprobe -v error -select_streams v -count_packets -of csv=p=0 \
    -show_entries stream=nb_read_packets "$set/ffmpeg.mkv" | tr -d ',\n')
  report_is ".tracks[0].frames == $frames"
fi

# ---- deterministic

for rip in ffmpeg trimmed other; do
  for threads in 1 2 8; do
    mkvdup create -q -f -t $threads -o t$threads.mkvdup "$set/$rip.mkv" "$disc" 2>/dev/null
    cmp t1.mkvdup t$threads.mkvdup || fail "$rip: other bytes by $threads threads"
  done
done
cmp ffmpeg.mkvdup again.mkvdup

# ---- what the disc is given as

mkdir -p discs/one
cp "$disc" discs/one/Disc.iso
cp -r "$set/VIDEO_TS" discs/
cp "$set/title.mpg" .

# From the directory above, by an absolute path, by both at once: one source.
create by-dir.mkvdup "$set/ffmpeg.mkv" discs/one
report_is ".source_dir == \"$PWD/discs/one\" and .sources_used == 1"
is_found 3
is_good by-dir.mkvdup "$set/ffmpeg.mkv"
create by-both.mkvdup "$set/ffmpeg.mkv" discs/one "$PWD/discs/../discs/one/Disc.iso"
cmp by-dir.mkvdup by-both.mkvdup

create by-files.mkvdup "$set/mkvmerge.mkv" discs/VIDEO_TS
report_is ".source_dir == \"$PWD/discs/VIDEO_TS\""
is_found 3
is_good by-files.mkvdup "$set/mkvmerge.mkv"

create by-title.mkvdup "$set/mkvmerge.mkv" title.mpg
is_found 3
is_good by-title.mkvdup "$set/mkvmerge.mkv"

# Several: only what is used is in the recipe, under the directory they share.
create by-two.mkvdup "$set/mkvmerge.mkv" title.mpg "$PWD/discs/one"
report_is ".source_dir == \"$PWD\" and .sources_used == 1"
is_found 3
is_good by-two.mkvdup "$set/mkvmerge.mkv"

# Two halves of a title, each of which has half of the film.
half=$(($(stat -c %s title.mpg) / 2))
half=$((half - half % 2048))
mkdir halves
head -c $half title.mpg >halves/1.vob
tail -c +$((half + 1)) title.mpg >halves/2.vob
create by-halves.mkvdup "$set/mkvmerge.mkv" halves
report_is '.sources_used == 2'
# A frame that is in both is found up to its cut at least.
report_is 'all(.tracks[] | select(.number > 0); .found > .bytes - 4096)'
is_good by-halves.mkvdup "$set/mkvmerge.mkv"

# ---- names: the recipe goes beside the MKV, or where it is told

name="Ünïcode — 'it''s' \"so\" \$HOME #1: [x] 映画"
mkdir "$name" "out $name"
cp "$set/trimmed.mkv" "$name/$name.mkv"
mkvdup create -q "$name/$name.mkv" "$disc"
is_good "$name/$name.mkvdup" "$name/$name.mkv"
cp "$disc" "$name/"
(
  cd "$name" || exit
  create "../out $name/$name.mkvdup" "$PWD/$name.mkv" disc.iso
  is_good "../out $name/$name.mkvdup" "$name.mkv"
  report_is '.source_dir | endswith("映画")'
  rm report err
)
[ "$(cd "out $name" && ls -A)" = "$(printf '%s\n' "$name.mkvdup" "$name.mkvdup.yaml")" ] ||
  fail "left: $(ls -A "out $name")"
for file in film film.mkv.mkv .mkv film.; do
  mkdir here
  cp "$set/trimmed.mkv" "here/$file"
  mkvdup create -q "here/$file" "$disc"
  rm "here/$file"
  case $file in
  film | film.) want=film.mkvdup ;;
  film.mkv.mkv) want=film.mkv.mkvdup ;;
  .mkv) want=.mkv.mkvdup ;;
  esac
  [ "$(cd here && ls -A)" = "$(printf '%s\n' "$want" "$want.yaml")" ] ||
    fail "$file: its recipe is $(ls -A here)"
  rm -r here
done

# A read-only library is left as it is, with a relative output name taken from here.
cp -r "$set/VIDEO_TS" library
chmod -R a-w library
create relative.mkvdup "$set/mkvmerge.mkv" library
is_good relative.mkvdup "$set/mkvmerge.mkv"
chmod -R u+w library

# ---- the sidecar

{
  printf '%s: "%s"\n' name ffmpeg.mkv dedup_file by-dir.mkvdup source_dir "$PWD/discs/one"
  echo "image_size: $(stat -c %s "$set/ffmpeg.mkv")"
} | diff - by-dir.mkvdup.yaml || fail "another sidecar"

# ---- nothing left behind

leftover=$(find . -name '*.tmp')
[ -z "$leftover" ] || fail "left: $leftover"
