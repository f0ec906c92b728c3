#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# What mkvdup does about what happens while it works: memory that fails, files that are
# written to or come to the names of others, a signal.  meanwhile.c has it happen at one moment.

. "${srcdir:=.}/lib.sh"
. "$srcdir/command.sh"

[ "${SAN:-none}" = none ] || { echo "SKIP: sanitizers want to be preloaded themselves"; exit 77; }

# A film of one segment, and the disc of it.
"${builddir:?}/media/make-stream" --seed 1 --size 2 made
mv made/title.mkv film.mkv
mv made/disc disc
size=$(stat -c %s film.mkv)

# meanwhile AT DO EXPECT...: as expect of command.sh, and that happens.
meanwhile ()
{
  local at=$1 what=$2 status=$3
  shift 3
  rm -f happened
  [ "$what" = flip ] || what+=" && touch $tmp/happened"
  expect "$status" env MEANWHILE_AT="$at" MEANWHILE_DO="$what" \
    LD_PRELOAD="$builddir/.libs/meanwhile.so" "${MKVDUP_COMMAND:?not started by ./run}" "$@"
  [ "$what" = flip ] || [ -e happened ] || fail "it did not happen: $at: $what"
}

# nothing_made: nor lost.
nothing_made ()
{
  [ -e film.mkv ] || fail "the MKV is gone"
  [ ! -e film.mkvdup ] && [ ! -e film.mkvdup.yaml ] || fail "a recipe was made: $(cat out)"
}
# The reads of all of the MKV: what is hashed and coded, and what is compared.
coded="1 $size film.mkv" compared="2 $size film.mkv"

# ---- Memory that fails: a recipe whose digests are not those of its MKV is none

meanwhile "$coded" flip 1 create -q -t 1 --delete-original --yes film.mkv disc
says err "verifying what was written: "
says err "not the digest on record"
nothing_made

# ---- The MKV changes: what is said of it is true of the file of that name at the end

cp -p film.mkv saved.mkv
again ()
{
  rm -f film.mkv film.mkvdup*
  cp -p saved.mkv film.mkv
}
poked='printf ZZZZ | dd of=film.mkv bs=1 seek=10 conv=notrunc status=none'
cp film.mkv other.mkv
printf 'ZZZZ' | dd of=other.mkv bs=1 seek=10 conv=notrunc status=none
touch -r film.mkv other.mkv

for at in "$coded" "$compared"; do
  meanwhile "$at" "cp -p other.mkv x.mkv && mv x.mkv film.mkv" 1 create -q -t 1 film.mkv disc
  says err "film.mkv: is another file now"
  nothing_made
  again
done
meanwhile "$coded" "mv film.mkv x.mkv" 1 create -q -t 1 film.mkv disc
says err "film.mkv: No such file"
mv x.mkv film.mkv
nothing_made
meanwhile "$coded" "touch film.mkv" 1 create -q -t 1 film.mkv disc
says err "film.mkv: changed while it was read"
again
# With its time set back, it is compared again.
meanwhile "$compared" "$poked && touch -r saved.mkv film.mkv" 1 create -q -t 1 film.mkv disc
says err "would not be served as it is"
nothing_made
again
# Of a new link, or another mode, no byte is another one.
meanwhile "$compared" "ln film.mkv x.mkv && chmod 600 film.mkv" 0 create -q -t 1 film.mkv disc
rm x.mkv
expect 0 mkvdup verify -q film.mkvdup film.mkv

verified="1 $size film.mkv"
for what in "$poked" "$poked && touch -r saved.mkv film.mkv"; do
  meanwhile "$verified" "$what" 1 verify -t 1 film.mkvdup film.mkv
  says err "film.mkv: changed while it was compared"
  silent out
  cat saved.mkv >film.mkv
done
meanwhile "$verified" "cp -p other.mkv x.mkv && mv x.mkv film.mkv" 1 verify -t 1 film.mkvdup film.mkv
says err "film.mkv: is another file now"
again

