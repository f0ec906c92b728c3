#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# mkvdup batch: every disc is read once; what fails stops nothing; it goes on where it was;
# kept indexes; and originals, which go only when they may.

. "${srcdir:=.}/lib.sh"
. "$srcdir/command.sh"

need jq

# film NUMBER: noise of that seed as films/NUMBER.mkv and discs/NUMBER; an MKV of two thirds
# of it beside it.
film ()
{
  "${builddir:?}/media/make-stream" --seed "$1" --size 2 "made-$1"
  mkdir -p discs films/parts
  mv "made-$1/disc" "discs/$1"
  mv "made-$1/title.mkv" "films/$1.mkv"
  head -c 1200000 "films/$1.mkv" >"films/parts/$1.mkv"
  touch -d '2001-02-03 04:05:06.789' "films/$1.mkv" "films/parts/$1.mkv"
}

for n in 1 2 3; do
  film $n
done
one=$PWD/discs/1 three=$PWD/discs/3
cat >list.yaml <<END
source_dir: discs/1
files:
  - mkv: films/1.mkv
    output: recipes/one.mkvdup
    name: Films/The first
  - mkv: films/2.mkv
    output: recipes/two.mkvdup
    source_dir: $PWD/discs/2
  - { mkv: films/parts/1.mkv, output: recipes/part.mkvdup, priority: 7 }
END

# results: of the last batch in JSON, in its order.
results ()
{
  jq -r '[.files[] | "\(.mkv | split("/") | .[-1]) \(.result)"] | join(", ")' out
}


batch ()
{
  local status=$1
  shift
  expect "$status" mkvdup batch --json "$@"
  is '.summary | .files == .made + .there + .failed + .waits' true
}

# ---- A manifest: grouped by disc, and the first by its priority

batch 0 list.yaml
[ "$(results)" = "1.mkv made, 1.mkv made, 2.mkv made" ] || fail "$(results)"
is ".files[0].recipe" recipes/part.mkvdup
for recipe in one two part; do
  expect 0 mkvdup verify -q recipes/$recipe.mkvdup
done
cmp <(mkvdup extract -q -o - recipes/part.mkvdup) films/parts/1.mkv
cmp <(mkvdup extract -q -o - recipes/one.mkvdup) films/1.mkv
grep -q '^name: "\?Films/The first.mkv"\?$' recipes/one.mkvdup.yaml || fail "$(cat recipes/one.mkvdup.yaml)"
# They are what create makes.
mkvdup create -q films/parts/1.mkv discs/1 -o other.mkvdup
cmp other.mkvdup recipes/part.mkvdup
cp -r recipes before

# ---- Again: nothing is made; what is missing, damaged or of another MKV is

batch 0 list.yaml
[ "$(results)" = "1.mkv there, 1.mkv there, 2.mkv there" ] || fail "$(results)"
# Damage that opening a recipe does not show.
printf XXXXXXXX | dd of=recipes/one.mkvdup bs=1 seek=$(($(stat -c %s recipes/one.mkvdup) / 2)) \
  conv=notrunc status=none
expect 0 mkvdup info recipes/one.mkvdup
batch 0 list.yaml
[ "$(results)" = "1.mkv there, 1.mkv made, 2.mkv there" ] || fail "$(results)"
cmp before/one.mkvdup recipes/one.mkvdup
rm recipes/one.mkvdup
truncate -s -1 recipes/two.mkvdup
touch films/parts/1.mkv
batch 1 list.yaml
[ "$(results)" = "1.mkv made, 1.mkv made, 2.mkv failed" ] || fail "$(results)"
says err "recipes/two.mkvdup: exists and is no recipe of this program: not replaced without --force"
batch 0 --force --jobs 3 list.yaml
[ "$(results)" = "1.mkv made, 1.mkv made, 2.mkv made" ] || fail "$(results)"
for recipe in one two; do
  cmp before/$recipe.mkvdup recipes/$recipe.mkvdup
