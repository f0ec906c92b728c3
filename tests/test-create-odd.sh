#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Every byte is covered, whatever the parser thinks of the file: what is no Matroska, or
# cut, joined or of another disc, gets a recipe that gives it back.  Damage is in
# test-hard-rips.sh.

. "${srcdir:=.}/lib.sh"

need jq cmp openssl

set=$(media)
disc=$set/disc.iso
count=0

# odd FILE [DISC]: create, verify by itself and with the file, extract.  Leaves the
# report in ./report.
odd ()
{
  local file=$1 from=${2:-$disc} saved
  mkvdup create -q -f --json -o odd.mkvdup "$file" "$from" >report 2>err ||
    fail "$file: $(cat err)"
  saved=$(jq '.saved_percent < 75' <report)
  case $saved,$(cat err) in
  true,*'warning: '*': only '*'?' | false,) ;;
  *) fail "$file: saved less than 75 %: $saved, but it says: $(cat err)" ;;
  esac
  jq -e '.tracks | all(.found <= .bytes)' <report >/dev/null ||
    fail "$file: more found than there is: $(cat report)"
  jq -e '.mkv_size - ([.tracks[].found] | add // 0) == .literal_bytes' <report >/dev/null ||
    fail "$file: bytes unaccounted for: $(cat report)"
  mkvdup verify -q odd.mkvdup || fail "$file: does not verify"
  mkvdup verify -q odd.mkvdup "$file" || fail "$file: is another file"
  mkvdup extract -q -o extracted odd.mkvdup
  cmp "$file" extracted
  rm extracted odd.mkvdup*
  count=$((count + 1))
}

# found_at_least PERCENT [FILTER]: of the tracks' bytes, all together.
found_at_least ()
{
  jq -e "[.tracks[] | select(${2:-true})] |
    (map(.found) | add) >= (map(.bytes) | add) * $1 / 100" <report >/dev/null ||
    fail "less than $1 % found: $(cat report)"
}

# random BYTES: the same in every run.
random ()
{
  head -c "$1" /dev/zero | openssl enc -aes-128-ctr -nosalt -pass "pass:$1" -pbkdf2
}

# at FILE BYTES: where these bytes (an extended regular expression) are first.
at ()
{
  { LC_ALL=C grep -obUaP "$2" "$1" || true; } | head -n 1 | cut -d : -f 1
}

# ---- no Matroska at all

: >none
odd none
for size in 1 2 4095 4096 4097 65536 $((4 * 1024 * 1024)) $((4 * 1024 * 1024 + 1)); do
  head -c "$size" "$disc" | tr '\0-\377' '\1-\377\0' >some
  odd some
  head -c "$size" /dev/zero >some
  odd some
done
seq 100000 >text
odd text
random 3000000 >noise
odd noise

# ---- the disc's own streams

# The packets are on the disc: found, but for what is between them.
cp "$set/title.mpg" title.mpg
odd title.mpg
found_at_least 95
# The elementary stream is there from end to end.
if command -v ffmpeg >/dev/null; then
  ffmpeg -v error -i "$set/title.mpg" -map 0:v -c copy -f mpeg2video video.m2v
  odd video.m2v
  found_at_least 99.99
  ffmpeg -v error -i "$set/title.mpg" -map 0:a:0 -c copy -f ac3 sound.ac3
  odd sound.ac3
  found_at_least 99.9
fi
# The disc itself, under another name.
cp "$disc" copy.iso
odd copy.iso

# ---- cut short

whole=$set/trimmed.mkv
size=$(stat -c %s "$whole")
tracks=$(at "$whole" '\x16\x54\xae\x6b')
cluster=$(at "$whole" '\x1f\x43\xb6\x75')
[ -n "$tracks$cluster" ] || fail "no Tracks or no Cluster in $whole"
RANDOM=1
cuts=(3 4 5 20 45 $((tracks + 2)) $((tracks + 30)) $((cluster + 1)) $((cluster + 4))
  $((cluster + 8)) $((cluster + 40)) $((size - 1)) $((size - 2)))
random_cuts=$(usually 10 40)
for ((i = 0; i < random_cuts; i++)); do
  cuts+=($(((RANDOM * 32768 + RANDOM) % size)))
done
for cut in "${cuts[@]}"; do
  head -c "$cut" "$whole" >cut.mkv
  odd cut.mkv
  # What is there is found as before.
  [ "$cut" -lt $((size / 4)) ] || found_at_least 99.9 '.number > 0'
done

# ---- joined

cat "$whole" "$set/ffmpeg.mkv" >two.mkv
odd two.mkv
found_at_least 99
cat "$whole" "$whole" >twice.mkv
odd twice.mkv
found_at_least 99

# ---- another disc

odd "$set/other.mkv"
jq -e '.saved_percent < 10' <report >/dev/null || fail "saved from nothing: $(cat report)"
for size in 1 4096 100000; do
  head -c "$size" /dev/zero >blank.iso
  odd "$whole" blank.iso
  jq -e '[.tracks[].found] | add == 0' <report >/dev/null || fail "found: $(cat report)"
done
head -c 300000 "$disc" >front.iso
odd "$whole" front.iso

echo "$count files"
is_long || left_out "30 of 40 random cuts"
