#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Rips that are legal and odd, or damaged: what is on the disc is found whatever the MKV
# makes of it, damage costs what is near it and no more, and every byte comes back.
# media/rewrite-mkv makes what mkvmerge and ffmpeg do not.
#
# Not here: what is no Matroska or of another disc, and files cut anywhere
# (test-create-odd.sh); rips as they usually are (test-create.sh).
#
# With MKVDUP_LONG each kind of damage strikes at more places, and what is odd is tried in
# more mixtures.
#
# A line for each case; the test goes on after one that fails, and fails at its end.

. "${srcdir:=.}/lib.sh"

need jq cmp python3 mkvmerge ffmpeg ffprobe

set=$(media)
disc=$set/disc.iso
second=$(media --seed 2 --size 4)
cases=0 failed=0

# merge OUT ARGUMENT...: mkvmerge; its status is 1 for a warning.
merge ()
{
  mkvmerge -q --deterministic 1 -o "$@" >merge.log 2>&1 || [ $? -eq 1 ] || fail "mkvmerge $*"
}

# remux ARGUMENT... OUT: ffmpeg, of the whole rip (and chapters.txt).
remux ()
{
  ffmpeg -v error -nostdin -y -fflags +bitexact -i whole.mkv -i chapters.txt -map 0 \
    -map_metadata 0 -map_chapters -1 -c copy -flags +bitexact -fflags +bitexact "$@" \
    2>ffmpeg.log || fail "ffmpeg $*: $(cat ffmpeg.log)"
}

# rewrite OPERATION...: base.mkv into odd.mkv; bytes of noise and of frames in it are
# $foreign and $payload.
rewrite ()
{
  "$srcdir/media/rewrite-mkv" "$@" base.mkv odd.mkv >rewritten || fail "rewrite-mkv $*"
  foreign=$(sed -n 's/^foreign //p' rewritten)
  payload=$(sed -n 's/^payload //p' rewritten)
}

# packets FILE: what a player gets, a line a track.
packets ()
{
  ffmpeg -v error -i "$1" -map 0:v -map 0:a -c copy -f streamhash -hash md5 - 2>/dev/null
}

# recipe FILE DISC...: make one and have the file back.  Sets $size, $made (of the recipe),
# $found; the report is in ./report.
recipe ()
{
  local file=$1
  shift
  size=$(stat -c %s "$file")
  rm -f odd.mkvdup* extracted
  problems=()
  if ! mkvdup create -q -f --json -o odd.mkvdup "$file" "$@" >report 2>err; then
    problems+=("create: $(cat err)")
    echo '{"tracks": []}' >report
  elif ! mkvdup extract -q -o extracted odd.mkvdup || ! cmp "$file" extracted; then
    problems+=("extract: another file")
  fi
  made=$(jq '.recipe_size // 0' <report)
  found=$(jq '[.tracks[].found] | add // 0' <report)
}