done

# ---- A disc is read once to be indexed, however many rips it has: it is opened by each again
# to verify only

# opened ARGUMENT...: how often the first disc was.
opened ()
{
  strace -f -qq -e trace=openat,openat2 -o trace mkvdup batch -q --force "$@"
  grep -c 'discs/1\|VTS_01_1' trace
}
if can_trace "how often a disc is opened"; then
  by_one=$(opened films/1.mkv -s discs/1 -o once)
  head -c 1000000 films/1.mkv >films/x.mkv
  head -c 900000 films/1.mkv >films/y.mkv
  by_three=$(opened films/1.mkv films/x.mkv films/y.mkv -s discs/1 -o once)
  [ $((by_three - by_one)) -le "$by_one" ] || fail "opened $by_one, $by_three times"
  echo "opened for one rip: $by_one times, for three: $by_three"
  rm films/[xy].mkv
fi

# ---- What fails stops no other, and is told at the end

cat >bad.yaml <<END
files:
  - { mkv: films/none.mkv, output: bad/none.mkvdup, source_dir: discs/1 }
  - { mkv: films/1.mkv, output: bad/1.mkvdup, source_dir: discs/none }
  - { mkv: discs, output: bad/list.mkvdup, source_dir: discs/1 }
  - { mkv: films/3.mkv, output: bad/3.mkvdup, source_dir: $three }
END
for jobs in 1 4; do
  rm -rf bad
  expect 1 mkvdup batch -J $jobs bad.yaml
  says err "films/none.mkv: No such file"
  says err "discs/none: No such file"
  says err "discs: not a regular file"
  says out "bad/3.mkvdup: "
  says out "4 MKVs: 1 made, 0 there already, 3 failed"
  says out "failed: films/none.mkv"
  [ "$(ls bad)" = "$(printf '3.mkvdup\n3.mkvdup.yaml')" ] || fail "$(ls bad)"
done

# ---- Folders, and MKVs by themselves

batch 0 films --source discs/1 --source discs/2 --source discs/3 -o all --order smallest
[ "$(results)" = "1.mkv made, 2.mkv made, 3.mkv made, 2.mkv made, 3.mkv made, 1.mkv made" ] ||
  [ "$(jq '[.files[:3][].recipe] | all(test("/parts/"))' out)" = true ] || fail "$(results)"
[ "$(cd all && find . -name '*.mkvdup' | sort | paste -sd ' ')" = \
  "./1.mkvdup ./2.mkvdup ./3.mkvdup ./parts/1.mkvdup ./parts/2.mkvdup ./parts/3.mkvdup" ] ||
  fail "$(find all)"
