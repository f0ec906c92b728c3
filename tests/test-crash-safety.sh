#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# What mkvdup writes is the old or the new, whatever happens meanwhile: the process is killed,
# the machine loses power, a system call fails, or others write the same.
#
# A recipe and its sidecar are two files, and between their renames there is an instant with
# the new recipe and the old sidecar, or none.  It is harmless: no recipe is served by the
# name of another image, as a sidecar says of what size its image is; sources are believed
# for what is in them, wherever they are said to be; and create makes it good.  There is never
# an old recipe with a new sidecar.

. "${srcdir:=.}/lib.sh"
. "$srcdir/command.sh"

need strace nbdinfo nbdcopy jq cmp flock
[ "${SAN:-none}" = none ] || { echo "SKIP: strace and sanitizers exclude each other"; exit 77; }
strace -o /dev/null true 2>/dev/null || { echo "SKIP: nothing can be traced here"; exit 77; }

mkvdup=${MKVDUP_COMMAND:?not started by ./run}
export mkvdup tmp

# ---- Two films by names of their own, with a disc each, and what create makes of them.

for n in 1 2; do
  "${builddir:?}/media/make-stream" --seed "$n" --size 1 "made-$n"
  mv "made-$n/title.mkv" "film-$n.mkv"
  mv "made-$n/disc" "disc-$n"
  mkdir "good-$n"
  (cd "good-$n" && mkvdup create -q -o out.mkvdup "$tmp/film-$n.mkv" "$tmp/disc-$n")
done
mkdir none
# One whose image has a name that somebody gave it, of a disc that was elsewhere.
cp -r good-2 named
cp -r disc-2 disc-moved
sed -i "s/^name: .*/name: Named.mkv/; s|^source_dir: .*|source_dir: $tmp/disc-moved|" named/out.mkvdup.yaml

# ---- Each command that writes

# listed: the titles of the library that the current folder is.
listed ()
{
  # shellcheck disable=SC2016 # nbdkit's $uri
  nbdkit -t 1 -U - mkvdup library="$PWD" disk= source-index= \
    --run 'nbdinfo --list --json "$uri"' 2>log | jq -r '.exports[]."export-name"' | paste -sd ' '
}
export -f listed

# judge_create OLD N: N of recipe and sidecar are new, of film 2; is that as it should be?
# The name that it was given stays.
judge_create ()
{
  local list
  list=$(listed)
  case $1/$2 in
  none/0) [ -z "$list" ] ;;
  none/1) [ "$list" = out.mkv ] && mkvdup verify -q -s "$tmp/disc-2" out.mkvdup "$tmp/film-2.mkv" ;;
  good-1/0) [ "$list" = film-1.mkv ] && mkvdup verify -q out.mkvdup "$tmp/film-1.mkv" ;;
  good-1/1)
    # Not by the name of the other film.
    [ -z "$list" ] && grep -q 'out.mkvdup: is of an image of .* bytes, and "film-1.mkv"' log &&
      mkvdup verify -q -s "$tmp/disc-2" out.mkvdup "$tmp/film-2.mkv"
    ;;
  named/*) [ "$list" = Named.mkv ] && mkvdup verify -q out.mkvdup "$tmp/film-2.mkv" ;;
  */2) [ "$list" = film-2.mkv ] && mkvdup verify -q out.mkvdup "$tmp/film-2.mkv" ;;
  *) false ;;
  esac
}
export -f judge_create

faults=ENOSPC,EIO,EINTR
is_long || left_out "EDQUOT, EACCES, EROFS, EFBIG, writes of nothing; most of many writes in a row;" \
  "faults where nothing was before"