# verdict CASE LIMIT: the case's line; the recipe may have LIMIT bytes.
verdict ()
{
  local tracks
  [ "$made" -le "$2" ] || problems+=("recipe of $made > $2 bytes")
  tracks=$(jq -r '[.tracks[] | select(.bytes > 0) |
    "\(.number):\(.found / .bytes * 1000000 | round / 10000)"] | join (" ")' <report)
  cases=$((cases + 1))
  printf '%-4s %-34s found %% %-42s recipe %s %%%s\n' \
    "$([ ${#problems[@]} -eq 0 ] && echo ok || echo FAIL)" "$1" "$tracks" \
    "$(jq -n "$made / ($size + 1) * 1000000 | round / 10000")" \
    "$([ ${#problems[@]} -eq 0 ] || printf '; %s' "${problems[@]}")"
  [ ${#problems[@]} -eq 0 ] || failed=$((failed + 1))
}

# whole CASE FILE [FOREIGN [TRACKS [DISC...]]]: every track (or those of TRACKS, a jq list)
# is found, all but 0.05 %; FOREIGN bytes of the file are on no disc.
whole ()
{
  local case=$1 file=$2 foreign=${3:-0} tracks=${4:-[1, 2, 3]} enough
  shift $(($# < 4 ? $# : 4))
  recipe "$file" "${@:-$disc}"
  enough=$(jq "[.tracks[] | select(.number as \$n | $tracks | index(\$n))] |
    map(.found * 10000 >= .bytes * 9995 and .bytes > 0) | all and length == ($tracks | length)" \
    <report)
  [ "$enough" = true ] || problems+=("not found")
  verdict "$case" $((size * 15 / 10000 + foreign))
}

# odd OPERATION...: a legal rewriting; players get the same from it.
odd ()
{
  rewrite "$@"
  packets odd.mkv | cmp -s - packets || fail "$*: other packets"
  whole "$*" odd.mkv "$foreign"
}

# damaged LOSS OPERATION...: of the payload that is still there, at most LOSS bytes are
# not found, wherever it is found.
damaged ()
{
  local loss=$1 lost
  shift
  rewrite "$@"
  recipe odd.mkv "$disc"
  lost=$((payload - found))
  [ "$lost" -le "$loss" ] || problems+=("lost $lost > $loss bytes")
  verdict "$* (lost $lost)" $((size * 15 / 10000 + foreign + loss))
}

# pieces CASE FILE PERCENT: what is no Matroska, but made of the disc's bytes.
pieces ()
{
  recipe "$2" "$disc"
  [ $((found * 100)) -ge $((size * $3)) ] || problems+=("not found")
  verdict "$1" $((size * (100 - $3) / 100 + size / 100))
}

# All of the title, in blocks of one frame.  mkvmerge begins a cluster at each key frame:
# some 30 of 0.4 MB.
merge whole.mkv "$set/mkvmerge.mkv"
merge base.mkv --disable-lacing whole.mkv
packets base.mkv >packets
packets whole.mkv | cmp -s - packets || fail "mkvmerge changed the packets"
whole 'mkvmerge disable-lacing' base.mkv
# The largest block, and one of each track of sound.
largest=$(ffprobe -v error -show_entries packet=size -of csv=p=0 base.mkv | tr -d , | sort -n |
  tail -n 1)
sound=$((1792 + 768))

# ---- what is in a block

for kind in xiph ebml fixed; do
  odd lace=$kind
done
odd lace=xiph:2
odd lace=ebml:2
odd strip=auto
odd strip=2:3
odd groups
odd strip=auto lace=xiph groups
rewrite encrypted=40
whole encrypted=40 odd.mkv "$foreign"
rewrite drop-track=2
whole drop-track=2 odd.mkv 0 '[1, 3]'

# ---- what is around blocks

odd void=8
odd crc
odd sizes8
odd unknown-sizes
odd cues-front
odd two-segments
odd attachment=2
# The last cluster may have a single frame of sound, in which nothing was to be met again.
damaged 1792 shuffle
odd sizes8 void=4 crc cues-front groups unknown-sizes
# The gap that stripping leaves, again after every jump; the stripped bytes are gone.
rewrite strip=auto shuffle attachment=1 two-segments crc unknown-sizes
whole 'strip=auto shuffle attachment=1 …' odd.mkv "$foreign"

# ---- mkvmerge's options

merge odd.mkv --compression -1:zlib whole.mkv
whole 'mkvmerge zlib' odd.mkv
merge odd.mkv --compression -1:zlib --disable-lacing --engage no_simpleblocks whole.mkv
whole 'mkvmerge zlib, groups' odd.mkv
merge odd.mkv --engage use_codec_state_only whole.mkv
whole 'mkvmerge use_codec_state_only' odd.mkv
merge odd.mkv --cluster-length 100ms whole.mkv
whole 'mkvmerge clusters of 100 ms' odd.mkv
merge odd.mkv --cluster-length 7 whole.mkv
whole 'mkvmerge clusters of 7 blocks' odd.mkv
merge part.mkv --split size:4M whole.mkv
for part in part-00*.mkv; do
  whole "mkvmerge ${part%.mkv}" "$part"
done
merge odd.mkv part-003.mkv + part-001.mkv
whole 'mkvmerge 3 + 1' odd.mkv
merge odd.mkv whole.mkv + "$second/mkvmerge.mkv"
whole 'mkvmerge of two discs' odd.mkv 0 '[1, 2, 3]' "$disc" "$second/disc.iso"
[ "$(jq .sources_used <report)" -eq 2 ] || fail "not of two discs: $(cat report)"
merge odd.mkv part-001.mkv + "$second/mkvmerge.mkv" + part-002.mkv
whole 'mkvmerge disc, disc, disc' odd.mkv 0 '[1, 2, 3]' "$second/disc.iso" "$disc"

# ---- ffmpeg's

cat >chapters.txt <<'END'
;FFMETADATA1
title=A film
[CHAPTER]
TIMEBASE=1/1000
START=0
END=5000
title=One
[CHAPTER]
TIMEBASE=1/1000
START=5000
END=14000
title=Two
END
remux -f matroska - | cat >odd.mkv
whole 'ffmpeg to a pipe' odd.mkv
remux -live 1 odd.mkv
whole 'ffmpeg live' odd.mkv
remux -cues_to_front 1 odd.mkv
whole 'ffmpeg cues in front' odd.mkv
remux -reserve_index_space 50000 odd.mkv
whole 'ffmpeg room for cues' odd.mkv
remux -c:a:0 mp2 odd.mkv
new=$(ffprobe -v error -select_streams a:0 -show_entries packet=size -of csv=p=0 odd.mkv |
  tr -d , | awk '{ sum += $1 } END { print sum }')
whole 'ffmpeg one track coded anew' odd.mkv "$new" '[1, 3]'
remux -bsf:v "noise=drop=not(key)" odd.mkv
whole 'ffmpeg key frames alone' odd.mkv
ffmpeg -v error -f lavfi -i testsrc2=s=600x800 -frames:v 1 cover.jpg
remux -map_metadata 1 -map_chapters 1 -attach cover.jpg \
  -metadata:s:t mimetype=image/jpeg -metadata:s:t filename=cover.jpg odd.mkv
whole 'ffmpeg chapters, tags, cover' odd.mkv "$(stat -c %s cover.jpg)"

# ---- no Matroska, but made of the disc's bytes

remux -f mp4 odd.mp4
pieces mp4 odd.mp4 99
# Of 188 bytes, 184 are of the disc, in pieces that each have to be told apart.
remux -f mpegts odd.ts
pieces mpegts odd.ts 75

# ---- damaged
#
# What damage may cost, besides the bytes that it hit:
# - in a payload, the SEARCH_MIN_MATCH bytes on either side of it, that are too few to be
#   worth a match when there is another break, or the frame's end, beyond them: 32;
# - in a header, the block behind it, which is no block then, and a frame of each track of
#   sound: what of the cluster is behind that is searched as bytes of no track;
# - in front of the clusters, nothing.

near=$((largest + sound))
damaged $((50 * 33)) flip=50:payload
damaged $((50 * 33)) strip=auto lace=xiph:2 flip=50:payload
damaged $((20 * (100 + 32))) zero=20:100
for ((n = 1; n <= $(usually 1 3); n++)); do
  damaged 0 seed=$n flip=3:front
done
for ((n = 1; n <= $(usually 2 6); n++)); do
  damaged $near seed=$n flip=1:structure
done
# Most of them are in times and flags, which cost nothing.
damaged $((100 * 1000)) groups void=8 crc unknown-sizes flip=100:structure
for length in 1 100 70000; do
  damaged $near insert=1:$length
  damaged $((near + length)) zero=1:$length
done
damaged $((5 * (near + 1000))) insert=5:1000
damaged 32 lace=ebml:2 groups unknown-sizes cut=5000000
for missing in 10 5000000; do
  damaged $near head=$missing
done
damaged $((3 * near)) void=8 flip=1:structure insert=1:1000 head=3000000

if is_long; then
  odd strip=1
  odd strip=auto lace=ebml:2
  odd lace=fixed:2
  damaged $((100 * 1000)) flip=100:structure
  damaged $((5 * (near + 4096))) zero=5:4096
  damaged $near head=10000
else
  left_out "12 cases"
fi

echo "$cases cases, $failed failed"
[ "$failed" -eq 0 ]
