#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# mkvdup check: what is wrong with a library is found, all of it and nothing else; what was
# proven is not read again; and whatever ends it, the state is whole.

. "${srcdir:=.}/lib.sh"
. "$srcdir/command.sh"
. "$srcdir/library.sh"

need jq python3

group=$((512 * 1024))

# poke FILE OFFSET: change one byte, whatever it is.
poke ()
{
  python3 - "$1" "$2" <<'END'
import sys
with open(sys.argv[1], "r+b") as f:
    f.seek(int(sys.argv[2]))
    byte = f.read(1)[0]
    f.seek(int(sys.argv[2]))
    f.write(bytes([byte ^ 0xff]))
END
}

# place NUMBER DISC OFFSET: the first byte of the disc from there on that is in NUMBER.mkv,
# as $there, and which it is, as $at.  Content is noise: what stands around it is nowhere else.
place ()
{
  read -r there at < <(python3 - "$1.mkv" "$2" "$3" <<'END'
import sys
mkv = open(sys.argv[1], "rb").read()
disc = open(sys.argv[2], "rb").read()
at = int(sys.argv[3])
while mkv.count(disc[at - 8:at + 8]) != 1:
    at += 1
print(at, mkv.find(disc[at - 8:at + 8]) + 8)
END
  )
}

# Titles by result, in a line.
titles ()
{
  jq -r --arg result "$1" '[.titles[] | select(.result == $result) | .title] | sort | join(" ")' out
}

# check STATUS ARGUMENT...: in JSON.
check ()
{
  local status=$1
  shift
  expect "$status" mkvdup check --json "$@"
  jq -e '(.summary | .titles == .good + .bad + .skipped) and
    (.summary.titles == (.titles | length)) and
    (.summary.bytes | type == "number") and (.summary.seconds | type == "number") and
    ([.titles[] | select((.result == "bad") != (.faults | length > 0))] == []) and
    ([.titles[] | .title as $t | .faults[] | select(.title != $t)] == [])' out >/dev/null ||
    fail "the document does not agree with itself: $(cat out)"
}

