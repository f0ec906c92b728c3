#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# A library: what folders and YAML files name is exported, its changes are noticed, and
# discs are found wherever they are.

. "${srcdir:=.}/lib.sh"
. "$srcdir/library.sh"

need nbdkit nbdcopy nbdinfo jq

for i in 1 2 3; do
  make_title "$i" "made/$i.mkvdup"
done

# serve ARGUMENT...
serve ()
{
  start_nbdkit "$tmp/sock" mkvdup "$@"
}

# Lines of the log about something.
logged ()
{
  grep -F -- "$1" "$tmp/sock.log" || true
}

# sidecar RECIPE NAME DISC
sidecar ()
{
  printf 'name: "%s"\ndedup_file: "%s"\nsource_dir: "%s"\n' "$2" "$(basename "$1")" \
    "$tmp/$3" >"$1.yaml"
}

# ---- A folder: with sidecars and without, in folders of its own

mkdir -p "lib/Films/Old ones" lib/.hidden
cp made/1.mkvdup lib/Films/one.mkvdup
sidecar lib/Films/one.mkvdup "One: a film.mkv" discs/1
cp made/2.mkvdup "lib/Films/Old ones/Two.mkvdup" # no sidecar
cp made/3.mkvdup lib/three.mkvdup
sidecar lib/three.mkvdup "Series/S01/Three.mkv" discs/3
cp made/3.mkvdup lib/.hidden/four.mkvdup
echo 'services: {}' >lib/compose.yaml # somebody else's
echo 'no recipe' >lib/broken.mkvdup
serve library=lib source=discs/2 source-index=
check_names disk "Films/One: a film.mkv" "Films/Old ones/Two.mkv" Series/S01/Three.mkv
[ "$(logged 'lib/broken.mkvdup: not an mkvdup recipe' | wc -l)" -eq 1 ] ||
  fail "nothing was said of the broken recipe"
[ "$(grep -c error "$tmp/sock.log")" -eq 1 ] || fail "more was said than that"
check_title "Films/One: a film.mkv" 1
check_title "Films/Old ones/Two.mkv" 2
check_title Series/S01/Three.mkv 3
json=$(client nbdinfo --list --json "$(uri)")
[ "$(jq -r '.exports[] | select(."export-name" == "Series/S01/Three.mkv") | .description' \
  <<<"$json")" = "$(stat -c %s 3.mkv) bytes" ] || fail "description"
[ "$(client nbdinfo --json "$(uri)" | jq -r '.exports[0]."export-name"')" = disk ] ||
  fail "the default export is not the disk"
! client nbdinfo --size "$(uri nowhere)" 2>/dev/null || fail "a name that is not there"
[ -n "$(logged 'an export that is not there')" ] || fail "nothing in the log about it"
[ -z "$(logged nowhere)" ] || fail "a client's name in the log"

# ---- Changes: new, changed and removed, without a restart

rm lib/broken.mkvdup
cp made/2.mkvdup lib/new.mkvdup
check_names disk "Films/One: a film.mkv" "Films/Old ones/Two.mkv" Series/S01/Three.mkv new.mkv
check_title new.mkv 2
mkdir lib/later
mv lib/new.mkvdup lib/later/new.mkvdup
rm -r lib/Films
check_names disk Series/S01/Three.mkv later/new.mkv
# A recipe replaced under its name.  Both can be read with this sidecar.
sidecar lib/later/new.mkvdup new.mkv discs/1
cp made/1.mkvdup lib/later/.new.tmp
mv lib/later/.new.tmp lib/later/new.mkvdup
waited=0
until client nbdcopy "$(uri later/new.mkv)" copy && cmp -s -n "$(stat -c %s 1.mkv)" copy 1.mkv; do
  [ $((waited++)) -lt $((patience * 5)) ] || fail "the old recipe is still served"
  sleep 0.2
done
# Nothing but one: then that is the default.
rm -r lib/later
check_names disk Series/S01/Three.mkv
[ "$(client nbdinfo --json "$(uri)" | jq -r '.exports[0]."export-name"')" = \
  Series/S01/Three.mkv ] || fail "the only image is not the default export"
# And nothing at all.
rm lib/three*
check_names disk
stop_nbdkit "$tmp/sock"

# ---- YAML: the Go program's keys, relative to the file that has them

