#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Bad configuration stops nbdkit with one clear message; bad sources and recipes in
# service are EIO and a line in the log, for what needs them only.

. "${srcdir:=.}/lib.sh"

need nbdkit nbdcopy

"${builddir:?}/synthetic" dvd 6 4
size=$(stat -c %s image)
uri="nbd+unix:///?socket=$tmp/sock"

# refused MESSAGE ARGUMENT...: nbdkit does not start, and says why in one line.
refused ()
{
  local message=$1 status=0 log
  shift
  timeout "$patience" nbdkit -f -U "$tmp/refused" mkvdup "$@" 2>log || status=$?
  [ $status -eq 1 ] || fail "nbdkit started, or crashed: $*"
  log=$(grep -v '^==' log || true)
  [[ $log == *"$message"* ]] || fail "$*: no \"$message\" in: $log"
  [ "$(grep -c 'error' <<<"$log")" -eq 1 ] || fail "$*: not one message: $log"
}

# read_is_right OFFSET LENGTH: false if the server says no; wrong bytes are fatal.
read_is_right ()
{
  local length=$(($2 < size - $1 ? $2 : size - $1))
  client "$builddir/read-range" "$uri" "$1" $length >range || return 1
  cmp -i "$1":0 -n $length image range || fail "wrong bytes at $1"
}

# read_fails OFFSET LENGTH: with EIO, and nothing else.
read_fails ()
{
  if client "$builddir/read-range" "$uri" "$1" $(($2 < size - $1 ? $2 : size - $1)) >range
  then
    fail "the read at $1 did not fail"
  fi
  [ "$(cat range)" = EIO ] || fail "the read at $1 failed with $(cat range)"
}

refused 'no recipe'
refused 'nowhere.mkvdup' nowhere.mkvdup source=.
refused "$tmp/image: " image source=. # not a recipe
refused 'no source= given' image.mkvdup
refused 'unknown parameter' image.mkvdup source=. size=5
refused 'only one recipe' image.mkvdup file=other.mkvdup source=.
for pad in 0 3 131072 -1 x; do
  refused "pad" image.mkvdup source=. pad=$pad
done
refused 'neither "zero" nor "void"' image.mkvdup source=. pad-with=ones
refused 'cache-size=lots: is no size in bytes' image.mkvdup source=. cache-size=lots
refused 'cache-size=64MB: is no size in bytes' image.mkvdup source=. cache-size=64MB
refused 'cache-size=99999999T: is no size' image.mkvdup source=. cache-size=99999999T
refused 'cache-size=: is no size' image.mkvdup source=. cache-size=
refused 'pad=4KB: is no size in bytes' image.mkvdup source=. pad=4KB
refused 'source=: no path' image.mkvdup source=
refused 'library=: no path' library=
start_nbdkit "$tmp/sock" mkvdup image.mkvdup source=. pad=8s cache-size=1048576b
padded=$(client nbdinfo --size "nbd+unix:///?socket=$tmp/sock")
[ "$padded" -ge "$size" ] && [ $((padded % 4096)) -eq 0 ] || fail "not padded to 4096: $padded"
stop_nbdkit "$tmp/sock"
refused 'perhaps' image.mkvdup source=. direct=perhaps
mkdir empty
refused "$tmp/empty/disc: No such file" image.mkvdup source=empty
refused "$tmp/image: is $size bytes long" image.mkvdup source=image
head -c -1 image.mkvdup >short.mkvdup
refused 'short.mkvdup' short.mkvdup source=.
: >none.mkvdup
refused 'none.mkvdup' none.mkvdup source=.
printf 'no: [sidecar\n' >image.mkvdup.yaml
refused 'image.mkvdup.yaml' image.mkvdup
rm image.mkvdup.yaml
cp disc changed
printf '\377' | dd of=changed conv=notrunc bs=1 status=none
printf '\000' | dd of=changed conv=notrunc bs=1 seek=1 status=none
refused 'other content' image.mkvdup source=changed

# A source cut while it is served: what needs the lost part is EIO, with one line that
# names the file; what does not is right, and so is all of it once the file is back.
cp disc victim
# With proof what is near the lost part is lost too: test-plugin-verify.sh.
start_nbdkit "$tmp/sock" mkvdup image.mkvdup source=victim pad=1 verify=off
[ "$(client nbdcopy "$uri" - | sha256 /dev/stdin)" = "$(sha256 image)" ] || fail "wrong bytes"
sleep 1.2
truncate -s 1000000 victim
lines=$(wc -l <"$tmp/sock.log")
read_fails $((size - 300000)) 200000
# Zeros and other literals need no source.
read_is_right 10 50000
added=$(tail -n +$((lines + 1)) "$tmp/sock.log")
[ "$(wc -l <<<"$added")" -eq 1 ] || fail "not one line in the log: $added"
[[ $added == *"$tmp/victim: "*"1000000 bytes long"* ]] || fail "the log says: $added"
sleep 1.2
cp disc back
mv back victim
[ "$(client nbdcopy "$uri" - | sha256 /dev/stdin)" = "$(sha256 image)" ] || fail "did not recover"

