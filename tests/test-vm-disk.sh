#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# The disk of a library, as Linux mounts it: EROFS from nbd-client with four connections
# and from a virtual machine's disk, UDF from a disk and from a CD-ROM.  Every file has the
# MKV's bytes, size and time.

. "${srcdir:=.}/lib.sh"
. "$srcdir/library.sh"
. "$srcdir/vm/vm.sh"

need nbdkit python3
need_vm

names=("Films/one.mkv" "Films/Ä ö 漢字/two (2001).mkv" "three.mkv")
for i in 1 2 3; do
  name=${names[i - 1]}
  make_title $i "lib/${name%.mkv}.mkvdup"
done
port=$(free_port)
start_tcp "$port" mkvdup library=lib source=discs/1 source=discs/2 source=discs/3 \
  source-index= uid=1000 gid=100 file-mode=0604 dir-mode=0701
start_nbdkit "$tmp/erofs" mkvdup library=lib source=discs source-index= disk=all
start_nbdkit "$tmp/udf" mkvdup library=lib source=discs source-index= fs=udf
nbd_disk erofs "$tmp/erofs" all
nbd_disk udf "$tmp/udf" disk
nbd_disk cd "$tmp/udf" disk ide-cd

# What a mounted disk has to show, by name: owner, mode, size, time, digest, name.
# shown OWNER MODE
shown ()
{
  local i
  for i in 1 2 3; do
    printf '%s %s %s %s %s\n' "$1" "$2" "$(stat -c '%s %Y' $i.mkv)" \
      "$(sha256 $i.mkv)" "${names[i - 1]}"
  done
}

cat >script <<'END'
# show TYPE DEVICE EXPECTED
show ()
{
  mount -t "$1" -o ro "$2" /mnt
  find /mnt -type f | sort | while read -r file; do
    echo "$(stat -c '%u %g %a %s %Y' "$file") $(digest cat "$file") ${file#/mnt/}"
  done >shown
  umount /mnt
  diff "$3" shown || fail "$1 on $2"
  echo "$1 on $2: $(wc -l <shown) files"
}
END
cat >>script <<END
cat >by-nbd <<NAMES
$(shown "1000 100" 604)
NAMES
cat >by-virtio <<NAMES
$(shown "0 0" 444)
NAMES
attach nbd0 $port disk -C 4
show erofs /dev/nbd0 by-nbd
show erofs /dev/vda by-virtio
show udf /dev/vdb by-virtio
cdrom
show udf /dev/sr0 by-virtio
END
boot script "${disks[@]}" || fail "in the guest"
cat guest.log