# written NAME BECOMES OLD JUDGE OPTION... -- COMMAND...: all that can happen to COMMAND, which
# in a copy of the folder OLD makes the files BECOMES new, in this order and so often.  JUDGE
# is a command that is told how many times are done.  $modes: not all of them.
written ()
{
  local name=$1 modes=${modes:-replay,proof,kill,inject}
  local options=(--becomes "$2" --judge "$4") old=$3
  shift 4
  while [ "$1" != -- ]; do
    options+=("$1")
    shift
  done
  if ! is_long; then
    [ "$old" != none ] || modes=replay,proof
    options+=(--sparse --faults "$faults")
  fi
  echo "$name over $old:"
  python3 "$srcdir/crash-replay.py" "$modes" "${options[@]}" "$old" work "$@" ||
    fail "$name is not safe"
}

for old in none good-1 named; do
  written create out.mkvdup,out.mkvdup.yaml $old "judge_create $old \"\$1\"" -- \
    "$mkvdup" create -q -f -t 1 -o out.mkvdup "$tmp/film-2.mkv" "$tmp/disc-2"
done

mkdir old-film
echo "what was here before" >old-film/again.mkv
for old in none old-film; do
  written extract again.mkv $old true -- \
    "$mkvdup" extract -q -f -t 1 -o again.mkv "$tmp/good-2/out.mkvdup"
done

# The index of sources that were moved: a hint, which no reader fails for.
mkdir -p moved/elsewhere old-index
for n in 1 2; do
  for disc in "disc-$n"/*; do
    cp "$disc" "moved/elsewhere/$n.vob"
  done
done
printf 'mkvdup sources 1\n%032x 5 /a/b\n' 7 >old-index/index
# with_index N RUN [PARAMETER...]: the command for that, with an index in the current folder.
with_index ()
{
  echo "${MKVDUP_NBDKIT:?}" -t 1 -U - "${MKVDUP_PLUGIN:?}" "$tmp/good-$1/out.mkvdup" \
    source="$tmp/moved" source-index=index "${@:3}" --run
}
read -ra command <<<"$(with_index 2 run)"
for old in none old-index; do
  written "source-index" index $old true --hint \
    --prefix '^nbdkit: error: where sources are is not remembered: ' -- \
    "${command[@]}" true
done

# The library of discs, which has been written by an earlier scan.
mkdir old-library
mkvdup scan -q --discs old-library/discs disc-1
# shellcheck disable=SC2016 # of the judge
for old in none old-library; do
  written scan discs $old \
    '[ ! -e discs ] || mkvdup probe -q --discs discs "$tmp/film-$((1 + $1)).mkv"' -- \
    "$mkvdup" scan -q -t 1 --discs discs "$tmp/disc-2"
done

# Folders that were not there are there for good when what is in them is.
written "batch into a new folder" new/one/film-2.mkvdup,new/one/film-2.mkvdup.yaml none true -- \
  "$mkvdup" batch -q -t 1 -o new/one -s "$tmp/disc-2" "$tmp/film-2.mkv"

# What check knows from earlier, which it writes at the end of each title and of all.  It says in
# it when that was, which here is always the same.
check=(env "LD_PRELOAD=${builddir:?}/.libs/fixed-time.so" "$mkvdup" check -q -t 1)
mkdir old-state
"${check[@]}" --state old-state/state good-1
# A state is one, whatever it knows: a check goes on from it.
# shellcheck disable=SC2016 # of the judge
for old in none old-state; do
  written "check's state" state,state,state $old '"$mkvdup" check -q --state state "$tmp/good-1" "$tmp/good-2"' -- \
    "${check[@]}" --state state "$tmp/good-1" "$tmp/good-2"
done

# What a sidecar says of where the disc is.
cp -r disc-2 elsewhere
written relocate out.mkvdup.yaml good-2 'mkvdup verify -q out.mkvdup "$tmp/film-2.mkv"' -- \
  "$mkvdup" relocate -q -s "$tmp/elsewhere" out.mkvdup

# The index of a disc, for its next rip.  It is written by stdio, and a failure is a warning.
# shellcheck disable=SC2016 # it is the inner shell that expands
kept=(bash -c 'XDG_CACHE_HOME=$PWD "$mkvdup" index-source -q -t 1 --keep-index "$tmp/disc-1" >&2')
mkdir indexes
(cd indexes && "${kept[@]}")
name=$(cd indexes && echo mkvdup/indexes/*)
echo >>"indexes/$name"
for old in none indexes; do
  modes=replay,proof,kill written "a kept index" "$name" $old "${kept[2]}" -- "${kept[@]}"
done

# ---- No room

# Under a limit of its files' sizes a server lives on, and tells once of two titles.
# (A file of messages would be limited, too.)
mkdir lib limited
for n in 1 2; do
  cp good-$n/out.mkvdup lib/$n.mkvdup
done
cd limited
# shellcheck disable=SC2016 # nbdkit's $uri
prlimit --fsize=100 nbdkit -t 1 -U - mkvdup library=../lib source="$tmp/moved" disk= \
  source-index=index \
  --run 'for n in 1 2; do
      "$builddir/read-range" "nbd+unix:///$n.mkv?socket=$unixsocket" 0 1000000 |
        cmp -n 1000000 - "$tmp/film-$n.mkv" || exit 1
    done' 2>&1 | cat >../err || fail "a server dies of a limit: $(cat ../err)"
cd ..
[ "$(grep -c "not remembered: .*/index: write at 100: File too large" err)" -eq 1 ] ||
  fail "the index is told of otherwise than once: $(cat err)"
