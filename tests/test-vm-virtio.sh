#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# An export as a disk of a virtual machine, by QEMU's NBD driver: it survives that the server
# is killed and started again while the guest reads.

. "${srcdir:=.}/lib.sh"
. "$srcdir/vm/vm.sh"

need nbdkit
need_vm

"${builddir:?}/media/make-stream" --size 30 dvd
mv dvd/title.mkv dvd.mkv
mkvdup create -q -o dvd.mkvdup dvd.mkv dvd/disc
size=$(stat -c %s dvd.mkv)
start_nbdkit "$tmp/sock" mkvdup dvd.mkvdup
nbd_disk dvd "$tmp/sock" dvd.mkv

# Progress goes past the digest.
cat >script <<END
is size \$(blockdev --getsize64 /dev/vda) $(((size + 4095) / 4096 * 4096))
is read-only \$(blockdev --getro /dev/vda) 1
exec 3>&1
read_all ()
{
  for mib in \$(seq 0 $((size / 1048576))); do
    echo "MiB \$mib" >&3
    dd if=/dev/vda iflag=direct bs=1M skip=\$mib count=1
  done
}
is digest "\$(read_all | head -c $size | digest)" $(sha256 dvd.mkv)
END

start_guest script "${disks[@]}"
guest_says 'MiB 8'
kill_nbdkit "$tmp/sock"
sleep 2
reached=$(tail -n 1 guest.log)
start_nbdkit "$tmp/sock" mkvdup dvd.mkvdup
end_guest || fail "in the guest"
case $reached in
"MiB $((size / 1048576))" | digest* | status*)
  fail "the server was killed too late: the guest was at: $reached"
  ;;
esac
cat guest.log
echo "The server was away while the guest was at: $reached"
