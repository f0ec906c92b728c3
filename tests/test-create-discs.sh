#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Discs as people have them, through the whole command: copied without being decrypted,
# in part or whole; in a folder with everything else, twice even; in an image that is
# mostly something else.

. "${srcdir:=.}/lib.sh"
. "$srcdir/command.sh"

need jq perl genisoimage ffmpeg

set=$(media)
rip=$set/mkvmerge.mkv

# all_found: what is in the tracks, but for a few bytes; from the report in ./out.
all_found ()
{
  is '.tracks | map(select(.number > 0)) |
    (map(.found) | add) >= (map(.bytes) | add) * 0.9999' true
}

# ---- scrambled

cp "$set/disc.iso" Disc.iso
"$srcdir/media/scramble" Disc.iso
refused "Disc.iso: 4" create -o new.mkvdup "$rip" Disc.iso
says err "% of its packets are scrambled (CSS), and only "
says err "decrypt the disc image first"
silent out
[ "$(ls -A)" = "$(printf '%s\n' Disc.iso err out sanitizer)" ] || fail "left: $(ls -A)"
# An older recipe stays; JSON says it too.
mkvdup create -q -o old.mkvdup "$rip" "$set/disc.iso"
cp old.mkvdup before
expect 1 mkvdup create --json -qo old.mkvdup "$rip" Disc.iso
is .good false
is '.error | test("^.*/Disc.iso: 4[0-9.]+ % of its packets are scrambled")' true
cmp old.mkvdup before
# Several such files go by their folder's name; and nothing is wrong with a second, good disc.
mkdir two
mv Disc.iso two/a.iso
cp two/a.iso two/b.vob
refused "$PWD/two: 4" create -o new.mkvdup "$rip" two
expect 0 mkvdup create -q -o new.mkvdup "$rip" two "$set/disc.iso"
says err "warning: "
says err "% of its packets are scrambled (CSS)"
mkvdup verify -q new.mkvdup "$rip"
rm -r two new.mkvdup* old.mkvdup* before

# Two titles, one of them scrambled: the other one's rip is found as ever.
titles=$(media --seed 1 --size 4 --titles 2 --video-ts)
cp -r "$titles/VIDEO_TS" .
chmod -R u+w VIDEO_TS
"$srcdir/media/scramble" VIDEO_TS/VTS_02_1.VOB
expect 0 mkvdup create -o clear.mkvdup "$titles/mkvmerge.mkv" VIDEO_TS
says err "warning: $titles/mkvmerge.mkv: $PWD/VIDEO_TS/VTS_02_1.VOB: 4"
says err "scrambled (CSS): what is in them cannot be found"
[ "$(wc -l <err)" -eq 1 ] || fail "more than one line: $(cat err)"
mkvdup verify -q clear.mkvdup "$titles/mkvmerge.mkv"
expect 0 mkvdup create --json -qo clear.mkvdup "$titles/mkvmerge.mkv" VIDEO_TS
is .scrambled true
is .scrambled_source "$PWD/VIDEO_TS/VTS_02_1.VOB"
is '.scrambled_packets > 300 and .scrambled_packets < .packets / 2' true
all_found
refused "VTS_02_1.VOB: 4" create -o other.mkvdup "$titles/mkvmerge-2.mkv" VIDEO_TS
rm -r VIDEO_TS clear.mkvdup*

# ---- a folder with all there is

mkdir -p films/Film/VIDEO_TS
cp "$set/VIDEO_TS"/* films/Film/VIDEO_TS
cp "$set/disc.iso" films/FILM.ISO
cp "$set/title.mpg" films/title.Mpg
cp "$rip" films/Film.mkv
ln films/Film.mkv films/other-name.mkv
cp "$set/ffmpeg.mkv" films/Other.mkv
# Twice: the recipe and its sidecar are in the folder the second time.
for round in 1 2; do
  expect 0 mkvdup create --json -q films/Film.mkv films
  silent err
  all_found
  expect 0 mkvdup info --json films/Film.mkvdup
  is '.sources | map(.path) | map(select(test("mkv"; "i"))) | length' 0
  mkvdup verify -q films/Film.mkvdup films/Film.mkv
done
# What is a source for others is none for itself.
expect 0 mkvdup create --json -q -o self.mkvdup films/title.Mpg films
expect 0 mkvdup info --json self.mkvdup
is '.sources | map(.path) | map(select(. == "title.Mpg")) | length' 0
rm -r films self.mkvdup*

# ---- a program stream that is no DVD's

# MPEG-1 as ffmpeg writes it: a pack header now and then, packs longer than a chunk.
ffmpeg -v error -i "$set/title.mpg" -map 0:v -map 0:a -c copy -f mpeg plain.mpg
expect 0 mkvdup create --json -qo new.mkvdup "$rip" plain.mpg
all_found
mkvdup verify -q new.mkvdup "$rip"
rm plain.mpg new.mkvdup*

# ---- a title in an image of other things

# In the middle between two of the 64 places that are looked at blindly.
rip=$titles/mkvmerge.mkv
mkdir -p tree folder
truncate -s 103200000 tree/a.bin
cp "$titles/VIDEO_TS/VTS_01_1.VOB" tree/m.vob
truncate -s 103859000 tree/z.bin
genisoimage -quiet -udf -o folder/image tree 2>genisoimage.log
rm -r tree
expect 0 mkvdup create --json -qo new.mkvdup "$rip" folder
all_found
mkvdup verify -q new.mkvdup "$rip"
# Without its file system it is not found.
dd if=/dev/zero of=folder/image bs=2048 seek=16 count=8 conv=notrunc status=none
refused "folder: no file in it holds streams" create -o none.mkvdup "$rip" folder
