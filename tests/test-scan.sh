#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# mkvdup scan, probe, and create without a source: discs are found and remembered, whatever some
# of them are like; and of each rip its disc answers, however it was remuxed.

. "${srcdir:=.}/lib.sh"
. "$srcdir/command.sh"

need jq perl mkvmerge genisoimage ffmpeg flock

set=$(media)
library=$XDG_DATA_HOME/mkvdup/discs

# disc_of MKV: the discs that answer for it, below the current folder, one a line.
disc_of ()
{
  mkvdup probe --json "$1" "${@:2}" | jq -r --arg top "$PWD/" \
    '.mkvs[0].discs[] | select(.kind == "needed") | .path | ltrimstr($top)' || true
}

# answers MKV DISC...
answers ()
{
  local got
  got=$(disc_of "$1" | sort | paste -sd ' ')
  [ "$got" = "${*:2}" ] || fail "$1: \"$got\" answers: $(mkvdup probe "$1" 2>&1)"
}

# settle: what was written just now may be written again unseen.
settle () { sleep 2.1; }

# ---- Not understood, and not known

usage "too few operands" scan
usage "no MKV is given" probe -- discs
usage "--discs=FILE or sources, not both" probe --discs=x a.mkv -- discs
refused "$library: no disc is known" probe "$set/mkvmerge.mkv"
refused "$library: no disc is known" create "$set/mkvmerge.mkv"
expect 1 env -u HOME -u XDG_DATA_HOME mkvdup probe "$set/mkvmerge.mkv"
says err "--discs: neither HOME nor XDG_DATA_HOME says where"
refused "nowhere: No such file or directory" scan nowhere
[ ! -e "$library" ] || fail "there is a library of nothing"

# ---- Discs of several kinds

mkdir -p discs/folder rips
cp "$set/disc.iso" discs/Film.iso
cp -r "$(media --seed 1 --size 4 --titles 2 --video-ts)/VIDEO_TS" discs/folder
chmod -R u+w discs
"${builddir:?}/media/make-stream" --bluray --size 3 made
mv made/disc discs/bluray
cp "$set/mkvmerge.mkv" discs # a rip among discs is none
head -c 100000 /dev/urandom >discs/noise
settle
expect 0 mkvdup scan discs
says out "$PWD/discs/Film.iso: new, 13.2 MB"
says out "$PWD/discs/bluray/BDMV: new"
says out "$PWD/discs/folder/VIDEO_TS: new"
says out "$library: 3 discs: 3 new, 0 changed, 0 unchanged, 0 scrambled, 0 failed; "
[ "$(wc -l <out)" -eq 4 ] || fail "not so many: $(cat out)"
[ "$(stat -c %s "$library")" -lt 3000 ] || fail "$library: $(stat -c %s "$library") bytes"
# All of them are known: nothing is read, and nothing written.
before=$(stat -c %i "$library")
expect 0 mkvdup scan --json discs
is '.summary | [.new, .changed, .unchanged, .bytes] | @csv' 0,0,3,0
[ "$(stat -c %i "$library")" = "$before" ] || fail "the library was written for nothing"
expect 0 mkvdup scan -q discs
silent out
silent err

# ---- Rips as remuxers make them

for rip in mkvmerge ffmpeg blockgroup trimmed; do
  answers "$set/$rip.mkv" discs/Film.iso
done
mkvmerge -q -o plain.mkv --disable-lacing "$set/mkvmerge.mkv"
for rewriting in strip=auto groups lace=xiph cues-front two-segments unknown-sizes drop-track=2; do
  "$srcdir/media/rewrite-mkv" $rewriting plain.mkv rips/a.mkv >/dev/null
  answers rips/a.mkv discs/Film.iso
done
mkvmerge -q -o rips/zlib.mkv --compression 0:zlib "$set/mkvmerge.mkv"
answers rips/zlib.mkv discs/Film.iso
mkvmerge -q -o rips/codec-state.mkv --engage use_codec_state_only "$set/title.mpg" || true
answers rips/codec-state.mkv discs/Film.iso
# Each frame of pictures begins without what all have in common, and so does a NAL unit.
answers made/title.mkv discs/bluray/BDMV
mkvmerge -q -o plain.mkv --disable-lacing made/title.mkv
"$srcdir/media/rewrite-mkv" strip=auto plain.mkv rips/stripped.mkv >/dev/null
answers rips/stripped.mkv discs/bluray/BDMV
mkvmerge -q -o rips/bluray.mkv made/title.mkv
answers rips/bluray.mkv discs/bluray/BDMV
mkvmerge -q -o rips/bluray-zlib.mkv --compression 0:zlib made/title.mkv
answers rips/bluray-zlib.mkv discs/bluray/BDMV

