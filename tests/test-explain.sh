#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# mkvdup explain: what it names are the bytes of the MKV, in the sources and in the files of
# the disc; and what it says when sources are missing or wrong.

. "${srcdir:=.}/lib.sh"
. "$srcdir/command.sh"
. "$srcdir/check.sh"

need jq python3

# explained RANGE: all that it says of it is so.
explained ()
{
  expect 0 mkvdup explain --json "$recipe" "$1" "${sources[@]}"
  is .digests right
  python3 "$srcdir/explained.py" "$mkv" "$folder" "${files[@]}" <out >counts ||
    fail "$1: $(cat counts)"
}

# ---- packets of three streams, one of them byte-swapped; segments of 1 MiB

"${builddir:?}/synthetic" dvd 3 7 >/dev/null
mkdir discs
mv disc discs/disc
recipe=image.mkvdup mkv=image folder=discs files=()
sources=(--source=discs)
size=$(stat -c %s image)
explained "0:$size"
for operation in literal copy strided transform; do
  grep -q "$operation [1-9]" counts || fail "no byte is $operation: $(cat counts)"
done
is '.segments | length' $(((size + (1 << 20) - 1) >> 20))
expect 0 mkvdup info --json --verbose image.mkvdup
literal=$(jq .image_bytes.literal out)
grep -q "literal $literal " counts || fail "info says literal $literal: $(cat counts)"
# Ranges that begin and end anywhere.
for offset in 0 1 4095 $(((1 << 20) - 1)) $((1 << 20)) 1234567 $((size - 1)); do
  explained "$offset"
  explained "$offset:5003"
done
transform=$(mkvdup explain -j image.mkvdup "0:$size" |
  jq '[.segments[].pieces[] | select(.operation == "transform" and .length > 9)][3].offset')
for i in 0 1 2 3; do
  explained "$((transform + i)):$((1 + i))"
done

# ---- numbers

expect 0 mkvdup explain -j image.mkvdup 0x100:0x20
is .offset 256
is .length 32
expect 0 mkvdup explain -j image.mkvdup 1K:2k
is .offset 1024
is .length 2048
expect 0 mkvdup explain -j image.mkvdup 0x1M
is .offset 1048576
is .length 1
expect 0 mkvdup explain -j image.mkvdup "$((size - 1)):1T"
is .length 1
for range in "" x 1x 0x : 1: :1 1:0 1:-1 +1 " 1" 1:2:3 1KK 99999999999999999999 16777216T; do
  usage "OFFSET[:LENGTH] is as in" explain image.mkvdup "$range"
done
refused "offset $size is behind the image, which has $size bytes" explain image.mkvdup "$size"
refused "no-such: No such file" explain no-such 0

# ---- text; sources that are not there, are others, or wrong

expect 0 mkvdup explain image.mkvdup 1M:64K --source=discs
says out "segment 1 of "
says out "discs/disc"
says out ", sector "
says out "digests     right"
expect 0 mkvdup explain image.mkvdup 1M:64K
says out "digests     not read"
expect 0 mkvdup explain -j image.mkvdup 1M:64K
is .digests "not read"
is '[.segments[].pieces[] | select(.image)] | length' 0
expect 0 mkvdup explain -j image.mkvdup 1M:64K --source=no-such
is .digests unproven
is '.sources[0].found' false
is '.sources[0].error | test("no-such")' true
mkdir other
tr '\0-\377' '\1-\377\0' <discs/disc >other/disc
expect 0 mkvdup explain image.mkvdup 1M:64K --source=other
says out "not there: "
cp -r discs wrong
strided=$(mkvdup explain -j image.mkvdup "0:$size" |
  jq '[.segments[].pieces[] | select(.operation == "strided")][5].parts[0].offset')
# What a sample does not see.
poke wrong/disc "$strided"
cmp -s wrong/disc discs/disc && fail "not poked"
expect 1 mkvdup explain -j image.mkvdup "0:$size" --source=wrong
is .digests wrong
is '.error | length > 0' true
says err "mkvdup: "
printf 'name: image\ndedup_file: image.mkvdup\nsource_dir: discs\n' >image.mkvdup.yaml
expect 0 mkvdup explain -j image.mkvdup 1M:64K
is .digests right
is '.sources[0].at' discs/disc

# ---- a recipe of the Go program, which has no digests

"$abs_top_srcdir/wrappers/under" "$builddir/make-old" 8 8 1300001 old
expect 0 mkvdup explain --json old/film.mkvdup 0:1300001
is .digests none
python3 "$srcdir/explained.py" old/film.mkv "$(sed -n 's/^source_dir: *//p' old/film.mkvdup.yaml | tr -d '"' |
  sed "s,^[^/],$PWD/old/&,")" <out >counts || fail "$(cat counts)"

# ---- a rip of an image, whose files are known

set=$(media)
cp "$set/mkvmerge.mkv" Movie.mkv
mkvdup create -q Movie.mkv "$set/disc.iso" -o Movie.mkvdup
recipe=Movie.mkvdup mkv=Movie.mkv folder=$set sources=()
files=("$set")
explained 0:1M
grep -q "strided [1-9]" counts || fail "$(cat counts)"
expect 0 mkvdup explain -j Movie.mkvdup 5M:64K
is '[.segments[].pieces[].parts[] | select(.path) | .file] | unique | length > 0' true
is '[.segments[].pieces[].parts[] | select(.path) | select(.file == null)] | length' 0
