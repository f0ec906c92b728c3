# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
#
# Discs with holes, cut, without a file system; and content that is all alike.
#
# Read here: seed, work and out of make-case.
# shellcheck disable=SC2154

# The most a sector holds of a stream: behind the headers of pack and packet.
sector_payload=2025

# unreadable IMAGE FIRST COUNT: sectors that became zeros.
unreadable ()
{
  dd if=/dev/zero of="$1" bs=2048 seek="$2" count="$3" conv=notrunc status=none
}

# Sectors that could not be read, after the rip was made: single ones, some near each
# other, and a scratch, which takes the blocks of 16 that a drive corrects, every other one.
# What is between them is on the disc.
case_bad_sectors ()
{
  local n i at rip
  title a 10
  author "$work/disc" "$work/a.mpg"
  both_rips a "$(vob "$work/disc" 1)"
  image "$work/disc" "$out/disc.iso"
  n=$(($(stat -c %s "$out/disc.iso") / 2048))
  RANDOM=$seed
  for i in 2 3 4 5; do
    at=$((n * i / 10 + RANDOM % (n / 20)))
    unreadable "$out/disc.iso" $at 1
    unreadable "$out/disc.iso" $((at + 9)) 1
  done
  for i in {0..9}; do
    unreadable "$out/disc.iso" $((n * 6 / 10 + i * 32)) 16
  done
  for i in {0..19}; do
    unreadable "$out/disc.iso" $((n * 8 / 10 + i * 5)) 1
  done
  for rip in a-mkvmerge a-ffmpeg; do
    lost "$rip" $(((4 * 2 + 10 * 16 + 20) * sector_payload))
  done
}

# Copying stopped in the middle of a sector, twenty before the end.
case_cut_image ()
{
  local rip missing=$((20 * 2048 + 1100))
  title a 6
  head -c -$missing "$work/a.mpg" > "$out/disc.mpg"
  both_rips a "$work/a.mpg"
  for rip in a-mkvmerge a-ffmpeg; do
    lost "$rip" $missing
  done
}

# Streams behind garbage, at no multiple of a sector.
case_no_file_system ()
{
  title a 4
  title b 4
  {
    noise front 1234567
    cat "$work/a.mpg"
    noise between 54321
    cat "$work/b.mpg"
    noise end 999
  } > "$out/disc.img"
  both_rips a "$work/a.mpg"
  both_rips b "$work/b.mpg"
}

# ---- nothing to go by

# black PART SECONDS: $work/PART.m2v and $work/PART.ac3, and nothing in them.
black ()
{
  local flags=(-threads 1 -flags +bitexact -fflags +bitexact)
  ffmpeg -v fatal -nostdin -y -f lavfi -i "color=black:s=$frame_size:r=$frame_rate" \
         -frames:v $(($2 * 25)) "${flags[@]}" -c:v mpeg2video -pix_fmt yuv420p -aspect 4:3 \
         -g 12 -bf 2 -b:v 3000k -maxrate 8500k -bufsize 1835008 -f mpeg2video "$work/$1.m2v" ||
    die "coding black failed"
  ffmpeg -v fatal -nostdin -y -f lavfi -i anullsrc=r=48000:cl=stereo -t "$2" "${flags[@]}" \
         -c:a ac3 -b:a 192k -f ac3 "$work/$1.ac3" || die "coding silence failed"
}

# joined_title PART FROM...: $work/PART.mpg, what was coded for the parts in a row.
joined_title ()
{
  local to=$1 from
  shift
  for from; do
    cat "$work/$from.m2v" >> "$work/$to.m2v"
    cat "$work/$from.ac3" >> "$work/$to.ac3"
  done
  by_mplex "$to"
}

# A minute of black pictures and silence between two scenes: equal frames, found as long
# as the right one of them is taken.
case_black ()
{
  pictures a 75
  pictures c 75
  ac3 a 3
  ac3 c 3
  black b 60
  joined_title title a b c
  author "$work/disc" "$work/title.mpg"
  image "$work/disc" "$out/disc.iso"
  both_rips title "$(vob "$work/disc" 1)"
}

# Titles that start and end alike: black, the same logo, and black between their scenes.
case_logos ()
{
  local i
  black black 2
  pictures logo 25
  ac3 logo 1
  for i in a b c; do
    pictures $i-1 25
    pictures $i-2 50
    ac3 $i-1 1
    ac3 $i-2 2
    joined_title $i black logo $i-1 black $i-2 black logo
  done
  author "$work/disc" "$work/a.mpg" "$work/b.mpg" "$work/c.mpg"
  image "$work/disc" "$out/disc.iso"
  for i in 1 2 3; do
    both_rips $i "$(vob "$work/disc" $i)"
  done
}