# Joined of two discs; of none.
titles=$(media --seed 1 --size 4 --titles 2 --video-ts)
mkvmerge -q -o rips/joined.mkv "$titles/mkvmerge-2.mkv" + "$set/mkvmerge.mkv" || true
answers rips/joined.mkv discs/Film.iso discs/folder/VIDEO_TS
answers "$set/other.mkv"
expect 1 mkvdup probe "$set/other.mkv" "$set/mkvmerge.mkv"
says out "other.mkv: of no disc that is known"
says out "mkvmerge.mkv: of 1 disc"
expect 0 mkvdup probe -q "$set/mkvmerge.mkv"
silent out
expect 1 mkvdup probe --json discs/noise "$set/mkvmerge.mkv"
is '.mkvs | map(.verdict) | @csv' '"failed","found"'
says err "discs/noise: is no Matroska file"

# Discs that are read for it; what lies beside them is none.
expect 0 mkvdup probe -q "$set/mkvmerge.mkv" made/title.mkv -- discs
[ "$(disc_of "$set/mkvmerge.mkv" -- discs/bluray)" = "" ] || fail "another disc answers"

# A file so large that not all of it is read, with cues and without.
"$builddir/media/make-stream" --size 90 --seed 2 large
mkvmerge -q -o rips/large.mkv large/title.mkv
mkvdup probe --json large/title.mkv rips/large.mkv -- large/disc >out
jq -e '.mkvs | all(.verdict == "found" and .explained_percent > 97 and .discs[0].asked > 48)' \
  out >/dev/null || fail "large: $(cat out)"
rm -r large rips/large.mkv

# ---- create finds them

cp "$set/mkvmerge.mkv" rips/Film.mkv
expect 0 mkvdup create rips/Film.mkv
says err "rips/Film.mkv: is of $PWD/discs/Film.iso"
mkvdup verify -q rips/Film.mkvdup rips/Film.mkv
expect 0 mkvdup create -q -o joined.mkvdup rips/joined.mkv
mkvdup verify -q joined.mkvdup rips/joined.mkv
mkvdup info --json joined.mkvdup | jq -e '.sources | length > 1' >/dev/null ||
  fail "not of both: $(mkvdup info joined.mkvdup)"
refused "other.mkv: is of none of the 3 discs that $library knows" create "$set/other.mkv"

# ---- What becomes of discs

cp "$library" early
echo >>discs/Film.iso
settle
expect 0 mkvdup scan discs
says out "$PWD/discs/Film.iso: changed, 13.2 MB"
says out "1 changed, 2 unchanged"
mv discs/Film.iso .
expect 0 mkvdup scan discs
says out "2 unchanged"
says out "1 of before not there any more"
refused "rips/Film.mkv: is of $PWD/discs/Film.iso, which is not there any more" \
  create rips/Film.mkv
expect 0 mkvdup probe rips/Film.mkv
says out "rips/Film.mkv: of 2 discs" # what the other one has, is there
says out "Film.iso (32 of 32 pictures; not there any more)"
# Forgotten only where it was, and only when told so.
expect 0 mkvdup scan --prune discs/folder
expect 0 mkvdup scan -q --prune discs
refused "only 16 % of it is on $PWD/discs/folder/VIDEO_TS, and no more" create rips/Film.mkv
# What is no disc any more is forgotten by itself.
mv Film.iso discs
expect 0 mkvdup scan -q discs
answers rips/Film.mkv discs/Film.iso
head -c 100000 /dev/urandom >discs/Film.iso
expect 0 mkvdup scan -q discs
answers rips/Film.mkv
# A library by another name.
expect 0 mkvdup probe --discs early --json rips/Film.mkv
is '.mkvs[0].verdict' found

# ---- Discs that are of no use

cp "$set/disc.iso" discs/Film.iso
cp discs/Film.iso discs/Scrambled.iso
"$srcdir/media/scramble" discs/Scrambled.iso
settle
for pass in new known; do
  expect 1 mkvdup scan discs
  says err "$PWD/discs/Scrambled.iso: is scrambled (CSS)"
  [ "$(grep -vc '^mkvdup: scan: ' err)" -eq 1 ] || fail "$pass: more than one line: $(cat err)"
  says out "1 scrambled, 0 failed; "