# ---- What comes to the names that the output is to get stays there

printf 'name: x\ndedup_file: elsewhere.mkvdup\nsource_dir: .\n' >x.yaml
meanwhile "$coded" "cp x.yaml film.mkvdup.yaml" 1 create -q -t 1 film.mkv disc
says err "film.mkvdup.yaml: exists and is not the sidecar of film.mkvdup"
cmp x.yaml film.mkvdup.yaml
again
mkdir discs
ln disc/* discs
vob=$(basename disc/*)
meanwhile "$coded" "ln discs/$vob new.mkvdup" 1 create -q -f -t 1 -o new.mkvdup film.mkv disc
says err "new.mkvdup: is what the recipe is to be made of: not replaced"
rm -r discs new.mkvdup

again
expect 0 mkvdup create -q film.mkv disc
printf mine >mine
meanwhile "1 fsync" "cp mine new" 0 extract -f -q -o new film.mkvdup
cmp new film.mkv
# --force is for others' files, not for what the image is made of, or a recipe.
cp film.mkvdup kept.mkvdup
meanwhile "1 fsync" "cp kept.mkvdup new" 1 extract -f -q -o new film.mkvdup
says err "new: is a recipe: not replaced"
cmp kept.mkvdup new
rm new
meanwhile "1 fsync" "ln -f disc/$vob new" 1 extract -f -q -o new film.mkvdup
says err "new: is what the image is made of: not replaced"
cmp "disc/$vob" new
"$builddir/make-old" 8 8 330000 old
cp -r old kept
for file in film.mkvdup film.mkvdup.yaml; do
  meanwhile "1 fsync" "ln old/$file converted.mkvdup" 1 import -f -q -o converted.mkvdup old/film.mkvdup
  says err "converted.mkvdup: is what is to be converted: not replaced"
  rm converted.mkvdup
  meanwhile "1 fsync" "ln old/$file converted.mkvdup.yaml" 1 import -f -q -o converted.mkvdup old/film.mkvdup
  says err "converted.mkvdup.yaml: is what is to be converted: not replaced"
  rm converted.mkvdup.yaml
done
meanwhile "1 fsync" "cp old/film.mkvdup converted.mkvdup" 1 import -f -q -o converted.mkvdup old/film.mkvdup
says err "converted.mkvdup: is a recipe of the Go program: not replaced"
diff -r old kept
cmp old/film.mkvdup converted.mkvdup
[ ! -e converted.mkvdup.yaml ] || fail "a sidecar of nothing"
expect 0 mkvdup import -f -q -o converted.mkvdup.new old/film.mkvdup

for command in "extract -q -o" "map --svg" "map --png" "stats --html"; do
  rm new
  # shellcheck disable=SC2086
  meanwhile "1 fsync" "cp mine new" 1 $command new film.mkvdup
  says err "new: has come to be there meanwhile: not replaced"
  cmp mine new
done
[ -z "$(find . -name '.*.tmp')" ] || fail "left behind: $(ls -A)"

# ---- A signal when the recipe is as good as made: its MKV is kept

for moment in 1 2 3 4; do
  again
  # (the shell's parent is mkvdup, which dies of it)
  # shellcheck disable=SC2016
  meanwhile "$moment fsync" 'kill -TERM $PPID' 143 create -q --delete-original --yes film.mkv disc
  says err "film.mkv: is kept: interrupted"
  [ -e film.mkv ] || fail "the MKV is gone"
  expect 0 mkvdup verify -q film.mkvdup film.mkv
done
again
expect 0 mkvdup create -q film.mkv disc
# shellcheck disable=SC2016
meanwhile "1 fsync" 'kill -TERM $PPID' 143 batch -q --force --delete-original --yes film.mkv -s disc
says err "interrupted"
[ -e film.mkv ] || fail "the MKV is gone"
