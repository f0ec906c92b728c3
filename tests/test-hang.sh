#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# What hangs is waited for as long as timeout= says and no longer: its reads are EIO then, and
# soon those that come later; no thread more is lost to each; others do not notice; and it is
# served again when it answers, or when its path leads to what does.

. "${srcdir:=.}/lib.sh"
. "$srcdir/library.sh"

need nbdkit
[ "${SAN:-none}" != valgrind ] || { echo "SKIP: no time to measure in valgrind"; exit 77; }

timeout=1
# Over a busy machine's head: what is bounded ends within this, in milliseconds.
soon=$((patience * 1000 / 4))

make_title 1 lib/one.mkvdup
make_title 2 lib/two.mkvdup
mkdir more
cp lib/two.mkvdup more/three.mkvdup
disc=$(find "$tmp/discs/1" -type f)
size=$(stat -c %s "$disc")

# hangs FILE...: from now on; none: no more.
hangs ()
{
  faults_of hang "$@"
}

# is_dead FILE...: who looks at it or opens it hangs, too.
is_dead ()
{
  faults_of dead "$@"
}

# faults_of KIND FILE...
faults_of ()
{
  local file
  for file in "${@:2}"; do
    echo "$file 0 $(stat -c %s "$file") $1"
  done >faults.new
  mv faults.new faults
}

serve ()
{
  hangs
  MKVDUP_SAN_RUNTIME=${MKVDUP_SAN_RUNTIME:+$MKVDUP_SAN_RUNTIME:}${builddir:?}/.libs/faulty-source.so \
    FAULTS=$tmp/faults start_nbdkit "$tmp/sock" mkvdup library=lib library=more \
    ${first_place:+source="$first_place"} source="$tmp/discs/1" source="$tmp/discs/2" source-index= "$@"
}

now_ms ()
{
  echo $((${EPOCHREALTIME/[.,]/} / 1000))
}

# answer FILM NUMBER OFFSET LENGTH: right, wrong, or the error's name.
answer ()
{
  if ! client "$builddir/read-range" "$(uri "$1.mkv")" "$3" "$4" >"range.$1"; then
    cat "range.$1"
  elif cmp -s -i "$3":0 -n "$4" "$2.mkv" "range.$1"; then
    echo right
  else
    echo wrong
  fi
}

# expect ANSWER FILM NUMBER OFFSET LENGTH
expect ()
{
  local got
  got=$(answer "${@:2}")
  [ "$got" = "$1" ] || fail "$2 at $4: $got, not $1"
}

# within MS COMMAND...
within ()
{
  local began took
  began=$(now_ms)
  "${@:2}"
  took=$(($(now_ms) - began))
  [ "$took" -le "$1" ] || fail "took $took ms: ${*:2}"
}

# recovers FILM NUMBER: how many milliseconds until it is right, all of it.
recovers ()
{
  local began waited=0
  began=$(now_ms)
  until [ "$(answer "$1" "$2" 4096 100000)" = right ]; do
    [ $((waited++)) -lt $((patience * 5)) ] || fail "$1: is not served again"
    sleep 0.2
  done
  echo "$1: right again after $(($(now_ms) - began)) ms"
  check_title "$1.mkv" "$2"
}

threads ()
{
  awk '$1 == "Threads:" { print $2 }' "/proc/${server_pid[$tmp/sock]}/status"
}

# ---- A disc

serve timeout=$timeout
expect right one 1 0 100000
hangs "$disc"
within $soon expect EIO one 1 2000000 100000
grep -q "one.mkvdup: offset 2000000: .*/1/${disc##*/}: no answer within" "$tmp/sock.log" ||
  fail "the disc is not named"
# Others, also one that nobody has opened yet.
expect right two 2 2000000 100000
check_title three.mkv 2
# What comes later fails sooner, and takes no threads with it.
expect EIO one 1 2200000 100000
before=$(threads)
began=$(now_ms)
for i in {1..20}; do
  expect EIO one 1 $((1000000 + i * 4096)) 4096
done
took=$(($(now_ms) - began))
[ $took -lt $((20 * timeout * 1000)) ] || fail "20 reads took $took ms"
[ "$(threads)" -le $((before + 2 + took / (timeout * 1000))) ] ||
  fail "$before threads before 20 reads, $(threads) after"
