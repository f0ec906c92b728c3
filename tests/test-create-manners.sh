#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# What `mkvdup create` does about names, sidecars, existing files, and mistakes.

. "${srcdir:=.}/lib.sh"
. "$srcdir/command.sh"

need jq

set=$(media)
mkdir 'my films'
cp "$set/mkvmerge.mkv" 'my films/A "film": 1917.mkv'
cp "$set/disc.iso" Disc.iso
film='my films/A "film": 1917'

# ---- the name by default, and the sidecar

expect 0 mkvdup create "$film.mkv" Disc.iso
says out "$film.mkvdup: "
says out "every byte verified"
[ "$(find 'my films' -type f | wc -l)" -eq 3 ] || fail "files: $(ls -A 'my films')"
says "$film.mkvdup.yaml" 'name: "A \"film\": 1917.mkv"'
says "$film.mkvdup.yaml" 'dedup_file: "A \"film\": 1917.mkvdup"'
says "$film.mkvdup.yaml" "source_dir: \"$PWD\""
[ "$(stat -c %a "$film.mkvdup")" = "$(stat -c %a err)" ] || fail "not the umask's mode"

# Found from anywhere by the sidecar.
mkdir elsewhere
(
  cd elsewhere || exit
  expect 0 mkvdup verify -q "../$film.mkvdup" "../$film.mkv"
)

# ---- the report

expect 0 mkvdup --json create -qo again.mkvdup "$film.mkv" Disc.iso
silent err
is .good true
is .recipe again.mkvdup
is .mkv_size "$(stat -c %s "$film.mkv")"
is .recipe_size "$(stat -c %s again.mkvdup)"
is .source_dir "$PWD"
is '[.tracks[] | select(.number > 0)] | length' 3
is '.tracks[1].codec' V_MPEG2
is '.saved_percent > 99.9' true
cmp again.mkvdup "$film.mkvdup"
expect 0 mkvdup create -v -o again.mkvdup "$film.mkv" Disc.iso
says out "track 1 V_MPEG2: "
expect 0 mkvdup create -q -o again.mkvdup "$film.mkv" Disc.iso
silent out
silent err

# A disc that has nothing to do with it: a warning, no failure.
expect 0 mkvdup create -q -o other.mkvdup "$set/other.mkv" Disc.iso
says err "warning: $set/other.mkv: only "

# ---- what is never replaced

digest=$(sha256 "$film.mkv") disc=$(sha256 Disc.iso)
for out in "$film.mkv" Disc.iso; do
  ln "$out" link
  for name in "$out" link; do
    refused "not replaced" create --force -o "$name" "$film.mkv" Disc.iso
  done
  rm link
done
ln -s Disc.iso new.mkvdup.yaml
refused "not replaced" create --force -o new.mkvdup "$film.mkv" Disc.iso
rm new.mkvdup.yaml
# Nor a file of a disc that is a folder, as the recipe or as its sidecar.
mkdir folder
ln Disc.iso folder/Disc.yaml
for name in folder/Disc.yaml folder/Disc; do
  refused "folder/Disc.yaml: is what the recipe is to be made of: not replaced" \
    create --force -o "$name" "$film.mkv" folder
done
rm -r folder
refused "as its own source" create -o new.mkvdup "$film.mkv" "$film.mkv"
[ "$digest $disc" = "$(sha256 "$film.mkv") $(sha256 Disc.iso)" ] || fail "an input changed"

# Nor a file of a disc that is a folder, by any name.
"${builddir:?}/media/make-stream" --seed 3 --size 1 made
vob=made/disc/VTS_01_1.VOB
digest=$(sha256 $vob)
ln $vob link
ln -s $vob new.mkvdup.yaml
for name in $vob link new.mkvdup; do
  refused "is what the recipe is to be made of: not replaced" \
    create --force -o "$name" made/title.mkv made/disc
done
echo "files: [{ mkv: made/title.mkv, output: $vob }]" >batch.yaml
refused "is what the recipe is to be made of: not replaced" batch -q --force -s made/disc batch.yaml
[ "$(sha256 $vob)" = "$digest" ] || fail "a file of the disc was replaced"
rm link new.mkvdup.yaml

# ---- sidecars: that of another recipe stays; and the name in its own

expect 0 mkvdup create -q -o own.mkvdup made/title.mkv made/disc
sed 's/own\.mkvdup/other.mkvdup/' own.mkvdup.yaml >b.mkvdup.yaml
cp b.mkvdup.yaml before
refused "b.mkvdup.yaml: exists and is not the sidecar of b.mkvdup: not replaced" \
  create -q -o b.mkvdup made/title.mkv made/disc
cmp before b.mkvdup.yaml
rm other.mkvdup
refused "b.mkvdup.yaml: exists and is not the sidecar of b.mkvdup: not replaced" \
  create -q -o b.mkvdup made/title.mkv made/disc
cmp before b.mkvdup.yaml
# Nor is what cannot be opened none.
ln -s loop.mkvdup.yaml loop.mkvdup.yaml
refused "loop.mkvdup.yaml: exists and is not the sidecar of loop.mkvdup: not replaced" \
  create -q -o loop.mkvdup made/title.mkv made/disc
