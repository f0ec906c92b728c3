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
rm film.mkvdup*
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
  says err "VTS_01_1.VOB: is in memory (tmpfs) or may be (overlay), and gone after a restart"
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

# ---- A server would not have it, or another by its name

# Another disc and film, whose recipe is of another image.
"$builddir/media/make-stream" --seed 2 --size 2 made2
mv made2/disc disc2
cp made2/title.mkv saved2.mkv

# kept TEXT ARGUMENT...: ./saved.mkv, copied to lib/rip/film.mkv, is not deleted, and the error says TEXT.
kept ()
{
  local text=$1
  shift
  mkdir -p lib/rip
  cp -p saved.mkv lib/rip/film.mkv
  expect 1 "${deleting[@]}" "$@"
  says err ": is kept: "
  says err "$text"
  cmp lib/rip/film.mkv saved.mkv
}
other ()
{
  expect 0 mkvdup create -q -t 1 "$@" saved2.mkv disc2
}
anew () { rm -rf lib && mkdir lib; }
args=(-o lib/film.mkvdup lib/rip/film.mkv disc)
not_there='lib/film.mkvdup: a server would not have it as "film.mkv"'
another='lib/film.mkvdup: a server would have "film.mkv" of lib/'

anew && other -o lib/other.mkvdup --name film.mkv
kept "$another"'other.mkvdup, and not "film.mkv": one needs another name' "${args[@]}"
# Also in a batch.
printf '%s\n' 'files: [{ mkv: lib/rip/film.mkv, source_dir: disc, output: lib/film.mkvdup }]' >batch.yaml
expect 1 mkvdup batch -q --force --delete-original --yes batch.yaml
says err "lib/rip/film.mkv: is kept: $another"
cmp lib/rip/film.mkv saved.mkv
# By other YAML files; by a recipe's own name; below, as file and as folder.
for yaml in all.yaml a.yml; do
  anew && other -o lib/other.mkvdup --name other.mkv
  printf '%s\n' "virtual_files: [{ name: film.mkv, dedup_file: other.mkvdup, source_dir: $PWD/disc2 }]" >lib/$yaml
  kept "$another" "${args[@]}"
done
anew && other -o lib/film.mkvdup && mv lib/film.mkvdup lib/x && rm lib/film.mkvdup.yaml && mv lib/x lib/film.mkvdup
kept 'lib/new.mkvdup: a server would have "film.mkv" of lib/film.mkvdup' -o lib/new.mkvdup lib/rip/film.mkv disc
: >lib/film.mkvdup.yaml
kept 'lib/new.mkvdup: a server would have "film.mkv" of lib/film.mkvdup' -o lib/new.mkvdup lib/rip/film.mkv disc
anew && other -o lib/other.mkvdup --name film.mkv && rm lib/other.mkvdup
kept "$another"'other.mkvdup (which is not there now), and not "film.mkv"' "${args[@]}"
anew && mkdir lib/Show && other -o lib/Show/1.mkvdup --name 1.mkv
kept 'a server would have "Show/1.mkv" of lib/Show/1.mkvdup' --name Show/1.mkv "${args[@]}"
anew && mkdir lib/film.mkv && other -o lib/film.mkv/x.mkvdup --name x.mkv
kept 'a server would have "film.mkv/x.mkv"' "${args[@]}"
anew && other -o lib/other.rec --name film.mkv
kept 'lib/film.rec: a server would have "film.mkv" of lib/other.rec' -o lib/film.rec lib/rip/film.mkv disc
# What it passes over.
anew
kept 'lib/.film.mkvdup: a server would not have it as "film.mkv": "mkvdup validate lib/"' -o lib/.film.mkvdup lib/rip/film.mkv disc
kept 'lib/film.mkvdup: a server would not have it as "disk"' --name disk "${args[@]}"
for line in 'name: "/Films/film.mkv"' 'name: "a/../film.mkv"'; do
  expect 0 mkvdup create -q -t 1 -o lib/film.mkvdup saved.mkv disc
  sed -i "s|^name:.*|$line|" lib/film.mkvdup.yaml
  kept 'lib/film.mkvdup: a server would not have it as ' "${args[@]}"
  rm lib/film.mkvdup*
done
expect 0 mkvdup create -q -t 1 --name film.mkv -o lib/film.mkvdup saved.mkv disc
echo 'file_mode: rw-r--r--' >>lib/film.mkvdup.yaml
kept "$not_there" "${args[@]}"
anew && mkdir "$(printf 'lib/Caf\xe9')"
kept 'a server of a folder above would not have it: a name that is not UTF-8' \
  -o "$(printf 'lib/Caf\xe9/film.mkvdup')" lib/rip/film.mkv disc
# A second sidecar of the same recipe that leads to where its disc was.
anew && cp -r disc moved
expect 0 mkvdup create -q -t 1 --name film.mkv -o lib/film.mkvdup saved.mkv moved
mv lib/film.mkvdup.yaml lib/before.mkvdup.yaml
rm -r moved
kept 'lib/film.mkvdup: a server would look for the disc of "film.mkv" in '"$PWD/moved, as lib/before.mkvdup.yaml says, and not in $PWD/disc: one has to go" \
  "${args[@]}"