grep -q "/1/.*does not answer" "$tmp/sock.log" || fail "the disc is not named later"
hangs
recovers one 1

# Nor with two who read in turn, each of whom has what he wants asked for before he waits.
# reader DELAY OFFSET: of a film that is not proven yet; it fails each time.
reader ()
{
  local i
  sleep "$1"
  for i in {1..12}; do
    [ "$(client "$builddir/read-range" "$(uri part.mkv)" "$2" 4096)" = EIO ]
  done
}
cp lib/one.mkvdup lib/part.mkvdup
check_names one.mkv two.mkv three.mkv part.mkv disk
expect right part 1 0 4096
hangs "$disc"
before=$(threads)
reader 0 1100000 &
first=$!
reader 0.5 2200000 &
second=$!
wait $first && wait $second || fail "what hangs was read"
after=$(threads)
[ "$after" -le $((before + 12)) ] || fail "$before threads before two readers, $after after"
hangs
recovers part 1
rm lib/part.mkvdup
check_names one.mkv two.mkv three.mkv disk

# ---- All but its sample, which can be read still and says that it is right

blocks=$(((size + 4095) / 4096))
for ((i = 0; i < 15; i++)); do
  from=$(((i * (blocks - 1) / 15 + 1) * 4096)) end=$(((i + 1) * (blocks - 1) / 15 * 4096))
  echo "$disc $from $((end - from)) hang"
done >faults.new
mv faults.new faults
before=$(threads)
for i in {1..10}; do
  expect EIO one 1 $((1000000 + i * 4096)) 4096
done
[ "$(threads)" -le $((before + 6)) ] || fail "$before threads before 10 reads, $(threads) after"
hangs
recovers one 1

# ---- Its path leads to another file, while what was read of the old one still hangs

hangs "$disc"
within $soon expect EIO one 1 2000000 100000
sleep $timeout
cp -p "$disc" copy
mv copy "$disc"
recovers one 1
hangs

# ---- The disc's file system is dead: nobody can even look at what is open

expect right two 2 2000000 100000
is_dead "$disc"
within $soon expect EIO one 1 2000000 100000
expect right two 2 2000000 100000
hangs
recovers one 1

# ---- A recipe

# What is needed of it is in memory.
hangs lib/two.mkvdup
within $soon expect right two 2 500000 4096
hangs
stop_nbdkit "$tmp/sock"
serve timeout=$timeout cache-size=1
expect right two 2 2000000 100000
hangs lib/two.mkvdup
within $soon expect EIO two 2 500000 4096
expect right one 1 2000000 100000
hangs
recovers two 2

stop_nbdkit "$tmp/sock"

# ---- Dead before anybody has opened it; it is where all discs are looked for first

serve timeout=$timeout
is_dead "$disc"
within $soon expect EIO one 1 2000000 100000
grep -q "one.mkvdup: offset 2000000: .*no answer within" "$tmp/sock.log" || fail "the disc is not named"
# Who comes later does not wait for it.
within $soon expect right two 2 2000000 100000
check_title three.mkv 2
before=$(threads)
for i in {1..10}; do
  expect EIO one 1 $((1000000 + i * 4096)) 4096
done
[ "$(threads)" -le $((before + 3)) ] || fail "$before threads before 10 reads, $(threads) after"
hangs
recovers one 1
is_dead "$disc"
within $soon stop_nbdkit "$tmp/sock"

# ---- A recipe that cannot be read for a while, as the disk is made, and as it has changed

disk_size ()
{
  client nbdinfo --size "$(uri disk)"
}
disk_is_whole ()
{
  [ "$(disk_size)" -eq "$whole" ]
}
serve timeout=$timeout
whole=$(disk_size)
stop_nbdkit "$tmp/sock"
damaged=$(realpath lib/one.mkvdup)
echo "$damaged 0 4096 EIO" >kept
serve poll=1
mv kept faults
[ "$(disk_size)" -lt "$whole" ] || fail "the disk has what cannot be read"
hangs
wait_until "the whole disk" disk_is_whole
check_title one.mkv 1
echo "$damaged 0 4096 EIO" >kept
mv kept faults
touch lib/one.mkvdup
check_names two.mkv three.mkv disk
hangs
check_names one.mkv two.mkv three.mkv disk
check_title one.mkv 1
stop_nbdkit "$tmp/sock"

