#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Linux as the client: nbd-client makes block devices of two exports, of one by four
# connections.  What it needs after the server was restarted.

. "${srcdir:=.}/lib.sh"
. "$srcdir/vm/vm.sh"

need nbdkit python3
need_vm

# film NAME ARGUMENT...: NAME.mkv, its recipe, and NAME.padded, which the export has to be.
film ()
{
  local name=$1
  shift
  "${builddir:?}/media/make-stream" "$@" "$name"
  mv "$name/title.mkv" "$name.mkv"
  mkvdup create -q -o "$name.mkvdup" "$name.mkv" "$name/disc"
  cp "$name.mkv" "$name.padded"
  truncate -s %4096 "$name.padded"
  # To see it: of sectors of 512 bytes more than one.
  [ $(($(stat -c %s "$name.padded") - $(stat -c %s "$name.mkv"))) -ge 512 ] ||
    fail "$name.mkv needs no padding to 4096"
}

# check WHAT VALUE EXPECTED: to be done by the guest.
check ()
{
  printf 'is "%s" "%s" %s\n' "$@" >>script
}

# check_direct BLOCK_SIZE SKIP COUNT: read past the guest's page cache.
check_direct ()
{
  local blocks="bs=$1 skip=$2 count=$3"
  # shellcheck disable=SC2086
  check "direct $blocks" "\$(digest dd if=/dev/nbd0 iflag=direct $blocks)" \
    "$(dd if=dvd.padded status=none $blocks | sha256 /dev/stdin)"
}

film dvd --size 17
film bluray --size 12 --bluray
dvd_port=$(free_port)
start_tcp "$dvd_port" mkvdup dvd.mkvdup
bluray_port=$(free_port)
start_tcp "$bluray_port" mkvdup bluray.mkvdup

cat >script <<END
attach nbd0 $dvd_port dvd.mkv -C 4
attach nbd1 $bluray_port bluray.mkv
END
check connections "\$(netstat -tn | grep -c ':$dvd_port .*ESTABLISHED')" 4
check size "\$(blockdev --getsize64 /dev/nbd0)" "$(stat -c %s dvd.padded)"
check "block size" "\$(blockdev --getss /dev/nbd0)" 4096
check read-only "\$(blockdev --getro /dev/nbd0)" 1

# At borders of segments, of 8 MiB, and at the end.
blocks=$(($(stat -c %s dvd.padded) / 4096))
check_direct 4096 1 1
check_direct 4096 2047 2
check_direct 4096 3001 7
check_direct 4096 $((blocks - 1)) 1
check_direct 1003520 8 3

# Both at once: the MKV alone, and with its padding.
echo 'digest cat /dev/nbd1 >bluray &' >>script
check "the first MKV" "\$(digest head -c $(stat -c %s dvd.mkv) /dev/nbd0)" "$(sha256 dvd.mkv)"
echo 'wait' >>script
check "the second MKV" "\$(cat bluray)" "$(sha256 bluray.padded)"

# The device does not come back by itself.
cat >>script <<END
echo restart
until ! dd if=/dev/nbd0 of=/dev/null iflag=direct bs=4096 count=1; do
  sleep 0.1
done
echo lost
until nbd-client -d /dev/nbd0 && attach nbd0 $dvd_port dvd.mkv; do
  sleep 0.5
done
END
check_direct 1003520 8 3

start_guest script
guest_says restart
kill_nbdkit "$dvd_port"
guest_says lost
start_tcp "$dvd_port" mkvdup dvd.mkvdup
end_guest || fail "in the guest"
cat guest.log