cmp <(mkvdup extract -q -o - all/parts/2.mkvdup) films/parts/2.mkv
expect 0 mkvdup batch -q films/3.mkv films/2.mkv -s discs/2 -s discs/3
[ -s films/3.mkvdup ] && [ -s films/2.mkvdup ] || fail "not beside their MKVs"
rm films/*.mkvdup*
refused "would be the recipe of both" batch films/1.mkv films/parts/1.mkv -o x -s discs/1
refused "discs: has no MKVs, and there are no recipes in discs" batch discs
refused "discs: has no MKVs, and there are no recipes in new" batch discs -o new
refused "none: No such file" batch none

# ---- Manifests that are wrong

# wrong MESSAGE YAML
wrong ()
{
  printf "$2" >wrong.yaml
  refused "$1" batch wrong.yaml
}
wrong 'wrong.yaml:1: "sources" is no key of a manifest' 'sources: x\n'
wrong '"files" is missing' 'source_dir: x\n'
wrong '"files" is missing' 'files: []\n'
wrong 'wrong.yaml:1: a file that is not a mapping' 'files: [x]\n'
wrong 'wrong.yaml:2: "mkv" is missing' 'files:\n  - output: x\n'
wrong 'wrong.yaml:2: "output" is given twice' 'files:\n  - { mkv: x, output: y, output: z }\n'
wrong 'wrong.yaml:2: "priority" is not a whole number' 'files:\n  - { mkv: x, priority: high }\n'
wrong 'wrong.yaml:2: ' 'files:\n  - { mkv: x, name: ../x }\n'
usage '--order: "random" is none of' batch list.yaml --order random
usage '--jobs: "0"' batch list.yaml --jobs 0

# ---- Kept indexes: a disc that is known is not read to be indexed

kept=$XDG_CACHE_HOME/mkvdup/indexes
[ ! -e "$kept" ] || fail "kept without being asked"
sleep 2.1
expect 0 mkvdup create -q --keep-index films/1.mkv discs/1 -o kept1.mkvdup
[ "$(find "$kept" -type f | wc -l)" -eq 1 ] || fail "not kept"
touch -d 2020-01-01 "$kept"/*
expect 0 mkvdup create -j --keep-index films/parts/1.mkv discs/1 -o kept2.mkvdup
cmp kept2.mkvdup recipes/part.mkvdup
[ "$(stat -c %y "$kept"/* | cut -c 1-4)" = 2020 ] || fail "made again"
expect 0 mkvdup batch -q --force --keep-index list.yaml
cmp before/one.mkvdup recipes/one.mkvdup
[ "$(find "$kept" -type f | wc -l)" -eq 2 ] || fail "not kept by batch"
# One that is damaged, or of what the disc was, is made again.
for file in "$kept"/*; do
  printf x | dd of="$file" bs=1 seek=300 conv=notrunc status=none
done
expect 0 mkvdup create -q --keep-index --name 'The first.mkv' films/1.mkv discs/1 -o kept1.mkvdup
cmp before/one.mkvdup kept1.mkvdup
touch discs/1/*
expect 0 mkvdup create -q --keep-index --name 'The first.mkv' films/1.mkv discs/1 -o kept1.mkvdup
cmp before/one.mkvdup kept1.mkvdup
[ "$(find "$kept" -newer discs/1/VTS_01_1.VOB | wc -l)" -eq 0 ] || fail "kept, of what was just changed"
sleep 2.1
rm -r "$kept"
expect 0 mkvdup index-source --json --keep-index discs/2
is .was_kept false
is '.sources | length' 1
is '[.sources[0].streams[] | select(.bytes > 50000 and .anchors > 10)] | length' 3
cp out first
expect 0 mkvdup index-source --json --keep-index discs/2
is .was_kept true
[ "$(jq -c .sources out)" = "$(jq -c .sources first)" ] || fail "a kept index is another: $(cat out)"
expect 0 mkvdup index-source discs/2
says out "discs/2/VTS_01_1.VOB: "
[ "$(grep -c '^  stream 0x' out)" -eq 3 ] || fail "$(cat out)"
refused "none: No such file" index-source none
rm -r "$kept"
echo no folder >"$kept"
expect 0 mkvdup create --keep-index films/1.mkv discs/1 -o kept1.mkvdup
says err "warning: the index is not kept: "

# ---- A recipe may be all that is left of an MKV: no other takes its place unasked

mkdir -p only/rips
cp films/1.mkv only/film.mkv
expect 0 mkvdup create -q --delete-original -y only/film.mkv discs/1
cp -p only/film.mkvdup only/kept
# Another film, of another length, and of the same one.
cp films/2.mkv only/film.mkv
refused "only/film.mkvdup: exists and is the recipe of another MKV" create -q only/film.mkv discs/2
refused "is the recipe of another MKV" create -q --keep-index only/film.mkv discs/2
head -c "$(stat -c %s films/1.mkv)" <(cat films/2.mkv films/3.mkv) >only/film.mkv
refused "only/film.mkvdup: exists and is not the recipe of this MKV" create -q only/film.mkv discs/2 discs/3
batch 1 -s discs/2 -s discs/3 only/film.mkv
cmp only/film.mkvdup only/kept
rm only/film.mkv
# A sidecar that is another file, or missing.
echo 'includes: []' >only/mine.yaml
refused "only/mine.yaml: exists and is not the sidecar" create -q films/1.mkv discs/1 -o only/mine
[ "$(cat only/mine.yaml)" = 'includes: []' ] && [ ! -e only/mine ] || fail "something was replaced"
rm recipes/two.mkvdup.yaml
batch 0 list.yaml
[ "$(results)" = "1.mkv there, 1.mkv there, 2.mkv made" ] || fail "$(results)"
[ -s recipes/two.mkvdup.yaml ] || fail "no sidecar"

# ---- Nor does a batch write over what it has made, its MKVs or its discs, whatever --force says

# two OUTPUT OUTPUT: a manifest of the films 2 and 3.
two ()
{
  cat <<END
files:
  - { mkv: twice/2.mkv, output: "$1", source_dir: discs/2 }
  - { mkv: twice/3.mkv, output: "$2", source_dir: discs/3 }
END
}
deleting=(batch --force --delete-original -y)
mkdir twice
cp films/2.mkv films/3.mkv twice
# One name, in two manifests; through a link; a sidecar's.
ln -s recipes same
for pair in "one-out/x.mkvdup ./one-out//x.mkvdup" "recipes/x.mkvdup same/x.mkvdup" \
  "recipes/new/x.mkvdup same/new/x.mkvdup" "$PWD/recipes/x.mkvdup recipes/x.mkvdup"; do
  # shellcheck disable=SC2086
  two $pair >twice.yaml
  refused "would be the recipe of both" "${deleting[@]}" twice.yaml
  sed 3d twice.yaml >twice1.yaml
  sed 2d twice.yaml >twice2.yaml
  refused "would be the recipe of both" "${deleting[@]}" twice1.yaml ./twice2.yaml
done
# What a server would have under one name.
two recipes/x.mkvdup same/y.mkvdup | sed 's/, output/, name: Films\/A, output/' >twice.yaml
refused "twice/2.mkv and twice/3.mkv: would be served under one name" "${deleting[@]}" twice.yaml
two one-out/x.mkvdup recipes/y.mkvdup | sed 's/, output/, name: Films\/A, output/' >twice.yaml
refused "twice/2.mkv and twice/3.mkv: would be served under one name" "${deleting[@]}" twice.yaml
two recipes/x recipes/x.yaml >twice.yaml
refused "would be the recipe or sidecar of both" "${deleting[@]}" twice.yaml
# An MKV of the batch, by that or another name, or as a sidecar.
ln twice/3.mkv twice/hard
cp twice/3.mkv twice/x.yaml
for output in twice/3.mkv twice/hard; do
  two $output recipes/x.mkvdup >twice.yaml
  refused "$output: is an MKV of this batch" "${deleting[@]}" twice.yaml
done
two twice/x recipes/x.mkvdup | sed 's:twice/3.mkv:twice/x.yaml:' >twice.yaml
refused "twice/x.yaml: is an MKV of this batch" "${deleting[@]}" twice.yaml
[ ! -e recipes/x.mkvdup ] && [ ! -e one-out ] || fail "something was made"
# What is seen to be one only when the folder has been made; and the disc of another.
mkdir fresh-out
two fresh/../fresh-out/x.mkvdup fresh-out/x.mkvdup >twice.yaml
expect 1 mkvdup "${deleting[@]}" twice.yaml
says err "fresh-out/x.mkvdup: is an MKV or of a disc of this batch, or was just made by it: not replaced"
[ ! -e twice/2.mkv ] && [ -e twice/3.mkv ] || fail "both are gone, or none: $(ls twice)"
cmp <(mkvdup extract -q -o - fresh-out/x.mkvdup) films/2.mkv
cp films/2.mkv twice
two recipes/y.mkvdup fresh2/../twice/2.mkv >twice.yaml
expect 1 mkvdup batch --force twice.yaml
cmp twice/2.mkv films/2.mkv
cp -r discs discs.before
two discs/3/VTS_01_1.VOB recipes/z.mkvdup >twice.yaml
expect 1 mkvdup batch --force twice.yaml
diff -r discs discs.before || fail "a disc was written over"
rm -r discs.before
# What is its own source is not deleted: a program stream that is called an MKV.
mkdir own
cp discs/3/VTS_01_1.VOB own/A.mkv
batch 1 own -s own --delete-original -y
[ -e own/A.mkv ] || fail "its own source was deleted"

# ---- Originals

refused "nobody is there to answer: give --yes" create --delete-original films/1.mkv discs/1
usage "nobody is there to answer: give --yes" batch --delete-original films -s "$one"
ln -s 1.mkv films/link.mkv
refused "films/link.mkv: is no regular file: not to be deleted" \
  create --delete-original -y films/link.mkv discs/1
rm films/link.mkv
[ ! -e films/1.mkvdup ] || fail "made all the same"
sum=$(sha256 films/1.mkv)
expect 0 mkvdup create --delete-original --yes films/1.mkv discs/1
says err "films/1.mkv: deleted"
[ ! -e films/1.mkv ] || fail "not deleted"
[ "$(mkvdup extract -q -o - films/1.mkvdup | sha256sum | cut -d ' ' -f 1)" = "$sum" ] || fail "lost"
# What failed is kept.
refused "none" create --delete-original --yes films/2.mkv discs/none
refused "not replaced without" create --delete-original --yes films/2.mkv discs/2 -o list.yaml
cmp films/2.mkv <(mkvdup extract -q -o - recipes/two.mkvdup)
# In a batch each that is made.
cat >delete.yaml <<END
source_dir: discs/2
files:
  - { mkv: films/2.mkv }
  - { mkv: films/parts/2.mkv, source_dir: discs/none }
  - { mkv: films/1.mkv, source_dir: discs/1 }
END
batch 1 --delete-original -y delete.yaml
[ "$(jq -r '[.files[] | .result] | sort | join(" ")' out)" = "failed made there" ] || fail "$(cat out)"
[ ! -e films/2.mkv ] && [ -e films/parts/2.mkv ] || fail "$(ls films)"
is .summary.deleted 1
# And when that was done to all of a folder, there is nothing left to do.
mkdir emptied
cp films/3.mkv emptied
batch 0 --delete-original -y emptied -s discs/3
is .summary.deleted 1
for where in emptied "discs -o emptied"; do
  # shellcheck disable=SC2086
  batch 0 --delete-original -y $where -s discs/3
  is .summary.files 0
done

# Asked, on a terminal.  $early is typed before, as soon as it is started; $meanwhile is done
# when it asks.
early='' meanwhile=true
asked ()
{
  early=$early meanwhile=$meanwhile \
    python3 - "$@" >screen 2>&1 <<'END'
import os, pty, sys
answer = sys.argv[1]
pid, fd = pty.fork()
if pid == 0:
    os.execvp('mkvdup', ['mkvdup'] + sys.argv[2:])
if os.environ['early']:
    os.write(fd, os.environ['early'].encode() + b'\n')
seen = b''
while True:
    try:
        data = os.read(fd, 4096)
    except OSError:
        break
    if not data:
        break
    seen += data
    if b'[y/N] ' in seen and answer is not None:
        assert os.system(os.environ['meanwhile']) == 0
        os.write(fd, answer.encode() + b'\n')
        answer = None
sys.stdout.buffer.write(seen)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
END
}
need python3
# kept MESSAGE STATUS ANSWER COMMAND...
kept ()
{
  local message=$1 want=$2 status=0
  shift 2
  asked "$@" || status=$?
  [ "$status" -eq "$want" ] || fail "$*: status $status: $(cat screen)"
  says screen "$message"
  [ -e films/3.mkv ] || fail "deleted all the same: $(cat screen)"
}
kept "films/3.mkv: kept" 0 n create --delete-original films/3.mkv discs/3
kept "all are kept" 0 '' batch --force --delete-original films/3.mkv -s discs/3
kept "all are kept" 0 'yet another line' batch --force --delete-original films/3.mkv -s discs/3
# What was typed before it asked is no answer.
early='y' kept "films/3.mkv: kept" 0 '' create --force --delete-original films/3.mkv discs/3
# The disc changes between the work and the answer, where no sample is; or goes.
victim=discs/3/VTS_01_1.VOB
cp -p $victim saved.vob
poke="printf ZZZZ | dd of=$victim bs=1 seek=300100 conv=notrunc status=none"
for made in "create films/3.mkv discs/3" "batch films/3.mkv -s discs/3"; do
  # shellcheck disable=SC2086 # words
  meanwhile=$poke kept "VTS_01_1.VOB: was changed or replaced since it was verified" 1 \
    y $made --force --delete-original
  cp -p saved.vob $victim
  # shellcheck disable=SC2086 # words
  meanwhile="rm $victim" kept "films/3.mkv: is kept" 1 y $made --force --delete-original
  cp -p saved.vob $victim
done
# The recipe itself, beyond what is looked at to open it.
made="batch films/3.mkv -s discs/3"
# shellcheck disable=SC2086 # words
meanwhile="printf XXXXXXXX | dd of=films/3.mkvdup bs=1 seek=400 conv=notrunc status=none" \
  kept "films/3.mkv: is kept: films/3.mkvdup: " 1 y $made --force --delete-original
asked YES batch --force --delete-original films/3.mkv films/parts/3.mkv -s discs/3 ||
  fail "$(cat screen)"
says screen "delete the 2 MKVs"
[ ! -e films/3.mkv ] && [ ! -e films/parts/3.mkv ] || fail "not deleted"
# Started again after it was cut off; --yes for nothing; where manifests' recipes go.
expect 0 mkvdup batch films/3.mkv -s discs/3
says out "1 there already"
refused "films/none.mkv: No such file" batch -q films/none.mkv -s discs/3
usage "--yes is of no use without --delete-original" batch -y films -s discs/3
refused "says itself where recipes go" batch -o recipes list.yaml
# The wrong disc; and nobody who could hear what was made.
expect 0 mkvdup batch -q --force films/parts/2.mkv -s discs/1
says err "warning: films/parts/2.mkv: only "
if [ -c /dev/full ]; then
  status=0
  mkvdup batch --force --delete-original -y films/parts/2.mkv -s discs/2 >/dev/full 2>err || status=$?
  [ $status -eq 1 ] && [ -e films/parts/2.mkv ] || fail "deleted, though nobody heard of it: $status"
  says err "films/parts/2.mkv: is kept"
  status=0
  mkvdup batch --json --force --delete-original -y films/parts/2.mkv -s discs/2 >/dev/full 2>err || status=$?
  [ $status -eq 1 ] && [ -e films/parts/2.mkv ] || fail "--json: deleted, though nobody heard of it: $status"
  says err "films/parts/2.mkv: is kept"
fi
# What would wait for ever is none, and stops no other.
mkdir fifo
cp films/parts/2.mkv fifo
mkfifo fifo/1.mkv
expect 1 timeout "$patience" "$MKVDUP_COMMAND" batch -q fifo -s discs/2
says err "fifo/1.mkv: not a regular file"
cmp <(mkvdup extract -q -o - fifo/2.mkvdup) fifo/2.mkv
cmp <(mkvdup extract -q -o - films/parts/3.mkvdup) <(mkvdup extract -q -o - films/3.mkvdup | head -c 1200000)
