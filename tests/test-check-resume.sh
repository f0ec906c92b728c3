#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# mkvdup check --state: what was proven is not read again while it is as it was; and whatever
# ends a check, the state is whole and nothing of it is lost.

. "${srcdir:=.}/lib.sh"
. "$srcdir/command.sh"
. "$srcdir/library.sh"
. "$srcdir/check.sh"

need jq python3 flock

# Six titles of five discs.
for i in 1 2 3 4 5; do
  make_title "$i" "lib/t$i.mkvdup"
done
mkdir lib/Again
cp lib/t1.mkvdup lib/Again/t7.mkvdup
for recipe in lib/t?.mkvdup lib/Again/t7.mkvdup; do
  number=${recipe//[^1-6]/}
  printf 'name: %s\ndedup_file: %s\nsource_dir: %s\n' "$(basename "$recipe" .mkvdup).mkv" \
    "$(basename "$recipe")" "$tmp/discs/${number:-1}" >"$recipe.yaml"
done
at=300100 # in a packet that is in the MKV
sleep 2.1 # until their times are old enough to be told by

# ---- State: a round that is done begins anew; --max-age; what has changed

for round in 1 2; do
  check 0 lib --state state
  is .summary.good 6
done
check 0 lib --state state --max-age 7
is .summary.skipped 6
# Its folder is made, as a server makes that of its index.
check 0 lib --state new/folder/state
check 0 lib --state new/folder/state --max-age 7
is .summary.skipped 6
rm -r new
is .summary.bytes 0
expect 0 mkvdup check lib --state state --max-age 7
says out "6 titles: 0 good, 0 bad, 6 skipped; 0 bytes"
# A link to it is followed, and stays one.
mkdir linked
ln -s ../state linked/state
cp state before
check 0 lib --state linked/state
[ "$(readlink linked/state)" = ../state ] || fail "the link is replaced"
! cmp -s state before || fail "what the link leads to is not what was written"
rm before linked/state
ln -s nowhere linked/state
refused "linked/state: No such file" check lib --state linked/state
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
# A round that is not done counts until it was left alone for 30 days; or for as long as is said.
check 0 lib --state state
"$builddir/age-state" --open state $((29 * 86400))
"$builddir/age-state" state $((2 * 86400)) t2.mkv
cp state open
check 0 lib --state state
[ "$(titles good)" = "" ] || fail "too old in the open round: $(titles good)"
cp open state
"$builddir/age-state" state $((2 * 86400))
check 0 lib --state state
is .summary.good 6
cp open state
check 0 lib --state state --max-age 28
is .summary.good 6
cp open state
check 0 lib --state state --max-age 30
[ "$(titles good)" = t2.mkv ] || fail "too old with --max-age: $(titles good)"
check 0 lib --state state
# A byte, with the time set back; a recipe that is another; a name that is gone.
cp -p discs/3/VTS_01_1.VOB right
poke discs/3/VTS_01_1.VOB $at
touch -r right discs/3/VTS_01_1.VOB
sleep 2.1 # until that could be told from now
cp lib/t5.mkvdup new
mv new lib/t5.mkvdup
check 1 lib --state state --max-age 7
[ "$(titles bad) $(titles good)" = "t3.mkv t5.mkv" ] || fail "changed: $(titles bad) $(titles good)"
# What was bad is read again, and bad until it is mended.
check 1 lib --state state --max-age 7
[ "$(titles bad)" = t3.mkv ] || fail "forgotten: $(titles bad)"
poke discs/3/VTS_01_1.VOB $at
check 0 lib --state state --max-age 7
is .summary.bad 0
mv lib/Again gone
expect 0 mkvdup check -q lib --state state --max-age 7
silent out
[ "$(cat err)" = "mkvdup: warning: Again/t7.mkv: was checked before, and is not in the library any more" ] ||
  fail "$(cat err)"
! grep -q Again state || fail "what is gone is remembered"
# But not where it could not be looked for.
mkdir unmounted
for library in no-such-folder unmounted; do
  check 1 $library --state state --max-age 7
  is .summary.gone 5
  says err "t5.mkv: was checked before, and is not in the library any more"
  grep -q ' t1.mkv$' state || fail "a folder that was away is forgotten"
done
check 0 lib --state state --max-age 7
is '.summary.skipped >= 3' true # t3 and t5 are new
is .summary.gone 0
mv gone lib/Again
# Sources are remembered, too, once the one that was mended is old enough.
sleep 2.1
check 0 lib --state state --sources --max-age 7
is .summary.sources.good 5
check 0 lib --state state --sources --max-age 7
is '.summary.sources | tojson' '{"good":0,"bad":0,"skipped":5}'

# ---- Two checks with one state at a time

# The first has found t1 proven and is about to put back what it knows; the second finds it bad.
mkdir two
cp lib/t[12].mkvdup two
sleep 2.1 # until their times are old enough
check 0 two --source discs --state both
"$builddir/age-state" both $((40 * 86400)) t2.mkv
again=(two --source discs --state both --max-age 30)
if can_trace "two checks with one state"; then
  strace -f -o /dev/null -e trace=rename -e inject=rename:delay_enter=1000000:when=1 \
    mkvdup check "${again[@]}" >first 2>&1 &
  pid=$!
  until compgen -G '.both.*.tmp' >/dev/null; do
    kill -0 $pid 2>/dev/null || break
    sleep 0.01
  done
  poke discs/1/VTS_01_1.VOB $at
  expect 1 mkvdup check "${again[@]}"
  says out "1 bad"
  wait $pid || fail "the first: $(cat first)"
  grep -q "2 titles: 1 good, 0 bad, 1 skipped" first || fail "the first: $(cat first)"
  grep -q '^title bad .* t1.mkv$' both || fail "what was bad is lost: $(cat both)"
  poke discs/1/VTS_01_1.VOB $at
fi

# ---- A state that is none

poke state 40
cp state damaged
refused "state: is damaged" check lib --state state -q
cmp state damaged
echo 'something else' >other
refused "other: is no state of mkvdup check" check lib --state other -q
[ "$(cat other)" = "something else" ] || fail "another's file was replaced"
ln -s gone link-to-nothing
expect 1 mkvdup check lib --state link-to-nothing/state
says err "link-to-nothing/state"
says err "not remembered"
says out "6 titles: 6 good"

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

# begin COMMAND: check in the background, by that, and wait until a title is done.
begin ()
{
  "$@" mkvdup check "${many[@]}" >out 2>err &
  pid=$!
  until [ -n "$(good)" ]; do
    kill -0 $pid 2>/dev/null || break
    sleep 0.01
  done
}

# go_on: what was proven is skipped, and all the rest is read.
go_on ()
{
  local proven
  proven=$(good)
  check 0 "${many[@]}"
  is '.summary | [.skipped, .good] | tojson' "[${proven:-0},$((40 - ${proven:-0}))]"
  grep -q '^round [0-9]* done$' st || fail "the round is not done"
}

n_killed=0
for i in $(seq "$(usually 3 40)"); do
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
# Another file comes to be there meanwhile, while the check does not write.
rm -f st
begin exec
flock . mv other st
status=0
wait $pid || status=$?
[ "$(cat st)" = "something else" ] || fail "another's file was replaced: $(head -2 st)"
if [ $status -ne 0 ]; then # if it was not faster
  says err "st: is no state of mkvdup check"
  says err "(what is checked from now on is not remembered)"
  is_once=$(grep -c "not remembered" err)
  [ "$is_once" -eq 1 ] || fail "told $is_once times"
fi
says out "40 titles: 40 good"
# Again and again, within one round.
rm -f st
before=0
for i in 1 2 3; do
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
! grep -qs 'open$' st || go_on

# The second signal comes in another round, which has nothing of the first.
rm -f st .st.*.tmp
for how in INT TERM "INT --json"; do
  signal=${how% *}
  [[ $how != *json ]] || many+=(--json)
  for try in {1..20}; do
    begin env --default-signal=$signal
    kill -s $signal $pid 2>/dev/null || true
    status=0
    wait $pid || status=$?
    [ $status -eq 0 ] || break
  done
  [ $status -eq 1 ] || fail "SIG$signal: exit status $status"
  says err "mkvdup: interrupted: the same command goes on where this ended"
  if [[ $how == *json ]]; then
    is .summary.interrupted true
    is ".summary.good > 0 and .summary.good < 40" true
  else
    says out "interrupted; "
  fi
  [ "$(good)" -gt 0 ] || fail "nothing is remembered"
  [ "$(good)" -lt 40 ] || fail "another round is taken for this one"
  go_on
done
! compgen -G '.st.*.tmp' >/dev/null || fail "temporary files are left"