# Written to while it is served, the size unchanged.
sleep 1.2
printf '\377\000\377' | dd of=victim conv=notrunc bs=1 status=none
lines=$(wc -l <"$tmp/sock.log")
read_fails $((size - 200000)) 100000
tail -n +$((lines + 1)) "$tmp/sock.log" | grep -q "$tmp/victim: .*other content" ||
  fail "a changed source was not noticed"
stop_nbdkit "$tmp/sock"

# A bit of a segment turned over: that segment is EIO, the others are served.
cp image.mkvdup damaged.mkvdup
at=$(($(stat -c %s image.mkvdup) / 2))
byte=$(od -An -tu1 -j $at -N 1 damaged.mkvdup)
printf '%b' "\\x$(printf %x $((byte ^ 16)))" |
  dd of=damaged.mkvdup conv=notrunc bs=1 seek=$at status=none
start_nbdkit "$tmp/sock" mkvdup damaged.mkvdup source=. pad=1
for ((at = 0; at < size; at += 65536)); do
  echo $at $((65536 < size - at ? 65536 : size - at))
done | client "$builddir/read-range" "$uri" image | sort | uniq -c >answers
bad=$(awk '$2 == "EIO" { print $1 }' answers)
[ "$(awk '{ print $2 }' answers | paste -sd ' ')" = "EIO right" ] || fail "$(cat answers)"
# A segment is 16 times as large.
[ "$bad" -le 16 ] || fail "$bad reads failed"
grep -q "damaged.mkvdup: .*segment" "$tmp/sock.log" || fail "the log does not say which"
stop_nbdkit "$tmp/sock"

# Two discs whose names differ in a number: each is named, once in ten seconds, and then with
# how often it came.
mkdir -p lib "d/Season 1 Disc" "d/Season 2 Disc"
for i in 1 2; do
  "$builddir/synthetic" dvd 2 $i
  mv disc "d/Season $i Disc/disc"
  mv image.mkvdup lib/$i.mkvdup
  printf 'name: %s\ndedup_file: %s\nsource_dir: "%s"\n' $i.mkv $i.mkvdup \
    "$tmp/d/Season $i Disc" >lib/$i.mkvdup.yaml
done
echo "virtual_files:" >many.yaml
for i in {0..299}; do
  echo "  - { name: none $i, dedup_file: lib/1.mkvdup, source_dir: none/Season $i Disc }"
done >>many.yaml
start_nbdkit "$tmp/sock" mkvdup library=lib library=many.yaml pad=1 verify=off
sleep 1.2
truncate -s 100000 d/*/disc
# named N TEXT: so many lines are of each disc, the last of them with that.
named ()
{
  local i lines
  for i in 1 2; do
    lines=$(grep "/d/Season $i Disc/disc: " "$tmp/sock.log" || true)
    [ "$(wc -l <<<"$lines")" -eq "$1" ] && [[ ${lines##*$'\n'} == *"$2"* ]] ||
      fail "not $1 lines of Season $i, the last with \"$2\": $lines"
  done
}
for try in {1..4}; do
  for i in 1 2; do
    uri="nbd+unix:///$i.mkv?socket=$tmp/sock" read_fails 1500000 4096
  done
done
told=$SECONDS
named 1 "100000 bytes long"

# More troubles than are remembered are counted, and are like none of those.
client python3 - "$srcdir" "$tmp/sock" <<'END'
import sys
sys.path.insert(0, sys.argv[1])
import raw_nbd
for i in range(300):
    try:
        raw_nbd.connect(sys.argv[2], b"none %d" % i).read(1500000, 4096)
        sys.exit("read from no disc")
    except raw_nbd.Refused:
        pass
END
took=$((SECONDS - told)) many=$(grep -c "$tmp/none" "$tmp/sock.log")
sleep $((took < 11 ? 11 - took : 0))
for i in 1 2; do
  uri="nbd+unix:///$i.mkv?socket=$tmp/sock" read_fails 1500000 4096
done
named 2 "(and 3 like it before)"
if [ $took -lt 9 ]; then
  [ "$many" -eq 254 ] || fail "$many of 300 other troubles were told"
  grep -q "error: 46 more messages, about other troubles, were not told" "$tmp/sock.log" ||
    fail "the others were not counted"
else
  not_tried "more troubles than are remembered: they took $took s to come"
fi
stop_nbdkit "$tmp/sock"