# What cannot be read may give the name to another.
nobody=(setpriv --reuid 65534 --clear-groups)
chmod 755 "$tmp"
if [ "$(id -u)" -eq 0 ] && "${nobody[@]}" "$MKVDUP_COMMAND" --version >/dev/null 2>&1 && "${nobody[@]}" ls "$tmp" >/dev/null 2>&1; then
  mkdir lib/locked
  chown -R 65534 lib
  chown 0 lib/locked
  chmod 700 lib/locked
  mkdir -p lib/rip && cp -p saved.mkv lib/rip/film.mkv && chown -R 65534 lib/rip
  rm lib/before.mkvdup.yaml
  expect 1 "${nobody[@]}" "${deleting[@]}" "${args[@]}"
  says err "is kept: lib/: what a server would have cannot be told: lib/locked: Permission denied"
  cmp lib/rip/film.mkv saved.mkv
  # Told before the work, and in a batch, too.
  rm lib/film.mkvdup*
  expect 1 "${nobody[@]}" "${deleting[@]}" "${args[@]}"
  says err "lib/rip/film.mkv: is kept: lib/: what a server would have cannot be told: lib/locked: Permission denied"
  batch=("${nobody[@]}" "$MKVDUP_COMMAND" batch -q --delete-original --yes --source disc)
  cp -p lib/rip/film.mkv lib/rip/two.mkv
  expect 1 "${batch[@]}" -o lib lib/rip
  for mkv in film two; do
    says err "lib/rip/$mkv.mkv: is kept: lib/: what a server would have cannot be told: lib/locked: Permission denied"
  done
  [ -z "$(find lib -name '*.mkvdup')" ] || fail "made for nothing"
  # In a folder that is not there yet nothing is in the way.
  expect 0 "${batch[@]}" -o lib/new lib/rip
  [ -z "$(ls lib/rip)" ] || fail "kept: $(ls lib/rip)"
  chown -R 0 lib
  rm -r lib/locked lib/new
  cp -p saved.mkv lib/rip/film.mkv
  expect 0 mkvdup create -q -t 1 --name film.mkv -o lib/film.mkvdup saved.mkv disc
else
  rm lib/before.mkvdup.yaml
  not_tried "what cannot be read: needs root, and a checkout that nobody can read"
fi
# One that leads to the same, or other names, are no obstacles; and then it is served.
cp lib/film.mkvdup.yaml lib/copy.mkvdup.yaml
other -o lib/film2.mkvdup
expect 0 "${deleting[@]}" "${args[@]}"
[ ! -e lib/rip/film.mkv ] || fail "not deleted"
rm lib/copy.mkvdup.yaml
expect 0 mkvdup check -q lib
# The recipe's name was a link, or another name, of an older one that the sidecar names.
for way in "ln -s ../store/film.mkvdup" "ln store/film.mkvdup"; do
  anew && mkdir -p store olddisc && cp disc/*.VOB olddisc/old.vob
  expect 0 mkvdup create -q -t 1 --name film.mkv -o store/film.mkvdup saved.mkv olddisc
  mv store/film.mkvdup.yaml lib
  sed -i 's|^dedup_file:.*|dedup_file: "../store/film.mkvdup" # old|' lib/film.mkvdup.yaml
  $way lib/film.mkvdup
  rm -r olddisc
  mkdir -p lib/rip && cp -p saved.mkv lib/rip/film.mkv
  expect 0 "${deleting[@]}" "${args[@]}"
  grep -qx 'dedup_file: "film.mkvdup" # old' lib/film.mkvdup.yaml || fail "$(cat lib/film.mkvdup.yaml)"
  expect 0 mkvdup check -q lib
  rm -r store
done

# ---- What is served is what was verified, wherever the sidecar leads by then

cp -r disc bad
printf XXXX | dd of="$(echo bad/*.VOB)" bs=1 seek=600000 conv=notrunc status=none
again
expect 1 env MEANWHILE_AT="5 fsync" MEANWHILE_DO="sed -i s#$PWD/disc#$PWD/bad# film.mkvdup.yaml && touch edited" \
  LD_PRELOAD="$preloaded/meanwhile.so" "${deleting[@]}" film.mkv disc
[ -e edited ] || fail "it did not happen"
says err "film.mkv: is kept: $PWD/bad/VTS_01_1.VOB: was changed or replaced since it was verified"
cmp film.mkv saved.mkv
# Also while the library is read, which may take as long: it is looked at after that.
if can_trace "that sources are looked at last"; then
  again
  expect 0 strace -f -y -o trace -e trace=openat,openat2,pread64,getdents64,unlink "${deleting[@]}" film.mkv disc
  sed '/unlink("film.mkv")/q' trace >before
  library=$(grep -n 'getdents64' before | tail -n 1 | cut -d : -f 1)
  disc=$(grep -n 'VTS_01_1.VOB' before | tail -n 1 | cut -d : -f 1)
  [ -n "$library" ] && [ "$library" -lt "$disc" ] || fail "the library is read last: $library, $disc: $(tail -50 before)"
fi
