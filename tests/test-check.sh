#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# mkvdup check: what is wrong with a library is found, all of it and nothing else.  And
# mkvdup verify --sources.

. "${srcdir:=.}/lib.sh"
. "$srcdir/command.sh"
. "$srcdir/library.sh"
. "$srcdir/check.sh"

need jq python3

group=$((512 * 1024))

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

# ---- All good

check 0 lib
bad
is .summary.bytes "$size"
is '.problems | length' 0
is '.summary | del(.seconds, .bytes) | tojson' '{"titles":7,"good":7,"bad":0,"skipped":0,"sources":{"good":0,"bad":0,"skipped":0},"problems":0,"gone":0,"interrupted":false}'
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
# Those that are away, or wrong, are told, and the others checked.
echo 'includes: 5' >wrong.yaml
check 1 wrong.yaml no-such-folder lib
is .summary.good 7
is '.problems | tojson' '["wrong.yaml:1: \"includes\" is not a list","no-such-folder: No such file or directory"]'
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

# What cannot be read of a disc is one fault, the rest is good.  No preloading into sanitizers'
# runtimes.
if [ "${SAN:-none}" = none ]; then
  place 2 discs/2/VTS_01_1.VOB 1000100
  from=$((at / group * group))
  mkdir only
  cp lib/t2.mkvdup only
  echo "$tmp/discs/2/VTS_01_1.VOB 1000000 448 EIO" >faults
  FAULTS=$tmp/faults UNDER_PRELOAD=$builddir/.libs/faulty-source.so check 1 only --source discs/2
  fault t2.mkv unreadable $from $((from + group)) "$there" "Input/output error"
  is '.summary | [.good, .bad] | tojson' '[0,1]'
  check 0 only --source discs/2
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
# Without titles nothing is proven, though a server would wait for some.
mkdir nothing
check 1 nothing
is '.problems | tojson' '["nothing: has no titles"]'
expect 1 mkvdup check -q lib nothing
says out "problem: nothing: has no titles"
says out "7 titles: 7 good, 0 bad, 0 skipped; 1 problem; "
echo 'includes: [nothing/*.yaml]' >nothing.yaml
check 1 nothing.yaml library.yaml
is '.problems | tojson' '["nothing.yaml: has no titles"]'
# But of what is named twice, each has some.
check 0 lib library.yaml lib/Again
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
