#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# What the other test-vm-*.sh rely on: that a guest's failure is seen, and that its kernel
# mounts what it is given, of drives of all kinds.  No server of ours is in it.

. "${srcdir:=.}/lib.sh"
. "$srcdir/vm/vm.sh"

need nbdkit mkfs.erofs genisoimage python3
need_vm

mkdir folder
echo "some text" >folder/text
head -c 300000 /dev/urandom >folder/noise
mkfs.erofs erofs.img folder >/dev/null
genisoimage -quiet -udf -o udf.img folder

start_nbdkit "$tmp/sock" file dir="$tmp"
port=$(free_port)
start_tcp "$port" file erofs.img
nbd_disk erofs "$tmp/sock" erofs.img
nbd_disk udf "$tmp/sock" udf.img
nbd_disk cd "$tmp/sock" udf.img ide-cd

cat >script <<END
mounts ()
{
  mount -t \$1 -o ro \$2 /mnt
  is "\$1 on \$2" "\$(digest cat /mnt/noise) \$(cat /mnt/text)" "$(sha256 folder/noise) some text"
  umount /mnt
}
attach nbd0 $port ""
cdrom
mounts erofs /dev/nbd0
mounts erofs /dev/vda
mounts udf /dev/vdb
mounts udf /dev/sr0
mounts iso9660 /dev/sr0
END
boot script "${disks[@]}" || fail "in the guest"
cat guest.log

# Failures of three kinds: of a command, of a check, and an end without a word.
echo 'is nothing "$(false)" wrong' >script
! boot script || fail "a check that failed was not seen"
{ echo 'sleep 1000 &'; echo false; echo true; } >script
! boot script || fail "a command that failed was not seen"
echo 'poweroff -f' >script
! (boot script) 2>out || fail "a guest that ended was not seen"
grep -q "script did not end" out || fail "$(cat out)"