# ---- A recipe that hangs as the disk is made: who finds out fails, the next one has the rest

serve poll=1 timeout=$timeout
hangs lib/one.mkvdup
! disk_size 2>/dev/null || fail "nothing hung: the test tests nothing"
sleep $timeout
[ "$(within $soon disk_size)" -lt "$whole" ] || fail "the disk has what hangs"
check_title three.mkv 2
hangs
wait_until "the whole disk" disk_is_whole
stop_nbdkit "$tmp/sock"

# ---- A place that sources are looked for in, before others; the first who asks finds out

mkdir dead
other=$(find "$tmp/discs/2" -type f)
"${builddir:?}/media/make-stream" --seed 3 --size 3 made-3
mv "$(find made-3/disc -type f)" "dead/${other##*/}"
truncate -s "$(stat -c %s "$other")" "dead/${other##*/}"
cp lib/two.mkvdup more/four.mkvdup
first_place=$tmp/dead serve timeout=$timeout
hangs "dead/${other##*/}"
within $soon expect EIO two 2 0 4096
sleep $timeout
for film in three four two; do
  within $soon check_title $film.mkv 2
done
hangs
stop_nbdkit "$tmp/sock"

# ---- A disc whose file cannot even be closed, and more titles than are kept open

mkdir lots
for i in {10..79}; do
  cp lib/two.mkvdup "lots/x$i.mkvdup"
done
# answers: of the disk, in order, a part of each mebibyte; how many of which.
answers ()
{
  seq 0 1048576 $(($(stat -c %s whole) - 100000)) | sed 's/$/ 100000/' |
    client "$builddir/read-range" "$(uri disk)" whole | sort | uniq -c | sed 's/^ *//'
}
serve timeout=$timeout library=lots
client nbdcopy "$(uri disk)" whole
stop_nbdkit "$tmp/sock"
# Nobody else is to look for sources there.
first_place=$tmp/discs/2 serve timeout=$timeout library=lots
expect right one 1 2000000 100000
echo "$disc 0 $size close" >kept
mv kept faults
within $soon answers >answers
[ "$(sed 's/.* //' answers)" = right ] || fail "while a disc does not close: $(cat answers)"
[ -e faults.hangs ] || fail "nothing was closed: the test tests nothing"
within $soon stop_nbdkit "$tmp/sock"
hangs

# ---- The client has gone, and the server is to end

serve timeout=$timeout

hangs "$disc"
env -u LD_PRELOAD "$builddir/read-range" "$(uri one.mkv)" 2500000 4096 >gone &
sleep 0.2
kill -9 $!
wait $! || true
expect right two 2 2000000 100000
within $soon stop_nbdkit "$tmp/sock"

serve timeout=60
hangs "$disc"
client "$builddir/read-range" "$(uri one.mkv)" 0 4096 >gone &
reader=$!
sleep 0.5
within $soon stop_nbdkit "$tmp/sock"
wait $reader && fail "a read of what hangs was answered"

# So is a program that it has called, though a thread is left behind.
cat >called <<'END'
#!/bin/bash
echo $$ >part && mv part running
exec sleep 1000
END
chmod +x called
printf 'on_error_command: { command: [%s], batch_interval: 0s }\nincludes: []\n' "$tmp/called" >hook.yaml
serve timeout=$timeout library=hook.yaml
hangs "$disc"
expect EIO one 1 4096 4096
wait_until "the program" [ -s running ]
within $soon stop_nbdkit "$tmp/sock"
! kill -0 "$(cat running)" 2>/dev/null || fail "the hook's program outlives the server"

# ---- For ever

serve timeout=0
hangs "$disc"
answer one 1 0 4096 >answered &
reader=$!
sleep 1
[ ! -s answered ] || fail "timeout=0: $(cat answered)"
hangs
wait $reader
[ "$(cat answered)" = right ] || fail "timeout=0: $(cat answered)"
stop_nbdkit "$tmp/sock"