mkdir -p conf/more/deep recipes
cp made/*.mkvdup recipes
cat >conf/library.yaml <<END
name: top.mkv
dedup_file: ../recipes/1.mkvdup
source_dir: ../discs/1
includes:
  - more/**/*.yaml
  - "library.yaml"
virtual_files:
  - name: Films/two.mkv
    dedup_file: ../recipes/2.mkvdup
    source_dir: ../discs/2
  - {name: ../up.mkv, dedup_file: ../recipes/2.mkvdup, source_dir: ../discs/2}
  - {name: /etc/passwd, dedup_file: ../recipes/2.mkvdup, source_dir: ../discs/2}
  - {name: "", dedup_file: ../recipes/2.mkvdup, source_dir: ../discs/2}
  - {name: top.mkv/below, dedup_file: ../recipes/2.mkvdup, source_dir: ../discs/2}
  - {name: Films/two.mkv, dedup_file: ../recipes/1.mkvdup, source_dir: ../discs/1}
  - {name: disk, dedup_file: ../recipes/1.mkvdup, source_dir: ../discs/1}
  - {name: away.mkv, dedup_file: ../recipes/9.mkvdup, source_dir: ../discs/1}
  - {dedup_file: ../recipes/1.mkvdup, source_dir: ../discs/1}