[ -z "$(ls -A limited)" ] || fail "left: $(ls -A limited)"

if unshare -rm true 2>/dev/null; then
  # shellcheck disable=SC2016 # it is the inner shell that expands
  full=(unshare -rm bash -c 'set -e
    mount -t tmpfs -o size=512k none none
    echo old >none/again.mkv
    status=0
    "$@" || status=$?
    [ "$(cat none/again.mkv)" = old ] && [ "$(ls -A none)" = again.mkv ] || exit 99
    exit $status' -)
  expect 1 "${full[@]}" mkvdup extract -q -f -o none/again.mkv good-2/out.mkvdup
  says err "none/again.mkv: No space left on device"
else
  not_tried "a full file system: no mounts here"
fi

# ---- Several at once

# pair: 1 or 2, of which film both files are; it fails if they are not of one.
pair ()
{
  local n
  for n in 1 2; do
    if cmp -s race/out.mkvdup good-$n/out.mkvdup; then
      cmp race/out.mkvdup.yaml good-$n/out.mkvdup.yaml >&2 || fail "recipe $n has another's sidecar"
      [ "$(find race -mindepth 1 | wc -l)" -eq 2 ] || fail "left: $(ls -A race)"
      echo $n
      return
    fi
  done
  fail "the recipe is nobody's"
}

# race_create N [UNDER...]
race_create ()
{
  "${@:2}" "$mkvdup" create -q -f -t 1 -o race/out.mkvdup "film-$1.mkv" "disc-$1"
}

# Under what it is slow between its renames, or killed there.
slow=(strace -f -o /dev/null -e trace=rename -e inject=rename:delay_exit=500000:when=1)
killed=(strace -f -o /dev/null -e trace=rename -e inject=rename:signal=SIGKILL:when=2)

mkdir race
# One is slow between its renames, and the other comes then.
race_create 1 "${slow[@]}" &
pid=$!
until [ -e race/out.mkvdup ]; do
  kill -0 "$pid" || fail "no recipe"
  sleep 0.01
done
race_create 2
wait "$pid"
last=$(pair) # alone, so that its failure is one
echo "who came last: $last"

# The name that a user has given an image stays; but that of an image of the same size, whose
# recipe another create is just replacing, is not taken for it.
cp film-1.mkv film-3.mkv
printf 3 | dd of=film-3.mkv bs=1 seek=1000 conv=notrunc status=none
rm race/*
"$mkvdup" create -q -o race/out.mkvdup film-3.mkv disc-1
cp race/out.mkvdup.yaml third.yaml
race_create 1 "${slow[@]}" &
pid=$!
until cmp -s race/out.mkvdup good-1/out.mkvdup; do
  kill -0 "$pid" || fail "no recipe"
  sleep 0.01
done
cmp -s race/out.mkvdup.yaml third.yaml || fail "nothing between its renames"
race_create 1
wait "$pid"
last=$(pair)

# So is that of another size, which is left where one was killed between its renames.
cp good-2/out.mkvdup* race
race_create 1 "${killed[@]}" 2>/dev/null && fail "was not killed"
rm race/.out.mkvdup.yaml.??????.tmp
cmp -s race/out.mkvdup.yaml good-2/out.mkvdup.yaml || fail "was not killed between renames"
race_create 1
last=$(pair)
rm race/*

rounds=$(usually 5 200) won=()
for ((i = 0; i < rounds; i++)); do
  pids=()
  for n in 1 2 1 2 1 2 1 2; do
    race_create $n 2>>race.log &
    pids+=($!)
  done
  for pid in "${pids[@]}"; do
    wait "$pid" || fail "one of many: $(cat race.log)"
  done
  last=$(pair)
  won+=("$last")
  rm race/*
done
[ ! -s race.log ] || fail "$(cat race.log)"
echo "$rounds rounds of 8 creates: won by ${won[*]}"

# Who dies with the lock leaves none behind.
race_create 1 "${killed[@]}" 2>/dev/null && fail "was not killed"
[ -e race/out.mkvdup ] && [ ! -e race/out.mkvdup.yaml ] || fail "was not killed between renames"
rm race/.out.mkvdup.yaml.??????.tmp
timeout "$patience" "$mkvdup" create -q -f -o race/out.mkvdup film-2.mkv disc-2 || fail "a stale lock"
[ "$(pair)" = 2 ]

# Who waits for it can be interrupted.
(exec 9<race && flock 9 && exec sleep 1000) &
holder=$!
until ! flock -n race true; do
  sleep 0.01
done
env --default-signal=INT "$mkvdup" create -q -f -o race/out.mkvdup film-1.mkv disc-1 2>err &
pid=$!
# It waits: all is written, and it has been asleep for a while.
asleep=0
until [ "$asleep" -ge 10 ] && compgen -G 'race/.out.mkvdup.yaml.??????.tmp' >/dev/null; do
  state=$(cut -d ' ' -f 3 "/proc/$pid/stat") || fail "does not wait: $(cat err)"
  asleep=$((asleep + 1))
  [ "$state" = S ] || asleep=0
  sleep 0.02
done
kill -INT "$pid"
status=0
wait "$pid" || status=$?
kill "$holder"
[ $status -eq 130 ] || fail "status $status when interrupted: $(cat err)"
says err "interrupted"
[ "$(pair)" = 2 ]

# Two servers, one index: it is whole.  That of the last one to write wins; what the other
# found is in it if it was written before the last one looked.
mkdir shared
both=0 rounds=$(usually 5 100)
for ((i = 0; i < rounds; i++)); do
  pids=()
  for n in 1 2; do
    read -ra command <<<"$(with_index $n run)"
    (cd shared && exec "${command[@]}" true) &
    pids+=($!)
  done
  for pid in "${pids[@]}"; do
    wait "$pid" || fail "a server failed"
  done
  lines=$(wc -l <shared/index)
  [ "$(head -n 1 shared/index)" = "mkvdup sources 1" ] && [ "$lines" -ge 2 ] &&
    [ "$(grep -cE '^[0-9a-f]{32} [0-9]+ /.*/elsewhere/[12]\.vob$' shared/index)" -eq $((lines - 1)) ] ||
    fail "a broken index: $(cat shared/index)"
  [ "$(ls -A shared)" = index ] || fail "left: $(ls -A shared)"
  [ "$lines" -ne 3 ] || both=$((both + 1))
  rm shared/index
done
echo "$rounds rounds of two servers with one index: it has both $both times"