# bad TITLE...: these are bad, all others good.
bad ()
{
  [ "$(titles bad)" = "$*" ] || fail "bad: $(titles bad), not $*: $(cat out)"
  is .summary.good $((n_titles - $#))
}

# fault TITLE KIND FROM END OFFSET CAUSE: its only fault is of these bytes of the image; the
# source's bytes have OFFSET in them, and are not many more than the image's.
fault ()
{
  jq -e --arg title "$1" --arg kind "$2" --argjson from "$3" --argjson to "$4" \
    --argjson at "$5" --arg cause "$6" '.titles[] | select(.title == $title) | .faults |
    length == 1 and (.[0] | .kind == $kind and .offset == $from and
    .offset + .length == $to and (.cause | contains($cause)) and
    (.sources | length == 1 and (.[0] | .offset <= $at and .offset + .length > $at and
     .length < 2 * ($to - $from))))' out >/dev/null ||
    fail "$1: no such fault: $*: $(jq --arg title "$1" '.titles[] | select(.title == $title)' out)"
}

# ---- A library: seven titles of six discs, of which one is a Blu-ray

for i in 1 2 3 4 5; do
  make_title "$i" "lib/t$i.mkvdup"
done
"$builddir/media/make-stream" --seed 6 --size 3 --bluray made
mkdir -p discs/6
mv made/disc/* discs/6
mv made/title.mkv 6.mkv
mkvdup create -q 6.mkv discs/6 -o lib/t6.mkvdup
mkdir lib/Again
cp lib/t1.mkvdup lib/Again/t7.mkvdup
for recipe in lib/t?.mkvdup lib/Again/t7.mkvdup; do
  number=${recipe//[^1-6]/}
  printf 'name: %s\ndedup_file: %s\nsource_dir: %s\n' "$(basename "$recipe" .mkvdup).mkv" \
    "$(basename "$recipe")" "$tmp/discs/${number:-1}" >"$recipe.yaml"
done
n_titles=7
m2ts=$(find discs/6 -name '*.m2ts')
size=$(($(cat [1-6].mkv 1.mkv | wc -c)))
sleep 2.1 # until their times are old enough to be told by

# ---- All good

check 0 lib
bad
is .summary.bytes "$size"
is '.problems | length' 0
is '.summary | del(.seconds, .bytes) | tojson' '{"titles":7,"good":7,"bad":0,"skipped":0,"sources":{"good":0,"bad":0,"skipped":0},"problems":0,"interrupted":false}'
expect 0 mkvdup check lib
says out "7 titles: 7 good, 0 bad, 0 skipped; "
[ "$(wc -l <out)" -eq 1 ] || fail "more than the sum: $(cat out)"
expect 0 mkvdup check -q -t 3 --sources lib
silent out
silent err
# Each disc is hashed once, though one is that of two titles.
check 0 --sources lib
is .summary.sources.good 6
is .summary.bytes $((size + $(find discs -type f -size +1M -print0 | xargs -0 cat | wc -c)))
# A YAML file, as the plugin takes it; and sources that have to be found.
cat >library.yaml <<END
includes: [lib/t*.yaml, lib/Again/*.yaml]
END
check 0 library.yaml
bad
mv discs moved
check 1 lib
bad Again/t7.mkv t1.mkv t2.mkv t3.mkv t4.mkv t5.mkv t6.mkv
check 0 lib --source moved --source-index index
bad
grep -q moved index || fail "what was found is not remembered"
mv moved discs

# ---- One byte: the right title, group and source

cp -r discs right
place 2 right/2/VTS_01_1.VOB 1500000
for threads in 1 3; do
  poke discs/2/VTS_01_1.VOB "$there"
  check 1 lib -t $threads
  bad t2.mkv
  from=$((at / group * group))
  fault t2.mkv differs $from $((from + group)) "$there" "other bytes"
  is '.titles[] | select(.result == "bad") | .faults[0].sources[0].path' \
    "$tmp/discs/2/VTS_01_1.VOB"
  poke discs/2/VTS_01_1.VOB "$there"
done
# Of two titles that share the disc both; a Blu-ray's packets; neighbours are one fault, others
# are not.
place 3 right/3/VTS_01_1.VOB 300000
poke discs/3/VTS_01_1.VOB "$there"
third=($((at / group)))
place 3 right/3/VTS_01_1.VOB 900000
poke discs/3/VTS_01_1.VOB "$there"
third+=($((at / group)))
place 3 right/3/VTS_01_1.VOB 2700000
poke discs/3/VTS_01_1.VOB "$there"
third+=($((at / group)))
[ "${third[*]}" = "0 1 5" ] || fail "other groups: ${third[*]}"
place 6 "right/${m2ts#discs/}" $(($(stat -c %s "$m2ts") / 2))
poke "$m2ts" "$there"
at6=$at there6=$there
place 1 right/1/VTS_01_1.VOB 700000
poke discs/1/VTS_01_1.VOB "$there"
check 1 lib
bad Again/t7.mkv t1.mkv t3.mkv t6.mkv
from=$((at / group * group))
fault t1.mkv differs $from $((from + group)) "$there" "other bytes"
fault Again/t7.mkv differs $from $((from + group)) "$there" "other bytes"
from=$((at6 / group * group))
fault t6.mkv differs $from $((from + group)) "$there6" "other bytes"
is '[.titles[] | select(.title == "t3.mkv") | .faults[] | [.offset, .length]] | tojson' \
  "[[0,$((2 * group))],[$((5 * group)),$group]]"
expect 1 mkvdup check lib -q
says out "t1.mkv: bad"
says out "  differs: bytes "
says out "7 titles: 3 good, 4 bad, 0 skipped; "
rm -r discs
cp -r right discs

# ---- Sources that are not as they were, and a recipe

truncate -s -1 discs/1/VTS_01_1.VOB
rm discs/2/VTS_01_1.VOB
rm discs/3/VTS_01_1.VOB
ln -s VTS_01_1.VOB discs/3/VTS_01_1.VOB # to itself: cannot be opened
head -c "$(stat -c %s right/4/VTS_01_1.VOB)" /dev/urandom >discs/4/VTS_01_1.VOB
cp lib/t5.mkvdup good.mkvdup
poke lib/t5.mkvdup $(($(stat -c %s lib/t5.mkvdup) / 2))
check 1 lib
bad Again/t7.mkv t1.mkv t2.mkv t3.mkv t4.mkv t5.mkv
fault t1.mkv differs 0 "$(stat -c %s 1.mkv)" 700000 "bytes long and not"
fault t2.mkv "missing source" 0 "$(stat -c %s 2.mkv)" 700000 "No such file"
fault t3.mkv unreadable 0 "$(stat -c %s 3.mkv)" 700000 "symbolic links"
fault t4.mkv differs 0 "$(stat -c %s 4.mkv)" 700000 "other content"
is '.titles[] | select(.title == "t5.mkv") | .faults[0].kind' "recipe damaged"
is '.titles[] | select(.title == "t5.mkv") | .faults[0].length' "$(stat -c %s 5.mkv)"
cp good.mkvdup lib/t5.mkvdup
rm -r discs
cp -r right discs

# What cannot be read of a disc is one fault, the rest is good.
if can_mount && command -v nbdkit >/dev/null; then
  export DISC=$tmp/right/2/VTS_01_1.VOB
  start_nbdkit "$tmp/sock" eval get_size='stat -c %s "$DISC"' thread_model='echo serialize_requests' \
    pread='if [ $4 -lt 1000448 ] && [ $(($4 + $3)) -gt 1000000 ]; then
        echo EIO Input/output error >&2; exit 1; fi
      dd if="$DISC" iflag=skip_bytes,count_bytes skip=$4 count=$3 status=none'
  mount_export "" broken
  place 2 right/2/VTS_01_1.VOB 1000100
  from=$((at / group * group))
  mkdir only
  cp lib/t2.mkvdup only
  check 1 only --source broken/disk
  fault t2.mkv unreadable $from $((from + group)) "$there" "Input/output error"
  unmount_export broken
  stop_nbdkit "$tmp/sock"
else
  echo "nothing can be mounted here: no read errors"
fi

# ---- The library's own problems

cp -r lib odd
printf 'name: [\n' >odd/broken.yaml
printf 'name: t1.mkv\ndedup_file: t2.mkvdup\nsource_dir: %s\n' "$tmp/discs/2" >odd/zz.yaml
echo "no recipe" >odd/none.mkvdup
check 1 odd
bad
is '.problems | length' 3
is '.problems | map(select(contains("already the name"))) | length' 1
expect 1 mkvdup check -q odd
says out "problem: odd/broken.yaml"
says out "3 problems"
check 1 no-such-folder
is '.problems[0] | contains("no-such-folder: No such file")' true
usage "too few operands" check
usage "--max-age=DAYS needs --state" check --max-age 3 lib
usage "not a number from 1 to 36500" check --state x --max-age 0 lib

# ---- Whole sources: what no title uses.  Each pack of 2048 bytes begins with a time.

unused=$((2048 * 600 + 5))
poke discs/3/VTS_01_1.VOB $unused
poke discs/1/VTS_01_1.VOB $unused
check 0 lib
bad
check 1 --sources lib
bad
is '.summary.sources | tojson' '{"good":4,"bad":2,"skipped":0}'
is '[.sources[] | select(.result == "bad") | .path] | tojson' \
  "[\"$tmp/discs/1/VTS_01_1.VOB\",\"$tmp/discs/3/VTS_01_1.VOB\"]"
expect 1 mkvdup check -q --sources lib
says out "bad source: $tmp/discs/3/VTS_01_1.VOB: has other bytes than it had"
# verify says so, too, and of which.
expect 0 mkvdup verify lib/t3.mkvdup 3.mkv
refused "discs/3/VTS_01_1.VOB: has other bytes" verify --sources -q lib/t3.mkvdup 3.mkv
expect 1 mkvdup verify --sources -j lib/t3.mkvdup
is '.sources | length' 1
is '.sources[0].good' false
is .good false
expect 0 mkvdup verify --sources lib/t2.mkvdup
says out ", and 1 source of "
expect 0 mkvdup verify --sources -j lib/t2.mkvdup
is '.sources[0].path' "$tmp/discs/2/VTS_01_1.VOB"
is '.sources[0].good' true
# Of two wrong ones both are named, the first as the error.
"$builddir/media/make-stream" --seed 8 --size 2 a
"$builddir/media/make-stream" --seed 9 --size 2 b
mkdir both
mv a/disc/VTS_01_1.VOB both/a.vob
mv b/disc/VTS_01_1.VOB both/b.vob
cat a/title.mkv b/title.mkv >8.mkv
mkvdup create -q 8.mkv both -o two.mkvdup
expect 0 mkvdup verify --sources two.mkvdup
says out ", and 2 sources of "
poke both/a.vob $((2048 * 300 + 5))
poke both/b.vob $((2048 * 300 + 5))
expect 1 mkvdup verify --sources -q two.mkvdup
[ "$(sed 's/: has other.*//; s/.*\///' err | paste -sd ' ')" = "a.vob b.vob" ] ||
  fail "not both: $(cat err)"
expect 1 mkvdup verify --sources -j two.mkvdup
is '.error | contains("a.vob")' true
is '[.sources[].good] | tojson' '[false,false]'
rm -r discs
cp -r right discs
sleep 2.1

# ---- State: a round that is done begins anew; --max-age; what has changed

check 0 lib --state state
is .summary.good 7
check 0 lib --state state
is .summary.good 7
check 0 lib --state state --max-age 7
is .summary.skipped 7
is .summary.bytes 0
expect 0 mkvdup check lib --state state --max-age 7
says out "7 titles: 0 good, 0 bad, 7 skipped; 0 bytes"
"$builddir/age-state" state $((6 * 86400))
"$builddir/age-state" state $((2 * 86400)) t4.mkv
"$builddir/age-state" state $((3 * 86400)) t2.mkv
"$builddir/age-state" state 100 t5.mkv
check 0 lib --state state --max-age 7
[ "$(titles good)" = "t2.mkv t4.mkv" ] || fail "too old are: $(titles good)"
is '[.titles[:3][].title] | join(" ")' "t2.mkv t4.mkv t5.mkv"
# From a day that is yet to come: not believed.
"$builddir/age-state" state $((-30 * 86400)) t1.mkv
check 0 lib --state state --max-age 7
[ "$(titles good)" = t1.mkv ] || fail "from the future: $(titles good)"
# A byte, with the time set back; a recipe that is another; a name that is gone.
place 3 right/3/VTS_01_1.VOB 300000
poke discs/3/VTS_01_1.VOB "$there"
touch -r right/3/VTS_01_1.VOB discs/3/VTS_01_1.VOB
cp lib/t5.mkvdup new
mv new lib/t5.mkvdup
check 1 lib --state state --max-age 7
[ "$(titles bad) $(titles good)" = "t3.mkv t5.mkv" ] || fail "changed: $(titles bad) $(titles good)"
# What was bad is read again, and bad until it is mended.
check 1 lib --state state --max-age 7
[ "$(titles bad)" = t3.mkv ] || fail "forgotten: $(titles bad)"
poke discs/3/VTS_01_1.VOB "$there"
check 0 lib --state state --max-age 7
is .summary.bad 0
mv lib/Again gone
check 0 lib --state state --max-age 7
! grep -q Again state || fail "what is gone is remembered"
# But not where it could not be looked for.
check 1 no-such-folder --state state --max-age 7
grep -q ' t1.mkv$' state || fail "a folder that was away is forgotten"
mv gone lib/Again
# Sources are remembered, too.
check 0 lib --state state --sources --max-age 7
is .summary.sources.good 6
check 0 lib --state state --sources --max-age 7
# That disc was written to a moment ago, the first time.
is '.summary.sources | tojson' '{"good":0,"bad":0,"skipped":6}'

# ---- A state that is none

poke state 40
cp state damaged
refused "state: is damaged" check lib --state state -q
cmp state damaged
echo 'something else' >other
refused "other: is no state of mkvdup check" check lib --state other -q
[ "$(cat other)" = "something else" ] || fail "another's file was replaced"
expect 1 mkvdup check lib --state no-such-folder/state
says err "no-such-folder/state"
says err "not remembered"
says out "7 titles: 7 good"

# ---- Killed and interrupted: many titles, for the time it takes

mkdir many
for i in {10..49}; do
  cp lib/t1.mkvdup "many/$i.mkvdup"
done
sleep 2.1
many=(many --source discs/1 --state st -t 1)

# good: how many titles the open round has proven.
good ()
{
  [ ! -e st ] || ! grep -q '^round [0-9]* open$' st ||
    grep -c "^title good $(sed -n 's/^round \([0-9]*\) .*/\1/p' st) " st
}

# begin: check in the background, and wait until a title is done.
begin ()
{
  "$@" mkvdup check "${many[@]}" >out 2>err &
  pid=$!
  until [ -e st ]; do
    kill -0 $pid 2>/dev/null || break
    sleep 0.01
  done
}

# go_on: what was proven is skipped, and all the rest is read.
go_on ()
{
  local done
  done=$(good)
  check 0 "${many[@]}"
  is '.summary | [.skipped, .good] | tojson' "[${done:-0},$((40 - ${done:-0}))]"
  grep -q '^round [0-9]* done$' st || fail "the round is not done"
}

n_killed=0
for i in $(seq "$(usually 6 40)"); do
  rm -f st
  begin exec
  sleep "0.0$((RANDOM % 10))$((RANDOM % 10))"
  kill -KILL $pid 2>/dev/null || true
  wait $pid || n_killed=$((n_killed + 1))
  if grep -q 'done$' st; then
    continue # it was faster
  fi
  go_on
done
[ $n_killed -gt 0 ] || fail "none was killed"
is_long || left_out "more instants to be killed at"
# Again and again, within one round.
rm -f st
before=0
for i in 1 2 3 4; do
  mkvdup check "${many[@]}" >out 2>err &
  pid=$!
  sleep "0.1$((RANDOM % 10))"
  kill -KILL $pid 2>/dev/null || true
  wait $pid || true
  [ -e st ] || continue
  ! grep -q 'done$' st || break
  [ "$(good)" -ge $before ] || fail "proofs are lost: $(good) after $before"
  before=$(good)
done
! grep -q 'open$' st || go_on

for signal in INT TERM; do
  for try in {1..20}; do
    rm -f st
    begin env --default-signal=$signal
    kill -s $signal $pid 2>/dev/null || true
    status=0
    wait $pid || status=$?
    [ $status -eq 0 ] || break
  done
  [ $status -eq 1 ] || fail "SIG$signal: exit status $status"
  says err "mkvdup: interrupted: the same command goes on where this ended"
  says out "interrupted; "
  [ "$(good)" -gt 0 ] || fail "nothing is remembered"
  go_on
done
! compgen -G '.st.*.tmp' >/dev/null || [ $n_killed -gt 0 ] || fail "temporary files are left"