rm loop.mkvdup.yaml
# A link that leads nowhere may lead to a disk that is not there today.
for name in gone.mkvdup gone.mkvdup.yaml; do
  ln -s /nowhere/mine $name
  refused "$name: exists and is " create -q -o gone.mkvdup made/title.mkv made/disc
  [ "$(readlink $name)" = /nowhere/mine ] || fail "the link $name is replaced"
  rm $name
done
expect 0 mkvdup create -q --force -o b.mkvdup made/title.mkv made/disc
says b.mkvdup.yaml 'dedup_file: "b.mkvdup"'

# named NAME ARGUMENT...: what a recipe's sidecar says after that.
named ()
{
  local name=$1
  shift
  expect 0 mkvdup create -q -o own.mkvdup "$@"
  says own.mkvdup.yaml "name: \"$name\""
}
sed -i 's|^name: .*|name: "Films/Mine.mkv"|' own.mkvdup.yaml
named Films/Mine.mkv made/title.mkv made/disc
named Films/Mine.mkv --force made/title.mkv made/disc
rm own.mkvdup
named Films/Mine.mkv made/title.mkv made/disc
named Other.mkv --name Other.mkv made/title.mkv made/disc
# What the user has written there stays with it, and only the disc's place is new.
cat >own.mkvdup.yaml <<END
# Meine – eigene
name: 'Mine.mkv'   # called so
source_dir: made/../made/disc
dedup_file: own.mkvdup
uid: 1000
virtual_files: [{ name: Twice.mkv, dedup_file: own.mkvdup }]
END
cp own.mkvdup.yaml edited
named_same () { cmp own.mkvdup.yaml <(cat edited && echo "image_size: $(stat -c %s made/title.mkv)"); }
expect 0 mkvdup create -q -o own.mkvdup made/title.mkv made/disc
named_same || fail "changed: $(cat own.mkvdup.yaml)"
cp -r made/disc made/moved
expect 0 mkvdup create -q --force -o own.mkvdup --name 'New "one".mkv' made/title.mkv made/moved
sed -i "s|'Mine.mkv'|\"New \\\\\"one\\\\\".mkv\"|; s|made/../made/disc|\"$PWD/made/moved\"|" edited
named_same || fail "changed: $(diff own.mkvdup.yaml edited)"
expect 0 mkvdup verify -q own.mkvdup made/title.mkv
# Where that cannot be done, it is not replaced unasked.
printf '%s\n' 'x: &a made/disc' 'name: Mine.mkv' 'dedup_file: own.mkvdup' 'source_dir: *a' >own.mkvdup.yaml
cp own.mkvdup.yaml edited
refused "not replaced without --force: own.mkvdup.yaml: has no source_dir that can be changed" \
  create -q -o own.mkvdup made/title.mkv made/moved
cmp own.mkvdup.yaml edited
named Mine.mkv --force made/title.mkv made/moved
# It was that of another image.
head -c 1000000 made/title.mkv >made/part.mkv
named part.mkv --force made/part.mkv made/disc
rm -r batch.yaml made own.mkvdup* b.mkvdup* before

echo "a letter" >letter
refused "letter: exists and is no recipe" create -o letter "$film.mkv" Disc.iso
[ "$(cat letter)" = "a letter" ] || fail "replaced without --force"
expect 0 mkvdup create -q --force -o letter "$film.mkv" Disc.iso
cmp letter again.mkvdup

# ---- what cannot be: said with its name, nothing left, an older recipe untouched

before=$(ls -A . 'my films')
refused "no-such.mkv: No such file" create -o new.mkvdup no-such.mkv Disc.iso
refused "no-such.iso: No such file" create -o new.mkvdup "$film.mkv" no-such.iso
refused "no/such/new.mkvdup" create -o no/such/new.mkvdup "$film.mkv" Disc.iso
refused "my films" create -o new.mkvdup "$film.mkv" 'my films'
refused "no-such.iso" create -o again.mkvdup "$film.mkv" Disc.iso no-such.iso
cmp again.mkvdup letter

# A name that no server would have, before the work is done; and the sidecar's own, too long.
cp "$film.mkv" $'a\tb.mkv'
refused 'a\011b.mkv: a name with control characters: no server would have it' create -q $'a\tb.mkv' Disc.iso
expect 0 mkvdup create -q --name good.mkv $'a\tb.mkv' Disc.iso -o again.mkvdup
rm $'a\tb.mkv'
long=$(printf 'x%.0s' {1..246}).mkvdup
refused "$long.yaml: File name too long" create -q --force -o "$long" "$film.mkv" Disc.iso
cp letter again.mkvdup
usage "--discs=FILE or sources, not both" create --discs=discs "$film.mkv" Disc.iso
usage "--yes is of no use without --delete-original" create --yes "$film.mkv" Disc.iso

# ---- interrupted

for signal in INT TERM HUP; do
  interrupted $signal '.new.mkvdup.*.tmp' new.mkvdup \
    create -q -o new.mkvdup "$film.mkv" Disc.iso
done
rm -f new.mkvdup.yaml
[ "$before" = "$(ls -A . 'my films')" ] || fail "left behind: $(ls -A . 'my films')"
