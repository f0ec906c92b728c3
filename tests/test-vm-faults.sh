#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Disks that break, with a kernel's own errors: sectors that cannot be read and a disk that is
# away now and then, below a disc on the block device itself and below one in a file system;
# and mounts that go and come.  As in test-faults.sh reads are EIO that need what is lost, and
# no others, and all is right again without a restart.

. "${srcdir:=.}/lib.sh"
. "$srcdir/library.sh"
. "$srcdir/vm/vm.sh"

need nbdkit dmsetup mke2fs debugfs
need_vm

# One disc is a disk, the other one a file of an ext4.
make_title 1 initrd.d/films/one.mkvdup
make_title 2 initrd.d/films/two.mkvdup
cp "$(find discs/1 -type f)" raw
two=$(find discs/2 -type f)
mke2fs -q -t ext4 -b 4096 -d discs/2 ext4 16M

plugins=$(nbdkit --dump-config | sed -n 's/^plugindir=//p')
"$srcdir/vm/copy-programs" initrd.d "${MKVDUP_NBDKIT:?}" dmsetup "${MKVDUP_PLUGIN:?}" \
  "${builddir:?}/fault-reads"
install -D "$MKVDUP_PLUGIN" "initrd.d/$plugins/nbdkit-mkvdup-plugin.so"
mv 1.mkv initrd.d/films/one.mkv
mv 2.mkv initrd.d/films/two.mkv

# The bad blocks of 4 KiB: of the disc, of the disk, and what is made of them.
for film in one two; do
  disc=raw
  [ $film = one ] || disc=$two
  size=$(stat -c %s "$disc")
  block=$((size / 2 / 4096 + 10))
  "$builddir/uses-of" "initrd.d/films/$film.mkvdup" 0 $((block * 4096)) $(((block + 1) * 4096)) \
    >"initrd.d/films/$film.off"
  awk -v g=524288 -v size="$(stat -c %s "initrd.d/films/$film.mkv")" '{
    for (i = int ($1 / g); i * g < $1 + $2; i++)
      if (!(i in seen)) { seen[i] = 1; n = (i + 1) * g; print i * g, (n < size ? n : size) - i * g }
  }' "initrd.d/films/$film.off" >"initrd.d/films/$film.lazy"
  [ -s "initrd.d/films/$film.off" ] || fail "nothing of $film is made of that block"
  [ $film = one ] || block=$(debugfs -R "bmap /${two##*/} $block" ext4 2>/dev/null)
  echo "${film}_bad=$((block * 8))" >>script