END
cat >conf/more/deep/three.yaml <<END
includes: [../../library.yaml, ../*.yaml]
virtual_files:
  - name: Series/three.mkv
    dedup_file: $tmp/recipes/3.mkvdup
    source_dir: $tmp/discs/3
END
ln -s .. conf/more/deep/loop
# Problems are told, once each, with file and line; all else is served.
for what in conf/library.yaml conf; do
  serve library="$what" source-index=
  check_names disk top.mkv Films/two.mkv Series/three.mkv
  check_title top.mkv 1
  check_title Films/two.mkv 2
  check_title Series/three.mkv 3
  for problem in 'library.yaml:11: a name with ".."' \
    'library.yaml:12: a name that begins with "/"' 'library.yaml:13: "name" is empty' \
    '"top.mkv/below" would be in a folder that is a file: "top.mkv"' \
    '"Films/two.mkv" is already the name of "Films/two.mkv"' \
    '"disk" is the name of the disk' '9.mkvdup: No such file' \
    'library.yaml:18: a title without "name"'; do
    [ "$(logged "$problem" | wc -l)" -eq 1 ] || fail "not told once: $problem"
  done
  [ "$(grep -c error "$tmp/sock.log")" -eq 8 ] || fail "other problems were told"
  stop_nbdkit "$tmp/sock"
done
# Without the disk its name is as good as any other; the recipe that comes later is found.
serve library=conf/library.yaml disk= source-index=
check_names top.mkv Films/two.mkv Series/three.mkv disk
check_title disk 1
cp made/3.mkvdup recipes/9.mkvdup
check_names top.mkv Films/two.mkv Series/three.mkv disk away.mkv
! client nbdinfo --size "$(uri)" 2>/dev/null || fail "there is a default export"
# A file that is wrong for a while leaves all as it was.
cp conf/library.yaml good.yaml
echo 'virtual_files: [' >conf/library.yaml
waited=0
until [ -n "$(logged 'the library stays as it was')" ]; do
  [ $((waited++)) -lt $((patience * 5)) ] || fail "a wrong file was not noticed"
  sleep 0.2
done
check_names top.mkv Films/two.mkv Series/three.mkv disk away.mkv
grep -v away.mkv good.yaml >conf/library.yaml
check_names top.mkv Films/two.mkv Series/three.mkv disk
stop_nbdkit "$tmp/sock"

# ---- Names with an id: what is served has to be what a client has seen before

mkdir pins
cp made/1.mkvdup pins/one.mkvdup
sidecar pins/one.mkvdup one.mkv discs/1
root=$(mkvdup info --json made/1.mkvdup | jq -r .merkle_root)
pinned ()
{
  client nbdinfo --json "$(uri disk)" | jq -r '.exports[0].description' | sed 's/.*: //'
}
has ()
{
  client nbdinfo --size "$(uri "$1")" >/dev/null 2>&1
}
serve library=pins source-index=
id=$(pinned)
[[ $id =~ ^disk@[0-9a-f]{32}$ ]] || fail "no id of the disk: $id"
[ "$(client nbdinfo --json "$(uri one.mkv)" | jq -r '.exports[0].description')" = \
  "$(stat -c %s 1.mkv) bytes: one.mkv@${root:0:16}" ] || fail "no id of the image"
for name in "$id" "one.mkv@$root" "one.mkv@${root:0:16}"; do
  has "$name" || fail "$name is not served"
done
for name in "${id%?}x" "${id%?}" disk@ "one.mkv@${root:0:15}" "one.mkv@${root%?}x"   "one.mkv@${root}0" one.mkv@ "two.mkv@$root" @; do
  ! has "$name" || fail "$name is served"
done
check_title "one.mkv@$root" 1
stop_nbdkit "$tmp/sock"
# The same after a restart; another once a title has come, or has other bytes.
serve library=pins source-index=
[ "$(pinned)" = "$id" ] || fail "another id of the same library"
cp made/2.mkvdup pins/two.mkvdup
sidecar pins/two.mkvdup one@2.mkv discs/2
check_names disk one.mkv one@2.mkv
! has "$id" || fail "the disk has changed, and not its id"
check_title one@2.mkv 2
rm pins/two.mkvdup*
check_names disk one.mkv
[ "$(pinned)" = "$id" ] || fail "another id of the same titles"
cp -p made/3.mkvdup pins/.one
mv pins/.one pins/one.mkvdup
waited=0
while has "one.mkv@$root"; do
  [ $((waited++)) -lt $((patience * 5)) ] || fail "another image under the old one's id"
  sleep 0.2
done
! has "$id" || fail "a title has other bytes, and the disk the same id"
stop_nbdkit "$tmp/sock"

# ---- What stops the start

# refused MESSAGE ARGUMENT...
refused ()
{
  local message=$1 status=0
  shift
  timeout "$patience" nbdkit -f -U "$tmp/refused" mkvdup "$@" 2>log || status=$?
  [ $status -eq 1 ] || fail "nbdkit started, or crashed: $*"
  [ "$(grep -c error log)" -eq 1 ] || fail "$*: not one message: $(cat log)"
  grep -qF -- "$message" log || fail "$*: no \"$message\" in: $(cat log)"
}

refused 'nowhere: No such file' library=nowhere
refused 'names no titles' library=lib/compose.yaml
echo 'virtual_files: [' >wrong.yaml
refused 'wrong.yaml:2: ' library=wrong.yaml
refused 'not both' library=conf recipes/1.mkvdup
refused 'neither "erofs" nor "udf"' library=conf fs=ext4
refused 'octal' library=conf file-mode=rw
refused 'uid' library=conf uid=nobody

# ---- Sources by content, anywhere below; remembered, so that they are looked for once

mkdir -p store/a/b
mv discs/2 store/a/b/renamed
mv store/a/b/renamed/VTS_01_1.VOB store/a/b/renamed/some.iso
mkdir one
cp made/2.mkvdup one/film.mkvdup
serve library=one source=discs source=store source-index=index/sources
check_title film.mkv 2
grep -q "$tmp/store/a/b/renamed/some.iso" index/sources || fail "nothing was remembered"
# It moves while it is served.
mv store/a/b/renamed/some.iso store/moved.iso
check_title film.mkv 2
stop_nbdkit "$tmp/sock"
# One recipe alone finds them too; where there are two of that size and sample, by hash.
mkdir first
cp store/moved.iso first/aaa.iso
printf 'changed' | dd of=first/aaa.iso bs=1 seek=5000 conv=notrunc status=none
mv store/moved.iso first/bbb.iso
rm index/sources
serve one/film.mkvdup source=first source-index=index/sources
check_title film 2
grep -q "$tmp/first/bbb.iso" index/sources || fail "the wrong one was remembered"
stop_nbdkit "$tmp/sock"
# Away altogether: the read fails, and says where it was looked for; and then it is back.
mv first/bbb.iso away.iso
rm first/aaa.iso
serve library=one source=first source-index=
# One request that is waited for: nbdkit 1.32 may die of a client that gives up others.
readable ()
{
  client "$builddir/read-range" "$(uri film.mkv)" 1000000 4096 >range
}
! readable || fail "bytes from nowhere"
[ -n "$(logged 'no file below has its size and content')" ] || fail "no word of the source"
mv away.iso first/back.iso
waited=0
until readable; do
  [ $((waited++)) -lt $((patience + 15)) ] || fail "a disc that is back is not found"
  sleep 1
done
check_title film.mkv 2
stop_nbdkit "$tmp/sock"