done
says out " 0 bytes in "
rm discs/Scrambled.iso
# One that cannot be read is named, and the others go on; it is tried again.  (What is preloaded
# comes before a sanitizer.)
cp "$set/disc.iso" discs/Bad.iso
if [ "${SAN:-none}" = none ]; then
  echo "$PWD/discs/Bad.iso 4000000 2048 EIO" >faults
  expect 1 env FAULTS="$PWD/faults" LD_PRELOAD="$builddir/.libs/faulty-source.so" \
    mkvdup scan discs
  says err "$PWD/discs/Bad.iso: read at"
  says err "Input/output error"
  says out "1 failed; "
fi
expect 0 mkvdup scan discs
says out "$PWD/discs/Bad.iso: new"
# What is somebody else's is not replaced.
echo "my discs" >mine
refused "mine: is no library of discs" scan --discs mine discs
[ "$(cat mine)" = "my discs" ] || fail "mine was replaced"
refused "mine: is no library of discs" probe --discs mine rips/Film.mkv

# A library by a link, which stays one.
cp "$library" real
ln -s real link
expect 0 mkvdup scan -q --discs link --prune discs
[ "$(readlink link)" = real ] || fail "the link is replaced"
# What is forgotten is counted, however often it is written on the way.
if [ "${SAN:-none}" = none ]; then
  mkdir pruned
  cp -r "$PWD/discs/folder" pruned/a
  expect 0 mkvdup scan -q --discs pruned.discs pruned
  mv pruned/a pruned/b
  cp "$set/disc.iso" pruned/c.iso
  expect 0 env LD_PRELOAD="$builddir/.libs/fast-clock.so" mkvdup scan --json --prune --discs pruned.discs pruned
  is .summary.forgotten 1
fi

# ---- Together, and interrupted

rm "$library"
"$builddir/media/make-discs" --discs 24 --rips 0 many
pids=()
for n in 0 1 2 3; do
  mkvdup scan -q "many/discs/s00$n" &
  pids+=($!)
done
for pid in "${pids[@]}"; do
  wait "$pid" || fail "one of several scans failed"
done
mkvdup probe --json "$set/other.mkv" >out || true
is .discs 24
# What was no disc when one scan looked may be one that another has added before the first
# writes: it stays, whether or not a disc had been known there.  What is none is forgotten.
mkdir late other
for name in again never; do
  cp many/discs/s000/d0000.vob late/$name.vob
done
settle
mkvdup scan -q --discs late.discs late
for name in again never new; do
  rm -f late/$name.vob
  head -c 100000 /dev/urandom >late/$name.vob
done
cp many/discs/s000/d0001.vob late/other.vob # so that there is something to be written
exec {lock}<.
flock "$lock"
mkvdup scan -q --discs late.discs late {lock}<&- &
pid=$!
wait_until "scan waits" waits_for_lock $pid
for name in again new; do
  cp many/discs/s000/d0000.vob late/$name.vob
done
cp late.discs other
mkvdup scan -q --discs other/late.discs late
mv other/late.discs .
exec {lock}<&-
wait $pid || fail "the scan that waited failed"
for name in again new other; do
  grep -qaF "$PWD/late/$name.vob" late.discs || fail "$name.vob is lost"
done
! grep -qaF "$PWD/late/never.vob" late.discs || fail "never.vob is a disc"
# What was read until then is kept, and not read again.
[ "${SAN:-none}" = none ] || exit 0
rm "$library"
m2ts=$(find "$PWD/discs/bluray" -name '*.m2ts')
echo "$m2ts 1100000 1 hang" >faults
env --default-signal=INT FAULTS="$PWD/faults" LD_PRELOAD="$builddir/.libs/faulty-source.so" \
  mkvdup scan discs many >out 2>err &
pid=$!
until [ -e faults.hangs ]; do
  kill -0 $pid || fail "it did not come to $m2ts: $(cat err)"
done
kill -INT $pid
rm faults
status=0
wait $pid || status=$?
[ $status -eq 1 ] || fail "interrupted: status $status: $(cat err)"
says err "interrupted: the same command goes on where this ended"
says out "interrupted; "
first=$(grep -c ": new, " out)
expect 0 mkvdup scan --json discs many
is .summary.unchanged "$first"