done
: >initrd.d/films/none
cat >>script <<END
fault_reads=$builddir/fault-reads two_name=${two##*/} two_blocks=$((($(stat -c %s "$two") + 4095) / 4096))
END
cat >>script <<'END'
modprobe -a dm-mod dm-flakey ext4
export DM_DISABLE_UDEV=1
one_sectors=$(cat /sys/block/vda/size) two_sectors=$(cat /sys/block/vdb/size)

# table DISK SECTORS [BAD]: all of it, but for 8 sectors.
table ()
{
  if [ $# -eq 2 ]; then
    echo "0 $2 linear $1 0"
  else
    echo "0 $3 linear $1 0"
    echo "$3 8 error"
    echo "$(($3 + 8)) $(($2 - $3 - 8)) linear $1 $(($3 + 8))"
  fi
}

# exchange NAME: its table for the one on standard input.
exchange ()
{
  dmsetup load "$1"
  dmsetup suspend --nolockfs --noflush "$1"
  dmsetup resume "$1"
}

forget ()
{
  echo 3 >/proc/sys/vm/drop_caches
}

table /dev/vda $one_sectors | dmsetup create one
table /dev/vdb $two_sectors | dmsetup create two
mount -t ext4 -o noatime /dev/mapper/two /mnt

for mode in off lazy; do
  nbdkit -f -U /tmp/$mode.sock mkvdup library=/films source=/dev/mapper/one source=/mnt \
    source-index= disk= verify=$mode 2>$mode.log &
  echo $! >$mode.pid
  until [ -S /tmp/$mode.sock ]; do sleep 0.1; done
done

# reads MODE FILM ARGUMENT...
reads ()
{
  mode=$1 film=$2
  shift 2
  "$fault_reads" "nbd+unix:///$film.mkv?socket=/tmp/$mode.sock" /films/$film.mkv "$@"
}

# check WHAT one|none two|none: whether each has its bad block, and nothing else is missing.
check ()
{
  what=$1
  shift
  for film in one two; do
    for mode in off lazy; do
      bad=/films/none
      case " $* " in *" $film "*) bad=/films/$film.$mode ;; esac
      forget
      counts=$(reads $mode $film exact $bad) || fail "$what: $film, $mode"
      echo "$what, $film, $mode: $counts"
      [ "$(echo "$counts" | cut -d ' ' -f 2,3)" = "0 0" ] || fail "$what: $film, $mode: wrong, or disturbed"
      if [ $bad != /films/none ]; then
        [ "$(echo "$counts" | cut -d ' ' -f 4)" -gt 0 ] || fail "$what: nothing failed"
      fi
      kill -0 "$(cat $mode.pid)" || fail "$what: the server is gone"
    done
  done
}

# back WHAT FILM: after how long.
back ()
{
  read -r at _ </films/$2.off
  forget
  for mode in off lazy; do
    ms=$(reads $mode $2 until "$at" 1) || fail "$1"
    echo "$1, $2, $mode: back after $ms ms"
  done
}

# said NAME: in one line of each log; what cannot be proven for that is another.
said ()
{
  for mode in off lazy; do
    lines=$(grep "error.*$1" $mode.log | grep -vc "cannot be proven" || true)
    [ "$lines" -eq 1 ] || fail "$mode: $lines lines about $1: $(cat $mode.log)"
    : >$mode.log
  done
}

check "all right"
table /dev/vda $one_sectors $one_bad | exchange one
check "bad sectors of a disk" one
said /dev/mapper/one
table /dev/vda $one_sectors | exchange one
back "bad sectors of a disk" one
table /dev/vdb $two_sectors $two_bad | exchange two
check "bad sectors below ext4" two
said /mnt/
table /dev/vdb $two_sectors | exchange two
back "bad sectors below ext4" two
check "right again"

# A disk that is away every other second: errors, and nothing wrong.
echo "0 $one_sectors flakey /dev/vda 0 1 1" | exchange one
for mode in off lazy; do
  forget
  counts=$(reads $mode one load 4 1) || fail "flakey"
  echo "away now and then, one, $mode: $counts"
  [ "$(echo "$counts" | cut -d ' ' -f 2)" = 0 ] || fail "flakey: wrong bytes"
done
table /dev/vda $one_sectors | exchange one
back "away now and then" one

# Mounts.  What is open stays.
! umount /mnt 2>/dev/null || fail "nothing was open"
mount -o remount,ro /mnt
exec 9<"/mnt/$two_name"
check "read-only"
umount -l /mnt
check "detached"
# A detached file system whose disk is gone does not come back, but another one may be mounted
# where it was.  All that is still in memory of the old one is its sample.
forget
i=0
while [ $i -lt 16 ]; do
  dd if=/proc/self/fd/9 bs=4096 skip=$((i * (two_blocks - 1) / 15)) count=1
  i=$((i + 1))
done >/dev/null 2>&1
echo "0 $two_sectors error" | exchange two
read -r at _ </films/two.off
echo "0 $(stat -c %s /films/two.mkv)" >gone # but for its first byte, which is on no disc
# Nor are these to be had where they have to be proven, with what is gone.
for mode in off lazy; do
  counts=$(reads $mode two exact gone 2>/dev/null)
  echo "gone, two, $mode: $counts"
  case $mode,$(echo "$counts" | cut -d ' ' -f 2,4) in
  off,"0 3" | lazy,"0 4") ;;
  *) fail "it is not gone" ;;
  esac
done
table /dev/vdb $two_sectors | dmsetup create again
mount -t ext4 -o ro /dev/mapper/again /mnt
for mode in off lazy; do
  ms=$(reads $mode two until "$at" 1) || fail "another disk mounted"
  echo "another disk mounted, two, $mode: back after $ms ms"
done
check "another disk mounted"
END
start_guest script -drive file=raw,format=raw,if=virtio -drive file=ext4,format=raw,if=virtio
end_guest || fail "in the guest"
cat guest.log
