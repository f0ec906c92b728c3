#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# mkvdup create killed at any instant, interrupted, or out of room: under the recipe's
# name there is the old file, or the new one whole, or none; and never a part.

. "${srcdir:=.}/lib.sh"
. "$srcdir/command.sh"

need jq cmp prlimit

set=$(media)
disc=$set/disc.iso
# A good part of it is on no disc, so that matching, coding and reading back take time.
cat "$set/mkvmerge.mkv" "$set/other.mkv" >film.mkv
expect 0 mkvdup create -q -t 1 -o good.mkvdup film.mkv "$disc"
size=$(stat -c %s good.mkvdup)

# An older recipe: of another file by the same name, so that it can be told apart.
cp "$set/trimmed.mkv" old.mkv
expect 0 mkvdup create -q -o old.mkvdup old.mkv "$disc"

mkdir dir
now ()
{
  echo "${EPOCHREALTIME/[.,]/}" # microseconds
}
start=$(now)
expect 0 mkvdup create -q -f -t 1 -o dir/film.mkvdup film.mkv "$disc"
duration=$(($(now) - start))
cmp dir/film.mkvdup good.mkvdup
rm dir/*
echo "takes $duration us"

# later MICROSECONDS
later ()
{
  sleep "$(printf '%d.%06d' $(($1 / 1000000)) $(($1 % 1000000)))"
}

# What a killed create has left: how far it was.
declare -A phases=([begun]=0 [indexing]=0 [matching]=0 [written]=0 [complete]=0)
note_phase ()
{
  local temporary
  temporary=$(find dir -name '.film.mkvdup.??????.tmp')
  if cmp -s dir/film.mkvdup good.mkvdup; then
    phase=complete # there may be no sidecar yet
  elif [ -z "$temporary" ]; then
    phase=begun
  elif [ "$(stat -c %s "$temporary")" -lt 1000 ]; then
    phase=indexing
  elif [ "$(stat -c %s "$temporary")" -lt "$size" ]; then
    phase=matching
  else
    phase=written
  fi
  phases[$phase]=$((phases[$phase] + 1))
}

# kill_create INSTANT
kill_create ()
{
  mkvdup create -q -f -t 1 -o dir/film.mkvdup film.mkv "$disc" 2>/dev/null &
  local pid=$!
  later "$1"
  kill -KILL "$pid" 2>/dev/null || true
  wait "$pid" 2>/dev/null || true
}

# ---- SIGKILL: so many instants, and more until each phase was met

instants=$(usually 20 50)

all_met ()
{
  [ "${phases[indexing]}" -gt 0 ] && [ "${phases[matching]}" -gt 0 ] &&
    [ "${phases[written]}" -gt 0 ] && [ "${phases[complete]}" -gt 0 ]
}
RANDOM=1
for ((i = 0; i < instants || (i < 200 && $(all_met; echo $?)); i++)); do
  # Every other time there is an older recipe.
  [ $((i % 2)) -eq 0 ] || cp old.mkvdup dir/film.mkvdup
  kill_create $((duration * (RANDOM % 1100) / 1000))
  note_phase
  # The one that was measured may have been slowed by others.
  if [ "$phase" = complete ]; then
    duration=$((duration * 9 / 10))
    expect 0 mkvdup verify -q --source "$set" dir/film.mkvdup film.mkv
    rm -f dir/* dir/.film*
    continue
  fi
  duration=$((duration * 51 / 50))
  if [ $((i % 2)) -eq 0 ]; then
    [ ! -e dir/film.mkvdup ] || fail "killed while $phase: a recipe is there"
  else
    cmp dir/film.mkvdup old.mkvdup || fail "killed while $phase: the old recipe is gone"
  fi
  rm -f dir/* dir/.film*
done
for phase in "${!phases[@]}"; do
  echo "$phase: ${phases[$phase]}"
done
all_met || fail "not killed in each phase"

# What is left behind is in nobody's way, and the old recipe works.
cp old.mkvdup dir/film.mkvdup
mkvdup create -q -f -t 1 -o dir/film.mkvdup film.mkv "$disc" 2>/dev/null &
pid=$!
until compgen -G 'dir/.film.mkvdup.*.tmp' >/dev/null; do
  kill -0 "$pid" 2>/dev/null || fail "no temporary file was seen"
done
kill -KILL "$pid" 2>/dev/null || true
wait "$pid" 2>/dev/null || true
expect 0 mkvdup verify -q --source "$set" dir/film.mkvdup old.mkv
expect 0 mkvdup create -q -f -o dir/film.mkvdup film.mkv "$disc"
expect 0 mkvdup verify -q dir/film.mkvdup film.mkv
cmp dir/film.mkvdup good.mkvdup
rm -f dir/.film*

# ---- Ctrl-C at any instant: nothing is left, or all of it is there

interrupts=$(usually 6 12)
for ((i = 0; i < interrupts; i++)); do
  rm -f dir/*
  status=0
  env --default-signal=INT mkvdup create -q -f -t 2 -o dir/film.mkvdup film.mkv "$disc" 2>err &
  pid=$!
  later $((duration * (2 * i + 1) / (2 * interrupts)))
  kill -INT "$pid" 2>/dev/null || true
  wait "$pid" 2>/dev/null || status=$?
  case $status in
  0) cmp dir/film.mkvdup good.mkvdup ;;
  130)
    # It came when the recipe had its name already: then that is whole, sidecar and all.
    if [ -e dir/film.mkvdup ]; then
      cmp dir/film.mkvdup good.mkvdup
      rm dir/film.mkvdup dir/film.mkvdup.yaml
    fi
    [ -z "$(ls -A dir)" ] || fail "SIGINT leaves $(ls -A dir)"
    ;;
  *) fail "SIGINT: exit status $status: $(cat err)" ;;
  esac
done

# ---- no room

# no_room TEXT COMMAND...: it says so, in one line, and leaves what was there.
no_room ()
{
  local text=$1
  shift
  expect 1 "$@"
  says err "mkvdup: "
  says err "$text"
  [ "$(wc -l <err)" -eq 1 ] || fail "more than one line: $(cat err)"
  cmp dir/film.mkvdup old.mkvdup
  [ "$(ls -A dir)" = film.mkvdup ] || fail "left: $(ls -A dir)"
}
create=(mkvdup create -q -f -t 1 -o dir/film.mkvdup film.mkv "$disc")

rm -f dir/*
cp old.mkvdup dir/film.mkvdup
# Messages are in a file too.
for limit in 500 100000 $((size / 2)) $((size - 1)); do
  no_room "File too large" prlimit --fsize=$limit "${create[@]}"
done
no_room "/proc/film.mkvdup" mkvdup create -q -o /proc/film.mkvdup film.mkv "$disc"

# A full file system and a read-only one, where we may mount them.
if unshare -rm true 2>/dev/null; then
  # shellcheck disable=SC2016 # it is the inner shell that expands
  in_tmpfs=(unshare -rm bash -c 'set -e
    options=$1; shift
    old=$(base64 dir/film.mkvdup)
    mount -t tmpfs -o size=1m none dir
    base64 -d <<<"$old" >dir/film.mkvdup
    mount -o "remount,$options" none dir
    status=0
    "$@" || status=$?
    [ "$(ls -A dir)" = film.mkvdup ] || { echo "left: $(ls -A dir)" >&2; exit 99; }
    cmp dir/film.mkvdup old.mkvdup || exit 99
    exit $status' -)
  no_room "No space left on device" "${in_tmpfs[@]}" size=1m "${create[@]}"
  no_room "Read-only file system" "${in_tmpfs[@]}" ro "${create[@]}"
else
  not_tried "a full file system and a read-only one: no mounts here"
fi
is_long || left_out "30 instants of SIGKILL, 6 of SIGINT"
