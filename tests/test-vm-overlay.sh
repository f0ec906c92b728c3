#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# A virtual machine that writes to a film: the export is the backing file of a qcow2 image,
# which takes the writes and keeps them, and the export stays what it is.

. "${srcdir:=.}/lib.sh"
. "$srcdir/vm/vm.sh"

need nbdkit nbdcopy qemu-img
need_vm

"${builddir:?}/media/make-stream" --size 12 --bluray bluray
mv bluray/title.mkv film.mkv
mkvdup create -q -o film.mkvdup film.mkv bluray/disc
start_nbdkit "$tmp/sock" mkvdup film.mkvdup
uri="nbd+unix:///film.mkv?socket=$tmp/sock"
client qemu-img create -q -f qcow2 -b "$uri" -F raw overlay.qcow2
disk=(-drive "file=overlay.qcow2,format=qcow2,if=virtio")

# What the guest has to see before and after it writes parts of two clusters.
cp film.mkv before
truncate -s %4096 before
cp before after
yes "not of the film" | head -c 70000 >text || true
dd if=text of=after bs=1000 seek=4321 conv=notrunc status=none

cat >script <<END
is before "\$(digest cat /dev/vda)" $(sha256 before)
yes "not of the film" | head -c 70000 | dd of=/dev/vda bs=1000 seek=4321 conv=notrunc,fsync
echo 3 >/proc/sys/vm/drop_caches
is after "\$(digest cat /dev/vda)" $(sha256 after)
END
boot script "${disk[@]}" || fail "in the guest that writes to the disk"
cat guest.log
client qemu-img compare -q -f raw -F qcow2 after overlay.qcow2 || fail "not in the overlay"

# A file system in the place of the film, that is there when the guest comes back.
cat >script <<END
mke2fs -q /dev/vda
mount -t ext2 /dev/vda /mnt
echo "some file" >/mnt/file
umount /mnt
END
boot script "${disk[@]}" || fail "in the guest that makes a file system"
cat >script <<END
mount -t ext2 /dev/vda /mnt
is file "\$(cat /mnt/file)" "some file"
END
boot script "${disk[@]}" || fail "in the guest that comes back"
cat guest.log

client nbdcopy "$uri" copy
cmp copy before || fail "the export is no longer the film"
