#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# An MKV is deleted only if what is left gives it back: whatever happens between its
# verification and that, wherever recipe and disc lie, and whatever is closed.

. "${srcdir:=.}/lib.sh"
. "$srcdir/command.sh"

[ "${SAN:-none}" = none ] || { echo "SKIP: sanitizers want to be preloaded themselves"; exit 77; }

"${builddir:?}/media/make-stream" --seed 1 --size 2 made
mv made/title.mkv saved.mkv
mv made/disc disc
sum=$(sha256 saved.mkv)
deleting=("${MKVDUP_COMMAND:?not started by ./run}" create -q -t 1 --delete-original --yes)
preloaded=$builddir/.libs

again ()
{
  rm -f film.mkv film.mkvdup*
  cp -p saved.mkv film.mkv
}
comes_back ()
{
  [ ! -e film.mkv ] || fail "not deleted"
  [ "$(mkvdup extract -q -o - film.mkvdup | sha256sum | cut -d ' ' -f 1)" = "$sum" ] || fail "lost"
}

# ---- The recipe is written to after it was verified

# Its own commit are four fsyncs; then come its own once more, and that of its disc.
poke='printf XXXXXXXX | dd of=film.mkvdup bs=1 seek=400 conv=notrunc status=none && touch happened'
for moment in 5 6; do
  again
  rm -f happened
  expect 1 env MEANWHILE_AT="$moment fsync" MEANWHILE_DO="$poke" LD_PRELOAD="$preloaded/meanwhile.so" \
    "${deleting[@]}" film.mkv disc
  [ -e happened ] || fail "it did not happen"
  says err "film.mkv: is kept: film.mkvdup: "
  cmp film.mkv saved.mkv
done

# ---- Its folder is another for a while: what was verified is not what would be deleted

mkdir one two
cp -p saved.mkv one/film.mkv
cp -p saved.mkv two/film.mkv
printf ZZZZ | dd of=two/film.mkv bs=1 seek=300000 conv=notrunc status=none
ln -s one now
expect 0 mkvdup scan -q --discs discs disc
expect 1 env MEANWHILE_AT="1 1 one/film.mkv" MEANWHILE_DO="ln -sfn two now" \
  MEANWHILE_THEN="ln -sfn one now && touch twice" LD_PRELOAD="$preloaded/meanwhile.so" \
  "${deleting[@]}" --discs discs -o two.mkvdup now/film.mkv
[ -e twice ] || fail "it did not happen: $(cat err)"
says err "now/film.mkv: was changed or replaced meanwhile: not deleted"
cmp one/film.mkv saved.mkv
cmp two/film.mkv <(mkvdup extract -q -o - two.mkvdup)
rm two.mkvdup*

# ---- On the disks, also where syncfs does nothing

if can_trace "that all is synced before"; then
  again
  expect 0 strace -f -y -o trace -e trace=fsync,syncfs,unlink "${deleting[@]}" film.mkv disc
  for what in 'fsync.*/film.mkvdup>' 'syncfs.*/film.mkvdup>' 'fsync.*\.VOB>' 'syncfs.*\.VOB>'; do
    sed '/unlink("film.mkv")/q' trace | grep -q "$what" || fail "no $what: $(cat trace)"
  done
  comes_back
  # One that fails keeps it; what cannot be written to knows none.
  for error in EIO EINVAL; do
    again
    status=1
    [ $error = EIO ] || status=0
    expect $status strace -f -o /dev/null -P "$(echo "$PWD"/disc/*.VOB)" -e trace=fsync \
      -e inject=fsync:error=$error "${deleting[@]}" film.mkv disc
    [ $error = EINVAL ] || says err "film.mkv: is kept: $PWD/disc/VTS_01_1.VOB: fsync: "
  done
  comes_back
fi
if [ "$(stat -f -c %T /dev/shm 2>/dev/null)" = tmpfs ] && [ -w /dev/shm ] &&
  [ "$(stat -c %d /dev/shm)" != "$(stat -c %d .)" ]; then
  memory=$(mktemp -d /dev/shm/mkvdup-test.XXXXXX)
  forget_memory () { rm -r "$memory"; }
  at_end+=(forget_memory)
  cp -r disc "$memory"
  again
  expect 1 "${deleting[@]}" film.mkv "$memory/disc"
  says err "VTS_01_1.VOB: is in memory (tmpfs), and gone after a restart"
  cmp film.mkv saved.mkv
  expect 1 "${deleting[@]}" -o "$memory/film.mkvdup" film.mkv disc
  says err "$memory/film.mkvdup: is in memory (tmpfs)"
  cmp film.mkv saved.mkv
else
  not_tried "what is in memory: no tmpfs here"
fi

# ---- Nobody listens: messages go nowhere, and not into the recipe

for closed in 0 2 '0 2' '0 1 2'; do
  again
  redirections='>out'
  for fd in $closed; do
    redirections+=" $fd>&-"
  done
  status=0
  # (progress is told, which takes a second otherwise)
  (eval "exec $redirections" && cd "$tmp" &&
    exec env LD_PRELOAD="$preloaded/fast-clock.so" "$MKVDUP_COMMAND" create -t 1 --delete-original --yes film.mkv disc) ||
    status=$?
  # Its result could not be told: then nothing is deleted.
  case $closed in
  *1*) [ -e film.mkv ] && [ $status -eq 1 ] || fail "deleted, though nobody heard of it: $status" && rm film.mkv ;;
  *) [ $status -eq 0 ] || fail "$closed closed: status $status" ;;
  esac
  comes_back
  expect 0 mkvdup verify film.mkvdup
done

# ---- A server would have another by its name

again
expect 0 mkvdup create -q -t 1 -o other.mkvdup --name film.mkv saved.mkv disc
silent err
expect 1 "${deleting[@]}" film.mkv disc
name='film.mkvdup.yaml: "film.mkv" is the name of the image of other.mkvdup.yaml, too: '
says err "mkvdup: warning: $name"
says err "mkvdup: film.mkv: is kept: $name"
cmp film.mkv saved.mkv
# Also to the batch, and to a recipe without sidecar, which is named as its file.
printf '%s\n' 'files: [{ mkv: film.mkv, source_dir: disc, output: film.mkvdup }]' >batch.yaml
expect 1 mkvdup batch -q --force --delete-original --yes batch.yaml
says err "mkvdup: film.mkv: is kept: $name"
mv other.mkvdup film.mkvdup.saved
rm other.mkvdup.yaml
mkdir named
mv film.mkvdup.saved named/film.mkvdup
expect 1 "${deleting[@]}" -o named/new.mkvdup film.mkv disc
says err 'named/new.mkvdup.yaml: "film.mkv" is the name of the image of named/film.mkvdup, too: '
cmp film.mkv saved.mkv
# Another name for it, or another sidecar for the same recipe, is no obstacle.
cat named/new.mkvdup.yaml >named/copy.mkvdup.yaml
expect 0 "${deleting[@]}" -o named/new.mkvdup --name new.mkv film.mkv disc
[ ! -e film.mkv ] || fail "not deleted"
again
rm named/film.mkvdup
expect 0 "${deleting[@]}" -o named/new.mkvdup --name film.mkv film.mkv disc
[ ! -e film.mkv ] || fail "not deleted"
[ "$(mkvdup extract -q -o - named/new.mkvdup | sha256sum | cut -d ' ' -f 1)" = "$sum" ] || fail "lost"
