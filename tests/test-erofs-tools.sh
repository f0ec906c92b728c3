#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# What others make of our EROFS file systems: fsck.erofs and dump.erofs, and the kernel
# where we may mount.  The same files on a real file system (make-disk files) are what
# they have to show.

. "${srcdir:=.}/lib.sh"

need fsck.erofs dump.erofs mkfs.erofs blkid perl
if [ "$(id -u)" -ne 0 ]; then
  echo "SKIP: only root can make files of others to compare with"
  exit 77
fi

make_disk=${builddir:?}/make-disk
mkdir mnt

# mounted DISK COMMAND...: with DISK on ./mnt, for as long as that takes.  A function as
# the command and what it calls have to be exported.
mounted ()
{
  # shellcheck disable=SC2016 # it is the inner shell that expands
  unshare -m bash -euo pipefail -c 'mount -t erofs -o loop,ro "$1" mnt; shift; "$@"' - "$@"
}

# Whether we may mount is asked with a disk that is not ours.
mkdir theirs
touch theirs/file
mkfs.erofs theirs.disk theirs >/dev/null
if mounted theirs.disk test -f mnt/file 2>/dev/null; then
  may_mount=true
else
  may_mount=false
  not_tried "the kernel's view of the disks: no mounts of EROFS here"
fi

# check_disk ARGUMENT...: fsck.erofs finds ./disk good.  Of 1.5 the status alone does not
# say so: a wrong checksum leaves it 0.
check_disk ()
{
  fsck.erofs -d3 "$@" disk >fsck.log 2>&1 && \
    grep -qE 'No errors found|Extracted filesystem successfully' fsck.log
}

# make LABEL < LIST: ./disk, a good one.
make ()
{
  "$make_disk" erofs disk "$1"
  check_disk || fail "fsck.erofs: $(cat fsck.log)"
  [ "$(blkid -p -s TYPE -o value disk)" = erofs ] || fail "blkid: no EROFS"
  [ "$(blkid -p -s LABEL -o value disk)" = "$1" ] || fail "blkid: another label"
}

# Everything that is said of files; a folder's size and links are each file system's own.
list_files ()
{
  find "$1" -mindepth 1 \( -type d -printf '%P %y - %m - %U %G %T@\n' -o \
    -printf '%P %y %s %m %n %U %G %T@\n' \) | sort
}

# 2, and one more for each folder in it.
check_links ()
{
  local folder
  find mnt -type d | while IFS= read -r folder; do
    [ "$(stat -c %h "$folder")" -eq \
      $((2 + $(find "$folder" -mindepth 1 -maxdepth 1 -type d | wc -l))) ] ||
      fail "$folder: links"
  done
}

# ---- Files of all kinds

# Names before and behind "." and "..", in UTF-8, and as long as can be.
long=$(printf 'x%.0s' {1..255})
cat >list <<END
0 444 0 0 1700000000.000000000 empty
1 444 1 2 1700000001.000000001 Films/one
4095 400 1000 1000 1700000002.000000002 Films/4095
4096 640 1000 1000 1700000003.999999999 Films/4096
4097 755 65536 70000 -1.500000000 Films/Ältere/漢字/4097
1048577 4555 4294967294 0 1.000000000 Films/hole
100 444 0 0 1.000000000 !
100 444 0 0 1.000000000 .-
100 444 0 0 1.000000000 ...
100 444 0 0 1.000000000 Films/$long/$long
100 444 0 0 1.000000000 🎬 a b.mkv
END
for i in {1..300}; do
  echo "$i 444 0 0 $i.000000000 folder/$i"
done >>list
make "fifteen letters" <list
mkdir files
"$make_disk" files files - <list

check_disk --extract=extracted || fail "extract: $(cat fsck.log)"
diff -r files extracted
# It leaves folders as it likes, and takes S_ISUID away with the owner.
diff <(list_files files | sed '/ d - /d; s/ 4555 / 555 /') \
  <(list_files extracted | sed '/ d - /d')

dump.erofs -s disk >dump
inodes=$(find files | wc -l)
grep -q "inode count: *$inodes\$" dump || fail "not $inodes inodes: $(cat dump)"
grep -q 'features: *sb_csum mtime *$' dump || fail "features: $(cat dump)"
dump.erofs --path=/Films/Ältere/漢字/4097 disk >dump
grep -q '^Size: 4097 ' dump || fail "size: $(cat dump)"
grep -q 'Links: 1  *Layout: 0' dump || fail "links: $(cat dump)"
grep -q '^Uid: 65536 *Gid: 70000 *Access: 0755' dump || fail "owner: $(cat dump)"
dump.erofs --ls --path=/folder disk | grep -c ' 1  *[0-9]*$' >dump || true
[ "$(cat dump)" -eq 300 ] || fail "dump.erofs lists $(cat dump) files"

compare_mounted ()
{
  diff <(list_files files) <(list_files mnt)
  diff -r files mnt
  check_links
}
export -f fail list_files check_links compare_mounted
! $may_mount || mounted disk compare_mounted

# fsck.erofs does look at the checksum.
printf x | dd of=disk bs=1 seek=$((1024 + 64)) conv=notrunc status=none
! check_disk || fail "fsck.erofs: a byte that is wrong is no error"

# ---- Nothing at all

make nothing </dev/null
! $may_mount || [ -z "$(mounted disk ls mnt)" ] || fail "an empty disk has files"

# ---- 100,000 files in one folder

perl -e 'printf "%d 444 0 0 %d.%09d many/%s %d\n", $_ % 1000 ? 0 : $_, $_, $_, "n" x ($_ % 50), $_
  for 1 .. 100000' >list
make many <list

list_many ()
{
  find mnt/many -type f -printf '%s %m %U %G %T@ many/%P\n' | sed 's/0 many/ many/' | sort
}
export -f list_many
if $may_mount; then
  [ "$(mounted disk find mnt | wc -l)" -eq 100002 ] || fail "not 100,002 names"
  diff <(sort list) <(mounted disk list_many)
fi

# ---- More than 4 GiB.  fsck.erofs 1.5 crashes extracting such a file, mkfs.erofs's own too.

cat >list <<END
4294967296 444 0 0 1.000000000 4G
5368709121 444 0 0 1.000000000 5G
4294967295 444 0 0 1.000000000 Less
1 444 0 0 1.000000000 last
END
make large <list
rm -r files
mkdir files
"$make_disk" files files - <list

compare_large ()
{
  local file
  diff <(list_files files) <(list_files mnt)
  for file in 4G 5G Less last; do
    cmp <(head -c 100000 "files/$file") <(head -c 100000 "mnt/$file")
    cmp <(tail -c 100000 "files/$file") <(tail -c 100000 "mnt/$file")
  done
}
export -f compare_large
! $may_mount || mounted disk compare_large
dump.erofs --path=/5G disk | grep -q '^Size: 5368709121 ' || fail "size of 5G"
